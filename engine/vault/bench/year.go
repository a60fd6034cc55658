package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/vaulttest"
)

// year fills a vault as a year of nights would, and measures what is done with
// it: tiered, and then compacted.
func year(ctx context.Context, s *settings) error {
	y, err := fillYear(ctx, s)
	if err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if err := y.size("tiered", 210); err != nil {
		return err
	}
	for _, measure := range []func() error{y.lookup, y.asOfMerged, y.asOfOne, y.search, y.purge} {
		if err := measure(); err != nil {
			return err
		}
	}
	if _, err := y.Compact(y.ctx, y.org, true); err != nil {
		return err
	}
	if err := y.size("compacted", 160); err != nil {
		return err
	}
	return y.diff()
}

// yearStore is a year's vault and the truth about it.
type yearStore struct {
	*store
	s        *settings
	g        *vaulttest.Generator
	revision []int
	edited   []time.Time
	state    vaulttest.State
	versions int
	reads    int
	bytes    int
}

// newYear is an empty vault and the state of its records.
func newYear(ctx context.Context, s *settings) (*yearStore, error) {
	y := &yearStore{s: s, g: vaulttest.NewGenerator(vaulttest.Wide, s.rows, 120), revision: make([]int, s.rows), edited: slices.Repeat([]time.Time{dayOne}, s.rows)}
	dir, err := os.MkdirTemp(s.dir, "year-")
	if err != nil {
		return nil, err
	}
	y.store, err = newStore(ctx, dir, vault.Config{Grace: time.Nanosecond, OnRead: func(n int) { y.reads++; y.bytes += n }})
	return y, err
}

// night edits what the day edits, and backs it up; night 0 is the first, full.
func (y *yearStore) night(day int) error {
	records := y.g.Edited(day)
	if day == 0 {
		records = make([]int, y.s.rows)
		for i := range records {
			records[i] = i
		}
	} else {
		for _, i := range records {
			y.revision[i]++
			y.edited[i] = dayOne.AddDate(0, 0, day).Add(time.Duration(i) * time.Millisecond * 7)
		}
	}
	if err := y.put(records); err != nil {
		return err
	}
	_, err := y.Compact(y.ctx, y.org, false)
	return err
}

// csv is the first n records as they are now.
func (y *yearStore) csv(n int) (csv []byte) {
	for i := range n {
		csv = vaulttest.AppendCSV(csv, y.g.Row(&y.state, i, y.revision[i], y.edited[i]).Values)
	}
	return csv
}

func fillYear(ctx context.Context, s *settings) (*yearStore, error) {
	y, err := newYear(ctx, s)
	if err != nil {
		return nil, err
	}
	from := cpu()
	for day := range s.days + 1 {
		if err := y.night(day); err != nil {
			return nil, err
		}
	}
	if _, err := y.Collect(y.ctx, y.org); err != nil {
		return nil, err
	}
	fmt.Printf("# year: %d records, %d versions, filled in %.0f s of processor time\n", s.rows, y.versions, (cpu() - from).Seconds())
	return y, nil
}

func (y *yearStore) put(records []int) error {
	counts, err := y.run(y.g.Schema(), func(w *vault.Writer) error {
		for _, i := range records {
			if err := w.Put(y.ctx, y.g.Row(&y.state, i, y.revision[i], y.edited[i])); err != nil {
				return err
			}
		}
		return nil
	})
	y.versions += int(counts.Versions)
	return err
}

func (y *yearStore) size(state string, most float64) error {
	report, err := y.Stats(y.ctx, y.org)
	if err != nil {
		return err
	}
	each := float64(report.Bytes) / float64(report.Versions)
	figure{"year." + state, each, "B/version", each / most, fmt.Sprintf("<=%.0f", most), each <= most}.print()
	fmt.Printf("# %s: %d segments, %.1f MB\n", state, report.Segments, float64(report.Bytes)/1e6)
	return nil
}

