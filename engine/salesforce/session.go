package salesforce

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

// session holds the tokens of one connection and renews them, once for all who
// find them expired at the same time.
type session struct {
	client *Client
	ref    string        // our id of the org
	turn   chan struct{} // held by whoever renews

	mu           sync.Mutex
	conn         engine.Connection
	refused      error // the platform's last word
	refusedUntil time.Time
}

// refusalHolds is how long credentials that were refused are not tried again:
// somebody may mend them in the org. Access that was revoked stays so.
const refusalHolds = time.Minute

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
	ctx, cancel := patient(ctx, call{org: s.ref, doing: "sign in"})
	defer cancel()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	conn, err := s.unrefused()
	if err != nil || conn.AccessToken != stale {
		return err
	}
	tokens, err := s.client.renew(ctx, conn)
	if err != nil {
		if s.renewedElsewhere(ctx, conn, err) {
			return nil
		}
		return s.remember(ctx, err)
	}
	if tokens.InstanceURL, err = baseURL(tokens.InstanceURL); err != nil {
		return err
	}
	s.take(tokens)
	if conn.Save == nil {
		return nil
	}
	return engine.Wrap("save the org's tokens", conn.Save(context.WithoutCancel(ctx), tokens))
}

// unrefused is the connection, unless a refusal still holds.
func (s *session) unrefused() (engine.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused != nil && !s.refusedUntil.IsZero() && !s.client.options.Now().Before(s.refusedUntil) {
		s.refused = nil
	}
	return s.conn, s.refused
}

func (s *session) take(t engine.Tokens) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.AccessToken, s.conn.RefreshToken, s.conn.InstanceURL = t.AccessToken, t.RefreshToken, t.InstanceURL
}

// renewedElsewhere takes over what another node has saved, when the org
// refuses our refresh token because that node's refresh has spent it.
func (s *session) renewedElsewhere(ctx context.Context, spent engine.Connection, refusal error) bool {
	if spent.Saved == nil || spent.RefreshToken == "" || !engine.Is(refusal, engine.KindDenied) {
		return false
	}
	saved, err := spent.Saved(ctx)
	if err != nil || saved.AccessToken == "" || saved.RefreshToken == spent.RefreshToken {
		return false
	}
	if saved.InstanceURL, err = baseURL(saved.InstanceURL); err != nil {
		return false
	}
	s.take(saved)
	return true
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
		s.refused, s.refusedUntil = err, time.Time{}
		if e.Code != accessRevoked {
			s.refusedUntil = s.client.options.Now().Add(refusalHolds)
		}
		s.mu.Unlock()
	}
	if e.Code == accessRevoked && s.conn.Revoked != nil {
		s.conn.Revoked(ctx)
	}
	return err
}
