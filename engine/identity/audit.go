package identity

import (
	"context"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
)

// Deed is what somebody did, for the audit trail. Details hold names only,
// never record values or secrets.
type Deed struct {
	Action  string // the mutation's name
	Target  string // id of the thing acted on
	Details map[string]string
	Outcome string // OK, or the code of the failure
}

// Actor is whoever a deed is put down to.
type Actor struct {
	Tenant string
	User   string
}

type actorKey struct{}

// WithActor returns a context in which the viewer acts. The actor is filled
// in during the deed where there is no viewer yet: sign-up, sign-in, refresh.
func WithActor(ctx context.Context) (context.Context, *Actor) {
	v, _ := engine.ViewerFrom(ctx)
	actor := &Actor{Tenant: v.Tenant, User: v.User}
	return context.WithValue(ctx, actorKey{}, actor), actor
}

func actorFrom(ctx context.Context) *Actor {
	if actor, ok := ctx.Value(actorKey{}).(*Actor); ok {
		return actor
	}
	return &Actor{}
}

func (a *Actor) is(u *ent.User) { a.Tenant, a.User = u.TenantID, u.ID }

// Record writes a deed down, even when the one who asked has hung up. A deed
// of nobody we know, such as a sign-in to an unknown organization, belongs to
// no tenant's trail.
func (s *Service) Record(ctx context.Context, a Actor, d Deed) error {
	if a.Tenant == "" {
		return nil
	}
	ctx = asTenant(context.WithoutCancel(ctx), a.Tenant)
	err := s.db.AuditEntry.Create().SetTenantID(a.Tenant).SetAt(s.now()).SetActor(a.User).
		SetAction(d.Action).SetTarget(d.Target).SetDetails(d.Details).SetOutcome(d.Outcome).Exec(ctx)
	return engine.Wrap("write audit entry", err)
}
