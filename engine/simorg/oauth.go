package simorg

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const codeLife = 15 * time.Minute

func (o *Org) authRoutes(mux *http.ServeMux) {
	mux.HandleFunc("/services/oauth2/authorize", o.authorize)
	mux.HandleFunc("/services/oauth2/token", o.token)
	mux.HandleFunc("/services/oauth2/revoke", o.revoke)
	mux.HandleFunc("/services/oauth2/userinfo", o.userinfo)
	mux.HandleFunc("/services/oauth2/introspect", o.introspect)
	mux.HandleFunc("/id/keys", o.keySet)
	mux.HandleFunc("/.well-known/openid-configuration", o.discovery)
	mux.HandleFunc("/id/{org}/{user}", o.identity)
}

func (o *Org) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		o.refuseToken(w, r, &oauthError{"invalid_request", "must use HTTP POST"})
		return
	}
	if err := r.ParseForm(); err != nil {
		o.refuseToken(w, r, &oauthError{"invalid_request", "the form could not be read"})
		return
	}
	flow, known := map[string]func(*http.Request) (map[string]any, *oauthError){
		"authorization_code": o.codeGrant, "refresh_token": o.refreshGrant,
		"client_credentials": o.clientGrant, "password": o.passwordGrant,
		"urn:ietf:params:oauth:grant-type:jwt-bearer": o.jwtGrant,
	}[r.Form.Get("grant_type")]
	if !known {
		o.refuseToken(w, r, &oauthError{"unsupported_grant_type", "grant type not supported"})
		return
	}
	body, refusal := flow(r)
	if refusal != nil {
		o.refuseToken(w, r, refusal)
		return
	}
	w.Header().Set("Cache-Control", "no-cache, no-store")
	o.print(w, r, reply{Status: http.StatusOK, Body: body}, nil)
}

func (o *Org) refuseToken(w http.ResponseWriter, r *http.Request, e *oauthError) {
	o.print(w, r, reply{
		Status: http.StatusBadRequest,
		Body:   map[string]string{"error": e.code, "error_description": e.description},
	}, nil)
}

// client checks client_id and client_secret, in the form or as HTTP Basic.
func (o *Org) client(r *http.Request, secretNeeded bool) (*App, *oauthError) {
	id, secret := r.Form.Get("client_id"), r.Form.Get("client_secret")
	if user, password, basic := r.BasicAuth(); basic {
		id, secret = user, password
		if u, err := url.QueryUnescape(user); err == nil {
			id = u
		}
	}
	app := o.app(id)
	if app == nil {
		return nil, &oauthError{"invalid_client_id", "client identifier invalid"}
	}
	if secret != app.ClientSecret && (secret != "" || secretNeeded) {
		return nil, &oauthError{"invalid_client", "invalid client credentials"}
	}
	return app, nil
}

func (o *Org) codeGrant(r *http.Request) (map[string]any, *oauthError) {
	challenged := r.Form.Get("code_verifier") != ""
	app, refusal := o.client(r, !challenged)
	if refusal != nil {
		return nil, refusal
	}
	o.auth.mu.Lock()
	g := o.auth.codes[r.Form.Get("code")]
	delete(o.auth.codes, r.Form.Get("code"))
	o.auth.mu.Unlock()
	switch {
	case g == nil || g.app != app:
		return nil, &oauthError{"invalid_grant", "invalid authorization code"}
	case !o.cfg.Now().Before(g.expires):
		return nil, &oauthError{"invalid_grant", "expired authorization code"}
	case g.redirect != r.Form.Get("redirect_uri"):
		return nil, &oauthError{"redirect_uri_mismatch", "redirect_uri must match configuration"}
	case g.challenge != "" && !challenged:
		return nil, &oauthError{"invalid_grant", "missing required code verifier"}
	case g.challenge != "" && !verifies(g.challenge, r.Form.Get("code_verifier")):
		return nil, &oauthError{"invalid_request", "invalid code verifier"}
	}
	s := o.open(g.user, app, g.scope)
	body := o.tokenBody(r, s)
	if wantsIDToken(g.scope) {
		body["id_token"] = o.idToken(r, s, g.nonce)
	}
	if scopes := strings.Fields(g.scope); slices.Contains(scopes, "refresh_token") || slices.Contains(scopes, "offline_access") {
		body["refresh_token"] = o.keepGrant(&grant{user: g.user, app: app, scope: g.scope})
	}
	return body, nil
}

