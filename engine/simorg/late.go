package simorg

import (
	"slices"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// lateKey carries the delay of a LateCommit fault to the write.
type lateKey struct{}

// lateRecord is a write that its transaction has stamped but not yet committed:
// a new record that nobody sees, or the values that an update will give.
type lateRecord struct {
	obj    *schema.Object
	rec    *store.Record
	values []string // of an update
	stamp  int64
	due    time.Time // zero: at CommitLate
}

// HoldCommits makes the next n writes (inserts and updates) of an object commit
// late: they keep the SystemModstamp of their write, but are seen only after
// CommitLate.
func (o *Org) HoldCommits(object string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.auto.holding = append(o.auto.holding, hold{object, n})
}

type hold struct {
	object string
	left   int
}

// held says whether a write is to commit late, and when.
func (c *change) held() (due time.Time, late bool) {
	if c.opts.late > 0 {
		return c.o.cfg.Now().Add(c.opts.late), true
	}
	for i := range c.o.auto.holding {
		if h := &c.o.auto.holding[i]; h.object == c.obj.Name && h.left > 0 {
			h.left--
			return time.Time{}, true
		}
	}
	return time.Time{}, false
}

// hideInsert hides the record just inserted if its commit is late.
func (c *change) hideInsert() {
	if due, late := c.held(); late {
		c.keepLate(&lateRecord{obj: c.obj, rec: c.rec, stamp: c.stamp, due: due})
		c.change(c.obj, c.rec, nil, func(r *store.Record) { r.State = store.Gone })
	}
}

// holdUpdate keeps an update for later if its commit is late.
func (c *change) holdUpdate() bool {
	due, late := c.held()
	if late {
		c.keepLate(&lateRecord{obj: c.obj, rec: c.rec, values: slices.Clone(c.new), stamp: c.stamp, due: due})
	}
	return late
}

func (c *change) keepLate(l *lateRecord) {
	c.o.auto.late = append(c.o.auto.late, l)
	c.undo = append(c.undo, func() {
		c.o.auto.late = slices.DeleteFunc(c.o.auto.late, func(other *lateRecord) bool { return other == l })
	})
}

// CommitLate commits every write that is held back and says how many.
func (o *Org) CommitLate() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.auto.holding = slices.DeleteFunc(o.auto.holding, func(h hold) bool { return h.left == 0 })
	return o.commitLate(func(*lateRecord) bool { return true })
}

// commitDue commits the writes whose delay has passed.
func (o *Org) commitDue(now time.Time) {
	o.commitLate(func(l *lateRecord) bool { return !l.due.IsZero() && !now.Before(l.due) })
}

func (o *Org) commitLate(due func(*lateRecord) bool) int {
	n := 0
	o.auto.late = slices.DeleteFunc(o.auto.late, func(l *lateRecord) bool {
		if !due(l) {
			return false
		}
		n++
		o.table(l.obj.Name).Update(l.rec, l.values, func(r *store.Record) {
			if l.values == nil {
				r.State = store.Live
			}
			r.Stamp = l.stamp
		})
		return true
	})
	return n
}

// BumpStamps gives every live record of an object a new SystemModstamp and
// changes nothing else, as the platform's own maintenance does.
func (o *Org) BumpStamps(object string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	stamp := o.nextStamp()
	var all []*store.Record
	o.table(object).After("", func(r *store.Record) bool {
		if r.State == store.Live {
			all = append(all, r)
		}
		return true
	})
	for _, r := range all {
		o.table(object).Update(r, nil, func(r *store.Record) { r.Stamp = stamp })
	}
}
