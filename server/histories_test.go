package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/ent"
)

// TestRandomHistories lets people, time, schema changes and faults happen to an
// org in random order between and during its backups, and compares the vault
// with the org, which is read by other code than ours.
//
// HOLDFAST_SOAK is how many histories, HOLDFAST_SEED the first one's seed; the
// others follow it, so that a history that fails is repeated by its own seed.
func TestRandomHistories(t *testing.T) {
	count, seed := 25, uint64(time.Now().UnixNano()%1_000_000_000)
	if n, err := strconv.Atoi(os.Getenv("HOLDFAST_SOAK")); err == nil {
		count = n
	}
	if n, err := strconv.ParseUint(os.Getenv("HOLDFAST_SEED"), 10, 64); err == nil {
		seed = n
	}
	began, failed := time.Now(), 0
	var total tally
	for n := range count {
		at := seed + uint64(n) //nolint:gosec // small
		passed := t.Run(fmt.Sprint("seed=", at), func(t *testing.T) {
			h := newHistory(t, at)
			h.play()
			total.add(h.tally)
		})
		if !passed {
			failed++
		}
	}
	fmt.Printf("histories: %d passed, %d failed (HOLDFAST_SEED=%d; %d changes, %d late commits, %d of the schema; %d backups, %d to see what an incremental cannot, %d under a fault: %d exceptions, %d failed jobs; %d ms each)\n",
		count-failed, failed, seed, total.changes, total.late, total.shapes, total.backups, total.syncs, total.faults, total.exceptions, total.failures, time.Since(began).Milliseconds()/int64(max(count, 1)))
}

// tally is what happened, so that a run shows that it was not idle.
type tally struct{ changes, late, shapes, backups, syncs, faults, exceptions, failures int }

func (t *tally) add(o tally) {
	t.changes += o.changes
	t.late += o.late
	t.shapes += o.shapes
	t.syncs += o.syncs
	t.backups += o.backups
	t.faults += o.faults
	t.exceptions += o.exceptions
	t.failures += o.failures
}

// history is one org's life.
type history struct {
	*lab
	tally
	random *rand.Rand
	blind  blindness
	extra  map[string]string // the kinds of the custom fields that came and may go
	jobs   []past
	serial int
}

// blindness is what an incremental backup cannot see, by the platform's nature.
type blindness struct {
	ids     map[string]bool // objects of which records went, or came, without a new stamp: a synchronisation sees it
	values  map[string]bool // objects whose values changed without a new stamp: only a full read does
	held    time.Time       // when the oldest insert was made that is not committed yet
	removed bool            // something is in the Recycle Bin that no backup has seen there
	seen    time.Time       // when the last complete backup ended
	read    time.Time       // when the last one ended, complete or not
}

// past is what a backup stored, to be found again later.
type past struct {
	job    *ent.Job
	states map[string]state
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{lab: newLab(t, labOptions{}), random: rand.New(rand.NewPCG(seed, 1)), extra: map[string]string{}} //nolint:gosec // repeatable on purpose
	h.clear()
	h.blind.seen = h.clock.Now()
	return h
}

func (h *history) clear() { h.blind.ids, h.blind.values = map[string]bool{}, map[string]bool{} }

func (h *history) play() {
	for range 4 + h.random.IntN(20) {
		h.insert()
	}
	h.whole(h.backup(false))
	for range 2 + h.random.IntN(3) {
		h.live()
		if h.random.IntN(3) > 0 {
			h.disturbed()
		}
		h.caughtUp()
		if h.random.IntN(4) == 0 {
			_, err := h.vault.Compact(h.ctx, h.orgID, h.random.IntN(2) == 0)
			h.must(err)
		}
		h.remembers()
		if h.t.Failed() {
			return
		}
	}
}

// live is a while without a backup. Stamps are to the second: a roll-up that
// changes in the second in which it was read would look unchanged, and a derived
// field is no reason for a version.
func (h *history) live() {
	h.wait(time.Second)
	for range h.random.IntN(8) {
		h.change()
		h.wait(time.Duration(1+h.random.IntN(90)) * time.Second)
	}
	if h.random.IntN(3) == 0 {
		h.reshape()
	}
	for _, pause := range []struct {
		of     time.Duration
		chance int
	}{{11 * time.Minute, 3}, {3 * time.Hour, 5}, {26 * time.Hour, 8}, {16 * 24 * time.Hour, 10}} {
		if h.random.IntN(pause.chance) == 0 {
			h.wait(pause.of)
		}
	}
	if h.random.IntN(3) == 0 {
		h.commit()
	}
	h.wait(2 * time.Second) // describes are dated to the second
}

// wait passes time. What stays in the Recycle Bin for so long that it is purged
// before a backup sees it goes unseen.
func (h *history) wait(d time.Duration) {
	h.clock.pass(d)
	if h.blind.removed && h.clock.Now().Sub(h.blind.seen) > 23*time.Hour {
		for _, object := range labObjects {
			h.blind.ids[object] = true
		}
	}
}

// backed notes that a backup has taken all it can see.
func (h *history) backed() {
	h.blind.removed, h.blind.seen, h.blind.read = false, h.clock.Now(), h.clock.Now()
}

// disturbed runs a backup to which something happens, and holds it to what it
// says of itself: an object that is COMPLETED is whole, any other says why.
func (h *history) disturbed() {
	edited := h.random.IntN(4) == 0
	if edited {
		edit := func() {
			h.wait(time.Second)
			h.change()
		}
		h.door.pull.Store(&edit)
		h.door.at.Store(h.door.calls.Load() + 1 + int64(h.random.IntN(14)))
	} else {
		h.sim.SetFaults(h.faults()...)
		h.tally.faults++
	}
	ended := h.backup(h.random.IntN(4) == 0)
	h.sim.SetFaults()
	h.door.at.Store(0)
	h.tally.backups++
	h.blind.read = h.clock.Now()
	h.honest(ended, edited)
}

