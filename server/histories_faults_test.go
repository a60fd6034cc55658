package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/engine/vault/vaulttest"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/org"
	"github.com/holdfast-backup/holdfast/ent/orgevent"
)

// TestBackupUnderFault: a fault in the middle of a backup, once or for good.
// Projects are many, so they are read by Bulk, the other objects over REST: a
// fault of Bulk's paths befalls the projects alone.
func TestBackupUnderFault(t *testing.T) {
	tests := []struct {
		kind simorg.FaultKind
		path string
		// code of the projects' EXCEPTION when the fault lasts, "" when it does no harm
		lasting string
	}{
		{simorg.Unavailable, "/jobs/query", "SERVER_UNAVAILABLE"},
		{simorg.ServerError, "/jobs/query", "UNKNOWN_EXCEPTION"},
		{simorg.BadGateway, "/jobs/query", "HTTP_502"},
		{simorg.NoRoute, "/jobs/query", "HTTP_420"},
		{simorg.Reset, "/results", "ORG_UNREACHABLE"},
		{simorg.Truncated, "/results", "ORG_UNREACHABLE"},
		{simorg.ShortBody, "/results", "ORG_UNREACHABLE"},
		{simorg.Slow, "/results", "ORG_UNREACHABLE"},
		{simorg.ExpiredSession, "/results", "INVALID_SESSION_ID"},
		{simorg.Concurrency, "/results", "REQUEST_LIMIT_EXCEEDED"},
		{simorg.RowLock, "/results", "UNABLE_TO_LOCK_ROW"},
		{simorg.NULBytes, "/results", ""}, // no value has one: they are dropped
		{simorg.LostAnswer, "/results", "ORG_UNREACHABLE"},
		{simorg.LocatorExpiry, "", ""},
	}
	for _, test := range tests {
		fault := simorg.Fault{Kind: test.kind, Path: test.path, Delay: time.Minute}
		t.Run(string(test.kind)+"/once", func(t *testing.T) {
			once := fault
			once.Nth = 2
			l := newFaultLab(t, labOptions{client: hurried()})
			l.sim.SetFaults(once)
			l.wantWhole(l.backup(false))
		})
		t.Run(string(test.kind)+"/lasting", func(t *testing.T) {
			l := newFaultLab(t, labOptions{client: hurried()})
			l.sim.SetFaults(fault)
			ended := l.backup(false)
			l.sim.SetFaults()
			if test.lasting == "" {
				l.wantWhole(ended)
				return
			}
			l.wantException(ended, test.lasting)
			l.wantWhole(l.backup(false))
		})
	}
}

// TestBackupOfPagesWithoutTheirLastRow: a page that is short by whole rows looks
// well; only what the org announced tells.
func TestBackupOfPagesWithoutTheirLastRow(t *testing.T) {
	l := newFaultLab(t, labOptions{})
	l.door.org = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/results") {
			l.sim.ServeHTTP(w, r)
			return
		}
		r.Header.Del("Accept-Encoding")
		page := httptest.NewRecorder()
		l.sim.ServeHTTP(page, r)
		maps.Copy(w.Header(), page.Header())
		rows := strings.Split(strings.TrimSpace(page.Body.String()), "\n\"a01")
		_, _ = io.WriteString(w, strings.Join(rows[:len(rows)-1], "\n\"a01")+"\n")
	})
	ended := l.backup(false)
	l.door.org = l.sim
	l.wantException(ended, "ORG_UNREACHABLE")
	l.wantWhole(l.backup(false))
}

// hurried is a client that does not wait long for an answer.
func hurried() salesforce.Options {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout, transport.DisableCompression = 200*time.Millisecond, true
	return salesforce.Options{Transport: transport}
}

