package segment

import (
	"bytes"
	"fmt"
	"sort"
)

// block is a decoded block: its rows are read in place. What its methods
// return is valid until another block is read into it.
type block struct {
	shape
	fields  int
	ids     values
	seqs    []int64
	ops     []byte
	cols    []values
	from    []*values // a decoded column's, which may be the ids' or the modstamps'
	state   []colState
	bodies  [][]byte // of the columns that are not null
	listed  []listedColumn
	hasCold bool
	dec     decoder
	hot     []byte
	cold    []byte
	cells   []Cell
}

type colState byte

const (
	colNull colState = iota
	colEncoded
	colDecoded
)

// Len is the number of rows.
func (b *block) Len() int { return b.rows }

// ID of a row.
func (b *block) ID(row int) []byte { return b.ids.get(int(b.distinct[row])) }

// Seq of a row.
func (b *block) Seq(row int) uint64 { return uint64(b.seqs[row]) }

// Op of a row.
func (b *block) Op(row int) Op { return Op(b.ops[row]) }

// SameID reports whether the row before is a version of the same record.
func (b *block) SameID(row int) bool { return b.repeats != nil && bit(b.repeats, row) }

// Modstamp of a row; it is in the hot stream.
func (b *block) Modstamp(row int) ([]byte, error) { return b.value(modstampColumn, row) }

func (b *block) value(col, row int) ([]byte, error) {
	if b.state[col] == colEncoded {
		if err := b.decode(col); err != nil {
			return nil, err
		}
	}
	if b.state[col] == colNull {
		return nil, nil
	}
	return b.get(b.from[col], row), nil
}

func (b *block) get(v *values, row int) []byte {
	if v.shared {
		row = int(b.distinct[row])
	}
	return v.get(row)
}

// decode decodes a column that is encoded.
func (b *block) decode(col int) error {
	b.state[col] = colDecoded
	body := b.bodies[col]
	switch {
	case len(body) == 1 && body[0] == encOwnID:
		b.from[col] = &b.ids
		return nil
	case len(body) == 1 && body[0] == encOwnStamp && col != modstampColumn:
		if b.state[modstampColumn] == colEncoded {
			if err := b.decode(modstampColumn); err != nil {
				return err
			}
		}
		if b.state[modstampColumn] != colDecoded {
			return fmt.Errorf("%w: it refers to modstamps that it has not", ErrDamaged)
		}
		b.from[col] = &b.cols[modstampColumn]
		return nil
	}
	b.from[col] = &b.cols[col]
	return b.dec.column(&b.cols[col], body, &b.shape)
}

// decodeAll decodes every column at hand.
func (b *block) decodeAll() error {
	for col := range b.state {
		if b.state[col] == colEncoded {
			if err := b.decode(col); err != nil {
				return err
			}
		}
	}
	return nil
}

// Cells are a row's values that are not null, in the order of the fields;
// valid until the next call. LoadAll comes first.
func (b *block) Cells(row int) []Cell {
	b.cells = b.cells[:0]
	for col := 1; col <= b.fields; col++ {
		if b.state[col] != colDecoded {
			continue
		}
		if value := b.get(b.from[col], row); len(value) > 0 {
			b.cells = append(b.cells, Cell{Field: col - 1, Value: value})
		}
	}
	return b.cells
}

// Find returns the rows [from, to) of the versions of id.
func (b *block) Find(id []byte) (from, to int) {
	from = sort.Search(b.rows, func(i int) bool { return bytes.Compare(b.ID(i), id) >= 0 })
	for to = from; to < b.rows && bytes.Equal(b.ID(to), id); {
		to++
	}
	return from, to
}

// parseHot decodes the frame of the hot stream: rows, ids, sequences, ops.
func (b *block) parseHot(hot []byte, rows, fields int) error {
	in := input{b: hot}
	b.fields, b.hasCold = fields, false
	b.rows = in.count(maxRows)
	repeats := in.count(b.rows)
	b.repeats, b.count = nil, b.rows-repeats
	if repeats > 0 {
		b.repeats = in.take(bitmapLen(b.rows))
	}
	b.parseOps(&in)
	b.seqs = grow(b.seqs, b.rows)
	numbers(&in, b.seqs, 1<<62)
	ids := in.text(len(in.b))
	if in.failed || b.rows != rows || b.rows == 0 || !b.numberIDs() {
		return fmt.Errorf("%w: its rows make no sense", ErrDamaged)
	}
	plain := shape{rows: b.count, count: b.count}
	if err := b.dec.column(&b.ids, ids, &plain); err != nil {
		return err
	}
	b.ids.shared = b.repeats != nil
	b.cols, b.from = grow(b.cols, fields+1), grow(b.from, fields+1)
	b.state, b.bodies = grow(b.state, fields+1), grow(b.bodies, fields+1)
	clear(b.state)
	return b.parseStream(in)
}

func (b *block) parseOps(in *input) {
	b.ops = grow(b.ops, b.rows)
	if in.byte() == 1 {
		op := in.byte()
		for i := range b.ops {
			b.ops[i] = op
		}
	} else {
		copy(b.ops, in.take(b.rows))
	}
	for _, op := range b.ops {
		if !Op(op).valid() {
			in.fail()
			return
		}
	}
}

// numberIDs maps each row to its id.
func (b *block) numberIDs() bool {
	b.distinct = grow(b.distinct, b.rows)
	at := -1
	for row := range b.distinct {
		if !b.SameID(row) {
			at++
		}
		if at < 0 || at >= b.count {
			return false
		}
		b.distinct[row] = uint16(at)
	}
	return at == b.count-1
}

func (b *block) parseCold(cold []byte) error {
	b.hasCold = true
	return b.parseStream(input{b: cold})
}

type listedColumn struct{ col, n int }

// parseStream finds the columns of a stream.
func (b *block) parseStream(in input) error {
	b.listed = b.listed[:0]
	next := 0
	for range in.count(b.fields + 1) {
		c := listedColumn{next + in.count(b.fields+1), in.count(len(in.b))}
		if c.col > b.fields {
			in.fail()
			break
		}
		b.listed = append(b.listed, c)
		next = c.col + 1
	}
	for _, c := range b.listed {
		b.bodies[c.col], b.state[c.col] = in.take(c.n), colEncoded
	}
	if len(in.b) > 0 {
		in.fail()
	}
	return in.err("list of columns")
}
