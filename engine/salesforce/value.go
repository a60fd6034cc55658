package salesforce

import (
	"bytes"
	"strconv"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

// spelling is how the values of one field become canonical.
type spelling int

const (
	asIs spelling = iota
	asNumber
	asBoolean
	asDatetime
	asTime
	asID
	asAny
)

func spellingOf(f *engine.Field) spelling {
	switch f.Type {
	case "double", "currency", "percent", "int", "long":
		return asNumber
	case "boolean":
		return asBoolean
	case "datetime":
		return asDatetime
	case "time":
		return asTime
	case "id", "reference":
		return asID
	case "anyType":
		return asAny
	}
	return asIs
}

// Canonical is the one spelling of a value of a describe type, whether Bulk or
// REST gave it; it may reuse value's memory.
//
//   - numbers: the shortest plain decimal of exactly the same value (300.0, 300
//     and 3E2 are 300), worked out on the digits, never through a float
//   - datetime 2026-01-31T10:15:30.000Z, time 13:45:00.000Z, both in UTC
//   - booleans true and false, ids in 18 characters, null the empty text
//   - anyType (the values of history rows): a datetime as above, the rest as is
//   - everything else is the exact text
//
// What does not look like its type stays as it is.
func Canonical(fieldType string, value []byte) []byte {
	return canonical(spellingOf(&engine.Field{Type: fieldType}), value)
}

func canonical(s spelling, value []byte) []byte {
	if len(value) == 0 {
		return value
	}
	switch s {
	case asNumber:
		return canonicalNumber(value)
	case asBoolean:
		if value[0] < 'a' {
			return bytes.ToLower(value)
		}
	case asDatetime:
		return canonicalDatetime(value)
	case asAny:
		if len(value) == len("2026-01-31T10:15:30.000+0000") {
			return canonicalDatetime(value)
		}
	case asTime:
		return canonicalTime(value)
	case asID:
		return canonicalID(value)
	}
	return value
}

// mostExponent bounds the zeros that an exponent may stand for: doubles end at
// 10³⁰⁸.
const mostExponent = 400

// canonicalNumber rewrites a decimal; the plain ones, nearly all, lose no more
// than their last zeros.
func canonicalNumber(value []byte) []byte {
	if short, ok := trimPlain(value); ok {
		return short
	}
	d, ok := parseDecimal(value)
	if !ok {
		return value
	}
	return d.plain()
}

// trimPlain handles decimals without exponent, plus sign or leading zeros.
func trimPlain(value []byte) ([]byte, bool) {
	digits := bytes.TrimPrefix(value, []byte{'-'})
	if len(digits) == 0 || digits[0] == '0' && (len(digits) == 1 || digits[1] != '.') {
		return value, len(digits) == len(value) && len(digits) == 1
	}
	point := -1
	for i, c := range digits {
		switch {
		case c == '.' && point < 0 && i > 0:
			point = i
		case !isDigit(c):
			return nil, false
		}
	}
	if point < 0 {
		return value, true
	}
	short := bytes.TrimRight(value, "0")
	short = bytes.TrimSuffix(short, []byte{'.'})
	if digits[0] == '0' && len(value)-len(short) == len(digits)-1 {
		return nil, false // a zero, perhaps with a sign
	}
	return short, true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// decimal is ±0.digits × 10^point, without zeros at either end of the digits.
type decimal struct {
	negative bool
	digits   []byte
	point    int
}

func parseDecimal(text []byte) (d decimal, ok bool) {
	if text[0] == '-' || text[0] == '+' {
		d.negative, text = text[0] == '-', text[1:]
	}
	mantissa, exponent := text, 0
	if e := bytes.IndexAny(text, "eE"); e >= 0 {
		n, err := strconv.Atoi(string(text[e+1:]))
		if err != nil || n < -mostExponent || n > mostExponent {
			return d, false
		}
		mantissa, exponent = text[:e], n
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte{'.'})
	if len(whole)+len(fraction) == 0 {
		return d, false
	}
	digits := append(append(make([]byte, 0, len(mantissa)), whole...), fraction...)
	for _, c := range digits {
		if !isDigit(c) {
			return d, false
		}
	}
	d.point = len(whole) + exponent
	trimmed := bytes.TrimLeft(digits, "0")
	d.point -= len(digits) - len(trimmed)
	d.digits = bytes.TrimRight(trimmed, "0")
	return d, true
}

func (d decimal) plain() []byte {
	if len(d.digits) == 0 {
		return []byte{'0'}
	}
	out := make([]byte, 0, len(d.digits)+max(d.point, -d.point)+3)
	if d.negative {
		out = append(out, '-')
	}
	switch {
	case d.point <= 0:
		out = append(out, "0."...)
		out = append(out, zeros(-d.point)...)
		return append(out, d.digits...)
	case d.point >= len(d.digits):
		out = append(out, d.digits...)
		return append(out, zeros(d.point-len(d.digits))...)
	}
	out = append(out, d.digits[:d.point]...)
	out = append(out, '.')
	return append(out, d.digits[d.point:]...)
}

func zeros(n int) []byte { return bytes.Repeat([]byte{'0'}, n) }

const (
	canonicalDatetimeLayout = "2006-01-02T15:04:05.000Z"
	canonicalTimeLayout     = "15:04:05.000Z"
)

// canonicalDatetime rewrites 2026-01-31T10:15:30.000+0000 in place, the common
// case of REST; Bulk's own spelling is canonical already.
func canonicalDatetime(value []byte) []byte {
	if n := len(value); n == len(canonicalDatetimeLayout) && value[n-1] == 'Z' && value[n-5] == '.' {
		return value
	}
	if n := len(value); n == 28 && string(value[23:]) == "+0000" && value[19] == '.' && value[10] == 'T' {
		value[23] = 'Z'
		return value[:24]
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999Z07:00", "2006-01-02T15:04:05.999Z0700"} {
		if t, err := time.Parse(layout, string(value)); err == nil {
			return t.UTC().AppendFormat(nil, canonicalDatetimeLayout)
		}
	}
	return value
}

func canonicalTime(value []byte) []byte {
	for _, layout := range []string{"15:04:05.999Z07:00", "15:04:05.999Z0700", "15:04:05.999"} {
		if t, err := time.Parse(layout, string(value)); err == nil {
			return t.UTC().AppendFormat(nil, canonicalTimeLayout)
		}
	}
	return value
}

// canonicalID spells a record id in 18 characters. The references that are no
// ids (EntityDefinition's are names) stay: an id always holds a digit.
func canonicalID(value []byte) []byte {
	if len(value) != 15 || !bytes.ContainsAny(value, "0123456789") {
		return value
	}
	id, err := engine.ParseRecordID(string(value))
	if err != nil {
		return value
	}
	return []byte(id)
}

// column is a field of a read: its place is its index.
type column struct {
	name     string
	spelling spelling
}

// columnsOf finds the fields of a request in its describe. A field that cannot
// be read as text (a compound or a file's content) is the caller's mistake.
func columnsOf(object *engine.SObject, names []string) ([]column, error) {
	columns := make([]column, len(names))
	for i, name := range names {
		f, ok := object.Field(name)
		if !ok {
			return nil, &engine.Error{
				Kind: engine.KindInvalid, Code: "UNKNOWN_FIELD", Object: object.Name, Field: name,
				Message: "The field " + name + " is not in the description of " + object.Name + " that we have: try again, so that it is described anew.",
			}
		}
		switch f.Type {
		case "address", "location", "base64":
			return nil, &engine.Error{
				Kind: engine.KindInvalid, Code: "FIELD_NOT_READABLE", Object: object.Name, Field: name,
				Message: "The field " + name + " of " + object.Name + " has no text of its own: read its components, or the file it stands for.",
			}
		}
		columns[i] = column{name: f.Name, spelling: spellingOf(f)}
	}
	return columns, nil
}

// respell makes a row's values canonical in place.
func respell(columns []column, row [][]byte) {
	for i, c := range columns {
		if c.spelling != asIs {
			row[i] = canonical(c.spelling, row[i])
		}
	}
}
