package job

import (
	"context"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
)

// Cancel aborts a job: one that waits at once, one that runs as soon as its
// worker has let go, on whatever node that is. A finished job is KindConflict.
func (q *Queue) Cancel(ctx context.Context, jobID string) error {
	return q.db.InTx(ctx, func(tx *ent.Tx) error {
		job, err := tx.Job.Get(ctx, jobID)
		if ent.IsNotFound(err) {
			return noJob(jobID)
		}
		if err != nil {
			return err
		}
		l, waiting, err := requestCancel(ctx, tx, jobID)
		switch {
		case err != nil:
			return err
		case l.taskID == "":
			return engine.E(engine.KindConflict, "JOB_FINISHED", "Job #%d has finished already: there is nothing to cancel.", job.Number)
		case !waiting:
			return q.hub.announce(ctx, tx, cancelTopic(l.taskID))
		}
		if err := appendLine(ctx, tx, l, Line{Level: engine.LogWarn, Message: cancelled.message}); err != nil {
			return err
		}
		return q.endTask(ctx, tx, l, cancelled)
	})
}

// requestCancel marks the job's unfinished task, which stays locked; the lease
// is empty when there is none.
func requestCancel(ctx context.Context, tx *ent.Tx, jobID string) (l lease, waiting bool, err error) {
	rows, err := tx.QueryContext(ctx, "UPDATE tasks SET cancel_requested = $2 WHERE job_id = $1 AND finished_at IS NULL RETURNING id, tenant_id, job_id, state = 'AVAILABLE'", jobID, true)
	if err != nil {
		return l, false, err
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		err = rows.Scan(&l.taskID, &l.tenant, &l.jobID, &waiting)
	}
	if err == nil {
		err = rows.Err()
	}
	return l, waiting, err
}

// Hurry lets an org's jobs that wait, for its quota or after a failure, go on at once.
func (q *Queue) Hurry(ctx context.Context, orgID string) error {
	return engine.Wrap("let waiting jobs go on", q.db.InTx(ctx, func(tx *ent.Tx) error {
		ids, err := tx.Job.Query().Where(entjob.OrgID(orgID), entjob.StateEQ(engine.JobInProgress)).IDs(ctx)
		if err != nil {
			return err
		}
		for _, id := range ids { // a serial org has one or two
			if _, err := tx.ExecContext(ctx, "UPDATE tasks SET run_at = "+q.speech.now+" WHERE job_id = $1 AND state = 'AVAILABLE'", id); err != nil {
				return err
			}
		}
		return q.hub.announce(ctx, tx, queueTopic)
	}))
}
