package schema

import (
	"encoding/json"

	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/holdfast-backup/holdfast/engine"
)

// Template is a tree of SObjects that a templated backup or archive takes.
type Template struct{ ent.Schema }

// Annotations of Template.
func (Template) Annotations() []schema.Annotation { return connected("templates") }

// Mixin of Template.
func (Template) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of Template.
func (Template) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("tpl"),
		field.String("org_id").Immutable(),
		field.String("name").NotEmpty().MaxLen(255).Annotations(entgql.OrderField("NAME")),
		field.String("description").Default("").MaxLen(2000),
		field.Enum("type").Values("BACKUP", "ARCHIVE").Immutable(),
		createdAt(),
		field.Time("updated_at").Default(Now).UpdateDefault(Now).Annotations(entgql.OrderField("UPDATED_AT")),
	}
}

// Edges of Template.
func (Template) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("org", Org.Type, "templates"),
		owns("objects", TemplateObject.Type, entgql.Skip(entgql.SkipAll)),
		edge.To("schedules", Schedule.Type).Annotations(entgql.Skip(entgql.SkipAll)),
	}
}

// Indexes of Template.
func (Template) Indexes() []ent.Index { return []ent.Index{index.Fields("org_id", "name").Unique()} }

// TemplateObject is an SObject in a template's tree. Its path names the way to
// it: Account/Contact.AccountId/Case.ContactId.
type TemplateObject struct{ ent.Schema }

// Annotations of TemplateObject.
func (TemplateObject) Annotations() []schema.Annotation { return internal("template_objects") }

// Mixin of TemplateObject.
func (TemplateObject) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of TemplateObject.
func (TemplateObject) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("tplobj"),
		field.String("template_id").Immutable(),
		field.Int("position").Immutable().Comment("its place in the tree, parents first"),
		field.String("path").Immutable(),
		field.String("object").Immutable(),
		field.String("field").Default("").Immutable().Comment("the lookup to its parent; empty at the root"),
		field.JSON("filter", json.RawMessage{}).Optional().Immutable().Comment("soql.Given, as it was given"),
		field.Text("condition").Default("").Immutable().Comment("the filter in SOQL; empty for all records"),
		field.Bool("retain").Default(false).Immutable(),
		field.Enum("dependence").Values("RESTRICTED", "CASCADE").Optional().Nillable().Immutable().
			Comment("why an archive must take it; null when somebody chose it"),
		field.Bool("blocker").Default(false).Immutable().Comment("it cannot be deleted, so while it exists its parent cannot be archived"),
	}
}

// Edges of TemplateObject.
func (TemplateObject) Edges() []ent.Edge {
	return []ent.Edge{belongsTo("template", Template.Type, "objects")}
}

// Indexes of TemplateObject.
func (TemplateObject) Indexes() []ent.Index {
	return []ent.Index{index.Fields("template_id", "path").Unique()}
}

// Schedule runs an operation again and again by a rule.
type Schedule struct{ ent.Schema }

// Annotations of Schedule.
func (Schedule) Annotations() []schema.Annotation { return connected("schedules") }

// Mixin of Schedule.
func (Schedule) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of Schedule.
func (Schedule) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("sch"),
		field.String("org_id").Immutable(),
		field.String("template_id").Optional().Nillable().Immutable(),
		field.Enum("operation").GoType(engine.Operation("")).Immutable(),
		field.String("name").NotEmpty().MaxLen(255).Annotations(entgql.OrderField("NAME")),
		field.String("description").Default("").MaxLen(2000),
		field.Bool("system").Default(false).Immutable().Comment("one of the two every org has; it cannot be deleted"),
		field.Bool("enabled").Default(true),
		field.JSON("rule", json.RawMessage{}).Comment("recurrence.Rule"),
		field.JSON("input", json.RawMessage{}).Optional().Comment("the operation's settings"),
		field.Time("next_run_at").Optional().Nillable().Comment("null while it is switched off"),
		field.Time("last_run_at").Optional().Nillable(),
		createdAt(),
		updatedAt(),
	}
}

// Edges of Schedule.
func (Schedule) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("org", Org.Type, "schedules"),
		edge.From("template", Template.Type).Ref("schedules").Field("template_id").Unique().Immutable(),
	}
}

// Indexes of Schedule.
func (Schedule) Indexes() []ent.Index {
	return []ent.Index{index.Fields("next_run_at"), index.Fields("org_id", "name").Unique()}
}
