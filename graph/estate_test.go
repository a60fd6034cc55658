package graph_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/ent"
)

// estate is one of each thing that a tenant can own.
type estate struct {
	admin                        person
	tenant, user, audit          string
	org, job, jobObject, waiting string
	record, version, later       string
	salesforce                   string // the org's address
	daily                        daily
}

// settle makes a tenant of each name, that has an org with one account
// connected and backed up twice, with a change between, and a third backup
// that waits for a worker.
func (w *world) settle(names ...string) []estate {
	w.t.Helper()
	estates := make([]estate, len(names))
	for i, name := range names {
		estates[i] = w.settleOne(name)
		w.rename(estates[i], name+" Ltd")
		estates[i].later = w.startBackup(estates[i], "second")
		w.runJobs(estates[i], estates[i].later)
		estates[i].daily.component = w.component(estates[i])
	}
	for i := range estates {
		estates[i].waiting = w.startBackup(estates[i], "nightly")
	}
	return estates
}

// component is a version of the org's Apex class, as the second backup has it.
func (w *world) component(e estate) string {
	w.t.Helper()
	a := w.ask(e.admin.token, `query($id: ID!) { job(id: $id) { metadataType(name: "ApexClass") { components { edges { node { id } } } } } }`, map[string]any{"id": e.later})
	id := a.text("job", "metadataType", "components", "edges", 0, "node", "id")
	if id == "" {
		w.t.Fatalf("no component: %+v", a)
	}
	return id
}

// settleOne leaves it at one backup.
func (w *world) settleOne(name string) estate {
	w.t.Helper()
	e := estate{admin: w.register(name), salesforce: w.salesforce[0].URL}
	w.salesforce = w.salesforce[1:]
	e.user = w.hire(e.admin, name, "bob@example.com", "VIEWER").id
	e.tenant = w.ask(e.admin.token, `{ tenant { id } }`, nil).text("tenant", "id")
	e.audit = w.ask(e.admin.token, `{ auditEntries { edges { node { id } } } }`, nil).text("auditEntries", "edges", 0, "node", "id")
	e.org = w.connectOrg(e)
	e.record = w.insertAccount(e)
	e.job = w.startBackup(e, "first")
	w.runJobs(e, e.job)
	object := w.ask(e.admin.token, `query($id: ID!) { job(id: $id) { objects { edges { node { id } } } } }`, map[string]any{"id": e.job})
	e.jobObject = object.text("job", "objects", "edges", 0, "node", "id")
	e.version = w.versions(e)[0]
	w.furnish(&e)
	return e
}

func (w *world) connectOrg(e estate) string {
	w.t.Helper()
	a := w.ask(e.admin.token, `mutation($url: String!) { orgConnect(input: {name: "prod", flow: CLIENT_CREDENTIALS, loginUrl: $url, clientId: "client",
		clientSecret: "secret"}) { org { id state salesforceId } userErrors { code message } } }`, map[string]any{"url": e.salesforce})
	if a.text("orgConnect", "org", "state") != "CONNECTED" {
		w.t.Fatalf("connect: %+v", a)
	}
	return a.text("orgConnect", "org", "id")
}

// simulate starts an org that comes to life with its first request: most
// tests need none.
func simulate(t *testing.T, pod string) *httptest.Server {
	t.Helper()
	org := sync.OnceValues(func() (*simorg.Org, error) {
		made, err := simorg.New(simorg.Config{
			Now: time.Now, Pod: pod,
			Users: []simorg.User{{Username: "robot@example.com", FirstName: "Ro", LastName: "Bot"}},
			Apps:  []simorg.App{{ClientID: "client", ClientSecret: "secret", RunAs: "robot@example.com"}},
		})
		if err != nil {
			return nil, err
		}
		return made, made.LoadSource(fstest.MapFS{"classes/Of" + pod + ".cls": &fstest.MapFile{Data: []byte("class Of" + pod + " { }")}})
	})
	server := httptest.NewServer(&gate{open: func(w http.ResponseWriter, r *http.Request) {
		live, err := org()
		if err != nil {
			t.Errorf("simulate an org: %v", err)
			return
		}
		live.ServeHTTP(w, r)
	}})
	t.Cleanup(server.Close)
	return server
}

// gate lets requests through to an org, or leaves them without an answer.
type gate struct {
	open http.HandlerFunc
	shut atomic.Bool
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.shut.Load() {
		g.open(w, r)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body) // until then nobody sees that the client has gone
	<-r.Context().Done()
}

