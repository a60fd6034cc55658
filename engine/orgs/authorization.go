package orgs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/org"
)

// authorization is a pending web-server flow; it is kept sealed on the org.
type authorization struct {
	OrgID, CodeVerifier, ClientSecret string
}

func (o *Orgs) beginAuthorization(ctx context.Context, in ConnectInput) (*Connected, error) {
	row, err := o.rowFor(ctx, in)
	if err != nil {
		return nil, err
	}
	state, pending := randomText(), authorization{OrgID: row.ID, CodeVerifier: randomText(), ClientSecret: in.ClientSecret}
	sealed, err := o.sealJSON(ctx, pending)
	if err != nil {
		return nil, err
	}
	row, err = row.Update().SetSealedAuthorization(sealed).SetAuthorizationState(hashed(state)).
		SetAuthorizationExpiresAt(o.Clock().Add(authorizationLife)).Save(ctx)
	if err != nil {
		return nil, engine.Wrap("remember the authorization", err)
	}
	url, err := o.Opener.AuthorizeURL(engine.AuthorizeRequest{
		LoginURL: in.LoginURL, ClientID: in.ClientID, RedirectURI: o.CallbackURL, State: state, CodeVerifier: pending.CodeVerifier,
	})
	return &Connected{Org: row, AuthorizationURL: url}, err
}

// Complete ends the web-server flow when Salesforce sends the browser back.
// The state alone says whose org it is, so it needs no signed-in viewer; it
// works once. denied is Salesforce's error, empty when access was granted.
func (o *Orgs) Complete(ctx context.Context, state, code, denied string) (*ent.Org, error) {
	row, err := o.DB.Org.Query().Where(org.AuthorizationState(hashed(state))).Only(engine.AsSystem(ctx))
	if err != nil || row.AuthorizationExpiresAt == nil || row.AuthorizationExpiresAt.Before(o.Clock()) {
		return nil, engine.E(engine.KindInvalid, "AUTHORIZATION_EXPIRED", "This authorization is not known or has expired. Start connecting the org again.")
	}
	ctx = engine.AsWorker(ctx, row.TenantID)
	var pending authorization
	if err := o.unsealJSON(ctx, row.SealedAuthorization, &pending); err != nil {
		return nil, err
	}
	claimed, err := o.DB.Org.Update().Where(org.ID(row.ID), org.AuthorizationState(hashed(state))).ClearAuthorizationState().Save(ctx)
	if err != nil || claimed == 0 {
		return nil, engine.E(engine.KindConflict, "AUTHORIZATION_USED", "This authorization was already used: look whether the org is connected by now, or start connecting it again.")
	}
	if denied != "" {
		return nil, engine.E(engine.KindDenied, "ACCESS_NOT_GRANTED", "Salesforce did not grant access to “%s” (%s): start connecting it again, and allow the access.", row.Name, denied)
	}
	return o.exchange(ctx, row, pending, code)
}

func (o *Orgs) exchange(ctx context.Context, row *ent.Org, pending authorization, code string) (*ent.Org, error) {
	tokens, err := o.Opener.Exchange(ctx, engine.ExchangeRequest{
		LoginURL: row.LoginURL, ClientID: row.ClientID, ClientSecret: pending.ClientSecret,
		RedirectURI: o.CallbackURL, Code: code, CodeVerifier: pending.CodeVerifier,
	})
	if err != nil {
		return nil, err
	}
	s := Secrets{ClientSecret: pending.ClientSecret}
	s.take(tokens)
	if !o.allowedHost(tokens.InstanceURL) {
		return nil, foreignHost(tokens.InstanceURL)
	}
	session, err := o.Opener.Open(ctx, engine.Connection{
		OrgRef: row.Name, Flow: engine.FlowWebServer, LoginURL: row.LoginURL, InstanceURL: tokens.InstanceURL, ClientID: row.ClientID,
		ClientSecret: s.ClientSecret, AccessToken: s.AccessToken, RefreshToken: s.RefreshToken, RESTPercent: 100, BulkPercent: 100,
		Save: func(_ context.Context, t engine.Tokens) error { s.take(t); return nil },
	})
	if err != nil {
		return nil, err
	}
	identity, err := session.Identity(ctx)
	if err != nil {
		return nil, err
	}
	return o.recordConnected(ctx, row, identity, s)
}

// Secrets are what an org's row keeps sealed.
type Secrets struct {
	OrgID                                   string // binds the sealed bytes to their row
	ClientSecret, AccessToken, RefreshToken string
}

func (s *Secrets) take(t engine.Tokens) {
	if t.AccessToken != "" {
		s.AccessToken = t.AccessToken
	}
	if t.RefreshToken != "" {
		s.RefreshToken = t.RefreshToken
	}
}

func (o *Orgs) seal(ctx context.Context, orgID string, s Secrets) ([]byte, error) {
	s.OrgID = orgID
	return o.sealJSON(ctx, s)
}

func (o *Orgs) unseal(ctx context.Context, row *ent.Org) (Secrets, error) {
	var s Secrets
	if len(row.SealedSecrets) == 0 {
		return s, engine.E(engine.KindConflict, "ORG_NOT_CONNECTED", "“%s” is not connected yet. Finish its authorization, or connect it again.", row.Name)
	}
	if err := o.unsealJSON(ctx, row.SealedSecrets, &s); err != nil {
		return s, err
	}
	if s.OrgID != row.ID {
		return s, engine.E(engine.KindCorrupt, "SECRETS_OF_ANOTHER_ORG", "The stored secrets of “%s” are not its own. Connect it again.", row.Name)
	}
	return s, nil
}

func (o *Orgs) saveTokens(ctx context.Context, orgID string, t engine.Tokens) error {
	row, err := o.Get(ctx, orgID)
	if err != nil {
		return err
	}
	s, err := o.unseal(ctx, row)
	if err != nil {
		return err
	}
	s.take(t)
	sealed, err := o.seal(ctx, orgID, s)
	if err != nil {
		return err
	}
	update := row.Update().SetSealedSecrets(sealed)
	if t.InstanceURL != "" && o.allowedHost(t.InstanceURL) {
		update.SetInstanceURL(t.InstanceURL)
	}
	return engine.Wrap("save the org's tokens", update.Exec(ctx))
}

// savedTokens are the tokens as the row has them now.
func (o *Orgs) savedTokens(ctx context.Context, orgID string) (engine.Tokens, error) {
	row, err := o.Get(ctx, orgID)
	if err != nil {
		return engine.Tokens{}, err
	}
	s, err := o.unseal(ctx, row)
	return engine.Tokens{AccessToken: s.AccessToken, RefreshToken: s.RefreshToken, InstanceURL: row.InstanceURL}, err
}

func (o *Orgs) sealJSON(ctx context.Context, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, engine.Wrap("encode secrets", err)
	}
	sealed, err := o.Keeper.Encrypt(ctx, plain)
	return sealed, engine.Wrap("seal secrets", err)
}

func (o *Orgs) unsealJSON(ctx context.Context, sealed []byte, v any) error {
	plain, err := o.Keeper.Decrypt(ctx, sealed)
	if err != nil {
		return &engine.Error{
			Op: "unseal secrets", Kind: engine.KindInternal, Code: "SECRETS_UNREADABLE",
			Message: "The org's secrets cannot be opened with this server's key. Restore the key file they were sealed with, or connect the org again.", Err: err,
		}
	}
	return engine.Wrap("decode secrets", json.Unmarshal(plain, v))
}

func randomText() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

func hashed(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:])
}
