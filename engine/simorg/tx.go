package simorg

import (
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// tx is one transaction under the org's write lock. What it did can be taken
// back to any savepoint.
type tx struct {
	o    *Org
	user *person
	undo []func()
	opts writeOptions
	// stamp is the SystemModstamp of everything the transaction writes.
	stamp int64
	// setup and business say which kinds of object the transaction wrote: it may
	// not write both.
	setup, business bool
	// depth is how many triggers are at work in each other.
	depth int
}

// writeOptions are what request headers say about writes.
type writeOptions struct {
	autoAssign bool
	assignRule string
	allowDupes bool
	// late, if positive, is how long what is written stays unseen.
	late time.Duration
}

// write runs fn in a transaction: the one of the composite request around the
// call, or a new one that is undone when fn fails.
func (c *call) write(fn func(*tx) error) error {
	if c.tx != nil {
		mark := len(c.tx.undo)
		err := fn(c.tx)
		if err != nil {
			c.tx.rollback(mark)
		}
		return err
	}
	return c.org.transact(c.session.user, c.writeOptions(), fn)
}

// transact runs fn in a new transaction.
func (o *Org) transact(user *person, opts writeOptions, fn func(*tx) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.begin(user, opts)
	err := fn(t)
	if err != nil {
		t.rollback(0)
	}
	return err
}

// begin starts a transaction; the write lock must be held.
func (o *Org) begin(user *person, opts writeOptions) *tx {
	return &tx{o: o, user: user, opts: opts, stamp: o.nextStamp()}
}

// rollback takes back everything since the mark.
func (t *tx) rollback(mark int) {
	for i := len(t.undo) - 1; i >= mark; i-- {
		t.undo[i]()
	}
	t.undo = t.undo[:mark]
}

// now is the transaction's moment.
func (t *tx) now() time.Time { return time.UnixMilli(t.stamp).UTC() }

// put stores a new record.
func (t *tx) put(obj *schema.Object, r *store.Record, values []string) {
	table := t.o.table(obj.Name)
	table.Insert(r, values)
	t.undo = append(t.undo, func() { table.Remove(r) })
}

// change replaces a record's values (nil keeps them) and edits its state.
func (t *tx) change(obj *schema.Object, r *store.Record, values []string, edit func(*store.Record)) {
	table, before := t.o.table(obj.Name), r.Snapshot()
	table.Update(r, values, edit)
	t.undo = append(t.undo, func() { table.Restore(r, before) })
}

// read runs fn under the read lock, or inside the composite's transaction.
func (c *call) read(fn func() error) error {
	if c.tx != nil {
		return fn()
	}
	c.org.mu.RLock()
	defer c.org.mu.RUnlock()
	return fn()
}

// setupObjects may not be written in one transaction with business records.
var setupObjects = map[string]bool{
	"User": true, "UserRole": true, "Group": true, "GroupMember": true, "QueueSobject": true,
	"PermissionSet": true, "PermissionSetAssignment": true, "SetupEntityAccess": true, "Profile": true,
}

// mayWrite refuses an object that the user may only read, and the second kind
// of object in one transaction.
func (t *tx) mayWrite(obj *schema.Object) error {
	if t.user.readOnlyObject(obj) {
		return invalidRow("INSUFFICIENT_ACCESS_OR_READONLY", nil, "insufficient access rights on object id")
	}
	if setupObjects[obj.Name] {
		t.setup = true
	} else {
		t.business = true
	}
	if t.setup && t.business {
		return invalidRow("MIXED_DML_OPERATION", nil, "DML operation on setup object is not permitted after you have updated a non-setup object (or vice versa): %s", obj.Name)
	}
	return nil
}
