package database

import (
	"context"
	"fmt"
	"strings"

	"entgo.io/ent/dialect/sql"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/intercept"
	"github.com/holdfast-backup/holdfast/ent/schema"
)

func init() {
	schema.Narrow = func(q ent.Query, column, value string) (string, error) {
		query, err := intercept.NewQuery(q)
		if err != nil {
			return "", err
		}
		query.WhereP(sql.FieldEQ(column, value))
		return query.Type(), nil
	}
}

const rememberedRows = 4096

// guard refuses a row that points at another tenant's: a foreign key only
// knows that the parent exists, not whose it is. Whose it is never changes and
// ids are never used again, so what was seen once is remembered.
type guard struct{ owners *lru.Cache[row, string] }

type row struct {
	table string
	id    ent.Value
}

func newGuard() *guard {
	owners, err := lru.New[row, string](rememberedRows)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &guard{owners}
}

func (g *guard) hook(next ent.Mutator) ent.Mutator {
	return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
		if err := g.checkEmptyUpdate(ctx, m); err != nil {
			return nil, err
		}
		for _, edge := range m.AddedEdges() {
			if err := g.checkEdge(ctx, m, edge); err != nil {
				return nil, err
			}
		}
		return next.Mutate(ctx, m)
	})
}

// checkEmptyUpdate stands in for the policy where ent forgets it: an update of
// one row that sets no column reads that row back, or gives it children,
// without the predicate that binds it to the viewer's tenant.
func (g *guard) checkEmptyUpdate(ctx context.Context, m ent.Mutation) error {
	if !m.Op().Is(ent.OpUpdateOne) || len(m.Fields())+len(m.AddedFields())+len(m.ClearedFields()) > 0 {
		return nil
	}
	v, err := viewer(ctx)
	if err != nil || v.System {
		return err
	}
	id := updatedID(m)
	owner := id
	if table, ok := ent.TenantTables[m.Type()]; ok {
		if owner, err = g.owner(ctx, m, row{table, id}); err != nil {
			return err
		}
	}
	if owner != v.Tenant {
		return missing(m.Type(), id)
	}
	return nil
}

func updatedID(m ent.Mutation) (id ent.Value) {
	switch m := m.(type) {
	case interface{ ID() (string, bool) }:
		id, _ = m.ID()
	case interface{ ID() (int64, bool) }:
		id, _ = m.ID()
	}
	return id
}

func missing(kind string, id ent.Value) error {
	return engine.E(engine.KindNotFound, "NOT_FOUND", "There is no %s “%v”: check the id.", strings.ToLower(strings.ReplaceAll(kind, "_", " ")), id)
}

func viewer(ctx context.Context) (engine.Viewer, error) {
	v, ok := engine.ViewerFrom(ctx)
	if !ok {
		return v, engine.E(engine.KindDenied, "UNAUTHENTICATED", "Sign in first.")
	}
	return v, nil
}

func (g *guard) checkEdge(ctx context.Context, m ent.Mutation, edge string) error {
	target, ok := ent.EdgeTargets[m.Type()][edge]
	if !ok {
		return fmt.Errorf("%s.%s: the guard does not know where it points", m.Type(), edge)
	}
	tenant, err := tenantOf(ctx, m)
	if err != nil {
		return err
	}
	for _, id := range m.AddedIDs(edge) {
		owner, err := g.owner(ctx, m, row{target, id})
		if err != nil {
			return err
		}
		if owner != tenant {
			return missing(edge, id)
		}
	}
	return nil
}

// tenantOf is whose row m writes. The system acts for the tenant it names.
func tenantOf(ctx context.Context, m ent.Mutation) (string, error) {
	v, err := viewer(ctx)
	if err != nil || !v.System {
		return v.Tenant, err
	}
	if tenant, ok := m.Field("tenant_id"); ok {
		return tenant.(string), nil
	}
	return "", fmt.Errorf("%s: the system must say for which tenant it writes", m.Type())
}

// owner is the tenant of a row, "" when there is no such row.
func (g *guard) owner(ctx context.Context, m ent.Mutation, r row) (ent.Value, error) {
	if tenant, ok := g.owners.Get(r); ok {
		return tenant, nil
	}
	tenant, err := g.lookUp(ctx, m.(interface{ Client() *ent.Client }).Client(), r)
	if err == nil && tenant != "" {
		g.owners.Add(r, tenant)
	}
	return tenant, err
}

func (g *guard) lookUp(ctx context.Context, client *ent.Client, r row) (tenant string, err error) {
	rows, err := client.QueryContext(ctx, `SELECT tenant_id FROM "`+r.table+`" WHERE id = $1`, r.id)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		err = rows.Scan(&tenant)
	}
	if err == nil {
		err = rows.Err()
	}
	return tenant, err
}
