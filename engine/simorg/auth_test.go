package simorg_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// authorize opens the authorization page and returns where it sends the browser.
func (w *world) authorize(method string, values url.Values) url.Values {
	w.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	target := w.url + "/services/oauth2/authorize"
	var res *http.Response
	var err error
	if method == http.MethodPost {
		res, err = client.PostForm(target, values)
	} else {
		res, err = client.Get(target + "?" + values.Encode())
	}
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	at, _ := url.Parse(res.Header.Get("Location"))
	q := at.Query()
	q.Set("status", res.Status[:3])
	return q
}

func TestWebServerFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *simorg.Config) { c.Apps[0].RequirePKCE, c.Apps[0].RotateRefreshTokens = true, true })
	verifier := strings.Repeat("verify", 10)
	sum := sha256.Sum256([]byte(verifier))
	ask := url.Values{
		"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {"http://localhost/cb"}, "state": {"s t"}, "scope": {"api refresh_token"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	expect(t, "the consent page", w.authorize("GET", ask).Get("status"), "200")
	grant := func() string {
		ask.Set("username", "admin@test.example")
		ask.Set("answer", "allow")
		back := w.authorize("POST", ask)
		expect(t, "state", back.Get("state"), "s t")
		return back.Get("code")
	}
	redeem := func(code, verifier string) map[string]any {
		var got map[string]any
		w.form("/services/oauth2/token", url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"app"}, "client_secret": {"shh"},
			"redirect_uri": {"http://localhost/cb"}, "code_verifier": {verifier},
		}, &got)
		return got
	}
	code := grant()
	got := redeem(code, verifier)
	expect(t, "instance_url", got["instance_url"], any(w.url))
	if got["access_token"] == nil || got["refresh_token"] == nil || got["expires_in"] != nil || !strings.HasPrefix(got["id"].(string), w.url+"/id/00D") {
		t.Fatalf("token: %v", got)
	}
	expect(t, "a code twice", redeem(code, verifier)["error"], any("invalid_grant"))
	expect(t, "another verifier", redeem(grant(), "wrong")["error"], any("invalid_request"))
	expect(t, "no verifier", redeem(grant(), "")["error"], any("invalid_grant"))
	late := grant()
	w.clock.advance(16 * time.Minute)
	expect(t, "an old code", redeem(late, verifier)["error_description"], any("expired authorization code"))
	refresh := func(token any) map[string]any {
		var got map[string]any
		w.form("/services/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}, "client_id": {"app"}, "client_secret": {"shh"}}, &got)
		return got
	}
	next := refresh(got["refresh_token"])
	expect(t, "the rotated token is spent", refresh(got["refresh_token"])["error"], any("invalid_grant"))
	if next["refresh_token"] == nil {
		t.Fatalf("no rotation: %v", next)
	}
	w.form("/services/oauth2/revoke", url.Values{"token": {next["refresh_token"].(string)}}, &struct{}{})
	expect(t, "after revoke", refresh(next["refresh_token"])["error"], any("invalid_grant"))
	ask.Set("answer", "deny")
	expect(t, "denied", w.authorize("POST", ask).Get("error"), "access_denied")
	ask.Del("code_challenge")
	expect(t, "without PKCE", w.authorize("GET", ask).Get("error"), "invalid_request")
	ask.Set("redirect_uri", "http://evil.example")
	expect(t, "another redirect", w.authorize("GET", ask).Get("status"), "400")
}

func TestSessionsExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *simorg.Config) {
		c.SessionTimeout, c.AutoApprove = time.Hour, true
		c.Users = append(c.Users, simorg.User{Username: "noapi@test.example", Password: "pw", LastName: "N", Permissions: []string{}})
	})
	for range 3 {
		w.clock.advance(50 * time.Minute)
		expect(t, "kept alive by use", w.withToken(w.token), 200)
	}
	w.clock.advance(61 * time.Minute)
	w.refused("GET", "/limits", nil, 401, "INVALID_SESSION_ID")
	expect(t, "WWW-Authenticate", w.last.Header.Get("WWW-Authenticate"), "Token")
	w.signIn()
	w.as("noapi@test.example").refused("GET", "/limits", nil, 403, "API_DISABLED_FOR_ORG")
	code := w.authorize("GET", url.Values{"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {"http://localhost/cb"}}).Get("code")
	if code == "" {
		t.Error("AutoApprove shows a page")
	}
	var identity map[string]any
	w.must("GET", "/services/oauth2/userinfo", nil, &identity)
	expect(t, "organization_id", identity["organization_id"], any(w.org.ID()))
	w.token = "bad"
	status, body := w.do("GET", "/services/oauth2/userinfo", nil)
	expect(t, "userinfo with a bad token", string(body[:15]), "Bad_OAuth_Token")
	expect(t, "status", status, 403)
	var refused map[string]any
	w.form("/services/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {"wrong"}}, &refused)
	expect(t, "wrong secret", refused["error"], any("invalid_client"))
	w.form("/services/oauth2/token", url.Values{"grant_type": {"magic"}}, &refused)
	expect(t, "unknown grant", refused["error"], any("unsupported_grant_type"))
}

func TestSetUserChangesARunningSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create("Account", map[string]any{"Name": "A", "Phone": "1"})
	set := func(edit func(*simorg.User)) {
		t.Helper()
		if err := w.org.SetUser("admin@test.example", edit); err != nil {
			t.Fatal(err)
		}
	}
	set(func(u *simorg.User) { u.HiddenFields = []string{"Account.Phone"} })
	w.refused("GET", "/query?q=SELECT+Phone+FROM+Account", nil, 400, "INVALID_FIELD")
	set(func(u *simorg.User) { u.HiddenFields, u.ReadOnlyFields = nil, []string{"Account.*"} })
	expect(t, "Phone again", w.query("SELECT Phone FROM Account").Records[0]["Phone"], any("1"))
	w.refused("PATCH", "/sobjects/Account/"+id, map[string]any{"Phone": "2"}, 400, "INSUFFICIENT_ACCESS_OR_READONLY")
	w.refused("DELETE", "/sobjects/Account/"+id, nil, 400, "INSUFFICIENT_ACCESS_OR_READONLY")
	user := w.query("SELECT Id FROM User").Records[0]["Id"].(string)
	access := w.query("SELECT RecordId, HasReadAccess, HasEditAccess FROM UserRecordAccess WHERE UserId = '" + user + "' AND RecordId = '" + id + "'").Records[0]
	if access["HasReadAccess"] != true || access["HasEditAccess"] != false {
		t.Errorf("access: %v", access)
	}
	set(func(u *simorg.User) { u.Permissions = []string{} })
	w.refused("GET", "/limits", nil, 403, "API_DISABLED_FOR_ORG")
	if err := w.org.SetUser("nobody", func(*simorg.User) {}); err == nil {
		t.Error("an unknown user was changed")
	}
}
