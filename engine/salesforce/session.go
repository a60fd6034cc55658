package salesforce

import (
	"context"
	"sync"

	"github.com/holdfast-backup/holdfast/engine"
)

// session holds the tokens of one connection and renews them, once for all who
// find them expired at the same time.
type session struct {
	client *Client
	ref    string        // our id of the org
	turn   chan struct{} // held by whoever renews

	mu      sync.Mutex
	conn    engine.Connection
	refused error // the platform's last word; no further try is made
}

func newSession(client *Client, conn engine.Connection) *session {
	return &session{client: client, ref: conn.OrgRef, conn: conn, turn: make(chan struct{}, 1)}
}

// credentials are the token to use and the host to use it on.
type credentials struct{ token, instance string }

func (s *session) current() credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	return credentials{s.conn.AccessToken, s.conn.InstanceURL}
}

// renew replaces the token stale, unless somebody else has done so already.
func (s *session) renew(ctx context.Context, stale string) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	conn, refused := s.conn, s.refused
	s.mu.Unlock()
	if refused != nil {
		return refused
	}
	if conn.AccessToken != stale {
		return nil
	}
	tokens, err := s.client.renew(ctx, conn)
	if err != nil {
		return s.remember(ctx, err)
	}
	if tokens.InstanceURL, err = baseURL(tokens.InstanceURL); err != nil {
		return err
	}
	s.mu.Lock()
	s.conn.AccessToken, s.conn.RefreshToken, s.conn.InstanceURL = tokens.AccessToken, tokens.RefreshToken, tokens.InstanceURL
	s.mu.Unlock()
	if conn.Save == nil {
		return nil
	}
	return engine.Wrap("save the org's tokens", conn.Save(ctx, tokens))
}

// remember names the org in a failure, and keeps one that is final.
func (s *session) remember(ctx context.Context, err error) error {
	e, ok := engine.AsError(err)
	if !ok {
		return err
	}
	e.Org = s.ref
	if e.Kind == engine.KindDenied {
		s.mu.Lock()
		s.refused = err
		s.mu.Unlock()
	}
	if e.Code == accessRevoked && s.conn.Revoked != nil {
		s.conn.Revoked(ctx)
	}
	return err
}
