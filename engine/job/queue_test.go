package job_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	"github.com/holdfast-backup/holdfast/ent/predicate"
	"github.com/holdfast-backup/holdfast/ent/task"
)

func TestEachJobRunsOnceAndOnePerKey(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const orgs, each = 10, 12
		ctx, _ := tenant(t, db, "acme")
		var mu sync.Mutex
		ran, busy, order := map[string]int{}, map[string]bool{}, map[string]int64{}
		work := worker(func(_ context.Context, run *job.Run) error {
			j := run.Job()
			mu.Lock()
			ran[j.ID]++
			if busy[j.OrgID] {
				t.Errorf("two jobs of %s at once", j.OrgID)
			}
			if j.Number != order[j.OrgID]+1 {
				t.Errorf("#%d runs after #%d", j.Number, order[j.OrgID])
			}
			busy[j.OrgID], order[j.OrgID] = true, j.Number
			mu.Unlock()
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				busy[j.OrgID] = false
			}()
			return run.SaveCheckpoint(ctx, []byte("here"))
		})
		var last []*ent.Job
		enqueuer := job.New(db, job.Settings{})
		for i := range orgs {
			o := org(ctx, db, fmt.Sprint(i))
			for n := range each {
				made := enqueue(t, ctx, enqueuer, job.Spec{OrgID: o.ID, Operation: engine.Restore})
				if n == each-1 {
					last = append(last, made)
				}
			}
		}
		for range 3 {
			q := job.New(databasetest.Again(t, db), job.Settings{Poll: 20 * time.Millisecond})
			q.Register(engine.Restore, work)
			node(t, q)
		}
		watcher := job.New(db, job.Settings{Poll: 20 * time.Millisecond})
		for _, j := range last {
			if got := finished(t, ctx, watcher, j.ID); got.State != engine.JobCompleted {
				t.Errorf("#%d is %s", got.Number, got.State)
			}
		}
		if len(ran) != orgs*each {
			t.Errorf("%d jobs ran of %d", len(ran), orgs*each)
		}
		for id, times := range ran {
			if times != 1 {
				t.Errorf("%s ran %d times", id, times)
			}
		}
	})
}

func TestClassesRunSideBySide(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{})
		var together sync.WaitGroup
		together.Add(5)
		meet := worker(func(context.Context, *job.Run) error {
			together.Done()
			together.Wait()
			return nil
		})
		specs := []job.Spec{
			{Operation: engine.CompositeBackup},
			{Operation: engine.Restore},
			{Operation: engine.Export},
			{Operation: engine.TimeMachineRestore, SerialKey: o.ID + "/record/1"},
			{Operation: engine.TimeMachineRestore, SerialKey: o.ID + "/record/2"},
		}
		for _, spec := range specs {
			q.Register(spec.Operation, meet)
		}
		node(t, q)
		var jobs []*ent.Job
		for _, spec := range specs {
			spec.OrgID = o.ID
			jobs = append(jobs, enqueue(t, ctx, q, spec))
		}
		for _, j := range jobs {
			finished(t, ctx, q, j.ID)
		}
	})
}

