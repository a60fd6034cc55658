package segment

import (
	"bytes"
	"encoding/binary"
)

// A column's head byte: how present rows are told (bits 4-5) and how the
// values are written (bits 0-3); bit 7 set when some repeats are broken.
const (
	presentAll   = 0 << 4
	presentMap   = 1 << 4
	presentGaps  = 2 << 4
	presentMask  = 3 << 4
	encMask      = 0x0f
	brokenRepeat = 1 << 7
)

const (
	encPlain    = iota // a length each, then the bytes
	encConst           // one value for all
	encFixed           // one length, then the bytes
	encDict            // up to 255 values, then a byte each
	encID              // 18-character record ids: common prefix, the rest of 15
	encIDs             // the same ascending, as differences
	encTime            // times or dates, as numbers
	encOwnID           // the row's own id
	encOwnStamp        // the row's own modstamp
)

// column gathers one field of a block: its values that are not null and that
// do not repeat the same record's version before.
type column struct {
	rows   []uint16 // of the values
	lens   []uint32
	data   []byte
	breaks []uint16 // rows of an older record whose value differs from the row before
	seen   int      // the last row with a value, repeats included; -1 when none
}

func (c *column) reset() {
	c.rows, c.lens, c.data, c.breaks, c.seen = c.rows[:0], c.lens[:0], c.data[:0], c.breaks[:0], -1
}

func (c *column) add(row int, v []byte) {
	c.rows = append(c.rows, uint16(row))
	c.lens = append(c.lens, uint32(len(v)))
	c.data = append(c.data, v...)
}

// last is the newest value kept.
func (c *column) last() []byte { return c.data[len(c.data)-int(c.lens[len(c.lens)-1]):] }

// rowMap numbers the rows of a block without its repeats.
type rowMap struct {
	repeats []byte   // bitmap of rows of the same id as the row before; nil when none
	own     []uint16 // per row, how many rows before it are no repeats
	rows    int
	count   int // rows that are no repeats
}

// appendColumn writes c, or nothing when it is null in every row.
func appendColumn(dst []byte, c *column, m *rowMap, s *scratch) []byte {
	if len(c.rows) == 0 {
		return dst
	}
	at := len(dst)
	dst = append(dst, 0)
	head := byte(0)
	if len(c.breaks) > 0 {
		head |= brokenRepeat
		dst = appendBitmap(dst, c.breaks, m.rows)
	}
	n := m.count + len(c.breaks)
	switch present := len(c.rows); {
	case present == n:
		head |= presentAll
	case present*8 >= n:
		head |= presentMap
		dst = appendBitmap(dst, c.effective(m, s), n)
	default:
		head |= presentGaps
		dst = appendGaps(dst, c.effective(m, s))
	}
	dst, enc := appendValues(dst, c, s)
	dst[at] = head | enc
	return dst
}

// effective renumbers c's rows without the repeats that hold.
func (c *column) effective(m *rowMap, s *scratch) []uint16 {
	if m.repeats == nil {
		return c.rows
	}
	s.rows = s.rows[:0]
	broken := 0
	for _, r := range c.rows {
		for broken < len(c.breaks) && c.breaks[broken] < r {
			broken++
		}
		s.rows = append(s.rows, m.own[r]+uint16(broken))
	}
	return s.rows
}

func appendBitmap(dst []byte, rows []uint16, n int) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, bitmapLen(n))...)
	for _, r := range rows {
		setBit(dst[at:], int(r))
	}
	return dst
}

func appendGaps(dst []byte, rows []uint16) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(rows)))
	next := 0
	for _, r := range rows {
		dst = binary.AppendUvarint(dst, uint64(int(r)-next))
		next = int(r) + 1
	}
	return dst
}

// scratch is reused from column to column.
type scratch struct {
	rows  []uint16
	nums  []int64
	codes []byte
	dict  dictionary
}

