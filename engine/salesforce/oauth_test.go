package salesforce_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

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
	org := keep(t, client, tokens)
	for range 3 {
		sim.ExpireSessions()
		if _, err := org.Limits(t.Context()); err != nil {
			t.Fatal(err)
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

// keep opens a connection that must be given each new refresh token.
func keep(t *testing.T, client *salesforce.Client, tokens engine.Tokens) engine.Org {
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
			tokens = fresh
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return org
}
