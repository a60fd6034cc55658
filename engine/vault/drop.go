package vault

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultobject"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

// DropSpec names points that need not be kept any more.
type DropSpec struct {
	OrgID string
	Runs  []string // their ids; not the newest, and none that is on hold; none at all for what earlier drops have postponed
	// Share is how much of a segment's rows must go, from 0 to 1, before it is
	// written again without them: its other rows are written again, too. What is
	// less is postponed until a drop finds enough there. 0 postpones nothing.
	Share float64
	// Allow, when set, is asked in the transaction that drops: its error drops
	// nothing.
	Allow func(ctx context.Context, tx *ent.Tx) error
}

// DropReport is what a drop takes away, or would. Versions are those that no
// point left shows, of this drop and of earlier ones; Postponed are those of them
// that stay for now. Bytes is an estimate of what Versions take.
type DropReport struct {
	Points, Versions, Bytes int64
	Postponed               int64
	Segments                int // rewritten
	Blocks                  int // of those, encoded again
	Files                   int // whose content only dropped versions named
}

// PlanDrop says what Drop would take away, and reads every object's hot streams
// for it.
func (v *Vault) PlanDrop(ctx context.Context, spec DropSpec) (DropReport, error) {
	d := v.dropOf(spec)
	defer v.drain.begin(spec.OrgID)()
	err := d.mark(ctx)
	if err == nil {
		_, err = d.due(ctx)
	}
	return d.report, v.readFault(ctx, "plan a drop", spec.OrgID, err)
}

// Drop forgets points, and every version that no point left shows, but for what
// it postpones. What is left
// is proved before anything goes: each segment that is written again is read
// back and compared, then one transaction marks the points and swaps the
// segments. From then on a read as of such a point is POINT_DROPPED. Always kept
// are the newest version of every record, also of a deleted one, and the last
// one with values where that has none. Old blobs go as after a compaction, the
// content of files that nothing names any more at once if no run is open, else
// with Collect. KindConflict, POINTS_CHANGED, when a point is held, dropped
// already or the newest; VAULT_BUSY when another node rewrote the same segments.
// After a crash or an error it may be run again.
func (v *Vault) Drop(ctx context.Context, spec DropSpec) (DropReport, error) {
	d := v.dropOf(spec)
	err := d.run(ctx)
	return d.report, v.readFault(ctx, "drop points", spec.OrgID, err)
}

func (v *Vault) dropOf(spec DropSpec) *drop {
	return &drop{rewriting: v.rewritingOf(spec.OrgID), spec: spec, doomed: map[string]*doomed{}, gone: map[string]int64{}}
}

// drop is one run of Drop or PlanDrop.
type drop struct {
	rewriting
	spec   DropSpec
	points []uint64           // last sequences of the points that stay, ascending
	doomed map[string]*doomed // by segment
	gone   map[string]int64   // versions that go now, by object
	keep   []bool             // of the record that is judged
	needed []bool             // too: the values of a tombstone that may be postponed, which shows them until it goes
	report DropReport
}

// doomed are the versions of one segment that no point left shows.
type doomed struct {
	marks    marks
	versions map[string]int64 // by object
}

func (d *doomed) count() (n int64) {
	for _, versions := range d.versions {
		n += versions
	}
	return n
}

func (d *drop) run(ctx context.Context) error {
	if _, _, err := d.v.keys.current(ctx, d.org); err != nil {
		return err
	}
	end := d.v.drain.begin(d.org)
	err := d.mark(ctx)
	if err == nil {
		err = d.rewriteAll(ctx)
	}
	if err == nil {
		err = d.commit(ctx)
	}
	end()
	if err != nil {
		d.abandon(ctx)
		return err
	}
	if err := d.sweep(ctx); err != nil {
		return err
	}
	return d.v.copyManifest(ctx, d.org)
}

// mark finds the versions that no point left shows.
func (d *drop) mark(ctx context.Context) error {
	ever, err := d.choose(ctx)
	if err != nil || !ever {
		return err
	}
	objects, err := d.v.Objects(ctx, d.org)
	if err != nil {
		return err
	}
	for _, o := range objects {
		sections, err := d.v.querySections(ctx, d.org, o.Name, "")
		if err != nil {
			return err
		}
		if err := d.markObject(ctx, o.Name, sections); err != nil {
			return err
		}
	}
	return nil
}

// choose lists the points that stay; ever is false when none goes or has gone.
func (d *drop) choose(ctx context.Context) (ever bool, err error) {
	vw, err := d.v.view(ctx, d.org)
	if err != nil {
		return false, err
	}
	for i, r := range vw.runs {
		asked := slices.Contains(d.spec.Runs, r.ID)
		ever = ever || asked || r.DroppedAt != nil
		switch {
		case asked && (r.Hold != "" || r.DroppedAt != nil || i == len(vw.runs)-1):
			return false, d.changed()
		case asked:
			d.report.Points++
		case r.DroppedAt == nil:
			d.points = append(d.points, r.LastSeq)
		}
	}
	if d.report.Points != int64(len(d.spec.Runs)) {
		return false, d.changed()
	}
	return ever, nil
}

func (d *drop) changed() error {
	return &engine.Error{
		Kind: engine.KindConflict, Code: "POINTS_CHANGED", Org: d.org,
		Message: "One of the points to drop is on hold, dropped already or the newest: look at a new plan. Nothing was dropped.",
	}
}

func (d *drop) markObject(ctx context.Context, object string, sections []section) error {
	m := d.v.mergeOf(sections, 0, everySeq)
	var order []pick
	for {
		more, err := m.next(ctx)
		if err != nil || !more {
			return err
		}
		order = m.order(order[:0])
		d.judge(order)
		for i, p := range order {
			if !d.keep[i] {
				d.markRow(object, p, d.needed[i])
			}
		}
	}
}

