package job_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// follower is a client of an org's events that is cut off and comes back.
type follower struct {
	t      *testing.T
	ctx    context.Context //nolint:containedctx // a test's
	q      *job.Queue
	org    string
	events []job.Event
}

// until takes events in, each batch over a connection of its own, until there
// are as many.
func (f *follower) until(n int) []job.Event {
	f.t.Helper()
	for len(f.events) < n {
		piece, cut := context.WithCancel(f.ctx)
		batches, err := f.q.Events(piece, f.org, int64(len(f.events)))
		if err != nil {
			f.t.Fatal(err)
		}
		f.events = append(f.events, take(f.t, batches, "events")...)
		cut()
	}
	return f.events
}

func story(events []job.Event) (lines []string) {
	for i, e := range events {
		if e.Seq != int64(i+1) || e.At.IsZero() {
			lines = append(lines, fmt.Sprintf("number %d at place %d", e.Seq, i+1))
		}
		lines = append(lines, fmt.Sprintf("%s %s", e.Kind, e.Message))
	}
	return lines
}

// TestEventsOfAJob: one that waits for its quota, one that fails, one that is
// cancelled before its turn.
func TestEventsOfAJob(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{Poll: 20 * time.Millisecond})
		f := &follower{t: t, ctx: ctx, q: q, org: o.ID}
		outcomes := make(chan error)
		q.Register(engine.Export, worker(func(context.Context, *job.Run) error { return <-outcomes }))
		first := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export, Name: "first"})
		second := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export, Name: "second"})
		f.until(2)
		if err := q.Cancel(ctx, second.ID); err != nil {
			t.Fatal(err)
		}
		node(t, q)
		outcomes <- engine.E(engine.KindLimit, "API_QUOTA_REACHED", "The org's calls are used up.")
		f.until(5)
		due(ctx, db, first)
		outcomes <- engine.E(engine.KindDenied, "NO_ACCESS", "The org says no.")
		want := []string{
			"JOB_QUEUED Job #1, “first”, is queued.",
			"JOB_QUEUED Job #2, “second”, is queued.",
			"JOB_ENDED Job #2, “second”, has ended: ABORTED. The job was cancelled.",
			"JOB_STARTED Job #1, “first”, has started.",
			"JOB_WAITS Job #1, “first”, waits: The org's calls are used up.",
			"JOB_STARTED Job #1, “first”, goes on.",
			"JOB_ENDED Job #1, “first”, has ended: FAILED. The org says no.",
		}
		if got := story(f.until(len(want))); !slices.Equal(got, want) {
			t.Errorf("the events are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if job := f.events[4].JobID; job != first.ID {
			t.Errorf("the pause is of job %q", job)
		}
		last := db.Client.Org.GetX(ctx, o.ID).LastEvent
		if last != int64(len(want)) {
			t.Errorf("the org's last event is %d", last)
		}
		batches, err := q.Events(ctx, o.ID, last)
		if err != nil {
			t.Fatal(err)
		}
		db.Client.Org.DeleteOneID(o.ID).ExecX(ctx)
		if late, open := <-batches; open {
			t.Errorf("the events of a deleted org go on: %v", late)
		}
	})
}

// TestNoEventIsLostBetweenNodes: two nodes take jobs of several orgs at once; a
// third hears of each event once, in order, though its client is cut off after
// every batch. On PostgreSQL nothing but notifications wakes it.
func TestNoEventIsLostBetweenNodes(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const orgs, each = 4, 12
		ctx, _ := tenant(t, db, "acme")
		settings := job.Settings{Poll: 20 * time.Millisecond}
		if db.Postgres() {
			settings = job.Settings{Poll: time.Hour, Lease: 4 * time.Hour}
		}
		nodes := []*job.Queue{job.New(db, settings), job.New(databasetest.Again(t, db), settings)}
		work := worker(func(ctx context.Context, run *job.Run) error {
			return run.InTx(ctx, func(*ent.Tx) error { return nil })
		})
		for _, q := range nodes {
			q.Register(engine.Export, work)
			q.Register(engine.Restore, work)
			node(t, q)
		}
		listener := job.New(databasetest.Again(t, db), settings)
		node(t, listener)
		var followers []*follower
		for i := range orgs {
			f := &follower{t: t, ctx: ctx, q: listener, org: org(ctx, db, fmt.Sprint("org", i)).ID}
			followers = append(followers, f)
		}
		for i := range each {
			for _, f := range followers {
				operation := [...]engine.Operation{engine.Export, engine.Restore}[i%2]
				enqueue(t, ctx, nodes[i%2], job.Spec{OrgID: f.org, Operation: operation, Name: fmt.Sprint("job ", i)})
			}
		}
		for _, f := range followers {
			seen := map[string][]string{}
			for i, e := range f.until(3 * each) {
				if e.Seq != int64(i+1) {
					t.Fatalf("number %d at place %d", e.Seq, i+1)
				}
				seen[e.JobID] = append(seen[e.JobID], string(e.Kind))
			}
			for id, kinds := range seen {
				if strings.Join(kinds, " ") != "JOB_QUEUED JOB_STARTED JOB_ENDED" {
					t.Errorf("the events of job %s are %v", id, kinds)
				}
			}
			if len(seen) != each {
				t.Errorf("events of %d jobs", len(seen))
			}
		}
	})
}