func verifies(challenge, verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:]) == challenge
}

func (o *Org) keepGrant(g *grant) string {
	o.auth.mu.Lock()
	defer o.auth.mu.Unlock()
	token := "5Aep861" + o.auth.secret("refresh")
	o.auth.refresh[token] = g
	return token
}

func (o *Org) refreshGrant(r *http.Request) (map[string]any, *oauthError) {
	app, refusal := o.client(r, false)
	if refusal != nil {
		return nil, refusal
	}
	token := r.Form.Get("refresh_token")
	o.auth.mu.Lock()
	g := o.auth.refresh[token]
	o.auth.mu.Unlock()
	if g == nil || g.app != app {
		return nil, &oauthError{"invalid_grant", "expired access/refresh token"}
	}
	o.mu.RLock()
	inactive := g.user.Inactive
	o.mu.RUnlock()
	if inactive {
		return nil, &oauthError{"inactive_user", "user is inactive"}
	}
	body := o.tokenBody(r, o.open(g.user, app, g.scope))
	if app.RotateRefreshTokens {
		o.auth.mu.Lock()
		delete(o.auth.refresh, token)
		o.auth.mu.Unlock()
		body["refresh_token"] = o.keepGrant(g)
	}
	return body, nil
}

func (o *Org) clientGrant(r *http.Request) (map[string]any, *oauthError) {
	app, refusal := o.client(r, true)
	if refusal != nil {
		return nil, refusal
	}
	o.mu.RLock()
	p := o.personByName(app.RunAs)
	o.mu.RUnlock()
	if app.RunAs == "" || p == nil {
		return nil, &oauthError{"invalid_grant", "no client credentials user enabled"}
	}
	return o.tokenBody(r, o.open(p, app, "api")), nil
}

func (o *Org) passwordGrant(r *http.Request) (map[string]any, *oauthError) {
	app, refusal := o.client(r, true)
	if refusal != nil {
		return nil, refusal
	}
	p := o.signIn(r.Form.Get("username"), r.Form.Get("password"))
	if p == nil {
		return nil, &oauthError{"invalid_grant", "authentication failure"}
	}
	return o.tokenBody(r, o.open(p, app, "api")), nil
}

// signIn checks a username and a password, with its security token or without.
func (o *Org) signIn(username, password string) *person {
	o.mu.RLock()
	defer o.mu.RUnlock()
	p := o.personByName(username)
	if p == nil || p.Inactive || p.Password == "" || password != p.Password && password != p.Password+p.SecurityToken {
		return nil
	}
	return p
}

func (o *Org) revoke(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	token := r.Form.Get("token")
	o.auth.mu.Lock()
	defer o.auth.mu.Unlock()
	if g := o.auth.refresh[token]; g != nil {
		delete(o.auth.refresh, token)
		for t, s := range o.auth.sessions {
			if s.user == g.user && s.app == g.app {
				delete(o.auth.sessions, t)
			}
		}
		return
	}
	if _, live := o.auth.sessions[token]; live {
		delete(o.auth.sessions, token)
		return
	}
	o.refuseToken(w, r, &oauthError{"invalid_token", "invalid token"})
}

