package job_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	"github.com/holdfast-backup/holdfast/ent/task"
)

// expectWait compares a job's wait, in a line, with what it should be; empty when it does not wait.
func expectWait(t *testing.T, q *job.Queue, j *ent.Job, want string) {
	t.Helper()
	w, err := q.Waiting(engine.AsWorker(t.Context(), j.TenantID), j)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	if w != nil {
		got = fmt.Sprintf("%s: %s", w.Reason, w.Message)
		if w.Until != nil {
			got += " Until then."
		}
	}
	if got != want {
		t.Errorf("the job waits for %q; want %q", got, want)
	}
}

// TestWhyAJobWaits: a backup fails once, reaches the quota four times, which
// does not count, and comes to its end; another waits behind it all the while.
func TestWhyAJobWaits(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{Backoff: func(int) time.Duration { return time.Hour }})
		var attempts atomic.Int64
		began, goOn := make(chan bool), make(chan error)
		work := worker(func(context.Context, *job.Run) error {
			attempts.Add(1)
			began <- true
			return <-goOn
		})
		q.Register(engine.CompositeBackup, work)
		q.Register(engine.CompositeSyncBackup, work)
		first := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.CompositeBackup, Name: "Night", MaxAttempts: 2})
		second := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.CompositeSyncBackup, Name: "Sync"})
		expectWait(t, q, first, "SERVER: It is this job's turn: a server takes it as soon as one is free.")
		node(t, q)
		next := func(outcome error, want string) {
			t.Helper()
			take(t, began, "attempt")
			expectWait(t, q, first, "")
			expectWait(t, q, second, "TURN: Job #1, “Night”, has to end first.")
			goOn <- outcome
			if want == "" {
				return
			}
			rested(t, ctx, db, first)
			expectWait(t, q, first, want)
			expectWait(t, q, second, "TURN: Job #1, “Night”, has to end first.")
			due(ctx, db, first)
		}
		next(engine.E(engine.KindTransient, "SERVER_UNAVAILABLE", "The org does not answer."), "RETRY: The org does not answer. Attempt 1 of 2 failed. Until then.")
		for range 4 {
			next(engine.E(engine.KindLimit, "API_QUOTA_REACHED", "The org's calls are used up."), "QUOTA: The org's calls are used up. Until then.")
		}
		next(nil, "")
		ended := finished(t, ctx, q, first.ID)
		if ended.State != engine.JobCompleted || attempts.Load() < 6 {
			t.Errorf("state %s after %d attempts", ended.State, attempts.Load())
		}
		expectWait(t, q, ended, "")
		take(t, began, "turn")
		goOn <- nil
		finished(t, ctx, q, second.ID)
	})
}

// rested waits until a job is back in the queue.
func rested(t *testing.T, ctx context.Context, db *database.DB, j *ent.Job) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if db.Client.Task.Query().Where(task.JobID(j.ID), task.StateEQ(task.StateAVAILABLE)).ExistX(ctx) {
			return
		}
	}
	t.Fatal("the job does not pause")
}

// due makes a job's rest end now.
func due(ctx context.Context, db *database.DB, j *ent.Job) {
	db.Client.Task.Update().Where(task.JobID(j.ID)).SetRunAt(time.Now().Add(-time.Minute)).ExecX(ctx)
}
