package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/holdfast-backup/holdfast/engine/simorg/timemachine"
	"github.com/holdfast-backup/holdfast/server/demo"
)

const (
	wideFields = 300 // custom ones; with the standard ones over 350
	sellers    = 40  // users who ask, in turn: one may not ask that often
	warmUp     = 200
	questions  = 2000
	wantedP99  = 50.0 // milliseconds
)

// wideObject is SFDX source that makes Account as wide as org admins make it.
func wideObject() fstest.MapFS {
	var fields strings.Builder
	for n := range wideFields {
		fmt.Fprintf(&fields, "<fields><fullName>%s</fullName><label>Custom field %d</label><length>80</length><type>Text</type></fields>", wideName(n), n)
	}
	text := `<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">` + fields.String() + "</CustomObject>"
	return fstest.MapFS{"objects/Account/Account.object-meta.xml": &fstest.MapFile{Data: []byte(text)}}
}

func wideName(n int) string { return fmt.Sprintf("Wide_%d__c", n) }

func sellerName(n int) string { return fmt.Sprintf("seller%d@example.com", n) }

// apex asks a server's Time Machine as an org's Apex does.
type apex struct {
	server, issuer string
	users          []string
	record         string
	fields         []string
	certificate    timemachine.Certificate
}

// measureTimeMachine has users of an org compare four versions of a record, and
// times each answer of a server that is a process of its own.
func measureTimeMachine(ctx context.Context, records int) (err error) {
	folder, err := os.MkdirTemp("", "holdfast-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	org, err := startOrg(ctx, population{records: records, wide: true})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, org.stop()) }()
	server, err := startServer(ctx, folder, org.url)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, server.stop()) }()
	a, versions, err := history(ctx, org, server)
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(folder, "probe")) //nolint:gosec // our own folder
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, file.Close()) }()
	s := &sitting{a, org, server, probe{server.url + "/healthz", file}, versions}
	return s.measure(ctx)
}

// history makes a record with four versions behind it, and answers their ids.
func history(ctx context.Context, org *orgProcess, server *serverProcess) (*apex, []string, error) {
	api := &demo.API{URL: server.url}
	if err := api.SignUp(ctx, "Bench", "admin@example.com", "Holdfast-1"); err != nil {
		return nil, nil, err
	}
	id, err := api.Connect(ctx, "Bench", demo.Credentials{LoginURL: org.url, ClientID: clientID, ClientSecret: clientSecret})
	if err != nil {
		return nil, nil, err
	}
	a := &apex{server: server.url}
	if a.certificate, err = timemachine.NewCertificate("Bench", time.Now()); err != nil {
		return nil, nil, err
	}
	if err := api.Trust(ctx, id, a.certificate.PEM); err != nil {
		return nil, nil, err
	}
	if err := a.find(org); err != nil {
		return nil, nil, err
	}
	for _, word := range []string{"second", "third", "fourth", "current"} {
		if _, err := api.Backup(ctx, id, word); err != nil {
			return nil, nil, err
		}
		if err := org.wait(time.Hour); err != nil {
			return nil, nil, err
		}
		if _, err := org.do(http.MethodPatch, dataAPI+"/sobjects/Account/"+a.record, wideState(word)); err != nil {
			return nil, nil, err
		}
	}
	versions, err := a.versions(ctx)
	return a, versions, err
}

// wideState differs from another in a third of the fields.
func wideState(word string) map[string]any {
	state := map[string]any{}
	for n := range wideFields {
		if n%3 == 0 {
			state[wideName(n)] = fmt.Sprintf("%s %d", word, n)
		} else {
			state[wideName(n)] = fmt.Sprintf("kept %d", n)
		}
	}
	return state
}

// find asks the org for what its Apex knows, and makes the record.
func (a *apex) find(org *orgProcess) error {
	var described struct{ Fields []struct{ Name string } }
	if err := org.ask(http.MethodGet, dataAPI+"/sobjects/Account/describe", nil, &described); err != nil {
		return err
	}
	for _, f := range described.Fields {
		a.fields = append(a.fields, f.Name)
	}
	var found struct{ Records []struct{ ID string } }
	ids := func(soql string) (ids []string, err error) {
		found.Records = nil
		err = org.ask(http.MethodGet, dataAPI+"/query?q="+url.QueryEscape(soql), nil, &found)
		for _, r := range found.Records {
			ids = append(ids, r.ID)
		}
		return ids, err
	}
	self, err1 := ids("SELECT Id FROM Organization")
	parent, err2 := ids("SELECT Id FROM Account LIMIT 1")
	users, err3 := ids("SELECT Id FROM User WHERE Username LIKE 'seller%'")
	if err := cmp.Or(err1, err2, err3); err != nil {
		return err
	}
	a.issuer, a.users = self[0], users
	var made struct{ ID string }
	state := wideState("first")
	state["Name"], state["ParentId"] = "Wide", parent[0]
	err := org.ask(http.MethodPost, dataAPI+"/sobjects/Account", state, &made)
	a.record = made.ID
	return err
}

