package segment

import (
	"context"
	"sync"
)

// Cursor walks blocks of one segment. Next reads a block's hot stream; its cold
// one is inflated when it is needed. What the methods return is valid until the
// next Next. It serves one goroutine.
type Cursor struct {
	block
	r         *Reader
	next, end int
	window    int
	loads     int // blocks read, to tell one from the next
	buf       []byte
	bufAt     int64
	sealed    []byte // cold stream of the current block
	packed    []byte // its hot stream, opened and still compressed
}

// Cursor walks the blocks [from, to), reading ahead in ranges of about window
// bytes; with 0 it reads a block at a time.
func (r *Reader) Cursor(from, to, window int) *Cursor {
	c := cursors.Get().(*Cursor)
	c.r, c.next, c.end, c.window, c.buf = r, from, to, window, c.buf[:0]
	c.rows = 0
	return c
}

var cursors = sync.Pool{New: func() any { return new(Cursor) }}

// Release gives the cursor's memory to the next one. Nothing that it returned
// may be used afterwards; a cursor that is not released is only garbage.
func (c *Cursor) Release() {
	c.r = nil
	cursors.Put(c)
}

// Number of the current block.
func (c *Cursor) Number() int { return c.next - 1 }

// Section that the current block belongs to.
func (c *Cursor) Section() *Section { return &c.r.index.sections[c.r.index.blocks[c.next-1].object] }

// SkipTo leaves out the blocks before block.
func (c *Cursor) SkipTo(block int) { c.next = max(c.next, block) }

// Rest is how many blocks are still to come.
func (c *Cursor) Rest() int { return c.end - c.next }

// Next reads the next block's hot stream; false at the end.
func (c *Cursor) Next(ctx context.Context) (bool, error) {
	if c.next >= c.end {
		return false, nil
	}
	n := c.next
	c.next++
	c.loads++
	m := &c.r.index.blocks[n]
	if err := c.fetch(ctx, n, m); err != nil {
		return false, c.r.blockFault(n, err)
	}
	sealed := c.buf[m.at-c.bufAt:]
	c.sealed = sealed[m.hot.sealed:m.size()]
	if err := c.load(sealed[:m.hot.sealed], n, m); err != nil {
		return false, c.r.blockFault(n, err)
	}
	return true, nil
}

func (c *Cursor) load(sealed []byte, n int, m *blockMeta) (err error) {
	if c.packed, err = c.r.seal.open(sealed, kindHot, n); err != nil {
		return err
	}
	if c.hot, err = inflate(c.hot, c.packed, m.hot.raw); err != nil {
		return err
	}
	return c.parseHot(c.hot, m.rows, len(c.Section().Fields))
}

// fetch has block n in c.buf, and as many after it as the window holds.
func (c *Cursor) fetch(ctx context.Context, n int, m *blockMeta) error {
	if len(c.buf) > 0 && m.at >= c.bufAt && m.at+int64(m.size()) <= c.bufAt+int64(len(c.buf)) {
		return nil
	}
	size := m.size()
	for n++; n < c.end; n++ {
		more := c.r.index.blocks[n].size()
		if size+more > c.window {
			break
		}
		size += more
	}
	c.buf, c.bufAt = grow(c.buf, size), m.at
	return c.r.src.ReadAt(ctx, c.buf, m.at)
}

// Value is a field's canonical text in a row, empty for null.
func (c *Cursor) Value(field, row int) ([]byte, error) {
	if !c.hasCold && !c.Section().Fields[field].Hot {
		if err := c.loadCold(); err != nil {
			return nil, err
		}
	}
	value, err := c.value(field+1, row)
	if err != nil {
		return nil, c.r.blockFault(c.Number(), err)
	}
	return value, nil
}

// loadCold inflates the current block's cold stream, once.
func (c *Cursor) loadCold() error {
	if c.hasCold {
		return nil
	}
	n := c.Number()
	packed, err := c.r.seal.open(c.sealed, kindCold, n)
	if err == nil {
		c.cold, err = inflate(c.cold, packed, c.r.index.blocks[n].cold.raw)
	}
	if err == nil {
		err = c.parseCold(c.cold)
	}
	if err != nil {
		return c.r.blockFault(n, err)
	}
	return nil
}

// LoadAll inflates the current block whole and decodes every column of it.
func (c *Cursor) LoadAll() error {
	if err := c.loadCold(); err != nil {
		return err
	}
	if err := c.decodeAll(); err != nil {
		return c.r.blockFault(c.next-1, err)
	}
	return nil
}
