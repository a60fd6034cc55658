package vault

import (
	"context"
	"iter"

	"github.com/holdfast-backup/holdfast/engine"
)

// Touched streams the versions that a job's runs wrote of an object, by record
// and sequence. An empty change means every change.
//
//nolint:revive // whose, of what, which and how: a struct would name them again
func (v *Vault) Touched(ctx context.Context, of Point, object string, change engine.Change, o Reading) iter.Seq2[*Version, error] {
	return v.stream(ctx, of.OrgID, "read "+object, func(yield func(*Version) bool) error {
		vw, last, sections, err := v.resolve(ctx, of, object)
		if err != nil {
			return err
		}
		first := uint64(0)
		if r := vw.run(last); r != nil && of.JobID != "" {
			first = r.FirstSeq
		}
		return v.every(ctx, vw, everyOptions{object, sections, first, last, change, o}, yield)
	})
}

// Scan streams every version of an object up to a point, by record and
// sequence: what a search over the whole history reads.
func (v *Vault) Scan(ctx context.Context, upTo Point, object string, o Reading) iter.Seq2[*Version, error] {
	return v.stream(ctx, upTo.OrgID, "search "+object, func(yield func(*Version) bool) error {
		vw, last, sections, err := v.resolve(ctx, upTo, object)
		if err != nil {
			return err
		}
		return v.every(ctx, vw, everyOptions{object, sections, 0, last, "", o}, yield)
	})
}

type everyOptions struct {
	object      string
	sections    []section
	first, last uint64
	change      engine.Change
	Reading
}

// every yields the versions with a sequence in [first, last].
func (v *Vault) every(ctx context.Context, vw *view, o everyOptions, yield func(*Version) bool) error {
	out, err := v.newEmitter(ctx, vw, o.sections, o.Reading)
	if err != nil {
		return err
	}
	out.version.Object = o.object
	m := v.mergeOf(o.sections, o.first, o.last)
	m.after = o.After
	var order []pick
	for {
		more, err := m.next(ctx)
		if err != nil || !more {
			return err
		}
		order = m.order(order[:0])
		full := pick{}
		for _, p := range order {
			if !p.op().Bare() {
				full = p
			}
			if p.seq < o.first || p.seq > o.last || (o.change != "" && p.op().Change() != o.change) {
				continue
			}
			if goOn, err := out.emit(p, full, yield); err != nil || !goOn {
				return err
			}
		}
	}
}

// order lists the current record's versions by sequence.
func (m *merge) order(dst []pick) []pick {
	for i := range m.spans {
		s := &m.spans[i]
		for row := s.from; row < s.to; row++ {
			p := pick{s, row, s.cursor.Seq(row)}
			at := len(dst)
			for dst = append(dst, p); at > 0 && dst[at-1].seq > p.seq; at-- {
				dst[at] = dst[at-1]
			}
			dst[at] = p
		}
	}
	return dst
}

// DiffEntry is a record that differs between two points. Before is the zero
// Version for one that was added, After that of its deletion for one deleted;
// both are valid until the next step.
type DiffEntry struct {
	RecordID      []byte
	Change        engine.Change
	Before, After *Version
}

// Diff streams the records of an object that differ between point a and the
// later point b, by id. With o.IDsOnly only ids and changes are read, from the
// hot streams; a record that changed there and back counts as changed then.
//
//nolint:revive // two points, of what and how: a struct would name them again
func (v *Vault) Diff(ctx context.Context, a, b Point, object string, o Reading) iter.Seq2[*DiffEntry, error] {
	return func(yield func(*DiffEntry, error) bool) {
		defer v.drain.begin(a.OrgID)()
		d := differ{v: v, object: object}
		err := d.open(ctx, a, b, o)
		more := err == nil
		for more {
			if more, err = d.next(ctx); more && !yield(&d.entry, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, v.readFault(ctx, "compare "+object, a.OrgID, err))
		}
	}
}

// differ compares two points record by record.
type differ struct {
	v             *Vault
	object        string
	m             *merge
	before, after uint64
	old, now      *emitter
	entry         DiffEntry
}

func (d *differ) open(ctx context.Context, a, b Point, o Reading) error {
	vw, before, sections, err := d.v.resolve(ctx, a, d.object)
	if err != nil {
		return err
	}
	after, err := vw.seq(b)
	if err == nil {
		err = d.v.Kept(ctx, b)
	}
	if err != nil {
		return err
	}
	if d.old, err = d.v.newEmitter(ctx, vw, sections, o); err != nil {
		return err
	}
	if d.now, err = d.v.newEmitter(ctx, vw, sections, o); err != nil {
		return err
	}
	d.now.slot = 2
	d.old.version.Object, d.now.version.Object = d.object, d.object
	d.before, d.after = before, after
	d.m = d.v.mergeOf(sections, 0, max(before, after))
	d.m.after = o.After
	return nil
}

func (d *differ) next(ctx context.Context) (bool, error) {
	for {
		more, err := d.m.next(ctx)
		if err != nil || !more {
			return false, err
		}
		a, fullA := d.m.at(d.before)
		b, fullB := d.m.at(d.after)
		change := changeBetween(a, b)
		if change == "" {
			continue
		}
		d.entry = DiffEntry{RecordID: d.m.id, Change: change, Before: &Version{}, After: &Version{}}
		if d.now.idsOnly {
			return true, nil
		}
		if d.entry.Before, err = d.old.load(a, fullA); err != nil {
			return false, err
		}
		if d.entry.After, err = d.now.load(b, fullB); err != nil {
			return false, err
		}
		if change != engine.Changed || !sameVersions(d.entry.Before, d.entry.After) {
			return true, nil
		}
	}
}

func changeBetween(a, b pick) engine.Change {
	was, is := a.found() && a.op().Live(), b.found() && b.op().Live()
	switch {
	case is && !was:
		return engine.Added
	case was && !is:
		return engine.Deleted
	case was && is && a.seq != b.seq:
		return engine.Changed
	}
	return ""
}

func sameVersions(a, b *Version) bool {
	for i := range a.Values {
		if !a.Fields[i].Derived && string(a.Values[i]) != string(b.Values[i]) {
			return false
		}
	}
	return true
}

// load reads one version into the emitter's own.
func (e *emitter) load(best, full pick) (*Version, error) {
	if !best.found() {
		return &Version{Fields: e.names, Values: make([][]byte, len(e.names))}, nil
	}
	if err := read(full, e.slot, e.names, e.version.Values); err != nil {
		return nil, err
	}
	return &e.version, e.describe(best)
}
