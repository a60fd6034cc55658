package graph_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/files"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/orgs"
	"github.com/holdfast-backup/holdfast/engine/restore"
	"github.com/holdfast-backup/holdfast/engine/retain"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/templates"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/graph"
	"github.com/holdfast-backup/holdfast/server/auth"
)

const password = "correct horse 1!"

// world is the API on a database of its own, with the clock in the test's hand.
type world struct {
	t     *testing.T
	url   string
	db    *database.DB
	clock *clock
	log   *bytes.Buffer

	queue      *job.Queue
	orgs       *orgs.Orgs
	backup     *backup.Backup
	restore    *restore.Restore
	salesforce []*httptest.Server // one org for each tenant that settles
}

func newWorld(t *testing.T, db *database.DB) *world {
	t.Helper()
	w := &world{t: t, db: db, clock: &clock{now: time.Now()}, log: &bytes.Buffer{}, salesforce: []*httptest.Server{simulate(t, "5e0"), simulate(t, "5e1")}}
	key, err := localsecrets.NewRandomKey()
	check(t, err)
	keeper := localsecrets.NewKeeper(key)
	keys, err := identity.OpenKeys(t.Context(), db.Client, keeper)
	check(t, err)
	people, err := identity.New(db.Client, keys, identity.Options{
		Now: w.clock.Now, Hash: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32},
	})
	check(t, err)
	log := slog.New(slog.NewJSONHandler(&locked{w: w.log}, nil))
	w.queue = job.New(db, job.Settings{Poll: 20 * time.Millisecond, Logger: log})
	versions, err := vault.Open(vault.Config{DB: db.Client, Bucket: memblob.OpenBucket(nil), Keeper: keeper, Log: log})
	check(t, err)
	w.orgs = orgs.New(orgs.Config{
		DB: db.Client, Keeper: keeper, Vault: versions, Jobs: w.queue, Opener: salesforce.New(salesforce.Options{}), CallbackURL: "http://localhost/oauth/callback",
		Clock: time.Now, Log: log, SalesforceHosts: []string{host(w.salesforce[0]), host(w.salesforce[1])},
	})
	dictionary := capture.Dictionary{DB: db.Client}
	w.backup = &backup.Backup{
		DB: db.Client, Vault: versions, Queue: w.queue, Orgs: w.orgs, Capture: &capture.Capture{DB: db.Client, Dictionary: dictionary, Vault: versions}, Log: log,
	}
	w.restore = &restore.Restore{DB: db.Client, Vault: versions, Queue: w.queue, Orgs: w.orgs, Dictionary: dictionary, Keeper: keeper}
	resolver := &graph.Resolver{DB: db.Client, Log: log, Rooms: graph.Rooms{
		Identity: people, Orgs: w.orgs, Jobs: w.queue, Files: &files.Files{DB: db.Client, Vault: versions},
		Backup: w.backup, Restore: w.restore, Retain: &retain.Retain{DB: db.Client, Vault: versions, Queue: w.queue}, Schedules: w.newSchedules(), Templates: &templates.Templates{DB: db, Orgs: w.orgs, Dictionary: dictionary},
	}}
	handler := graph.NewHandler(resolver, graph.Options{
		Authenticate: people.Authenticate, Throttle: auth.NewThrottle(600, 100).Allow, Limits: graph.DefaultLimits, OrgAnswers: orgAnswers,
	})
	server := httptest.NewServer(auth.Address(false, auth.Bearer(people.Authenticate, handler)))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

const orgAnswers = 20 * time.Second

func host(server *httptest.Server) string { return strings.TrimPrefix(server.URL, "http://") }

// answer is what the API says.
type answer struct {
	Data       map[string]any
	Errors     []apiError
	Extensions map[string]any
}

type apiError struct {
	Message    string
	Path       []any
	Extensions map[string]any
}

// code is the first failure's code: of a top-level error or of a payload.
func (a answer) code() string {
	if len(a.Errors) > 0 {
		return a.Errors[0].Extensions["code"].(string)
	}
	for _, payload := range a.Data {
		if problems, ok := at(payload, "userErrors").([]any); ok && len(problems) > 0 {
			return at(problems[0], "code").(string)
		}
	}
	return ""
}

// at walks into decoded JSON; nil where there is nothing.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

func (a answer) at(path ...any) any { return at(a.Data, path...) }

func (a answer) text(path ...any) string {
	s, _ := a.at(path...).(string)
	return s
}

// ask sends GraphQL as whoever the token speaks for.
func (w *world) ask(token, query string, variables map[string]any) answer {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	check(w.t, err)
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url, bytes.NewReader(body))
	check(w.t, err)
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	check(w.t, err)
	defer func() { _ = response.Body.Close() }()
	var a answer
	check(w.t, json.NewDecoder(response.Body).Decode(&a))
	return a
}

const signUp = `mutation($o: String!, $e: String!, $p: String!, $c: String!) {
  signUp(input: {organizationName: $o, firstName: "Ada", lastName: "Lovelace", email: $e, password: $p, confirmPassword: $c}) {
    session { accessToken refreshToken expiresAt user { id email role } } userErrors { code message field } } }`

// person is somebody who has signed in.
type person struct{ id, token, refresh string }

// register makes a tenant and returns its administrator.
func (w *world) register(organization string) person {
	w.t.Helper()
	a := w.ask("", signUp, map[string]any{"o": organization, "e": "ada@example.com", "p": password, "c": password})
	if a.code() != "" {
		w.t.Fatalf("sign-up of %s: %+v", organization, a)
	}
	return personOf(a, "signUp")
}

func personOf(a answer, mutation string) person {
	return person{
		id: a.text(mutation, "session", "user", "id"), token: a.text(mutation, "session", "accessToken"),
		refresh: a.text(mutation, "session", "refreshToken"),
	}
}

const signIn = `mutation($o: String!, $e: String!, $p: String!) {
  signIn(input: {organizationName: $o, email: $e, password: $p}) {
    session { accessToken refreshToken user { id } } userErrors { code message } } }`

func (w *world) signIn(organization, email, password string) answer {
	w.t.Helper()
	return w.ask("", signIn, map[string]any{"o": organization, "e": email, "p": password})
}

const createUser = `mutation($e: String!, $p: String!, $r: Role!) {
  userCreate(input: {email: $e, password: $p, role: $r}) { user { id role } userErrors { code field } } }`

// hire adds a person to the administrator's tenant and signs them in.
func (w *world) hire(admin person, organization, email, role string) person {
	w.t.Helper()
	if a := w.ask(admin.token, createUser, map[string]any{"e": email, "p": password, "r": role}); a.code() != "" {
		w.t.Fatalf("create %s: %+v", email, a)
	}
	return personOf(w.signIn(organization, email, password), "signIn")
}

func (w *world) mustExec(statement string) {
	w.t.Helper()
	_, err := w.db.SQL.ExecContext(w.t.Context(), statement)
	check(w.t, err)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expectCode(t *testing.T, a answer, want string) {
	t.Helper()
	if got := a.code(); got != want {
		t.Errorf("code %q, want %q: %+v", got, want, a)
	}
}

// clock is time that moves when the test says so.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// locked makes a buffer safe for the server's goroutines.
type locked struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q does not contain %q", text, part)
	}
}