// TestDeadNodesJobIsTakenOver: node A loses its database, as if its machine
// had gone; B goes on from A's checkpoint within the lease.
func TestDeadNodesJobIsTakenOver(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const lease = 2 * time.Second
		ctx, o := tenant(t, db, "acme")
		settings := job.Settings{Lease: lease, Poll: 20 * time.Millisecond, Grace: time.Nanosecond}
		doomed := databasetest.Again(t, db)
		a, b := job.New(doomed, settings), job.New(db, settings)
		saved, stopped := make(chan bool), make(chan error, 1)
		a.Register(engine.Export, worker(func(ctx context.Context, run *job.Run) error {
			if err := run.SaveCheckpoint(ctx, []byte("half")); err != nil {
				return err
			}
			saved <- true
			<-ctx.Done()
			stopped <- context.Cause(ctx)
			return ctx.Err()
		}))
		resumed := make(chan string, 1)
		b.Register(engine.Export, worker(func(_ context.Context, run *job.Run) error {
			resumed <- fmt.Sprintf("%s, attempt %d", run.Checkpoint(), run.Attempt())
			return nil
		}))
		node(t, a)
		made := enqueue(t, ctx, a, job.Spec{OrgID: o.ID, Operation: engine.Export})
		take(t, saved, "checkpoint")
		died := time.Now()
		_ = doomed.Close()
		node(t, b)
		if got := take(t, resumed, "takeover"); got != "half, attempt 2" {
			t.Errorf("taken over with %s", got)
		}
		t.Logf("taken over %s after the death, with a lease of %s", time.Since(died).Round(time.Millisecond), lease)
		select {
		case cause := <-stopped:
			if !errors.Is(cause, job.ErrLeaseLost) {
				t.Errorf("A's run was stopped by %v", cause)
			}
		default:
			t.Error("A was still running when B began")
		}
		if got := finished(t, ctx, b, made.ID); got.State != engine.JobCompleted {
			t.Errorf("the job is %s", got.State)
		}
	})
}

// TestLostLeaseIsFenced: A is thought dead but lives; nothing it writes lands.
func TestLostLeaseIsFenced(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{Poll: 20 * time.Millisecond})
		first, second := make(chan *job.Run, 1), make(chan bool)
		release, late := make(chan bool), make(chan [3]error, 1)
		q.Register(engine.TimeMachineRestore, worker(func(ctx context.Context, run *job.Run) error {
			if run.Attempt() == 2 {
				run.Log(engine.LogInfo, "", "second")
				second <- true
				<-release
				return nil
			}
			run.Log(engine.LogInfo, "", "first")
			if err := run.Object("Account").Start(ctx); err != nil {
				return err
			}
			first <- run
			<-release
			live := context.WithoutCancel(ctx)
			run.Log(engine.LogInfo, "", "zombie")
			late <- [3]error{
				run.SaveCheckpoint(live, []byte("zombie")),
				run.Object("Account").Fail(live, errors.New("zombie")),
				run.InTx(live, func(tx *ent.Tx) error { return tx.Job.UpdateOneID(run.Job().ID).SetName("zombie").Exec(live) }),
			}
			return errors.New("zombie")
		}))
		node(t, q)
		made := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.TimeMachineRestore, Name: "Restore"})
		take(t, first, "first attempt")
		expire(t, db)
		take(t, second, "second attempt")
		release <- true
		release <- true
		for i, err := range take(t, late, "late writes") {
			if !errors.Is(err, job.ErrLeaseLost) {
				t.Errorf("late write %d: %v", i, err)
			}
		}
		got := finished(t, ctx, q, made.ID)
		if got.State != engine.JobCompleted || got.Name != "Restore" {
			t.Errorf("the job is %s, %q", got.State, got.Name)
		}
		for _, line := range whole(q.Tail(ctx, made.ID, 0)) {
			if line.Message == "zombie" {
				t.Error("the zombie's line was written")
			}
		}
	})
}

// expire ends the lease of the one task that runs, as if nobody had renewed
// it, until its holder has lost it.
func expire(t *testing.T, db *database.DB) {
	t.Helper()
	ctx := engine.AsSystem(t.Context())
	held := db.Client.Task.Query().OnlyX(ctx)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		same := []predicate.Task{task.Owner(held.Owner), task.Attempt(held.Attempt), task.FinishedAtIsNil()}
		if db.Client.Task.Update().Where(same...).SetLeaseUntil(time.Now().Add(-time.Hour)).SaveX(ctx) == 0 {
			return
		}
	}
	t.Fatal("nobody takes the task over")
}

