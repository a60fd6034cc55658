package job

import (
	"context"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/logline"
)

// Tail follows a job's log from the line after the one numbered after, 0 for
// its beginning: every line once, in order, in batches. The channel is closed
// after the last line of a finished job, or when ctx ends.
func (q *Queue) Tail(ctx context.Context, jobID string, after int64) (<-chan []Line, error) {
	if err := q.visible(ctx, jobID); err != nil {
		return nil, err
	}
	return follow(ctx, &q.tails, jobID, after), nil
}

// visible tells whether the viewer may see the job.
func (q *Queue) visible(ctx context.Context, jobID string) error {
	exists, err := q.db.Client.Job.Query().Where(entjob.ID(jobID)).Exist(ctx)
	if err != nil {
		return err
	}
	if !exists {
		return noJob(jobID)
	}
	return nil
}

func noJob(jobID string) error {
	return engine.E(engine.KindNotFound, "NOT_FOUND", "There is no job “%s”: check the id.", jobID)
}

func (q *Queue) newLogTailer(jobID string) *tailer[Line] {
	return newTailer(q, source[Line]{
		what: "a job's log", id: jobID,
		last: func(ctx context.Context) (int64, error) { return lastLine(ctx, q.db.Client, jobID) },
		read: func(ctx context.Context, after int64) ([]Line, error) { return q.lines(ctx, jobID, after) },
		over: func(ctx context.Context) (bool, error) {
			job, err := q.db.Client.Job.Get(ctx, jobID)
			if ent.IsNotFound(err) {
				return true, nil
			}
			return err == nil && job.State.Finished(), err
		},
	})
}

// lines reads a batch of the log after a cursor.
func (q *Queue) lines(ctx context.Context, jobID string, after int64) ([]Line, error) {
	rows, err := q.db.Client.LogLine.Query().Where(logline.JobID(jobID), logline.SeqGT(after)).
		Order(logline.BySeq()).Limit(batchLines).All(ctx)
	if err != nil {
		return nil, err
	}
	lines := make([]Line, len(rows))
	for i, row := range rows {
		lines[i] = Line{row.Seq, row.At.UTC(), row.Level, row.Object, row.Message}
	}
	return lines, nil
}
