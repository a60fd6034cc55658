package segment

import "math/bits"

// span is where a value stands in its column's source; length 0 is null.
type span struct{ at, n uint32 }

// values is a decoded column.
type values struct {
	src    []byte // the column's bytes, or side when the texts had to be made
	side   []byte
	spans  []span // a row's, or a record's when shared
	room   []span
	shared bool // the versions of a record all have its value
}

func (v *values) get(row int) []byte {
	s := v.spans[row]
	return v.src[s.at : s.at+s.n : s.at+s.n]
}

// shape is what a block's columns share.
type shape struct {
	rows    int
	repeats []byte // nil when no record has two versions here
	count   int    // rows that are no repeats
}

// decoder decodes columns; its buffers are reused.
type decoder struct {
	present []uint16
	eff     []span
	pack    []span
	nums    []int64
	dict    [dictMax]span
	clock   clock
}

// column decodes one column.
func (d *decoder) column(v *values, body []byte, sh *shape) error {
	in := input{b: body}
	head := in.byte()
	n, broken := sh.count, []byte(nil)
	if head&brokenRepeat != 0 && sh.repeats != nil {
		broken = in.take(bitmapLen(sh.rows))
		n += onesOf(broken, sh.repeats)
	}
	v.src, v.shared = body, sh.repeats != nil && broken == nil
	v.room = grow(v.room, max(sh.rows, n))
	v.spans = v.room[:n]
	if broken != nil {
		d.eff = grow(d.eff, n)
		v.spans = d.eff
	}
	if d.spread(v, &in, head); in.failed {
		clear(v.spans)
	}
	if broken != nil {
		expand(v.room[:sh.rows], v.spans, sh, broken)
		v.spans = v.room[:sh.rows]
	}
	return in.err("column")
}

// spread decodes the values and puts them where their rows are.
func (d *decoder) spread(v *values, in *input, head byte) {
	count := d.presence(in, head&presentMask, len(v.spans))
	if in.failed || head&presentMask == presentAll {
		d.values(v, in, head&encMask, v.spans)
		return
	}
	d.pack = grow(d.pack, count)
	d.values(v, in, head&encMask, d.pack)
	clear(v.spans)
	if in.failed {
		return
	}
	for i, row := range d.present[:count] {
		v.spans[row] = d.pack[i]
	}
}

// onesOf counts the bits that both bitmaps have.
func onesOf(a, b []byte) (n int) {
	for i := range a {
		n += bits.OnesCount8(a[i] & b[i])
	}
	return n
}

// expand gives each repeat the span of the row before, unless it is broken.
func expand(spans, eff []span, sh *shape, broken []byte) {
	at := 0
	for row := range spans {
		if row > 0 && bit(sh.repeats, row) && (broken == nil || !bit(broken, row)) {
			spans[row] = spans[row-1]
			continue
		}
		spans[row] = eff[at]
		at++
	}
}

// presence says how many of n rows have a value, and which (d.present).
func (d *decoder) presence(in *input, how byte, n int) int {
	switch how {
	case presentAll:
		return n
	case presentMap:
		d.present = appendBits(grow(d.present, n)[:0], in.take(bitmapLen(n)), n)
	case presentGaps:
		count := in.count(n)
		d.present = d.present[:0]
		next := 0
		for range count {
			if next += in.count(n); next >= n {
				in.fail()
				return 0
			}
			d.present = append(d.present, uint16(next))
			next++
		}
	default:
		in.fail()
		return 0
	}
	return len(d.present)
}

// appendBits lists the bits that are set among the first n.
func appendBits(dst []uint16, bitmap []byte, n int) []uint16 {
	for i, b := range bitmap {
		for ; b != 0; b &= b - 1 {
			if at := i*8 + bits.TrailingZeros8(b); at < n {
				dst = append(dst, uint16(at))
			}
		}
	}
	return dst
}

// values decodes len(dst) values.
func (d *decoder) values(v *values, in *input, enc byte, dst []span) {
	switch enc {
	case encPlain:
		plainSpans(in, v.src, dst)
	case encConst:
		value := in.text(len(in.b))
		at := uint32(len(v.src) - len(in.b) - len(value))
		for i := range dst {
			dst[i] = span{at, uint32(len(value))}
		}
	case encFixed:
		width := in.count(len(in.b))
		at := uint32(len(v.src) - len(in.b))
		in.take(width * len(dst))
		for i := range dst {
			dst[i] = span{at + uint32(i*width), uint32(width)}
		}
	case encDict:
		d.dictSpans(in, v.src, dst)
	case encID, encIDs:
		d.ids(v, in, enc, dst)
	case encTime:
		d.times(v, in, dst)
	default:
		in.fail()
	}
}

