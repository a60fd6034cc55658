package segment

import "fmt"

// Copy appends the block that c stands on as it is: opened and sealed again
// under this segment's key, not inflated but for its ids. The section must have
// the fields of the block's, and nothing may have been read of the block's
// cold fields.
func (w *Writer) Copy(c *Cursor) error {
	if c.hasCold {
		return fmt.Errorf("%w: the block's cold stream is inflated already", ErrOrder)
	}
	if err := w.flush(); err != nil {
		return err
	}
	n := c.Number()
	cold, err := c.r.seal.open(c.sealed, kindCold, n)
	if err != nil {
		return c.r.blockFault(n, err)
	}
	e := &encoding{ordinal: w.ordinal, meta: c.r.index.blocks[n], done: make(chan struct{})}
	e.meta.object = len(w.index.sections) - 1
	e.firstSeq, e.lastSeq = c.Seq(0), c.Seq(c.Len()-1)
	for i := range c.ids.spans {
		e.hashes = append(e.hashes, idHash(c.ids.get(i)))
	}
	e.hot = w.seal.seal(nil, c.packed, kindHot, w.ordinal)
	e.cold = w.seal.seal(nil, cold, kindCold, w.ordinal)
	close(e.done)
	w.ordinal++
	w.pending = append(w.pending, e)
	return w.drain(2 * w.o.Workers)
}
