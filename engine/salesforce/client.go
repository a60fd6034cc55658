package salesforce

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

// Options configure a Client. The zero value is fit for production.
type Options struct {
	// Transport carries the requests; nil means one tuned for the platform.
	Transport http.RoundTripper
	// Log hears of decisions and trouble; nil means silence.
	Log *slog.Logger
	// Now and Sleep are the clock; nil means the machine's.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Retry bounds how often and how long a request is tried again.
	Retry Retry
	// PageRows is how many rows a REST page holds at most (200 to 2,000).
	PageRows int
	// PageBytes is the largest REST page that is taken into memory.
	PageBytes int64
	// BlockBytes is the size of the blocks in which Bulk results are parsed.
	BlockBytes int
	// Parallel is how many result pages of one Bulk job are read at once.
	Parallel int
	// SmallRead is the number of rows up to which REST is preferred to Bulk.
	SmallRead int64
	// LargeWrite is the number of rows above which Bulk is preferred to
	// collections for writing.
	LargeWrite int
	// PollFirst and PollMost are the shortest and the longest pause between two
	// looks at a Bulk job.
	PollFirst, PollMost time.Duration
	// StallAfter is how long a connection may stay silent.
	StallAfter time.Duration
	// InFlight is how many requests an org answers for us at the same time.
	InFlight int
}

// Retry bounds the repeats of a request: Attempts in all, with pauses drawn
// evenly between nothing and Base·2ⁿ, no longer than Most.
type Retry struct {
	Attempts   int
	Base, Most time.Duration
}

// Client opens connections to orgs. Connections to the same org share its
// governor, so that two jobs together stay under one quota.
type Client struct {
	options Options
	http    *http.Client

	mu        sync.Mutex
	governors map[string]*governor
}

var _ engine.Opener = (*Client)(nil)

// New makes a client; what options leave out takes its default.
func New(options Options) *Client {
	options = options.withDefaults()
	return &Client{
		options:   options,
		http:      &http.Client{Transport: options.Transport, CheckRedirect: neverRedirect},
		governors: map[string]*governor{},
	}
}

// neverRedirect hands redirects to the caller as they are: following one would
// carry the session to another host.
func neverRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (o Options) withDefaults() Options {
	if o.Transport == nil {
		o.Transport = defaultTransport()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	o.Retry.Attempts = or(o.Retry.Attempts, 8)
	o.Retry.Base = or(o.Retry.Base, 500*time.Millisecond)
	o.Retry.Most = or(o.Retry.Most, time.Minute)
	o.PageRows = min(max(or(o.PageRows, 2000), leastPageRows), 2000)
	o.PageBytes = or(o.PageBytes, 64<<20)
	o.BlockBytes = or(o.BlockBytes, 256<<10)
	o.Parallel = or(o.Parallel, 4)
	o.SmallRead = or(o.SmallRead, 8000)
	o.LargeWrite = or(o.LargeWrite, 10_000)
	o.PollFirst = or(o.PollFirst, 250*time.Millisecond)
	o.PollMost = or(o.PollMost, 30*time.Second)
	o.StallAfter = or(o.StallAfter, 2*time.Minute)
	o.InFlight = or(o.InFlight, 8)
	return o
}

// leastPageRows is the smallest page that the platform can be asked for.
const leastPageRows = 200

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func defaultTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true // we ask for gzip and inflate it ourselves: faster, and truncation shows
	t.MaxIdleConnsPerHost = 16
	t.ResponseHeaderTimeout = 11 * time.Minute // the platform gives up after ten
	return t
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// governorOf returns the governor that all connections to an org share.
func (c *Client) governorOf(conn engine.Connection) *governor {
	key := or(conn.OrgRef, or(conn.InstanceURL, conn.LoginURL+" "+conn.ClientID))
	c.mu.Lock()
	defer c.mu.Unlock()
	g, ok := c.governors[key]
	if !ok {
		g = newGovernor(c.options)
		c.governors[key] = g
	}
	g.setPercent(conn.RESTPercent, conn.BulkPercent)
	return g
}
