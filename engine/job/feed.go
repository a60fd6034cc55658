package job

import (
	"context"
	"sync"
	"time"
)

// feeds keeps one feed per job, or per org, for as long as somebody follows it,
// so that a thousand followers cost the database what one costs.
type feeds[T follower] struct {
	queue *Queue
	topic func(id string) string
	open  func(id string) T

	mu   sync.Mutex
	live map[string]*liveFeed[T]
}

func newFeeds[T follower](q *Queue, topic func(id string) string, open func(id string) T) feeds[T] {
	return feeds[T]{queue: q, topic: topic, open: open, live: map[string]*liveFeed[T]{}}
}

// follower reads its rows again when something happened to them, and reports
// whether there will be nothing more. It is called from one goroutine.
type follower interface {
	read(ctx context.Context) (done bool)
}

type liveFeed[T follower] struct {
	follower T
	users    int
	stop     context.CancelFunc
}

// follow returns the feed, running; leave must be called in the end.
func (f *feeds[T]) follow(ctx context.Context, id string) (feed T, leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	live, ok := f.live[id]
	if !ok {
		alive, stop := context.WithCancel(context.WithoutCancel(ctx)) // it outlives its first follower
		live = &liveFeed[T]{follower: f.open(id), stop: stop}
		f.live[id] = live
		go f.queue.keepReading(alive, f.topic(id), live.follower)
	}
	live.users++
	return live.follower, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if live.users--; live.users == 0 {
			live.stop()
			delete(f.live, id)
		}
	}
}

func (q *Queue) keepReading(ctx context.Context, topic string, f follower) {
	signals, stop := q.hub.watch(topic)
	defer stop()
	poll := time.NewTicker(q.settings.Poll)
	defer poll.Stop()
	for !f.read(ctx) {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		case <-poll.C:
		}
	}
}

// news wakes everybody who waits for the next change.
type news struct{ ch chan struct{} }

func newNews() news { return news{make(chan struct{})} }

// announce must be called under the lock that guards what changed.
func (n *news) announce() {
	close(n.ch)
	n.ch = make(chan struct{})
}

// pause waits, and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
