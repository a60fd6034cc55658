package identity

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

// Link names a thing that can be fetched without signing in until it expires.
type Link struct {
	Tenant  string    `json:"t"`
	Kind    string    `json:"k"` // what sort of thing: a link of one kind opens no other
	ID      string    `json:"i"`
	Expires time.Time `json:"e"`
}

// SignLink returns the token that proves a link was given by this server.
func (s *Service) SignLink(l Link) (string, error) {
	claims, err := json.Marshal(l)
	if err != nil {
		return "", engine.Wrap("sign link", err)
	}
	body := base64.RawURLEncoding.EncodeToString(claims)
	return body + "." + base64.RawURLEncoding.EncodeToString(sign(s.keys.link, body)), nil
}

// Now is the clock that links expire by.
func (s *Service) Now() time.Time { return s.now() }

// OpenLink returns the link of a token, if it is genuine, of that kind and
// has not expired.
func (s *Service) OpenLink(kind, token string) (Link, error) {
	body, signature, _ := strings.Cut(token, ".")
	given, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(given, sign(s.keys.link, body)) {
		return Link{}, badLink()
	}
	claims, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return Link{}, badLink()
	}
	var l Link
	if err := json.Unmarshal(claims, &l); err != nil || l.Kind != kind {
		return Link{}, badLink()
	}
	if !s.options.Now().Before(l.Expires) {
		return Link{}, engine.E(engine.KindDenied, "LINK_EXPIRED", "This link has expired: ask for a new one.")
	}
	return l, nil
}

func badLink() error {
	return engine.E(engine.KindDenied, "INVALID_LINK", "This link is not one of ours: ask for a new one.")
}
