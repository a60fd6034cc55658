package salesforce_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
)

const noLimits = `{"DailyApiRequests":{"Max":100,"Remaining":90}}`

func TestExpiredSessionIsRenewedOnce(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("GET /limits", answering(noLimits))
	var saved []engine.Tokens
	conn := w.connection()
	conn.Save = func(_ context.Context, tokens engine.Tokens) error {
		saved = append(saved, tokens)
		return nil
	}
	org, err := salesforce.New(salesforce.Options{}).Open(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	w.token.Add(1) // the session expires
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := org.Limits(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	want := engine.Tokens{AccessToken: w.current(), RefreshToken: "refresh", InstanceURL: w.server.URL}
	if w.grants.Load() != 1 || len(saved) != 1 || saved[0] != want {
		t.Errorf("%d grants, saved %+v; want one of each", w.grants.Load(), saved)
	}
}

// TestSessionThatACallBesideEnds: a call whose every try ends the session for
// all fails alone.
func TestSessionThatACallBesideEnds(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	var inFlight, met atomic.Int64
	beside := func(end bool) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			inFlight.Add(1)
			defer inFlight.Add(-1)
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for n := 0; n < 100 && inFlight.Load() < 2; n++ { // as long as the other call needs to come, if it comes
				<-tick.C
			}
			if together := inFlight.Load() > 1; end || together {
				if together {
					met.Add(1)
				}
				w.token.Add(1)
				refuse(rw, http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
				return
			}
			fmt.Fprint(rw, noLimits)
		}
	}
	w.HandleFunc("GET "+data+"/limits", beside(false))
	w.HandleFunc("GET "+data+"/sobjects/", beside(true))
	org := w.open(t, salesforce.Options{})
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := org.DescribeGlobal(t.Context()); code(err) != "INVALID_SESSION_ID" {
			t.Errorf("the call that ends sessions: got %v", err)
		}
	})
	if _, err := org.Limits(t.Context()); err != nil {
		t.Errorf("the call beside it: %v", err)
	}
	group.Wait()
	if met.Load() == 0 {
		t.Error("the two calls never met")
	}
}

// TestQuotaReachedBetweenRenewals: who gives up before the last try leaves the
// way open for others.
func TestQuotaReachedBetweenRenewals(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	dead := refusing(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
	w.data("GET /limits", answering(noLimits))
	w.data("GET /sobjects/", inTurn(dead, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Sforce-Limit-Info", "api-usage=95/100")
		dead(rw, r)
	}))
	org := w.open(t, salesforce.Options{})
	if _, err := org.DescribeGlobal(t.Context()); code(err) != "API_QUOTA_REACHED" {
		t.Errorf("got %v", err)
	}
	if _, err := org.Limits(engine.Impatient(t.Context(), 10*time.Second)); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// TestOrgThatNeverAnswers keeps nobody waiting: neither a call nor a sign-in.
func TestOrgThatNeverAnswers(t *testing.T) {
	t.Parallel()
	silent := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // until then nobody sees that the client has gone
		<-r.Context().Done()
	}
	w := newWire(t)
	w.data("GET /limits", silent)
	org := w.open(t, salesforce.Options{})
	if _, err := org.Limits(engine.Impatient(t.Context(), 50*time.Millisecond)); code(err) != "ORG_UNREACHABLE" || !strings.Contains(err.Error(), "took too long to list its limits") {
		t.Errorf("a call: %v", err)
	}
	login := httptest.NewServer(http.HandlerFunc(silent))
	t.Cleanup(login.Close)
	conn := w.connection()
	conn.LoginURL, conn.AccessToken = login.URL, ""
	if _, err := salesforce.New(salesforce.Options{}).Open(engine.Impatient(t.Context(), 50*time.Millisecond), conn); code(err) != "ORG_UNREACHABLE" {
		t.Errorf("a sign-in: %v", err)
	}
}