func (a *apex) versions(ctx context.Context) ([]string, error) {
	q, err := a.sign(a.users[0], "versions", map[string]any{"first": 4})
	if err != nil {
		return nil, err
	}
	text, _, err := a.send(ctx, q)
	if err != nil {
		return nil, err
	}
	var answer struct{ Versions []struct{ ID string } }
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	var ids []string
	for _, v := range answer.Versions {
		ids = append(ids, v.ID)
	}
	if len(ids) != 4 {
		return nil, fmt.Errorf("the record has %d versions, not four", len(ids))
	}
	return ids, nil
}

// question is a request with its token, good for once.
type question struct {
	operation, token, address string
	body                      []byte
}

// sign is what the Apex of lwc does, and its twin in engine/simorg.
func (a *apex) sign(user, operation string, more map[string]any) (question, error) {
	more["objectName"], more["recordId"], more["readableFields"] = "Account", a.record, a.fields
	body, err := json.Marshal(more)
	if err != nil {
		return question{}, err
	}
	sum := sha256.Sum256(body)
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": a.issuer, "sub": user, "aud": a.server, "exp": time.Now().Add(2 * time.Minute).Unix(), "jti": uuid.NewString(),
		"op": operation, "rid": a.record, "bdy": hex.EncodeToString(sum[:]),
	}).SignedString(a.certificate.Key)
	address := fmt.Sprintf("192.0.2.%d", slices.Index(a.users, user))
	return question{operation, token, address, body}, err
}

// send answers with the time from the request's first byte to the answer's last.
func (a *apex) send(ctx context.Context, q question) (text []byte, took time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.server+"/time-machine/v1/"+q.operation, bytes.NewReader(q.body))
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+q.token)
	request.Header.Set("X-Forwarded-For", q.address)
	began := time.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err = io.ReadAll(answer.Body)
	took = time.Since(began)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %.300s", q.operation, answer.Status, text)
	}
	return text, took, err
}

// probe is what the machine makes others wait at the same time: for an answer
// of the same server that takes it no work, and for a small write to its disk.
type probe struct {
	health string
	file   *os.File
}

func (p probe) answer(ctx context.Context) (time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.health, nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return time.Since(began), cmp.Or(err, answer.Body.Close())
}

func (p probe) write() (time.Duration, error) {
	began := time.Now()
	_, err := p.file.WriteAt(make([]byte, 4096), 0)
	return time.Since(began), cmp.Or(err, p.file.Sync())
}

// times are what each of a round's questions and probes took, the least first.
type times struct{ compare, empty, write []time.Duration }

func (t times) sort() {
	for _, all := range [][]time.Duration{t.compare, t.empty, t.write} {
		slices.Sort(all)
	}
}

// at is the time that this share of them took at most.
func at(share float64, sorted []time.Duration) float64 {
	return ms(sorted[int(share*float64(len(sorted)))])
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// sitting is who asks whom about what.
type sitting struct {
	*apex
	org      *orgProcess
	server   *serverProcess
	probe    probe
	versions []string
}

// round asks for the comparison so often, by the users in turn.
func (s *sitting) round(ctx context.Context, count int) (t times, err error) {
	signed := make([]question, count)
	for i := range signed {
		if signed[i], err = s.sign(s.users[i%len(s.users)], "compare", map[string]any{"versionIds": s.versions, "hideIdentical": false}); err != nil {
			return t, err
		}
	}
	for _, q := range signed {
		text, took, err1 := s.send(ctx, q)
		empty, err2 := s.probe.answer(ctx)
		write, err3 := s.probe.write()
		if err := cmp.Or(err1, err2, err3); err != nil {
			return t, err
		}
		if fields := bytes.Count(text, []byte(`"restorable":`)); fields < 350 {
			return t, fmt.Errorf("the answer has %d fields, not 350", fields)
		}
		t.compare, t.empty, t.write = append(t.compare, took), append(t.empty, empty), append(t.write, write)
	}
	t.sort()
	return t, nil
}

func (s *sitting) measure(ctx context.Context) error {
	first, err := s.round(ctx, len(s.users))
	if err != nil {
		return err
	}
	if _, err := s.round(ctx, warmUp); err != nil {
		return err
	}
	theirs, ours, waited := s.org.numbers(), s.server.cpu(), s.server.waited()
	t, err := s.round(ctx, questions)
	if err != nil {
		return err
	}
	after := s.org.numbers()
	each := func(d time.Duration) float64 { return ms(d) / questions }
	fmt.Printf("# Time Machine: %d comparisons of 4 versions of %d fields, one after another, each with its own token\n", questions, len(s.fields))
	p99 := at(0.99, t.compare)
	reported("time machine: compare, p50", at(0.5, t.compare), "ms")
	figure{"time machine: compare, p99", p99, "ms", p99 / wantedP99, "<=1", p99 <= wantedP99}.print()
	reported("  first of a user, p50", at(0.5, first.compare), "ms")
	reported("  server's processor", each(s.server.cpu()-ours), "ms/request")
	reported("  server waited for a processor", each(s.server.waited()-waited), "ms/request")
	reported("  org's part, by the clock", each(after.Busy-theirs.Busy), "ms/request")
	reported("  calls to the org", float64(after.Calls-theirs.Calls)/questions, "calls")
	reported("  an answer without work, p50", at(0.5, t.empty), "ms")
	reported("  an answer without work, p99", at(0.99, t.empty), "ms")
	reported("  a write of 4 kB to disk, p50", at(0.5, t.write), "ms")
	reported("  a write of 4 kB to disk, p99", at(0.99, t.write), "ms")
	return nil
}
