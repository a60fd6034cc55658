package simorg

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// session is one access token at work.
type session struct {
	token   string
	user    *person
	app     *App
	scope   string
	opened  time.Time
	expires time.Time
}

// grant is what a refresh token or an authorization code stands for.
type grant struct {
	user      *person
	app       *App
	scope     string
	expires   time.Time // of a code; zero: never
	redirect  string
	challenge string
	nonce     string
}

// authState is every token of the org.
type authState struct {
	mu       sync.Mutex
	serial   int
	sessions map[string]*session
	refresh  map[string]*grant
	codes    map[string]*grant
	signer   signer
}

func (a *authState) init() {
	a.sessions, a.refresh, a.codes = map[string]*session{}, map[string]*grant{}, map[string]*grant{}
}

// secret is the next opaque token: unguessable enough for a simulation, and the
// same on every run.
func (a *authState) secret(kind string) string {
	a.serial++
	sum := sha256.Sum256([]byte(kind + strconv.Itoa(a.serial)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// open starts a session; of no app in particular for SOAP login.
func (o *Org) open(p *person, app *App, scope string) *session {
	a := &o.auth
	a.mu.Lock()
	defer a.mu.Unlock()
	now := o.cfg.Now()
	s := &session{token: o.orgID[:15] + "!AQE" + a.secret("session"), user: p, app: app, scope: scope, opened: now, expires: now.Add(o.cfg.SessionTimeout)}
	a.sessions[s.token] = s
	return s
}

// bearer finds the session of an Authorization header and extends it.
func (a *authState) bearer(r *http.Request, cfg Config) (*session, error) {
	header := r.Header.Get("Authorization")
	scheme, token, found := strings.Cut(header, " ")
	if !found || !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "OAuth") {
		if header != "" {
			return nil, refuse(http.StatusUnauthorized, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
		}
		return nil, expiredSession()
	}
	return a.use(strings.TrimSpace(token), cfg)
}

// use finds a live session by its token and extends it.
func (a *authState) use(token string, cfg Config) (*session, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sessions[token]
	now := cfg.Now()
	if s == nil || !now.Before(s.expires) {
		delete(a.sessions, token)
		return nil, expiredSession()
	}
	s.expires = now.Add(cfg.SessionTimeout)
	return s, nil
}

// ExpireSessions ends every session; refresh tokens stay good.
func (o *Org) ExpireSessions() {
	o.auth.mu.Lock()
	defer o.auth.mu.Unlock()
	clear(o.auth.sessions)
}

// RevokeRefreshTokens takes every grant back, as an admin does.
func (o *Org) RevokeRefreshTokens() {
	o.auth.mu.Lock()
	defer o.auth.mu.Unlock()
	clear(o.auth.refresh)
	clear(o.auth.sessions)
}

func (o *Org) app(clientID string) *App {
	for i := range o.cfg.Apps {
		if o.cfg.Apps[i].ClientID == clientID {
			return &o.cfg.Apps[i]
		}
	}
	return nil
}

func (o *Org) identityURL(r *http.Request, userID string) string {
	return o.baseURL(r) + "/id/" + o.orgID + "/" + userID
}

// tokenBody is the token endpoint's success.
func (o *Org) tokenBody(r *http.Request, s *session) map[string]any {
	id := o.identityURL(r, s.user.id)
	issued := strconv.FormatInt(o.cfg.Now().UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(s.app.ClientSecret))
	_, _ = fmt.Fprint(mac, id, issued)
	body := map[string]any{
		"access_token": s.token, "instance_url": o.baseURL(r), "id": id, "token_type": "Bearer",
		"issued_at": issued, "signature": base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	}
	if s.scope != "" {
		body["scope"] = s.scope
	}
	return body
}

// oauthError is the token endpoint's refusal: an object, not an array.
type oauthError struct{ code, description string }

func (e *oauthError) Error() string { return e.code + ": " + e.description }
