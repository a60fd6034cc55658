package job_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

func TestNumbersHaveNoGaps(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		queues := []*job.Queue{job.New(db, job.Settings{}), job.New(databasetest.Again(t, db), job.Settings{})}
		spec := job.Spec{OrgID: o.ID, Operation: engine.Restore}
		var wg sync.WaitGroup
		for i := range 40 {
			q := queues[i%2]
			wg.Go(func() {
				if i%4 != 3 {
					if _, err := q.Enqueue(ctx, spec); err != nil {
						t.Error(err)
					}
					return
				}
				undone := errors.New("undone")
				err := db.InTx(ctx, func(tx *ent.Tx) error {
					_, err := queues[0].EnqueueTx(ctx, tx, spec)
					return errors.Join(undone, err)
				})
				if !errors.Is(err, undone) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var numbers []int64
		for _, made := range db.Client.Job.Query().AllX(ctx) {
			numbers = append(numbers, made.Number)
		}
		slices.Sort(numbers)
		for i, number := range numbers {
			if number != int64(i+1) {
				t.Fatalf("the numbers are %v", numbers)
			}
		}
		if len(numbers) != 30 || db.Client.Task.Query().CountX(ctx) != 30 {
			t.Errorf("%d jobs, %d tasks; want 30", len(numbers), db.Client.Task.Query().CountX(ctx))
		}
	})
}

func TestSameIdempotencyKeySameJob(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		theirs, stranger := tenant(t, db, "other")
		q := job.New(db, job.Settings{})
		spec := job.Spec{OrgID: o.ID, Operation: engine.CompositeBackup, IdempotencyKey: "once"}
		ids := make([]string, 8)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				made, err := q.Enqueue(ctx, spec)
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = made.ID
			})
		}
		wg.Wait()
		if distinct := slices.Compact(slices.Sorted(slices.Values(ids))); len(distinct) != 1 {
			t.Errorf("one key made the jobs %v", distinct)
		}
		next := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		if next.Number != 2 {
			t.Errorf("repeated keys used up numbers: the next job is #%d", next.Number)
		}
		other := org(ctx, db, "second")
		_, err := q.Enqueue(ctx, job.Spec{OrgID: other.ID, Operation: engine.CompositeBackup, IdempotencyKey: "once"})
		if e, ok := engine.AsError(err); !ok || e.Code != "IDEMPOTENCY_KEY_REUSED" {
			t.Errorf("the key on another org: %v", err)
		}
		if made := enqueue(t, theirs, q, job.Spec{OrgID: stranger.ID, Operation: engine.CompositeBackup, IdempotencyKey: "once"}); made.ID == ids[0] {
			t.Error("another tenant's key gives this tenant's job")
		}
	})
}

// TestBackupWaitsBehindBackup is F37.
func TestBackupWaitsBehindBackup(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{})
		began, release := make(chan int64), make(chan bool)
		backup := worker(func(_ context.Context, run *job.Run) error {
			began <- run.Job().Number
			<-release
			return nil
		})
		q.Register(engine.CompositeBackup, backup)
		q.Register(engine.CompositeSyncBackup, backup)
		node(t, q)
		spec := job.Spec{OrgID: o.ID, Operation: engine.CompositeBackup, Name: "Nightly"}
		enqueue(t, ctx, q, spec)
		take(t, began, "first backup")
		second := enqueue(t, ctx, q, spec)
		_, err := q.Enqueue(ctx, spec)
		if e, ok := engine.AsError(err); !ok || e.Kind != engine.KindConflict || e.Code != "JOB_ALREADY_QUEUED" || !strings.Contains(e.Message, "#2, “Nightly”") {
			t.Errorf("a third backup: %v", err)
		}
		enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.CompositeSyncBackup})
		if state := db.Client.Job.GetX(ctx, second.ID).State; state != engine.JobQueued {
			t.Errorf("the second backup is %s beside the first", state)
		}
		for want := int64(2); want <= 3; want++ {
			release <- true
			if number := take(t, began, "next backup"); number != want {
				t.Errorf("#%d runs next; want #%d", number, want)
			}
		}
		release <- true
	})
}

func TestEnqueueForAStrangersOrg(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, _ := tenant(t, db, "acme")
		_, stranger := tenant(t, db, "other")
		q := job.New(db, job.Settings{})
		for _, id := range []string{stranger.ID, "org_none"} {
			if _, err := q.Enqueue(ctx, job.Spec{OrgID: id, Operation: engine.Export}); !engine.Is(err, engine.KindNotFound) {
				t.Errorf("enqueue for %s: %v", id, err)
			}
		}
	})
}
