package job_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// patience bounds every wait of these tests; none should come near it.
const patience = 30 * time.Second

// worker is a job.Worker made of a function.
type worker func(ctx context.Context, run *job.Run) error

func (w worker) Work(ctx context.Context, run *job.Run) error { return w(ctx, run) }

// tenant makes a tenant with one org, and the context of its operator.
func tenant(t testing.TB, db *database.DB, name string) (context.Context, *ent.Org) {
	t.Helper()
	system := engine.AsSystem(t.Context())
	made := db.Client.Tenant.Create().SetName(name).SetSlug(name).SaveX(system)
	ctx := engine.AsWorker(t.Context(), made.ID)
	return ctx, org(ctx, db, name)
}

func org(ctx context.Context, db *database.DB, name string) *ent.Org {
	return db.Client.Org.Create().SetTenantID("").SetName(name).SetType("SANDBOX").SetFlow(engine.FlowWebServer).
		SetLoginURL("https://test.example").SetClientID("id").SaveX(ctx)
}

// node runs a queue until the test ends, or until stop, which waits for it.
func node(t testing.TB, q *job.Queue) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := q.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func enqueue(t testing.TB, ctx context.Context, q *job.Queue, spec job.Spec) *ent.Job {
	t.Helper()
	made, err := q.Enqueue(ctx, spec)
	if err != nil {
		t.Fatalf("enqueue: %v", err)
	}
	return made
}

// finished waits for a job's end.
func finished(t *testing.T, ctx context.Context, q *job.Queue, id string) *ent.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	snapshots, err := q.Progress(ctx, id)
	if err != nil {
		t.Fatalf("progress: %v", err)
	}
	var last job.Snapshot
	for last = range snapshots {
	}
	if last.Job == nil || !last.Job.State.Finished() {
		t.Fatalf("job %s does not finish", id)
	}
	return last.Job
}

// take receives a value within patience.
func take[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("no %s within %s", what, patience)
	}
	return v
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	tests := []struct {
		name string
		work worker
		want engine.JobState
		code string
	}{
		{"done", func(context.Context, *job.Run) error { return nil }, engine.JobCompleted, ""},
		{"an object fails", func(ctx context.Context, run *job.Run) error {
			object := run.Object("Account")
			if err := object.Start(ctx); err != nil {
				return err
			}
			return object.Fail(ctx, broken)
		}, engine.JobCompletedWithErrors, ""},
		{"fails", func(context.Context, *job.Run) error { return engine.E(engine.KindDenied, "NO_ACCESS", "No.") }, engine.JobFailed, "NO_ACCESS"},
		{"a fault of ours", func(context.Context, *job.Run) error { return broken }, engine.JobFailed, "INTERNAL"},
		{"panics", func(context.Context, *job.Run) error { panic("boo") }, engine.JobFailed, "INTERNAL"},
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, _ := tenant(t, db, "acme")
		q := job.New(db, job.Settings{})
		works := make(map[string]worker, len(tests))
		q.Register(engine.Restore, worker(func(ctx context.Context, run *job.Run) error { return works[run.Job().Name](ctx, run) }))
		for _, test := range tests {
			works[test.name] = test.work
		}
		node(t, q)
		for i, test := range tests {
			o := org(ctx, db, fmt.Sprint("org", i))
			got := finished(t, ctx, q, enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Restore, Name: test.name}).ID)
			if got.State != test.want || got.ErrorCode != test.code {
				t.Errorf("%s: state %s, code %q; want %s, %q", test.name, got.State, got.ErrorCode, test.want, test.code)
			}
		}
	})
}
