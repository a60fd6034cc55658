package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

type workerFunc func(ctx context.Context, run *job.Run) error

func (f workerFunc) Work(ctx context.Context, run *job.Run) error { return f(ctx, run) }

// work runs the jobs of the world until the test ends.
func (w *world) work(worker workerFunc) {
	w.queue.Register(engine.CompositeBackup, worker)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.queue.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		check(w.t, <-done)
	})
}

func TestALogIsResumedWithoutGapOrDouble(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		e := w.settle("Acme")[0]
		goOn := make(chan struct{})
		w.work(func(_ context.Context, run *job.Run) error {
			for i := range 40 {
				if i == 20 {
					<-goOn
				}
				run.Log(engine.LogInfo, "Account", "line %d", i)
			}
			return nil
		})
		const query = `subscription($id: ID!, $after: Long!) { jobLog(jobId: $id, after: $after) { seq text } }`
		var seen []string
		var last float64
		note := func(a answer) {
			last = a.at("jobLog", "seq").(float64)
			seen = append(seen, fmt.Sprintf("%v %s", last, a.text("jobLog", "text")))
		}
		cut := w.connect(e.admin.token)
		cut.expect("connection_ack")
		cut.send("subscribe", "1", map[string]any{"query": query, "variables": map[string]any{"id": e.waiting, "after": 0}})
		for range 10 {
			note(cut.answer())
		}
		check(t, cut.conn.Close())
		close(goOn)
		for a := range w.events(e.admin.token, query, map[string]any{"id": e.waiting, "after": last}) {
			note(a)
		}
		var want []string
		page := w.ask(e.admin.token, `query($id: ID!) { job(id: $id) { state log { seq text } } }`, map[string]any{"id": e.waiting})
		lines, _ := page.at("job", "log").([]any)
		for _, line := range lines {
			want = append(want, fmt.Sprintf("%v %s", at(line, "seq"), at(line, "text")))
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) || len(want) < 40 {
			t.Errorf("subscribed:\n%v\nstored:\n%v", seen, want)
		}
	})
}

// answer is the payload of the next message.
func (s *socket) answer() (a answer) {
	s.t.Helper()
	check(s.t, json.Unmarshal(s.expect("next").Payload, &a))
	return a
}

func TestProgressEndsWithTheJob(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		e := w.settle("Acme")[0]
		w.work(func(ctx context.Context, run *job.Run) error {
			return run.Object("Account").Finish(ctx, job.ObjectCounts{Added: 3, Stored: 3})
		})
		var states []string
		var last answer
		for a := range w.events(e.admin.token, `subscription($id: ID!) { jobProgress(jobId: $id) {
			job { state number org { id } } objects { name completeness { expected stored reason } } } }`, map[string]any{"id": e.waiting}) {
			last, states = a, append(states, a.text("jobProgress", "job", "state"))
		}
		if last.text("jobProgress", "job", "state") != "COMPLETED" || last.at("jobProgress", "objects", 0, "completeness", "stored") != 3.0 {
			t.Errorf("%v, at last %+v", states, last)
		}
		if last.text("jobProgress", "job", "org", "id") != e.org {
			t.Errorf("the job's org is %+v", last)
		}
	})
}

func TestJobsAreFilteredAndOrdered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	e := w.settle("Acme")[0]
	for name, c := range map[string]struct {
		arguments string
		want      []any
	}{
		"newest first": {``, []any{3.0, 2.0, 1.0}},
		"oldest first": {`(orderBy: {field: NUMBER})`, []any{1.0, 2.0, 3.0}},
		"by state":     {`(filter: {states: [QUEUED]})`, []any{3.0}},
		"by name":      {`(filter: {nameContains: "NIGHT"})`, []any{3.0}},
		"by operation": {`(filter: {operations: [RESTORE]})`, nil},
		"by time":      {`(filter: {createdFrom: "2020-01-01T00:00:00Z", createdBefore: "2020-01-02T00:00:00Z"})`, nil},
		"a page":       {`(first: 1)`, []any{3.0}},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.ask(e.admin.token, `{ jobs`+c.arguments+` { edges { node { number } } } }`, nil)
			var got []any
			edges, _ := a.at("jobs", "edges").([]any)
			for _, edge := range edges {
				got = append(got, at(edge, "node", "number"))
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%v, want %v: %+v", got, c.want, a)
			}
		})
	}
}
