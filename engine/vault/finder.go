package vault

import (
	"bytes"
	"context"
	"slices"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

// finder finds the newest stored version of ids that are asked for in
// ascending order. Few ids cost a block each; many make it a merge scan,
// because each block is read once.
type finder struct {
	v      *Vault
	object string
	fields []SchemaField
	probes []*probe // by greatest sequence, falling
}

// probe is a finder's place in one segment.
type probe struct {
	section
	r       *segment.Reader
	s       *segment.Section
	cursor  *segment.Cursor
	loaded  bool
	mapping []int // the stored fields' places in the writer's schema, -1 for none
}

// predecessor is a stored version.
type predecessor struct {
	p   *probe
	row int
	seq uint64
	op  segment.Op
}

func (p *predecessor) found() bool { return p.p != nil }

func (p *predecessor) live() bool { return p.found() && p.op.Live() }

func (v *Vault) newFinder(schema Schema, sections []section) *finder {
	f := &finder{v: v, object: schema.Object, fields: schema.Fields}
	for _, s := range sections {
		f.probes = append(f.probes, &probe{section: s})
	}
	slices.SortFunc(f.probes, func(a, b *probe) int {
		if a.MaxSeq < b.MaxSeq {
			return 1
		}
		return -1
	})
	return f
}

// newest finds the version of id with the greatest sequence.
func (f *finder) newest(ctx context.Context, id []byte) (best predecessor, err error) {
	hash := segment.HashID(id)
	for _, p := range f.probes {
		if best.found() && best.seq >= p.MaxSeq {
			break
		}
		if !p.overlaps(id) {
			continue
		}
		if err := f.open(ctx, p); err != nil {
			return best, err
		}
		if !p.r.MayHoldHash(p.s, hash) {
			continue
		}
		row, err := p.last(ctx, id)
		if err != nil {
			return best, err
		}
		if row >= 0 && (!best.found() || p.cursor.Seq(row) > best.seq) {
			best = predecessor{p: p, row: row, seq: p.cursor.Seq(row), op: p.cursor.Op(row)}
		}
	}
	return best, nil
}

func (f *finder) open(ctx context.Context, p *probe) (err error) {
	if p.r != nil {
		return nil
	}
	if p.r, err = f.v.reader(ctx, p.segment); err != nil {
		return err
	}
	p.s, _ = p.r.Section(f.object)
	p.cursor = p.r.Cursor(p.s.First, p.s.First+p.s.Blocks, 0)
	p.mapping = mapFields(p.s.Fields, f.fields)
	return nil
}

// mapFields finds the stored fields in a schema, by name.
func mapFields(stored []segment.Field, schema []SchemaField) []int {
	index := make(map[string]int, len(schema))
	for i := range schema {
		index[schema[i].Name] = i
	}
	m := make([]int, len(stored))
	for i := range stored {
		at, ok := index[stored[i].Name]
		if !ok {
			at = -1
		}
		m[i] = at
	}
	return m
}

// last is the row of id's newest version in this segment, -1 when it has none;
// the cursor stands on its block.
func (p *probe) last(ctx context.Context, id []byte) (int, error) {
	block := p.r.Seek(p.s, id)
	end := p.s.First + p.s.Blocks
	for ; block+1 < end; block++ { // the versions of one id may fill several blocks
		if first, _ := p.r.BlockIDs(block + 1); !bytes.Equal(first, id) {
			break
		}
	}
	if block == end {
		return -1, nil
	}
	if !p.loaded || p.cursor.Number() != block {
		p.cursor.SkipTo(block)
		if _, err := p.cursor.Next(ctx); err != nil {
			return -1, err
		}
		p.loaded = true
	}
	if from, to := p.cursor.Find(id); from < to {
		return to - 1, nil
	}
	return -1, nil
}

// comparer tells whether a row's content is what is stored.
type comparer struct {
	fields []SchemaField
	values [][]byte
}

// same compares the fields that are not derived, by name. A field that only
// one side knows counts as null in the schema's, and not at all in the store's.
func (c *comparer) same(cells []segment.Cell, p *predecessor) (bool, error) {
	if err := p.p.cursor.LoadAll(); err != nil {
		return false, err
	}
	defer clear(c.values)
	open := 0
	for _, cell := range cells {
		if !c.fields[cell.Field].Derived {
			c.values[cell.Field] = cell.Value
			open++
		}
	}
	for _, stored := range p.p.cursor.Cells(p.row) {
		at := p.p.mapping[stored.Field]
		if at < 0 || c.fields[at].Derived {
			continue
		}
		if !bytes.Equal(c.values[at], stored.Value) {
			return false, nil
		}
		open--
	}
	return open == 0, nil
}
