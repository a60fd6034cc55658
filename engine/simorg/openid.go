package simorg

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// signer is the key that the org signs id_tokens with; it is made when it is
// first needed.
type signer struct {
	once sync.Once
	key  *rsa.PrivateKey
}

const (
	signerBits = 2048
	signerID   = "268"
)

func (s *signer) private() *rsa.PrivateKey {
	s.once.Do(func() {
		key, err := rsa.GenerateKey(rand.Reader, signerBits)
		if err != nil {
			panic("simorg: no randomness for a key: " + err.Error())
		}
		s.key = key
	})
	return s.key
}

// idToken is the OpenID token of a sign-in whose scope asks for one.
func (o *Org) idToken(r *http.Request, s *session, nonce string) string {
	now := o.cfg.Now().Unix()
	hash := sha256.Sum256([]byte(s.token))
	claims := map[string]any{
		"iss": o.baseURL(r), "sub": o.identityURL(r, s.user.id), "aud": s.app.ClientID, "iat": now, "exp": now + 120,
		"at_hash": base64.RawURLEncoding.EncodeToString(hash[:16]),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	part := func(v any) string {
		text, _ := json.Marshal(v) // strings and numbers only: cannot fail
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(map[string]string{"alg": "RS256", "typ": "JWT", "kid": signerID}) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, o.auth.signer.private(), crypto.SHA256, sum[:])
	if err != nil {
		panic("simorg: a key that does not sign: " + err.Error())
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func wantsIDToken(scope string) bool { return slices.Contains(strings.Fields(scope), "openid") }

// keySet is the public half, as JWKS.
func (o *Org) keySet(w http.ResponseWriter, r *http.Request) {
	public := o.auth.signer.private().PublicKey
	answer, err := ok(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": signerID,
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}})
	o.print(w, r, answer, err)
}

// discovery is /.well-known/openid-configuration.
func (o *Org) discovery(w http.ResponseWriter, r *http.Request) {
	base := o.baseURL(r)
	answer, err := ok(map[string]any{
		"issuer": base, "authorization_endpoint": base + "/services/oauth2/authorize", "token_endpoint": base + "/services/oauth2/token",
		"revocation_endpoint": base + "/services/oauth2/revoke", "userinfo_endpoint": base + "/services/oauth2/userinfo",
		"introspection_endpoint": base + "/services/oauth2/introspect", "jwks_uri": base + "/id/keys",
		"scopes_supported":                      []string{"api", "full", "id", "openid", "refresh_token", "web"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic", "private_key_jwt"},
	})
	o.print(w, r, answer, err)
}

// introspect tells an app about a token of its own; of any other it says that it
// is not active.
func (o *Org) introspect(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost {
		o.refuseToken(w, r, &oauthError{"invalid_request", "must use HTTP POST"})
		return
	}
	app, refusal := o.client(r, true)
	if refusal != nil {
		o.refuseToken(w, r, refusal)
		return
	}
	answer, err := ok(o.tokenFacts(r, app, r.Form.Get("token")))
	o.print(w, r, answer, err)
}

func (o *Org) tokenFacts(r *http.Request, app *App, token string) map[string]any {
	o.auth.mu.Lock()
	defer o.auth.mu.Unlock()
	facts := func(p *person, kind, scope string) map[string]any {
		return map[string]any{
			"active": true, "token_type": kind, "client_id": app.ClientID, "scope": scope,
			"username": p.Username, "sub": o.identityURL(r, p.id),
		}
	}
	now := o.cfg.Now()
	if s := o.auth.sessions[token]; s != nil && s.app == app && now.Before(s.expires) {
		body := facts(s.user, "access_token", s.scope)
		body["exp"], body["iat"], body["nbf"] = s.expires.Unix(), s.opened.Unix(), s.opened.Unix()
		return body
	}
	if g := o.auth.refresh[token]; g != nil && g.app == app {
		return facts(g.user, "refresh_token", g.scope)
	}
	return map[string]any{"active": false}
}
