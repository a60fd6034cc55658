package salesforce

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

const (
	quotaCode      = "API_QUOTA_REACHED"
	defaultPercent = 80
	// lookAgain is how long an org that is over its quota is left alone before
	// one request may find out whether the rolling day has freed some of it.
	lookAgain = 5 * time.Minute
)

// governor keeps our use of an org's daily allowances under the connection's
// percentages, and the requests in flight under their bound. The REST figure
// comes with every answer; the Bulk ones are asked for when a job is to start.
type governor struct {
	now   func() time.Time
	slots chan struct{}
	lone  chan struct{} // held by who takes all slots, so that no two take half each

	mu          sync.Mutex
	restPercent int
	bulkPercent int
	used, max   int64 // API requests of the last 24 hours, by the org's count
	exhausted   bool  // the org itself has said no
	lookedAt    time.Time
	limits      engine.OrgLimits
	limitsAt    time.Time
}

func newGovernor(o Options) *governor {
	return &governor{now: o.Now, slots: make(chan struct{}, o.InFlight), lone: make(chan struct{}, 1)}
}

func (g *governor) setPercent(rest, bulk int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.restPercent, g.bulkPercent = or(rest, defaultPercent), or(bulk, defaultPercent)
}

// admit refuses a request once the quota is used up.
func (g *governor) admit() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	over := g.exhausted || (g.max > 0 && g.used*100 >= g.max*int64(g.restPercent))
	if !over {
		return nil
	}
	if g.now().Sub(g.lookedAt) >= lookAgain {
		g.lookedAt = g.now()
		return nil
	}
	return engine.E(engine.KindLimit, quotaCode,
		"The org has used %d of its %d API calls of the last 24 hours, and this connection stops at %d %%: wait until the org counts fewer, or raise the percentage in the org's settings.",
		g.used, g.max, g.restPercent)
}

// enter waits for one of the org's slots; the caller must leave.
func (g *governor) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// enterAlone waits for all of the org's slots; the caller must leave.
func (g *governor) enterAlone(ctx context.Context) (leave func(), err error) {
	select {
	case g.lone <- struct{}{}:
		defer func() { <-g.lone }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	taken := 0
	leave = func() {
		for range taken {
			<-g.slots
		}
	}
	for ; taken < cap(g.slots); taken++ {
		if _, err := g.enter(ctx); err != nil {
			leave()
			return nil, err
		}
	}
	return leave, nil
}

// observe reads the usage that comes with an answer: api-usage=18/15000.
func (g *governor) observe(h http.Header) {
	for part := range strings.FieldsFuncSeq(h.Get("Sforce-Limit-Info"), func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		if name != "api-usage" {
			continue
		}
		usedText, maxText, _ := strings.Cut(value, "/")
		used, err1 := strconv.ParseInt(usedText, 10, 64)
		most, err2 := strconv.ParseInt(maxText, 10, 64)
		if err1 == nil && err2 == nil && most > 0 {
			g.learn(used, most)
		}
	}
}

func (g *governor) learn(used, most int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used, g.max, g.exhausted, g.lookedAt = used, most, used >= most, g.now()
}

// note remembers that the org has refused for its daily limit.
func (g *governor) note(r *refusal) {
	if !r.dailyLimit() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.exhausted, g.lookedAt = true, g.now()
}

// bulkUse is an allowance that a Bulk job draws on, and by how much.
type bulkUse struct {
	name string
	of   func(*engine.OrgLimits) *engine.Allowance
	cost int64
}

var (
	queryJobs  = bulkUse{"Bulk query jobs", func(l *engine.OrgLimits) *engine.Allowance { return &l.BulkQueryJobs }, 1}
	queryBytes = bulkUse{"MB of Bulk query results", func(l *engine.OrgLimits) *engine.Allowance { return &l.BulkQueryMB }, 0}
	ingestRuns = bulkUse{"Bulk batches", func(l *engine.OrgLimits) *engine.Allowance { return &l.BulkIngestBatch }, 1}
)

// admitBulk refuses a Bulk job once one of the allowances it draws on is used
// up. The org is asked for its limits at most once in lookAgain, and our own
// jobs are counted in between; an org that does not show its limits to our user
// is not governed here, it says so itself.
func (g *governor) admitBulk(ctx context.Context, limits func(context.Context) (engine.OrgLimits, error), uses ...bulkUse) error {
	if err := g.refreshLimits(ctx, limits); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, use := range uses {
		a := use.of(&g.limits)
		if used := a.Max - a.Remaining; a.Max > 0 && used*100 >= a.Max*int64(g.bulkPercent) {
			return engine.E(engine.KindLimit, quotaCode,
				"The org has used %d of its %d %s of the last 24 hours, and this connection stops at %d %%: wait until the org counts fewer, or raise the percentage in the org's settings.",
				used, a.Max, use.name, g.bulkPercent)
		}
	}
	for _, use := range uses {
		use.of(&g.limits).Remaining -= use.cost
	}
	return nil
}

func (g *governor) refreshLimits(ctx context.Context, limits func(context.Context) (engine.OrgLimits, error)) error {
	g.mu.Lock()
	fresh := !g.limitsAt.IsZero() && g.now().Sub(g.limitsAt) < lookAgain
	g.mu.Unlock()
	if fresh {
		return nil
	}
	l, err := limits(ctx)
	if err != nil && !engine.Is(err, engine.KindDenied) && !engine.Is(err, engine.KindNotFound) {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limits, g.limitsAt = l, g.now()
	return nil
}