// newFaultLab is a lab with 25 projects, and a milestone and a remark of some.
func newFaultLab(t *testing.T, o labOptions) *lab {
	t.Helper()
	l := newLab(t, o)
	var projects, milestones, remarks []map[string]any
	for n := range 25 {
		projects = append(projects, map[string]any{"Name": fmt.Sprint("P ", n), "Amount__c": n, "Text__c": texts[n%len(texts)]})
	}
	l.people.insert("Project__c", projects...)
	for n, id := range l.people.ids("Project__c", false)[:4] {
		milestones = append(milestones, map[string]any{"Name": fmt.Sprint("M ", n), "Project__c": id, "Cost__c": n})
		remarks = append(remarks, map[string]any{"Name": fmt.Sprint("R ", n), "Project__c": id})
	}
	l.people.insert("Milestone__c", milestones...)
	l.people.insert("Remark__c", remarks...)
	l.clock.pass(time.Minute)
	return l
}

func (l *lab) wantState(ended *ent.Job, want engine.JobState, code string) {
	l.t.Helper()
	if ended.State != want || ended.ErrorCode != code {
		l.t.Fatalf("the job ended as %s %s: %s; want %s %s", ended.State, ended.ErrorCode, ended.ErrorMessage, want, code)
	}
}

func (l *lab) wantSame(object, jobID string, want state) {
	l.t.Helper()
	if told := differences(l.stored(object, jobID), want); told != nil {
		l.t.Errorf("%s: %q", object, told)
	}
}

// wantWhole: the backup is complete in name and in fact.
func (l *lab) wantWhole(ended *ent.Job) {
	l.t.Helper()
	l.wantState(ended, engine.JobCompleted, "")
	for _, object := range labObjects {
		l.wantSame(object, ended.ID, l.people.state(object))
	}
}

// wantException: the projects say why they are not there, the others are whole.
func (l *lab) wantException(ended *ent.Job, code string) {
	l.t.Helper()
	l.wantState(ended, engine.JobCompletedWithErrors, "")
	projects := l.objects(ended)["Project__c"]
	if projects.State != engine.ObjectException || projects.ErrorCode != code || projects.ErrorMessage == "" {
		l.t.Errorf("the projects are %s %q: %q; want %q", projects.State, projects.ErrorCode, projects.ErrorMessage, code)
	}
	for _, object := range []string{"Milestone__c", "Remark__c"} {
		if state := l.objects(ended)[object].State; state != engine.ObjectCompleted {
			l.t.Errorf("%s is %s", object, state)
		}
		l.wantSame(object, ended.ID, l.people.state(object))
	}
}

// at lets something happen at the n-th call from now.
func (l *lab) at(n int, happens func()) {
	l.door.pull.Store(&happens)
	l.door.at.Store(l.door.calls.Load() + int64(n))
}

// TestBackupWaitsForItsQuota: an org that has no call left today is asked again
// later, and the backup completes.
func TestBackupWaitsForItsQuota(t *testing.T) {
	l := newFaultLab(t, labOptions{})
	began := l.clock.Now()
	l.sim.SetFaults(simorg.Fault{Kind: simorg.LimitExceeded, Path: "/jobs/query", Times: 3})
	l.wantWhole(l.backup(false))
	if waited := l.clock.Now().Sub(began); waited < 45*time.Minute {
		t.Errorf("waited %s", waited)
	}
}

// TestBackupOfARevokedOrg: access is withdrawn in the middle of a backup, at
// different points of it.
func TestBackupOfARevokedOrg(t *testing.T) {
	for _, n := range []int{2, 6, 9, 12} {
		t.Run(fmt.Sprint("call ", n), func(t *testing.T) {
			l := newFaultLab(t, labOptions{flow: engine.FlowRefreshToken})
			l.at(n, l.sim.RevokeRefreshTokens)
			l.wantState(l.backup(false), engine.JobFailed, "ORG_ACCESS_REVOKED")
			if n := l.db.Client.OrgEvent.Query().Where(orgevent.KindEQ(engine.EventRevoked)).CountX(l.ctx); n != 1 {
				t.Errorf("call %d: %d events tell of it", n, n)
			}
			if state := l.db.Client.Org.GetX(l.ctx, l.orgID).State; state != org.StateREVOKED {
				t.Errorf("the org is %s", state)
			}
			l.connect(engine.FlowRefreshToken)
			l.wantWhole(l.backup(false))
			if state := l.db.Client.Org.GetX(l.ctx, l.orgID).State; state != org.StateCONNECTED {
				t.Errorf("connected again, the org is %s", state)
			}
		})
	}
}

