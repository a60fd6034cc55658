package soql

import (
	"fmt"
	"strconv"
	"strings"
)

// String is the query in canonical SOQL: it parses to an equal query.
func (q *Query) String() string { return q.qualified().text() }

func (q Query) text() string {
	var b strings.Builder
	b.WriteString("SELECT " + join(q.Select, SelectItem.String) + " FROM " + q.From)
	clause(&b, " ", q.Alias)
	clause(&b, " USING SCOPE ", q.Scope)
	if q.Where != nil {
		b.WriteString(" WHERE " + q.Where.String())
	}
	clause(&b, " WITH ", q.With)
	clause(&b, " GROUP BY ", q.groups())
	if q.Having != nil {
		b.WriteString(" HAVING " + q.Having.String())
	}
	clause(&b, " ORDER BY ", join(q.OrderBy, Order.String))
	if q.Limit != nil {
		b.WriteString(" LIMIT " + strconv.Itoa(*q.Limit))
	}
	if q.Offset != nil {
		b.WriteString(" OFFSET " + strconv.Itoa(*q.Offset))
	}
	clause(&b, " FOR ", strings.Join(q.For, ", "))
	clause(&b, " UPDATE ", strings.Join(q.Update, ", "))
	if q.AllRows {
		b.WriteString(" ALL ROWS")
	}
	return b.String()
}

func (q Query) groups() string {
	groups := join(q.GroupBy, Expr.String)
	if q.Rollup != PlainGroups {
		return fmt.Sprintf("%s(%s)", q.Rollup, groups)
	}
	return groups
}

// String is the key as ORDER BY has it.
func (o Order) String() string {
	s := o.By.String()
	if o.Descending {
		s += " DESC"
	}
	if o.NullsLast {
		s += " NULLS LAST"
	}
	return s
}

// String is the path with dots.
func (f Field) String() string { return strings.Join(f.Path, ".") }

// String is the call as SOQL writes it.
func (c Call) String() string { return c.Func + "(" + join(c.Args, Expr.String) + ")" }

// String is the item as SELECT has it.
func (s Selection) String() string {
	if s.Alias == "" {
		return s.Expr.String()
	}
	return s.Expr.String() + " " + s.Alias
}

// String is the sub-select in its parentheses.
func (c Children) String() string { return "(" + c.Query.String() + ")" }

// String is FIELDS(…).
func (f FieldSet) String() string { return "FIELDS(" + f.Set + ")" }

// String is TYPEOF … END.
func (t TypeOf) String() string {
	var b strings.Builder
	b.WriteString("TYPEOF " + t.Relationship.String())
	for _, branch := range t.When {
		b.WriteString(" WHEN " + branch.Object + " THEN " + join(branch.Fields, Field.String))
	}
	clause(&b, " ELSE ", join(t.Else, Field.String))
	return b.String() + " END"
}

// String puts every term that is itself a tree in parentheses.
func (c And) String() string { return joinTerms(c.Terms, " AND ") }

// String puts every term that is itself a tree in parentheses.
func (c Or) String() string { return joinTerms(c.Terms, " OR ") }

// String puts the term in parentheses if it is itself a tree.
func (c Not) String() string { return "NOT " + term(c.Term) }

// String is the comparison as SOQL writes it.
func (c Comparison) String() string {
	right := c.Right.String()
	if c.Op == Like && c.Right.Kind == StringLiteral {
		right = quote(c.Right.Text, true)
	}
	return fmt.Sprintf("%s %s %s", c.Left, c.Op, right)
}

// String is the comparison as SOQL writes it.
func (m Membership) String() string {
	values := join(m.Values, Literal.String)
	if m.Query != nil {
		values = m.Query.String()
	}
	return fmt.Sprintf("%s %s (%s)", m.Left, m.Op, values)
}

// String is the literal as SOQL writes it.
func (l Literal) String() string {
	switch l.Kind {
	case NullLiteral:
		return "null"
	case StringLiteral:
		return Quote(l.Text)
	case RangeLiteral:
		if dateRanges[l.Text].counted {
			return l.Text + ":" + strconv.Itoa(l.N)
		}
	}
	return l.Text
}

func joinTerms(terms []Condition, word string) string {
	parts := make([]string, len(terms))
	for i, t := range terms {
		parts[i] = term(t)
	}
	return strings.Join(parts, word)
}

func term(c Condition) string {
	switch c.(type) {
	case And, Or, Not:
		return "(" + c.String() + ")"
	}
	return c.String()
}

func clause(b *strings.Builder, words, content string) {
	if content != "" {
		b.WriteString(words + content)
	}
}

func join[T any](items []T, text func(T) string) string {
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = text(item)
	}
	return strings.Join(parts, ", ")
}
