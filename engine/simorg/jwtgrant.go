package simorg

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// skew is how long ago an assertion may have expired. How far ahead it expires
// is not looked at: the Salesforce CLI's own library says milliseconds where
// seconds are meant, and the platform takes it.
const skew = time.Minute

// loginHosts are the audiences that mean "the platform" in an assertion.
var loginHosts = []string{"https://login.salesforce.com", "https://test.salesforce.com"}

// assertion is the claims of the JWT bearer grant.
type assertion struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"`
	Expires  json.Number     `json:"exp"`
}

// jwtGrant signs a user in by a statement that the app's certificate signed
// (reference §1.3). It never gives a refresh token.
func (o *Org) jwtGrant(r *http.Request) (map[string]any, *oauthError) {
	signed, signature, claims, err := readJWT(r.Form.Get("assertion"))
	if err != nil {
		return nil, &oauthError{"invalid_grant", "invalid assertion"}
	}
	app := o.app(claims.Issuer)
	if app == nil {
		return nil, &oauthError{"invalid_client_id", "client identifier invalid"}
	}
	if err := app.verify(signed, signature); err != nil {
		return nil, &oauthError{"invalid_grant", "invalid assertion"}
	}
	if !o.isAudience(r, claims.audiences()) {
		return nil, &oauthError{"invalid_grant", "audience is invalid"}
	}
	seconds, err := claims.Expires.Float64()
	if err != nil || o.cfg.Now().After(time.Unix(int64(seconds), 0).Add(skew)) {
		return nil, &oauthError{"invalid_grant", "expired assertion"}
	}
	return o.assertedUser(r, app, claims.Subject)
}

// assertedUser opens the session of a user whom an admin approved for the app,
// or who once approved it for good.
func (o *Org) assertedUser(r *http.Request, app *App, username string) (map[string]any, *oauthError) {
	o.mu.RLock()
	p := o.personByName(username)
	o.mu.RUnlock()
	switch {
	case p == nil:
		return nil, &oauthError{"invalid_grant", "user hasn't approved this consumer"}
	case p.Inactive:
		return nil, &oauthError{"inactive_user", "user is inactive"}
	}
	if app.Approved != nil && !slices.ContainsFunc(app.Approved, func(name string) bool { return strings.EqualFold(name, p.Username) }) {
		return nil, &oauthError{"invalid_app_access", "user is not admin approved to access this app"}
	}
	if app.Approved == nil && !o.auth.approved(p, app) {
		return nil, &oauthError{"invalid_grant", "user hasn't approved this consumer"}
	}
	return o.tokenBody(r, o.open(p, app, "api")), nil
}

// approved says whether the user holds a grant that lasts.
func (a *authState) approved(p *person, app *App) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range a.refresh {
		if g.user.id == p.id && g.app == app {
			return true
		}
	}
	return false
}

// isAudience says whether one of the audiences is the platform or this org.
func (o *Org) isAudience(r *http.Request, given []string) bool {
	mine := append([]string{o.baseURL(r)}, loginHosts...)
	return slices.ContainsFunc(given, func(aud string) bool { return slices.Contains(mine, strings.TrimRight(aud, "/")) })
}

// audiences are the one of a string or the several of a list.
func (a *assertion) audiences() []string {
	var one string
	var several []string
	if json.Unmarshal(a.Audience, &one) == nil {
		return []string{one}
	}
	_ = json.Unmarshal(a.Audience, &several)
	return several
}

var errNotJWT = errors.New("the assertion is no signed JWT")

// readJWT takes a compact JWS apart. Only RS256 is taken, whatever the header
// says of others.
func readJWT(text string) (signed string, signature []byte, claims assertion, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return "", nil, claims, errNotJWT
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	for i, into := range []any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[i], "="))
		if err != nil || json.Unmarshal(data, into) != nil {
			return "", nil, claims, errNotJWT
		}
	}
	signature, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[2], "="))
	if err != nil || header.Algorithm != "RS256" {
		return "", nil, claims, errNotJWT
	}
	return parts[0] + "." + parts[1], signature, claims, nil
}

// verify checks a signature by the app's certificate.
func (a *App) verify(signed string, signature []byte) error {
	block, _ := pem.Decode([]byte(a.Certificate))
	if block == nil {
		return errNotJWT
	}
	var key any
	if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
		key = cert.PublicKey
	} else if key, err = x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		return err
	}
	public, isRSA := key.(*rsa.PublicKey)
	if !isRSA {
		return errNotJWT
	}
	sum := sha256.Sum256([]byte(signed))
	return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature)
}