// TestBackupWhileAFieldAppears: somebody adds a field in the middle of a backup.
// That one is whole with the fields it knew or with all; the next one has it.
func TestBackupWhileAFieldAppears(t *testing.T) {
	for _, n := range []int{2, 6, 9, 12} {
		t.Run(fmt.Sprint("call ", n), func(t *testing.T) {
			l := newFaultLab(t, labOptions{})
			l.at(n, func() { l.people.putField("Project__c", "Late__c", definitions["flag"]) })
			l.wantState(l.backup(false), engine.JobCompleted, "")
			l.clock.pass(time.Minute)
			l.wantWhole(l.backup(false))
		})
	}
}

// TestBackupCountsItsCalls: a job tells every API call that the org has counted,
// an object those that were for it alone (F92).
func TestBackupCountsItsCalls(t *testing.T) {
	l := newFaultLab(t, labOptions{})
	l.wantWhole(l.backup(false)) // its session lasts
	for _, id := range l.people.ids("Project__c", false) {
		l.people.update("Project__c", id, map[string]any{"Text__c": "anew"})
	}
	l.clock.pass(time.Minute)
	before := l.sim.Calls()
	ended := l.backup(true)
	if counted := l.sim.Calls() - before; ended.APICalls != counted || counted == 0 {
		t.Errorf("the job tells %d API calls, the org %d", ended.APICalls, counted)
	}
	own := int64(0)
	for _, o := range l.objects(ended) {
		own += o.APICalls
	}
	if projects := l.objects(ended)["Project__c"].APICalls; projects < 2 || own >= ended.APICalls {
		t.Errorf("of %d calls %d were for projects and %d for single objects", ended.APICalls, projects, own)
	}
}

func incompressible(size int) string {
	b := make([]byte, size)
	_, _ = rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

// TestBackupOntoAFullDisk: the vault's disk fills up, after more or fewer bytes.
// What was stored stays, and after there is space the next backup is whole.
func TestBackupOntoAFullDisk(t *testing.T) {
	for _, full := range []struct{ room, arena int }{
		{0, 2 << 10},
		{1 << 10, 2 << 10},
		{4 << 10, 2 << 10},
		{9 << 10, 2 << 10},
		{0, 0},
		{4 << 10, 0}, // all objects share a segment, which is written at the end
	} {
		t.Run(fmt.Sprintf("%d bytes left, arena of %d", full.room, full.arena), func(t *testing.T) {
			disk := vaulttest.NewDisk(time.Now)
			l := newFaultLab(t, labOptions{bucket: disk.Bucket(), arena: full.arena})
			first, before := l.backup(false), map[string]state{}
			l.wantWhole(first)
			for _, object := range labObjects {
				before[object] = l.people.state(object)
			}
			for _, id := range l.people.ids("Project__c", false) {
				l.people.update("Project__c", id, map[string]any{"Text__c": incompressible(1000)})
			}
			l.clock.pass(time.Minute)
			disk.Limit(full.room)
			ended := l.backup(false)
			l.wantState(ended, engine.JobFailed, "VAULT_FULL")
			for _, object := range labObjects {
				l.wantSame(object, "", before[object])
			}
			if ended.Added+ended.Changed+ended.Deleted+ended.Bytes != 0 {
				t.Errorf("nothing was stored, and the job tells %d changed, %d bytes", ended.Changed, ended.Bytes)
			}
			disk.Limit(-1)
			l.wantWhole(l.backup(false))
			for _, object := range labObjects {
				l.wantSame(object, first.ID, before[object])
			}
		})
	}
}
