package schema

import (
	"encoding/json"

	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/holdfast-backup/holdfast/engine"
)

// Job is one run of an operation on an org, numbered per org from 1.
type Job struct{ ent.Schema }

// Annotations of Job.
func (Job) Annotations() []schema.Annotation { return connected("jobs") }

// Mixin of Job.
func (Job) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of Job.
func (Job) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("job"),
		field.String("org_id").Immutable(),
		field.Int64("number").Immutable().Annotations(entgql.OrderField("NUMBER")),
		field.Enum("operation").GoType(engine.Operation("")).Immutable().Annotations(entgql.OrderField("OPERATION")),
		field.String("name").Default("").MaxLen(255).Annotations(entgql.OrderField("NAME")),
		field.String("description").Default("").MaxLen(2000),
		field.Enum("state").GoType(engine.JobState("")).Default(string(engine.JobQueued)),
		field.String("created_by").Immutable().Optional().Comment("user id; empty when a schedule did"),
		field.Time("started_at").Optional().Nillable(),
		field.Time("finished_at").Optional().Nillable(),
		field.Int64("records").Default(0).Annotations(entgql.OrderField("RECORDS")),
		field.Int64("added").Default(0),
		field.Int64("changed").Default(0),
		field.Int64("deleted").Default(0),
		field.Int64("bytes").Default(0).Annotations(entgql.OrderField("BYTES")),
		field.Int64("api_calls").Default(0),
		field.String("error_code").Optional(),
		field.String("error_message").Optional(),
		field.JSON("input", json.RawMessage{}).Optional().Comment("the operation's own settings; no record values"),
		field.Bytes("sealed_result").Sensitive().Optional().Comment("the operation's own report, under the keeper: it may name values"),
		field.String("idempotency_key").Optional().Nillable().Immutable(),
		createdAt(),
	}
}

// Edges of Job.
func (Job) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("org", Org.Type, "jobs"),
		owns("objects", JobObject.Type, entgql.RelayConnection()),
		owns("log_lines", LogLine.Type),
		owns("tasks", Task.Type),
		owns("events", OrgEvent.Type, entgql.Skip(entgql.SkipAll)),
	}
}

// Indexes of Job.
func (Job) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("org_id", "number").Unique(),
		index.Fields("org_id", "operation", "state"),
		index.Fields("tenant_id", "idempotency_key").Unique(),
	}
}

// JobObject is a job's progress on one SObject, or on one metadata type, and the
// completeness line of it: what was expected, what is stored, and why the two differ.
type JobObject struct{ ent.Schema }

// Annotations of JobObject.
func (JobObject) Annotations() []schema.Annotation { return connected("job_objects") }

// Mixin of JobObject.
func (JobObject) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of JobObject.
func (JobObject) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("jobobj"),
		field.String("job_id").Immutable(),
		field.Enum("kind").GoType(engine.JobObjectKind("")).Default(string(engine.RecordsObject)).Immutable(),
		field.String("name").Immutable().Comment("the SObject's API name, or the metadata type's").Annotations(entgql.OrderField("NAME")),
		field.String("label").Default("").Comment("of a metadata type: its folder in a package"),
		field.Enum("state").GoType(engine.JobObjectState("")).Default(string(engine.ObjectQueued)),
		field.Int64("expected").Optional().Nillable().Comment("records alive in the org by its own count; null when it does not tell"),
		field.Int64("stored").Default(0).Comment("records alive in the vault after this job").Annotations(entgql.OrderField("STORED")),
		field.String("reason").Default("").Comment("why expected and stored differ, or why nothing was read"),
		field.Int64("records").Default(0).Comment("versions written by this job").Annotations(entgql.OrderField("RECORDS")),
		field.Int64("added").Default(0).Annotations(entgql.OrderField("ADDED")),
		field.Int64("changed").Default(0).Annotations(entgql.OrderField("CHANGED")),
		field.Int64("deleted").Default(0).Annotations(entgql.OrderField("DELETED")),
		field.Int64("bytes").Default(0).Annotations(entgql.OrderField("BYTES")),
		field.Int64("api_calls").Default(0),
		field.String("error_code").Optional(),
		field.String("error_message").Optional(),
		field.Time("started_at").Optional().Nillable(),
		field.Time("finished_at").Optional().Nillable(),
	}
}

// Edges of JobObject.
func (JobObject) Edges() []ent.Edge { return []ent.Edge{belongsTo("job", Job.Type, "objects")} }

