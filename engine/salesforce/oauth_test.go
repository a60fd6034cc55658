package salesforce_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/simorg"
)

const redirectURI = "https://holdfast.example/callback"

// signIn grants access as a browser does and returns the code.
func signIn(t *testing.T, address string) string {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := browser.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil || back.Query().Get("code") == "" || back.Query().Get("state") != "s" {
		t.Fatalf("HTTP %d, back to %v, %v", resp.StatusCode, back, err)
	}
	return back.Query().Get("code")
}

// TestSimWebServerFlow lives through a connection: granted in a browser, its
// sessions expiring, its refresh tokens rotating, and revoked in the end.
func TestSimWebServerFlow(t *testing.T) {
	t.Parallel()
	at := newClock()
	sim, err := simorg.New(simorg.Config{
		Now: at.Now, AutoApprove: true,
		Apps: []simorg.App{{ClientID: "client", ClientSecret: "secret", RedirectURIs: []string{redirectURI}, RequirePKCE: true, RotateRefreshTokens: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	defer server.Close()
	client := salesforce.New(salesforce.Options{Now: at.Now, Sleep: at.Sleep})
	const verifier = "a-code-verifier-of-more-than-forty-three-characters"
	address, err := client.AuthorizeURL(engine.AuthorizeRequest{LoginURL: server.URL, ClientID: "client", RedirectURI: redirectURI, State: "s", CodeVerifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	exchange := engine.ExchangeRequest{LoginURL: server.URL, ClientID: "client", ClientSecret: "secret", RedirectURI: redirectURI, Code: signIn(t, address), CodeVerifier: "another one altogether"}
	if _, err := client.Exchange(t.Context(), exchange); !engine.Is(err, engine.KindDenied) {
		t.Errorf("a wrong verifier: %v", err)
	}
	exchange.Code, exchange.CodeVerifier = signIn(t, address), verifier
	tokens, err := client.Exchange(t.Context(), exchange)
	if err != nil || tokens.RefreshToken == "" {
		t.Fatal(tokens, err)
	}
	if _, err := client.Exchange(t.Context(), exchange); code(err) != "ORG_AUTHORIZATION_EXPIRED" {
		t.Errorf("a code used twice: %v", err)
	}
	saved := &tokens
	org, elsewhere := keep(t, client, saved), keep(t, salesforce.New(salesforce.Options{Now: at.Now, Sleep: at.Sleep}), saved)
	for range 3 { // each node spends the refresh token that the other knows
		for _, node := range []engine.Org{org, elsewhere} {
			sim.ExpireSessions()
			if _, err := node.Limits(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	sim.RevokeRefreshTokens()
	sim.ExpireSessions()
	if _, err := org.Limits(t.Context()); code(err) != "ORG_ACCESS_REVOKED" {
		t.Errorf("got %v, want ORG_ACCESS_REVOKED", err)
	}
}

func TestSimCredentials(t *testing.T) {
	t.Parallel()
	s := simulate(t, simorg.Config{}, salesforce.Options{})
	for _, secret := range []string{"wrong", ""} {
		_, err := salesforce.New(salesforce.Options{}).Open(t.Context(), engine.Connection{
			Flow: engine.FlowClientCredentials, LoginURL: s.server.URL, ClientID: "client", ClientSecret: secret,
		})
		if code(err) != "ORG_CREDENTIALS_REFUSED" {
			t.Errorf("secret %q: %v", secret, err)
		}
	}
}

// TestRefusedCredentialsAreTriedAgain: an admin may mend them in the org.
func TestRefusedCredentialsAreTriedAgain(t *testing.T) {
	t.Parallel()
	var refuses atomic.Bool
	var asked atomic.Int64
	s := simulate(t, simorg.Config{}, salesforce.Options{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
		if !refuses.Load() || !strings.HasSuffix(r.URL.Path, "/oauth2/token") {
			return http.DefaultTransport.RoundTrip(r)
		}
		asked.Add(1)
		answer := httptest.NewRecorder()
		answer.WriteHeader(http.StatusUnauthorized)
		_, _ = answer.WriteString(`{"error":"invalid_client","error_description":"invalid client credentials"}`)
		return answer.Result(), nil
	})})
	refuses.Store(true)
	s.sim.ExpireSessions()
	for range 3 {
		if _, err := s.Limits(t.Context()); code(err) != "ORG_CREDENTIALS_REFUSED" {
			t.Errorf("got %v, want ORG_CREDENTIALS_REFUSED", err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times within a minute", n)
	}
	refuses.Store(false)
	s.clock.advance(time.Minute)
	if _, err := s.Limits(t.Context()); err != nil {
		t.Error("mended, and still refused:", err)
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// keep opens a node's connection, which must be given each new refresh token.
func keep(t *testing.T, client *salesforce.Client, tokens *engine.Tokens) engine.Org {
	t.Helper()
	u, err := url.Parse(tokens.InstanceURL)
	if err != nil {
		t.Fatal(err)
	}
	org, err := client.Open(t.Context(), engine.Connection{
		OrgRef: "org1", Flow: engine.FlowWebServer, LoginURL: u.String(), InstanceURL: tokens.InstanceURL,
		ClientID: "client", ClientSecret: "secret", AccessToken: tokens.AccessToken, RefreshToken: tokens.RefreshToken,
		Save: func(_ context.Context, fresh engine.Tokens) error {
			if fresh.RefreshToken == tokens.RefreshToken || fresh.AccessToken == tokens.AccessToken {
				t.Errorf("saved a token that is not new")
			}
			*tokens = fresh
			return nil
		},
		Saved: func(context.Context) (engine.Tokens, error) { return *tokens, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return org
}
