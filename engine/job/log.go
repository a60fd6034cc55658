package job

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/logline"
	"github.com/holdfast-backup/holdfast/ent/schema"
)

const (
	batchAge   = 25 * time.Millisecond
	batchLines = 500
)

// Line is one line of a job's log. Seq counts from 1 per job, without gaps.
type Line struct {
	Seq     int64
	At      time.Time
	Level   engine.LogLevel
	Object  string
	Message string
}

func (l Line) number() int64 { return l.Seq }

// String is the line as the log shows it (F102).
func (l Line) String() string { return engine.LogLine(l.At, l.Level, l.Message) }

// logWriter numbers a run's lines and writes them in batches.
type logWriter struct {
	run      *Run
	flushing sync.Mutex // one batch at a time, so that lines land in order

	mu      sync.Mutex
	last    int64 // the number given last
	pending []Line
	timed   bool      // a flush is due
	flushed time.Time // when the last one began
}

// resume goes on after the lines of earlier attempts.
func (w *logWriter) resume(ctx context.Context) (err error) {
	w.last, err = lastLine(ctx, w.run.queue.db.Client, w.run.lease.jobID)
	return err
}

func lastLine(ctx context.Context, client *ent.Client, jobID string) (int64, error) {
	line, err := client.LogLine.Query().Where(logline.JobID(jobID)).Order(logline.BySeq(desc)).First(ctx)
	if ent.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return line.Seq, nil
}

func (w *logWriter) add(level engine.LogLevel, object, format string, args []any) {
	w.mu.Lock()
	w.last++
	now := schema.Now()
	w.pending = append(w.pending, Line{w.last, now, level, object, fmt.Sprintf(format, args...)})
	full := len(w.pending) >= batchLines
	if !full && !w.timed {
		w.timed = true
		time.AfterFunc(w.flushed.Add(batchAge).Sub(now), w.flushTimed) // at once after a quiet time
	}
	w.mu.Unlock()
	if full {
		w.flushTimed()
	}
}

func (w *logWriter) flushTimed() {
	ctx, stop := context.WithTimeout(context.WithoutCancel(w.run.ctx), lastWords)
	defer stop()
	w.mu.Lock()
	w.timed, w.flushed = false, schema.Now()
	w.mu.Unlock()
	err := w.flush(ctx)
	if errors.Is(err, ErrLeaseLost) {
		w.drop()
	} else if err != nil {
		w.run.queue.logger.WarnContext(ctx, "cannot write a job's log: trying again with its next line", "job", w.run.lease.jobID, "error", err)
	}
}

// drop forgets what may not be written any more.
func (w *logWriter) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = nil
}

// flush writes every line added so far. What could not be written stays pending.
func (w *logWriter) flush(ctx context.Context) error {
	w.flushing.Lock()
	defer w.flushing.Unlock()
	for {
		w.mu.Lock()
		batch := w.pending[:min(len(w.pending), batchLines)]
		w.mu.Unlock()
		if len(batch) == 0 {
			return nil
		}
		written, err := w.write(ctx, batch)
		if err != nil {
			return err
		}
		w.mu.Lock()
		w.pending = w.pending[min(written, len(w.pending)):] // or dropped meanwhile
		w.mu.Unlock()
	}
}

// write returns how many lines of the batch are in the table now. Some may
// have been before: a commit whose answer was lost.
func (w *logWriter) write(ctx context.Context, batch []Line) (written int, err error) {
	r := w.run
	err = r.InTx(ctx, func(tx *ent.Tx) error {
		if err := insertLines(ctx, tx, r.lease, batch); err != nil {
			return err
		}
		return r.queue.hub.announce(ctx, tx, jobTopic(r.lease.jobID))
	})
	if !isUniqueViolation(err) {
		return len(batch), err
	}
	last, lookUp := lastLine(ctx, r.queue.db.Client, r.lease.jobID)
	if lookUp != nil || last < batch[0].Seq {
		return 0, errors.Join(err, lookUp)
	}
	return int(min(last-batch[0].Seq+1, int64(len(batch)))), nil
}

// insertLines is one statement: lines come by the hundred.
func insertLines(ctx context.Context, tx *ent.Tx, l lease, batch []Line) error {
	var b strings.Builder
	b.WriteString("INSERT INTO log_lines (tenant_id, job_id, seq, at, level, object, message) VALUES ")
	args := make([]any, 0, 2+5*len(batch))
	args = append(args, l.tenant, l.jobID)
	for i, line := range batch {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("($1,$2")
		for n := range 5 {
			b.WriteString(",$" + strconv.Itoa(len(args)+n+1))
		}
		b.WriteByte(')')
		args = append(args, line.Seq, line.At, string(line.Level), line.Object, line.Message)
	}
	_, err := tx.ExecContext(ctx, b.String(), args...)
	return err
}

// appendLine adds a line to the log of a job that nobody runs; tx has its task locked.
func appendLine(ctx context.Context, tx *ent.Tx, l lease, line Line) error {
	last, err := lastLine(ctx, tx.Client(), l.jobID)
	if err != nil {
		return err
	}
	line.Seq, line.At = last+1, schema.Now()
	return insertLines(ctx, tx, l, []Line{line})
}
