package simorg

import (
	"slices"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

const (
	binLife  = 15 * 24 * time.Hour
	tailLife = 24 * time.Hour
)

// undelete brings a record back from the bin, with what its delete took along.
func (t *tx) undelete(id string) error {
	full, valid := readID(id)
	if !valid {
		return invalidRow("MALFORMED_ID", nil, "bad id %s", id)
	}
	obj := t.o.ofID(full)
	if obj == nil {
		return invalidRow("INVALID_CROSS_REFERENCE_KEY", nil, "invalid cross reference id")
	}
	r := t.o.table(obj.Name).Get(full)
	if r == nil || r.State != store.Binned || r.Under != "" || !obj.Can("undeletable") {
		return invalidRow("UNDELETE_FAILED", nil, "entity is not in the recycle bin")
	}
	if err := t.masterAlive(row{obj, r}); err != nil {
		return err
	}
	mark := len(t.undo)
	rows := append([]row{{obj, r}}, t.o.bins.under[full]...)
	for _, back := range slices.Clone(rows) {
		if other := t.o.twin(back); other != nil {
			if r := t.o.table(other.Name).Get(back.rec.ID); r != nil {
				rows = append(rows, row{other, r})
			}
		}
	}
	for _, back := range rows {
		if back.rec.State == store.Binned {
			t.change(back.obj, back.rec, nil, func(r *store.Record) { r.State, r.DeletedAt, r.Under, r.Stamp = store.Live, 0, "", t.stamp })
		}
	}
	t.forget(full)
	if err := t.revived(rows); err != nil {
		t.rollback(mark)
		return err
	}
	return nil
}

// forget drops what the org remembers of one delete.
func (t *tx) forget(id string) {
	b := &t.o.bins
	under, cuts, rows := b.under[id], b.cuts[id], b.rows
	delete(b.under, id)
	b.rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.rec.State == store.Live })
	t.undo = append(t.undo, func() { b.under[id], b.rows = under, rows })
	delete(b.cuts, id)
	for _, link := range cuts {
		t.relink(link)
	}
	t.undo = append(t.undo, func() { b.cuts[id] = cuts })
}

// relink fills a lookup again that nobody has filled meanwhile.
func (t *tx) relink(link nulledLink) {
	if link.relinks() && link.row.rec.State == store.Live && link.row.rec.Get(link.field.Col) == "" {
		v := t.values(link.row)
		v[link.field.Col] = link.to
		t.change(link.row.obj, link.row.rec, v, nil)
	}
}

// revived runs what follows an undelete: roll-ups, and the top record's triggers.
func (t *tx) revived(rows []row) error {
	for _, r := range rows {
		if err := t.rollUpParents(r); err != nil {
			return err
		}
	}
	return t.o.auto.fire(t, rows[0], AfterUndelete)
}

// masterAlive refuses to bring a detail back whose master is deleted.
func (t *tx) masterAlive(r row) error {
	for _, f := range r.obj.Fields {
		id := r.rec.Get(f.Col)
		if f.Type != "reference" || f.Nillable || f.From != schema.Stored || id == "" {
			continue
		}
		if parent := t.o.ofID(id); parent != nil {
			if p := t.o.table(parent.Name).Get(id); p != nil && p.State != store.Live {
				return invalidRow("UNDELETE_FAILED", nil, "the parent record %s is in the recycle bin: undelete it first", id)
			}
		}
	}
	return nil
}

// emptyBin purges a record from the bin before its time.
func (t *tx) emptyBin(id string) error {
	full, _ := readID(id)
	obj := t.o.ofID(full)
	if obj == nil {
		return invalidRow("INVALID_CROSS_REFERENCE_KEY", nil, "invalid cross reference id")
	}
	r := t.o.table(obj.Name).Get(full)
	if r == nil || r.State != store.Binned {
		return invalidRow("INVALID_ID_FIELD", nil, "record is not in the recycle bin: %s", id)
	}
	for _, gone := range append([]row{{obj, r}}, t.o.bins.under[full]...) {
		t.change(gone.obj, gone.rec, nil, func(r *store.Record) { r.State, r.DeletedAt = store.Purged, t.stamp })
	}
	return nil
}

