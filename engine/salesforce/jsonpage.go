package salesforce

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// page is one page of a REST query, its cells cut out of the answer's text.
type page struct {
	done  bool
	total int64
	rows  [][]byte // the rows' cells, one row after the other
	width int      // cells per row
}

func (p *page) len() int           { return len(p.rows) / p.width }
func (p *page) row(n int) [][]byte { return p.rows[n*p.width : (n+1)*p.width] }

var errJSON = errors.New("the answer is not the JSON it should be")

// parsePage reads the answer of a query whose columns these are. The text is
// consumed: cells point into it.
func parsePage(text []byte, columns []column) (*page, error) {
	p := &page{width: len(columns)}
	s := &scanner{text: text}
	seen := 0
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "done":
			p.done, err = s.boolean()
			seen++
		case "totalSize":
			var number []byte
			number, err = s.value()
			p.total, _ = strconv.ParseInt(string(number), 10, 64)
		case "records":
			err = s.array(func() error { return p.parseRow(s, columns) })
			seen++
		default:
			err = s.skip(0)
		}
		return err
	})
	if err == nil && (seen != 2 || !s.atEnd()) {
		err = errJSON
	}
	return p, err
}

// parseRow appends one record's cells. Fields mostly come in the order in which
// they were selected.
func (p *page) parseRow(s *scanner, columns []column) error {
	start := len(p.rows)
	for range columns {
		p.rows = append(p.rows, nil)
	}
	row := p.rows[start:]
	next, found := 0, 0
	err := s.object(func(key []byte) error {
		at := place(columns, key, next)
		if at < 0 {
			return s.skip(0)
		}
		next = at + 1
		found++
		value, err := s.value()
		row[at] = value
		return err
	})
	if err == nil && found != len(columns) {
		err = errJSON
	}
	respell(columns, row)
	return err
}

// place finds the column of a key, looking first where it should be.
func place(columns []column, key []byte, next int) int {
	if next < len(columns) && string(key) == columns[next].name {
		return next
	}
	for i := range columns {
		if strings.EqualFold(columns[i].name, string(key)) {
			return i
		}
	}
	return -1
}

// scanner walks JSON text in place: strings are unescaped where they stand.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) peek() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) atEnd() bool { return s.peek() == 0 && s.at == len(s.text) }

func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.at >= len(s.text) {
		return false
	}
	s.at++
	return true
}

// object calls member for each key, which must consume the value.
func (s *scanner) object(member func(key []byte) error) error {
	if !s.take('{') {
		return errJSON
	}
	if s.take('}') {
		return nil
	}
	for {
		if s.peek() != '"' {
			return errJSON
		}
		key, err := s.string()
		if err != nil || !s.take(':') {
			return errJSON
		}
		if err := member(key); err != nil {
			return err
		}
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return errJSON
		}
	}
}

// array calls element for each element, which must consume it.
func (s *scanner) array(element func() error) error {
	if !s.take('[') {
		return errJSON
	}
	if s.take(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return errJSON
		}
	}
}

const deepest = 64

// skip consumes any value.
func (s *scanner) skip(depth int) error {
	if depth > deepest {
		return errJSON
	}
	switch s.peek() {
	case '{':
		return s.object(func([]byte) error { return s.skip(depth + 1) })
	case '[':
		return s.array(func() error { return s.skip(depth + 1) })
	}
	_, err := s.value()
	return err
}

// value is a field's text: null is empty, a nested value its own JSON.
func (s *scanner) value() ([]byte, error) {
	switch c := s.peek(); c {
	case '"':
		return s.string()
	case '{', '[':
		start := s.at
		raw := bytes.Clone(s.text[start:])
		if err := s.skip(0); err != nil {
			return nil, err
		}
		return raw[:s.at-start], nil
	}
	start := s.at
	for s.at < len(s.text) && !endsLiteral(s.text[s.at]) {
		s.at++
	}
	literal := s.text[start:s.at]
	switch {
	case string(literal) == "null":
		return nil, nil
	case string(literal) == "true" || string(literal) == "false" || json.Valid(literal):
		return literal, nil
	}
	return nil, errJSON
}

func endsLiteral(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t'
}

func (s *scanner) boolean() (bool, error) {
	literal, err := s.value()
	if err != nil || (string(literal) != "true" && string(literal) != "false") {
		return false, errJSON
	}
	return string(literal) == "true", nil
}

// string unescapes a string in place; NUL characters are dropped, as they are
// from Bulk results.
func (s *scanner) string() ([]byte, error) {
	s.at++
	start := s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[start : s.at-1], nil
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			return nil, errJSON
		}
		s.at++
	}
	return nil, errJSON
}

// escaped goes on with a string from its first escape.
func (s *scanner) escaped(start int) ([]byte, error) {
	out := s.text[start:s.at]
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		switch {
		case c == '"':
			return out, nil
		case c < ' ':
			return nil, errJSON
		case c != '\\':
			out = append(out, c)
		default:
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			if r != 0 {
				out = utf8.AppendRune(out, r)
			}
		}
	}
	return nil, errJSON
}

var shortEscapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (s *scanner) escape() (rune, error) {
	if s.at >= len(s.text) {
		return 0, errJSON
	}
	c := s.text[s.at]
	s.at++
	if c != 'u' {
		r, ok := shortEscapes[c]
		if !ok {
			return 0, errJSON
		}
		return r, nil
	}
	r, err := s.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if !bytes.HasPrefix(s.text[s.at:], []byte(`\u`)) {
		return utf8.RuneError, nil
	}
	mark := s.at
	s.at += 2
	low, err := s.hex4()
	pair := utf16.DecodeRune(r, low)
	if err == nil && pair == utf8.RuneError {
		s.at = mark // the second stands for itself
	}
	return pair, err
}

func (s *scanner) hex4() (rune, error) {
	if s.at+4 > len(s.text) {
		return 0, errJSON
	}
	n, err := strconv.ParseUint(string(s.text[s.at:s.at+4]), 16, 16)
	s.at += 4
	if err != nil {
		return 0, errJSON
	}
	return rune(n), nil
}
