package vault_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/vaulttest"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// org is the generator's true state, edited day by day.
type truth struct {
	*vaulttest.Generator
	revision []int
	edited   []time.Time
	deleted  []bool
	purged   []bool
	state    vaulttest.State
}

func newTruth(records, columns int) *truth {
	return &truth{
		Generator: vaulttest.NewGenerator(vaulttest.Wide, records, columns),
		revision:  make([]int, records), edited: slices.Repeat([]time.Time{firstDay}, records), deleted: make([]bool, records), purged: make([]bool, records),
	}
}

var firstDay = time.Date(2025, 1, 1, 2, 0, 0, 0, time.UTC)

// csv is every record alive, as of now.
func (o *truth) csv() []byte {
	var out []byte
	for i := range o.Records {
		if !o.deleted[i] && !o.purged[i] {
			out = vaulttest.AppendCSV(out, o.Row(&o.state, i, o.revision[i], o.edited[i]).Values)
		}
	}
	return out
}

func (o *truth) row(i int) vault.Row {
	if o.deleted[i] {
		return vault.Row{ID: []byte(o.ID(i)), Tombstone: engine.SoftDelete}
	}
	return o.Row(&o.state, i, o.revision[i], o.edited[i])
}

// day edits, deletes and brings back records; it returns those to back up,
// some of them unchanged, as an overlapping read gives them.
func (o *truth) day(n int) []int {
	list := o.Edited(n)
	for k, i := range list {
		switch {
		case k%11 == 3 && o.deleted[i]:
			o.deleted[i] = false
		case k%11 == 3:
			o.deleted[i] = true
		case !o.deleted[i] && k%5 != 0:
			o.revision[i]++
			o.edited[i] = firstDay.AddDate(0, 0, n).Add(time.Duration(i) * time.Second)
		}
	}
	return list
}

func (b *bundle) write(o *truth, records []int) {
	b.t.Helper()
	run := b.begin()
	w, err := run.Writer(b.ctx, o.Schema())
	check(b.t, err)
	for _, i := range records {
		check(b.t, w.Put(b.ctx, o.row(i)))
	}
	_, err = w.Finish(b.ctx, nil)
	check(b.t, err)
	_, err = run.Commit(b.ctx)
	check(b.t, err)
}

func (b *bundle) csv(o *truth, p vault.Point) []byte {
	b.t.Helper()
	p.OrgID = b.org
	var names []string
	for _, f := range o.Schema().Fields {
		names = append(names, f.Name)
	}
	var out []byte
	for v, err := range b.AsOf(b.ctx, p, o.Schema().Object, vault.Reading{Fields: names}) {
		check(b.t, err)
		out = vaulttest.AppendCSV(out, v.Values)
	}
	return out
}

func (b *bundle) same(o *truth, what string, p vault.Point, want []byte) {
	b.t.Helper()
	got := b.csv(o, p)
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	b.t.Fatalf("%s: differs at byte %d of %d (want %d):\n got …%s\nwant …%s", what, at, len(got), len(want), clip(got, at), clip(want, at))
}

func clip(b []byte, at int) []byte { return b[max(0, at-60):min(len(b), at+60)] }

func (b *bundle) clean() {
	b.t.Helper()
	report, err := b.Verify(b.ctx, b.org)
	check(b.t, err)
	for _, p := range report.Problems {
		b.t.Errorf("verify: %s", p)
	}
}

// TestYear compares what the vault gives back with the truth, byte for byte:
// daily, for points in the past, and after everything that rewrites segments.
// HOLDFAST_SOAK=300000 runs the full year on that many records.
func TestYear(t *testing.T) {
	t.Parallel()
	records, columns, days := 700, 40, 75
	if soak, err := strconv.Atoi(os.Getenv("HOLDFAST_SOAK")); err == nil {
		records, columns, days = soak, 120, 365
	}
	b := setup(t, databasetest.SQLite(t))
	o := newTruth(records, columns)
	all := make([]int, records)
	for i := range all {
		all[i] = (i*7919 + 13) % records // not in the order of ids
	}
	slices.Sort(all)
	b.write(o, slices.Compact(all))
	points := map[string][]byte{"job_1": o.csv()}
	for day := 1; day <= days; day++ {
		b.write(o, o.day(day))
		if day%(days/5) == 0 {
			points[b.jobID(b.job)] = o.csv()
		}
		if _, err := b.Compact(b.ctx, b.org, false); err != nil {
			t.Fatal(err)
		}
		if records < 10_000 {
			b.same(o, fmt.Sprintf("day %d", day), vault.Point{}, o.csv())
		}
	}
	past := func(when string) {
		for job, want := range points {
			b.same(o, when+", as of "+job, vault.Point{JobID: job}, want)
		}
		b.same(o, when+", now", vault.Point{}, o.csv())
		b.clean()
	}
	past("tiered")
	check(t, b.RotateKey(b.ctx, b.org))
	check(t, b.Reseal(b.ctx, b.org))
	past("resealed")
	_, err := b.Compact(b.ctx, b.org, true)
	check(t, err)
	past("compacted")
	b.purgeSome(o, points)
	past("purged")
}

// purgeSome purges every 50th record, and takes them out of the truth.
func (b *bundle) purgeSome(o *truth, points map[string][]byte) {
	b.t.Helper()
	spec := vault.PurgeSpec{OrgID: b.org, JobID: "purge", Object: o.Schema().Object}
	for i := 0; i < o.Records; i += 50 {
		o.purged[i] = true
		spec.Records = append(spec.Records, o.ID(i))
	}
	for job, csv := range points {
		points[job] = withoutRows(csv, spec.Records)
	}
	report, err := b.Purge(b.ctx, spec)
	check(b.t, err)
	if report.Records != int64(len(spec.Records)) || report.Versions < report.Records {
		b.t.Errorf("purge report %+v for %d records", report, len(spec.Records))
	}
}

// withoutRows removes the rows of ids, which are their first columns; a row's
// text may hold newlines.
func withoutRows(csv []byte, ids []string) []byte {
	gone := map[string]bool{}
	for _, id := range ids {
		gone[`"`+id+`"`] = true
	}
	kept := make([]byte, 0, len(csv))
	for len(csv) > 0 {
		end, quoted := 0, false
		for ; csv[end] != '\n' || quoted; end++ {
			if csv[end] == '"' {
				quoted = !quoted
			}
		}
		row := csv[:end+1]
		csv = csv[end+1:]
		if first, _, _ := bytes.Cut(row, []byte(",")); !gone[string(first)] {
			kept = append(kept, row...)
		}
	}
	return kept
}
