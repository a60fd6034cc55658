package soql

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// constant is a literal ready for comparison with any type of value that
// accepts its kind. Points of time and numbers are spans: first ≤ v ≤ last.
type constant struct {
	kind              LiteralKind
	text              string
	first, last       float64 // numbers; moments in milliseconds
	firstDay, lastDay float64 // of a date literal, for Date values
	folded, exact     likePattern
	entries           []string // of a multipicklist, split
}

func (c *compiler) constant(l Literal, op Operator) constant {
	k := constant{kind: l.Kind, text: l.Text}
	switch l.Kind {
	case StringLiteral:
		k.entries = splitEntries(l.Text)
		if op == Like {
			k.folded, k.exact = compileLike(l.Text, false), compileLike(l.Text, true)
		}
	case NumberLiteral, CurrencyLiteral:
		k.first, _ = strconv.ParseFloat(strings.TrimLeft(l.Text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 64)
		k.last = k.first
	case BoolLiteral:
		k.first = BoolValue(l.Text == "true").Number
		k.last = k.first
	case DateLiteral:
		k.first = timeValue(Date, l.Kind, l.Text).Number
		k.last, k.firstDay, k.lastDay = k.first, k.first, k.first
	case DateTimeLiteral:
		k.first = timeValue(DateTime, l.Kind, l.Text).Number
		k.last = k.first
	case TimeLiteral:
		k.first = timeValue(TimeOfDay, l.Kind, l.Text).Number
		k.last = k.first
	case RangeLiteral:
		from, to := c.env.span(l)
		k.first, k.last = float64(from.UnixMilli()), float64(to.UnixMilli()-1)
		k.firstDay, k.lastDay = DateValue(from).Number, DateValue(to.Add(-time.Second)).Number
	}
	return k
}

func splitEntries(s string) []string {
	entries := strings.Split(s, ";")
	for i := range entries {
		entries[i] = strings.TrimSpace(entries[i])
	}
	return entries
}

// compareNode is a compiled Comparison.
type compareNode struct {
	left   operand
	source Comparison
	right  constant
	suits  typeSet
}

func (c *compiler) comparison(source Comparison) (node, error) {
	left, err := c.operand(source.Left)
	return &compareNode{left, source, c.constant(source.Right, source.Op), suitable(source.Op, source.Right.Kind)}, err
}

func (n *compareNode) match(r Record) (bool, error) {
	v := n.left.value(r)
	op := n.source.Op
	if v.Type == Null {
		return op == Equal && n.right.matchesNull() || op == NotEqual && !n.right.matchesNull(), nil
	}
	if !n.suits.has(v.Type) {
		return false, checkOperand(n.source.Left, v.Type, op, n.right.kind)
	}
	if n.right.isNull() {
		return op == NotEqual, nil
	}
	if op == Like {
		return n.right.like(v), nil
	}
	if v.Type == MultiPicklist {
		return sameEntries(v.Text, n.right.entries) == (op == Equal), nil
	}
	return op.holds(n.right.sign(v)), nil
}

// isNull reports whether the literal stands for no value; the platform stores
// no empty text, so an empty string does too.
func (k constant) isNull() bool {
	return k.kind == NullLiteral || k.kind == StringLiteral && k.text == ""
}

// matchesNull reports whether the literal equals a field without a value; a
// boolean without one is false.
func (k constant) matchesNull() bool {
	return k.isNull() || k.kind == BoolLiteral && k.first == 0
}

func (k *constant) like(v Value) bool {
	if v.Type == ExactText {
		return k.exact.match(v.Text, true)
	}
	return k.folded.match(v.Text, false)
}

// sign is -1 if the value is before the literal, 0 if it is equal or within it.
func (k *constant) sign(v Value) int {
	first, last := k.first, k.last
	switch v.Type {
	case Text, ExactText, ID, MultiPicklist:
		return Compare(v, Value{Type: v.Type, Text: k.text})
	case Date:
		first, last = k.firstDay, k.lastDay
	}
	switch {
	case v.Number < first:
		return -1
	case v.Number > last:
		return 1
	}
	return 0
}

func (op Operator) holds(sign int) bool {
	switch op {
	case Equal:
		return sign == 0
	case NotEqual:
		return sign != 0
	case Less:
		return sign < 0
	case LessOrEqual:
		return sign <= 0
	case Greater:
		return sign > 0
	case GreaterOrEqual:
		return sign >= 0
	}
	return false
}

// sameEntries compares a multipicklist's whole value with a set.
func sameEntries(value string, entries []string) bool {
	return countEntries(value) == len(entries) && hasEntries(value, entries)
}

func countEntries(value string) int { return strings.Count(value, ";") + 1 }

func hasEntries(value string, entries []string) bool {
	return !slices.ContainsFunc(entries, func(entry string) bool { return !hasEntry(value, entry) })
}

func hasEntry(value, entry string) bool {
	for rest, more := value, true; more; {
		var first string
		first, rest, more = strings.Cut(rest, ";")
		if compareFold(first, entry) == 0 {
			return true
		}
	}
	return false
}
