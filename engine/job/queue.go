package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
)

// Why a run's context is cancelled (context.Cause).
var (
	ErrCancelled = errors.New("the job was cancelled")
	ErrShutdown  = errors.New("the server is stopping")
	ErrLeaseLost = errors.New("another node has taken the job over")
)

// Worker does the work of one operation. It is called again, from the last
// checkpoint, when an attempt dies with its node or ends in a transient error.
// It should return soon after its context is cancelled.
type Worker interface {
	Work(ctx context.Context, run *Run) error
}

// Settings of a node's queue; the zero value of each field is its default.
type Settings struct {
	Lease   time.Duration                   // a dead node's jobs are taken over after it: 30 s
	Poll    time.Duration                   // how often to look for work without being woken: 2 s
	Grace   time.Duration                   // how long Run lets jobs finish when it stops: 10 s
	Slots   int                             // jobs of one class at once on this node: 4
	Backoff func(attempt int) time.Duration // the wait after a failed attempt, which counts from 1
	Logger  *slog.Logger                    // for the operator: slog's default
	Now     func() time.Time                // time.Now; leases go by the database's clock
}

func (s Settings) withDefaults() Settings {
	defaultTo(&s.Lease, 30*time.Second)
	defaultTo(&s.Poll, 2*time.Second)
	defaultTo(&s.Grace, 10*time.Second)
	defaultTo(&s.Slots, 4)
	if s.Backoff == nil {
		s.Backoff = DefaultBackoff
	}
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	return s
}

// DefaultBackoff doubles from five seconds to ten minutes.
func DefaultBackoff(attempt int) time.Duration {
	return min(5*time.Second<<min(attempt-1, 8), 10*time.Minute)
}

func defaultTo[T time.Duration | int](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Queue is one node's side of the queue: it enqueues, and runs the jobs whose
// workers are registered with it. Register and OnFinished come before Run.
type Queue struct {
	db       *database.DB
	speech   speech
	hub      *hub
	node     string
	settings Settings
	logger   *slog.Logger
	workers  map[engine.Operation]Worker
	finished []FinishedHook
	tails    feeds[*tailer[Line]]
	events   feeds[*tailer[Event]]
	boards   feeds[*board]
	freed    chan struct{} // a slot is free

	mu      sync.Mutex
	running map[Class]int
	runs    sync.WaitGroup
}

// FinishedHook hears of a finished job within the transaction that finishes
// it, as its tenant's worker: what it writes or enqueues there is as durable
// as the outcome. Its error is logged and does not change the outcome.
type FinishedHook func(ctx context.Context, tx *ent.Tx, job *ent.Job) error

// New makes a node's queue on db.
func New(db *database.DB, settings Settings) *Queue {
	host, _ := os.Hostname()
	settings = settings.withDefaults()
	q := &Queue{
		db: db, speech: speechOf(db), hub: newHub(db, settings.Logger), settings: settings, logger: settings.Logger,
		node:    fmt.Sprintf("%s/%d/%s", host, os.Getpid(), ulid.Make()),
		workers: map[engine.Operation]Worker{}, running: map[Class]int{}, freed: make(chan struct{}, 1),
	}
	q.tails = newFeeds(q, jobTopic, q.newLogTailer)
	q.events = newFeeds(q, orgTopic, q.newEventTailer)
	q.boards = newFeeds(q, jobTopic, q.newBoard)
	return q
}

// Register says who does the jobs of an operation on this node.
func (q *Queue) Register(operation engine.Operation, worker Worker) { q.workers[operation] = worker }

// OnFinished adds a hook for jobs that finish on this node.
func (q *Queue) OnFinished(hook FinishedHook) { q.finished = append(q.finished, hook) }

// Run claims and runs jobs until ctx ends. Then it claims no more, lets the
// running ones finish for the grace period, and hands the rest back to the
// queue, where another node (or this one, after its restart) goes on from
// their checkpoints. A node without workers only passes signals on.
func (q *Queue) Run(ctx context.Context) error {
	alive, die := context.WithCancel(context.WithoutCancel(ctx))
	defer die()
	working, stopWorking := context.WithCancelCause(alive)
	var listening sync.WaitGroup
	listening.Go(func() { q.hub.listen(alive) })
	q.claimUntil(ctx, working)
	grace := time.AfterFunc(q.settings.Grace, func() { stopWorking(ErrShutdown) })
	defer grace.Stop()
	q.runs.Wait()
	die()
	listening.Wait()
	return nil
}

// claimUntil claims jobs until ctx ends and runs them under working.
func (q *Queue) claimUntil(ctx, working context.Context) {
	signals, stop := q.hub.watch(queueTopic)
	defer stop()
	poll := time.NewTicker(min(q.settings.Poll, q.settings.Lease/3))
	defer poll.Stop()
	q.rescue(ctx)
	for {
		q.claimAll(ctx, working)
		select {
		case <-ctx.Done():
			return
		case <-signals:
		case <-q.freed:
		case <-poll.C:
			q.rescue(ctx)
		}
	}
}

// claimAll fills this node's free slots.
func (q *Queue) claimAll(ctx, working context.Context) {
	for class, operations := range q.registered() {
		for ctx.Err() == nil {
			free := q.free(class)
			if free == 0 {
				break
			}
			leases, err := q.claim(ctx, operations, free)
			if isUniqueViolation(err) {
				continue // another node was faster with a job of the same key
			}
			if err != nil && ctx.Err() == nil {
				q.logger.ErrorContext(ctx, "cannot claim jobs", "error", err)
			}
			for _, l := range leases {
				q.start(working, class, l)
			}
			if len(leases) < free {
				break
			}
		}
	}
}

func (q *Queue) registered() map[Class][]engine.Operation {
	byClass := map[Class][]engine.Operation{}
	for operation := range q.workers {
		byClass[ClassOf(operation)] = append(byClass[ClassOf(operation)], operation)
	}
	return byClass
}

func (q *Queue) free(class Class) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.settings.Slots - q.running[class]
}

func (q *Queue) start(working context.Context, class Class, l lease) {
	q.occupy(class, 1)
	q.runs.Go(func() {
		defer poke(q.freed)
		defer q.occupy(class, -1)
		q.execute(working, l)
	})
}

func (q *Queue) occupy(class Class, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running[class] += n
}
