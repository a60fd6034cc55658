package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/tenant"
	"github.com/holdfast-backup/holdfast/ent/user"
)

// Registration is what a person fills in to sign up (F2).
type Registration struct {
	OrganizationName string
	FirstName        string
	LastName         string
	Email            string
	Password         string
	ConfirmPassword  string
}

// SignUp makes a tenant and its first administrator, and signs them in (F1).
// It reports everything that is wrong with the registration at once.
func (s *Service) SignUp(ctx context.Context, r Registration) (*Session, error) {
	email, err := r.check()
	if err != nil {
		return nil, err
	}
	hash, err := s.passwords.hash(ctx, r.Password)
	if err != nil {
		return nil, engine.Wrap("hash password", err)
	}
	tx, err := s.db.Tx(ctx)
	if err != nil {
		return nil, engine.Wrap("begin sign-up", err)
	}
	opened, err := s.register(engine.AsSystem(ctx), tx.Client(), r, &ent.User{Email: email, PasswordHash: hash})
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return nil, engine.Wrap("commit sign-up", err)
	}
	opened.User = opened.User.Unwrap()
	actorFrom(ctx).is(opened.User)
	return opened, nil
}

func (r Registration) check() (email string, err error) {
	email, badEmail := normalEmail(r.Email)
	problems := []error{badEmail, checkPassword(r.Password)}
	if r.Password != r.ConfirmPassword {
		problems = append(problems, invalid("confirmPassword", "PASSWORDS_DIFFER", "The two passwords are not the same: type both again."))
	}
	if name := slug(r.OrganizationName); name == "" || len(name) > 120 {
		problems = append(problems, invalid("organizationName", "INVALID_NAME", "Give the organization a name of at most 120 characters."))
	}
	return email, errors.Join(append(problems, checkNames(r.FirstName, r.LastName))...)
}

func checkNames(first, last string) error {
	if len(first) > 80 || len(last) > 80 {
		return invalid("lastName", "INVALID_NAME", "First and last name have at most 80 characters each.")
	}
	return nil
}

func (s *Service) register(ctx context.Context, db *ent.Client, r Registration, admin *ent.User) (*Session, error) {
	t, err := db.Tenant.Create().SetName(r.OrganizationName).SetSlug(slug(r.OrganizationName)).Save(ctx)
	if ent.IsConstraintError(err) {
		taken := engine.E(engine.KindConflict, "ORGANIZATION_TAKEN",
			"“%s” is signed up already: ask its administrator to add you, or choose another name.", r.OrganizationName)
		taken.Field = "organizationName"
		return nil, taken
	}
	if err != nil {
		return nil, engine.Wrap("create tenant", err)
	}
	u, err := db.User.Create().SetTenantID(t.ID).SetEmail(admin.Email).SetPasswordHash(admin.PasswordHash).
		SetFirstName(r.FirstName).SetLastName(r.LastName).SetRole(engine.RoleAdmin).Save(ctx)
	if err != nil {
		return nil, engine.Wrap("create administrator", err)
	}
	return s.openSession(ctx, db, u)
}

// Credentials are what a person signs in with (F6).
type Credentials struct {
	OrganizationName string
	Email            string
	Password         string
}

// SignIn opens a session. Which of the three credentials was wrong, or that
// the account is locked, is told to nobody: it would help whoever guesses.
func (s *Service) SignIn(ctx context.Context, c Credentials) (*Session, error) {
	u, err := s.account(ctx, c)
	if ent.IsNotFound(err) {
		return nil, s.refuse(ctx, c.Password)
	}
	if err != nil {
		return nil, engine.Wrap("find account", err)
	}
	actorFrom(ctx).is(u)
	ctx = asTenant(ctx, u.TenantID)
	admitted, err := s.admit(ctx, u)
	if err != nil {
		return nil, engine.Wrap("count sign-in", err)
	}
	if !admitted {
		return nil, s.refuse(ctx, c.Password)
	}
	match, outdated, err := s.passwords.verify(ctx, c.Password, u.PasswordHash)
	if err != nil {
		return nil, engine.Wrap("verify password", err)
	}
	if !match {
		return nil, errCredentials()
	}
	if err := s.welcome(ctx, u, c.Password, outdated); err != nil {
		return nil, err
	}
	return s.openSession(ctx, s.db, u)
}

func (s *Service) account(ctx context.Context, c Credentials) (*ent.User, error) {
	email, err := normalEmail(c.Email)
	if err != nil {
		return nil, &ent.NotFoundError{}
	}
	t, err := s.db.Tenant.Query().Where(tenant.Slug(slug(c.OrganizationName))).Only(engine.AsSystem(ctx))
	if err != nil {
		return nil, err
	}
	return s.db.User.Query().Where(user.Email(email)).Only(asTenant(ctx, t.ID))
}

func (s *Service) refuse(ctx context.Context, password string) error {
	if err := s.passwords.waste(ctx, password); err != nil {
		return engine.Wrap("verify password", err)
	}
	return errCredentials()
}

func errCredentials() error {
	return engine.E(engine.KindDenied, "INVALID_CREDENTIALS",
		"The organization, e-mail address or password is wrong, or the account is locked for some minutes after too many tries.")
}

// admit counts a try as failed before the password is looked at, so that
// tries made at the same time cannot slip past the lock. The last allowed try
// locks the account; a right password takes all of it back (welcome).
func (s *Service) admit(ctx context.Context, u *ent.User) (bool, error) {
	for range 10 {
		now := s.now()
		if u.LockedUntil != nil && now.Before(*u.LockedUntil) {
			return false, nil
		}
		count := s.db.User.Update().Where(user.ID(u.ID), user.FailedLogins(u.FailedLogins)).SetFailedLogins(u.FailedLogins + 1)
		if u.FailedLogins+1 >= s.options.Tries {
			count.SetLockedUntil(now.Add(lockFor(u.FailedLogins + 1 - s.options.Tries)))
		}
		changed, err := count.Save(ctx)
		if changed == 1 || err != nil {
			return changed == 1, err
		}
		current, err := s.db.User.Get(ctx, u.ID)
		if err != nil {
			return false, fmt.Errorf("reload: %w", err)
		}
		*u = *current
	}
	return false, nil
}

// lockFor doubles with each try too many: 1, 2, 4, 8, then 15 minutes.
func lockFor(excess int) time.Duration {
	return min(time.Minute<<min(excess, 4), 15*time.Minute)
}

func (s *Service) welcome(ctx context.Context, u *ent.User, password string, outdated bool) error {
	update := s.db.User.UpdateOneID(u.ID).SetFailedLogins(0).ClearLockedUntil()
	if outdated {
		hash, err := s.passwords.hash(ctx, password)
		if err != nil {
			return engine.Wrap("rehash password", err)
		}
		update.SetPasswordHash(hash)
	}
	return engine.Wrap("record sign-in", update.Exec(ctx))
}