// appendValues picks the shortest of the encodings that fit and says which.
func appendValues(dst []byte, c *column, s *scratch) ([]byte, byte) {
	width, fixed := c.width()
	if fixed {
		if sameValues(c.data, width) {
			return appendText(dst, c.data[:width]), encConst
		}
		switch width {
		case idLen:
			if out, enc, ok := appendIDs(dst, c.data, s); ok {
				return out, enc
			}
		case len(dateLayout), len(stampLayout), len(offsetLayout):
			if out, ok := appendTimes(dst, c.data, width, s); ok {
				return out, encTime
			}
		}
	}
	if s.dict.build(c, s) {
		return s.dict.append(dst, s.codes), encDict
	}
	if fixed {
		return append(binary.AppendUvarint(dst, uint64(width)), c.data...), encFixed
	}
	for _, n := range c.lens {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	return append(dst, c.data...), encPlain
}

// width is the values' common length, if they have one.
func (c *column) width() (int, bool) {
	w := c.lens[0]
	for _, n := range c.lens {
		if n != w {
			return 0, false
		}
	}
	return int(w), true
}

// sameValues reports whether data is one value over and over.
func sameValues(data []byte, width int) bool {
	return len(data) == width || bytes.Equal(data[width:], data[:len(data)-width])
}

const (
	dictMax   = 255
	dictSlots = 1024
	dictTrial = 48 // values after which too many different ones end the attempt
)

// dictionary finds a column's distinct values; an open-addressing table of
// their numbers, cleared by generation.
type dictionary struct {
	slots   [dictSlots]uint32 // generation<<8 | code
	gen     uint32
	offsets [dictMax + 1]uint32
	lens    [dictMax]uint32
	size    int
	data    []byte
}

// build fills s.codes, one a value; false when a dictionary does not pay.
func (d *dictionary) build(c *column, s *scratch) bool {
	if len(c.lens) < 8 || len(c.data) > 64*len(c.lens) {
		return false
	}
	d.next(c.data)
	s.codes = s.codes[:0]
	at := uint32(0)
	for i, n := range c.lens {
		code, ok := d.code(at, n)
		if !ok || (i >= dictTrial && d.size*4 > i*3) {
			return false
		}
		s.codes = append(s.codes, code)
		at += n
	}
	return d.size*2 <= len(c.lens)
}

func (d *dictionary) next(data []byte) {
	if d.gen++; d.gen == 1<<24 {
		d.slots, d.gen = [dictSlots]uint32{}, 1
	}
	d.size, d.data = 0, data
}

// code is the number of the value at data[at:at+n], new or known.
func (d *dictionary) code(at, n uint32) (byte, bool) {
	v := d.data[at : at+n]
	slot := shortHash(v) & (dictSlots - 1)
	for d.slots[slot]>>8 == d.gen {
		code := byte(d.slots[slot])
		if d.lens[code] == n && bytes.Equal(d.value(int(code)), v) {
			return code, true
		}
		slot = (slot + 1) & (dictSlots - 1)
	}
	if d.size == dictMax {
		return 0, false
	}
	code := d.size
	d.slots[slot] = d.gen<<8 | uint32(code)
	d.offsets[code], d.lens[code] = at, n
	d.size++
	return byte(code), true
}

func (d *dictionary) value(code int) []byte {
	return d.data[d.offsets[code] : d.offsets[code]+d.lens[code]]
}

func (d *dictionary) append(dst, codes []byte) []byte {
	dst = append(dst, byte(d.size))
	for i := range d.size {
		dst = appendText(dst, d.value(i))
	}
	return append(dst, codes...)
}

// shortHash mixes the first and last eight bytes and the length: enough to
// spread the values of a column over a small table.
func shortHash(v []byte) uint32 {
	var head, tail uint64
	if len(v) >= 8 {
		head, tail = binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[len(v)-8:])
	} else {
		for _, c := range v {
			head = head<<8 | uint64(c)
		}
	}
	h := (head ^ tail*0x9e3779b97f4a7c15 ^ uint64(len(v))) * 0xff51afd7ed558ccd
	return uint32(h >> 33)
}

// first is the oldest value kept.
func (c *column) first() []byte { return c.data[:c.lens[0]] }
