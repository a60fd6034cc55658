package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/session"
	"github.com/holdfast-backup/holdfast/ent/user"
)

const (
	issuer   = "holdfast"
	audience = "holdfast-api"
)

// accessClaims are what an access token says. The role is not among them: it
// is read on each use, so that taking it away works at once.
type accessClaims struct {
	jwt.RegisteredClaims
	Tenant  string `json:"ten"`
	Session string `json:"sid"`
}

func (s *Service) accessToken(u *ent.User, session string) (string, time.Time, error) {
	now := s.now()
	expires := now.Add(s.options.AccessTTL)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, accessClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: u.ID,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Tenant: u.TenantID, Session: session,
	}).SignedString(s.keys.access)
	return token, expires.Truncate(time.Second), err
}

// Authenticate says on whose behalf an access token speaks, and until when.
// A token whose session has ended is refused like a forged one.
func (s *Service) Authenticate(ctx context.Context, token string) (engine.Viewer, time.Time, error) {
	var claims accessClaims
	_, err := jwt.ParseWithClaims(token, &claims,
		func(*jwt.Token) (any, error) { return s.keys.access, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.options.Now))
	if err != nil || claims.Tenant == "" {
		return engine.Viewer{}, time.Time{}, unauthenticated(err)
	}
	u, err := s.db.User.Query().
		Where(user.ID(claims.Subject), user.HasSessionsWith(session.ID(claims.Session), session.RevokedAtIsNil())).
		Only(asTenant(ctx, claims.Tenant))
	if ent.IsNotFound(err) {
		return engine.Viewer{}, time.Time{}, unauthenticated(err)
	}
	if err != nil {
		return engine.Viewer{}, time.Time{}, engine.Wrap("read session", err)
	}
	return engine.Viewer{Tenant: u.TenantID, User: u.ID, Role: u.Role}, claims.ExpiresAt.Time, nil
}

func unauthenticated(cause error) error {
	return &engine.Error{
		Kind: engine.KindDenied, Code: "UNAUTHENTICATED", Err: cause,
		Message: "The access token is not valid, or no longer: refresh the session or sign in again.",
	}
}

// A refresh token is "<session>.<random>.<signature>": the signature tells a
// token that was once ours, and so a stolen one, from an invented one.

func (s *Service) refreshToken(session string) string {
	body := session + "." + base64.RawURLEncoding.EncodeToString(random())
	return body + "." + s.signature(body)
}

// refreshSession is the session that a genuine refresh token belongs to.
func (s *Service) refreshSession(token string) (session string, genuine bool) {
	cut := strings.LastIndexByte(token, '.')
	if cut < 0 || !hmac.Equal([]byte(token[cut+1:]), []byte(s.signature(token[:cut]))) {
		return "", false
	}
	session, _, _ = strings.Cut(token, ".")
	return session, true
}

func (s *Service) signature(body string) string {
	return base64.RawURLEncoding.EncodeToString(sign(s.keys.refresh, body))
}

func sign(key []byte, body string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(body))
	return mac.Sum(nil)
}

// fingerprint is what the database keeps of a token.
func fingerprint(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
