package identity_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/ent/database"
)

const (
	issuer     = "00D5g0000000001EAA"
	aboutWhom  = "0015g000000001RAAQ"
	asker      = "0055g000000001AAAQ"
	ourAddress = "https://holdfast.example.com"
	operation  = "compare"
)

var requestBody = []byte(`{"recordId":"` + aboutWhom + `"}`)

// gate is a service that knows one org, which has pinned a key.
type gate struct {
	*identity.Service
	key *rsa.PrivateKey
}

func openGate(f *testing.F) gate {
	f.Helper()
	db, err := database.Open(f.Context(), filepath.Join(f.TempDir(), "holdfast.db"), database.Unsynced())
	check(f, err)
	f.Cleanup(func() { _ = db.Close() })
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	check(f, err)
	public, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	check(f, err)
	tenant, err := db.Client.Tenant.Create().SetName("Acme").SetSlug("acme").Save(engine.AsSystem(f.Context()))
	check(f, err)
	err = db.Client.Org.Create().SetName("Acme").SetTenantID(tenant.ID).SetSalesforceID(issuer).SetType("PRODUCTION").SetFlow(engine.FlowClientCredentials).SetLoginURL("https://login.salesforce.com").SetClientID("x").
		SetTimeMachineKeys([]engine.TimeMachineKey{{Fingerprint: "one", PublicKey: public, AddedAt: time.Now()}}).Exec(engine.AsSystem(f.Context()))
	check(f, err)
	keys, err := identity.OpenKeys(f.Context(), db.Client, keeper(f))
	check(f, err)
	s, err := identity.New(db.Client, keys, identity.Options{Hash: &cheap})
	check(f, err)
	return gate{s, k}
}

func (g gate) ask(t *testing.T, token string) (identity.OrgCaller, error) {
	return g.AuthenticateOrg(t.Context(), identity.OrgRequest{
		Token: token, Audience: ourAddress, Operation: operation, RecordID: aboutWhom, Body: requestBody,
	})
}

// told fails for an error that the org's page could not be shown.
func told(t *testing.T, err error) {
	t.Helper()
	e, ok := engine.AsError(err)
	if !ok || e.Code != "TOKEN_INVALID" && e.Code != "TOKEN_EXPIRED" && e.Code != "TOKEN_REPLAYED" {
		t.Fatalf("refused with %v", err)
	}
}

func goodClaims() jwt.MapClaims {
	sum := sha256.Sum256(requestBody)
	return jwt.MapClaims{
		"iss": issuer, "sub": asker, "aud": ourAddress, "exp": time.Now().Add(time.Minute).Unix(), "jti": "1",
		"op": operation, "rid": aboutWhom, "bdy": hex.EncodeToString(sum[:]),
	}
}

func signedWith(f *testing.F, method jwt.SigningMethod, key any) string {
	f.Helper()
	token, err := jwt.NewWithClaims(method, goodClaims()).SignedString(key)
	check(f, err)
	return token
}

// FuzzOrgToken: whatever the bytes, only what the pinned key has signed by
// RS256 is accepted, as RSA itself tells.
func FuzzOrgToken(f *testing.F) {
	g := openGate(f)
	good := signedWith(f, jwt.SigningMethodRS256, g.key)
	parts := strings.Split(good, ".")
	public, err := x509.MarshalPKIXPublicKey(&g.key.PublicKey)
	check(f, err)
	for _, token := range []string{
		"", ".", "..", "...", good, good + ".", "." + good, parts[0] + "." + parts[1] + ".", parts[0] + ".." + parts[2], good + "==",
		signedWith(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), signedWith(f, jwt.SigningMethodHS256, public),
		signedWith(f, jwt.SigningMethodRS512, g.key), signedWith(f, jwt.SigningMethodPS256, g.key),
	} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := g.ask(t, token); err != nil {
			told(t, err)
			return
		}
		signed, signature, _ := cutLast(token)
		raw, err := base64.RawURLEncoding.DecodeString(signature)
		sum := sha256.Sum256([]byte(signed))
		if err != nil || rsa.VerifyPKCS1v15(&g.key.PublicKey, crypto.SHA256, sum[:], raw) != nil {
			t.Fatalf("accepted a token that the org has not signed: %s", token)
		}
	})
}

func cutLast(token string) (before, after string, found bool) {
	at := strings.LastIndexByte(token, '.')
	if at < 0 {
		return token, "", false
	}
	return token[:at], token[at+1:], true
}

// FuzzOrgTokenClaims: whatever the org signs, only what lwc/CONTRACT.md asks
// for is accepted, and once.
func FuzzOrgTokenClaims(f *testing.F) {
	g := openGate(f)
	with := func(name string, value any) string {
		claims := goodClaims()
		claims[name] = value
		text, err := json.Marshal(claims)
		check(f, err)
		return string(text)
	}
	for _, claims := range []string{
		"", "{}", "[]", "null", `"x"`, with("jti", "1"), with("aud", []string{ourAddress}), with("aud", []any{1}), with("exp", 1e300), with("exp", -1e300), with("exp", "soon"),
		with("nbf", time.Now().Add(time.Hour).Unix()), with("iss", strings.ToLower(issuer)), with("iss", issuer[:15]), with("sub", nil), with("rid", map[string]any{}), with("bdy", ""),
	} {
		f.Add(claims)
	}
	f.Fuzz(func(t *testing.T, claims string) {
		signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		sum := sha256.Sum256([]byte(signed))
		signature, err := rsa.SignPKCS1v15(nil, g.key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
		caller, err := g.ask(t, token)
		if err != nil {
			told(t, err)
			return
		}
		if problem := problemOf(claims, caller); problem != "" {
			t.Fatalf("accepted %s: %s", claims, problem)
		}
		if _, err := g.ask(t, token); err == nil {
			t.Fatalf("accepted twice: %s", claims)
		}
	})
}

// problemOf reads the claims apart from the code that checks them.
func problemOf(claims string, caller identity.OrgCaller) string {
	var c struct {
		Iss, Sub, Jti, Op, Rid, Bdy string
		Aud                         any
		Exp                         float64
	}
	if err := json.Unmarshal([]byte(claims), &c); err != nil {
		return err.Error()
	}
	sum := sha256.Sum256(requestBody)
	left := time.Until(time.Unix(int64(c.Exp), 0))
	switch {
	case !strings.HasPrefix(c.Iss, issuer[:15]), !strings.HasPrefix(c.Rid, aboutWhom[:15]):
		return "another org or record"
	case !strings.HasPrefix(string(caller.User), c.Sub) || len(c.Sub) < 15, string(caller.Record) != aboutWhom:
		return "another caller"
	case c.Jti == "", c.Op != operation, c.Bdy != hex.EncodeToString(sum[:]):
		return "another request"
	case strings.TrimSuffix(strings.Trim(fmt.Sprint(c.Aud), "[]"), "/") != ourAddress:
		return "another audience"
	case left < -2*time.Minute, left > 4*time.Minute:
		return "another time"
	}
	return ""
}
