package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/task"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// clusterOrgs are more than one node takes at once, which is four.
const clusterOrgs = 5

// TestTwoServersShareTheWork runs two processes of the program on one
// PostgreSQL and one bucket. The daily schedules of several orgs come due; each
// runs once, and both servers work. One is killed -9 in the middle: the other
// finishes its jobs, and who follows a log there misses no line.
//
// HOLDFAST_LEASE is after how long a dead server's jobs are taken over.
func TestTwoServersShareTheWork(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes, which the race detector cannot see into")
	}
	c := newCluster(t)
	c.schedulesComeDue()
	running := c.bothWork()
	victim := c.orgOf(running, c.first.cmd.Process.Pid)
	job := c.jobOf(victim)
	ctx, stop := context.WithTimeout(t.Context(), 90*time.Second)
	defer stop()
	survivor := demo.API{URL: c.second.url, Token: c.api.Token}
	var lines []demo.LogLine
	var lost error
	var following sync.WaitGroup
	following.Go(func() { lines, lost = survivor.Follow(ctx, job.ID) })
	killed := victim.killAt(40, c.first.kill)
	for _, org := range c.orgs {
		close(org.open)
	}
	select {
	case <-killed:
	case <-ctx.Done():
		t.Fatal("the backup did not come to its 40th call")
	}
	died := time.Now()
	for _, org := range c.orgs {
		if _, err := survivor.Wait(ctx, c.jobOf(org).ID); err != nil {
			t.Fatalf("a job of two servers, one of them dead: %v", err)
		}
	}
	fmt.Printf("cluster: every job ended %.1f s after the death of a server\n", time.Since(died).Seconds())
	following.Wait()
	c.wantWholeLog(job.ID, lines, lost)
	for _, org := range c.orgs {
		c.wantCounts(&survivor, org)
	}
	c.wantSame(&survivor, victim)
	if n := c.db.Client.Job.Query().CountX(engine.AsSystem(t.Context())); n != clusterOrgs {
		t.Errorf("%d schedules have started %d jobs", clusterOrgs, n)
	}
}

// cluster is two servers, and orgs with data on whose calls they wait.
type cluster struct {
	t             *testing.T
	first, second *process
	api           demo.API // of the first
	db            *database.DB
	orgs          []*gatedOrg
}

// gatedOrg is an org that answers no call from when its gate is shut until it is open.
type gatedOrg struct {
	tripwire
	id     string // ours
	people person
	loaded *demo.Session
	shut   atomic.Bool
	open   chan struct{}
	asked  atomic.Bool // somebody stands before the gate
}

func (o *gatedOrg) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !o.shut.Load() {
		o.org.ServeHTTP(w, r)
		return
	}
	o.asked.Store(true)
	<-o.open
	o.tripwire.ServeHTTP(w, r)
}

// killAt kills at the n-th call after the gate has opened.
func (o *gatedOrg) killAt(n int64, kill func()) (killed chan struct{}) {
	killed = make(chan struct{})
	pull := func() { kill(); close(killed) }
	o.pull.Store(&pull)
	o.at.Store(n)
	return killed
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t}
	var hosts []string
	for n := range clusterOrgs {
		org, url := newGatedOrg(t, n)
		c.orgs, hosts = append(c.orgs, org), append(hosts, strings.TrimPrefix(url, "http://"))
	}
	data, databaseURL := t.TempDir(), postgresURL(t)
	env := []string{
		"HOLDFAST_TEST_PROGRAM=1", "DATABASE_URL=" + databaseURL, "HOLDFAST_BUCKET_URL=file://" + filepath.Join(data, "vault") + "?create_dir=true",
		"HOLDFAST_KEY_FILE=" + filepath.Join(data, "key"), "HOLDFAST_SALESFORCE_HOSTS=" + strings.Join(hosts, ","),
		"HOLDFAST_LEASE=" + cmp.Or(os.Getenv("HOLDFAST_LEASE"), "4s"), "HOLDFAST_LOG_LEVEL=error",
	}
	c.first, c.second = newProcess(t, env), newProcess(t, env)
	var err error
	if c.db, err = database.Open(t.Context(), databaseURL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.db.Close() })
	c.api = demo.API{URL: c.first.url}
	if err := c.api.SignUp(t.Context(), demoOrganization, demoEmail, demoPassword); err != nil {
		t.Fatal(err)
	}
	for n, org := range c.orgs {
		credentials := demo.Credentials{LoginURL: org.people.url, ClientID: demoClientID, ClientSecret: demoClientSecret}
		if org.id, err = c.api.Connect(t.Context(), fmt.Sprint("Org ", n), credentials); err != nil {
			t.Fatal(err)
		}
		org.shut.Store(true)
	}
	return c
}

func newGatedOrg(t *testing.T, n int) (o *gatedOrg, url string) {
	t.Helper()
	org, err := newOrg(fmt.Sprintf("00D5g00000000%02d", n))
	if err != nil {
		t.Fatal(err)
	}
	o = &gatedOrg{open: make(chan struct{})}
	o.org = org
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	w := world{orgURL: server.URL}
	if err := w.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.loaded, o.people = w.session, person{t: t, url: server.URL}
	o.people.signIn()
	return o, server.URL
}

