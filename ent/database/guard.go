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
	schema.WhereTenant = func(q ent.Query, column, tenant string) error {
		query, err := intercept.NewQuery(q)
		if err != nil {
			return err
		}
		query.WhereP(sql.FieldEQ(column, tenant))
		return nil
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
		for _, edge := range m.AddedEdges() {
			if err := g.checkEdge(ctx, m, edge); err != nil {
				return nil, err
			}
		}
		return next.Mutate(ctx, m)
	})
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
			return engine.E(engine.KindNotFound, "NOT_FOUND", "There is no %s “%v”: check the id.", strings.ReplaceAll(edge, "_", " "), id)
		}
	}
	return nil
}

// tenantOf is whose row m writes. The system acts for the tenant it names.
func tenantOf(ctx context.Context, m ent.Mutation) (string, error) {
	if v, ok := engine.ViewerFrom(ctx); ok && !v.System {
		return v.Tenant, nil
	}
	if tenant, ok := m.Field("tenant_id"); ok {
		return tenant.(string), nil
	}
	return "", engine.E(engine.KindDenied, "UNAUTHENTICATED", "Sign in first.")
}

// owner is the tenant of a row, "" when there is no such row.
func (g *guard) owner(ctx context.Context, m ent.Mutation, r row) (string, error) {
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
