package schema

import (
	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/holdfast-backup/holdfast/engine"
)

// Org is a connected Salesforce org.
type Org struct{ ent.Schema }

// Annotations of Org.
func (Org) Annotations() []schema.Annotation { return connected("orgs") }

// Mixin of Org.
func (Org) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of Org.
func (Org) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("org"),
		field.String("name").NotEmpty().MaxLen(120).Annotations(entgql.OrderField("NAME")),
		field.Enum("type").Values("PRODUCTION", "SANDBOX"),
		field.Enum("state").Values("PENDING", "CONNECTED", "REVOKED").Default("PENDING"),
		field.Enum("flow").GoType(engine.OAuthFlow("")),
		field.String("login_url"),
		field.String("client_id"),
		field.Bytes("sealed_secrets").Sensitive().Optional().Comment("client secret and tokens, under the keeper"),
		field.Bytes("sealed_authorization").Sensitive().Optional().Comment("the pending web-server flow: verifier, redirect"),
		field.String("authorization_state").Sensitive().Optional().Comment("hash of the pending flow's state"),
		field.Time("authorization_expires_at").Optional().Nillable(),
		field.String("salesforce_id").Optional().Comment("the 18-character org id"),
		field.String("salesforce_name").Optional(),
		field.String("instance_url").Optional(),
		field.String("api_version").Optional(),
		field.String("username").Optional().Comment("the integration user"),
		field.String("user_id").Optional(),
		field.Int64("next_job_number").Default(1),
		field.Int64("last_event").Default(0).Comment("the number of its newest event"),
		field.Int("rest_percent").Default(80).Min(1).Max(100),
		field.Int("bulk_percent").Default(80).Min(1).Max(100),
		field.Bool("scheduled_backups").Default(true),
		field.Bool("scheduled_archives").Default(true),
		field.Int("keep_days").Default(0).Min(0).Comment("retention: the last backup of each of so many days; all four zero keep everything"),
		field.Int("keep_weeks").Default(0).Min(0),
		field.Int("keep_months").Default(0).Min(0),
		field.Int("keep_years").Default(0).Min(0),
		field.String("keep_zone").Default("UTC").Comment("IANA zone whose days those are"),
		field.String("legal_hold").Default("").MaxLen(500).Comment("why nothing may be dropped; empty when it may"),
		field.JSON("time_machine_keys", []engine.TimeMachineKey{}).Optional().Annotations(entgql.Skip(entgql.SkipAll)).
			Comment("whose signatures the org's Apex proves itself with: two at most, while they rotate"),
		field.Time("connected_at").Optional().Nillable(),
		createdAt(),
		updatedAt(),
	}
}

// Edges of Org.
func (Org) Edges() []ent.Edge {
	return []ent.Edge{
		owns("jobs", Job.Type, entgql.RelayConnection()),
		owns("events", OrgEvent.Type, entgql.Skip(entgql.SkipAll)),
		owns("sobjects", SObject.Type),
		owns("templates", Template.Type, entgql.RelayConnection()),
		owns("schedules", Schedule.Type, entgql.RelayConnection()),
		owns("watermarks", Watermark.Type),
		owns("vault_heads", VaultHead.Type),
		owns("vault_keys", VaultKey.Type),
		owns("vault_objects", VaultObject.Type),
		owns("vault_runs", VaultRun.Type),
		owns("vault_segments", VaultSegment.Type),
		owns("vault_files", VaultFile.Type),
		owns("vault_purged", VaultPurged.Type),
	}
}

// Indexes of Org.
func (Org) Indexes() []ent.Index {
	return []ent.Index{index.Fields("tenant_id", "name").Unique(), index.Fields("authorization_state"), index.Fields("salesforce_id")}
}

// SObject is an org's object type as last described: the dictionary that a
// filter, a comparison or a restore checks names and types against.
type SObject struct{ ent.Schema }

// Annotations of SObject.
func (SObject) Annotations() []schema.Annotation { return table("sobjects") }

// Mixin of SObject.
func (SObject) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of SObject.
func (SObject) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("sob"),
		field.String("org_id").Immutable(),
		field.String("name").Immutable(),
		field.String("label").Default(""),
		field.String("key_prefix").Default(""),
		field.String("class").Comment("describe.Class"),
		field.Bytes("describe").Optional().Comment("engine.SObject as zstd of JSON; empty when only the global describe is known"),
		field.Time("described_at").Optional().Nillable().Comment("for If-Modified-Since"),
		field.Bool("gone").Default(false).Comment("no longer in the org's global describe"),
		updatedAt(),
	}
}

// Edges of SObject.
func (SObject) Edges() []ent.Edge { return []ent.Edge{belongsTo("org", Org.Type, "sobjects")} }

// Indexes of SObject.
func (SObject) Indexes() []ent.Index { return []ent.Index{index.Fields("org_id", "name").Unique()} }

// Watermark is up to where one SObject was read, for one composite or template:
// a filtered run never moves another's.
type Watermark struct{ ent.Schema }

// Annotations of Watermark.
func (Watermark) Annotations() []schema.Annotation { return internal("watermarks") }

// Mixin of Watermark.
func (Watermark) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of Watermark.
func (Watermark) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("wmk"),
		field.String("org_id").Immutable(),
		field.String("scope").Immutable().Comment("composite, or a template's id"),
		field.String("object").Immutable(),
		field.Time("stamp").Comment("read up to here, by the org's clock"),
		field.String("fields_hash").Default("").Comment("of the fields read: a new field means a full read"),
		updatedAt(),
	}
}

// Edges of Watermark.
func (Watermark) Edges() []ent.Edge { return []ent.Edge{belongsTo("org", Org.Type, "watermarks")} }

// Indexes of Watermark.
func (Watermark) Indexes() []ent.Index {
	return []ent.Index{index.Fields("org_id", "scope", "object").Unique()}
}