// schedulesComeDue lets the daily backups be due as if their hour had come.
func (c *cluster) schedulesComeDue() {
	c.t.Helper()
	if _, err := c.db.SQL.ExecContext(c.t.Context(), "UPDATE schedules SET next_run_at = now() - interval '1 minute' WHERE operation = 'COMPOSITE_BACKUP'"); err != nil {
		c.t.Fatal(err)
	}
}

// bothWork waits until every org's backup runs, and answers them by their org:
// neither server can have them all.
func (c *cluster) bothWork() (running map[string]*ent.Task) {
	c.t.Helper()
	eventually(c.t, "every org is asked", func() bool {
		for _, org := range c.orgs {
			if !org.asked.Load() {
				return false
			}
		}
		return true
	})
	running = map[string]*ent.Task{}
	for _, run := range c.db.Client.Task.Query().Where(task.StateEQ(task.StateRUNNING)).WithJob().AllX(engine.AsSystem(c.t.Context())) {
		running[run.Edges.Job.OrgID] = run
	}
	if len(running) != clusterOrgs {
		c.t.Fatalf("%d jobs run for %d orgs", len(running), clusterOrgs)
	}
	return running
}

// orgOf is an org whose job a process runs.
func (c *cluster) orgOf(running map[string]*ent.Task, pid int) *gatedOrg {
	c.t.Helper()
	owns := map[bool][]*gatedOrg{}
	for _, org := range c.orgs {
		mine := strings.Contains(running[org.id].Owner, fmt.Sprintf("/%d/", pid))
		owns[mine] = append(owns[mine], org)
	}
	if len(owns[true]) == 0 || len(owns[false]) == 0 {
		c.t.Fatalf("of %d jobs one server has %d", clusterOrgs, len(owns[true]))
	}
	return owns[true][0]
}

func (c *cluster) jobOf(org *gatedOrg) *ent.Job {
	c.t.Helper()
	for _, job := range c.db.Client.Job.Query().AllX(engine.AsSystem(c.t.Context())) {
		if job.OrgID == org.id {
			return job
		}
	}
	c.t.Fatal("an org has no job")
	return nil
}

// wantWholeLog: who followed the log has each line once, in order, to its end.
func (c *cluster) wantWholeLog(jobID string, lines []demo.LogLine, lost error) {
	c.t.Helper()
	stored := c.db.Client.LogLine.Query().CountX(engine.AsSystem(c.t.Context()))
	if lost != nil || len(lines) == 0 {
		c.t.Fatalf("following the log of %s: %d lines, then %v", jobID, len(lines), lost)
	}
	for i, line := range lines {
		if line.Seq != int64(i+1) {
			c.t.Fatalf("line %d of the log came as the %d-th", line.Seq, i+1)
		}
	}
	if last := lines[len(lines)-1].Text; !strings.Contains(last, "Backup stored") {
		c.t.Errorf("the log of %s ends with %q (%d lines in all logs)", jobID, last, stored)
	}
}

// wantCounts: the vault has as many versions and records as the org has records.
func (c *cluster) wantCounts(api *demo.API, org *gatedOrg) {
	c.t.Helper()
	var answer struct {
		Job struct {
			Objects struct {
				Edges []struct {
					Node struct {
						Name         string
						Records      int
						Completeness struct{ Stored int }
					}
				}
			}
		}
	}
	err := api.Do(c.t.Context(), `query($id: ID!) { job(id: $id) { objects(first: 100) { edges { node { name records completeness { stored } } } } } }`,
		map[string]any{"id": c.jobOf(org).ID}, &answer)
	if err != nil || len(answer.Job.Objects.Edges) == 0 {
		c.t.Fatalf("%d objects, %v", len(answer.Job.Objects.Edges), err)
	}
	for _, edge := range answer.Job.Objects.Edges {
		o := edge.Node
		if o.Records == 0 {
			continue
		}
		if n := len(org.people.ids(o.Name, false)); o.Records != n || o.Completeness.Stored != n {
			c.t.Errorf("%s: %d versions of %d records stored, the org has %d", o.Name, o.Records, o.Completeness.Stored, n)
		}
	}
}

// wantSame: of each record that was loaded into the org there is one version, which is as the org has it.
func (c *cluster) wantSame(api *demo.API, org *gatedOrg) {
	c.t.Helper()
	now := map[string]state{}
	for _, reference := range org.loaded.References() {
		object, id := org.loaded.Object(reference), org.loaded.ID(reference)
		if now[object] == nil {
			now[object] = org.people.state(object)
		}
		versions, err := api.History(c.t.Context(), org.id, object, id)
		if err != nil {
			c.t.Fatal(err)
		}
		if told := onlyVersion(versions, now[object][id]); told != "" {
			c.t.Errorf("%s: %s", reference, told)
		}
	}
}

// onlyVersion tells where a record's only version is not what the org has.
func onlyVersion(versions []demo.Version, fields map[string]string) string {
	if len(versions) != 1 || len(fields) == 0 {
		return fmt.Sprintf("%d versions of %d fields", len(versions), len(fields))
	}
	for name, want := range fields {
		if have, _ := versions[0].Values[name].(string); have != want {
			return fmt.Sprintf("%s is %q, in the org %q", name, have, want)
		}
	}
	return ""
}
