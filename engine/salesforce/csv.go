package salesforce

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// block is a run of whole CSV records in one piece of memory: their fields,
// unquoted where they stand, one record after the other.
type block struct {
	data  []byte
	cells [][]byte
	width int // fields per record
}

func (b *block) len() int {
	if b.width == 0 {
		return 0
	}
	return len(b.cells) / b.width
}

func (b *block) row(n int) [][]byte { return b.cells[n*b.width : (n+1)*b.width] }

// csvReader cuts CSV (comma, double quotes, LF or CRLF) into blocks without
// copying a field: text is read into the block, and only the record that its
// end cuts in two moves on to the next. NUL bytes, which the platform lets
// through, are dropped.
type csvReader struct {
	in    io.Reader
	width int    // fields per record; 0 until the first is read
	rest  []byte // the beginning of a record, left over from the last block
	ended bool

	doubled []int // cells of the record at hand that hold doubled quotes
}

// mostRecord bounds one record: the platform's own bound is 400,000 characters.
const mostRecord = 8 << 20

var (
	errCSVQuote  = errors.New("CSV: a quote stands where none may")
	errCSVWidth  = errors.New("CSV: a record has another number of fields than the header")
	errCSVRecord = errors.New("CSV: a record is longer than the platform allows")
)

// read fills b with the next records; it returns io.EOF after the last one. A
// text that ends inside a record is an io.ErrUnexpectedEOF.
func (c *csvReader) read(b *block, size int) error {
	b.data, b.cells = append(b.data[:0], c.rest...), b.cells[:0]
	c.rest = c.rest[:0]
	for {
		if !c.ended {
			if err := c.fill(b, size); err != nil {
				return err
			}
		}
		used, err := c.cut(b)
		if err != nil {
			return err
		}
		if b.width = c.width; len(b.cells) > 0 {
			c.rest = append(c.rest, b.data[used:]...)
			return nil
		}
		b.data = b.data[used:]
		switch {
		case c.ended && len(b.data) == 0:
			return io.EOF
		case c.ended:
			return io.ErrUnexpectedEOF
		case len(b.data) >= mostRecord:
			return errCSVRecord
		}
		size = max(size, 2*len(b.data))
	}
}

// fill reads until the block holds size bytes or the text ends.
func (c *csvReader) fill(b *block, size int) error {
	b.data = slices.Grow(b.data, max(0, size-len(b.data)))
	for len(b.data) < size {
		n, err := c.in.Read(b.data[len(b.data):size])
		fresh := b.data[len(b.data) : len(b.data)+n]
		if bytes.IndexByte(fresh, 0) >= 0 {
			fresh = slices.DeleteFunc(fresh, func(c byte) bool { return c == 0 })
		}
		b.data = b.data[:len(b.data)+len(fresh)]
		if err == io.EOF {
			c.ended = true
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cut finds the whole records in the block and returns how many bytes they take.
func (c *csvReader) cut(b *block) (used int, err error) {
	for at := 0; at < len(b.data); {
		if end, blank := blankLine(b.data, at); blank {
			at, used = end, end
			continue
		}
		start := len(b.cells)
		end, whole, err := c.record(b, at)
		if err != nil {
			return 0, err
		}
		if !whole {
			b.cells = b.cells[:start]
			return used, nil
		}
		if c.width == 0 {
			c.width = len(b.cells) - start
		}
		if len(b.cells)-start != c.width {
			return 0, errCSVWidth
		}
		at, used = end, end
	}
	return used, nil
}

func blankLine(data []byte, at int) (end int, blank bool) {
	switch {
	case data[at] == '\n':
		return at + 1, true
	case data[at] == '\r' && at+1 < len(data) && data[at+1] == '\n':
		return at + 2, true
	}
	return at, false
}

// record appends the fields of the record at a place; whole is false when the
// block ends before it does. Nothing is unquoted before the record is whole:
// what is left over is read again.
func (c *csvReader) record(b *block, at int) (end int, whole bool, err error) {
	c.doubled = c.doubled[:0]
	for {
		var field []byte
		if at < len(b.data) && b.data[at] == '"' {
			field, at, whole, err = c.quoted(b, at+1)
		} else {
			field, at, whole, err = c.bare(b.data, at)
		}
		if !whole || err != nil {
			return 0, false, err
		}
		b.cells = append(b.cells, field)
		if at < len(b.data) && b.data[at] == ',' {
			at++
			continue
		}
		for _, i := range c.doubled {
			b.cells[i] = undouble(b.cells[i])
		}
		return min(at+1, len(b.data)), true, nil // the text may end without a line break
	}
}

// undouble turns "" into " in place.
func undouble(field []byte) []byte {
	out := 0
	for at := 0; at < len(field); {
		n := bytes.IndexByte(field[at:], '"')
		if n < 0 {
			out += copy(field[out:], field[at:])
			break
		}
		out += copy(field[out:], field[at:at+n+1])
		at += n + 2
	}
	return field[:out]
}

// bare reads an unquoted field; end is where its separator stands.
func (c *csvReader) bare(data []byte, at int) (field []byte, end int, whole bool, err error) {
	n := bytes.IndexAny(data[at:], ",\n")
	if n < 0 {
		if !c.ended {
			return nil, 0, false, nil
		}
		n = len(data) - at
	}
	field, end = data[at:at+n], at+n
	if end < len(data) && data[end] == '\n' {
		field = bytes.TrimSuffix(field, []byte{'\r'})
	}
	if bytes.IndexByte(field, '"') >= 0 {
		return nil, 0, false, errCSVQuote
	}
	return field, end, true, nil
}

// quoted reads a quoted field from behind its opening quote.
func (c *csvReader) quoted(b *block, at int) (field []byte, end int, whole bool, err error) {
	start, doubled := at, false
	for {
		n := bytes.IndexByte(b.data[at:], '"')
		if n < 0 {
			return nil, 0, false, nil
		}
		at += n + 1
		if at == len(b.data) || b.data[at] != '"' {
			break
		}
		doubled = true
		at++
	}
	if doubled {
		c.doubled = append(c.doubled, len(b.cells))
	}
	end, whole, err = c.separator(b.data, at)
	return b.data[start : at-1], end, whole, err
}

// separator expects a comma or a line break behind a closing quote.
func (c *csvReader) separator(data []byte, at int) (end int, whole bool, err error) {
	switch rest := data[at:]; {
	case len(rest) == 0:
		return at, c.ended, nil
	case rest[0] == ',' || rest[0] == '\n':
		return at, true, nil
	case rest[0] != '\r':
		return 0, false, errCSVQuote
	case len(rest) == 1:
		return 0, false, nil
	case rest[1] != '\n':
		return 0, false, errCSVQuote
	}
	return at + 1, true, nil
}
