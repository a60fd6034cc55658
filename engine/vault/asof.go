package vault

import (
	"context"
	"iter"
	"math"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

// Filter keeps the versions for which Match holds. Match gets the values of
// Fields in their order, empty for null; they are read first, and where they
// are all hot nothing else is touched for the versions left out.
type Filter struct {
	Fields []string
	Match  func(values [][]byte) bool
}

// Reading says what AsOf and Scan return.
type Reading struct {
	Fields         []string // in this order; nil for all
	Filter         *Filter
	IncludeDeleted bool
	After          []byte // only records with a greater id
	IDsOnly        bool   // no values at all
}

// AsOf streams the records of an object as they stood at a point, by id. The
// Version and what it points at are valid until the next step.
func (v *Vault) AsOf(ctx context.Context, at Point, object string, o Reading) iter.Seq2[*Version, error] {
	return v.stream(ctx, at.OrgID, "read "+object, func(yield func(*Version) bool) error {
		vw, seq, sections, err := v.resolve(ctx, at, object)
		if err != nil {
			return err
		}
		m := v.mergeOf(sections, 0, seq)
		m.after = o.After
		out, err := v.newEmitter(ctx, vw, sections, o)
		if err != nil {
			return err
		}
		out.version.Object = object
		for {
			more, err := m.next(ctx)
			if err != nil || !more {
				return err
			}
			best, full := m.at(seq)
			if !best.found() || (!o.IncludeDeleted && !best.op().Live()) {
				continue
			}
			if goOn, err := out.emit(best, full, yield); err != nil || !goOn {
				return err
			}
		}
	})
}

// LiveIDs streams the ids of the records alive at a point, ascending.
func (v *Vault) LiveIDs(ctx context.Context, at Point, object string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for version, err := range v.AsOf(ctx, at, object, Reading{IDsOnly: true}) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(version.RecordID, nil) {
				return
			}
		}
	}
}

// stream makes an iterator of a walk that ends with an error or nil.
func (v *Vault) stream(ctx context.Context, orgID, op string, walk func(yield func(*Version) bool) error) iter.Seq2[*Version, error] {
	return func(yield func(*Version, error) bool) {
		defer v.drain.begin(orgID)()
		stopped := false
		err := walk(func(version *Version) bool {
			stopped = !yield(version, nil)
			return !stopped
		})
		if err != nil && !stopped {
			yield(nil, v.readFault(ctx, op, orgID, err))
		}
	}
}

// resolve finds what a point and an object mean now.
func (v *Vault) resolve(ctx context.Context, at Point, object string) (*view, uint64, []section, error) {
	vw, err := v.view(ctx, at.OrgID)
	if err != nil {
		return nil, 0, nil, err
	}
	seq, err := vw.seq(at)
	if err != nil {
		return nil, 0, nil, err
	}
	sections, err := v.sections(ctx, vw, object)
	if err == nil {
		err = v.Kept(ctx, at)
	}
	return vw, seq, sections, err
}

// Kept fails for a point that nothing can be read as of: KindNotFound, code
// BACKUP_NOT_FOUND, when its job has stored nothing, or POINT_DROPPED. What
// drops a point marks it in the transaction that takes its versions away, so a
// reader that has its sections and asks after that knows that they are whole.
func (v *Vault) Kept(ctx context.Context, at Point) error {
	if at.present() {
		return nil
	}
	vw, err := v.view(ctx, at.OrgID)
	if err == nil {
		_, err = vw.seq(at)
	}
	return err
}

// emitter turns picks into Versions.
type emitter struct {
	vw      *view
	version Version
	names   []SchemaField
	filter  *Filter
	probe   []SchemaField // the filter's fields
	values  [][]byte
	slot    int // of its projections in a lane
	idsOnly bool
}

func (v *Vault) newEmitter(ctx context.Context, vw *view, sections []section, o Reading) (*emitter, error) {
	e := &emitter{vw: vw, filter: o.Filter, idsOnly: o.IDsOnly}
	switch {
	case o.IDsOnly:
	case o.Fields != nil:
		e.names = namedFields(o.Fields)
	default:
		all, err := v.opened(ctx, sections)
		if err != nil {
			return nil, err
		}
		e.names = unionFields(all)
	}
	if o.Filter != nil {
		e.probe = namedFields(o.Filter.Fields)
		e.values = make([][]byte, len(e.probe))
	}
	e.version.Fields, e.version.Values = e.names, make([][]byte, len(e.names))
	return e, nil
}

func namedFields(names []string) []SchemaField {
	fields := make([]SchemaField, len(names))
	for i, name := range names {
		fields[i].Name = name
	}
	return fields
}

func (v *Vault) opened(ctx context.Context, sections []section) ([]openSection, error) {
	all := make([]openSection, 0, len(sections))
	for _, s := range sections {
		r, err := v.reader(ctx, s.segment)
		if err != nil {
			return nil, err
		}
		sec, _ := r.Section(s.Object)
		all = append(all, openSection{section: s, r: r, s: sec})
	}
	return all, nil
}

// emit yields one version, with the values of full; false when the caller stops.
func (e *emitter) emit(best, full pick, yield func(*Version) bool) (bool, error) {
	if e.filter != nil {
		if err := read(full, e.slot+1, e.probe, e.values); err != nil {
			return false, err
		}
		if !e.filter.Match(e.values) {
			return true, nil
		}
	}
	if err := read(full, e.slot, e.names, e.version.Values); err != nil {
		return false, err
	}
	if err := e.describe(best); err != nil {
		return false, err
	}
	return yield(&e.version), nil
}

// describe fills in what is not a value.
func (e *emitter) describe(p pick) (err error) {
	v, op := &e.version, p.op()
	v.RecordID, v.Change, v.Tombstone = p.span.cursor.ID(p.row), op.Change(), op.Tombstone()
	if v.Seq != p.seq {
		v.Seq = p.seq
		e.vw.attribute(v)
	}
	v.Modstamp, err = p.span.cursor.Modstamp(p.row)
	return err
}

// read fills dst with a version's values; with none when it is not found.
func read(p pick, slot int, fields []SchemaField, dst [][]byte) error {
	if !p.found() || len(fields) == 0 {
		clear(dst)
		return nil
	}
	l := p.span.lane
	if l.proj[slot] == nil {
		l.proj[slot] = segment.NewProjection(l.s, columnsOf(l.s.Fields, fields))
	}
	if err := l.proj[slot].Read(p.span.cursor, p.row, dst); err != nil || l.absent < 0 {
		return err
	}
	absent, err := p.span.cursor.Value(l.absent, p.row)
	blank(absent, fields, dst)
	return err
}

const everySeq = math.MaxInt64
