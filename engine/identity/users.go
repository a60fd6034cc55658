package identity

import (
	"context"
	"errors"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/user"
)

// Me is the user who asks.
func (s *Service) Me(ctx context.Context) (*ent.User, error) {
	v, _ := engine.ViewerFrom(ctx)
	u, err := s.db.User.Get(ctx, v.User)
	return u, engine.Wrap("read the viewer", err)
}

// Tenant is the tenant of the user who asks.
func (s *Service) Tenant(ctx context.Context) (*ent.Tenant, error) {
	v, _ := engine.ViewerFrom(ctx)
	t, err := s.db.Tenant.Get(ctx, v.Tenant)
	return t, engine.Wrap("read the viewer's tenant", err)
}

// NewUser is a person an administrator adds to the tenant (F16).
type NewUser struct {
	Email     string
	FirstName string
	LastName  string
	Password  string
	Role      engine.Role
}

// CreateUser adds a person to the viewer's tenant.
func (s *Service) CreateUser(ctx context.Context, n NewUser) (*ent.User, error) {
	email, badEmail := normalEmail(n.Email)
	if err := errors.Join(badEmail, checkPassword(n.Password), checkNames(n.FirstName, n.LastName)); err != nil {
		return nil, err
	}
	hash, err := s.passwords.hash(ctx, n.Password)
	if err != nil {
		return nil, engine.Wrap("hash password", err)
	}
	v, _ := engine.ViewerFrom(ctx)
	u, err := s.db.User.Create().SetTenantID(v.Tenant).SetEmail(email).SetPasswordHash(hash).
		SetFirstName(n.FirstName).SetLastName(n.LastName).SetRole(n.Role).Save(ctx)
	if ent.IsConstraintError(err) {
		taken := engine.E(engine.KindConflict, "EMAIL_TAKEN", "%s is a user of this organization already.", email)
		taken.Field = "email"
		return nil, taken
	}
	return u, engine.Wrap("create user", err)
}

// ChangeRole gives a user of the viewer's tenant another role, at once. The
// last administrator stays one: nobody could make another.
func (s *Service) ChangeRole(ctx context.Context, id string, role engine.Role) (*ent.User, error) {
	tx, err := s.db.Tx(ctx)
	if err != nil {
		return nil, engine.Wrap("begin role change", err)
	}
	u, err := changeRole(ctx, tx.Client(), id, role)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return nil, engine.Wrap("commit role change", err)
	}
	return u.Unwrap(), nil
}

func changeRole(ctx context.Context, db *ent.Client, id string, role engine.Role) (*ent.User, error) {
	// Writing every administrator's row makes a second role change wait for
	// this one, so that two administrators cannot demote each other.
	admins, err := db.User.Update().Where(user.RoleEQ(engine.RoleAdmin)).AddFailedLogins(0).Save(ctx)
	if err != nil {
		return nil, engine.Wrap("count administrators", err)
	}
	u, err := db.User.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, engine.E(engine.KindNotFound, "USER_NOT_FOUND", "There is no user %s in your organization: check the id.", id)
	}
	if err != nil {
		return nil, engine.Wrap("read user", err)
	}
	if u.Role == engine.RoleAdmin && role != engine.RoleAdmin && admins == 1 {
		return nil, engine.E(engine.KindConflict, "LAST_ADMIN", "%s is the last administrator: make somebody else one first.", u.Email)
	}
	u, err = u.Update().SetRole(role).Save(ctx)
	return u, engine.Wrap("change role", err)
}
