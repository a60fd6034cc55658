package job

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/jobobject"
	"github.com/holdfast-backup/holdfast/ent/schema"
)

const (
	quotaPause  = 15 * time.Minute
	lastWords   = 30 * time.Second // to write an outcome after the run's context ended
	settleEvery = 200 * time.Millisecond
	quotaCode   = "API_QUOTA_REACHED"
	faultInside = "Something went wrong inside Holdfast: the server's log tells the operator more."
)

// ending is how a task and its job finish.
type ending struct {
	task          string
	job           engine.JobState
	code, message string
}

// rest is how long a task waits for its next attempt, and why; uncounted is 1
// when the attempt before it shall not count.
type rest struct {
	reason    engine.WaitReason
	message   string
	wait      time.Duration
	uncounted int
}

var cancelled = ending{task: "CANCELLED", job: engine.JobAborted, code: "JOB_CANCELLED", message: "The job was cancelled."}

// execute runs one claimed task to its outcome.
func (q *Queue) execute(working context.Context, l lease) {
	ctx, cancel := context.WithCancelCause(engine.AsWorker(working, l.tenant))
	defer cancel(nil)
	r := &Run{queue: q, lease: l, ctx: ctx, cancel: cancel, objects: map[string]*ObjectProgress{}}
	r.log.run = r
	alive, die := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		r.keepLease(alive)
	}()
	err := r.work()
	r.conclude(err)
	die()
	<-kept
}

func (r *Run) work() (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.queue.logger.ErrorContext(r.ctx, "a worker panicked", "job", r.lease.jobID, "panic", p, "stack", string(debug.Stack()))
			err = &engine.Error{Kind: engine.KindInternal, Code: "INTERNAL", Message: faultInside}
		}
	}()
	if r.job, err = r.queue.db.Client.Job.Get(r.ctx, r.lease.jobID); err != nil {
		return err
	}
	if r.lease.cancelRequested {
		r.cancel(ErrCancelled)
		return ErrCancelled
	}
	if err := r.log.resume(r.ctx); err != nil {
		return err
	}
	ctx, calls := engine.CountCalls(r.ctx)
	r.calls = calls
	return r.queue.workers[r.job.Operation].Work(ctx, r)
}

// conclude writes what the attempt came to: the end, or another attempt.
func (r *Run) conclude(err error) {
	cause := context.Cause(r.ctx)
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.ctx), lastWords)
	defer stop()
	switch {
	case errors.Is(cause, ErrLeaseLost):
		return
	case err == nil:
		err = r.end(ctx, ending{task: "DONE", job: engine.JobCompleted})
	case errors.Is(cause, ErrCancelled):
		r.Log(engine.LogWarn, "", "%s", cancelled.message)
		err = r.end(ctx, cancelled)
	case errors.Is(cause, ErrShutdown):
		r.Log(engine.LogInfo, "", "The server is stopping: the job goes on when it is back, or on another node.")
		err = r.again(ctx, rest{message: "The server that ran it is stopping.", uncounted: 1})
	default:
		err = r.failed(ctx, err)
	}
	if err != nil && !errors.Is(err, ErrLeaseLost) {
		r.queue.logger.ErrorContext(ctx, "cannot write a job's outcome: it will run again", "job", r.lease.jobID, "error", err)
	}
}

// failed tries again after a transient failure, pauses when the org's quota is
// used up, and fails the job otherwise.
func (r *Run) failed(ctx context.Context, err error) error {
	r.queue.logger.WarnContext(ctx, "a job's attempt failed", "job", r.lease.jobID, "attempt", r.lease.attempt, "error", err)
	end := failure(err)
	if end.code == quotaCode {
		r.Log(engine.LogWarn, "", "%s Going on at %s.", end.message, r.inWords(quotaPause))
		return r.again(ctx, rest{reason: engine.WaitQuota, message: end.message, wait: quotaPause, uncounted: 1})
	}
	if passes(err) && r.lease.attempt < r.lease.maxAttempts {
		wait := r.queue.settings.Backoff(r.lease.attempt)
		r.Log(engine.LogWarn, "", "%s Trying again in %s (attempt %d of %d failed).", end.message, wait.Round(time.Second), r.lease.attempt, r.lease.maxAttempts)
		return r.again(ctx, rest{reason: engine.WaitRetry, message: fmt.Sprintf("%s Attempt %d of %d failed.", end.message, r.lease.attempt, r.lease.maxAttempts), wait: wait})
	}
	r.Log(engine.LogError, "", "%s", end.message)
	return r.end(ctx, end)
}

// inWords is the moment after a wait, as a log line names it.
func (r *Run) inWords(wait time.Duration) string {
	return r.queue.settings.Now().Add(wait).UTC().Format("15:04 UTC")
}

func failure(err error) ending {
	code, message := told(err)
	return ending{task: "FAILED", job: engine.JobFailed, code: code, message: message}
}

// told is what a user may read of an error.
func told(err error) (code, message string) {
	if e, ok := engine.AsError(err); ok && e.Message != "" {
		return e.Code, e.Message
	}
	return "INTERNAL", faultInside
}

