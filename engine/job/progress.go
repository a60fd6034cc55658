package job

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/jobobject"
)

// snapshotEvery bounds how often a job's progress is read.
const snapshotEvery = 100 * time.Millisecond

// Snapshot is a job and its objects at one moment. It is shared: do not change it.
type Snapshot struct {
	Job     *ent.Job
	Objects []*ent.JobObject // by name
}

// Progress follows a job: how it stands now, then again after changes, the
// newest state only. The channel is closed after the state of a finished job,
// or when ctx ends.
func (q *Queue) Progress(ctx context.Context, jobID string) (<-chan Snapshot, error) {
	if err := q.visible(ctx, jobID); err != nil {
		return nil, err
	}
	snapshots := make(chan Snapshot)
	go func() {
		defer close(snapshots)
		b, leave := q.boards.follow(ctx, jobID)
		defer leave()
		var seen *Snapshot
		for seen = b.next(ctx, nil); seen != nil; seen = b.next(ctx, seen) {
			select {
			case snapshots <- *seen:
			case <-ctx.Done():
				return
			}
		}
	}()
	return snapshots, nil
}

// board holds a job's newest snapshot for all who follow it.
type board struct {
	queue *Queue
	jobID string

	mu     sync.Mutex
	latest *Snapshot
	gone   bool // deleted, with its org
	change news
}

func (q *Queue) newBoard(jobID string) *board {
	return &board{queue: q, jobID: jobID, change: newNews()}
}

func (b *board) read(ctx context.Context) (done bool) {
	ctx = engine.AsSystem(ctx)
	snapshot, err := b.load(ctx)
	gone := ent.IsNotFound(err)
	if err != nil && !gone {
		if ctx.Err() == nil {
			b.queue.logger.WarnContext(ctx, "cannot read a job's progress: trying again", "job", b.jobID, "error", err)
		}
		return false
	}
	b.mu.Lock()
	b.latest, b.gone = snapshot, gone
	b.change.announce()
	b.mu.Unlock()
	if gone || snapshot.Job.State.Finished() {
		return true
	}
	pause(ctx, snapshotEvery)
	return false
}

func (b *board) load(ctx context.Context) (*Snapshot, error) {
	job, err := b.queue.db.Client.Job.Get(ctx, b.jobID)
	if err != nil {
		return nil, err
	}
	objects, err := b.queue.db.Client.JobObject.Query().Where(jobobject.JobID(b.jobID)).Order(jobobject.ByName()).All(ctx)
	if err != nil {
		return nil, err
	}
	return &Snapshot{job, objects}, nil
}

// next waits for a snapshot other than seen; nil means the end.
func (b *board) next(ctx context.Context, seen *Snapshot) *Snapshot {
	if seen != nil && seen.Job.State.Finished() {
		return nil
	}
	for {
		b.mu.Lock()
		latest, gone, changed := b.latest, b.gone, b.change.ch
		b.mu.Unlock()
		if latest != seen || gone {
			return latest
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}
