package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/holdfast-backup/holdfast/engine"
)

// VaultHead is where an org's vault stands. Every change of its manifest
// raises the generation, which is how a cached view knows that it is old.
type VaultHead struct{ ent.Schema }

// Annotations of VaultHead.
func (VaultHead) Annotations() []schema.Annotation { return internal("vault_heads") }

// Mixin of VaultHead.
func (VaultHead) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of VaultHead.
func (VaultHead) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("vhd"),
		field.String("org_id").Immutable(),
		field.Int64("generation").Default(1),
	}
}

// Edges of VaultHead.
func (VaultHead) Edges() []ent.Edge { return []ent.Edge{belongsTo("org", Org.Type, "vault_heads")} }

// Indexes of VaultHead.
func (VaultHead) Indexes() []ent.Index { return []ent.Index{index.Fields("org_id").Unique()} }

// VaultKey is an org's data key of one epoch, wrapped by a keeper.
type VaultKey struct{ ent.Schema }

// Annotations of VaultKey.
func (VaultKey) Annotations() []schema.Annotation { return internal("vault_keys") }

// Mixin of VaultKey.
func (VaultKey) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of VaultKey.
func (VaultKey) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("vky"),
		field.String("org_id").Immutable(),
		field.Uint32("epoch").Immutable().Comment("from 1; the highest one seals what is new"),
		field.Bytes("wrapped").Sensitive(),
		field.String("customer_key").Default("").Comment("fingerprint of the customer's own key that wraps it; empty for the server's keeper"),
		createdAt(),
	}
}

// Edges of VaultKey.
func (VaultKey) Edges() []ent.Edge { return []ent.Edge{belongsTo("org", Org.Type, "vault_keys")} }

// Indexes of VaultKey.
func (VaultKey) Indexes() []ent.Index { return []ent.Index{index.Fields("org_id", "epoch").Unique()} }

// VaultObject is what the vault holds of one SObject, by committed runs.
type VaultObject struct{ ent.Schema }

// Annotations of VaultObject.
func (VaultObject) Annotations() []schema.Annotation { return internal("vault_objects") }

// Mixin of VaultObject.
func (VaultObject) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of VaultObject.
func (VaultObject) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("vob"),
		field.String("org_id").Immutable(),
		field.String("name").Immutable(),
		field.Int64("live").Default(0).Comment("records whose newest version is alive"),
		field.Int64("versions").Default(0),
		updatedAt(),
	}
}

// Edges of VaultObject.
func (VaultObject) Edges() []ent.Edge {
	return []ent.Edge{belongsTo("org", Org.Type, "vault_objects")}
}

// Indexes of VaultObject.
func (VaultObject) Indexes() []ent.Index {
	return []ent.Index{index.Fields("org_id", "name").Unique()}
}

// VaultRun is one job's writing: a range of sequences, a point in time.
type VaultRun struct{ ent.Schema }

// Annotations of VaultRun.
func (VaultRun) Annotations() []schema.Annotation { return internal("vault_runs") }

// Mixin of VaultRun.
func (VaultRun) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of VaultRun.
func (VaultRun) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("vrn"),
		field.String("org_id").Immutable(),
		field.String("job_id").Immutable(),
		field.Enum("operation").GoType(engine.Operation("")).Immutable(),
		field.Enum("state").Values("OPEN", "COMMITTED", "PARTIAL").Default("OPEN"),
		field.Int("attempt").Default(1).Comment("raised by whoever resumes it: what an earlier holder still writes is refused"),
		field.Uint64("first_seq").Immutable(),
		field.Uint64("last_seq").Comment("first_seq-1 while nothing is written"),
		field.Time("closed_at").Optional().Nillable(),
		field.String("hold").Default("").MaxLen(500).Comment("why this point may not be dropped; empty when it may"),
		field.Time("dropped_at").Optional().Nillable().Comment("since then this point cannot be read: versions that only it showed are gone"),
		createdAt(),
	}
}

// Edges of VaultRun.
func (VaultRun) Edges() []ent.Edge {
	return []ent.Edge{belongsTo("org", Org.Type, "vault_runs"), owns("objects", VaultRunObject.Type)}
}

// Indexes of VaultRun.
func (VaultRun) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("org_id").Unique().Annotations(entsql.IndexWhere("state = 'OPEN'")).StorageKey("vaultrun_org_open"),
		index.Fields("org_id", "last_seq"),
		index.Fields("org_id", "job_id"),
	}
}

// VaultRunObject is what a run has durably written of one SObject.
type VaultRunObject struct{ ent.Schema }

// Annotations of VaultRunObject.
func (VaultRunObject) Annotations() []schema.Annotation { return internal("vault_run_objects") }

