package schema

import (
	"context"

	"entgo.io/contrib/entgql"
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/holdfast-backup/holdfast/engine"
)

// Tenant is a customer of this server.
type Tenant struct{ ent.Schema }

// Annotations of Tenant.
func (Tenant) Annotations() []schema.Annotation { return table("tenants") }

// Policy of Tenant: a viewer sees their own; a new one is made by a sign-up.
func (Tenant) Policy() ent.Policy { return signUpOnly{tenantPolicy{column: "id"}} }

type signUpOnly struct{ tenantPolicy }

func (p signUpOnly) EvalMutation(ctx context.Context, m ent.Mutation) error {
	if v, err := viewer(ctx); err != nil || v.System || !m.Op().Is(ent.OpCreate) {
		return p.tenantPolicy.EvalMutation(ctx, m)
	}
	return engine.E(engine.KindDenied, "FORBIDDEN", "A tenant is made by a sign-up.")
}

// Fields of Tenant.
func (Tenant) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("ten"),
		field.String("name").NotEmpty().MaxLen(120),
		field.String("slug").NotEmpty().MaxLen(120).Unique().Comment("the organization name folded for login"),
		createdAt(),
	}
}

// User is a person of a tenant.
type User struct{ ent.Schema }

// Annotations of User.
func (User) Annotations() []schema.Annotation { return connected("users") }

// Mixin of User.
func (User) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of User.
func (User) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("usr"),
		field.String("email").NotEmpty().MaxLen(254).Annotations(entgql.OrderField("EMAIL")),
		field.String("first_name").MaxLen(80).Default(""),
		field.String("last_name").MaxLen(80).Default(""),
		field.String("password_hash").Sensitive(),
		field.Enum("role").GoType(engine.Role("")),
		field.Int("failed_logins").Default(0),
		field.Time("locked_until").Optional().Nillable(),
		createdAt(),
		updatedAt(),
	}
}

// Edges of User.
func (User) Edges() []ent.Edge { return []ent.Edge{owns("sessions", Session.Type)} }

// Indexes of User.
func (User) Indexes() []ent.Index {
	return []ent.Index{index.Fields("tenant_id", "email").Unique()}
}

// Session is one sign-in: a chain of refresh tokens of which only the newest
// is good. Using an old one ends the chain.
type Session struct{ ent.Schema }

// Annotations of Session.
func (Session) Annotations() []schema.Annotation { return internal("sessions") }

// Mixin of Session.
func (Session) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of Session.
func (Session) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("ses"),
		field.String("user_id").Immutable(),
		field.String("token_hash").Sensitive().Comment("of the newest refresh token"),
		field.Time("expires_at"),
		field.Time("revoked_at").Optional().Nillable(),
		createdAt(),
	}
}

// Edges of Session.
func (Session) Edges() []ent.Edge {
	return []ent.Edge{belongsTo("user", User.Type, "sessions")}
}

// SpentToken is a token for a single use that has been used: nobody uses it
// again, on whatever node. It is forgotten once the token has expired.
type SpentToken struct{ ent.Schema }

// Annotations of SpentToken.
func (SpentToken) Annotations() []schema.Annotation { return internal("spent_tokens") }

// Mixin of SpentToken.
func (SpentToken) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of SpentToken.
func (SpentToken) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("spt"),
		field.String("hash").Immutable().Unique().Comment("of who issued it and its own id"),
		field.Time("expires_at").Immutable(),
	}
}

// Indexes of SpentToken.
func (SpentToken) Indexes() []ent.Index { return []ent.Index{index.Fields("expires_at")} }

// AuditEntry says who did what, when, to which thing.
type AuditEntry struct{ ent.Schema }

// Annotations of AuditEntry.
func (AuditEntry) Annotations() []schema.Annotation { return connected("audit_entries") }

// Mixin of AuditEntry.
func (AuditEntry) Mixin() []ent.Mixin { return []ent.Mixin{TenantOwned{}} }

// Fields of AuditEntry.
func (AuditEntry) Fields() []ent.Field {
	return []ent.Field{
		prefixedID("aud"),
		field.Time("at").Immutable().Default(Now).Annotations(entgql.OrderField("AT")),
		field.String("actor").Immutable().Comment("user id, or who a token names"),
		field.String("action").Immutable().NotEmpty().Comment("the mutation's name"),
		field.String("target").Immutable().Optional().Comment("id of the thing acted on"),
		field.JSON("details", map[string]string{}).Immutable().Optional().Comment("names only, never record values"),
		field.String("outcome").Immutable().Default("OK").Comment("OK or an error code"),
	}
}

// Indexes of AuditEntry.
func (AuditEntry) Indexes() []ent.Index { return []ent.Index{index.Fields("tenant_id", "at")} }

// Secret is a random key of the server itself, made at the first start and
// shared by every node: what signs tokens and links.
type Secret struct{ ent.Schema }

// Annotations of Secret.
func (Secret) Annotations() []schema.Annotation { return internal("secrets") }

// Policy of Secret: only the system reads it.
func (Secret) Policy() ent.Policy { return systemOnly{} }

// Fields of Secret.
func (Secret) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").Immutable().NotEmpty().Comment("what it is for"),
		field.Bytes("sealed").Sensitive().Immutable().Comment("under the keeper"),
		createdAt(),
	}
}

type systemOnly struct{}

func (systemOnly) EvalQuery(ctx context.Context, _ ent.Query) error { return refuseTenants(ctx) }

func (systemOnly) EvalMutation(ctx context.Context, _ ent.Mutation) error { return refuseTenants(ctx) }

func refuseTenants(ctx context.Context) error {
	v, err := viewer(ctx)
	if err == nil && !v.System {
		err = engine.E(engine.KindDenied, "FORBIDDEN", "Only the server itself may do this.")
	}
	return err
}