func (h *history) honest(ended *ent.Job, edited bool) {
	h.t.Helper()
	objects, exceptions := h.objects(ended), 0
	for name, o := range objects {
		if o.State == engine.ObjectException {
			exceptions++
			if o.ErrorCode == "" || o.ErrorMessage == "" {
				h.t.Errorf("%s is an EXCEPTION without a reason", name)
			}
		}
	}
	h.exceptions += exceptions
	switch ended.State {
	case engine.JobFailed:
		h.failures++
		if ended.ErrorCode == "" || ended.ErrorMessage == "" || ended.ErrorCode == "INTERNAL" {
			h.t.Errorf("the job FAILED with %q: %s", ended.ErrorCode, ended.ErrorMessage)
		}
		return
	case engine.JobCompleted:
		if exceptions > 0 {
			h.t.Errorf("the job is COMPLETED with %d exceptions", exceptions)
		}
	case engine.JobCompletedWithErrors:
		if exceptions == 0 {
			h.t.Error("the job is COMPLETED_WITH_ERRORS without an exception")
		}
	default:
		h.t.Errorf("the job ended as %s", ended.State)
	}
	for _, name := range labObjects {
		o := objects[name]
		if o == nil || o.State != engine.ObjectCompleted && o.State != engine.ObjectException {
			h.t.Errorf("%s has no outcome: %+v", name, o)
			continue
		}
		if o.State == engine.ObjectCompleted && !edited && !h.blind.ids[name] && !h.blind.values[name] {
			h.same(name, "under a fault", "")
		}
	}
}

// caughtUp runs a backup that nothing disturbs, of the kind that sees what has
// happened, and compares everything.
func (h *history) caughtUp() {
	sync := len(h.blind.ids) > 0
	if sync || len(h.blind.values) > 0 {
		h.syncs++
	}
	if len(h.blind.values) > 0 {
		h.db.Client.Watermark.Delete().ExecX(h.ctx)
	}
	ended := h.backup(sync)
	if ended.State != engine.JobCompleted {
		h.t.Errorf("undisturbed, the job ended as %s: %s %s", ended.State, ended.ErrorCode, ended.ErrorMessage)
		return
	}
	h.whole(ended)
}

// whole compares the vault with the org, and keeps what a backup stored.
func (h *history) whole(ended *ent.Job) {
	h.t.Helper()
	h.tally.backups++
	kept := past{job: ended, states: map[string]state{}}
	for _, name := range labObjects {
		kept.states[name] = h.same(name, "undisturbed", "")
	}
	h.jobs = append(h.jobs, kept)
	h.clear()
	h.backed()
}

// same compares an object in the vault with the org.
func (h *history) same(object, when, jobID string) state {
	h.t.Helper()
	org, stored := h.people.state(object), h.stored(object, jobID)
	if told := differences(stored, org); told != nil {
		h.t.Errorf("%s, %s is not what the org has:\n  %s\n%s", when, object, strings.Join(told, "\n  "), h.log())
	}
	return org
}

// remembers reads as of an earlier backup.
func (h *history) remembers() {
	h.t.Helper()
	earlier := h.jobs[h.random.IntN(len(h.jobs))]
	for _, name := range labObjects {
		if told := differences(h.stored(name, earlier.job.ID), earlier.states[name]); told != nil {
			h.t.Errorf("as of backup #%d, %s has changed since:\n  %s", earlier.job.Number, name, strings.Join(told, "\n  "))
		}
	}
}

// log is what the jobs said, for a history that fails.
func (h *history) log() string {
	var lines []string
	for _, j := range h.db.Client.Job.Query().AllX(h.ctx) {
		lines = append(lines, fmt.Sprintf("  #%d %s %s", j.Number, j.Operation, j.State))
		for _, line := range j.QueryLogLines().AllX(h.ctx) {
			lines = append(lines, "    "+engine.LogLine(line.At, line.Level, line.Message))
		}
	}
	return strings.Join(lines, "\n")
}

// kinds are the faults of the list, and how often each is drawn.
var kinds = []simorg.FaultKind{
	simorg.Unavailable, simorg.ServerError, simorg.BadGateway, simorg.NoRoute, simorg.Reset, simorg.Truncated, simorg.ShortBody, simorg.Slow,
	simorg.ExpiredSession, simorg.LimitExceeded, simorg.Concurrency, simorg.RowLock, simorg.LocatorExpiry, simorg.NULBytes, simorg.LostAnswer,
}

var places = []string{"", "", "/query", "/jobs/query", "/results", "/resultPages", "/composite", "/describe", "/recordCount", "/sobjects"}

// faults are one to three things that go wrong: once, now and then, or for good.
func (h *history) faults() (faults []simorg.Fault) {
	for range 1 + h.random.IntN(3) {
		f := simorg.Fault{Kind: kinds[h.random.IntN(len(kinds))], Path: places[h.random.IntN(len(places))], Delay: time.Millisecond}
		switch h.random.IntN(6) {
		case 0:
			f.Rate, f.Times = 0.5, 12
		case 1:
			f.Every = 2 + h.random.IntN(3)
			f.Times = 20
		case 2:
			f.Path = "/query"
			if f.Kind == simorg.LimitExceeded {
				f.Times = 2 // each costs a pause, and for good is for ever
			}
		default:
			f.Nth = 1 + h.random.IntN(8)
		}
		faults = append(faults, f)
	}
	return faults
}
