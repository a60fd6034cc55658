// Package schema is the metadata that has a row: tenants, orgs, jobs, the
// vault's manifest. Every tenant-owned entity takes the TenantOwned mixin, so
// that isolation stands in one place.
package schema

import (
	"context"
	"fmt"
	"time"

	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"entgo.io/ent/schema/mixin"
	"github.com/oklog/ulid/v2"

	"github.com/holdfast-backup/holdfast/engine"
)

// Narrow binds a query to where a column has a value, and names the entity
// that it is about. The database package sets it at start-up, because the
// schema cannot import the code generated from it.
var Narrow func(q ent.Query, column, value string) (kind string, err error)

// TenantOwned gives an entity its tenant, and binds every query and mutation
// of it to the viewer's: without a viewer nothing is read or written.
type TenantOwned struct{ mixin.Schema }

// Fields of the mixin.
func (TenantOwned) Fields() []ent.Field {
	return []ent.Field{field.String("tenant_id").Immutable().NotEmpty()}
}

// Indexes of the mixin.
func (TenantOwned) Indexes() []ent.Index { return []ent.Index{index.Fields("tenant_id")} }

// Policy of the mixin.
func (TenantOwned) Policy() ent.Policy { return tenantPolicy{column: "tenant_id"} }

// Hooks of the mixin.
func (TenantOwned) Hooks() []ent.Hook { return []ent.Hook{stampTenant} }

type tenantPolicy struct{ column string }

func (p tenantPolicy) EvalQuery(ctx context.Context, q ent.Query) error {
	v, err := viewer(ctx)
	if err != nil || v.System {
		return err
	}
	kind, err := Narrow(q, p.column, v.Tenant)
	if err != nil || v.Org == "" {
		return err
	}
	column, err := orgColumn(kind)
	if err == nil && column != "" {
		_, err = Narrow(q, column, v.Org)
	}
	return err
}

func (p tenantPolicy) EvalMutation(ctx context.Context, m ent.Mutation) error {
	v, err := viewer(ctx)
	if err != nil || v.System {
		return err
	}
	column := ""
	if v.Org != "" {
		if column, err = orgColumn(m.Type()); err != nil {
			return err
		}
	}
	if m.Op().Is(ent.OpCreate) {
		return nil
	}
	narrow, ok := m.(interface{ WhereP(...func(*sql.Selector)) })
	if !ok {
		return fmt.Errorf("mutation of %s cannot be bound to a tenant", m.Type())
	}
	narrow.WhereP(sql.FieldEQ(p.column, v.Tenant))
	if column != "" {
		narrow.WhereP(sql.FieldEQ(column, v.Org))
	}
	return nil
}

// orgColumn is the column that binds an entity to its org, "" for what hangs on
// an org through its job. What belongs to the tenant itself is not for an org.
func orgColumn(kind string) (string, error) {
	switch kind {
	case "Org":
		return "id", nil
	case "JobObject", "LogLine", "Task", "SpentToken":
		return "", nil
	case "Tenant", "User", "Session", "AuditEntry":
		return "", engine.E(engine.KindDenied, "FORBIDDEN", "An org's own requests do not reach this.")
	}
	return "org_id", nil
}

func viewer(ctx context.Context) (engine.Viewer, error) {
	v, ok := engine.ViewerFrom(ctx)
	if !ok || (!v.System && v.Tenant == "") {
		return v, engine.E(engine.KindDenied, "UNAUTHENTICATED", "Sign in first.")
	}
	return v, nil
}

func stampTenant(next ent.Mutator) ent.Mutator {
	return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
		if v, ok := engine.ViewerFrom(ctx); ok && !v.System && m.Op().Is(ent.OpCreate) {
			if err := m.SetField("tenant_id", v.Tenant); err != nil {
				return nil, err
			}
		}
		return next.Mutate(ctx, m)
	})
}

// prefixedID is the id of an entity: a prefix that names its table, and a ULID.
func prefixedID(prefix string) ent.Field {
	return field.String("id").Immutable().DefaultFunc(func() string { return prefix + "_" + ulid.Make().String() })
}

// Now is the present in the precision both databases keep.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func createdAt() ent.Field { return field.Time("created_at").Immutable().Default(Now) }

func updatedAt() ent.Field { return field.Time("updated_at").Default(Now).UpdateDefault(Now) }

// belongsTo is a required edge to the parent that owns the row: deleting the
// parent deletes the row.
func belongsTo(name string, target any, ref string) ent.Edge {
	return edge.From(name, target).Ref(ref).Field(name + "_id").Unique().Required().Immutable()
}

// owns is the other side of belongsTo.
func owns(name string, target any, annotations ...schema.Annotation) ent.Edge {
	return edge.To(name, target).Annotations(append(annotations, entsql.OnDelete(entsql.Cascade))...)
}

func table(name string) []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: name}}
}

// connected is a table that GraphQL pages through.
func connected(name string) []schema.Annotation {
	return append(table(name), entgql.RelayConnection())
}

// internal is a table that GraphQL never shows as a node.
func internal(name string) []schema.Annotation {
	return append(table(name), entgql.Skip(entgql.SkipAll))
}

func optionalJob() ent.Edge {
	return edge.From("job", Job.Type).Ref("tasks").Field("job_id").Unique().Immutable()
}
