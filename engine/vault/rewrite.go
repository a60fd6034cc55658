package vault

import (
	"bytes"
	"context"
	"fmt"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

// marks are rows of one segment, as a bitmap a block.
type marks map[int][]uint64

func (m marks) add(block, row int) {
	set := m[block]
	for len(set) <= row>>6 {
		set = append(set, 0)
	}
	set[row>>6] |= 1 << (row & 63)
	m[block] = set
}

func (m marks) has(block, row int) bool {
	set := m[block]
	return row>>6 < len(set) && set[row>>6]&(1<<(row&63)) != 0
}

// rewriting replaces segments by ones without some of their versions.
type rewriting struct {
	v      *Vault
	org    string
	old    []*ent.VaultSegment
	fresh  []*stored
	blocks int             // encoded again
	files  map[string]bool // hashes that the versions left out name
}

func (v *Vault) rewritingOf(orgID string) rewriting {
	return rewriting{v: v, org: orgID, files: map[string]bool{}}
}

// rewrite writes the segment without the marked rows: blocks that have none are
// sealed again as they are. It answers nil where nothing is left.
func (w *rewriting) rewrite(ctx context.Context, old *ent.VaultSegment, r *segment.Reader, out marks) (*stored, error) {
	f, err := w.v.createSegment(ctx, w.org, old.Level, sizing(old.Level))
	if err != nil {
		return nil, err
	}
	if err := w.copySections(ctx, f.w, r, out); err != nil {
		f.blob.Abort()
		return nil, err
	}
	if err := f.close(); err != nil {
		return nil, err
	}
	w.old = append(w.old, old)
	w.blocks += len(out)
	if f.stored.summary.Sections == nil {
		return nil, nil
	}
	w.fresh = append(w.fresh, f.stored)
	return f.stored, nil
}

func (w *rewriting) copySections(ctx context.Context, to *segment.Writer, r *segment.Reader, out marks) error {
	var row segment.Row
	for _, s := range r.Sections() {
		if err := to.Begin(s.Object, s.Fields); err != nil {
			return err
		}
		c := r.Cursor(s.First, s.First+s.Blocks, scanWindow)
		for c.Rest() > 0 {
			if _, err := c.Next(ctx); err != nil {
				return err
			}
			var err error
			if out[c.Number()] != nil {
				err = w.filter(to, c, &row, out)
			} else {
				err = to.Copy(c)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// filter encodes the block's rows again, without the marked ones.
func (w *rewriting) filter(to *segment.Writer, c *segment.Cursor, row *segment.Row, out marks) error {
	if err := c.LoadAll(); err != nil {
		return err
	}
	for n := range c.Len() {
		if out.has(c.Number(), n) {
			w.noteFiles(c, n)
			continue
		}
		if err := load(c, n, row); err != nil {
			return err
		}
		if err := to.Add(row); err != nil {
			return err
		}
	}
	return nil
}

// load reads a row of the cursor's block.
func load(c *segment.Cursor, n int, row *segment.Row) (err error) {
	row.ID, row.Seq, row.Op, row.Cells = c.ID(n), c.Seq(n), c.Op(n), c.Cells(n)
	row.Modstamp, err = c.Modstamp(n)
	return err
}

// noteFiles remembers what content a version that is left out named.
func (w *rewriting) noteFiles(c *segment.Cursor, row int) {
	for _, cell := range c.Cells(row) {
		if ref, ok := ParseFileRef(string(cell.Value)); ok && c.Section().Fields[cell.Field].Type == FileField {
			w.files[ref.Hash] = true
		}
	}
}

// check reads the new segment back and compares it, row by row and value by
// value, with what the old one has and is not marked. A nil segment has no rows.
func (w *rewriting) check(ctx context.Context, old *segment.Reader, out marks, fresh *stored) error {
	var r *segment.Reader
	if fresh != nil {
		var err error
		if r, err = w.v.reader(ctx, &ent.VaultSegment{ID: fresh.id, OrgID: w.org, Size: fresh.summary.Size, Trailer: fresh.summary.Trailer}); err != nil {
			return err
		}
	}
	for _, s := range old.Sections() {
		same, err := sameRows(ctx, old.Cursor(s.First, s.First+s.Blocks, scanWindow), out, rowsOf(r, s.Object))
		if err != nil {
			return err
		}
		if !same {
			return &engine.Error{
				Kind: engine.KindInternal, Code: "VAULT_REWRITE_DIFFERS", Org: w.org, Object: s.Object,
				Message: fmt.Sprintf("Segment %s, written again without some versions, does not read back as it must: nothing was changed. Run “holdfast vault verify”, and report this.", old.ID()),
			}
		}
	}
	return nil
}

// sameRows compares the rows of c that are not marked with those of fresh.
func sameRows(ctx context.Context, c *segment.Cursor, out marks, fresh rowReader) (bool, error) {
	var is, was segment.Row
	for c.Rest() > 0 {
		if _, err := c.Next(ctx); err != nil {
			return false, err
		}
		if err := c.LoadAll(); err != nil {
			return false, err
		}
		for n := range c.Len() {
			if out.has(c.Number(), n) {
				continue
			}
			if err := load(c, n, &was); err != nil {
				return false, err
			}
			if more, err := fresh.next(ctx, &is); err != nil || !more || !sameRow(&is, &was) {
				return false, err
			}
		}
	}
	more, err := fresh.next(ctx, &is)
	return !more, err
}

func sameRow(a, b *segment.Row) bool {
	if !bytes.Equal(a.ID, b.ID) || a.Seq != b.Seq || a.Op != b.Op || !bytes.Equal(a.Modstamp, b.Modstamp) || len(a.Cells) != len(b.Cells) {
		return false
	}
	for i := range a.Cells {
		if a.Cells[i].Field != b.Cells[i].Field || !bytes.Equal(a.Cells[i].Value, b.Cells[i].Value) {
			return false
		}
	}
	return true
}

// rowReader reads a section's rows, one after the other; without a cursor there
// are none.
type rowReader struct {
	c   *segment.Cursor
	row *int
}

func rowsOf(r *segment.Reader, object string) rowReader {
	if r == nil {
		return rowReader{}
	}
	s, ok := r.Section(object)
	if !ok {
		return rowReader{}
	}
	return rowReader{r.Cursor(s.First, s.First+s.Blocks, scanWindow), new(int)}
}

func (r rowReader) next(ctx context.Context, row *segment.Row) (bool, error) {
	if r.c == nil {
		return false, nil
	}
	for *r.row >= r.c.Len() {
		if r.c.Rest() == 0 {
			return false, nil
		}
		if _, err := r.c.Next(ctx); err != nil {
			return false, err
		}
		if err := r.c.LoadAll(); err != nil {
			return false, err
		}
		*r.row = 0
	}
	*r.row++
	return true, load(r.c, *r.row-1, row)
}

// replace makes the old segments dead and the new ones live; errOvertaken when
// one of the old ones was replaced meanwhile.
func (w *rewriting) replace(ctx context.Context, tx *ent.Tx, ref orgRef) error {
	ids := make([]string, len(w.old))
	for i, s := range w.old {
		ids[i] = s.ID
	}
	n, err := tx.VaultSegment.Update().Where(vaultsegment.IDIn(ids...), vaultsegment.StateEQ(vaultsegment.StateLIVE)).
		SetState(vaultsegment.StateDEAD).SetDeadAt(w.v.now()).Save(ctx)
	if err != nil {
		return err
	}
	if n != len(ids) {
		return errOvertaken
	}
	for _, s := range w.fresh {
		if err := s.record(ctx, tx, ref, ""); err != nil {
			return err
		}
	}
	return nil
}

func (w *rewriting) abandon(ctx context.Context) {
	for _, s := range w.fresh {
		w.v.cache.forget(s.id)
		w.v.removeBlob(ctx, segmentKey(w.org, s.id))
	}
}
