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
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/lwc"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// The tests of Time Machine's wire play the org's Apex by hand: a key pair, a
// token per request, and the bytes that come back.

// keyPair is made once: keys take long to make.
var keyPair, otherKeyPair = newKeyPair(), newKeyPair()

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
	return w.deploy(t, keyPair, user), versionIDs(versions)
}

func (w *world) deploy(t *testing.T, key *rsa.PrivateKey, user simorg.User) *apex {
	t.Helper()
	user.Username, user.FirstName, user.LastName, user.Profile = visitor, "Vera", "Visitor", "Standard User"
	if user.Permissions == nil {
		user.Permissions = []string{"ApiEnabled"}
	}
	w.pin(t, key)
	return &apex{
		world: w, t: t, key: key, issuer: w.field(t, "salesforceId"), user: w.org.AddUser(user),
		object: "Account", record: w.session.ID(spoiltAccount),
	}
}

func versionIDs(versions []demo.Version) []string {
	ids := make([]string, len(versions))
	for i, v := range versions {
		ids[i] = v.ID
	}
	return ids
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

func (a answered) code() string {
	var refusal struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(a.text), &refusal); err != nil {
		return "no JSON: " + a.text
	}
	return strings.TrimSpace(fmt.Sprint(a.status, " ", refusal.Error.Code))
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
	return a.sent(request)
}

func (a *apex) sent(request *http.Request) answered {
	a.t.Helper()
	response, err := http.DefaultClient.Do(request)
	must(a.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	must(a.t, err)
	return answered{response.StatusCode, string(text), response.Header}
}

// grant assigns one of the package's permission sets.
func (a *apex) grant(permissionSet string) {
	a.t.Helper()
	must(a.t, a.org.LoadSource(lwc.Source))
	var found struct {
		Records []struct {
			ID string `json:"Id"`
		}
	}
	a.salesforce(http.MethodGet, "/query?q="+url.QueryEscape("SELECT Id FROM PermissionSet WHERE Name = '"+permissionSet+"'"), nil, &found)
	a.salesforce(http.MethodPost, "/sobjects/PermissionSetAssignment", map[string]string{"AssigneeId": a.user, "PermissionSetId": found.Records[0].ID}, nil)
}

// salesforce asks the org as its administrator does.
func (a *apex) salesforce(method, path string, body, into any) {
	a.t.Helper()
	login, err := http.PostForm(a.orgURL+"/services/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {demoClientID}, "client_secret": {demoClientSecret},
	})
	must(a.t, err)
	defer func() { _ = login.Body.Close() }()
	var session struct {
		Token string `json:"access_token"`
	}
	must(a.t, json.NewDecoder(login.Body).Decode(&session))
	var sent bytes.Buffer
	if body != nil {
		must(a.t, json.NewEncoder(&sent).Encode(body))
	}
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.orgURL+"/services/data/v66.0"+path, &sent)
	must(a.t, err)
	request.Header.Set("Authorization", "Bearer "+session.Token)
	request.Header.Set("Content-Type", "application/json")
	answer := a.sent(request)
	if answer.status >= http.StatusBadRequest {
		a.t.Fatalf("%s %s: %s", method, path, answer.text)
	}
	if into != nil {
		must(a.t, json.Unmarshal([]byte(answer.text), into))
	}
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

// restoreInput chooses fields from a version, seen as they are.
func chosen(versionID string, seen map[string]any) map[string]any {
	var fields []map[string]any
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		fields = append(fields, map[string]any{"name": name, "versionId": versionID, "seen": seen[name]})
	}
	return map[string]any{"fields": fields, "idempotencyKey": uuid.NewString()}
}

type askedJob struct {
	Job struct {
		ID       string
		State    string
		Progress struct{ Done, Total int }
		Outcomes []struct{ Name, Outcome, Code string }
	}
}

// finished waits for a restore's end.
func (a *apex) finished(id string) (job askedJob) {
	a.t.Helper()
	_, _ = a.api.Wait(a.t.Context(), id)
	a.ask("job", map[string]any{"jobId": id}).into(a.t, &job)
	return job
}

