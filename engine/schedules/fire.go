package schedules

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/schedule"
)

const (
	defaultPoll = 5 * time.Second
	dueAtOnce   = 100
)

// Run fires what is due until ctx ends.
func (s *Schedules) Run(ctx context.Context) {
	if err := s.ensureAll(ctx); err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "cannot give orgs their system schedules", "error", err)
	}
	poll := s.Poll
	if poll == 0 {
		poll = defaultPoll
	}
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if _, err := s.Fire(ctx); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "cannot look for due schedules: trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Fire starts the jobs of every schedule that is due now, and answers how many
// it started. A schedule that fails does not keep the others from running.
func (s *Schedules) Fire(ctx context.Context) (started int, err error) {
	now := s.Now().UTC()
	for {
		due, err := s.DB.Client.Schedule.Query().Where(schedule.NextRunAtLTE(now)).WithOrg().
			Order(schedule.ByNextRunAt()).Limit(dueAtOnce).All(engine.AsSystem(ctx))
		if err != nil {
			return started, engine.Wrap("look for due schedules", err)
		}
		for _, d := range due {
			ran, err := s.fire(engine.AsWorker(ctx, d.TenantID), d, now)
			if err != nil {
				return started, err
			}
			if ran {
				started++
			}
		}
		if len(due) < dueAtOnce {
			return started, nil
		}
	}
}

// fire moves a schedule on to its next run, and enqueues its job if this node
// was the first to do so.
func (s *Schedules) fire(ctx context.Context, due *ent.Schedule, now time.Time) (ran bool, err error) {
	rule, err := RuleOf(due)
	if err != nil {
		return false, err
	}
	spec, refusal := s.check(ctx, workOf(due))
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		mine, err := move(ctx, tx, due, moved{now, rule.Next(now)})
		if err != nil || !mine || switchedOff(due) {
			return err
		}
		var made *ent.Job
		if refusal == nil {
			made, refusal = s.Queue.EnqueueTx(ctx, tx, spec)
		}
		ran = refusal == nil
		if err := untold(refusal); err != nil {
			return err
		}
		return s.Queue.RecordTx(ctx, tx, fired(due, made, refusal))
	})
	if refusal != nil && untold(refusal) == nil {
		s.Log.WarnContext(ctx, "a schedule did not run: it will the next time", "schedule", due.ID, "error", refusal)
	}
	return ran && err == nil, err
}

// fired is what people hear of a schedule that was due.
func fired(due *ent.Schedule, made *ent.Job, refusal error) job.Event {
	e := job.Event{OrgID: due.OrgID, Kind: engine.EventScheduleFired, Message: fmt.Sprintf("The schedule “%s” has started a job.", due.Name)}
	if told, refused := engine.AsError(refusal); refused {
		e.Kind, e.Message = engine.EventScheduleRefused, fmt.Sprintf("The schedule “%s” was due, but did not run. %s", due.Name, told.Message)
	} else {
		e.JobID = made.ID
	}
	return e
}

// untold is err unless it says what a user can do about it: that the same work
// waits already, or can no longer be done.
func untold(err error) error {
	if _, told := engine.AsError(err); told {
		return nil
	}
	return err
}

// moved is where a schedule stands after it has fired.
type moved struct{ last, next time.Time }

// move sets the next run, unless another node has.
func move(ctx context.Context, tx *ent.Tx, due *ent.Schedule, to moved) (mine bool, err error) {
	update := tx.Schedule.Update().Where(schedule.ID(due.ID), schedule.NextRunAt(*due.NextRunAt))
	if to.next.IsZero() { // its rule has an end, or holds no longer
		update.ClearNextRunAt()
	} else {
		update.SetNextRunAt(to.next)
	}
	if !switchedOff(due) {
		update.SetLastRunAt(to.last)
	}
	n, err := update.Save(ctx)
	return n == 1, engine.Wrap("move the schedule on", err)
}

func switchedOff(due *ent.Schedule) bool {
	if due.Operation == engine.TemplatedArchive {
		return !due.Edges.Org.ScheduledArchives
	}
	return !due.Edges.Org.ScheduledBackups
}
