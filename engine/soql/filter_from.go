package soql

import (
	"slices"
	"strconv"
	"strings"
)

// FilterFrom is the way back: the form that shows a condition. It returns false
// for what no form can show: functions, sub-selects and free LIKE patterns.
// The filter's condition holds for the same records; lists of one value and
// comparisons with an empty text come back in their simpler form.
func FilterFrom(c Condition) (Filter, bool) {
	f := Filter{Conditions: []FilterCondition{}, Logic: "all"}
	if c == nil {
		return f, true
	}
	logic, ok := f.add(c)
	if !ok {
		return Filter{}, false
	}
	switch c := c.(type) {
	case And:
		if len(f.Conditions) == len(c.Terms) && !slices.ContainsFunc(c.Terms, isTree) {
			return f, true
		}
	case Or:
		if len(f.Conditions) == len(c.Terms) && !slices.ContainsFunc(c.Terms, isTree) {
			f.Logic = "any"
			return f, true
		}
	}
	if len(f.Conditions) > 1 || logic != "1" {
		f.Logic = logic
	}
	return f, true
}

// isTree reports whether the form needs logic of its own for the condition.
func isTree(c Condition) bool {
	switch c := c.(type) {
	case And, Or:
		return true
	case Not:
		_, line := notContains(c)
		return !line
	}
	return false
}

// add appends the condition's leaves and returns the logic that joins them.
func (f *Filter) add(c Condition) (logic string, ok bool) {
	if line, ok := lineFrom(c); ok {
		f.Conditions = append(f.Conditions, line)
		return strconv.Itoa(len(f.Conditions)), true
	}
	switch c := c.(type) {
	case And:
		return f.addTerms(c.Terms, " AND ")
	case Or:
		return f.addTerms(c.Terms, " OR ")
	case Not:
		inner, ok := f.addTerms([]Condition{c.Term}, "")
		return "NOT " + inner, ok
	}
	return "", false
}

func (f *Filter) addTerms(terms []Condition, word string) (string, bool) {
	parts := make([]string, len(terms))
	for i, term := range terms {
		logic, ok := f.add(term)
		if !ok {
			return "", false
		}
		if isTree(term) {
			logic = "(" + logic + ")"
		}
		parts[i] = logic
	}
	return strings.Join(parts, word), true
}

func lineFrom(c Condition) (FilterCondition, bool) {
	switch c := c.(type) {
	case Not:
		return notContains(c)
	case Comparison:
		return comparisonLine(c)
	case Membership:
		return membershipLine(c)
	}
	return FilterCondition{}, false
}

func notContains(c Not) (FilterCondition, bool) {
	like, ok := c.Term.(Comparison)
	if !ok {
		return FilterCondition{}, false
	}
	line, ok := comparisonLine(like)
	if line.Operator != FilterContains {
		return FilterCondition{}, false
	}
	line.Operator = FilterNotContains
	return line, ok
}

func comparisonLine(c Comparison) (FilterCondition, bool) {
	field, ok := c.Left.(Field)
	if !ok {
		return FilterCondition{}, false
	}
	if c.Op == Like {
		return likeLine(field, c.Right)
	}
	for name, op := range comparisons {
		ordered := op != Equal && op != NotEqual
		if op == c.Op && !(ordered && plainText(c.Right) == "") {
			return FilterCondition{field.String(), name, []string{plainText(c.Right)}}, true
		}
	}
	return FilterCondition{}, false
}

// likeLine recognises a pattern whose only wildcards are a leading or trailing %.
func likeLine(field Field, pattern Literal) (FilterCondition, bool) {
	for _, operator := range []FilterOperator{FilterContains, FilterStartsWith, FilterEndsWith} {
		affix := patterns[operator]
		rest, starts := strings.CutPrefix(pattern.Text, affix[0])
		rest, ends := strings.CutSuffix(rest, affix[1])
		if text := unescapeLike(rest); starts && ends && text != "" && EscapeLike(text) == rest {
			return FilterCondition{field.String(), operator, []string{text}}, true
		}
	}
	return FilterCondition{}, false
}

func unescapeLike(pattern string) string {
	return strings.NewReplacer(`\\`, `\`, `\%`, `%`, `\_`, `_`).Replace(pattern)
}

func membershipLine(m Membership) (FilterCondition, bool) {
	field, ok := m.Left.(Field)
	if !ok || m.Query != nil {
		return FilterCondition{}, false
	}
	for name, op := range memberships {
		if op == m.Op {
			values := make([]string, len(m.Values))
			for i, l := range m.Values {
				values[i] = plainText(l)
			}
			return FilterCondition{field.String(), name, values}, true
		}
	}
	return FilterCondition{}, false
}

// plainText is the literal as a form shows it.
func plainText(l Literal) string {
	switch l.Kind {
	case NullLiteral:
		return ""
	case StringLiteral:
		return l.Text
	}
	return l.String()
}
