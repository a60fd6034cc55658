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
	// Times are written out when they are asked for: most are of versions that
	// a later one outdates.
	nums  []int64 // a text's; the first byte of one not yet made is 0
	unit  int64
	clock *clock // nil when the texts are there
}

func (v *values) get(row int) []byte {
	s := v.spans[row]
	if v.clock != nil {
		v.write(s)
	}
	return v.src[s.at : s.at+s.n : s.at+s.n]
}

// write makes the text of a time, once.
func (v *values) write(s span) {
	if s.n > 0 && v.side[s.at] == 0 {
		v.clock.put(v.side[s.at:s.at+s.n], v.nums[s.at/s.n]*v.unit+zeroMillis)
	}
}

// shape is what a block's columns share.
type shape struct {
	rows     int
	repeats  []byte   // nil when no record has two versions here
	distinct []uint16 // per row, which of the ids
	count    int      // rows that are no repeats
}

// decoder decodes columns; its buffers are reused.
type decoder struct {
	present []uint16
	eff     []span
	pack    []span
	dict    [dictMax]span
	clock   clock
}

// column decodes one column.
func (d *decoder) column(v *values, body []byte, sh *shape) error {
	in := input{b: body}
	head := in.byte()
	n, broken := sh.count, []byte(nil)
	if head&brokenRepeat != 0 && sh.repeats != nil {
		broken = in.bitmap(sh.rows)
		n += onesOf(broken, sh.repeats)
	}
	v.src, v.shared, v.clock = body, sh.repeats != nil && broken == nil, nil
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
	switch n := len(v.spans); head & presentMask {
	case presentAll:
		d.values(v, in, head&encMask, v.spans)
	case presentMap:
		bitmap := in.bitmap(n)
		d.packed(v, in, head, onesIn(bitmap))
		if !in.failed {
			scatter(v.spans, d.pack, bitmap)
		}
	case presentGaps:
		d.gaps(in, n)
		d.packed(v, in, head, len(d.present))
		clear(v.spans)
		if !in.failed {
			for i, row := range d.present {
				v.spans[row] = d.pack[i]
			}
		}
	default:
		in.fail()
	}
}

// packed decodes count values into d.pack; an empty one follows them.
func (d *decoder) packed(v *values, in *input, head byte, count int) {
	d.pack = grow(d.pack, count+1)
	d.pack[count] = span{}
	d.values(v, in, head&encMask, d.pack[:count])
}

func onesIn(bitmap []byte) (n int) {
	for _, b := range bitmap {
		n += bits.OnesCount8(b)
	}
	return n
}

// scatter gives the rows whose bit is set the next span of pack, the others an
// empty one; a branch for each would cost more than it saves.
func scatter(spans, pack []span, bitmap []byte) {
	at := 0
	for row := range spans {
		set := uint32(bitmap[row>>3]) >> (row & 7) & 1
		s := pack[at]
		s.n &= -set
		spans[row] = s
		at += int(set)
	}
}

// onesOf counts the bits that both bitmaps have.
func onesOf(a, b []byte) (n int) {
	for i := range a {
		n += bits.OnesCount8(a[i] & b[i])
	}
	return n
}

// expand gives each row its span: a repeat has that of the row before unless it
// is broken.
func expand(spans, eff []span, sh *shape, broken []byte) {
	from, extra := 0, 0
	for i, b := range broken {
		for b &= sh.repeats[i]; b != 0; b &= b - 1 {
			row := i*8 + bits.TrailingZeros8(b)
			gather(spans[from:row], eff[extra:], sh.distinct[from:row])
			from, extra = row, extra+1
		}
	}
	gather(spans[from:], eff[extra:], sh.distinct[from:])
}

func gather(spans, from []span, at []uint16) {
	for i := range spans {
		spans[i] = from[at[i]]
	}
}

// gaps lists in d.present which of n rows have a value.
func (d *decoder) gaps(in *input, n int) {
	d.present = d.present[:0]
	next := 0
	for range in.count(n) {
		if next += in.count(n); next >= n {
			in.fail()
			return
		}
		d.present = append(d.present, uint16(next))
		next++
	}
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
	v.unit = [...]int64{dayMillis, 1000, 1}[code]
	v.nums = grow(v.nums, len(dst))
	if numbers(in, v.nums, (maxMillis-zeroMillis)/v.unit); in.failed {
		return
	}
	texts := makeTexts(v, dst, width)
	for at := 0; at < len(texts); at += width {
		texts[at] = 0
	}
	v.clock = &d.clock
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
