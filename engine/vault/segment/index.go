package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"
)

// Section is the part of a segment that holds one SObject.
type Section struct {
	Object        string
	Fields        []Field
	First, Blocks int // its blocks
	Rows          int64
	Bytes         int64 // of its blocks, sealed
	IDs           int   // distinct
	MinSeq        uint64
	MaxSeq        uint64
	bloomLen      int
}

const (
	fieldHot     = 1 << 0
	fieldDerived = 1 << 1
)

// blockMeta is a block's line in the sparse index.
type blockMeta struct {
	first, last []byte
	at          int64 // of the hot stream; the cold one follows it
	hot, cold   stream
	rows        int
	minSeq      uint64
	maxSeq      uint64
	object      int // its section
}

// stream is the length of a sealed stream, and of what it inflates to.
type stream struct{ sealed, raw int }

func (m *blockMeta) size() int { return m.hot.sealed + m.cold.sealed }

type index struct {
	sections []Section
	blocks   []blockMeta
}

func (x *index) encode() []byte {
	var b []byte
	b = binary.AppendUvarint(b, uint64(len(x.sections)))
	for i := range x.sections {
		s := &x.sections[i]
		b = appendText(b, s.Object)
		b = binary.AppendUvarint(b, uint64(len(s.Fields)))
		for _, f := range s.Fields {
			b = appendText(b, f.Name)
			b = appendText(b, f.Type)
			b = append(b, f.flags())
		}
		b = binary.AppendUvarint(b, uint64(s.Blocks))
		b = binary.AppendUvarint(b, uint64(s.IDs))
		b = binary.AppendUvarint(b, uint64(s.bloomLen))
	}
	for i := range x.blocks {
		m := &x.blocks[i]
		for _, n := range [...]int{m.rows, m.hot.sealed, m.hot.raw, m.cold.sealed, m.cold.raw} {
			b = binary.AppendUvarint(b, uint64(n))
		}
		b = binary.AppendUvarint(b, m.minSeq)
		b = binary.AppendUvarint(b, m.maxSeq-m.minSeq)
		b = appendText(b, m.first)
		b = appendText(b, m.last)
	}
	return b
}

func (f Field) flags() (b byte) {
	if f.Hot {
		b |= fieldHot
	}
	if f.Derived {
		b |= fieldDerived
	}
	return b
}

// parse reads an index whose blocks end at blocksEnd.
func (x *index) parse(b []byte, blocksEnd int64) error {
	in := input{b: b}
	for range in.count(maxSections) {
		x.sections = append(x.sections, parseSection(&in))
	}
	at := int64(headerSize)
	for i := range x.sections {
		s := &x.sections[i]
		s.First = len(x.blocks)
		for range s.Blocks {
			m := parseBlock(&in)
			m.at, m.object = at, i
			at += int64(m.size())
			if in.failed || at > blocksEnd {
				return fmt.Errorf("%w: it makes no sense", ErrDamaged)
			}
			s.cover(&m)
			x.blocks = append(x.blocks, m)
		}
	}
	if in.failed || len(in.b) > 0 || at != blocksEnd {
		return fmt.Errorf("%w: it makes no sense", ErrDamaged)
	}
	return nil
}

func parseSection(in *input) Section {
	s := Section{Object: string(in.text(len(in.b)))}
	for range in.count(maxFields) {
		f := Field{Name: string(in.text(len(in.b))), Type: string(in.text(len(in.b)))}
		flags := in.byte()
		f.Hot, f.Derived = flags&fieldHot != 0, flags&fieldDerived != 0
		if in.failed {
			return s
		}
		s.Fields = append(s.Fields, f)
	}
	s.Blocks = in.count(1 << 30)
	s.IDs = in.count(1 << 30)
	s.bloomLen = in.count(1 << 30)
	return s
}

func parseBlock(in *input) (m blockMeta) {
	m.rows = in.count(maxRows)
	m.hot.sealed, m.hot.raw = in.count(2*maxRaw), in.count(2*maxRaw)
	m.cold.sealed, m.cold.raw = in.count(2*maxRaw), in.count(2*maxRaw)
	m.minSeq = in.uvarint()
	m.maxSeq = m.minSeq + in.uvarint()
	m.first, m.last = in.text(maxIDLen), in.text(maxIDLen)
	if m.hot.sealed < sealSize || m.cold.sealed < sealSize || m.rows == 0 {
		in.fail()
	}
	return m
}

// cover widens the section's figures by a block.
func (s *Section) cover(m *blockMeta) {
	if s.Rows == 0 || m.minSeq < s.MinSeq {
		s.MinSeq = m.minSeq
	}
	s.MaxSeq = max(s.MaxSeq, m.maxSeq)
	s.Rows += int64(m.rows)
	s.Bytes += int64(m.size())
}

// seek returns the first block of the section whose last id is not before id.
func (x *index) seek(s *Section, id []byte) int {
	blocks := x.blocks[s.First : s.First+s.Blocks]
	return s.First + sort.Search(len(blocks), func(i int) bool { return bytes.Compare(blocks[i].last, id) >= 0 })
}
