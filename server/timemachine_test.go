package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// The tests of Time Machine's wire play the org's Apex by hand: a key pair, a
// token per request, and the bytes that come back.

// keyPair is made once: keys take long to make.
var keyPair = newKeyPair()

func newKeyPair() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func publicPEM(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// apex is the org's Apex at work for one user.
type apex struct {
	*world
	t      *testing.T
	key    crypto.Signer
	issuer string
	user   string
	object string
	record string
}

const visitor = "visitor@example.com"

// deployed is a spoilt world whose org has Time Machine, with its key pinned,
// and a user of their own rights.
func deployed(t *testing.T, databaseURL string, user simorg.User) (*apex, []string) {
	t.Helper()
	w, versions := spoilt(t, databaseURL)
	user.Username, user.FirstName, user.LastName, user.Profile = visitor, "Vera", "Visitor", "Standard User"
	if user.Permissions == nil {
		user.Permissions = []string{"ApiEnabled"}
	}
	w.pin(t, keyPair)
	a := &apex{
		world: w, t: t, key: keyPair, issuer: w.field(t, "salesforceId"), user: w.org.AddUser(user),
		object: "Account", record: w.session.ID(spoiltAccount),
	}
	ids := make([]string, len(versions))
	for i, v := range versions {
		ids[i] = v.ID
	}
	return a, ids
}

func (w *world) pin(t *testing.T, key *rsa.PrivateKey) {
	t.Helper()
	var answer struct {
		OrgTimeMachineKeyAdd struct{ UserErrors []struct{ Code string } }
	}
	must(t, w.api.Do(t.Context(), `mutation($id: ID!, $key: String!) { orgTimeMachineKeyAdd(input: {orgId: $id, publicKey: $key}) { userErrors { code } } }`,
		map[string]any{"id": w.orgID, "key": publicPEM(key)}, &answer))
	if problems := answer.OrgTimeMachineKeyAdd.UserErrors; len(problems) > 0 {
		t.Fatal(problems)
	}
}

func (w *world) field(t *testing.T, name string) string {
	t.Helper()
	var answer struct{ Org map[string]string }
	must(t, w.api.Do(t.Context(), `query($id: ID!) { org(id: $id) { `+name+` } }`, map[string]any{"id": w.orgID}, &answer))
	return answer.Org[name]
}

// everyField are the fields that a careless or lying Apex would send.
func (a *apex) everyField() []string {
	a.t.Helper()
	values, err := a.session.Get(a.t.Context(), spoiltAccount)
	must(a.t, err)
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// body is a request's body with what every one holds.
func (a *apex) body(more map[string]any) []byte {
	all := map[string]any{"objectName": a.object, "recordId": a.record}
	if _, given := more["readableFields"]; !given {
		all["readableFields"] = a.everyField()
	}
	for name, value := range more {
		all[name] = value
	}
	text, err := json.Marshal(all)
	must(a.t, err)
	return text
}

// claims are a good token's, for a test to spoil.
func (a *apex) claims(operation string, body []byte) jwt.MapClaims {
	sum := sha256.Sum256(body)
	return jwt.MapClaims{
		"iss": a.issuer, "sub": a.user, "aud": a.server.URL(), "exp": time.Now().Add(2 * time.Minute).Unix(),
		"jti": uuid.NewString(), "op": operation, "rid": a.record, "bdy": hex.EncodeToString(sum[:]),
	}
}

func (a *apex) sign(claims jwt.MapClaims) string {
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(a.key)
	must(a.t, err)
	return token
}

// ask sends a good request.
func (a *apex) ask(operation string, more map[string]any) answered {
	a.t.Helper()
	body := a.body(more)
	return a.send(operation, body, a.sign(a.claims(operation, body)))
}

// answered is what came over the wire.
type answered struct {
	status int
	text   string
	header http.Header
}

func (a answered) into(t *testing.T, v any) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.text)
	}
	must(t, json.Unmarshal([]byte(a.text), v))
}