// Mixin of VaultRunObject.
func (VaultRunObject) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of VaultRunObject.
func (VaultRunObject) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("vro"),
		field.String("run_id").Immutable(),
		field.String("name").Immutable(),
		field.Bytes("checkpoint").Optional(),
		field.Bool("finished").Default(false),
		field.Int64("added").Default(0),
		field.Int64("changed").Default(0),
		field.Int64("deleted").Default(0),
		field.Int64("bytes").Default(0),
		field.Int64("live").Default(0).Comment("by how much it moves the object's live records"),
	}
}

// Edges of VaultRunObject.
func (VaultRunObject) Edges() []ent.Edge {
	return []ent.Edge{belongsTo("run", VaultRun.Type, "objects")}
}

// Indexes of VaultRunObject.
func (VaultRunObject) Indexes() []ent.Index {
	return []ent.Index{index.Fields("run_id", "name").Unique()}
}

// VaultSegment is one blob of versions. OPEN belongs to a run that is not
// finished, LIVE is read, DEAD waits for its last readers.
type VaultSegment struct{ ent.Schema }

// Annotations of VaultSegment.
func (VaultSegment) Annotations() []schema.Annotation { return internal("vault_segments") }

// Mixin of VaultSegment.
func (VaultSegment) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of VaultSegment.
func (VaultSegment) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("seg"),
		field.String("org_id").Immutable(),
		field.String("run_id").Immutable().Default("").Comment("the run that wrote it; empty for a compaction's"),
		field.Enum("state").Values("OPEN", "LIVE", "DEAD"),
		field.Int("level").Immutable().Default(0),
		field.Uint32("epoch").Immutable(),
		field.Int64("size").Immutable(),
		field.Int("trailer").Immutable().Comment("length of index, blooms and footer"),
		field.Bytes("hash").Immutable().Comment("SHA-256 of the blob"),
		field.Time("dead_at").Optional().Nillable(),
		createdAt(),
	}
}

// Edges of VaultSegment.
func (VaultSegment) Edges() []ent.Edge {
	return []ent.Edge{belongsTo("org", Org.Type, "vault_segments"), owns("sections", VaultSection.Type)}
}

// Indexes of VaultSegment.
func (VaultSegment) Indexes() []ent.Index {
	return []ent.Index{index.Fields("org_id", "state"), index.Fields("run_id")}
}

// VaultSection is the part of a segment that holds one SObject.
type VaultSection struct{ ent.Schema }

// Annotations of VaultSection.
func (VaultSection) Annotations() []schema.Annotation { return internal("vault_sections") }

// Mixin of VaultSection.
func (VaultSection) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of VaultSection.
func (VaultSection) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("vsc"),
		field.String("segment_id").Immutable(),
		field.String("org_id").Immutable(),
		field.String("object").Immutable(),
		field.Int64("rows").Immutable(),
		field.Bytes("min_id").Immutable(),
		field.Bytes("max_id").Immutable(),
		field.Uint64("min_seq").Immutable(),
		field.Uint64("max_seq").Immutable(),
	}
}

// Edges of VaultSection.
func (VaultSection) Edges() []ent.Edge {
	return []ent.Edge{belongsTo("segment", VaultSegment.Type, "sections")}
}

// Indexes of VaultSection.
func (VaultSection) Indexes() []ent.Index {
	return []ent.Index{index.Fields("org_id", "object"), index.Fields("segment_id", "object").Unique()}
}

// VaultFile is a file's content, stored once per org.
type VaultFile struct{ ent.Schema }

// Annotations of VaultFile.
func (VaultFile) Annotations() []schema.Annotation { return internal("vault_files") }

// Mixin of VaultFile.
func (VaultFile) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of VaultFile.
func (VaultFile) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("vfl"),
		field.String("org_id").Immutable(),
		field.String("hash").Immutable().Comment("keyed hash of the content"),
		field.Int64("size").Immutable(),
		field.Uint32("epoch").Immutable(),
		createdAt(),
	}
}

// Edges of VaultFile.
func (VaultFile) Edges() []ent.Edge { return []ent.Edge{belongsTo("org", Org.Type, "vault_files")} }

// Indexes of VaultFile.
func (VaultFile) Indexes() []ent.Index { return []ent.Index{index.Fields("org_id", "hash").Unique()} }

// VaultPurged is a purged record, as a keyed hash: it is not stored again.
type VaultPurged struct{ ent.Schema }

// Annotations of VaultPurged.
func (VaultPurged) Annotations() []schema.Annotation { return internal("vault_purged") }

// Mixin of VaultPurged.
func (VaultPurged) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of VaultPurged.
func (VaultPurged) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("vpg"),
		field.String("org_id").Immutable(),
		field.String("object").Immutable(),
		field.Bytes("hash").Immutable(),
		field.String("job_id").Immutable().Default(""),
		createdAt(),
	}
}

// Edges of VaultPurged.
func (VaultPurged) Edges() []ent.Edge { return []ent.Edge{belongsTo("org", Org.Type, "vault_purged")} }

// Indexes of VaultPurged.
func (VaultPurged) Indexes() []ent.Index {
	return []ent.Index{index.Fields("org_id", "object", "hash").Unique()}
}
