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
	Runs  []string // their ids; not the newest, and none that is on hold
	// Allow, when set, is asked in the transaction that drops: its error drops
	// nothing.
	Allow func(ctx context.Context, tx *ent.Tx) error
}

// DropReport is what a drop takes away, or would. Bytes is an estimate of what
// the versions take.
type DropReport struct {
	Points, Versions, Bytes int64
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
	return d.report, v.readFault(ctx, "plan a drop", spec.OrgID, err)
}

// Drop forgets points, and every version that no point left shows. What is left
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
	return &drop{rewriting: v.rewritingOf(spec.OrgID), spec: spec, marked: map[string]marks{}, gone: map[string]int64{}}
}

// drop is one run of Drop or PlanDrop.
type drop struct {
	rewriting
	spec   DropSpec
	points []uint64         // last sequences of the points that stay, ascending
	marked map[string]marks // by segment
	gone   map[string]int64 // versions, by object
	keep   []bool           // of the record that is judged
	report DropReport
}

func (d *drop) run(ctx context.Context) error {
	if len(d.spec.Runs) == 0 {
		return nil
	}
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
	if err := d.choose(ctx); err != nil || len(d.spec.Runs) == 0 {
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

// choose lists the points that stay.
func (d *drop) choose(ctx context.Context) error {
	vw, err := d.v.view(ctx, d.org)
	if err != nil {
		return err
	}
	for i, r := range vw.runs {
		asked := slices.Contains(d.spec.Runs, r.ID)
		switch {
		case asked && (r.Hold != "" || r.DroppedAt != nil || i == len(vw.runs)-1):
			return d.changed()
		case asked:
			d.report.Points++
		case r.DroppedAt == nil:
			d.points = append(d.points, r.LastSeq)
		}
	}
	if d.report.Points != int64(len(d.spec.Runs)) {
		return d.changed()
	}
	return nil
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
			if d.keep[i] {
				continue
			}
			d.gone[object]++
			d.report.Versions++
			d.markRow(p)
		}
	}
}

// judge says which of a record's versions stay: those that a point shows, the
// newest, and those whose values one of these shows.
func (d *drop) judge(order []pick) {
	d.keep = append(d.keep[:0], make([]bool, len(order))...)
	full := -1
	for i, p := range order {
		if !p.op().Bare() {
			full = i
		}
		if i < len(order)-1 && !d.shown(p.seq, order[i+1].seq) {
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

func (d *drop) markRow(p pick) {
	l, block := p.span.lane, p.span.cursor.Number()
	if d.marked[l.segment.ID] == nil {
		d.marked[l.segment.ID] = marks{}
	}
	d.marked[l.segment.ID].add(block, p.row)
	d.report.Bytes += int64(l.r.BlockBytes(block) / p.span.cursor.Len())
}

// rewriteAll writes what replaces the segments that have marks, and proves it.
func (d *drop) rewriteAll(ctx context.Context) error {
	for _, ids := range slices.Collect(slices.Chunk(slices.Sorted(maps.Keys(d.marked)), 500)) {
		segments, err := d.v.db.VaultSegment.Query().Where(vaultsegment.OrgID(d.org), vaultsegment.IDIn(ids...)).All(ctx)
		if err != nil {
			return err
		}
		for _, s := range segments {
			r, err := d.v.reader(ctx, s)
			if err != nil {
				return err
			}
			fresh, err := d.rewrite(ctx, s, r, d.marked[s.ID])
			if err == nil {
				err = d.check(ctx, r, d.marked[s.ID], fresh)
			}
			if err != nil {
				return err
			}
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