// lookup reads records of four versions and compares them field by field.
func (y *yearStore) lookup() error {
	var ids []string
	for i, n := range y.revision {
		if n == 3 && len(ids) < 2000 {
			ids = append(ids, y.g.ID(i))
		}
	}
	object := y.g.Schema().Object
	var times []time.Duration
	for range 2 { // the first round warms; the time is the processor's, as neighbours disturb the clock
		times, y.reads, y.bytes = times[:0], 0, 0
		for _, id := range ids {
			from := cpu()
			versions, err := y.History(y.ctx, y.org, object, id)
			if err != nil || len(versions) != 4 {
				return fmt.Errorf("%s has %d versions: %w", id, len(versions), err)
			}
			if changed(versions) == 0 {
				return fmt.Errorf("%s: nothing differs", id)
			}
			times = append(times, cpu()-from)
		}
	}
	slices.Sort(times)
	p50, p99 := ms(times[len(times)/2]), ms(times[len(times)*99/100])
	figure{"lookup.p50", p50, "ms", p50 / 0.7, "<=0.7", p50 <= 0.7}.print()
	figure{"lookup.p99", p99, "ms", p99 / 2, "<=2", p99 <= 2}.print()
	kb := float64(y.bytes) / float64(len(ids)) / 1000
	figure{"lookup.read", kb, "KB", kb / 100, "<=100", kb <= 100}.print()
	fmt.Printf("# %.2f range reads a lookup\n", float64(y.reads)/float64(len(ids)))
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// changed counts the fields that differ between neighbours.
func changed(versions []vault.Version) (n int) {
	for i := 1; i < len(versions); i++ {
		for f := range versions[i].Values {
			if string(versions[i].Values[f]) != string(versions[i-1].Values[f]) {
				n++
			}
		}
	}
	return n
}

// asOfMerged exports the present of the tiered store.
func (y *yearStore) asOfMerged() error {
	e := export{name: "asof.merged", least: 0.30, store: y.store, g: y.g, csv: y.csv(min(y.s.rows, 60_000))}
	return e.measure(y.s.rounds)
}

// asOfOne exports a single segment.
func (y *yearStore) asOfOne() error {
	g := vaulttest.NewGenerator(vaulttest.Wide, ingestRows, 120)
	csv := csvOf(g, 0, ingestRows)
	dir, err := os.MkdirTemp(y.s.dir, "one-")
	if err != nil {
		return err
	}
	st, err := newStore(context.WithoutCancel(y.ctx), dir, vault.Config{})
	if err != nil {
		return err
	}
	if _, err := st.run(g.Schema(), func(w *vault.Writer) error { return putCSV(st.ctx, w, bytes.Clone(csv)) }); err != nil {
		return err
	}
	e := export{name: "asof.one", least: 0.45, store: st, g: g, csv: csv}
	return e.measure(y.s.rounds)
}

// export is an as-of export that begins with csv, to be compared with loading
// the same text from sealed zstd.
type export struct {
	name  string
	least float64
	store *store
	g     *vaulttest.Generator
	csv   []byte
	out   []byte
}

func (e *export) run() error {
	e.out = e.out[:0]
	st := e.store
	for v, err := range st.AsOf(st.ctx, vault.Point{OrgID: st.org}, e.g.Schema().Object, vault.Reading{Fields: names(e.g)}) {
		if err != nil {
			return err
		}
		if e.out = appendCSV(e.out, v.Values); len(e.out) >= len(e.csv) {
			break
		}
	}
	return nil
}

func (e *export) measure(n int) error {
	f, err := newFloor()
	if err != nil {
		return err
	}
	frames, err := f.store(e.csv)
	if err != nil {
		return err
	}
	if err := e.run(); err != nil {
		return err
	}
	if !bytes.Equal(e.out, e.csv) {
		return fmt.Errorf("%s: the export is not the truth", e.name)
	}
	times, err := rounds(n, cpu, func() error { e.out, err = f.load(frames, e.out); return err }, e.run)
	if err != nil {
		return err
	}
	r := ratios(times[0], times[1])
	figure{e.name, float64(len(e.csv)) / 1e6 / median(times[1]).Seconds(), "MB/s", r, fmt.Sprintf(">=%.2f", e.least), r >= e.least}.print()
	return nil
}

func names(g *vaulttest.Generator) (names []string) {
	for _, f := range g.Schema().Fields {
		names = append(names, f.Name)
	}
	return names
}

// search looks for a text in a hot field and in a cold one, over every version.
func (y *yearStore) search() error {
	object := y.g.Schema().Object
	for _, field := range []struct {
		name, figure string
		least        float64
	}{{"Email", "search.hot", 4e6}, {"Custom_16__c", "search.cold", 1e6}} {
		scan := func() error {
			filter := &vault.Filter{Fields: []string{field.name}, Match: func(v [][]byte) bool { return string(v[0]) == "nobody@nowhere.example" }}
			for _, err := range y.Scan(y.ctx, vault.Point{OrgID: y.org}, object, vault.Reading{Filter: filter, Fields: []string{"Name"}}) {
				return fmt.Errorf("found what is not there: %w", err)
			}
			return nil
		}
		times, err := rounds(y.s.rounds, cpu, scan)
		if err != nil {
			return err
		}
		rate := perSecond(y.versions, median(times[0]))
		figure{field.figure, rate / 1e6, "M rows/s", rate / field.least, fmt.Sprintf(">=%.0f", field.least/1e6), rate >= field.least}.print()
	}
	return nil
}

// diff compares the middle of the year with its end, ids and changes only.
func (y *yearStore) diff() error {
	a, b := vault.Point{OrgID: y.org, JobID: fmt.Sprintf("job_%d", y.jobs/2)}, vault.Point{OrgID: y.org}
	times, err := rounds(y.s.rounds, cpu, func() error {
		n := 0
		for _, err := range y.Diff(y.ctx, a, b, y.g.Schema().Object, vault.Reading{IDsOnly: true}) {
			if n++; err != nil {
				return err
			}
		}
		if n == 0 {
			return fmt.Errorf("nothing differs")
		}
		return nil
	})
	if err != nil {
		return err
	}
	rate := perSecond(y.versions, median(times[0]))
	figure{"diff", rate / 1e6, "M versions/s", rate / 4e6, ">=4", rate >= 4e6}.print()
	return nil
}

// purge forgets a hundred records at a time; the peer rewrites every segment.
func (y *yearStore) purge() error {
	next := 0
	rewrite := func() error { return y.RewriteAll(y.ctx, y.org) }
	purge := func() error {
		spec := vault.PurgeSpec{OrgID: y.org, JobID: "purge", Object: y.g.Schema().Object}
		for range 100 {
			next += 37
			spec.Records = append(spec.Records, y.g.ID(next*7%y.s.rows))
		}
		_, err := y.Purge(y.ctx, spec)
		return err
	}
	times, err := rounds(min(y.s.rounds, 3), cpu, rewrite, purge)
	if err != nil {
		return err
	}
	r := 1 / ratios(times[0], times[1])
	figure{"purge.100", median(times[1]).Seconds(), "s", r, "<=0.4", r <= 0.4}.print()
	return nil
}
