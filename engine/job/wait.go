package job

import (
	"context"
	"fmt"
	"time"

	entsql "entgo.io/ent/dialect/sql"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/predicate"
	"github.com/holdfast-backup/holdfast/ent/task"
)

// Wait is why a job does not run though it has not ended.
type Wait struct {
	Reason  engine.WaitReason
	Message string
	Until   *time.Time // when it is looked at again; nil when that hangs on no time
	Behind  *ent.Job   // which has to end first; nil unless it is its turn that is waited for
}

// Waiting says why a job waits, nil when it runs or has ended. It is read from
// the queue as that is now.
func (q *Queue) Waiting(ctx context.Context, job *ent.Job) (*Wait, error) {
	if job.State.Finished() {
		return nil, nil
	}
	tasks := q.db.Client.Task.Query().Where(task.JobID(job.ID), task.StateEQ(task.StateAVAILABLE))
	waiting, err := tasks.Clone().Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	resting, err := tasks.Where(q.resting()).Exist(ctx)
	if err != nil {
		return nil, err
	}
	if resting {
		return &Wait{Reason: waiting.WaitReason, Message: waiting.WaitMessage, Until: &waiting.RunAt}, nil
	}
	first, err := q.ahead(ctx, waiting)
	switch {
	case err != nil:
		return nil, err
	case first != nil:
		return &Wait{Reason: engine.WaitTurn, Message: fmt.Sprintf("Job #%d, “%s”, has to end first.", first.Number, first.Name), Behind: first}, nil
	}
	return &Wait{Reason: engine.WaitServer, Message: "It is this job's turn: a server takes it as soon as one is free."}, nil
}

// resting is true of a task that is not due, by the database's clock.
func (q *Queue) resting() predicate.Task {
	return func(s *entsql.Selector) { s.Where(entsql.ExprP(s.C(task.FieldRunAt) + " > " + q.speech.now)) }
}

// ahead is the job that claim takes before a waiting task, nil when there is none.
func (q *Queue) ahead(ctx context.Context, waiting *ent.Task) (*ent.Job, error) {
	if waiting.SerialKey == nil {
		return nil, nil
	}
	first, err := q.db.Client.Task.Query().Where(task.SerialKey(*waiting.SerialKey), task.Or(
		task.StateEQ(task.StateRUNNING), task.And(task.StateEQ(task.StateAVAILABLE), task.IDLT(waiting.ID)),
	)).Order(task.ByID()).WithJob().First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return first.Edges.Job, nil
}

// Paused is the first of an org's jobs that waits because the org's quota is
// reached, nil when none does.
func (q *Queue) Paused(ctx context.Context, orgID string) (*ent.Job, error) {
	paused, err := q.db.Client.Job.Query().Where(entjob.OrgID(orgID), entjob.HasTasksWith(
		task.StateEQ(task.StateAVAILABLE), task.WaitReasonEQ(engine.WaitQuota), q.resting(),
	)).Order(entjob.ByNumber()).First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return paused, err
}
