package job

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/jobobject"
	"github.com/holdfast-backup/holdfast/ent/predicate"
	"github.com/holdfast-backup/holdfast/ent/schema"
)

// progressEvery is how often an object's running count is written.
const progressEvery = 500 * time.Millisecond

var desc = sql.OrderDesc()

// ObjectCounts is what a job did to one SObject or metadata type, and its
// completeness line; a type's records are its components.
type ObjectCounts struct {
	Records, Added, Changed, Deleted, Bytes int64

	Stored   int64  // records alive in the vault now
	Expected *int64 // records alive in the org by its own count; nil when it does not tell
	Reason   string // why the two differ, or why nothing was read
}

// ObjectProgress is a run's progress on one SObject, or on one metadata type.
type ObjectProgress struct {
	run   *Run
	kind  engine.JobObjectKind
	name  string
	label string
	calls *engine.Calls // nil when they are not counted

	writing  sync.Mutex
	finished bool // its counts are of what was stored

	mu      sync.Mutex
	written time.Time
}

// Object is the progress on the SObject of that name; the same for the same name.
func (r *Run) Object(name string) *ObjectProgress {
	return r.progress(&ObjectProgress{run: r, kind: engine.RecordsObject, name: name})
}

// MetadataType is the progress on the metadata type of that name, whose files
// lie in a folder of that name.
func (r *Run) MetadataType(name, folder string) *ObjectProgress {
	return r.progress(&ObjectProgress{run: r, kind: engine.MetadataObject, name: name, label: folder})
}

// progress is the one that the run has of the same kind and name, or this one.
func (r *Run) progress(fresh *ObjectProgress) *ObjectProgress {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := string(fresh.kind) + "/" + fresh.name
	if r.objects[key] == nil {
		r.objects[key] = fresh
	}
	return r.objects[key]
}

// CountCalls answers a context for the work on the object alone: its API calls
// are the object's (F92). It comes before Finish and Fail.
func (o *ObjectProgress) CountCalls(ctx context.Context) context.Context {
	ctx, o.calls = engine.CountCalls(ctx)
	return ctx
}

// AddCalls counts API calls that were for other objects, too. It comes before
// Finish and Fail.
func (o *ObjectProgress) AddCalls(calls int64) {
	if o.calls == nil {
		o.calls = &engine.Calls{}
	}
	o.calls.Add(calls)
}

// Queue shows the object as one the job will come to.
func (o *ObjectProgress) Queue(ctx context.Context) error {
	return o.write(ctx, func(u *ent.JobObjectUpdate) { u.SetState(engine.ObjectQueued) })
}

// Start says that work on the object begins, again after an earlier attempt.
func (o *ObjectProgress) Start(ctx context.Context) error {
	return o.write(ctx, func(u *ent.JobObjectUpdate) {
		u.SetState(engine.ObjectInProgress).SetStartedAt(schema.Now()).ClearFinishedAt().ClearErrorCode().ClearErrorMessage()
	})
}

// Progress says how many records are done. It costs nothing most times: only
// now and then the count is written.
func (o *ObjectProgress) Progress(records int64) {
	if !o.due() {
		return
	}
	r := o.run
	err := o.write(r.ctx, func(u *ent.JobObjectUpdate) { u.SetRecords(records) })
	if err != nil && r.ctx.Err() == nil {
		r.queue.logger.WarnContext(r.ctx, "cannot write a job's progress", "job", r.lease.jobID, "error", err)
	}
}

func (o *ObjectProgress) due() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.run.queue.settings.Now()
	if now.Sub(o.written) < progressEvery {
		return false
	}
	o.written = now
	return true
}

// Finish says that the object is done.
func (o *ObjectProgress) Finish(ctx context.Context, c ObjectCounts) error {
	return o.write(ctx, func(u *ent.JobObjectUpdate) {
		o.finished = true
		u.SetState(engine.ObjectCompleted).SetFinishedAt(schema.Now()).SetRecords(c.Records).SetAdded(c.Added).SetChanged(c.Changed).
			SetDeleted(c.Deleted).SetBytes(c.Bytes).SetAPICalls(o.calls.Made()).SetStored(c.Stored).SetReason(c.Reason).SetNillableExpected(c.Expected)
	})
}

