package soql

import (
	"fmt"
	"math"
	"slices"
)

// memberNode is a compiled Membership.
type memberNode struct {
	left   operand
	source Membership
	values []constant
	set    *valueSet // of a sub-select, or of many strings
	suits  typeSet
}

// manyValues is from where on a set beats a walk along the list.
const manyValues = 8

func (c *compiler) membership(source Membership) (node, error) {
	left, err := c.operand(source.Left)
	if err != nil {
		return nil, err
	}
	n := &memberNode{left: left, source: source}
	if source.Query != nil {
		n.set, err = c.semiJoin(source.Query)
		n.suits = anyType
		return n, err
	}
	kinds := make([]LiteralKind, len(source.Values))
	for i, l := range source.Values {
		n.values = append(n.values, c.constant(l, source.Op))
		kinds[i] = l.Kind
	}
	n.suits = suitable(source.Op, kinds...)
	if len(n.values) >= manyValues {
		n.set = literalSet(n.values)
	}
	return n, nil
}

func (c *compiler) semiJoin(q *Query) (*valueSet, error) {
	if c.env.SemiJoin == nil {
		return nil, ErrorAt("", 0, CodeMalformed, fmt.Sprintf("semi join sub-selects are not supported here: (%s)", q))
	}
	values, err := c.env.SemiJoin(q)
	if err != nil {
		return nil, fmt.Errorf("sub-select (%s): %w", q, err)
	}
	set := newValueSet(len(values))
	for _, v := range values {
		set.add(v)
	}
	return set, nil
}

// literalSet is nil unless all are non-empty strings.
func literalSet(values []constant) *valueSet {
	set := newValueSet(len(values))
	for _, k := range values {
		if k.kind != StringLiteral || k.isNull() {
			return nil
		}
		set.add(Value{Type: Text, Text: k.text})
	}
	return set
}

func (n *memberNode) match(r Record) (bool, error) {
	v := n.left.value(r)
	negated := n.source.Op == NotIn || n.source.Op == Excludes
	if v.Type == Null {
		return slices.ContainsFunc(n.values, constant.matchesNull) != negated, nil
	}
	if !n.suits.has(v.Type) {
		return false, n.unsuitable(v.Type)
	}
	return n.contains(v) != negated, nil
}

// unsuitable finds the first literal that the type does not suit.
func (n *memberNode) unsuitable(t Type) error {
	for i := range n.values {
		if err := checkOperand(n.source.Left, t, n.source.Op, n.values[i].kind); err != nil {
			return err
		}
	}
	return nil
}

func (n *memberNode) contains(v Value) bool {
	if n.source.Op == Includes || n.source.Op == Excludes {
		return slices.ContainsFunc(n.values, func(k constant) bool { return !k.isNull() && hasEntries(v.Text, k.entries) })
	}
	if n.set != nil && v.Type != MultiPicklist {
		return n.set.has(v)
	}
	for i := range n.values {
		k := &n.values[i]
		switch {
		case k.isNull():
		case v.Type == MultiPicklist && sameEntries(v.Text, k.entries):
			return true
		case v.Type != MultiPicklist && k.sign(v) == 0:
			return true
		}
	}
	return false
}

// valueSet is a hash set whose look-ups neither fold nor copy text. Text is
// filed without its case; how it compares is the looked-up value's business.
type valueSet struct{ buckets map[uint64][]Value }

func newValueSet(size int) *valueSet { return &valueSet{make(map[uint64][]Value, size)} }

func (s *valueSet) add(v Value) bool {
	if v.Type == Null || s.hasAs(v, v.Type) {
		return false
	}
	h := hashValue(v)
	s.buckets[h] = append(s.buckets[h], v)
	return true
}

func (s *valueSet) has(v Value) bool { return s.hasAs(v, v.Type) }

func (s *valueSet) hasAs(v Value, t Type) bool {
	for _, other := range s.buckets[hashValue(v)] {
		other.Type = t
		if Compare(v, other) == 0 {
			return true
		}
	}
	return false
}

// hashValue is FNV-1a over the folded text, or over the number's bits. An id
// hashes as its first 15 characters, whatever type its value has.
func hashValue(v Value) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	if v.Type > ID && v.Type != MultiPicklist {
		return (h ^ math.Float64bits(v.Number)) * prime
	}
	for s := shortID(v.Text); s != ""; {
		r, n := nextFolded(s)
		h = (h ^ uint64(r)) * prime
		s = s[n:]
	}
	return h
}