func (w *world) as(e estate) context.Context {
	return engine.WithViewer(w.t.Context(), engine.Viewer{Tenant: e.tenant, User: e.admin.id, Role: engine.RoleAdmin})
}

// inOrg is the tenant's org as the operations see it, and its Account.
func (w *world) inOrg(e estate) (engine.Org, engine.SObject) {
	w.t.Helper()
	org, err := w.orgs.OpenOrg(w.as(e), e.org)
	check(w.t, err)
	described, err := org.Describe(w.t.Context(), []engine.DescribeRequest{{Object: "Account"}})
	check(w.t, err)
	check(w.t, described[0].Err)
	return org, *described[0].SObject
}

func (w *world) insertAccount(e estate) string {
	w.t.Helper()
	org, account := w.inOrg(e)
	results, err := org.Insert(w.t.Context(), engine.WriteRequest{Object: account, Rows: []engine.WriteRow{{Values: map[string]string{"Name": "Acme"}}}})
	check(w.t, err)
	if !results[0].OK {
		w.t.Fatalf("insert: %+v", results)
	}
	w.attach(org, string(results[0].ID))
	return string(results[0].ID)
}

// attach gives a record a file.
func (w *world) attach(org engine.Org, record string) {
	w.t.Helper()
	described, err := org.Describe(w.t.Context(), []engine.DescribeRequest{{Object: "Attachment"}})
	check(w.t, err)
	file := map[string]string{"Name": "letter.txt", "ParentId": record, "Body": "RGVhciBBY21lLA=="}
	results, err := org.Insert(w.t.Context(), engine.WriteRequest{Object: *described[0].SObject, Rows: []engine.WriteRow{{Values: file}}})
	check(w.t, err)
	if !results[0].OK {
		w.t.Fatalf("attach: %+v", results)
	}
}

// rename gives the estate's account another name, as somebody in the org would.
func (w *world) rename(e estate, name string) {
	w.t.Helper()
	org, account := w.inOrg(e)
	row := engine.WriteRow{ID: engine.RecordID(e.record), Values: map[string]string{"Name": name}}
	results, err := org.Update(w.t.Context(), engine.WriteRequest{Object: account, Rows: []engine.WriteRow{row}})
	check(w.t, err)
	if !results[0].OK {
		w.t.Fatalf("update: %+v", results)
	}
}

func (w *world) startBackup(e estate, name string) string {
	w.t.Helper()
	a := w.ask(e.admin.token, `mutation($org: ID!, $name: String!, $metadata: Boolean!) { backupStart(input: {orgId: $org, name: $name, idempotencyKey: $name, include: {metadata: $metadata}}) { job { id } userErrors { code message } } }`,
		map[string]any{"org": e.org, "name": name, "metadata": name == "second"})
	if a.code() != "" {
		w.t.Fatalf("start a backup: %+v", a)
	}
	return a.text("backupStart", "job", "id")
}

// runJobs is a node that runs jobs until the given one has finished.
func (w *world) runJobs(e estate, id string) *ent.Job {
	w.t.Helper()
	node := job.New(w.db, job.Settings{Poll: 20 * time.Millisecond})
	node.Register(engine.CompositeBackup, w.backup)
	node.Register(engine.TimeMachineRestore, w.restore)
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	stopped := make(chan error, 1)
	go func() { stopped <- node.Run(ctx) }()
	snapshots, err := w.queue.Progress(w.as(e), id)
	check(w.t, err)
	var last job.Snapshot
	for last = range snapshots {
	}
	stop()
	check(w.t, <-stopped)
	if last.Job.State != engine.JobCompleted && last.Job.State != engine.JobCompletedWithErrors {
		w.t.Fatalf("job %s: %s %s %s", last.Job.Name, last.Job.State, last.Job.ErrorCode, last.Job.ErrorMessage)
	}
	return last.Job
}

// versions are the ids of the account's versions, the newest first.
func (w *world) versions(e estate) (ids []string) {
	w.t.Helper()
	a := w.ask(e.admin.token, `query($org: ID!, $record: SalesforceId!) { org(id: $org) { record(objectName: "account", recordId: $record) {
		versions { edges { node { id } } } } } }`, map[string]any{"org": e.org, "record": e.record})
	edges, _ := a.at("org", "record", "versions", "edges").([]any)
	for _, edge := range edges {
		ids = append(ids, at(edge, "node", "id").(string))
	}
	if len(ids) == 0 {
		w.t.Fatalf("no versions: %+v", a)
	}
	return ids
}