// Fail says that the object could not be done, and why; of what was counted so
// far nothing lasts, unless it was finished. The job goes on, and ends as
// COMPLETED_WITH_ERRORS at best.
func (o *ObjectProgress) Fail(ctx context.Context, cause error) error {
	r := o.run
	code, message := told(cause)
	r.queue.logger.WarnContext(ctx, "an object of a job failed", "job", r.lease.jobID, "object", o.name, "error", cause)
	r.Log(engine.LogError, o.name, "%s: %s", o.name, message)
	return o.write(ctx, func(u *ent.JobObjectUpdate) {
		if !o.finished {
			u.SetRecords(0)
		}
		u.SetState(engine.ObjectException).SetFinishedAt(schema.Now()).SetErrorCode(code).SetErrorMessage(message).SetAPICalls(o.calls.Made())
	})
}

// write changes the object's row, which it makes when there is none.
func (o *ObjectProgress) write(ctx context.Context, set func(*ent.JobObjectUpdate)) error {
	o.writing.Lock()
	defer o.writing.Unlock()
	r := o.run
	return engine.Wrap("write the progress of "+o.name, r.InTx(ctx, func(tx *ent.Tx) error {
		known, err := tx.JobObject.Query().Where(o.mine()).Exist(ctx)
		if err != nil {
			return err
		}
		if !known {
			if err := tx.JobObject.Create().SetTenantID(r.lease.tenant).SetJobID(r.job.ID).SetKind(o.kind).SetName(o.name).SetLabel(o.label).Exec(ctx); err != nil {
				return err
			}
		}
		update := tx.JobObject.Update().Where(o.mine())
		set(update)
		if err := update.Exec(ctx); err != nil {
			return err
		}
		if err := sumObjects(ctx, tx, r.job.ID); err != nil {
			return err
		}
		return r.queue.hub.announce(ctx, tx, jobTopic(r.job.ID))
	}))
}

// mine is the object's row.
func (o *ObjectProgress) mine() predicate.JobObject {
	return jobobject.And(jobobject.JobID(o.run.job.ID), jobobject.KindEQ(o.kind), jobobject.Name(o.name))
}

// Measure sets the bytes of objects that are finished, where they are known only
// when all are: small ones share a segment.
func (r *Run) Measure(ctx context.Context, sizes map[*ObjectProgress]int64) error {
	return engine.Wrap("write the sizes of a job's objects", r.InTx(ctx, func(tx *ent.Tx) error {
		for o, size := range sizes {
			if err := tx.JobObject.Update().Where(o.mine()).SetBytes(size).Exec(ctx); err != nil {
				return err
			}
		}
		if err := sumObjects(ctx, tx, r.job.ID); err != nil {
			return err
		}
		return r.queue.hub.announce(ctx, tx, jobTopic(r.job.ID))
	}))
}

// Lose takes back what Finish told of objects whose records could not be stored
// after all, and says why; the vault has so many records of each without them.
func (r *Run) Lose(ctx context.Context, alive map[*ObjectProgress]int64, cause error) error {
	if len(alive) == 0 {
		return nil
	}
	code, message := told(cause)
	r.Log(engine.LogError, "", "What was read of %d objects is not stored: %s", len(alive), message)
	return engine.Wrap("write which objects of a job are not stored", r.InTx(ctx, func(tx *ent.Tx) error {
		for o, stored := range alive {
			o.finished = false
			err := tx.JobObject.Update().Where(o.mine()).SetState(engine.ObjectException).SetErrorCode(code).SetErrorMessage(message).
				SetRecords(0).SetAdded(0).SetChanged(0).SetDeleted(0).SetBytes(0).SetStored(stored).Exec(ctx)
			if err != nil {
				return err
			}
		}
		if err := sumObjects(ctx, tx, r.job.ID); err != nil {
			return err
		}
		return r.queue.hub.announce(ctx, tx, jobTopic(r.job.ID))
	}))
}

// sumObjects makes the job's counts the sums of its SObjects'; its bytes are
// those of its metadata types, too. Its API calls are no sum: many are for
// several objects at once, or for none.
func sumObjects(ctx context.Context, tx *ent.Tx, jobID string) error {
	const records = "coalesce(sum(CASE WHEN kind = 'RECORDS' THEN %s END), 0)"
	counts := make([]string, 0, 4)
	for _, column := range []string{"records", "added", "changed", "deleted"} {
		counts = append(counts, fmt.Sprintf(records, column))
	}
	_, err := tx.ExecContext(ctx, `UPDATE jobs SET (records, added, changed, deleted, bytes) = (
		SELECT `+strings.Join(counts, ", ")+`, coalesce(sum(bytes), 0)
		FROM job_objects WHERE job_id = $1) WHERE id = $1`, jobID)
	return err
}
