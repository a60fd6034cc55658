package job_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// TestCancelReachesARunningJob: on PostgreSQL from another node. The polls are
// an hour apart, so it is the signal that arrives.
func TestCancelReachesARunningJob(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{Lease: 4 * time.Hour, Poll: time.Hour})
		began, ended := make(chan bool), make(chan time.Time, 1)
		q.Register(engine.Export, worker(func(ctx context.Context, run *job.Run) error {
			if err := errors.Join(run.Object("Account").Start(ctx), run.Object("Contact").Queue(ctx)); err != nil {
				return err
			}
			run.Object("Account").Progress(5) // of which nothing lasts
			began <- true
			<-ctx.Done()
			ended <- time.Now()
			if !errors.Is(context.Cause(ctx), job.ErrCancelled) {
				t.Errorf("stopped by %v", context.Cause(ctx))
			}
			return ctx.Err()
		}))
		node(t, q)
		made := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		take(t, began, "attempt")
		elsewhere := q
		if db.Postgres() {
			elsewhere = job.New(databasetest.Again(t, db), job.Settings{})
		}
		asked := time.Now()
		if err := elsewhere.Cancel(ctx, made.ID); err != nil {
			t.Fatal(err)
		}
		t.Logf("cancelled in %s", take(t, ended, "cancel").Sub(asked))
		got := finished(t, ctx, q, made.ID)
		if got.State != engine.JobAborted {
			t.Errorf("the job is %s", got.State)
		}
		for _, object := range db.Client.JobObject.Query().AllX(ctx) { // the one that waited does so no more
			if object.State != engine.ObjectException || object.ErrorCode != "JOB_ENDED" || object.Records != 0 {
				t.Errorf("%s is %s %s with %d records", object.Name, object.State, object.ErrorCode, object.Records)
			}
		}
		if err := q.Cancel(ctx, made.ID); !engine.Is(err, engine.KindConflict) {
			t.Errorf("cancel of a finished job: %v", err)
		}
	})
}

func TestCancelOfAWaitingJob(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{})
		made := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		if err := q.Cancel(ctx, made.ID); err != nil {
			t.Fatal(err)
		}
		if got := finished(t, ctx, q, made.ID); got.State != engine.JobAborted {
			t.Errorf("the job is %s", got.State)
		}
		if lines := whole(q.Tail(ctx, made.ID, 0)); len(lines) != 1 || lines[0].Level != engine.LogWarn || lines[0].Message != "The job was cancelled." {
			t.Errorf("the log is %v", lines)
		}
	})
}

func TestFinishedHooksAreDurableAndHarmless(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{})
		q.Register(engine.Export, worker(func(context.Context, *job.Run) error { return nil }))
		q.OnFinished(func(ctx context.Context, tx *ent.Tx, j *ent.Job) error {
			if err := tx.Job.UpdateOneID(j.ID).SetDescription("undone").Exec(ctx); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "not SQL")
			return err
		})
		q.OnFinished(func(ctx context.Context, tx *ent.Tx, j *ent.Job) error {
			_, err := q.EnqueueTx(ctx, tx, job.Spec{OrgID: j.OrgID, Operation: engine.Search, Name: "after " + j.Name})
			return err
		})
		node(t, q)
		got := finished(t, ctx, q, enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export, Name: "export"}).ID)
		if got.State != engine.JobCompleted || got.Description != "" {
			t.Errorf("state %s, description %q", got.State, got.Description)
		}
		if names := db.Client.Job.Query().Order(ent.Asc("number")).AllX(ctx); len(names) != 2 || names[1].Name != "after export" {
			t.Errorf("the jobs are %v", names)
		}
	})
}

// TestFollowersOfADeletedJobEnd: its org was deleted, and all that is of it.
func TestFollowersOfADeletedJobEnd(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{Poll: 20 * time.Millisecond, Lease: 2 * time.Second})
		began, stopped := make(chan bool), make(chan error, 1)
		q.Register(engine.Export, worker(func(ctx context.Context, run *job.Run) error {
			run.Log(engine.LogInfo, "", "begun")
			began <- true
			<-ctx.Done()
			stopped <- run.SaveCheckpoint(context.WithoutCancel(ctx), nil)
			return ctx.Err()
		}))
		node(t, q)
		made := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		take(t, began, "attempt")
		tail, err := q.Tail(ctx, made.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		progress, err := q.Progress(ctx, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		take(t, tail, "line")
		take(t, progress, "snapshot")
		db.Client.Org.DeleteOne(o).ExecX(ctx)
		for range tail {
		}
		for range progress {
		}
		if err := take(t, stopped, "end"); !errors.Is(err, job.ErrLeaseLost) {
			t.Errorf("the run of a deleted job writes: %v", err)
		}
	})
}

func TestStrangersJobsAreOutOfReach(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		stranger, _ := tenant(t, db, "other")
		q := job.New(db, job.Settings{})
		made := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		_, tail := q.Tail(stranger, made.ID, 0)
		_, progress := q.Progress(stranger, made.ID)
		_, events := q.Events(stranger, o.ID, 0)
		for what, err := range map[string]error{
			"tail": tail, "events": events, "progress": progress, "cancel": q.Cancel(stranger, made.ID), "csv": q.WriteCSV(stranger, nil, made.ID),
		} {
			if !engine.Is(err, engine.KindNotFound) {
				t.Errorf("%s of a stranger's job: %v", what, err)
			}
		}
	})
}
