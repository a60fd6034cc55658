// Package store keeps the records of a simulated org: one Table per SObject,
// each record a packed string of its non-empty values, so that two million
// records stay well under four gigabytes. Tables answer by id, by id range, by
// (SystemModstamp, Id) and by the value of a column without scanning; the
// indexes on columns are made when first asked for.
//
// Values are text in the org's canonical spelling; "" is null. A Table does no
// locking: the org holds one lock around all of them.
package store

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// State says where a record is in its life.
type State uint8

// The states. A binned record is in the Recycle Bin; a purged one is only a
// tail that queryAll still sees, and a gone one is not there at all.
const (
	Live State = iota
	Binned
	Purged
	Gone
)

// Record is one row. Its fields change under the org's lock only.
type Record struct {
	ID    string
	Stamp int64 // SystemModstamp, Unix milliseconds
	// DeletedAt is when it went to the bin, Unix milliseconds; 0 when live.
	DeletedAt int64
	State     State
	// Under is the id of the parent whose delete took this record along.
	Under string
	// Archived hides an old activity from plain queries.
	Archived bool
	data     string
}

// Get is the value of a column, "" when null.
func (r *Record) Get(col int) string {
	for rest := r.data; rest != ""; {
		c, value, tail := next(rest)
		if c == col {
			return value
		}
		if c > col {
			return ""
		}
		rest = tail
	}
	return ""
}

// Values spreads the record over a slice indexed by column, clearing the rest.
func (r *Record) Values(into []string) {
	clear(into)
	for rest := r.data; rest != ""; {
		c, value, tail := next(rest)
		if c < len(into) {
			into[c] = value
		}
		rest = tail
	}
}

// Size is about how many bytes the record takes.
func (r *Record) Size() int { return len(r.data) + 96 }

func next(s string) (col int, value, rest string) {
	c, n := uvarint(s)
	l, m := uvarint(s[n:])
	from := n + m
	return int(c), s[from : from+int(l)], s[from+int(l):]
}

func uvarint(s string) (uint64, int) {
	if s[0] < 0x80 {
		return uint64(s[0]), 1
	}
	return binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
}

// Pack encodes values indexed by column.
func Pack(values []string) string {
	size := 0
	for _, v := range values {
		if v != "" {
			size += len(v) + 4
		}
	}
	buf := make([]byte, 0, size)
	for c, v := range values {
		if v != "" {
			buf = binary.AppendUvarint(buf, uint64(c))
			buf = binary.AppendUvarint(buf, uint64(len(v)))
			buf = append(buf, v...)
		}
	}
	return string(buf)
}

// Table is the records of one SObject, in the order of their ids.
type Table struct {
	records []*Record
	stamps  []stamped
	sorted  int // stamps[:sorted] are in order
	stale   int // about how many of stamps no longer hold
	columns map[int]*column
	live    int
}

type stamped struct {
	at  int64
	rec *Record
}

// New is an empty table.
func New() *Table { return &Table{columns: map[int]*column{}} }

// Len is how many records there are, the deleted ones included.
func (t *Table) Len() int { return len(t.records) }

// LiveLen is how many records are live.
func (t *Table) LiveLen() int { return t.live }

// Get finds a record by its 18-character id; nil when there is none.
func (t *Table) Get(id string) *Record {
	i, ok := t.find(id)
	if !ok {
		return nil
	}
	return t.records[i]
}

func (t *Table) find(id string) (int, bool) {
	if n := len(t.records); n == 0 || t.records[n-1].ID < id {
		return n, false
	}
	return slices.BinarySearchFunc(t.records, id, func(r *Record, id string) int { return strings.Compare(r.ID, id) })
}

// Insert adds a record whose id is new.
func (t *Table) Insert(r *Record, values []string) {
	r.data = Pack(values)
	i, _ := t.find(r.ID)
	t.records = slices.Insert(t.records, i, r)
	t.stamp(r)
	if r.State == Live {
		t.live++
	}
	for col, c := range t.columns {
		c.add(r.Get(col), r)
	}
}

