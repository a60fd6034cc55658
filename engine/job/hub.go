package job

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/lib/pq"

	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
)

const (
	channel   = "holdfast" // of NOTIFY; the payload is a topic
	pingEvery = 30 * time.Second

	queueTopic = "queue" // there may be a task to claim
)

func jobTopic(jobID string) string     { return "job:" + jobID }     // lines, progress or state
func orgTopic(orgID string) string     { return "org:" + orgID }     // something happened to it
func cancelTopic(taskID string) string { return "cancel:" + taskID } // its cancel was requested

// hub tells who waits for a topic to look at the tables again. A signal
// carries nothing, so one too many does no harm.
type hub struct {
	db      *database.DB
	logger  *slog.Logger
	mu      sync.Mutex
	waiting map[string]map[chan struct{}]bool
}

func newHub(db *database.DB, logger *slog.Logger) *hub {
	return &hub{db: db, logger: logger, waiting: map[string]map[chan struct{}]bool{}}
}

// watch returns a channel that gets a signal after each announcement of topic;
// signals that were not taken yet count as one.
func (h *hub) watch(topic string) (signals <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting[topic] == nil {
		h.waiting[topic] = map[chan struct{}]bool{}
	}
	h.waiting[topic][ch] = true
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.waiting[topic], ch)
		if len(h.waiting[topic]) == 0 {
			delete(h.waiting, topic)
		}
	}
}

func (h *hub) signal(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.waiting[topic] {
		poke(ch)
	}
}

func (h *hub) signalAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, watchers := range h.waiting {
		for ch := range watchers {
			poke(ch)
		}
	}
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// announce signals the topics on every node once tx is committed.
func (h *hub) announce(ctx context.Context, tx *ent.Tx, topics ...string) error {
	if !h.db.Postgres() {
		tx.OnCommit(func(next ent.Committer) ent.Committer {
			return ent.CommitFunc(func(ctx context.Context, tx *ent.Tx) error {
				err := next.Commit(ctx, tx)
				for _, topic := range topics {
					h.signal(topic)
				}
				return err
			})
		})
		return nil
	}
	for _, topic := range topics {
		if _, err := tx.ExecContext(ctx, "SELECT pg_notify($1, $2)", channel, topic); err != nil {
			return err
		}
	}
	return nil
}

// listen passes PostgreSQL's notifications on until ctx ends. After a lost
// connection everybody looks again: what was announced meanwhile is lost.
func (h *hub) listen(ctx context.Context) {
	if !h.db.Postgres() {
		return
	}
	listener := h.db.Listen(func(_ pq.ListenerEventType, err error) {
		if err != nil && ctx.Err() == nil {
			h.logger.WarnContext(ctx, "the database's notifications are interrupted", "error", err)
		}
	})
	end := func() { _ = listener.Close() }
	defer end()
	context.AfterFunc(ctx, end) // Listen waits for the database, not for ctx
	if err := listener.Listen(channel); err != nil {
		if ctx.Err() == nil {
			h.logger.ErrorContext(ctx, "cannot listen to the database: work starts by polling only", "error", err)
		}
		return
	}
	h.signalAll()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-listener.Notify:
			if n == nil {
				h.signalAll()
			} else {
				h.signal(n.Extra)
			}
		case <-ping.C:
			go func() { _ = listener.Ping() }() // a dead connection makes the listener reconnect
		}
	}
}
