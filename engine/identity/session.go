package identity

import (
	"context"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/session"
)

// Session is what a client gets when it signs in: a short access token, and a
// refresh token that is good for one use.
type Session struct {
	AccessToken  string
	ExpiresAt    time.Time // of the access token
	RefreshToken string
	User         *ent.User
}

// openSession opens a session and forgets the user's old ones.
func (s *Service) openSession(ctx context.Context, db *ent.Client, u *ent.User) (*Session, error) {
	if _, err := db.Session.Delete().Where(session.UserID(u.ID), session.ExpiresAtLT(s.now())).Exec(ctx); err != nil {
		return nil, engine.Wrap("forget old sessions", err)
	}
	row, err := db.Session.Create().SetTenantID(u.TenantID).SetUserID(u.ID).
		SetTokenHash("").SetExpiresAt(s.now().Add(s.options.SessionTTL)).Save(ctx)
	if err != nil {
		return nil, engine.Wrap("open session", err)
	}
	return s.extend(ctx, db, row, u)
}

// extend puts a fresh refresh token in the place of the one that row knows. It
// is a compare-and-set: of two uses of one token, one wins.
func (s *Service) extend(ctx context.Context, db *ent.Client, row *ent.Session, u *ent.User) (*Session, error) {
	refresh := s.refreshToken(row.ID)
	changed, err := db.Session.Update().
		Where(session.ID(row.ID), session.TokenHash(row.TokenHash), session.RevokedAtIsNil()).
		SetTokenHash(fingerprint(refresh)).Save(ctx)
	if err != nil {
		return nil, engine.Wrap("rotate session", err)
	}
	if changed == 0 {
		return nil, s.endStolen(ctx, row.ID)
	}
	access, expires, err := s.accessToken(u, row.ID)
	if err != nil {
		return nil, engine.Wrap("sign access token", err)
	}
	return &Session{AccessToken: access, ExpiresAt: expires, RefreshToken: refresh, User: u}, nil
}

// Refresh trades a refresh token for a new pair. A token that was used before
// ends the session: either its thief or its owner holds the newer one.
func (s *Service) Refresh(ctx context.Context, token string) (*Session, error) {
	id, genuine := s.refreshSession(token)
	if !genuine {
		return nil, sessionEnded()
	}
	row, err := s.db.Session.Query().Where(session.ID(id)).WithUser().Only(engine.AsSystem(ctx))
	if ent.IsNotFound(err) {
		return nil, sessionEnded()
	}
	if err != nil {
		return nil, engine.Wrap("read session", err)
	}
	actorFrom(ctx).is(row.Edges.User)
	ctx = asTenant(ctx, row.TenantID)
	if row.RevokedAt != nil || !s.now().Before(row.ExpiresAt) {
		return nil, sessionEnded()
	}
	if row.TokenHash != fingerprint(token) {
		return nil, s.endStolen(ctx, row.ID)
	}
	return s.extend(ctx, s.db, row, row.Edges.User)
}

// SignOut ends the session of a refresh token; its access tokens stop working
// too. An unknown token has no session to end, which is what was asked for.
func (s *Service) SignOut(ctx context.Context, token string) error {
	id, genuine := s.refreshSession(token)
	if !genuine {
		return nil
	}
	row, err := s.db.Session.Query().Where(session.ID(id)).WithUser().Only(engine.AsSystem(ctx))
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return engine.Wrap("read session", err)
	}
	actorFrom(ctx).is(row.Edges.User)
	return s.end(asTenant(ctx, row.TenantID), row.ID)
}

func (s *Service) end(ctx context.Context, id string) error {
	err := s.db.Session.Update().Where(session.ID(id), session.RevokedAtIsNil()).SetRevokedAt(s.now()).Exec(ctx)
	return engine.Wrap("end session", err)
}

func (s *Service) endStolen(ctx context.Context, id string) error {
	if err := s.end(ctx, id); err != nil {
		return err
	}
	return engine.E(engine.KindDenied, "REFRESH_TOKEN_REUSED",
		"This refresh token was used before, so the session was ended: sign in again.")
}

func sessionEnded() error {
	return engine.E(engine.KindDenied, "SESSION_ENDED", "The session has ended: sign in again.")
}