// Indexes of JobObject.
func (JobObject) Indexes() []ent.Index {
	return []ent.Index{index.Fields("job_id", "kind", "name").Unique()}
}

// LogLine is one line of a job's log, numbered per job from 1 without gaps.
type LogLine struct{ ent.Schema }

// Annotations of LogLine.
func (LogLine) Annotations() []schema.Annotation { return internal("log_lines") }

// Mixin of LogLine.
func (LogLine) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of LogLine.
func (LogLine) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Immutable(),
		field.String("job_id").Immutable(),
		field.Int64("seq").Immutable(),
		field.Time("at").Immutable(),
		field.Enum("level").GoType(engine.LogLevel("")).Immutable(),
		field.String("object").Default("").Immutable().Comment("the SObject it is about, if any"),
		field.Text("message").Immutable(),
	}
}

// Edges of LogLine.
func (LogLine) Edges() []ent.Edge { return []ent.Edge{belongsTo("job", Job.Type, "log_lines")} }

// Indexes of LogLine.
func (LogLine) Indexes() []ent.Index { return []ent.Index{index.Fields("job_id", "seq").Unique()} }

// Task is durable work: the queue that both databases share.
type Task struct{ ent.Schema }

// Annotations of Task.
func (Task) Annotations() []schema.Annotation { return internal("tasks") }

// Mixin of Task.
func (Task) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of Task.
func (Task) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("tsk"),
		field.String("job_id").Immutable().Optional(),
		field.String("kind").Immutable().Comment("which worker does it"),
		field.Enum("state").Values("AVAILABLE", "RUNNING", "DONE", "FAILED", "CANCELLED").Default("AVAILABLE"),
		field.Int("priority").Default(0).Comment("lower first"),
		field.Time("run_at"),
		field.Int("attempt").Default(0),
		field.Int("max_attempts").Default(5),
		field.String("owner").Optional().Comment("the node that holds the lease"),
		field.Time("lease_until").Optional().Nillable(),
		field.Bool("cancel_requested").Default(false),
		field.String("wait_reason").GoType(engine.WaitReason("")).Default("").Comment("why it waits until run_at; empty when it does not"),
		field.Text("wait_message").Default(""),
		field.String("serial_key").Optional().Nillable().Comment("one RUNNING task per key: org and class"),
		field.String("unique_key").Optional().Nillable().Comment("one waiting job per key; another may run meanwhile (F37)"),
		field.JSON("payload", json.RawMessage{}).Optional(),
		field.Bytes("checkpoint").Optional(),
		field.String("error").Optional(),
		field.Time("finished_at").Optional().Nillable(),
		createdAt(),
	}
}

// Edges of Task.
func (Task) Edges() []ent.Edge {
	return []ent.Edge{optionalJob()}
}

// Indexes of Task.
func (Task) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("state", "priority", "run_at", "id"),
		index.Fields("serial_key").Unique().Annotations(entsql.IndexWhere("state = 'RUNNING'")).StorageKey("task_serial_running"),
		index.Fields("serial_key", "state", "id"),
		index.Fields("unique_key"),
		index.Fields("job_id"),
	}
}

// OrgEvent is something that happened to an org: what a client that follows it hears.
type OrgEvent struct{ ent.Schema }

// Annotations of OrgEvent.
func (OrgEvent) Annotations() []schema.Annotation { return internal("org_events") }

// Mixin of OrgEvent.
func (OrgEvent) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of OrgEvent.
func (OrgEvent) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Immutable(),
		field.String("org_id").Immutable(),
		field.Int64("seq").Immutable().Comment("from 1 per org, without gaps, in the order of commits"),
		field.Time("at").Immutable(),
		field.Enum("kind").GoType(engine.EventKind("")).Immutable(),
		field.String("job_id").Optional().Immutable().Comment("the job it is about, if any"),
		field.Text("message").Immutable(),
	}
}

// Edges of OrgEvent.
func (OrgEvent) Edges() []ent.Edge {
	return []ent.Edge{
		belongsTo("org", Org.Type, "events"),
		edge.From("job", Job.Type).Ref("events").Field("job_id").Unique().Immutable(),
	}
}

// Indexes of OrgEvent.
func (OrgEvent) Indexes() []ent.Index {
	return []ent.Index{index.Fields("org_id", "seq").Unique(), index.Fields("job_id")}
}
