package store

import (
	"slices"
	"strings"
)

// column finds records by the value of one column, in any case. A record that
// has changed since stays listed under its old value until the list is read.
type column struct{ lists map[string][]*Record }

func (c *column) add(value string, r *Record) {
	if value == "" {
		return
	}
	key := strings.ToLower(value)
	c.lists[key] = append(c.lists[key], r)
}

// HasIndex says whether Find on the column needs no building.
func (t *Table) HasIndex(col int) bool { return t.columns[col] != nil }

// Index builds the column's index.
func (t *Table) Index(col int) {
	if t.HasIndex(col) {
		return
	}
	c := &column{lists: map[string][]*Record{}}
	for _, r := range t.records {
		c.add(r.Get(col), r)
	}
	t.columns[col] = c
}

// Find lists the records whose column holds the value, in any letter case and
// in the order of their ids. The column must be indexed.
func (t *Table) Find(col int, value string) []*Record {
	list := t.columns[col].lists[strings.ToLower(value)]
	found := make([]*Record, 0, len(list))
	for _, r := range list {
		if r.State != Gone && strings.EqualFold(r.Get(col), value) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *Record) int { return strings.Compare(a.ID, b.ID) })
	return slices.Compact(found)
}

// Where walks the records whose column holds exactly the value, by the index
// where there is one and by a scan where there is none.
func (t *Table) Where(col int, value string, yield func(*Record) bool) {
	if t.HasIndex(col) {
		for _, r := range t.Find(col, value) {
			if r.Get(col) == value && !yield(r) {
				return
			}
		}
		return
	}
	t.After("", func(r *Record) bool { return r.Get(col) != value || yield(r) })
}
