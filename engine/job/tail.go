package job

import (
	"context"
	"sync"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/logline"
)

// ringLines is how many lines a feed keeps for its followers; who is further
// behind reads from the table.
const ringLines = 2048

// Tail follows a job's log from the line after the one numbered after, 0 for
// its beginning: every line once, in order, in batches. The channel is closed
// after the last line of a finished job, or when ctx ends.
func (q *Queue) Tail(ctx context.Context, jobID string, after int64) (<-chan []Line, error) {
	if err := q.visible(ctx, jobID); err != nil {
		return nil, err
	}
	batches := make(chan []Line)
	go func() {
		defer close(batches)
		t, leave := q.tails.follow(ctx, jobID)
		defer leave()
		for lines := t.next(ctx, after); len(lines) > 0; lines = t.next(ctx, after) {
			select {
			case batches <- lines:
				after = lines[len(lines)-1].Seq
			case <-ctx.Done():
				return
			}
		}
	}()
	return batches, nil
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

// tailer reads a job's new lines once for all who follow them.
type tailer struct {
	queue *Queue
	jobID string

	mu     sync.Mutex
	begun  bool
	ring   []Line
	last   int64 // the newest line seen; the ring ends with it
	done   bool
	change news
}

func (q *Queue) newTailer(jobID string) *tailer {
	return &tailer{queue: q, jobID: jobID, change: newNews()}
}

// read takes in what is new. It looks at the job's state before it looks for
// lines: a finished job gets no more of them.
func (t *tailer) read(ctx context.Context) (done bool) {
	ctx = engine.AsSystem(ctx)
	err := t.readAll(ctx)
	if err != nil && ctx.Err() == nil {
		t.queue.logger.WarnContext(ctx, "cannot read a job's log: trying again", "job", t.jobID, "error", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done
}

func (t *tailer) readAll(ctx context.Context) error {
	job, err := t.queue.db.Client.Job.Get(ctx, t.jobID)
	if err != nil && !ent.IsNotFound(err) {
		return err
	}
	from := t.last // nobody else writes it
	if !t.begun {
		if from, err = lastLine(ctx, t.queue.db.Client, t.jobID); err != nil {
			return err
		}
	}
	for {
		lines, err := t.queue.lines(ctx, t.jobID, from)
		if err != nil {
			return err
		}
		from = t.take(from, lines, len(lines) < batchLines && (job == nil || job.State.Finished()))
		if len(lines) < batchLines {
			return nil
		}
	}
}

// take adds the lines after the one numbered from, and returns the last one's number.
func (t *tailer) take(from int64, lines []Line, done bool) (last int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = from
	if len(lines) > 0 {
		t.last = lines[len(lines)-1].Seq
		t.ring = append(t.ring, lines...)
		t.ring = t.ring[max(0, len(t.ring)-ringLines):]
	}
	if !t.begun || len(lines) > 0 || t.done != done {
		t.begun, t.done = true, done
		t.change.announce()
	}
	return t.last
}

// next waits for lines after a cursor; none means the end.
func (t *tailer) next(ctx context.Context, after int64) []Line {
	for {
		lines, missing, done, changed := t.since(after)
		if missing {
			var err error
			if lines, err = t.queue.lines(ctx, t.jobID, after); err != nil {
				if !pause(ctx, t.queue.settings.Poll) {
					return nil
				}
				t.queue.logger.WarnContext(ctx, "cannot read a job's log: trying again", "job", t.jobID, "error", err)
				continue
			}
		}
		if len(lines) > 0 || done {
			return lines
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// since is what the ring has after a cursor. Missing says that older lines
// must be read from the table first.
func (t *tailer) since(after int64) (lines []Line, missing, done bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.last - int64(len(t.ring)) + 1 // of the ring
	switch {
	case !t.begun:
		return nil, false, false, t.change.ch
	case after+1 < first:
		return nil, true, t.done, t.change.ch
	case after < t.last:
		lines = t.ring[after+1-first:]
		return lines[:min(len(lines), batchLines)], false, false, t.change.ch
	}
	return nil, false, t.done, t.change.ch
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
