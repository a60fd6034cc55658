package vault

import (
	"cmp"
	"context"
	"slices"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

const (
	fanOut       = 8
	segmentBytes = 64 << 20 // a compacted segment is cut here
	segmentRows  = 1 << 20
	ownBytes     = 8 << 20 // an object this large leaves the shared segments
)

// CompactStats is what a compaction did.
type CompactStats struct {
	Merges            int
	Read, Written     int // segments
	BytesIn, BytesOut int64
}

// Compact merges an org's segments until each SObject has few: eight of a level
// become one of the next, and when the levels above the first outgrow half of
// the base they are folded into it. With all, everything becomes base. Readers
// are not disturbed; a merge that another node was faster with is given up.
func (v *Vault) Compact(ctx context.Context, orgID string, all bool) (CompactStats, error) {
	var stats CompactStats
	defer v.drain.begin(orgID)()
	for {
		segments, err := v.liveSegments(ctx, orgID)
		if err != nil {
			return stats, fault("compact", orgID, err)
		}
		jobs := planMerges(segments, all)
		if len(jobs) == 0 {
			if stats.Merges > 0 {
				err = v.copyManifest(ctx, orgID)
			}
			return stats, fault("compact", orgID, err)
		}
		for _, job := range jobs {
			if err := v.mergeSegments(ctx, orgID, job, &stats); err != nil {
				return stats, fault("compact", orgID, err)
			}
		}
		all = false // once is enough
	}
}

// RewriteAll encodes every segment of an org again, each by itself: what a
// change of the encoding would need.
func (v *Vault) RewriteAll(ctx context.Context, orgID string) error {
	segments, err := v.liveSegments(ctx, orgID)
	if err != nil {
		return fault("rewrite", orgID, err)
	}
	defer v.drain.begin(orgID)()
	var stats CompactStats
	for _, s := range segments {
		if err := v.mergeSegments(ctx, orgID, mergeJob{[]*ent.VaultSegment{s}, s.Level}, &stats); err != nil {
			return fault("rewrite", orgID, err)
		}
	}
	return nil
}

func (v *Vault) liveSegments(ctx context.Context, orgID string) ([]*ent.VaultSegment, error) {
	if _, err := tenantOf(ctx); err != nil {
		return nil, err
	}
	return v.db.VaultSegment.Query().Where(vaultsegment.OrgID(orgID), vaultsegment.StateEQ(vaultsegment.StateLIVE)).
		WithSections().Order(ent.Asc(vaultsegment.FieldID)).All(ctx)
}

// mergeJob is segments to merge and the level of what comes out.
type mergeJob struct {
	inputs []*ent.VaultSegment
	level  int
}

// planMerges decides what to merge. Segments of one SObject are a family;
// those that several share are one too.
func planMerges(segments []*ent.VaultSegment, all bool) []mergeJob {
	families := map[string][]*ent.VaultSegment{}
	for _, s := range segments {
		name := "" // no SObject is called so
		if len(s.Edges.Sections) == 1 {
			name = s.Edges.Sections[0].Object
		}
		families[name] = append(families[name], s)
	}
	var jobs []mergeJob
	for _, family := range families {
		if job, ok := planFamily(family, all); ok {
			jobs = append(jobs, job)
		}
	}
	slices.SortFunc(jobs, func(a, b mergeJob) int { return cmp.Compare(a.inputs[0].ID, b.inputs[0].ID) })
	return jobs
}

func planFamily(family []*ent.VaultSegment, all bool) (mergeJob, bool) {
	if all {
		return mergeJob{family, baseLevel}, len(family) > 1 || family[0].Level != baseLevel
	}
	levels := map[int][]*ent.VaultSegment{}
	var young, base int64
	for _, s := range family {
		levels[s.Level] = append(levels[s.Level], s)
		switch {
		case s.Level == baseLevel:
			base += s.Size
		case s.Level > 0:
			young += s.Size
		}
	}
	if young > 0 && young*2 > base {
		return mergeJob{slices.DeleteFunc(slices.Clone(family), func(s *ent.VaultSegment) bool { return s.Level == 0 }), baseLevel}, true
	}
	for level := range baseLevel {
		if len(levels[level]) >= fanOut {
			return mergeJob{levels[level], min(level+1, baseLevel-1)}, true
		}
	}
	return mergeJob{}, false
}

// mergeSegments writes what replaces the job's inputs and swaps them in one
// transaction.
func (v *Vault) mergeSegments(ctx context.Context, orgID string, job mergeJob, stats *CompactStats) error {
	c := compaction{v: v, ctx: ctx, org: orgID, level: job.level}
	if err := c.write(job.inputs); err != nil {
		c.abandon()
		return err
	}
	swapped, err := v.swap(ctx, orgID, job.inputs, c.out)
	if err != nil {
		return err
	}
	if !swapped {
		c.abandon()
		return nil
	}
	stats.Merges++
	stats.Read += len(job.inputs)
	stats.Written += len(c.out)
	for _, s := range job.inputs {
		stats.BytesIn += s.Size
	}
	for _, s := range c.out {
		stats.BytesOut += s.summary.Size
	}
	return nil
}

// swap makes new segments live and the old ones dead; false when one of the
// old ones was replaced meanwhile.
func (v *Vault) swap(ctx context.Context, orgID string, old []*ent.VaultSegment, fresh []*stored) (swapped bool, err error) {
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return false, err
	}
	w := rewriting{v: v, org: orgID, old: old, fresh: fresh}
	err = v.change(ctx, orgID, func(tx *ent.Tx) error { return w.replace(ctx, tx, ref) })
	if err == errOvertaken { //nolint:errorlint // our own, never wrapped
		return false, nil
	}
	return err == nil, err
}