func TestPoisonousJobIsGivenUp(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		dead := job.New(databasetest.Again(t, db), job.Settings{Grace: time.Nanosecond})
		began, release := make(chan bool), make(chan bool)
		dead.Register(engine.Export, worker(func(context.Context, *job.Run) error {
			began <- true
			<-release
			return nil
		}))
		node(t, dead)
		defer close(release)
		made := enqueue(t, ctx, dead, job.Spec{OrgID: o.ID, Operation: engine.Export, MaxAttempts: 1})
		take(t, began, "attempt")
		watch := job.New(db, job.Settings{Poll: 20 * time.Millisecond})
		node(t, watch)
		expire(t, db)
		if got := finished(t, ctx, watch, made.ID); got.State != engine.JobFailed || got.ErrorCode != "ATTEMPTS_EXHAUSTED" {
			t.Errorf("the job is %s, %q", got.State, got.ErrorCode)
		}
	})
}

func TestRetriesWithBackoffAndThenFails(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		var waits []int
		q := job.New(db, job.Settings{Backoff: func(attempt int) time.Duration {
			waits = append(waits, attempt)
			return 0
		}})
		var attempts atomic.Int64
		q.Register(engine.Export, worker(func(context.Context, *job.Run) error {
			attempts.Add(1)
			return engine.E(engine.KindTransient, "SERVER_UNAVAILABLE", "The org does not answer.")
		}))
		node(t, q)
		got := finished(t, ctx, q, enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export, MaxAttempts: 3}).ID)
		if got.State != engine.JobFailed || got.ErrorCode != "SERVER_UNAVAILABLE" || attempts.Load() != 3 || fmt.Sprint(waits) != "[1 2]" {
			t.Errorf("state %s, code %s, %d attempts, waits %v", got.State, got.ErrorCode, attempts.Load(), waits)
		}
	})
}

func TestDefaultBackoffGrows(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]time.Duration{1: 5 * time.Second, 2: 10 * time.Second, 4: 40 * time.Second, 40: 10 * time.Minute} {
		if got := job.DefaultBackoff(attempt); got != want {
			t.Errorf("after attempt %d: %s; want %s", attempt, got, want)
		}
	}
}

func TestStopHandsWorkBackUncounted(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		began := make(chan bool)
		causes := make(chan error, 1)
		old := job.New(databasetest.Again(t, db), job.Settings{Grace: time.Nanosecond})
		old.Register(engine.Export, worker(func(ctx context.Context, _ *job.Run) error {
			began <- true
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		}))
		stop := node(t, old)
		made := enqueue(t, ctx, old, job.Spec{OrgID: o.ID, Operation: engine.Export, MaxAttempts: 1})
		take(t, began, "attempt")
		stop()
		if cause := <-causes; !errors.Is(cause, job.ErrShutdown) {
			t.Errorf("the run was stopped by %v", cause)
		}
		again := job.New(db, job.Settings{})
		again.Register(engine.Export, worker(func(context.Context, *job.Run) error { return nil }))
		node(t, again)
		if got := finished(t, ctx, again, made.ID); got.State != engine.JobCompleted {
			t.Errorf("the job is %s", got.State)
		}
	})
}

func TestStopLetsWorkFinishWithinGrace(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{Grace: patience})
		began, release := make(chan bool), make(chan bool)
		q.Register(engine.Export, worker(func(ctx context.Context, _ *job.Run) error {
			began <- true
			<-release
			return ctx.Err()
		}))
		live, stop := context.WithCancel(ctx)
		stopped := make(chan error, 1)
		go func() { stopped <- q.Run(live) }()
		running := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		waiting := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		take(t, began, "attempt")
		stop()
		release <- true
		if err := take(t, stopped, "stop"); err != nil {
			t.Fatal(err)
		}
		if state := db.Client.Job.GetX(ctx, running.ID).State; state != engine.JobCompleted {
			t.Errorf("the running job is %s", state)
		}
		if state := db.Client.Job.GetX(ctx, waiting.ID).State; state != engine.JobQueued {
			t.Errorf("the waiting job is %s", state)
		}
	})
}
