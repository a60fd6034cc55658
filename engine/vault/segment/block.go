package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Field is a column of a section. Name and Type together are its identity: a
// field whose type changed is another column. Hot fields stand in the stream
// that a search reads; Derived ones (formulas, roll-ups) are stored but make
// no version.
type Field struct {
	Name    string
	Type    string
	Hot     bool
	Derived bool
}

// Cell is one value of a row that is not null: the index of its field, and its
// canonical text.
type Cell struct {
	Field int
	Value []byte
}

// Row is one version. Cells are in ascending order of Field and never empty.
type Row struct {
	ID       []byte
	Seq      uint64
	Op       Op
	Modstamp []byte
	Cells    []Cell
}

const modstampColumn = 0 // then the fields, from 1

// blockBuilder turns rows into the two streams of a block.
type blockBuilder struct {
	fields   []Field
	cols     []column // modstamp, then the fields
	ids      column
	seqs     []int64
	ops      []byte
	repeats  []uint16
	hashes   []uint64 // of the ids
	touched  []int    // columns with a value in the last row
	previous []int
	raw      int
	scratch  scratch
	numbers  rowMap
	hot      []byte
	cold     []byte
	body     []byte
}

func (b *blockBuilder) reset(fields []Field) {
	b.fields = fields
	if len(b.cols) < len(fields)+1 {
		b.cols = slices.Grow(b.cols, len(fields)+1-len(b.cols))[:len(fields)+1]
	}
	for i := range b.cols {
		b.cols[i].reset()
	}
	b.ids.reset()
	b.seqs, b.ops, b.repeats, b.hashes, b.raw = b.seqs[:0], b.ops[:0], b.repeats[:0], b.hashes[:0], 0
	b.touched, b.previous = b.touched[:0], b.previous[:0]
}

func (b *blockBuilder) len() int { return len(b.seqs) }

func (b *blockBuilder) full(target int) bool { return b.raw >= target || len(b.seqs) == maxRows-1 }

// follows reports whether the row before is of the same record.
func (b *blockBuilder) follows(id []byte) bool {
	return len(b.seqs) > 0 && bytes.Equal(b.ids.last(), id)
}

// add appends a row: ids ascend, and within an id sequences do.
func (b *blockBuilder) add(r *Row) error {
	n := len(b.seqs)
	same, err := b.order(r)
	if err != nil {
		return err
	}
	if same {
		b.repeats = append(b.repeats, uint16(n))
	} else {
		b.ids.add(len(b.ids.rows), r.ID)
		b.hashes = append(b.hashes, idHash(r.ID))
	}
	b.seqs = append(b.seqs, int64(r.Seq))
	b.ops = append(b.ops, byte(r.Op))
	b.raw += len(r.ID) + len(r.Modstamp) + 4
	b.touched, b.previous = b.previous[:0], b.touched
	if len(r.Modstamp) > 0 {
		b.put(modstampColumn, n, same, r.Modstamp)
	}
	for i := range r.Cells {
		b.put(r.Cells[i].Field+1, n, same, r.Cells[i].Value)
		b.raw += len(r.Cells[i].Value) + 1
	}
	if same {
		b.breakVanished(n)
	}
	if b.raw > maxRaw {
		return fmt.Errorf("%w: one version of %s takes more than %d MiB", ErrLimit, r.ID, maxRaw>>20)
	}
	return nil
}

func (b *blockBuilder) order(r *Row) (same bool, err error) {
	if len(r.ID) == 0 || len(r.ID) > maxIDLen || r.Seq > math.MaxInt64/2 {
		return false, fmt.Errorf("%w: an id has 1 to %d bytes, this one %d", ErrLimit, maxIDLen, len(r.ID))
	}
	n := len(b.seqs)
	if n == 0 {
		return false, nil
	}
	order := bytes.Compare(b.ids.last(), r.ID)
	if order > 0 || (order == 0 && b.seqs[n-1] >= int64(r.Seq)) {
		return false, fmt.Errorf("%w: %s at %d", ErrOrder, r.ID, r.Seq)
	}
	return order == 0, nil
}