// Image is what Restore needs to undo a change.
type Image struct {
	rec Record
}

// Snapshot is the record as it is now.
func (r *Record) Snapshot() Image { return Image{*r} }

// Update replaces a record's values, state and stamp by the edit's.
func (t *Table) Update(r *Record, values []string, edit func(*Record)) {
	before := *r
	if values != nil {
		r.data = Pack(values)
	}
	if edit != nil {
		edit(r)
	}
	t.changed(r, &before)
}

// Restore puts a record back as it was.
func (t *Table) Restore(r *Record, image Image) {
	before := *r
	*r = image.rec
	t.changed(r, &before)
}

func (t *Table) changed(r, before *Record) {
	if before.State == Live && r.State != Live {
		t.live--
	} else if before.State != Live && r.State == Live {
		t.live++
	}
	if r.Stamp != before.Stamp {
		t.stale++
		t.stamp(r)
	}
	for col, c := range t.columns {
		if v := r.Get(col); v != before.Get(col) {
			c.add(v, r)
		}
	}
}

// Remove takes a record out altogether.
func (t *Table) Remove(r *Record) {
	if i, ok := t.find(r.ID); ok {
		if r.State == Live {
			t.live--
		}
		r.State = Gone
		t.records = slices.Delete(t.records, i, i+1)
		t.stale++
	}
}

// RemoveAll takes out every record for which dead says so.
func (t *Table) RemoveAll(dead func(*Record) bool) {
	t.records = slices.DeleteFunc(t.records, func(r *Record) bool {
		if !dead(r) {
			return false
		}
		if r.State == Live {
			t.live--
		}
		r.State = Gone
		t.stale++
		return true
	})
}

// After walks the records with id > after (all when ""), in order of id, until
// yield says false.
func (t *Table) After(after string, yield func(*Record) bool) {
	i, exact := t.find(after)
	if exact {
		i++
	}
	for ; i < len(t.records); i++ {
		if !yield(t.records[i]) {
			return
		}
	}
}

func (t *Table) stamp(r *Record) {
	e := stamped{r.Stamp, r}
	if t.sorted == len(t.stamps) && (t.sorted == 0 || compareStamps(t.stamps[t.sorted-1], e) <= 0) {
		t.sorted++
	}
	t.stamps = append(t.stamps, e)
}

func compareStamps(a, b stamped) int {
	return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.rec.ID, b.rec.ID))
}

// NeedsSort says that Since must be preceded by Sort, which writes.
func (t *Table) NeedsSort() bool { return t.sorted < len(t.stamps) || 2*t.stale > len(t.stamps)+64 }

// Sort puts the stamp order right.
func (t *Table) Sort() {
	if 2*t.stale > len(t.stamps)+64 {
		t.stamps = slices.DeleteFunc(t.stamps, func(e stamped) bool { return e.rec.Stamp != e.at || e.rec.State == Gone })
		t.stale, t.sorted = 0, 0
	}
	if t.sorted < len(t.stamps) {
		slices.SortFunc(t.stamps, compareStamps)
		t.stamps = slices.Compact(t.stamps)
		t.sorted = len(t.stamps)
	}
}

// Since walks the records at or beyond (SystemModstamp from, Id after): at the
// stamp itself only those with a greater id. They come in that order, until
// yield says false.
func (t *Table) Since(from int64, after string, yield func(*Record) bool) {
	i, _ := slices.BinarySearchFunc(t.stamps, from, func(e stamped, _ int64) int {
		if c := cmp.Compare(e.at, from); c != 0 {
			return c
		}
		if e.rec.ID <= after {
			return -1
		}
		return 1
	})
	for ; i < len(t.stamps); i++ {
		if e := t.stamps[i]; e.rec.Stamp == e.at && e.rec.State != Gone && !yield(e.rec) {
			return
		}
	}
}
