// Package identity is who may use the server: it signs tenants up and their
// users in, says on whose behalf a token speaks, keeps the users of a tenant
// and its audit trail, and signs links that work without signing in.
package identity

import (
	"context"
	"net/mail"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
)

// Options are the settings of a Service; the zero value is what production uses.
type Options struct {
	AccessTTL  time.Duration    // how long an access token is good: 10 minutes
	SessionTTL time.Duration    // how long a session can be refreshed: 30 days
	Now        func() time.Time // time.Now
	Hash       *argon2id.Params // 19 MiB, 2 passes
	Tries      int              // failed sign-ins before an account locks: 5
}

func (o Options) withDefaults() Options {
	if o.AccessTTL == 0 {
		o.AccessTTL = 10 * time.Minute
	}
	if o.SessionTTL == 0 {
		o.SessionTTL = 30 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Hash == nil {
		o.Hash = &argon2id.Params{Memory: 19456, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	}
	if o.Tries == 0 {
		o.Tries = 5
	}
	return o
}

// Service signs people in and keeps the users of a tenant.
type Service struct {
	db        *ent.Client
	keys      Keys
	passwords *passwords
	options   Options
	swept     atomic.Int64 // when used tokens were last forgotten, in Unix seconds
}

// New returns a Service on the tables of db.
func New(db *ent.Client, keys Keys, options Options) (*Service, error) {
	options = options.withDefaults()
	p, err := newPasswords(options.Hash, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, engine.Wrap("prepare password hashing", err)
	}
	return &Service{db: db, keys: keys, passwords: p, options: options}, nil
}

// now is the present in the precision both databases keep.
func (s *Service) now() time.Time { return s.options.Now().UTC().Truncate(time.Microsecond) }

// asTenant acts for a tenant whose user has not been authenticated yet.
func asTenant(ctx context.Context, tenant string) context.Context {
	return engine.WithViewer(ctx, engine.Viewer{Tenant: tenant})
}

// slug is the form in which two organization names are the same to a person.
func slug(organization string) string {
	return strings.ToLower(strings.Join(strings.Fields(organization), " "))
}

func normalEmail(address string) (string, error) {
	address = strings.ToLower(strings.TrimSpace(address))
	if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address || len(address) > 254 {
		return "", invalid("email", "INVALID_EMAIL", "Give an e-mail address such as name@example.com.")
	}
	return address, nil
}

func invalid(field, code, message string) *engine.Error {
	e := engine.E(engine.KindInvalid, code, "%s", message)
	e.Field = field
	return e
}
