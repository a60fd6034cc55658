package main

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/orgs"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	"github.com/holdfast-backup/holdfast/ent/jobobject"
)

// lab is the rooms that a backup needs, in this process, and a small simulated
// org, on one clock that only moves when it is told to or somebody waits.
type lab struct {
	t        testing.TB
	ctx      context.Context //nolint:containedctx // the tenant's, for one test
	clock    handClock
	sim      *simorg.Org
	door     tripwire // before the org
	url      string
	people   person // who work in the org
	db       *database.DB
	vault    *vault.Vault
	queue    *job.Queue
	orgs     *orgs.Orgs
	backups  *backup.Backup
	orgID    string
	finished chan struct{} // a job is about to be
}

// handClock is moved by hand.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *handClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = at
}

// Sleep passes the time at once.
func (c *handClock) Sleep(ctx context.Context, d time.Duration) error {
	c.pass(d)
	return ctx.Err()
}

// labObjects are what the lab's org has: a master with a roll-up and a formula,
// its detail, and an object with a lookup.
var labObjects = []string{"Project__c", "Milestone__c", "Remark__c"}

// labSource is their schema as an SFDX project.
func labSource() fstest.MapFS {
	s := source{fstest.MapFS{}}
	field := s.field
	for _, object := range labObjects {
		s.object(object, map[bool]string{true: "ControlledByParent", false: "ReadWrite"}[object == "Milestone__c"])
	}
	field("Project__c", "Text__c", "<type>LongTextArea</type><length>32000</length><visibleLines>3</visibleLines>")
	field("Project__c", "Amount__c", "<type>Currency</type><precision>18</precision><scale>2</scale>")
	field("Project__c", "Count__c", "<type>Number</type><precision>12</precision><scale>0</scale>")
	field("Project__c", "Done__c", "<type>Checkbox</type><defaultValue>false</defaultValue>")
	field("Project__c", "Due__c", "<type>Date</type>")
	field("Project__c", "At__c", "<type>DateTime</type>")
	field("Project__c", "Mail__c", "<type>Email</type>")
	field("Project__c", "Double__c", "<type>Number</type><precision>18</precision><scale>2</scale><formula>Amount__c * 2</formula>")
	field("Milestone__c", "Project__c", "<type>MasterDetail</type><referenceTo>Project__c</referenceTo><relationshipName>Milestones</relationshipName>")
	field("Milestone__c", "Cost__c", "<type>Number</type><precision>16</precision><scale>2</scale>")
	field("Project__c", "Total__c", "<type>Summary</type><summarizedField>Milestone__c.Cost__c</summarizedField><summaryForeignKey>Milestone__c.Project__c</summaryForeignKey><summaryOperation>sum</summaryOperation>")
	field("Remark__c", "Project__c", "<type>Lookup</type><referenceTo>Project__c</referenceTo><relationshipName>Remarks</relationshipName>")
	field("Remark__c", "Text__c", "<type>TextArea</type>")
	return s.files
}

// source writes an SFDX project.
type source struct{ files fstest.MapFS }

func (s source) put(path, body string) {
	s.files["objects/"+path] = &fstest.MapFile{Data: []byte(strings.Replace(body, ">", ` xmlns="http://soap.sforce.com/2006/04/metadata">`, 1))}
}

func (s source) object(name, sharing string) {
	s.put(name+"/"+name+".object-meta.xml", "<CustomObject><label>"+name+"</label><pluralLabel>"+name+"</pluralLabel><nameField><label>Name</label><type>Text</type></nameField><sharingModel>"+sharing+"</sharingModel></CustomObject>")
}

func (s source) field(object, name, more string) {
	s.put(object+"/fields/"+name+".field-meta.xml", "<CustomField><fullName>"+name+"</fullName><label>"+name+"</label>"+more+"</CustomField>")
}

