package simorg

import (
	"slices"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// lateRecord is a new record that its transaction has stamped but not yet
// committed: nobody sees it until CommitLate.
type lateRecord struct {
	obj *schema.Object
	rec *store.Record
}

// HoldCommits makes the inserts of an object's next n records
// commit late: they keep the SystemModstamp of their write, but are seen only
// after CommitLate.
func (o *Org) HoldCommits(object string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.auto.holding = append(o.auto.holding, hold{object, n})
}

type hold struct {
	object string
	left   int
}

// lateCommit hides the record just inserted if its commit is held.
func (a *automation) lateCommit(c *change) {
	for i := range a.holding {
		h := &a.holding[i]
		if h.object != c.obj.Name || h.left == 0 {
			continue
		}
		h.left--
		a.late = append(a.late, &lateRecord{c.obj, c.rec})
		c.change(c.obj, c.rec, nil, func(r *store.Record) { r.State = store.Gone })
		return
	}
}

// CommitLate commits what HoldCommits held back and says how many records that were.
func (o *Org) CommitLate() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.auto.late)
	for _, l := range o.auto.late {
		o.table(l.obj.Name).Update(l.rec, nil, func(r *store.Record) { r.State = store.Live })
	}
	o.auto.late, o.auto.holding = nil, slices.DeleteFunc(o.auto.holding, func(h hold) bool { return h.left == 0 })
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
