package soql

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Type is how a value compares; several of the platform's field types share one.
type Type uint8

// The types of value.
const (
	Null          Type = iota
	Text               // compared without regard to case
	ExactText          // of a case-sensitive field
	ID                 // 15 or 18 characters; the first 15 count
	Number             // int, double, currency, percent
	Bool               // null counts as false
	Date               // a day
	DateTime           // a moment
	TimeOfDay          // a time without a day
	MultiPicklist      // a;b
)

// Value is one field's value. Text serves the four textual types; Number holds
// a number, 1 for true, or milliseconds: since 1970 in UTC for Date (midnight)
// and DateTime, since midnight for TimeOfDay.
type Value struct {
	Type   Type
	Text   string
	Number float64
}

// TypeFor is the type of a describe's field type ("picklist", "currency", …).
func TypeFor(fieldType string, caseSensitive bool) Type {
	switch strings.ToLower(fieldType) {
	case "id", "reference":
		return ID
	case "int", "long", "double", "currency", "percent":
		return Number
	case "boolean":
		return Bool
	case "date":
		return Date
	case "datetime":
		return DateTime
	case "time":
		return TimeOfDay
	case "multipicklist":
		return MultiPicklist
	}
	if caseSensitive {
		return ExactText
	}
	return Text
}

// ValueOf reads a value from the text that REST and the vault have for it. The
// empty text is null, and so is text that is not of the type.
func ValueOf(t Type, text string) Value {
	if text == "" {
		return Value{}
	}
	switch t {
	case Number:
		return numberValue(strconv.ParseFloat(text, 64))
	case Bool:
		return BoolValue(strings.EqualFold(text, "true"))
	case Date:
		return timeValue(Date, DateLiteral, text)
	case DateTime:
		return timeValue(DateTime, DateTimeLiteral, text)
	case TimeOfDay:
		return timeValue(TimeOfDay, TimeLiteral, text)
	}
	return Value{Type: t, Text: text}
}

// TextValue is a string, null if it is empty.
func TextValue(s string) Value { return ValueOf(Text, s) }

// NumberValue is a number.
func NumberValue(n float64) Value { return Value{Type: Number, Number: n} }

// BoolValue is a boolean.
func BoolValue(b bool) Value {
	if b {
		return Value{Type: Bool, Number: 1}
	}
	return Value{Type: Bool}
}

// DateTimeValue is a moment.
func DateTimeValue(t time.Time) Value {
	return Value{Type: DateTime, Number: float64(t.UnixMilli())}
}

// DateValue is t's day in t's own zone.
func DateValue(t time.Time) Value {
	return Value{Type: Date, Number: float64(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).UnixMilli())}
}

// Time is the moment of a Date or DateTime, in UTC.
func (v Value) Time() time.Time { return time.UnixMilli(int64(v.Number)).UTC() }

func numberValue(n float64, err error) Value {
	if err != nil || math.IsNaN(n) {
		return Value{}
	}
	return NumberValue(n)
}

func timeValue(t Type, kind LiteralKind, text string) Value {
	at, err := Literal{Kind: kind, Text: text}.Time()
	switch {
	case err != nil:
		return Value{}
	case t == TimeOfDay:
		return Value{Type: t, Number: float64(sinceMidnight(at).Milliseconds())}
	}
	return Value{Type: t, Number: float64(at.UnixMilli())}
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
		time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
}

// Compare orders two values, nulls first. Values of different types order by
// type, which only a caller's mistake can ask for.
func Compare(a, b Value) int {
	if a.Type != b.Type {
		return cmp.Compare(a.Type, b.Type)
	}
	switch a.Type {
	case Null:
		return 0
	case ExactText:
		return strings.Compare(a.Text, b.Text)
	case ID:
		return strings.Compare(shortID(a.Text), shortID(b.Text))
	case Text, MultiPicklist:
		return compareFold(a.Text, b.Text)
	}
	return cmp.Compare(a.Number, b.Number)
}

// shortID drops the checksum of an 18-character id.
func shortID(id string) string {
	if len(id) == 18 {
		return id[:15]
	}
	return id
}

// compareFold compares without regard to case and without allocating.
func compareFold(a, b string) int {
	for a != "" && b != "" {
		x, n := nextFolded(a)
		y, m := nextFolded(b)
		if x != y {
			return cmp.Compare(x, y)
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

// nextFolded decodes the first character of s in its comparable form.
func nextFolded(s string) (rune, int) {
	if c := s[0]; c < utf8.RuneSelf {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		return rune(c), 1
	}
	r, n := utf8.DecodeRuneInString(s)
	return foldRune(r), n
}

func foldRune(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }
