package identity

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/org"
	"github.com/holdfast-backup/holdfast/ent/spenttoken"
)

const (
	orgTokenLife = 2 * time.Minute
	orgTokenSkew = time.Minute
	maxOrgToken  = 8 << 10
	maxTokenID   = 200
	sweepEvery   = time.Minute
)

// OrgRequest is a request of an org's Apex, as its token must prove it.
type OrgRequest struct {
	Token     string
	Audience  string // our own address
	Operation string
	RecordID  string
	Body      []byte
}

// OrgCaller is who asks through an org's Apex: a user of the org, about one
// record. The viewer sees that org alone and has no role.
type OrgCaller struct {
	Viewer engine.Viewer
	User   engine.RecordID
	Record engine.RecordID
}

// orgClaims are what an org's token says (lwc/CONTRACT.md).
type orgClaims struct {
	jwt.RegisteredClaims
	Operation string `json:"op"`
	RecordID  string `json:"rid"`
	BodyHash  string `json:"bdy"`
}

// AuthenticateOrg says who asks through an org's Apex. The token must be
// signed by a key that the org's row pins, and is good for this request once.
// The code is TOKEN_INVALID, TOKEN_EXPIRED or TOKEN_REPLAYED; the message never
// says what of it is known here.
func (s *Service) AuthenticateOrg(ctx context.Context, r OrgRequest) (OrgCaller, error) {
	if len(r.Token) > maxOrgToken {
		return OrgCaller{}, InvalidOrgToken(nil)
	}
	row, claims, err := s.signedByOrg(ctx, r.Token)
	if err != nil {
		return OrgCaller{}, err
	}
	caller, err := s.checkOrgClaims(claims, r)
	if err != nil {
		return OrgCaller{}, err
	}
	caller.Viewer = engine.Viewer{Tenant: row.TenantID, Org: row.ID}
	fresh, err := s.Spend(engine.WithViewer(ctx, caller.Viewer), row.ID+"/"+claims.ID, claims.ExpiresAt.Add(orgTokenSkew))
	if err == nil && !fresh {
		err = engine.E(engine.KindDenied, "TOKEN_REPLAYED", "This request was sent before. Load the page again, and try once more.")
	}
	return caller, err
}

// signedByOrg finds the org whose key signed the token. It is the one place
// where a request of an org looks across tenants: an org may be connected by
// several of them, and the one that pinned the key first is the one meant.
func (s *Service) signedByOrg(ctx context.Context, token string) (*ent.Org, *orgClaims, error) {
	var unproven orgClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &unproven); err != nil {
		return nil, nil, InvalidOrgToken(err)
	}
	issuer, err := engine.ParseRecordID(unproven.Issuer)
	if err != nil {
		return nil, nil, InvalidOrgToken(err)
	}
	rows, err := s.db.Org.Query().Where(org.SalesforceID(string(issuer))).All(engine.AsSystem(ctx))
	if err != nil {
		return nil, nil, engine.Wrap("find the org of a token", err)
	}
	for _, k := range pinnedKeys(rows) {
		claims, err := s.verifyOrgToken(token, k.key.PublicKey)
		if !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
			return k.row, claims, orgTokenFailure(err)
		}
	}
	return nil, nil, InvalidOrgToken(nil)
}

type pinnedKey struct {
	row *ent.Org
	key engine.TimeMachineKey
}

// pinnedKeys are the keys of the orgs, the first pinned first.
func pinnedKeys(rows []*ent.Org) []pinnedKey {
	var keys []pinnedKey
	for _, row := range rows {
		for _, key := range row.TimeMachineKeys {
			keys = append(keys, pinnedKey{row, key})
		}
	}
	slices.SortFunc(keys, func(a, b pinnedKey) int {
		return cmp.Or(a.key.AddedAt.Compare(b.key.AddedAt), strings.Compare(a.row.ID, b.row.ID))
	})
	return keys
}

// verifyOrgToken checks the signature first and then the times.
func (s *Service) verifyOrgToken(token string, publicKey []byte) (*orgClaims, error) {
	key, err := x509.ParsePKIXPublicKey(publicKey)
	if err != nil {
		return nil, engine.Wrap("read a pinned key", err)
	}
	claims := &orgClaims{}
	parsed, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithExpirationRequired(),
		jwt.WithLeeway(orgTokenSkew), jwt.WithTimeFunc(s.options.Now))
	if err == nil && parsed.Header["crit"] != nil {
		err = jwt.ErrTokenMalformed // it asks for rules that we do not know
	}
	return claims, err
}

func (s *Service) checkOrgClaims(claims *orgClaims, r OrgRequest) (OrgCaller, error) {
	user, badUser := engine.ParseRecordID(claims.Subject)
	record, badRecord := engine.ParseRecordID(claims.RecordID)
	asked, badAsked := engine.ParseRecordID(r.RecordID)
	sum := sha256.Sum256(r.Body)
	switch {
	case badUser != nil, badRecord != nil, badAsked != nil, record != asked,
		len(claims.Audience) != 1, strings.TrimSuffix(claims.Audience[0], "/") != r.Audience,
		claims.Operation != r.Operation, claims.BodyHash != hex.EncodeToString(sum[:]),
		claims.ID == "", len(claims.ID) > maxTokenID,
		claims.ExpiresAt.After(s.options.Now().Add(orgTokenLife + orgTokenSkew)):
		return OrgCaller{}, InvalidOrgToken(nil)
	}
	return OrgCaller{User: user, Record: record}, nil
}

func orgTokenFailure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrTokenExpired):
		return &engine.Error{
			Kind: engine.KindDenied, Code: "TOKEN_EXPIRED", Err: err,
			Message: "This request took too long to arrive, or the clocks of Salesforce and Holdfast differ. Try once more; if it stays, ask your administrator.",
		}
	}
	return InvalidOrgToken(err)
}

// InvalidOrgToken refuses an org's token without saying what is wrong with it.
func InvalidOrgToken(cause error) error {
	return &engine.Error{
		Kind: engine.KindDenied, Code: "TOKEN_INVALID", Err: cause,
		Message: "Holdfast did not accept the request: the certificate, the audience or the user is not what it expects. Ask your administrator to check the Time Machine setup.",
	}
}

// Spend notes that a token for a single use is used now, on every node. It
// answers false when it was used before. The id is the token's own, and a
// token that has expired needs no note any more.
func (s *Service) Spend(ctx context.Context, id string, expires time.Time) (fresh bool, err error) {
	viewer, _ := engine.ViewerFrom(ctx)
	s.sweep(ctx)
	err = s.db.SpentToken.Create().SetTenantID(viewer.Tenant).SetHash(fingerprint(viewer.Tenant + "/" + id)).SetExpiresAt(expires).Exec(ctx)
	if ent.IsConstraintError(err) {
		return false, nil
	}
	return err == nil, engine.Wrap("note a used token", err)
}

// sweep forgets tokens that have expired, once a minute at most; that it
// fails is no reason to refuse anybody.
func (s *Service) sweep(ctx context.Context) {
	now := s.now()
	last := s.swept.Load()
	if now.Unix()-last < int64(sweepEvery.Seconds()) || !s.swept.CompareAndSwap(last, now.Unix()) {
		return
	}
	_, _ = s.db.SpentToken.Delete().Where(spenttoken.ExpiresAtLT(now)).Exec(engine.AsSystem(context.WithoutCancel(ctx)))
}