func plainSpans(in *input, src []byte, dst []span) {
	total := 0
	for i := range dst {
		if len(in.b) > 0 && in.b[0] < 0x80 { // nearly always
			dst[i].n = uint32(in.b[0])
			in.b = in.b[1:]
		} else {
			dst[i].n = uint32(in.count(maxRaw))
		}
		total += int(dst[i].n)
	}
	at := uint32(len(src) - len(in.b))
	in.take(total)
	for i := range dst {
		dst[i].at = at
		at += dst[i].n
	}
}

func (d *decoder) dictSpans(in *input, src []byte, dst []span) {
	size := int(in.byte())
	for i := range size {
		v := in.text(len(in.b))
		d.dict[i] = span{uint32(len(src) - len(in.b) - len(v)), uint32(len(v))}
	}
	for i, code := range in.take(len(dst)) {
		if int(code) >= size {
			in.fail()
			return
		}
		dst[i] = d.dict[code]
	}
}

// makeTexts gives v room for len(dst) texts of one width of its own.
func makeTexts(v *values, dst []span, width int) []byte {
	v.side = grow(v.side, len(dst)*width)
	v.src = v.side
	for i := range dst {
		dst[i] = span{uint32(i * width), uint32(width)}
	}
	return v.side
}

func (d *decoder) ids(v *values, in *input, enc byte, dst []span) {
	p := in.count(15)
	prefix := in.take(p)
	rest := 15 - p
	if in.failed || (enc == encIDs && rest > maxBase62) {
		in.fail()
		return
	}
	texts := makeTexts(v, dst, idLen)
	var begin [idLen]byte
	copy(begin[:], prefix)
	putChecksum(begin[:], 0)
	n := uint64(0)
	for at := 0; at < len(texts); at += idLen {
		id := texts[at : at+idLen]
		copy(id, begin[:])
		if enc == encIDs {
			n += in.uvarint()
			putBase62(id[p:15], n)
		} else if tail := in.take(rest); tail != nil {
			copy(id[p:], tail)
		}
		putChecksum(id, p/5)
	}
}

func (d *decoder) times(v *values, in *input, dst []span) {
	width, code := int(in.byte()), in.byte()
	if (width != len(dateLayout) && width != len(stampLayout) && width != len(offsetLayout)) || code > unitMilli {
		in.fail()
		return
	}
	unit := [...]int64{dayMillis, 1000, 1}[code]
	d.nums = grow(d.nums, len(dst))
	if numbers(in, d.nums, (maxMillis-zeroMillis)/unit); in.failed {
		return
	}
	texts := makeTexts(v, dst, width)
	for i, n := range d.nums {
		d.clock.put(texts[i*width:(i+1)*width], n*unit+zeroMillis)
	}
}

// numbers reads what appendNumbers wrote, none of it at or over limit.
func numbers(in *input, dst []int64, limit int64) {
	low := int64(in.count(int(limit)))
	width := int(in.byte())
	if width > 8 {
		in.fail()
		return
	}
	for i := range dst {
		dst[i] = 0
	}
	for range width {
		plane := in.take(len(dst))
		for i, b := range plane {
			dst[i] = dst[i]<<8 | int64(b)
		}
	}
	for i := range dst {
		if dst[i] < 0 || dst[i] >= limit-low {
			in.fail()
			return
		}
		dst[i] += low
	}
}

// directory is where the columns of a stream stand.
type directory []colRef

type colRef struct {
	col  int
	body []byte
}

func (dir directory) parse(in input, cols int) (directory, error) {
	dir = dir[:0]
	count := in.count(cols)
	next, stream := 0, in.b
	for range count {
		col, n := next+in.count(cols), in.count(len(in.b))
		if col >= cols {
			in.fail()
			break
		}
		dir = append(dir, colRef{col: col, body: stream[:n]})
		next = col + 1
	}
	for i := range dir {
		dir[i].body = in.take(len(dir[i].body))
	}
	if len(in.b) > 0 {
		in.fail()
	}
	return dir, in.err("list of columns")
}
