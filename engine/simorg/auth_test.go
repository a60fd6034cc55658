package simorg_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
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

// signed is a compact JWS of the claims.
func signed(t *testing.T, key *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(map[string]string{"alg": "RS256"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func newKey(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestJWTBearer(t *testing.T) {
	t.Parallel()
	key, public := newKey(t)
	other, _ := newKey(t)
	w := newWorld(t, func(c *simorg.Config) {
		c.Apps[0].Certificate, c.Apps[0].Approved = public, []string{"admin@test.example", "gone@test.example"}
		c.Apps = append(c.Apps, simorg.App{ClientID: "own", ClientSecret: "s", Certificate: public, RedirectURIs: []string{"http://localhost/cb"}}, simorg.App{ClientID: "none"})
		c.Users = append(c.Users, simorg.User{Username: "gone@test.example", LastName: "G", Inactive: true}, simorg.User{Username: "plain@test.example", LastName: "P"})
	})
	good := func() map[string]any {
		return map[string]any{"iss": "app", "sub": "Admin@test.example", "aud": "https://login.salesforce.com", "exp": w.clock.now().Add(3 * time.Minute).Unix()}
	}
	ask := func(assertion string) (int, map[string]any) {
		var got map[string]any
		status := w.form("/services/oauth2/token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}, &got)
		return status, got
	}
	status, got := ask(signed(t, key, good()))
	if status != 200 || got["access_token"] == nil || got["refresh_token"] != nil || got["instance_url"] != w.url {
		t.Fatalf("a good assertion: %d %v", status, got)
	}
	expect(t, "the session works", w.withToken(got["access_token"].(string)), 200)
	for name, c := range map[string]struct {
		key    *rsa.PrivateKey
		change map[string]any
		want   string
	}{
		"my domain as audience":        {key, map[string]any{"aud": w.url}, ""},
		"several audiences":            {key, map[string]any{"aud": []string{"https://x.example", "https://test.salesforce.com"}}, ""},
		"another audience":             {key, map[string]any{"aud": "https://x.example"}, "invalid_grant: audience is invalid"},
		"no audience":                  {key, map[string]any{"aud": nil}, "invalid_grant: audience is invalid"},
		"another key":                  {other, nil, "invalid_grant: invalid assertion"},
		"an unknown app":               {key, map[string]any{"iss": "x"}, "invalid_client_id: client identifier invalid"},
		"an app without a certificate": {key, map[string]any{"iss": "none"}, "invalid_grant: invalid assertion"},
		"expired":                      {key, map[string]any{"exp": w.clock.now().Add(-2 * time.Minute).Unix()}, "invalid_grant: expired assertion"},
		"said in milliseconds":         {key, map[string]any{"exp": w.clock.now().UnixMilli()}, ""},
		"good for ever":                {key, map[string]any{"exp": nil}, "invalid_grant: expired assertion"},
		"nobody":                       {key, map[string]any{"sub": "nobody@test.example"}, "invalid_grant: user hasn't approved this consumer"},
		"not approved by the admin":    {key, map[string]any{"sub": "plain@test.example"}, "invalid_app_access: user is not admin approved to access this app"},
		"inactive":                     {key, map[string]any{"sub": "gone@test.example"}, "inactive_user: user is inactive"},
		"never approved by the user":   {key, map[string]any{"iss": "own"}, "invalid_grant: user hasn't approved this consumer"},
	} {
		claims := good()
		for k, v := range c.change {
			claims[k] = v
		}
		status, got := ask(signed(t, c.key, claims))
		said := ""
		if status != 200 {
			said = fmt.Sprint(got["error"], ": ", got["error_description"])
		}
		expect(t, name, said, c.want)
	}
	_, got = ask("a.b")
	expect(t, "no JWT at all", got["error"], any("invalid_grant"))
	unsigned := strings.Split(signed(t, key, good()), ".")
	unsigned[0] = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	_, got = ask(unsigned[0] + "." + unsigned[1] + ".")
	expect(t, "alg none", got["error"], any("invalid_grant"))
	w.approveFor("own")
	status, _ = ask(signed(t, key, map[string]any{"iss": "own", "sub": "admin@test.example", "aud": w.url, "exp": w.clock.now().Add(time.Minute).Unix()}))
	expect(t, "approved once by the user", status, 200)
}

// approveFor lets the admin approve an app for good, and returns the tokens.
func (w *world) approveFor(client string) map[string]any {
	w.Helper()
	code := w.authorize("POST", url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {"http://localhost/cb"}, "scope": {"api refresh_token openid"}, "nonce": {"n1"},
		"username": {"admin@test.example"}, "answer": {"allow"},
	}).Get("code")
	var got map[string]any
	w.form("/services/oauth2/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "client_id": {client}, "client_secret": {map[string]string{"app": "shh", "own": "s"}[client]}, "redirect_uri": {"http://localhost/cb"},
	}, &got)
	return got
}

func TestOpenID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.approveFor("app")
	token, _ := got["id_token"].(string)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("id_token %q", token)
	}
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	status, body := w.do("GET", "/id/keys", nil)
	if err := json.Unmarshal(body, &set); err != nil || status != 200 || len(set.Keys) != 1 {
		t.Fatalf("keys: %d %s", status, body)
	}
	n, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	e, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].E)
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature); err != nil {
		t.Error("the id_token is not signed by the published key")
	}
	var claims map[string]any
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	_ = json.Unmarshal(text, &claims)
	expect(t, "sub", claims["sub"], got["id"])
	expect(t, "nonce", claims["nonce"], any("n1"))
	expect(t, "aud", claims["aud"], any("app"))
	look := func(token any, secret string) map[string]any {
		var facts map[string]any
		w.form("/services/oauth2/introspect", url.Values{"token": {token.(string)}, "client_id": {"app"}, "client_secret": {secret}}, &facts)
		return facts
	}
	facts := look(got["access_token"], "shh")
	expect(t, "active", facts["active"], any(true))
	expect(t, "username", facts["username"], any("admin@test.example"))
	expect(t, "scope", facts["scope"], any("api refresh_token openid"))
	expect(t, "exp", facts["exp"], any(float64(w.clock.now().Add(2*time.Hour).Unix())))
	expect(t, "a refresh token", look(got["refresh_token"], "shh")["token_type"], any("refresh_token"))
	expect(t, "another secret", look(got["access_token"], "no")["error"], any("invalid_client"))
	w.form("/services/oauth2/revoke", url.Values{"token": {got["access_token"].(string)}}, &struct{}{})
	expect(t, "after revoke", look(got["access_token"], "shh")["active"], any(false))
	var refused map[string]any
	status = w.form("/services/oauth2/revoke", url.Values{"token": {"none"}}, &refused)
	expect(t, "revoke of no token", fmt.Sprint(status, refused["error"]), "400invalid_token")
	var found map[string]any
	_, body = w.do("GET", "/.well-known/openid-configuration", nil)
	_ = json.Unmarshal(body, &found)
	expect(t, "jwks_uri", found["jwks_uri"], any(w.url+"/id/keys"))
}

func TestIdentityURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.approveFor("app")
	id := strings.TrimPrefix(got["id"].(string), w.url)
	mac := hmac.New(sha256.New, []byte("shh"))
	mac.Write([]byte(got["id"].(string) + got["issued_at"].(string)))
	expect(t, "signature", got["signature"], any(base64.StdEncoding.EncodeToString(mac.Sum(nil))))
	_, body := w.do("GET", id+"?version=latest", nil)
	var identity map[string]any
	if err := json.Unmarshal(body, &identity); err != nil {
		t.Fatalf("%s", body)
	}
	expect(t, "username", identity["username"], any("admin@test.example"))
	expect(t, "rest", identity["urls"].(map[string]any)["rest"], any(w.url+"/services/data/v66.0/"))
	status, body := w.do("GET", "/id/00D5g000009999AAA/x", nil)
	expect(t, "another org", fmt.Sprint(status, strings.TrimSpace(string(body))), "403Wrong_Org")
}