// purge takes a record that was just deleted, and what went with it, out of the
// bin for good (hardDelete); getDeleted still tells of it.
func (t *tx) purge(id string) error {
	obj := t.o.ofID(id)
	r := t.o.table(obj.Name).Get(id)
	if r == nil {
		return nil
	}
	for _, gone := range append([]row{{obj, r}}, t.o.bins.under[id]...) {
		before, values := gone.rec.Snapshot(), t.values(gone)
		t.o.table(gone.obj.Name).Remove(gone.rec)
		t.undo = append(t.undo, func() { t.o.putBack(gone, before, values) })
	}
	return nil
}

// housekeep does what the platform's clock does: purges the bin after 15 days,
// ends the tail of purged rows a day later, and archives old activities.
func (o *Org) housekeep() {
	now := o.cfg.Now()
	o.idMu.Lock()
	due := now.Sub(o.swept) >= time.Hour || now.Before(o.swept)
	if due {
		o.swept = now
	}
	o.idMu.Unlock()
	if due {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.sweep(now)
		return
	}
	o.mu.RLock()
	waiting := len(o.auto.late) > 0
	o.mu.RUnlock()
	if waiting {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.commitDue(now)
	}
}

func (o *Org) sweep(now time.Time) {
	o.commitDue(now)
	b := &o.bins
	purged, ended := now.Add(-binLife).UnixMilli(), now.Add(-tailLife).UnixMilli()
	dead := map[string]*schema.Object{}
	b.rows = slices.DeleteFunc(b.rows, func(r row) bool {
		switch {
		case r.rec.State == store.Binned && r.rec.DeletedAt <= purged:
			r.rec.State, r.rec.DeletedAt = store.Purged, r.rec.DeletedAt+binLife.Milliseconds()
		case r.rec.State == store.Live || r.rec.State == store.Gone:
			return true
		}
		if r.rec.State != store.Purged || r.rec.DeletedAt > ended {
			return false
		}
		dead[r.obj.Name] = r.obj
		delete(b.under, r.rec.ID)
		delete(b.cuts, r.rec.ID)
		return true
	})
	for name := range dead {
		o.table(name).RemoveAll(func(r *store.Record) bool { return r.State == store.Purged && r.DeletedAt <= ended })
	}
	if i, _ := slices.BinarySearchFunc(b.log, purged, func(d deletion, at int64) int { return int(d.at - at) }); i > 0 {
		b.log = slices.Clone(b.log[i:])
	}
	o.archive(now)
	o.jobs.prune(now)
}

// archive hides closed activities older than the org's limit from plain queries.
func (o *Org) archive(now time.Time) {
	limit := now.AddDate(0, 0, -o.cfg.ArchiveDays)
	for _, name := range []string{"Task", "Event"} {
		obj, table := o.schema().Get(name), o.tables[name]
		if obj == nil || table == nil {
			continue
		}
		var due []*store.Record
		table.After("", func(r *store.Record) bool {
			if r.State == store.Live && !r.Archived && archivable(obj, r, limit) {
				due = append(due, r)
			}
			return true
		})
		for _, r := range due {
			v := make([]string, obj.Cols())
			r.Values(v)
			v[obj.Field("IsArchived").Col] = "true"
			table.Update(r, v, func(r *store.Record) { r.Archived = true })
		}
	}
}

func archivable(obj *schema.Object, r *store.Record, limit time.Time) bool {
	day := limit.Format("2006-01-02")
	date := r.Get(obj.Field("ActivityDate").Col)
	if obj.Name == "Event" {
		if date == "" {
			date, _, _ = strings.Cut(r.Get(obj.Field("ActivityDateTime").Col), "T")
		}
		return date != "" && date <= day
	}
	if r.Get(obj.Field("IsClosed").Col) != "true" {
		return false
	}
	if date == "" {
		date, _, _ = strings.Cut(r.Get(obj.Field("CreatedDate").Col), "T")
	}
	return date <= day
}