func (b *blockBuilder) put(col, row int, same bool, v []byte) {
	c := &b.cols[col]
	b.touched = append(b.touched, col)
	if same {
		if c.seen == row-1 && bytes.Equal(c.last(), v) {
			c.seen = row
			return
		}
		c.breaks = append(c.breaks, uint16(row))
	}
	c.add(row, v)
	c.seen = row
}

// breakVanished marks the fields that the same record had in the row before
// and has no more.
func (b *blockBuilder) breakVanished(row int) {
	for _, col := range b.previous {
		if c := &b.cols[col]; c.seen != row {
			c.breaks = append(c.breaks, uint16(row))
		}
	}
}

// encode returns the block's streams before compression; they are valid until
// the next call.
func (b *blockBuilder) encode() (hot, cold []byte) {
	n := len(b.seqs)
	b.numberRows()
	b.hot = binary.AppendUvarint(b.hot[:0], uint64(n))
	b.hot = binary.AppendUvarint(b.hot, uint64(len(b.repeats)))
	if len(b.repeats) > 0 {
		b.hot = append(b.hot, b.numbers.repeats...)
	}
	b.hot = appendOps(b.hot, b.ops)
	b.hot = appendNumbers(b.hot, b.seqs)
	distinct := rowMap{rows: len(b.ids.rows), count: len(b.ids.rows)}
	b.body = appendColumn(b.body[:0], &b.ids, &distinct, &b.scratch)
	b.hot = appendText(b.hot, b.body)
	b.hot = b.appendStream(b.hot, true)
	b.cold = b.appendStream(b.cold[:0], false)
	return b.hot, b.cold
}

func appendOps(dst, ops []byte) []byte {
	if sameValues(ops, 1) {
		return append(dst, 1, ops[0])
	}
	return append(append(dst, 0), ops...)
}

// numberRows numbers the rows that are no repeats.
func (b *blockBuilder) numberRows() {
	m := &b.numbers
	m.rows, m.count = len(b.seqs), len(b.seqs)-len(b.repeats)
	if len(b.repeats) == 0 {
		m.repeats = nil
		return
	}
	m.repeats = appendBitmap(m.repeats[:0], b.repeats, m.rows)
	m.own = grow(m.own, m.rows)
	own := uint16(0)
	for i := range m.own {
		m.own[i] = own
		if !bit(m.repeats, i) {
			own++
		}
	}
}

// appendStream writes the columns of one temperature: how many, the field and
// length of each, then the columns.
func (b *blockBuilder) appendStream(dst []byte, hot bool) []byte {
	b.body = b.body[:0]
	var dir []byte
	count, next := 0, 0
	for i := range len(b.fields) + 1 {
		if hot != (i == modstampColumn || b.fields[i-1].Hot) {
			continue
		}
		at := len(b.body)
		if b.body = b.appendField(b.body, i); len(b.body) == at {
			continue
		}
		dir = binary.AppendUvarint(dir, uint64(i-next))
		dir = binary.AppendUvarint(dir, uint64(len(b.body)-at))
		count, next = count+1, i+1
	}
	dst = binary.AppendUvarint(dst, uint64(count))
	return append(append(dst, dir...), b.body...)
}

// appendField writes a column, or that it says what the row's id or modstamp
// says already.
func (b *blockBuilder) appendField(dst []byte, i int) []byte {
	c, stamps := &b.cols[i], &b.cols[modstampColumn]
	switch {
	case i == modstampColumn || len(c.rows) == 0:
	case len(c.breaks) == 0 && len(c.rows) == len(b.ids.rows) && bytes.Equal(c.data, b.ids.data) && slices.Equal(c.lens, b.ids.lens):
		return append(dst, encOwnID)
	case bytes.Equal(c.data, stamps.data) && slices.Equal(c.rows, stamps.rows) && slices.Equal(c.breaks, stamps.breaks) && slices.Equal(c.lens, stamps.lens):
		return append(dst, encOwnStamp)
	}
	return appendColumn(dst, c, &b.numbers, &b.scratch)
}
