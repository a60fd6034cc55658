package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

func collect(walk func(func(*store.Record) bool)) string {
	var ids []string
	walk(func(r *store.Record) bool {
		ids = append(ids, r.ID)
		return true
	})
	return strings.Join(ids, " ")
}

func TestValuesRoundTrip(t *testing.T) {
	t.Parallel()
	table := store.New()
	values := make([]string, 300)
	values[0], values[3], values[130], values[299] = "a", strings.Repeat("long ✓ ", 100), "with\x00nul", "z"
	r := &store.Record{ID: "1"}
	table.Insert(r, values)
	got := make([]string, 300)
	r.Values(got)
	if !slices.Equal(got, values) {
		t.Error("values do not come back")
	}
	for col, want := range values {
		if r.Get(col) != want {
			t.Errorf("column %d = %q", col, r.Get(col))
		}
	}
}

// A table must answer as a plain map would, through inserts, updates, state
// changes, undone changes and removals.
func TestTableAgreesWithAModel(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	table, model := store.New(), map[string]*store.Record{}
	table.Index(1)
	for step := range 5000 {
		id := fmt.Sprintf("%05d", random.IntN(400))
		r := model[id]
		owner := fmt.Sprint("U", random.IntN(5))
		stamp := int64(step / 7 * 1000)
		switch action := random.IntN(10); {
		case r == nil:
			r = &store.Record{ID: id, Stamp: stamp}
			table.Insert(r, []string{id, owner})
			model[id] = r
		case action == 0:
			table.Remove(r)
			delete(model, id)
		case action < 3:
			before := r.Snapshot()
			table.Update(r, []string{id, "undone"}, func(r *store.Record) { r.State, r.Stamp = store.Binned, stamp })
			table.Restore(r, before)
		default:
			table.Update(r, []string{id, owner}, func(r *store.Record) { r.Stamp = stamp })
		}
	}
	if table.NeedsSort() {
		table.Sort()
	}
	var all []*store.Record
	live := 0
	for _, r := range model {
		all = append(all, r)
		if r.State == store.Live {
			live++
		}
	}
	if live != table.LiveLen() || len(model) != table.Len() {
		t.Errorf("%d live of %d, want %d of %d", table.LiveLen(), table.Len(), live, len(model))
	}
	ids := func() string {
		var list []string
		for _, r := range all {
			list = append(list, r.ID)
		}
		return strings.Join(list, " ")
	}
	slices.SortFunc(all, func(a, b *store.Record) int { return strings.Compare(a.ID, b.ID) })
	if got := collect(func(y func(*store.Record) bool) { table.After("", y) }); got != ids() {
		t.Error("the order of ids is wrong")
	}
	slices.SortStableFunc(all, func(a, b *store.Record) int { return int(a.Stamp - b.Stamp) })
	if got := collect(func(y func(*store.Record) bool) { table.Since(0, "", y) }); got != ids() {
		t.Error("the order of stamps is wrong")
	}
	at := all[len(all)/2]
	all = all[len(all)/2+1:]
	if got := collect(func(y func(*store.Record) bool) { table.Since(at.Stamp, at.ID, y) }); got != ids() {
		t.Error("the keyset page is wrong")
	}
	for owner := range 5 {
		value := fmt.Sprint("U", owner)
		found := 0
		for _, r := range model {
			if r.Get(1) == value {
				found++
			}
		}
		if got := table.Find(1, strings.ToLower(value)); len(got) != found {
			t.Errorf("%s: found %d of %d", value, len(got), found)
		}
	}
	if len(table.Find(1, "undone")) != 0 {
		t.Error("an undone value is found")
	}
}
