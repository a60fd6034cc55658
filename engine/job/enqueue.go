package job

import (
	"context"
	"encoding/json"

	"github.com/oklog/ulid/v2"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/task"
)

// Spec is a job to be done.
type Spec struct {
	OrgID       string
	Operation   engine.Operation
	Name        string
	Description string
	// Input is the operation's own settings, kept as JSON: no record values, no secrets.
	Input any
	// SerialKey: of the jobs with one key a single one runs at a time, in the
	// order in which they were enqueued. Empty: one per org and class.
	SerialKey string
	// UniqueKey: of an org's jobs with one key a single one waits; a further one
	// is JOB_ALREADY_QUEUED. Empty: for backups and archives their operation,
	// otherwise no such limit.
	UniqueKey string
	// IdempotencyKey: asking again with the same key returns the same job.
	IdempotencyKey string
	// MaxAttempts is how often the work is begun before the job FAILED; 0 is 5.
	MaxAttempts int
}

const defaultAttempts = 5

// Enqueue makes a job and wakes a node to run it.
func (q *Queue) Enqueue(ctx context.Context, spec Spec) (job *ent.Job, err error) {
	err = q.db.InTx(ctx, func(tx *ent.Tx) error {
		job, err = q.EnqueueTx(ctx, tx, spec)
		return err
	})
	return job, err
}

// EnqueueTx makes a job as part of the caller's transaction: there is a job if
// and only if that is committed. Jobs of one org are numbered from 1 without
// gaps, so until then the org's other enqueues wait.
func (q *Queue) EnqueueTx(ctx context.Context, tx *ent.Tx, spec Spec) (*ent.Job, error) {
	spec.complete()
	number, err := lockNumber(ctx, tx, spec.OrgID)
	if err != nil {
		return nil, err
	}
	if known, err := sameRequest(ctx, tx, spec); known != nil || err != nil {
		return known, err
	}
	if err := refuseSecond(ctx, tx, spec); err != nil {
		return nil, err
	}
	job, err := createJob(ctx, tx, spec, number)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE orgs SET next_job_number = $2 WHERE id = $1", spec.OrgID, number+1); err != nil {
		return nil, err
	}
	if err := q.insertTask(ctx, tx, job, spec); err != nil {
		return nil, err
	}
	if err := q.RecordTx(ctx, tx, about(job, engine.EventJobQueued, "is queued.")); err != nil {
		return nil, err
	}
	return job, q.hub.announce(ctx, tx, queueTopic)
}

func (s *Spec) complete() {
	class := ClassOf(s.Operation)
	if s.SerialKey == "" {
		s.SerialKey = s.OrgID + "/" + string(class)
	}
	if s.UniqueKey == "" && class == Capture {
		s.UniqueKey = string(s.Operation)
	}
	if s.UniqueKey != "" {
		s.UniqueKey = s.OrgID + "/" + s.UniqueKey
	}
	if s.MaxAttempts == 0 {
		s.MaxAttempts = defaultAttempts
	}
}

// lockNumber is the number of the org's next job; the org's row stays locked
// until the transaction ends.
func lockNumber(ctx context.Context, tx *ent.Tx, orgID string) (number int64, err error) {
	v, _ := engine.ViewerFrom(ctx)
	rows, err := tx.QueryContext(ctx, "UPDATE orgs SET next_job_number = next_job_number WHERE id = $1 AND tenant_id = $2 RETURNING next_job_number", orgID, v.Tenant)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return 0, err
		}
		return 0, noOrg(orgID)
	}
	return number, rows.Scan(&number)
}

// sameRequest is the job that the idempotency key has made already, if any.
func sameRequest(ctx context.Context, tx *ent.Tx, spec Spec) (*ent.Job, error) {
	if spec.IdempotencyKey == "" {
		return nil, nil
	}
	job, err := tx.Job.Query().Where(entjob.IdempotencyKey(spec.IdempotencyKey)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	if err == nil && (job.OrgID != spec.OrgID || job.Operation != spec.Operation) {
		return nil, keyReused(spec)
	}
	return job, err
}

func keyReused(spec Spec) error {
	return engine.E(engine.KindConflict, "IDEMPOTENCY_KEY_REUSED", "The idempotency key “%s” belongs to another job: use a new key for a new request.", spec.IdempotencyKey)
}

// refuseSecond keeps jobs with one unique key from piling up behind each other.
func refuseSecond(ctx context.Context, tx *ent.Tx, spec Spec) error {
	if spec.UniqueKey == "" {
		return nil
	}
	waiting, err := tx.Job.Query().Where(entjob.StateEQ(engine.JobQueued), entjob.HasTasksWith(task.UniqueKey(spec.UniqueKey))).First(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return engine.E(engine.KindConflict, "JOB_ALREADY_QUEUED", "Job #%d, “%s”, is already queued to do the same: wait for it or cancel it.", waiting.Number, waiting.Name)
}

func createJob(ctx context.Context, tx *ent.Tx, spec Spec, number int64) (*ent.Job, error) {
	input, err := json.Marshal(spec.Input)
	if err != nil {
		return nil, engine.Wrap("encode the job's input", err)
	}
	v, _ := engine.ViewerFrom(ctx)
	create := tx.Job.Create().SetOrgID(spec.OrgID).SetNumber(number).SetOperation(spec.Operation).
		SetTenantID(v.Tenant).SetName(spec.Name).SetDescription(spec.Description).SetInput(input)
	if v.User != "" {
		create.SetCreatedBy(v.User)
	}
	if spec.IdempotencyKey != "" {
		create.SetIdempotencyKey(spec.IdempotencyKey)
	}
	job, err := create.Save(ctx)
	if ent.IsConstraintError(err) && spec.IdempotencyKey != "" {
		return nil, keyReused(spec)
	}
	return job, err
}

// insertTask is plain SQL because the task is due by the database's clock.
func (q *Queue) insertTask(ctx context.Context, tx *ent.Tx, job *ent.Job, spec Spec) error {
	var unique any
	if spec.UniqueKey != "" {
		unique = spec.UniqueKey
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO tasks (id, tenant_id, job_id, kind, state, priority, run_at, attempt, max_attempts, cancel_requested, serial_key, unique_key, created_at)
		VALUES ($1, $2, $3, $4, 'AVAILABLE', 0, `+q.speech.now+`, 0, $5, $6, $7, $8, `+q.speech.now+`)`,
		"tsk_"+ulid.Make().String(), job.TenantID, job.ID, string(job.Operation), spec.MaxAttempts, false, spec.SerialKey, unique)
	return err
}
