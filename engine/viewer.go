package engine

import "context"

// Role is what a user may do in their tenant.
type Role string

// The roles, each including the next.
const (
	RoleAdmin    Role = "ADMIN"    // everything, users and connections included
	RoleOperator Role = "OPERATOR" // runs backups, restores, archives, exports
	RoleViewer   Role = "VIEWER"   // reads
)

// Includes reports whether v may do what other may.
func (v Role) Includes(other Role) bool { return v.rank() >= other.rank() }

func (v Role) rank() int {
	switch v {
	case RoleAdmin:
		return 3
	case RoleOperator:
		return 2
	case RoleViewer:
		return 1
	}
	return 0
}

// Viewer is on whose behalf something is asked: a user of one tenant, a worker
// acting for its task's tenant, or the system, which only claims tasks and
// signs people in. ent's privacy rules bind every query to it.
type Viewer struct {
	Tenant string
	User   string // empty for a worker
	Role   Role
	System bool
	// Org, when it is set, is the only org of the tenant that the viewer sees, and
	// then there are neither users nor roles: it is the org's own Apex that asks.
	Org string
}

type viewerKey struct{}

// WithViewer returns a context that carries v.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// AsSystem returns a context that may see every tenant. Only the job queue,
// sign-in and start-up use it.
func AsSystem(ctx context.Context) context.Context {
	return WithViewer(ctx, Viewer{System: true})
}

// AsWorker returns a context that acts for one tenant without a user.
func AsWorker(ctx context.Context, tenant string) context.Context {
	return WithViewer(ctx, Viewer{Tenant: tenant, Role: RoleOperator})
}

// ViewerFrom returns the context's viewer; ok is false when there is none.
func ViewerFrom(ctx context.Context) (v Viewer, ok bool) {
	v, ok = ctx.Value(viewerKey{}).(Viewer)
	return v, ok
}
