package job

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
)

// Run is one attempt at a job, as its worker sees it. Its methods may be
// called from several goroutines.
type Run struct {
	queue  *Queue
	lease  lease
	job    *ent.Job
	ctx    context.Context // a run owns its context
	cancel context.CancelCauseFunc
	log    logWriter
	calls  *engine.Calls // of this attempt

	mu      sync.Mutex
	objects map[string]*ObjectProgress // by kind and name
}

// Job is the job as it was when the attempt began.
func (r *Run) Job() *ent.Job { return r.job }

// Attempt counts from 1; a later one goes on from the checkpoint.
func (r *Run) Attempt() int { return r.lease.attempt }

// Input decodes the job's settings into v, a pointer to what Spec.Input was.
func (r *Run) Input(v any) error {
	if len(r.job.Input) == 0 {
		return nil
	}
	return engine.Wrap("read the job's input", json.Unmarshal(r.job.Input, v))
}

// Checkpoint is what an attempt saved last, nil when none has.
func (r *Run) Checkpoint() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lease.checkpoint)
}

// SaveCheckpoint keeps how far the work has come, for the next attempt.
func (r *Run) SaveCheckpoint(ctx context.Context, state []byte) error {
	result, err := r.queue.db.SQL.ExecContext(ctx, "UPDATE tasks SET checkpoint = $4 WHERE "+held, r.token(state)...)
	if err := oneRow(result, err); err != nil {
		return engine.Wrap("save a checkpoint", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lease.checkpoint = slices.Clone(state)
	return nil
}

// InTx runs do in a transaction that is committed only if this run holds its
// lease: what a worker writes so, no run that was taken over can disturb. The
// run's other methods write in transactions of their own: do must not use them.
func (r *Run) InTx(ctx context.Context, do func(tx *ent.Tx) error) error {
	return r.queue.db.InTx(ctx, func(tx *ent.Tx) error {
		if err := r.fence(ctx, tx); err != nil {
			return err
		}
		return do(tx)
	})
}

// Log adds a line to the job's log. Object is the SObject it is about, if any.
// Lines are written in batches; when they come faster than the database takes
// them, Log waits. They must not hold record values or secrets.
func (r *Run) Log(level engine.LogLevel, object, format string, args ...any) {
	r.log.add(level, object, format, args)
}
