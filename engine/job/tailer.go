package job

import (
	"context"
	"sync"

	"github.com/holdfast-backup/holdfast/engine"
)

// ringRows is how many rows a feed keeps for its followers; who is further
// behind reads from the table.
const ringRows = 2048

// numbered is a row with its place among those of its source.
type numbered interface{ number() int64 }

// source is rows that are numbered from 1 without gaps, and only ever added.
type source[T numbered] struct {
	what, id string // for the operator's log
	last     func(ctx context.Context) (int64, error)
	read     func(ctx context.Context, after int64) ([]T, error) // up to batchLines
	over     func(ctx context.Context) (bool, error)             // no further row will come
}

// tailer reads a source's new rows once for all who follow it.
type tailer[T numbered] struct {
	queue  *Queue
	source source[T]

	mu     sync.Mutex
	begun  bool
	ring   []T
	newest int64 // the newest row seen; the ring ends with it
	done   bool
	change news
}

func newTailer[T numbered](q *Queue, s source[T]) *tailer[T] {
	return &tailer[T]{queue: q, source: s, change: newNews()}
}

// follow sends the rows after a cursor, in batches, until their source is over
// or ctx ends.
func follow[T numbered](ctx context.Context, all *feeds[*tailer[T]], id string, after int64) <-chan []T {
	batches := make(chan []T)
	go func() {
		defer close(batches)
		t, leave := all.follow(ctx, id)
		defer leave()
		for rows := t.next(ctx, after); len(rows) > 0; rows = t.next(ctx, after) {
			select {
			case batches <- rows:
				after = rows[len(rows)-1].number()
			case <-ctx.Done():
				return
			}
		}
	}()
	return batches
}

// read takes in what is new. It looks whether the source is over before it
// looks for rows: then none can come after them.
func (t *tailer[T]) read(ctx context.Context) (done bool) {
	ctx = engine.AsSystem(ctx)
	if err := t.readAll(ctx); err != nil {
		t.warn(ctx, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done
}

func (t *tailer[T]) warn(ctx context.Context, err error) {
	if ctx.Err() == nil {
		t.queue.logger.WarnContext(ctx, "cannot read "+t.source.what+": trying again", "id", t.source.id, "error", err)
	}
}

func (t *tailer[T]) readAll(ctx context.Context) error {
	over, err := t.source.over(ctx)
	if err != nil {
		return err
	}
	from := t.newest // nobody else writes it
	if !t.begun {
		if from, err = t.source.last(ctx); err != nil {
			return err
		}
	}
	for {
		rows, err := t.source.read(ctx, from)
		if err != nil {
			return err
		}
		from = t.take(from, rows, over && len(rows) < batchLines)
		if len(rows) < batchLines {
			return nil
		}
	}
}

// take adds the rows after the one numbered from, and returns the last one's number.
func (t *tailer[T]) take(from int64, rows []T, done bool) (last int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.newest = from
	if len(rows) > 0 {
		t.newest = rows[len(rows)-1].number()
		t.ring = append(t.ring, rows...)
		t.ring = t.ring[max(0, len(t.ring)-ringRows):]
	}
	if !t.begun || len(rows) > 0 || t.done != done {
		t.begun, t.done = true, done
		t.change.announce()
	}
	return t.newest
}

// next waits for rows after a cursor; none means the end.
func (t *tailer[T]) next(ctx context.Context, after int64) []T {
	for {
		rows, missing, done, changed := t.since(after)
		if missing {
			var err error
			if rows, err = t.source.read(ctx, after); err != nil {
				if !pause(ctx, t.queue.settings.Poll) {
					return nil
				}
				t.warn(ctx, err)
				continue
			}
		}
		if len(rows) > 0 || done {
			return rows
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// since is what the ring has after a cursor. Missing says that older rows
// must be read from the table first.
func (t *tailer[T]) since(after int64) (rows []T, missing, done bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.newest - int64(len(t.ring)) + 1 // of the ring
	switch {
	case !t.begun:
		return nil, false, false, t.change.ch
	case after+1 < first:
		return nil, true, t.done, t.change.ch
	case after < t.newest:
		rows = t.ring[after+1-first:]
		return rows[:min(len(rows), batchLines)], false, false, t.change.ch
	}
	return nil, false, t.done, t.change.ch
}
