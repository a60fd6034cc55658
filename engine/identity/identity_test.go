package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

var (
	cheap = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	ada   = identity.Registration{
		OrganizationName: "Acme", FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.com",
		Password: "correct horse 1!", ConfirmPassword: "correct horse 1!",
	}
	adaSignsIn = identity.Credentials{OrganizationName: ada.OrganizationName, Email: ada.Email, Password: ada.Password}
)

func keeper(t testing.TB) *secrets.Keeper {
	t.Helper()
	key, err := localsecrets.NewRandomKey()
	check(t, err)
	return localsecrets.NewKeeper(key)
}

func service(t *testing.T, db *database.DB, k *secrets.Keeper, options identity.Options) *identity.Service {
	t.Helper()
	keys, err := identity.OpenKeys(t.Context(), db.Client, k)
	check(t, err)
	if options.Hash == nil {
		options.Hash = &cheap
	}
	s, err := identity.New(db.Client, keys, options)
	check(t, err)
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestNodesThatStartTogetherSignWithOneKey(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		k, nodes := keeper(t), make(chan identity.Keys)
		for range 8 {
			go func() {
				keys, err := identity.OpenKeys(t.Context(), db.Client, k)
				if err != nil {
					t.Error(err)
				}
				nodes <- keys
			}()
		}
		var token string
		for range 8 {
			s, err := identity.New(db.Client, <-nodes, identity.Options{Hash: &cheap})
			check(t, err)
			if token == "" {
				token, err = s.SignLink(identity.Link{Kind: "x", Expires: time.Now().Add(time.Hour)})
				check(t, err)
			}
			if _, err := s.OpenLink("x", token); err != nil {
				t.Errorf("one node does not accept another's signature: %v", err)
			}
		}
	})
}

func TestAnotherKeyDoesNotOpenTheSecret(t *testing.T) {
	t.Parallel()
	db := databasetest.Either(t)
	service(t, db, keeper(t), identity.Options{})
	_, err := identity.OpenKeys(t.Context(), db.Client, keeper(t))
	if e, ok := engine.AsError(err); !ok || e.Code != "WRONG_KEY" {
		t.Errorf("got %v, want WRONG_KEY", err)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := service(t, databasetest.Either(t), keeper(t), identity.Options{Now: func() time.Time { return now }})
	link := identity.Link{Tenant: "ten_1", Kind: "export", ID: "exp_1", Expires: now.Add(time.Hour).UTC()}
	token, err := s.SignLink(link)
	check(t, err)
	if got, err := s.OpenLink("export", token); err != nil || got != link {
		t.Errorf("%+v, %v, want %+v", got, err, link)
	}
	body, signature, _ := strings.Cut(token, ".")
	other, err := s.SignLink(identity.Link{Tenant: "ten_2", Kind: "export", ID: "exp_2", Expires: link.Expires})
	check(t, err)
	otherBody, _, _ := strings.Cut(other, ".")
	for name, c := range map[string]struct{ kind, token, code string }{
		"of another kind":     {"file", token, "INVALID_LINK"},
		"of another link":     {"export", otherBody + "." + signature, "INVALID_LINK"},
		"unsigned":            {"export", body + ".", "INVALID_LINK"},
		"without a signature": {"export", body, "INVALID_LINK"},
		"garbage":             {"export", "%%%.%%%", "INVALID_LINK"},
		"empty":               {"export", "", "INVALID_LINK"},
	} {
		if _, err := s.OpenLink(c.kind, c.token); code(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	now = now.Add(time.Hour)
	if _, err := s.OpenLink("export", token); code(err) != "LINK_EXPIRED" {
		t.Errorf("after its time: %v", err)
	}
}

func code(err error) string {
	if e, ok := engine.AsError(err); ok {
		return e.Code
	}
	return ""
}

func TestAPasswordIsRehashedWhenTheParametersChange(t *testing.T) {
	t.Parallel()
	db, k := databasetest.Either(t), keeper(t)
	_, err := service(t, db, k, identity.Options{}).SignUp(t.Context(), ada)
	check(t, err)
	hash := func() string {
		u, err := db.Client.User.Query().Only(engine.AsSystem(t.Context()))
		check(t, err)
		return u.PasswordHash
	}
	before := hash()
	stronger := cheap
	stronger.Iterations = 2
	s := service(t, db, k, identity.Options{Hash: &stronger})
	for range 2 {
		_, err := s.SignIn(t.Context(), adaSignsIn)
		check(t, err)
	}
	if after := hash(); after == before || !strings.Contains(after, "t=2") {
		t.Errorf("the hash was %s and is %s", before, after)
	}
}

func TestSessionsThatAreOverAreForgotten(t *testing.T) {
	t.Parallel()
	db, now := databasetest.Either(t), time.Now()
	s := service(t, db, keeper(t), identity.Options{Now: func() time.Time { return now }})
	_, err := s.SignUp(t.Context(), ada)
	check(t, err)
	_, err = s.SignIn(t.Context(), adaSignsIn)
	check(t, err)
	now = now.Add(31 * 24 * time.Hour)
	_, err = s.SignIn(t.Context(), adaSignsIn)
	check(t, err)
	if n, err := db.Client.Session.Query().Count(engine.AsSystem(t.Context())); err != nil || n != 1 {
		t.Errorf("%d sessions, %v, want the newest alone", n, err)
	}
}

func TestADeedOfNobodyIsNotRecorded(t *testing.T) {
	t.Parallel()
	db := databasetest.Either(t)
	s := service(t, db, keeper(t), identity.Options{})
	check(t, s.Record(t.Context(), identity.Actor{}, identity.Deed{Action: "signIn", Outcome: "INVALID_CREDENTIALS"}))
	if n, err := db.Client.AuditEntry.Query().Count(engine.AsSystem(t.Context())); err != nil || n != 0 {
		t.Errorf("%d entries, %v", n, err)
	}
}