// TestRenewalOutlivesItsCall: what a refresh token is exchanged for is kept,
// though the call that asked for it is cancelled meanwhile.
func TestRenewalOutlivesItsCall(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("GET /limits", answering(noLimits))
	ctx, cancel := context.WithCancelCause(t.Context())
	spent := false
	login := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		cancel(engine.E(engine.KindDenied, "ABORTED", "The job was cancelled."))
		if spent {
			rw.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(rw, `{"error":"invalid_grant"}`)
			return
		}
		spent = true
		fmt.Fprintf(rw, `{"access_token":%q,"refresh_token":"next","instance_url":%q}`, w.current(), w.server.URL)
	}))
	t.Cleanup(login.Close)
	var saved engine.Tokens
	conn := w.connection()
	conn.LoginURL = login.URL
	conn.Save = func(ctx context.Context, tokens engine.Tokens) error {
		saved = tokens
		return ctx.Err()
	}
	org, err := salesforce.New(salesforce.Options{}).Open(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	w.token.Add(1)
	_, _ = org.Limits(ctx)
	if saved.RefreshToken != "next" {
		t.Errorf("saved %+v", saved)
	}
	if _, err := org.Limits(t.Context()); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// TestExpiredSessionOfTheIdentityService: it answers 403, in plain text.
func TestExpiredSessionOfTheIdentityService(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.HandleFunc("GET /services/oauth2/userinfo", func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+w.current() {
			rw.WriteHeader(http.StatusForbidden)
			fmt.Fprint(rw, "Bad_OAuth_Token")
			return
		}
		fmt.Fprint(rw, `{"user_id":"0055g00000AbCdEAAV","organization_id":"00D5g000008abcdEAA","preferred_username":"int@acme.example"}`)
	})
	w.data("GET /query", answering(`{"records":[{"Id":"00D5g000008abcdEAA","Name":"Acme","IsSandbox":true}]}`))
	org := w.open(t, salesforce.Options{})
	w.token.Add(1)
	who, err := org.Identity(t.Context())
	if err != nil || who.OrgName != "Acme" || !who.Sandbox || who.Username != "int@acme.example" || w.grants.Load() != 1 {
		t.Errorf("got %+v, %v", who, err)
	}
}

func TestRevokedAccess(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("GET /limits", answering(noLimits))
	org := w.open(t, salesforce.Options{})
	w.token.Add(1)
	w.revoke.Store(true)
	for range 3 {
		_, err := org.Limits(t.Context())
		if !engine.Is(err, engine.KindDenied) || code(err) != "ORG_ACCESS_REVOKED" {
			t.Fatalf("got %v, want ORG_ACCESS_REVOKED", err)
		}
	}
}

func TestSessionThatRESTRefusesIsNotRenewed(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("GET /limits", refusing(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API"))
	org := w.open(t, salesforce.Options{})
	if _, err := org.Limits(t.Context()); !engine.Is(err, engine.KindDenied) {
		t.Errorf("got %v, want a refusal", err)
	}
	if w.grants.Load() != 0 {
		t.Errorf("%d tokens were fetched", w.grants.Load())
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		code    string // "" for success
		calls   int64
	}{
		{"503", inTurn(refusing(503, "SERVER_UNAVAILABLE", ""), refusing(503, "", "<html>"), answering(noLimits)), "", 3},
		{"500", inTurn(refusing(500, "UNKNOWN_EXCEPTION", ""), answering(noLimits)), "", 2},
		{"500 for ever", refusing(500, "UNKNOWN_EXCEPTION", ""), "UNKNOWN_EXCEPTION", 3},
		{"502", inTurn(refusing(502, "", ""), answering(noLimits)), "", 2},
		{"420", inTurn(refusing(420, "", ""), answering(noLimits)), "", 2},
		{"420 for ever", refusing(420, "", ""), "HTTP_420", 2},
		{"too many at once", inTurn(refusing(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."), answering(noLimits)), "", 2},
		{"locked row", inTurn(refusing(400, "UNABLE_TO_LOCK_ROW", ""), answering(noLimits)), "", 2},
		{"reset", inTurn(resetting(""), answering(noLimits)), "", 2},
		{"reset in the middle", inTurn(resetting(`{"DailyApi`), answering(noLimits)), "", 2},
		{"truncated", inTurn(answering(`{"DailyApiRequests":{"Max"`), answering(noLimits)), "", 2},
		{"reset for ever", resetting(""), "ORG_UNREACHABLE", 8},
		{"daily limit", refusing(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), "API_QUOTA_REACHED", 1},
		{"no permission", refusing(403, "INSUFFICIENT_ACCESS", "x"), "INSUFFICIENT_ACCESS", 1},
		{"no such field", refusing(400, "INVALID_FIELD", "No such column 'Foo__c' on entity 'Account'."), "INVALID_FIELD", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t)
			w.data("GET /limits", test.handler)
			org := w.open(t, salesforce.Options{})
			before := org.Calls()
			limits, err := org.Limits(t.Context())
			if code(err) != test.code || (err == nil) != (test.code == "") {
				t.Errorf("got %v, want code %q", err, test.code)
			}
			if errors.Is(err, io.EOF) {
				t.Error("a failure looks like the end of a stream")
			}
			if err == nil && limits.APIRequests.Max != 100 {
				t.Errorf("got %+v", limits)
			}
			if calls := org.Calls() - before; calls != test.calls {
				t.Errorf("%d calls, want %d", calls, test.calls)
			}
		})
	}
}

// TestErrorsKeepValuesIn checks that no text of the platform gets out: it may
// quote a query or a record.
func TestErrorsKeepValuesIn(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("GET /queryAll", refusing(400, "MALFORMED_QUERY", "Name = 'Zarathustra' ^"))
	org := w.open(t, salesforce.Options{})
	object := account()
	rows, err := org.Read(t.Context(), engine.ReadRequest{Object: object, Fields: []string{"Id"}, Where: "Name = 'Zarathustra'", Expect: 1})
	if err == nil {
		_, err = drain(t, rows)
	}
	if code(err) != "MALFORMED_QUERY" || strings.Contains(err.Error(), "Zarathustra") {
		t.Errorf("got %v", err)
	}
	w.server.Close()
	if _, err := org.Limits(t.Context()); code(err) != "ORG_UNREACHABLE" || strings.Contains(err.Error(), "/limits") {
		t.Errorf("got %v", err)
	}
}

func TestGovernorStopsAtThePercentage(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	var used atomic.Int64
	answering := func(text string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/100", used.Load()))
			fmt.Fprint(rw, text)
		}
	}
	w.data("GET /limits", answering(noLimits))
	w.data("GET /sobjects/", answering(`{"sobjects": []}`))
	at := newClock()
	org := w.open(t, salesforce.Options{Now: at.Now, Sleep: at.Sleep})
	ask := func() error {
		_, err := org.DescribeGlobal(t.Context())
		return err
	}
	used.Store(80)
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	calls := org.Calls()
	if err := ask(); !engine.Is(err, engine.KindLimit) || code(err) != "API_QUOTA_REACHED" || !strings.Contains(err.Error(), "80 of its 100") {
		t.Fatalf("at 80 %%: %v", err)
	}
	if org.Calls() != calls {
		t.Error("a call was made over the quota")
	}
	if _, err := org.Limits(t.Context()); err != nil {
		t.Errorf("how much is used cannot be seen: %v", err)
	}
	used.Store(60) // the rolling day has moved on
	at.advance(6 * time.Minute)
	if err := errors.Join(ask(), ask()); err != nil {
		t.Errorf("after the day moved on: %v", err)
	}
}

func TestCompressedAnswers(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	compressed := func(cut bool) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				t.Error("gzip is not asked for")
			}
			rw.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(rw)
			fmt.Fprint(z, noLimits)
			if !cut {
				z.Close()
			} else {
				z.Flush()
			}
		}
	}
	w.data("GET /limits", inTurn(compressed(true), compressed(false)))
	org := w.open(t, salesforce.Options{})
	limits, err := org.Limits(t.Context())
	if err != nil || limits.APIRequests.Remaining != 90 {
		t.Errorf("got %+v, %v", limits, err)
	}
}

func TestStalledAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("GET /limits", inTurn(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, `{"Daily`)
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done() // until the client has had enough
	}, answering(noLimits)))
	org := w.open(t, salesforce.Options{StallAfter: 50 * time.Millisecond})
	if _, err := org.Limits(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWebServerFlow(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	client := salesforce.New(salesforce.Options{})
	address, err := client.AuthorizeURL(engine.AuthorizeRequest{
		LoginURL: w.server.URL + "/", ClientID: "client", RedirectURI: "https://x/cb", State: "s t",
		CodeVerifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
	})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(address)
	if q := u.Query(); u.Path != "/services/oauth2/authorize" || q.Get("code_challenge") != "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" || // RFC 7636, appendix B
		q.Get("code_challenge_method") != "S256" || q.Get("state") != "s t" || q.Get("response_type") != "code" {
		t.Errorf("got %s", address)
	}
	tokens, err := client.Exchange(t.Context(), engine.ExchangeRequest{LoginURL: w.server.URL, ClientID: "client", Code: "c"})
	if err != nil || tokens.AccessToken != w.current() || tokens.InstanceURL != w.server.URL {
		t.Errorf("got %+v, %v", tokens, err)
	}
	if _, err := client.AuthorizeURL(engine.AuthorizeRequest{LoginURL: "login"}); code(err) != "LOGIN_URL_INVALID" {
		t.Errorf("an address without a host: %v", err)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.HandleFunc("POST /services/oauth2/revoke", inTurn(
		answering(""),
		func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(400)
			fmt.Fprint(rw, "error=invalid_token")
		},
		func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(503); fmt.Fprint(rw, "<html>") },
	))
	client := salesforce.New(salesforce.Options{})
	for range 2 {
		if err := client.Revoke(t.Context(), w.server.URL, "token"); err != nil {
			t.Error(err)
		}
	}
	if err := client.Revoke(t.Context(), w.server.URL, "token"); !engine.Is(err, engine.KindTransient) {
		t.Errorf("got %v", err)
	}
}

func TestOpenRefusesOldVersions(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	conn := w.connection()
	conn.APIVersion = "57.0"
	if _, err := salesforce.New(salesforce.Options{}).Open(t.Context(), conn); code(err) != "API_VERSION_UNSUPPORTED" {
		t.Errorf("got %v", err)
	}
}