// judge says which of a record's versions stay: those that a point shows, the
// newest, and those whose values one of these shows.
func (d *drop) judge(order []pick) {
	d.keep = append(d.keep[:0], make([]bool, len(order))...)
	d.needed = append(d.needed[:0], make([]bool, len(order))...)
	full := -1
	for i, p := range order {
		if !p.op().Bare() {
			full = i
		}
		if i < len(order)-1 && !d.shown(p.seq, order[i+1].seq) {
			if d.spec.Share > 0 && full >= 0 && full < i {
				d.needed[full] = true
			}
			continue
		}
		d.keep[i] = true
		if full >= 0 {
			d.keep[full] = true
		}
	}
}

// shown reports whether a point that stays is in [from, to).
func (d *drop) shown(from, to uint64) bool {
	i, _ := slices.BinarySearch(d.points, from)
	return i < len(d.points) && d.points[i] < to
}

// markRow dooms a version; one that is needed is postponed, until a drop that
// finds it needed no more.
func (d *drop) markRow(object string, p pick, needed bool) {
	l, block := p.span.lane, p.span.cursor.Number()
	d.report.Versions++
	d.report.Bytes += int64(l.r.BlockBytes(block) / p.span.cursor.Len())
	if needed {
		d.report.Postponed++
		return
	}
	in := d.doomed[l.segment.ID]
	if in == nil {
		in = &doomed{marks: marks{}, versions: map[string]int64{}}
		d.doomed[l.segment.ID] = in
	}
	in.marks.add(block, p.row)
	in.versions[object]++
}

// due are the segments of which enough is doomed; what is in the others is
// postponed.
func (d *drop) due(ctx context.Context) (due []*ent.VaultSegment, err error) {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(d.doomed)), 500) {
		segments, err := d.v.db.VaultSegment.Query().Where(vaultsegment.OrgID(d.org), vaultsegment.IDIn(ids...)).WithSections().All(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range segments {
			in, rows := d.doomed[s.ID], int64(0)
			for _, section := range s.Edges.Sections {
				rows += section.Rows
			}
			if float64(in.count()) < d.spec.Share*float64(rows) {
				d.report.Postponed += in.count()
				continue
			}
			due = append(due, s)
			for object, n := range in.versions {
				d.gone[object] += n
			}
		}
	}
	return due, nil
}

// rewriteAll writes what replaces the segments that are due, and proves it.
func (d *drop) rewriteAll(ctx context.Context) error {
	segments, err := d.due(ctx)
	if err != nil {
		return err
	}
	for _, s := range segments {
		r, err := d.v.reader(ctx, s)
		if err != nil {
			return err
		}
		out := d.doomed[s.ID].marks
		fresh, err := d.rewrite(ctx, s, r, out)
		if err == nil {
			err = d.check(ctx, r, out, fresh)
		}
		if err != nil {
			return err
		}
	}
	d.report.Segments, d.report.Blocks = len(d.old), d.blocks
	return nil
}

func (d *drop) commit(ctx context.Context) error {
	ref, err := refOf(ctx, d.org)
	if err != nil {
		return err
	}
	return d.v.change(ctx, d.org, func(tx *ent.Tx) error {
		if d.spec.Allow != nil {
			if err := d.spec.Allow(ctx, tx); err != nil {
				return err
			}
		}
		for ids := range slices.Chunk(d.spec.Runs, 500) {
			n, err := tx.VaultRun.Update().Where(vaultrun.OrgID(d.org), vaultrun.IDIn(ids...), vaultrun.Hold(""), vaultrun.DroppedAtIsNil()).SetDroppedAt(d.v.now()).Save(ctx)
			if err != nil {
				return err
			}
			if n != len(ids) {
				return d.changed()
			}
		}
		if err := d.replace(ctx, tx, ref); err == errOvertaken { //nolint:errorlint // our own, never wrapped
			return &engine.Error{
				Kind: engine.KindConflict, Code: "VAULT_BUSY", Org: d.org,
				Message: "The org's vault was compacted meanwhile: run this again. Nothing was dropped.",
			}
		} else if err != nil {
			return err
		}
		for object, n := range d.gone {
			if err := tx.VaultObject.Update().Where(vaultobject.OrgID(d.org), vaultobject.Name(object)).AddVersions(-n).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweep deletes the content that only dropped versions named. While a run is
// open it is left to Collect, which finds it by itself.
func (d *drop) sweep(ctx context.Context) error {
	for part := range slices.Chunk(slices.Sorted(maps.Keys(d.files)), 500) {
		swept, ok, err := d.v.sweep(ctx, d.org, d.v.now().Add(orphanAge), part)
		d.report.Files += len(swept)
		if err != nil || !ok {
			return err
		}
	}
	return nil
}

// Hold keeps a point from being dropped, for a reason; with none it may be
// dropped again. KindNotFound, BACKUP_NOT_FOUND or POINT_DROPPED.
func (v *Vault) Hold(ctx context.Context, at Point, reason string) error {
	return fault("hold a point", at.OrgID, v.hold(ctx, at, reason))
}

func (v *Vault) hold(ctx context.Context, at Point, reason string) error {
	if err := v.Kept(ctx, at); err != nil {
		return err
	}
	return v.change(ctx, at.OrgID, func(tx *ent.Tx) error {
		n, err := tx.VaultRun.Update().Where(vaultrun.OrgID(at.OrgID), vaultrun.JobID(at.JobID), vaultrun.StateNEQ(vaultrun.StateOPEN), vaultrun.DroppedAtIsNil()).
			SetHold(reason).Save(ctx)
		if err == nil && n == 0 {
			err = fmt.Errorf("job %s: %w", at.JobID, errOvertaken)
		}
		return err
	})
}
