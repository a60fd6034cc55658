package soql

import (
	"fmt"
	"slices"
	"strings"
)

// semiJoins checks the rules of IN (SELECT …).
func (v *validator) semiJoins(object string, c Condition) *fault {
	count := 0
	for leaf := range Leaves(c) {
		m, ok := leaf.(Membership)
		if !ok || m.Query == nil {
			continue
		}
		if count++; count > maxSemiJoins {
			return &fault{m.Left.At(), CodeMalformed, fmt.Sprintf("Maximum %d semi join sub-selects are allowed", maxSemiJoins)}
		}
		if f := v.semiJoin(object, m); f != nil {
			return f
		}
	}
	if at, ok := semiJoinUnderOr(c); ok {
		return &fault{at, CodeMalformed, "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions."}
	}
	return nil
}

// notInSemiJoins are the SObjects that a semi-join may not select from.
var notInSemiJoins = []string{"ActivityHistory", "Attachment", "Event", "Note", "OpenActivity", "TagDefinition", "Task"}

func (v *validator) semiJoin(object string, m Membership) *fault {
	at := m.Left.At()
	_, info, f := v.operand(object, m.Left)
	if f != nil {
		return f
	}
	inner, ok := v.schema.Object(m.Query.From)
	_, nested := m.Query.Subqueries()
	switch {
	case info.ValueType() != ID:
		return &fault{at, CodeMalformed, fmt.Sprintf("The left operand field in the where expression for outer query should be an id field, cannot use: '%s'", m.Left)}
	case !ok:
		return unknownObject(m.Query.FromPos, m.Query.From)
	case strings.EqualFold(inner, object):
		return &fault{at, CodeMalformed, "The inner and outer selects should not be on the same object type"}
	case slices.Contains(notInSemiJoins, inner):
		return &fault{at, CodeMalformed, fmt.Sprintf("Entity '%s' is not supported for semi join inner selects", inner)}
	case len(nested) > 0:
		return &fault{at, CodeMalformed, "Nesting of semi join sub-selects is not supported"}
	case len(m.Query.Select) != 1:
		return &fault{at, CodeMalformed, "semi join sub-selects can only query one field"}
	}
	if f := v.query(inner, m.Query, 1); f != nil {
		return f
	}
	return v.semiJoinColumn(inner, m.Query)
}

func (v *validator) semiJoinColumn(inner string, q *Query) *fault {
	s, _ := q.Select[0].(Selection)
	if field, ok := s.Expr.(Field); ok {
		if info, f := v.field(inner, field); f != nil || info.ValueType() == ID {
			return f
		}
	}
	return &fault{q.FromPos, CodeMalformed, fmt.Sprintf("semi join sub-selects can only query id fields, cannot use: '%s'", q.Select[0])}
}

func semiJoinUnderOr(c Condition) (Pos, bool) {
	switch c := c.(type) {
	case And:
		for _, term := range c.Terms {
			if at, ok := semiJoinUnderOr(term); ok {
				return at, true
			}
		}
	case Or:
		for leaf := range Leaves(c) {
			if m, ok := leaf.(Membership); ok && m.Query != nil {
				return m.Left.At(), true
			}
		}
	case Not:
		return semiJoinUnderOr(c.Term)
	}
	return 0, false
}
