package segment

// Projection reads chosen fields of many rows: each block is prepared once.
type Projection struct {
	places  [][]int
	retyped []int // fields with more than one place
	cold    bool
	cursor  *Cursor
	loads   int
	cols    []projected
	times   []timeColumn
}

// projected is a field's column in the block at hand; without spans it is null.
type projected struct {
	spans  []span
	src    []byte
	shared bool
}

// timeColumn is a column whose texts are written when they are read.
type timeColumn struct {
	field int
	v     *values
}

// NewProjection reads, for each wanted field, the first that is not null of the
// columns at its places in s; a field without a place is null.
func NewProjection(s *Section, places [][]int) *Projection {
	p := &Projection{places: places, cols: make([]projected, len(places))}
	for i, at := range places {
		if len(at) > 1 {
			p.retyped = append(p.retyped, i)
		}
		for _, field := range at {
			p.cold = p.cold || !s.Fields[field].Hot
		}
	}
	return p
}

// Read fills dst, one value a field, with a row of c's block.
func (p *Projection) Read(c *Cursor, row int, dst [][]byte) error {
	if p.cursor != c || p.loads != c.loads {
		if err := p.bind(c); err != nil {
			return err
		}
	}
	record := int(c.distinct[row])
	for i := range p.cols {
		col, at := &p.cols[i], row
		if col.spans == nil {
			dst[i] = nil
			continue
		}
		if col.shared {
			at = record
		}
		s := col.spans[at]
		dst[i] = col.src[s.at : s.at+s.n : s.at+s.n]
	}
	for i := range p.times {
		if text := dst[p.times[i].field]; len(text) > 0 && text[0] == 0 {
			c.get(p.times[i].v, row)
		}
	}
	for _, i := range p.retyped {
		dst[i] = c.firstOf(p.places[i], row)
	}
	return nil
}

// bind decodes the columns in the cursor's block.
func (p *Projection) bind(c *Cursor) error {
	if p.cold {
		if err := c.loadCold(); err != nil {
			return err
		}
	}
	p.times = p.times[:0]
	for i, places := range p.places {
		p.cols[i] = projected{}
		for _, field := range places {
			col := field + 1
			if c.state[col] == colEncoded {
				if err := c.decode(col); err != nil {
					return c.r.blockFault(c.Number(), err)
				}
			}
			if c.state[col] == colDecoded {
				v := c.from[col]
				if p.cols[i] = (projected{v.spans, v.src, v.shared}); v.clock != nil {
					p.times = append(p.times, timeColumn{i, v})
				}
			}
		}
	}
	p.cursor, p.loads = c, c.loads
	return nil
}

// firstOf is the first value that is not null of some decoded columns.
func (c *Cursor) firstOf(places []int, row int) []byte {
	for _, field := range places {
		if c.state[field+1] == colDecoded {
			if v := c.get(c.from[field+1], row); len(v) > 0 {
				return v
			}
		}
	}
	return nil
}
