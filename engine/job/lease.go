package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	entsql "entgo.io/ent/dialect/sql"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
)

// lease is a claimed task. Its attempt is the fencing token: it only grows.
type lease struct {
	taskID, tenant, jobID string
	attempt, maxAttempts  int
	checkpoint            []byte
	cancelRequested       bool
	claimed               time.Time // just before it was, by our own clock
}

// claim takes up to limit due tasks. Of the tasks with one serial key only the
// oldest may be taken, and only when none is running; the unique index on
// running keys decides between nodes that look at the same moment.
func (q *Queue) claim(ctx context.Context, operations []engine.Operation, limit int) (leases []lease, err error) {
	ctx = engine.AsSystem(ctx)
	err = q.db.InTx(ctx, func(tx *ent.Tx) error {
		if leases, err = q.take(ctx, tx, operations, limit); err != nil || len(leases) == 0 {
			return err
		}
		return q.begin(ctx, tx, leases)
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

func (q *Queue) take(ctx context.Context, tx *ent.Tx, operations []engine.Operation, limit int) (leases []lease, err error) {
	asked := q.settings.Now()
	rows, err := tx.QueryContext(ctx, `UPDATE tasks SET state = 'RUNNING', owner = $1, attempt = attempt + 1, wait_reason = '', wait_message = '', lease_until = `+q.speech.in(q.settings.Lease)+`
		WHERE id IN (SELECT t.id FROM tasks t
			WHERE t.state = 'AVAILABLE' AND t.run_at <= `+q.speech.now+` AND t.kind IN (`+quoted(operations)+`)
			AND (t.serial_key IS NULL OR NOT EXISTS (SELECT 1 FROM tasks o WHERE o.serial_key = t.serial_key
				AND (o.state = 'RUNNING' OR (o.state = 'AVAILABLE' AND o.id < t.id))))
			ORDER BY t.priority, t.run_at, t.id LIMIT $2`+q.speech.skipTaken+`)
		RETURNING id, tenant_id, job_id, attempt, max_attempts, checkpoint, cancel_requested`, q.node, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		l := lease{claimed: asked}
		if err := rows.Scan(&l.taskID, &l.tenant, &l.jobID, &l.attempt, &l.maxAttempts, &l.checkpoint, &l.cancelRequested); err != nil {
			return nil, err
		}
		leases = append(leases, l)
	}
	return leases, rows.Err()
}

// begin shows that the leases' jobs run, in the order of their orgs (RecordTx).
func (q *Queue) begin(ctx context.Context, tx *ent.Tx, leases []lease) error {
	attempts := map[string]int{}
	for _, l := range leases {
		attempts[l.jobID] = l.attempt
		_, err := tx.ExecContext(ctx, "UPDATE jobs SET state = 'IN_PROGRESS', started_at = "+q.speech.now+" WHERE id = $1 AND state = 'QUEUED'", l.jobID)
		if err != nil {
			return err
		}
	}
	jobs, err := tx.Job.Query().Where(entjob.IDIn(slices.Collect(maps.Keys(attempts))...)).Order(entjob.ByOrgID()).All(ctx)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		what := "has started."
		if attempts[job.ID] > 1 {
			what = "goes on."
		}
		if err := q.RecordTx(ctx, tx, about(job, engine.EventJobStarted, what)); err != nil {
			return err
		}
	}
	return nil
}

// quoted makes a list for IN; operations are words of ours.
func quoted(operations []engine.Operation) string {
	var list []string
	for _, o := range operations {
		list = append(list, "'"+string(o)+"'")
	}
	return strings.Join(list, ", ")
}

// held is the condition under which a lease's holder may write; its arguments
// are the task's id, the node and the attempt.
const held = "id = $1 AND owner = $2 AND attempt = $3 AND state = 'RUNNING'"

func (r *Run) token(more ...any) []any {
	return append([]any{r.lease.taskID, r.queue.node, r.lease.attempt}, more...)
}

// fence makes tx fail unless the lease is ours, and keeps it ours until tx ends.
func (r *Run) fence(ctx context.Context, tx *ent.Tx) error {
	rows, err := tx.QueryContext(ctx, "SELECT 1 FROM tasks WHERE "+held+r.queue.speech.share, r.token()...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() && rows.Err() == nil {
		r.cancel(ErrLeaseLost)
		return ErrLeaseLost
	}
	return rows.Err()
}

// keepLease renews the lease until ctx ends, and cancels the run when the
// lease is lost or a cancel was requested. Where the database cannot be
// reached, the run is cancelled before anybody could take it over.
func (r *Run) keepLease(ctx context.Context) {
	signals, stop := r.queue.hub.watch(cancelTopic(r.lease.taskID))
	defer stop()
	period, now := r.queue.settings.Lease, r.queue.settings.Now
	safe := r.lease.claimed.Add(period * 3 / 4) // until then nobody takes the job over
	tick := time.NewTicker(period / 4)
	defer tick.Stop()
	for {
		asked := now()
		bounded, cancel := context.WithDeadline(ctx, safe)
		cancelRequested, err := r.renew(bounded)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			safe = asked.Add(period * 3 / 4)
		case errors.Is(err, sql.ErrNoRows), now().After(safe):
			r.cancel(ErrLeaseLost)
			return
		default:
			r.queue.logger.WarnContext(ctx, "cannot renew a job's lease", "job", r.lease.jobID, "error", err)
		}
		if cancelRequested {
			r.cancel(ErrCancelled)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-signals:
		}
	}
}

func (r *Run) renew(ctx context.Context) (cancelRequested bool, err error) {
	err = r.queue.db.SQL.QueryRowContext(ctx, "UPDATE tasks SET lease_until = "+r.queue.speech.in(r.queue.settings.Lease)+
		" WHERE "+held+" RETURNING cancel_requested", r.token()...).Scan(&cancelRequested)
	return cancelRequested, err
}

// rescue puts the tasks of dead nodes back into the queue, and gives up those
// that have had their attempts.
func (q *Queue) rescue(ctx context.Context) {
	ctx = engine.AsSystem(ctx)
	expired, err := q.db.Client.Task.Query().Where(func(s *entsql.Selector) { s.Where(entsql.ExprP(q.expired())) }).IDs(ctx)
	for _, id := range expired {
		err = errors.Join(err, q.db.InTx(ctx, func(tx *ent.Tx) error { return q.takeBack(ctx, tx, id) }))
	}
	if err != nil && ctx.Err() == nil {
		q.logger.ErrorContext(ctx, "cannot take over the jobs of dead nodes", "error", err)
	}
}

func (q *Queue) expired() string { return "state = 'RUNNING' AND lease_until < " + q.speech.now }

// takeBack looks again, under lock, whether the lease has expired: another
// node may be faster, or the holder alive after all.
func (q *Queue) takeBack(ctx context.Context, tx *ent.Tx, taskID string) error {
	l, err := q.reclaim(ctx, tx, taskID)
	switch {
	case err != nil || l.taskID == "":
		return err
	case l.cancelRequested:
		return q.endDead(ctx, tx, l, cancelled)
	case l.attempt >= l.maxAttempts:
		return q.endDead(ctx, tx, l, ending{
			task: "FAILED", job: engine.JobFailed, code: "ATTEMPTS_EXHAUSTED",
			message: fmt.Sprintf("The server stopped in the middle of this job, attempt %d of %d: see the server's own log, then start the job again.", l.attempt, l.maxAttempts),
		})
	}
	if err := q.recordWait(ctx, tx, l.jobID, "The server that ran it is gone."); err != nil {
		return err
	}
	return q.hub.announce(ctx, tx, queueTopic)
}

func (q *Queue) reclaim(ctx context.Context, tx *ent.Tx, taskID string) (l lease, err error) {
	rows, err := tx.QueryContext(ctx, `UPDATE tasks SET state = 'AVAILABLE', owner = NULL, lease_until = NULL, run_at = `+q.speech.now+`
		WHERE id IN (SELECT id FROM tasks WHERE id = $1 AND `+q.expired()+q.speech.skipTaken+`)
		RETURNING id, tenant_id, job_id, attempt, max_attempts, cancel_requested`, taskID)
	if err != nil {
		return l, err
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		err = rows.Scan(&l.taskID, &l.tenant, &l.jobID, &l.attempt, &l.maxAttempts, &l.cancelRequested)
	}
	return l, errors.Join(err, rows.Err())
}

// endDead ends a job that no node runs any more.
func (q *Queue) endDead(ctx context.Context, tx *ent.Tx, l lease, end ending) error {
	if err := appendLine(ctx, tx, l, Line{Level: engine.LogError, Message: end.message}); err != nil {
		return err
	}
	return q.endTask(engine.AsWorker(ctx, l.tenant), tx, l, end)
}