// labDescribes are the objects that every org has and a connection, or an
// owner, needs.
func labDescribes() fstest.MapFS {
	const flags = `"filterable":true,"sortable":true`
	describe := func(name, prefix, more string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"name":"` + name + `","label":"` + name + `","labelPlural":"` + name + `","keyPrefix":"` + prefix + `","queryable":true,"retrieveable":true,"fields":[` +
			`{"name":"Id","type":"id","label":"Id","length":18,` + flags + `},{"name":"Name","type":"string","label":"Name","length":80,"nameField":true,` + flags + `},` +
			`{"name":"SystemModstamp","type":"datetime","label":"Stamp",` + flags + `},` + more + `]}`)}
	}
	return fstest.MapFS{
		"Organization.json": describe("Organization", "00D", `{"name":"IsSandbox","type":"boolean","label":"Sandbox",`+flags+`}`),
		"User.json":         describe("User", "005", `{"name":"IsActive","type":"boolean","label":"Active",`+flags+`}`),
	}
}

// labOptions are what a lab may have that is not the default.
type labOptions struct {
	bucket *blob.Bucket
	arena  int // the vault's, in bytes
	client salesforce.Options
	flow   engine.OAuthFlow
}

func newLab(t testing.TB, o labOptions) *lab {
	t.Helper()
	if testing.Short() {
		t.Skip("stands on SQLite, which is 30 times slower under the race detector; make race runs short tests")
	}
	l := &lab{t: t, clock: handClock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}, finished: make(chan struct{}, 1)}
	l.openOrg()
	l.db = databasetest.SQLite(t)
	tenant := l.db.Client.Tenant.Create().SetName("lab").SetSlug("lab").SaveX(engine.AsSystem(t.Context()))
	l.ctx = engine.AsWorker(t.Context(), tenant.ID)
	l.openRooms(o)
	l.connect(cmp.Or(o.flow, engine.FlowClientCredentials))
	return l
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// openOrg starts the org; its pages are small, so that little data has many.
func (l *lab) openOrg() {
	sim, err := simorg.New(simorg.Config{
		Now: l.clock.Now, Bare: true, MaxRows: 7, ResultPageRows: 7, AutoApprove: true,
		Apps: []simorg.App{{ClientID: demoClientID, ClientSecret: demoClientSecret, RunAs: demoUser, RedirectURIs: []string{"https://lab.example/"}}},
	})
	l.must(err)
	l.must(sim.LoadDescribe(labDescribes()))
	sim.AddUser(simorg.User{Username: demoUser, LastName: "User"})
	l.must(sim.LoadSource(labSource()))
	l.sim, l.door.org = sim, sim
	server := httptest.NewServer(&l.door)
	l.t.Cleanup(server.Close)
	l.url = server.URL
	l.people = person{t: l.t, url: server.URL}
	l.people.signIn()
}

func (l *lab) openRooms(o labOptions) {
	var err error
	if o.bucket == nil {
		o.bucket = memblob.OpenBucket(nil)
	}
	silent, keeper := slog.New(slog.DiscardHandler), localsecrets.NewKeeper([32]byte{1})
	l.vault, err = vault.Open(vault.Config{DB: l.db.Client, Bucket: o.bucket, Keeper: keeper, Clock: l.clock.Now, ArenaBytes: o.arena})
	l.must(err)
	o.client.Now, o.client.Sleep = l.clock.Now, l.clock.Sleep
	o.client.SmallRead = 10
	l.queue = job.New(l.db, job.Settings{Logger: silent, Poll: 10 * time.Millisecond, Backoff: func(int) time.Duration { return 0 }})
	l.orgs = orgs.New(orgs.Config{
		DB: l.db.Client, Keeper: keeper, Jobs: l.queue, Opener: salesforce.New(o.client), Clock: l.clock.Now, Log: silent,
		CallbackURL: "https://lab.example/", SalesforceHosts: []string{strings.TrimPrefix(l.url, "http://")},
	})
	l.backups = &backup.Backup{
		DB: l.db.Client, Vault: l.vault, Queue: l.queue, Orgs: l.orgs, Log: silent,
		Capture: &capture.Capture{DB: l.db.Client, Dictionary: capture.Dictionary{DB: l.db.Client}, Vault: l.vault},
	}
	l.queue.Register(engine.CompositeBackup, l.backups)
	l.queue.Register(engine.CompositeSyncBackup, l.backups)
	l.queue.OnFinished(func(context.Context, *ent.Tx, *ent.Job) error {
		l.finished <- struct{}{}
		return nil
	})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = l.queue.Run(ctx) })
	l.t.Cleanup(func() {
		stop()
		running.Wait()
	})
}

func (l *lab) connect(flow engine.OAuthFlow) {
	in := orgs.ConnectInput{OrgID: l.orgID, Name: "Lab", Type: "SANDBOX", Flow: flow, LoginURL: l.url, ClientID: demoClientID, ClientSecret: demoClientSecret}
	if flow == engine.FlowRefreshToken {
		in.RefreshToken = l.people.grantRefresh()
	}
	connected, err := l.orgs.Connect(l.ctx, in)
	l.must(err)
	l.orgID = connected.Org.ID
}

// backup runs one to its end. A job that waits for its quota is woken after the
// time it would have waited, on the lab's clock.
func (l *lab) backup(sync bool) *ent.Job {
	l.t.Helper()
	started, err := l.backups.Start(l.ctx, backup.StartInput{OrgID: l.orgID, Sync: sync})
	l.must(err)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	finished := l.finished
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		select {
		case <-finished: // before its transaction is committed
			finished = nil
		default:
		}
		if now := l.db.Client.Job.GetX(l.ctx, started.ID); finished == nil && now.State.Finished() {
			return now
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("job #%d does not end", started.Number)
		}
		l.wake()
	}
}

// wake ends the pause of a job that waits for its quota.
func (l *lab) wake() {
	woken, err := l.db.SQL.ExecContext(l.ctx, "UPDATE tasks SET run_at = created_at WHERE state = 'AVAILABLE' AND run_at > strftime('%Y-%m-%d %H:%M:%f+00:00', 'now', '1 minutes')")
	l.must(err)
	if n, _ := woken.RowsAffected(); n > 0 {
		l.clock.pass(15 * time.Minute)
	}
}

// objects are how a job stands with each of the lab's objects.
func (l *lab) objects(j *ent.Job) map[string]*ent.JobObject {
	found := map[string]*ent.JobObject{}
	for _, o := range l.db.Client.JobObject.Query().Where(jobobject.JobID(j.ID)).AllX(l.ctx) {
		found[o.Name] = o
	}
	return found
}

// state is an object's live records: field texts by name, by id.
type state map[string]map[string]string

// stored is what the vault has of an object: now, or as a job stored it.
func (l *lab) stored(object, jobID string) state {
	l.t.Helper()
	found := state{}
	for v, err := range l.vault.AsOf(l.ctx, vault.Point{OrgID: l.orgID, JobID: jobID}, object, vault.Reading{}) {
		l.must(err)
		record := map[string]string{}
		for i, f := range v.Fields {
			record[f.Name] = string(v.Values[i])
		}
		found[string(v.RecordID)] = record
	}
	return found
}

// differences tells where stored is not what the org has, in the org's fields.
func differences(stored, org state) (told []string) {
	for _, id := range slices.Sorted(maps.Keys(org)) {
		if stored[id] == nil {
			told = append(told, id+" is missing")
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(org[id])) {
			if have, want := stored[id][name], org[id][name]; have != want {
				told = append(told, id+"."+name+": stored "+quoted(have)+", the org has "+quoted(want))
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		if org[id] == nil {
			told = append(told, id+" is not in the org")
		}
	}
	return told[:min(len(told), 8)]
}
