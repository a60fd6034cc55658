package simorg_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

const data = "/services/data/v66.0"

// clock is a clock that stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is an org on a server, and a client of it.
type world struct {
	*testing.T
	org   *simorg.Org
	url   string
	token string
	clock *clock
	last  *http.Response
}

func newWorld(t *testing.T, edit ...func(*simorg.Config)) *world {
	t.Helper()
	c := &clock{at: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)}
	cfg := simorg.Config{
		Now:   c.now,
		Users: []simorg.User{{Username: "admin@test.example", Password: "pw", SecurityToken: "TOK", FirstName: "Ada", LastName: "Admin", Email: "admin@test.example"}},
		Apps:  []simorg.App{{ClientID: "app", ClientSecret: "shh", RunAs: "admin@test.example", RedirectURIs: []string{"http://localhost/cb"}}},
	}
	for _, e := range edit {
		e(&cfg)
	}
	org, err := simorg.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(org)
	t.Cleanup(server.Close)
	w := &world{T: t, org: org, url: server.URL, clock: c}
	w.signIn()
	return w
}

func (w *world) signIn() {
	w.Helper()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	status := w.form("/services/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {"shh"}}, &got)
	if status != 200 || got.AccessToken == "" {
		w.Fatalf("sign in: %d", status)
	}
	w.token = got.AccessToken
}

func (w *world) form(path string, values url.Values, into any) int {
	w.Helper()
	r, err := http.PostForm(w.url+path, values)
	if err != nil {
		w.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(into); err != nil && err != io.EOF {
		w.Fatal(err)
	}
	return r.StatusCode
}

// do sends a request (a body that is not a string or bytes goes as JSON) and
// returns the status and the body.
func (w *world) do(method, path string, body any, headers ...string) (int, []byte) {
	w.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	case []byte:
		in = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			w.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "/services") && !strings.HasPrefix(path, "/id/") && !strings.HasPrefix(path, "/.well-known") {
		path = data + path
	}
	r, err := http.NewRequest(method, w.url+path, in)
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.last = nil
		return 0, []byte(err.Error())
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		out = append(out, []byte("\nread: "+err.Error())...)
	}
	w.last = res
	return res.StatusCode, out
}

// must sends a request that has to work and decodes its answer.
func (w *world) must(method, path string, body any, into any) {
	w.Helper()
	status, out := w.do(method, path, body)
	if status >= 300 {
		w.Fatalf("%s %s: %d %s", method, path, status, out)
	}
	if into != nil {
		if err := json.Unmarshal(out, into); err != nil {
			w.Fatalf("%s %s: %v in %s", method, path, err, out)
		}
	}
}

// create inserts a record and returns its id.
func (w *world) create(object string, fields map[string]any) string {
	w.Helper()
	var got struct{ ID string }
	w.must("POST", "/sobjects/"+object, fields, &got)
	return got.ID
}

type rows struct {
	TotalSize      int
	Done           bool
	NextRecordsURL string `json:"nextRecordsUrl"`
	Records        []map[string]any
}

func (w *world) query(soql string) rows {
	w.Helper()
	var got rows
	w.must("GET", "/query?q="+url.QueryEscape(soql), nil, &got)
	return got
}

func (w *world) queryAll(soql string) rows {
	w.Helper()
	var got rows
	w.must("GET", "/queryAll?q="+url.QueryEscape(soql), nil, &got)
	return got
}

// refused sends a request that has to fail with the status and the code.
//
//nolint:revive // the call, and what it must answer: as a struct the tests would not read
func (w *world) refused(method, path string, body any, status int, code string) {
	w.Helper()
	got, out := w.do(method, path, body)
	var errors []struct{ ErrorCode, Message string }
	_ = json.Unmarshal(out, &errors)
	if got != status || len(errors) == 0 || errors[0].ErrorCode != code {
		w.Errorf("%s %s: %d %s, want %d %s", method, path, got, out, status, code)
	}
}

func TestFirstSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account := w.create("Account", map[string]any{"Name": "Acme \"quoted\"\nline ✓", "AnnualRevenue": 1200000.5, "NumberOfEmployees": 12})
	contact := w.create("Contact", map[string]any{"LastName": "Bee", "FirstName": "Ann", "AccountId": account, "Email": "ann@bee.example"})
	if len(account) != 18 || account[:3] != "001" || contact[:3] != "003" {
		t.Fatalf("ids %s %s", account, contact)
	}
	got := w.query("SELECT Id, Name, Account.Name, Account.Owner.Name, CreatedDate FROM Contact WHERE Account.Name LIKE 'acme%'")
	if got.TotalSize != 1 || got.Records[0]["Name"] != "Ann Bee" {
		t.Fatalf("query: %+v", got)
	}
	parent := got.Records[0]["Account"].(map[string]any)
	if parent["Name"] != "Acme \"quoted\"\nline ✓" || parent["Owner"].(map[string]any)["Name"] != "Ada Admin" {
		t.Errorf("parent = %v", parent)
	}
	if d := got.Records[0]["CreatedDate"]; d != "2026-03-01T10:00:00.000+0000" {
		t.Errorf("CreatedDate = %v", d)
	}
	w.clock.advance(time.Minute)
	w.must("PATCH", "/sobjects/Account/"+account, map[string]any{"Phone": "1"}, nil)
	stamped := w.query("SELECT Id, SystemModstamp FROM Account WHERE SystemModstamp > 2026-03-01T10:00:00Z ORDER BY SystemModstamp, Id LIMIT 2000")
	if stamped.TotalSize != 1 || stamped.Records[0]["SystemModstamp"] != "2026-03-01T10:01:00.000+0000" {
		t.Errorf("stamped = %+v", stamped)
	}
	nested := w.query("SELECT Id, (SELECT LastName FROM Contacts) FROM Account")
	if kids := nested.Records[0]["Contacts"].(map[string]any); kids["totalSize"] != 1.0 {
		t.Errorf("nested = %v", kids)
	}
	w.must("DELETE", "/sobjects/Account/"+account, nil, nil)
	if n := w.query("SELECT COUNT() FROM Contact").TotalSize; n != 0 {
		t.Errorf("%d contacts live after the cascade", n)
	}
	if n := w.queryAll("SELECT Id FROM Contact WHERE IsDeleted = true").TotalSize; n != 1 {
		t.Errorf("%d contacts in the bin, want 1", n)
	}
	w.refused("GET", "/sobjects/Account/"+account, nil, 404, "ENTITY_IS_DELETED")
	if info := w.last.Header.Get("Sforce-Limit-Info"); !strings.HasPrefix(info, "api-usage=") {
		t.Errorf("Sforce-Limit-Info = %q", info)
	}
}