// settle flushes the log and writes the outcome. While the database cannot be
// reached it tries again for as long as it may: hours of work would be done anew.
func (r *Run) settle(ctx context.Context, outcome func(tx *ent.Tx) error) error {
	for {
		err := r.log.flush(ctx)
		if err == nil {
			err = r.queue.db.InTx(ctx, outcome)
		}
		if err == nil || errors.Is(err, ErrLeaseLost) || !pause(ctx, settleEvery) {
			return err
		}
		r.queue.logger.WarnContext(ctx, "cannot write a job's outcome: trying again", "job", r.lease.jobID, "error", err)
	}
}

// again puts the task back for another attempt.
func (r *Run) again(ctx context.Context, pause rest) error {
	q := r.queue
	err := r.settle(ctx, func(tx *ent.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE tasks SET state = 'AVAILABLE', owner = NULL, lease_until = NULL, max_attempts = max_attempts + $4, wait_reason = $5, wait_message = $6, run_at = CASE WHEN cancel_requested THEN "+
			q.speech.now+" ELSE "+q.speech.in(pause.wait)+" END WHERE "+held, r.token(pause.uncounted, string(pause.reason), pause.message)...)
		if err := oneRow(result, err); err != nil {
			return err
		}
		if err := r.addCalls(ctx, tx); err != nil {
			return err
		}
		if err := q.recordWait(ctx, tx, r.lease.jobID, pause.message); err != nil {
			return err
		}
		return q.hub.announce(ctx, tx, queueTopic, jobTopic(r.lease.jobID))
	})
	time.AfterFunc(pause.wait, func() { q.hub.signal(queueTopic) })
	return err
}

// end finishes the task and its job.
func (r *Run) end(ctx context.Context, end ending) error {
	return r.settle(ctx, func(tx *ent.Tx) error {
		// A holder that lost its lease finds no row, and must not end the job.
		result, err := tx.ExecContext(ctx, "UPDATE tasks SET owner = owner WHERE "+held, r.token()...)
		if err := oneRow(result, err); err != nil {
			return err
		}
		if err := r.addCalls(ctx, tx); err != nil {
			return err
		}
		return r.queue.endTask(ctx, tx, r.lease, end)
	})
}

// addCalls adds this attempt's API calls to the job's; those of an attempt that
// died with its server nobody knows.
func (r *Run) addCalls(ctx context.Context, tx *ent.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE jobs SET api_calls = api_calls + $1 WHERE id = $2", r.calls.Made(), r.lease.jobID)
	return err
}

func oneRow(result interface{ RowsAffected() (int64, error) }, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(ErrLeaseLost, err)
	}
	return nil
}

// endTask finishes a task that the transaction has locked, and its job.
func (q *Queue) endTask(ctx context.Context, tx *ent.Tx, l lease, end ending) error {
	_, err := tx.ExecContext(ctx, "UPDATE tasks SET state = $2, error = $3, lease_until = NULL, finished_at = "+q.speech.now+" WHERE id = $1", l.taskID, end.task, end.code)
	if err != nil {
		return err
	}
	job, err := endJob(ctx, tx, l.jobID, end)
	if err != nil {
		return err
	}
	if err := q.RecordTx(ctx, tx, about(job, engine.EventJobEnded, endWords(job))); err != nil {
		return err
	}
	if err := q.hub.announce(ctx, tx, queueTopic, jobTopic(job.ID)); err != nil {
		return err
	}
	for _, hook := range q.finished {
		if err := q.tell(ctx, tx, job, hook); err != nil {
			return err
		}
	}
	return nil
}

// tell runs a hook so that its failure undoes only what it did itself.
func (q *Queue) tell(ctx context.Context, tx *ent.Tx, job *ent.Job, hook FinishedHook) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT hook"); err != nil {
		return err
	}
	if err := hook(ctx, tx, job); err != nil {
		q.logger.ErrorContext(ctx, "what follows a finished job failed", "job", job.ID, "error", err)
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT hook"); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "RELEASE SAVEPOINT hook")
	return err
}

// endJob gives the job its last state. One whose objects did not all succeed
// is never COMPLETED.
func endJob(ctx context.Context, tx *ent.Tx, jobID string, end ending) (*ent.Job, error) {
	if end.job == engine.JobCompleted {
		broken, err := tx.JobObject.Query().Where(jobobject.JobID(jobID), jobobject.StateEQ(engine.ObjectException)).Exist(ctx)
		if err != nil {
			return nil, err
		}
		if broken {
			end.job = engine.JobCompletedWithErrors
		}
	} else {
		err := tx.JobObject.Update().Where(jobobject.JobID(jobID), jobobject.StateIn(engine.ObjectQueued, engine.ObjectInProgress)).
			SetState(engine.ObjectException).SetFinishedAt(schema.Now()).SetRecords(0).SetErrorCode("JOB_ENDED").
			SetErrorMessage("The job ended before this object was finished: run it again.").Exec(ctx)
		if err != nil {
			return nil, err
		}
	}
	if err := sumObjects(ctx, tx, jobID); err != nil {
		return nil, err
	}
	update := tx.Job.UpdateOneID(jobID).Where(entjob.FinishedAtIsNil()).SetState(end.job).SetFinishedAt(schema.Now())
	if end.code != "" {
		update.SetErrorCode(end.code).SetErrorMessage(end.message)
	}
	return update.Save(ctx)
}
