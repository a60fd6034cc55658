package salesforce_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
)

const data = "/services/data/v66.0"

// wire is a server of a few routes, for details that a simulated org does not
// show on demand: what each route answers is the test's own business.
type wire struct {
	*http.ServeMux
	server *httptest.Server
	token  atomic.Int64 // serial of the token that is valid now
	grants atomic.Int64 // tokens given
	revoke atomic.Bool  // the token endpoint refuses
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{ServeMux: http.NewServeMux()}
	w.token.Store(1)
	w.server = httptest.NewServer(w.ServeMux)
	t.Cleanup(w.server.Close)
	w.HandleFunc("POST /services/oauth2/token", w.grant)
	w.data("GET /{$}", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{}`) })
	return w
}

func (w *wire) grant(rw http.ResponseWriter, _ *http.Request) {
	if w.revoke.Load() {
		rw.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(rw, `{"error":"invalid_grant","error_description":"expired access/refresh token"}`)
		return
	}
	w.grants.Add(1)
	fmt.Fprintf(rw, `{"access_token":%q,"instance_url":%q}`, w.current(), w.server.URL+"/")
}

func (w *wire) current() string { return fmt.Sprintf("00D!token-%d", w.token.Load()) }

// data serves a route of the data API: "GET /limits". Sessions are checked.
func (w *wire) data(route string, serve http.HandlerFunc) {
	method, path, _ := strings.Cut(route, " ")
	w.HandleFunc(method+" "+data+path, func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+w.current() {
			refuse(rw, http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
			return
		}
		serve(rw, r)
	})
}

func refuse(rw http.ResponseWriter, status int, code, message string) {
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode([]map[string]string{{"errorCode": code, "message": message}})
}

// inTurn serves the n-th request with the n-th handler, the last one for ever.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int64
	return func(rw http.ResponseWriter, r *http.Request) {
		handlers[min(int(n.Add(1)), len(handlers))-1](rw, r)
	}
}

func refusing(status int, code, message string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, status, code, message) }
}

func answering(text string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, text) }
}

// resetting breaks the connection off after some text.
func resetting(text string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if text != "" {
			fmt.Fprint(rw, text)
			_ = http.NewResponseController(rw).Flush()
		}
		panic(http.ErrAbortHandler)
	}
}

// clock stands still but for those who sleep by it.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.slept = c.now.Add(d), append(c.slept, d)
	return ctx.Err()
}

func (c *clock) advance(d time.Duration) { _ = c.Sleep(context.Background(), d) }

func (w *wire) connection() engine.Connection {
	return engine.Connection{
		OrgRef: "org1", Flow: engine.FlowRefreshToken, LoginURL: w.server.URL, InstanceURL: w.server.URL,
		ClientID: "client", ClientSecret: "secret", AccessToken: w.current(), RefreshToken: "refresh",
	}
}

// open connects with the options, on a clock that nobody waits for.
func (w *wire) open(t *testing.T, options salesforce.Options) engine.Org {
	t.Helper()
	if options.Sleep == nil {
		c := newClock()
		options.Now, options.Sleep = c.Now, c.Sleep
	}
	org, err := salesforce.New(options).Open(t.Context(), w.connection())
	if err != nil {
		t.Fatal(err)
	}
	return org
}

// account is a describe that is enough to read by.
func account() engine.SObject {
	o := engine.SObject{Name: "Account", Queryable: true}
	for name, fieldType := range map[string]string{
		"Id": "id", "Name": "string", "AnnualRevenue": "currency", "IsActive__c": "boolean",
		"IsDeleted": "boolean", "SystemModstamp": "datetime", "BillingAddress": "address",
	} {
		o.Fields = append(o.Fields, engine.Field{Name: name, Type: fieldType})
	}
	return o
}

// code is the code that an error tells the user.
func code(err error) string {
	if e, ok := engine.AsError(err); ok {
		return e.Code
	}
	return ""
}

// drain reads a stream to its end.
func drain(t *testing.T, rows engine.Rows) ([][]string, error) {
	t.Helper()
	defer rows.Close()
	var all [][]string
	for {
		row, err := rows.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = string(c)
		}
		all = append(all, cells)
	}
}