// TestTimeMachineRestores: only what was seen, once per key, written down with
// the person's name and no value.
func TestTimeMachineRestores(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		a, ids := deployed(t, url, simorg.User{ReadOnlyFields: []string{"Account.Website"}})
		in := chosen(ids[1], map[string]any{"Phone": "spoilt", "Description": "spoilt"})
		if got := a.ask("restore", in).code(); got != "403 NO_RESTORE_PERMISSION" {
			t.Errorf("without the permission: %s", got)
		}
		a.grant("Time_Machine_Restore")
		for want, in := range map[string]map[string]any{
			"409 CURRENT_CHANGED":      chosen(ids[1], map[string]any{"Phone": "what it was"}),
			"403 NO_FIELD_EDIT_ACCESS": chosen(ids[1], map[string]any{"Website": "spoilt.example.com"}),
			"400 UNKNOWN_FIELD":        chosen(ids[1], map[string]any{"Nothing__c": nil}),
			"400 NO_FIELDS":            chosen(ids[1], nil),
			"404 VERSION_NOT_FOUND":    chosen("AA", map[string]any{"Phone": "spoilt"}),
		} {
			if got := a.ask("restore", in).code(); got != want {
				t.Errorf("%v: %s, want %s", in, got, want)
			}
		}
		if jobs := a.restores(); jobs != 0 {
			t.Errorf("%d refused requests have made jobs", jobs)
		}
		var first, again askedJob
		a.ask("restore", in).into(t, &first)
		done := a.finished(first.Job.ID)
		a.ask("restore", in).into(t, &again)
		if first.Job.ID != again.Job.ID || a.restores() != 1 {
			t.Errorf("one key made %s and %s", first.Job.ID, again.Job.ID)
		}
		if got := fmt.Sprint(done.Job.State, done.Job.Progress, done.Job.Outcomes); got != "COMPLETED{2 2} [{Description RESTORED } {Phone RESTORED }]" {
			t.Errorf("the restore ended %s", got)
		}
		text, _ := json.Marshal(a.trail())
		for _, want := range []string{"recordFieldsRestore", "CURRENT_CHANGED", "Vera Visitor", a.user, "Description, Phone", first.Job.ID} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the audit trail has no %s: %s", want, text)
			}
		}
		if strings.Contains(string(text), "spoilt") {
			t.Errorf("the audit trail holds a value: %s", text)
		}
	})
}

func (a *apex) restores() int {
	a.t.Helper()
	var answer struct{ Jobs struct{ TotalCount int } }
	must(a.t, a.api.Do(a.t.Context(), `query($id: ID!) { jobs(orgId: $id, filter: {operations: [TIME_MACHINE_RESTORE]}) { totalCount } }`, map[string]any{"id": a.orgID}, &answer))
	return answer.Jobs.TotalCount
}

func (a *apex) trail() any {
	a.t.Helper()
	var answer any
	must(a.t, a.api.Do(a.t.Context(), `{ auditEntries(first: 20) { edges { node { actor action target outcome details { name value } } } } }`, nil, &answer))
	return answer
}

// TestAStreamTicketShowsOneJobsCounters and nothing else, once.
func TestAStreamTicketShowsOneJobsCounters(t *testing.T) {
	t.Parallel()
	a, ids := deployed(t, "", simorg.User{})
	a.grant("Time_Machine_Restore")
	var started askedJob
	a.ask("restore", chosen(ids[1], map[string]any{"Phone": "spoilt"})).into(t, &started)
	var ticket struct{ URL, Ticket string }
	a.ask("stream-ticket", map[string]any{"jobId": started.Job.ID}).into(t, &ticket)
	streamed := a.stream(ticket.URL, ticket.Ticket)
	events := strings.Split(strings.TrimSpace(streamed.text), "\n\n")
	if last := events[len(events)-1]; streamed.status != http.StatusOK || last != "event: progress\ndata: {\"progress\":{\"done\":1,\"total\":1},\"state\":\"COMPLETED\"}" {
		t.Errorf("the stream ended %d %q", streamed.status, last)
	}
	if strings.Contains(streamed.text, "Phone") || strings.Contains(streamed.text, "spoilt") {
		t.Errorf("the stream tells names or values: %s", streamed.text)
	}
	if got := a.stream(ticket.URL, ticket.Ticket).code(); got != "401 TOKEN_REPLAYED" {
		t.Errorf("a second connection: %s", got)
	}
	if got := a.stream(ticket.URL, ticket.Ticket+"x").code(); got != "401 TOKEN_INVALID" {
		t.Errorf("a forged ticket: %s", got)
	}
	if got := a.ask("stream-ticket", map[string]any{"jobId": "job_other"}).code(); got != "404 JOB_NOT_FOUND" {
		t.Errorf("a ticket for nobody's job: %s", got)
	}
}

func (a *apex) stream(address, ticket string) answered {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, address, nil)
	must(a.t, err)
	request.Header.Set("Authorization", "Bearer "+ticket)
	request.Header.Set("Accept", "text/event-stream")
	return a.sent(request)
}
