package vault

import (
	"bytes"
	"context"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

// merge walks the versions of an object over all its segments, record by
// record in the order of ids. Sections are opened when their ids come up, so
// segments that do not overlap cost memory one at a time.
type merge struct {
	v      *Vault
	heap   []*lane // by current id
	taken  []*lane // those that the current group came from
	id     []byte
	spans  []span
	low    uint64 // blocks without a sequence in [low, high] are left out
	high   uint64
	after  []byte // ids up to this one are left out
	window int
}

// lane is a merge's place in one section.
type lane struct {
	openSection
	cursor *segment.Cursor
	next   int // block
	row    int
	id     []byte
	absent int                    // place of absentField
	proj   [4]*segment.Projection // by emitter
}

// span is some versions of one record in one segment, by sequence.
type span struct {
	lane     *lane
	cursor   *segment.Cursor
	from, to int
}

// mergeOf walks the sections that have a sequence in [low, high].
func (v *Vault) mergeOf(sections []section, low, high uint64) *merge {
	m := &merge{v: v, low: low, high: high, window: scanWindow}
	for _, s := range sections {
		if s.MinSeq <= high && s.MaxSeq >= low {
			m.heap = append(m.heap, &lane{openSection: openSection{section: s}, id: s.MinID})
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return m
}

// next moves to the next record; m.id and m.spans describe it until the call
// after.
func (m *merge) next(ctx context.Context) (bool, error) {
	for _, l := range m.taken {
		if err := m.push(ctx, l); err != nil {
			return false, err
		}
	}
	m.taken, m.spans = m.taken[:0], m.spans[:0]
	if err := m.ready(ctx); err != nil || len(m.heap) == 0 {
		return false, err
	}
	m.id = append(m.id[:0], m.heap[0].id...)
	for len(m.heap) > 0 && bytes.Equal(m.heap[0].id, m.id) {
		l := m.pop()
		m.taken = append(m.taken, l)
		if err := m.collect(ctx, l); err != nil {
			return false, err
		}
		if err := m.ready(ctx); err != nil {
			return false, err
		}
	}
	return true, nil
}

// ready opens the lanes whose turn has come, until the top one stands on a row.
func (m *merge) ready(ctx context.Context) error {
	for len(m.heap) > 0 && m.heap[0].cursor == nil {
		l := m.pop()
		if err := m.open(ctx, l); err != nil {
			return err
		}
		if err := m.push(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func (m *merge) open(ctx context.Context, l *lane) (err error) {
	if l.r == nil {
		if l.r, err = m.v.reader(ctx, l.segment); err != nil {
			return err
		}
		l.s, _ = l.r.Section(l.Object)
		l.absent = absentAt(l.s.Fields)
	}
	l.next = l.s.First
	if len(m.after) > 0 {
		l.next = l.r.Seek(l.s, m.after)
	}
	l.cursor = l.r.Cursor(l.next, l.s.First+l.s.Blocks, m.window)
	l.row = 0
	return nil
}

// push puts a lane back where its next row belongs; a lane at its end goes.
func (m *merge) push(ctx context.Context, l *lane) error {
	for l.row >= l.cursor.Len() {
		more, err := m.block(ctx, l)
		if err != nil || !more {
			return err
		}
		l.row = 0
		if len(m.after) > 0 {
			for l.row < l.cursor.Len() && bytes.Compare(l.cursor.ID(l.row), m.after) <= 0 {
				l.row++
			}
		}
	}
	l.id = l.cursor.ID(l.row)
	m.heap = append(m.heap, l)
	m.rise(len(m.heap) - 1)
	return nil
}

// block reads the lane's next block that matters.
func (m *merge) block(ctx context.Context, l *lane) (bool, error) {
	for end := l.s.First + l.s.Blocks; l.next < end; l.next++ {
		if least, greatest := l.r.BlockSeqs(l.next); least <= m.high && greatest >= m.low {
			l.cursor.SkipTo(l.next)
			l.next++
			return l.cursor.Next(ctx)
		}
	}
	return false, nil
}

// collect takes the lane's versions of m.id. When they go on in the next block
// the lane leaves its cursor to the group and reads on with another.
func (m *merge) collect(ctx context.Context, l *lane) error {
	for {
		from := l.row
		for l.row++; l.row < l.cursor.Len() && l.cursor.SameID(l.row); {
			l.row++
		}
		m.spans = append(m.spans, span{lane: l, cursor: l.cursor, from: from, to: l.row})
		if l.row < l.cursor.Len() || l.next >= l.s.First+l.s.Blocks {
			return nil
		}
		if first, _ := l.r.BlockIDs(l.next); !bytes.Equal(first, m.id) {
			return nil
		}
		l.cursor = l.r.Cursor(l.next, l.s.First+l.s.Blocks, m.window)
		l.row = 0
		if more, err := m.block(ctx, l); err != nil || !more {
			return err
		}
		if !bytes.Equal(l.cursor.ID(0), m.id) {
			return nil
		}
	}
}

func (m *merge) pop() *lane {
	top, last := m.heap[0], len(m.heap)-1
	m.heap[0] = m.heap[last]
	m.heap = m.heap[:last]
	m.sink(0)
	return top
}

func (m *merge) before(i, j int) bool { return bytes.Compare(m.heap[i].id, m.heap[j].id) < 0 }

func (m *merge) rise(i int) {
	for i > 0 && m.before(i, (i-1)/2) {
		m.heap[i], m.heap[(i-1)/2] = m.heap[(i-1)/2], m.heap[i]
		i = (i - 1) / 2
	}
}

func (m *merge) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.heap); child++ {
			if m.before(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		m.heap[i], m.heap[least] = m.heap[least], m.heap[i]
		i = least
	}
}

// pick is one version of the current record.
type pick struct {
	span *span
	row  int
	seq  uint64
}

func (p pick) found() bool { return p.span != nil }

func (p pick) op() segment.Op { return p.span.cursor.Op(p.row) }

// at picks the record's newest version up to a sequence, and the newest of
// those with values of its own (for a bare tombstone).
func (m *merge) at(seq uint64) (best, full pick) {
	for i := range m.spans {
		s := &m.spans[i]
		for row := s.to - 1; row >= s.from; row-- {
			n := s.cursor.Seq(row)
			if n > seq {
				continue
			}
			if full.found() && n < full.seq {
				break
			}
			if !best.found() || n > best.seq {
				best = pick{s, row, n}
			}
			if !s.cursor.Op(row).Bare() {
				if !full.found() || n > full.seq {
					full = pick{s, row, n}
				}
				break
			}
		}
	}
	return best, full
}