// baseLevel is that of segments compacted for good, and of the first ones that
// an object has.
const baseLevel = 9

func sizing(level int) segment.Sizing {
	if level >= baseLevel {
		return segment.Base
	}
	return segment.Young
}

// compaction writes merged segments, cut to size.
type compaction struct {
	v     *Vault
	ctx   context.Context //nolint:containedctx // lives as long as one merge
	org   string
	level int
	out   []*stored
	open  *segmentFile
}

// write merges the inputs object by object. Large objects get segments of
// their own, the small ones share.
func (c *compaction) write(inputs []*ent.VaultSegment) error {
	byObject := map[string][]section{}
	bytes := map[string]int64{}
	for _, s := range inputs {
		for _, sec := range s.Edges.Sections {
			byObject[sec.Object] = append(byObject[sec.Object], section{s, sec})
			bytes[sec.Object] += s.Size / int64(len(s.Edges.Sections))
		}
	}
	names := make([]string, 0, len(byObject))
	for name := range byObject {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, alone := range []bool{true, false} {
		for _, name := range names {
			if alone != (len(names) == 1 || bytes[name] > ownBytes) {
				continue
			}
			if err := c.object(name, byObject[name]); err != nil {
				return err
			}
			if alone {
				if err := c.cut(); err != nil {
					return err
				}
			}
		}
	}
	return c.cut()
}

// object merges one object's versions into the open segment.
func (c *compaction) object(name string, sections []section) error {
	all, err := c.v.opened(c.ctx, sections)
	if err != nil {
		return err
	}
	fields := withAbsent(all, typedUnion(all))
	remaps := map[*segment.Section]*remap{}
	m := c.v.mergeOf(sections, 0, everySeq)
	var order []pick
	for begun := (*segmentFile)(nil); ; {
		more, err := m.next(c.ctx)
		if err != nil || !more {
			return err
		}
		if c.open != nil && (c.open.w.Size() >= segmentBytes || c.open.rows >= segmentRows) {
			if err := c.cut(); err != nil {
				return err
			}
		}
		if c.open == nil || begun != c.open {
			if begun, err = c.begin(name, fields); err != nil {
				return err
			}
		}
		order = m.order(order[:0])
		for _, p := range order {
			l := p.span.lane
			r := remaps[l.s]
			if r == nil {
				r = newRemap(l.s.Fields, fields)
				remaps[l.s] = r
			}
			if err := r.copyRow(c.open.w, p); err != nil {
				return err
			}
			c.open.rows++
		}
	}
}

// segmentFile is a segment being written, and its blob.
type segmentFile struct {
	*stored
	w    *segment.Writer
	blob *pending
	rows int
}

func (c *compaction) begin(name string, fields []segment.Field) (*segmentFile, error) {
	if c.open == nil {
		f, err := c.v.createSegment(c.ctx, c.org, c.level, sizing(c.level))
		if err != nil {
			return nil, err
		}
		c.open = f
	}
	return c.open, c.open.w.Begin(name, fields)
}

// cut closes the open segment, if there is one.
func (c *compaction) cut() error {
	if c.open == nil {
		return nil
	}
	f := c.open
	c.open = nil
	if err := f.close(); err != nil {
		return err
	}
	c.out = append(c.out, f.stored)
	return nil
}

// abandon removes what was written.
func (c *compaction) abandon() {
	if c.open != nil {
		c.open.blob.Abort()
	}
	for _, s := range c.out {
		c.v.removeBlob(c.ctx, segmentKey(c.org, s.id))
	}
}

// typedUnion lists the fields of all sections, the newest's first; the same
// name with another type is another field.
func typedUnion(sections []openSection) []segment.Field {
	slices.SortStableFunc(sections, func(a, b openSection) int { return cmp.Compare(b.s.MaxSeq, a.s.MaxSeq) })
	var fields []segment.Field
	seen := map[[2]string]bool{}
	for _, s := range sections {
		for _, f := range s.s.Fields {
			if key := [2]string{f.Name, f.Type}; !seen[key] && f != absentField {
				seen[key] = true
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// remap copies rows of one section into another list of fields.
type remap struct {
	to      []int
	sorted  bool
	absent  int      // place of absentField, -1 when there is none
	missing []string // what only others have
	texts   map[string][]byte
	row     segment.Row
}

func newRemap(from, to []segment.Field) *remap {
	index := make(map[[2]string]int, len(to))
	for i, f := range to {
		index[[2]string{f.Name, f.Type}] = i
	}
	r := &remap{to: make([]int, len(from)), sorted: true, absent: absentAt(to), missing: missingNames(from, to), texts: map[string][]byte{}}
	for i, f := range from {
		r.to[i] = index[[2]string{f.Name, f.Type}]
		r.sorted = r.sorted && (i == 0 || r.to[i-1] < r.to[i])
	}
	return r
}

func (r *remap) copyRow(w *segment.Writer, p pick) (err error) {
	c := p.span.cursor
	if err := c.LoadAll(); err != nil {
		return err
	}
	r.row.ID, r.row.Seq, r.row.Op = c.ID(p.row), p.seq, c.Op(p.row)
	if r.row.Modstamp, err = c.Modstamp(p.row); err != nil {
		return err
	}
	cells := c.Cells(p.row)
	for i := range cells {
		cells[i].Field = r.to[cells[i].Field]
	}
	if !r.sorted {
		slices.SortFunc(cells, func(a, b segment.Cell) int { return cmp.Compare(a.Field, b.Field) })
	}
	if !r.row.Op.Bare() {
		cells = r.noteAbsent(cells)
	}
	r.row.Cells = cells
	return w.Add(&r.row)
}