var consent = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<title>Allow access? | {{.Org}}</title><style>body{font:16px system-ui;max-width:26rem;margin:4rem auto}button{font:inherit;padding:.5rem 1rem;margin-right:.5rem}
label{display:block;margin:.5rem 0}</style><h1>Allow access?</h1><p>An application ({{.Client}}) asks to act for you in {{.Org}}: {{.Scope}}.</p>
<form method="post">{{range $k, $v := .Params}}<input type="hidden" name="{{$k}}" value="{{index $v 0}}">{{end}}
<label>Username <select name="username">{{range .Users}}<option>{{.}}</option>{{end}}</select></label>
<button name="answer" value="allow">Allow</button><button name="answer" value="deny">Deny</button></form></html>`))

// authorize is the web-server flow's page in the browser.
func (o *Org) authorize(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	app, target := o.app(r.Form.Get("client_id")), r.Form.Get("redirect_uri")
	switch {
	case app == nil:
		http.Error(w, "error=invalid_client_id&error_description=client%20identifier%20invalid", http.StatusBadRequest)
		return
	case !slices.Contains(app.RedirectURIs, target):
		http.Error(w, "error=redirect_uri_mismatch&error_description=redirect_uri%20must%20match%20configuration", http.StatusBadRequest)
		return
	}
	if refusal := refusedRequest(r.Form, app); refusal != nil {
		redirect(w, r, target, url.Values{"error": {refusal.code}, "error_description": {refusal.description}})
		return
	}
	o.mu.RLock()
	p := o.consenting(r, app)
	names := o.usernames()
	o.mu.RUnlock()
	switch {
	case r.Form.Get("answer") == "deny":
		redirect(w, r, target, url.Values{"error": {"access_denied"}, "error_description": {"end-user denied authorization"}})
	case p != nil:
		redirect(w, r, target, url.Values{"code": {o.issueCode(p, app, r.Form)}})
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = consent.Execute(w, map[string]any{
			"Org": o.cfg.OrgName, "Client": app.ClientID, "Scope": r.Form.Get("scope"),
			"Params": r.Form, "Users": names,
		})
	}
}

func refusedRequest(form url.Values, app *App) *oauthError {
	method := form.Get("code_challenge_method") // S256 when it is left out
	switch {
	case form.Get("response_type") != "code":
		return &oauthError{"unsupported_response_type", "response type not supported"}
	case app.RequirePKCE && form.Get("code_challenge") == "":
		return &oauthError{"invalid_request", "missing required code challenge"}
	case method != "" && method != "S256":
		return &oauthError{"invalid_request", "code challenge method must be S256"}
	}
	return nil
}

// consenting is who grants: the user who pressed Allow, or the first one when
// the org approves by itself.
func (o *Org) consenting(r *http.Request, app *App) *person {
	if r.Method == http.MethodPost && r.Form.Get("answer") == "allow" {
		return o.personByName(r.Form.Get("username"))
	}
	if !o.cfg.AutoApprove || r.Form.Get("answer") != "" {
		return nil
	}
	for _, name := range []string{r.Form.Get("login_hint"), app.RunAs, o.cfg.Users[0].Username} {
		if p := o.personByName(name); p != nil {
			return p
		}
	}
	return nil
}

func (o *Org) usernames() []string {
	names := make([]string, len(o.cfg.Users))
	for i, u := range o.cfg.Users {
		names[i] = u.Username
	}
	return names
}

func (o *Org) issueCode(p *person, app *App, form url.Values) string {
	o.auth.mu.Lock()
	defer o.auth.mu.Unlock()
	code := "aPrx" + o.auth.secret("code")
	scope := form.Get("scope")
	if scope == "" {
		scope = "refresh_token api id"
	}
	o.auth.codes[code] = &grant{
		user: p, app: app, scope: scope, redirect: form.Get("redirect_uri"),
		challenge: form.Get("code_challenge"), nonce: form.Get("nonce"), expires: o.cfg.Now().Add(codeLife),
	}
	return code
}

func redirect(w http.ResponseWriter, r *http.Request, target string, values url.Values) {
	if state := r.Form.Get("state"); state != "" {
		values.Set("state", state)
	}
	u, err := url.Parse(target)
	if err != nil {
		http.Error(w, "redirect_uri is not an address", http.StatusBadRequest)
		return
	}
	q := u.Query()
	for k := range values {
		q.Set(k, values.Get(k))
	}
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusFound)
}