func (a *apex) send(operation string, body []byte, token string) answered {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.server.URL()+"/time-machine/v1/"+operation, bytes.NewReader(body))
	must(a.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	must(a.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	must(a.t, err)
	return answered{response.StatusCode, string(text), response.Header}
}

// comparison is the part of an answer to compare that the tests look at.
type comparison struct {
	Columns []struct {
		VersionID      *string
		Missing        bool
		ModifiedByName *string
	}
	Fields []comparedField
}

type comparedField struct {
	Name, Type string
	Identical  bool
	Restorable bool
	ReasonCode *string
	Values     []*string
	Absent     []int
	References []*struct {
		Name    string
		Deleted bool
	}
}

func (f *comparedField) texts() string {
	texts := make([]string, len(f.Values))
	for i, v := range f.Values {
		if texts[i] = "null"; v != nil {
			texts[i] = *v
		}
	}
	return strings.Join(texts, ",")
}

func (c comparison) field(name string) *comparedField {
	for i := range c.Fields {
		if c.Fields[i].Name == name {
			return &c.Fields[i]
		}
	}
	return nil
}

func TestTimeMachineShowsVersionsAndComparesThem(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		a, ids := deployed(t, url, simorg.User{})
		var listed struct {
			Versions []struct {
				ID             string
				ModifiedAt     *string
				ModifiedByName *string
			}
			EndCursor *string
		}
		a.ask("versions", map[string]any{"first": 1}).into(t, &listed)
		if len(listed.Versions) != 1 || listed.Versions[0].ID != ids[0] || listed.EndCursor == nil {
			t.Fatalf("first page %+v, of %v", listed, ids)
		}
		if v := listed.Versions[0]; v.ModifiedAt == nil || v.ModifiedByName == nil || *v.ModifiedByName != "Integration User" {
			t.Errorf("modified %v by %v", v.ModifiedAt, v.ModifiedByName)
		}
		a.ask("versions", map[string]any{"first": 1, "after": *listed.EndCursor}).into(t, &listed)
		if len(listed.Versions) != 1 || listed.Versions[0].ID != ids[1] {
			t.Errorf("second page %+v, of %v", listed, ids)
		}
		var c comparison
		a.ask("compare", map[string]any{"versionIds": []string{ids[1], ids[0]}}).into(t, &c)
		if len(c.Columns) != 3 || c.Columns[0].VersionID != nil || *c.Columns[1].VersionID != ids[1] {
			t.Fatalf("columns %+v", c.Columns)
		}
		phone := c.field("Phone")
		if phone == nil || phone.Identical || !phone.Restorable || phone.texts() != "spoilt,null,spoilt" {
			t.Errorf("Phone %+v", phone)
		}
		owner := c.field("OwnerId")
		if owner == nil || owner.Restorable || *owner.ReasonCode != "REFERENCE" || len(owner.References) != 3 || owner.References[0] == nil || owner.References[0].Name != "Integration User" {
			t.Errorf("OwnerId %+v", owner)
		}
	})
}

// TestHiddenFieldsNeverCrossTheWire: the org's own word holds, even when Apex
// asks for everything, and Apex's word holds, even when the org allows more.
func TestHiddenFieldsNeverCrossTheWire(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		a, ids := deployed(t, url, simorg.User{
			HiddenFields: []string{"Account.Phone", "Account.LastModifiedById", "Account.LastModifiedDate"}, ReadOnlyFields: []string{"Account.Website"},
		})
		all := a.ask("versions", nil)
		if strings.Contains(all.text, "Integration User") || !strings.Contains(all.text, `"modifiedAt":null`) {
			t.Errorf("versions tell who modified: %s", all.text)
		}
		got := a.ask("compare", map[string]any{"versionIds": ids})
		var c comparison
		got.into(t, &c)
		if c.field("Phone") != nil || strings.Contains(got.text, `"Phone"`) || strings.Contains(got.text, "Integration User") && c.field("LastModifiedById") != nil {
			t.Errorf("hidden: %s", got.text)
		}
		if f := c.field("Website"); f == nil || f.Restorable || *f.ReasonCode != "NO_EDIT_ACCESS" {
			t.Errorf("read only: %+v", f)
		}
		narrow := a.ask("compare", map[string]any{"versionIds": ids, "readableFields": []string{"name"}})
		narrow.into(t, &c)
		if len(c.Fields) != 1 || c.Fields[0].Name != "Name" || strings.Contains(narrow.text, "spoilt") {
			t.Errorf("asked for the name only: %s", narrow.text)
		}
	})
}
