package graph

import (
	"context"

	"entgo.io/contrib/entgql"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/logline"
	"github.com/holdfast-backup/holdfast/ent/predicate"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

// jobList selects jobs; an org that is not the viewer's is NOT_FOUND, not empty.
func (r *Resolver) jobList(ctx context.Context, orgID *string, filter *generated.JobFilter) (*ent.JobQuery, error) {
	list := r.DB.Job.Query()
	if orgID != nil {
		if _, err := r.Rooms.Orgs.Get(ctx, *orgID); err != nil {
			return nil, err
		}
		list.Where(entjob.OrgID(*orgID))
	}
	if filter != nil {
		list.Where(jobConditions(*filter)...)
	}
	return list, nil
}

func jobConditions(f generated.JobFilter) []predicate.Job {
	var all []predicate.Job
	if f.States != nil {
		all = append(all, entjob.StateIn(f.States...))
	}
	if f.Operations != nil {
		all = append(all, entjob.OperationIn(f.Operations...))
	}
	if f.NameContains != nil {
		all = append(all, jobNamed(*f.NameContains))
	}
	if f.Search != nil {
		all = append(all, jobSearch(*f.Search))
	}
	if f.CreatedFrom != nil {
		all = append(all, entjob.CreatedAtGTE(*f.CreatedFrom))
	}
	if f.CreatedBefore != nil {
		all = append(all, entjob.CreatedAtLT(*f.CreatedBefore))
	}
	return all
}

// logConditions narrow a job's log.
func logConditions(after int64, object *string, levels []engine.LogLevel) []predicate.LogLine {
	all := []predicate.LogLine{logline.SeqGT(after)}
	if object != nil {
		all = append(all, logline.ObjectEqualFold(*object))
	}
	if levels != nil {
		all = append(all, logline.LevelIn(levels...))
	}
	return all
}

// logLines is a page of a job's log.
func (r *Resolver) logLines(ctx context.Context, jobID string, limit int, conditions ...predicate.LogLine) ([]job.Line, error) {
	rows, err := r.DB.LogLine.Query().Where(logline.JobID(jobID)).Where(conditions...).
		Order(logline.BySeq()).Limit(limit).All(ctx)
	lines := make([]job.Line, len(rows))
	for i, row := range rows {
		lines[i] = job.Line{Seq: row.Seq, At: row.At, Level: row.Level, Object: row.Object, Message: row.Message}
	}
	return lines, err
}

// eventJob is the job that an event is about, nil when it is about none.
func (r *Resolver) eventJob(ctx context.Context, e *job.Event) (*ent.Job, error) {
	if e.JobID == "" {
		return nil, nil
	}
	return r.DB.Job.Get(ctx, e.JobID)
}

// newestUnless is the order asked for, or the newest first: ids are made in
// the order of time.
func newestUnless(asked *ent.JobOrder) *ent.JobOrder {
	if asked != nil {
		return asked
	}
	return &ent.JobOrder{Direction: entgql.OrderDirectionDesc, Field: ent.DefaultJobOrder.Field}
}

func failure(code, message string) *generated.Failure {
	if code == "" && message == "" {
		return nil
	}
	return &generated.Failure{Code: code, Message: message}
}

// optional is null for an empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// oneByOne sends what batches hold singly; nil stays nil.
func oneByOne[T any](ctx context.Context, batches <-chan []T) <-chan *T {
	return relay(ctx, batches, func(batch []T, send func(*T) bool) bool {
		for i := range batch {
			if !send(&batch[i]) {
				return false
			}
		}
		return true
	})
}

// pointers sends each value's address, as gqlgen wants it; nil stays nil.
func pointers[T any](ctx context.Context, values <-chan T) <-chan *T {
	return relay(ctx, values, func(value T, send func(*T) bool) bool { return send(&value) })
}

// relay passes on what handle makes of each value until in is closed or ctx ends.
func relay[In, Out any](ctx context.Context, in <-chan In, handle func(In, func(Out) bool) bool) <-chan Out {
	if in == nil {
		return nil
	}
	out := make(chan Out)
	send := func(v Out) bool {
		select {
		case out <- v:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(out)
		for value := range in {
			if !handle(value, send) {
				return
			}
		}
	}()
	return out
}
