package vault

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

const (
	firstChunk = 16 << 10 // chunks double from here
	chunkBytes = 1 << 20
)

// arena holds a writer's rows packed, until they are written.
type arena struct {
	chunks  [][]byte
	free    [][]byte
	entries []entry
	sorted  bool
	size    int
}

// entry is one row of an arena.
type entry struct {
	row    []byte // packed
	op     segment.Op
	idLen  uint8
	modLen uint8
}

func (e *entry) id() []byte { return e.row[:e.idLen] }

func (e *entry) modstamp() []byte { return e.row[e.idLen : int(e.idLen)+int(e.modLen)] }

// cells unpacks the row's values into dst's room.
func (e *entry) cells(dst []segment.Cell) []segment.Cell {
	b := e.row[int(e.idLen)+int(e.modLen):]
	field := -1
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		size, m := binary.Uvarint(b[n:])
		b = b[n+m:]
		field += int(gap)
		dst = append(dst, segment.Cell{Field: field, Value: b[:size]})
		b = b[size:]
	}
	return dst
}

func (e *entry) bare() bool { return len(e.row) == int(e.idLen)+int(e.modLen) }

const entrySize = 32 // of an entry in memory

// add packs a row.
func (a *arena) add(r *Row, op segment.Op) {
	need := len(r.ID) + len(r.Modstamp)
	for _, v := range r.Values {
		need += len(v) + 2*binary.MaxVarintLen32
	}
	chunk := a.room(need)
	at := len(*chunk)
	b := append(append(*chunk, r.ID...), r.Modstamp...)
	last := -1
	for field, v := range r.Values {
		if len(v) == 0 {
			continue
		}
		b = binary.AppendUvarint(b, uint64(field-last))
		b = binary.AppendUvarint(b, uint64(len(v)))
		b = append(b, v...)
		last = field
	}
	*chunk = b
	e := entry{row: b[at:len(b):len(b)], op: op, idLen: uint8(len(r.ID)), modLen: uint8(len(r.Modstamp))}
	if n := len(a.entries); n == 0 {
		a.sorted = true
	} else if a.sorted {
		a.sorted = bytes.Compare(a.entries[n-1].id(), e.id()) < 0
	}
	a.entries = append(a.entries, e)
	a.size += len(e.row) + entrySize
}

// room is a chunk with need bytes free.
func (a *arena) room(need int) *[]byte {
	if n := len(a.chunks); n > 0 && cap(a.chunks[n-1])-len(a.chunks[n-1]) >= need {
		return &a.chunks[n-1]
	}
	if n := len(a.free); n > 0 && need <= chunkBytes {
		a.chunks = append(a.chunks, a.free[n-1][:0])
		a.free = a.free[:n-1]
	} else {
		a.chunks = append(a.chunks, make([]byte, 0, max(min(max(a.size, firstChunk), chunkBytes), need)))
	}
	return &a.chunks[len(a.chunks)-1]
}

// settle sorts the rows by id and keeps one of each: the one with the later
// modstamp, or that came later.
func (a *arena) settle() {
	if a.sorted {
		return
	}
	slices.SortStableFunc(a.entries, func(x, y entry) int { return bytes.Compare(x.id(), y.id()) })
	kept := a.entries[:0]
	for _, e := range a.entries {
		if n := len(kept); n == 0 || !bytes.Equal(kept[n-1].id(), e.id()) {
			kept = append(kept, e)
		} else if !older(e.modstamp(), kept[n-1].modstamp()) {
			kept[n-1] = e
		}
	}
	a.entries, a.sorted = kept, true
}

// older reports whether stamp a is certainly before b.
func older(a, b []byte) bool { return len(a) > 0 && len(b) > 0 && bytes.Compare(a, b) < 0 }

// reset empties the arena and keeps its memory.
func (a *arena) reset() {
	for _, c := range a.chunks {
		if cap(c) == chunkBytes {
			a.free = append(a.free, c)
		}
	}
	clear(a.entries)
	a.chunks, a.entries, a.size, a.sorted = a.chunks[:0], a.entries[:0], 0, false
}
