package soql

import "iter"

// Clause says which part of a query a field stands in.
type Clause string

// The clauses that hold fields.
const (
	SelectClause  Clause = "SELECT"
	WhereClause   Clause = "WHERE"
	GroupByClause Clause = "GROUP BY"
	HavingClause  Clause = "HAVING"
	OrderByClause Clause = "ORDER BY"
)

// Fields visits every field path of the query with its clause, in the order of
// the text. Left out are sub-selects (see [Query.Subqueries]) and TYPEOF, whose
// fields belong to other objects.
func (q *Query) Fields() iter.Seq2[Field, Clause] {
	return func(yield func(Field, Clause) bool) {
		visit := func(clause Clause) func(Expr) bool {
			return func(e Expr) bool { return exprFields(e, func(f Field) bool { return yield(f, clause) }) }
		}
		for _, item := range q.Select {
			if s, ok := item.(Selection); ok && !visit(SelectClause)(s.Expr) {
				return
			}
		}
		if !conditionExprs(q.Where, visit(WhereClause)) {
			return
		}
		for _, g := range q.GroupBy {
			if !visit(GroupByClause)(g) {
				return
			}
		}
		if !conditionExprs(q.Having, visit(HavingClause)) {
			return
		}
		for _, o := range q.OrderBy {
			if !visit(OrderByClause)(o.By) {
				return
			}
		}
	}
}

// Subqueries are the child sub-selects, then the semi-joins of WHERE.
func (q *Query) Subqueries() (children, semiJoins []*Query) {
	for _, item := range q.Select {
		if c, ok := item.(Children); ok {
			children = append(children, c.Query)
		}
	}
	for leaf := range Leaves(q.Where) {
		if m, ok := leaf.(Membership); ok && m.Query != nil {
			semiJoins = append(semiJoins, m.Query)
		}
	}
	return children, semiJoins
}

// ConditionFields visits every field path of a condition.
func ConditionFields(c Condition) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		conditionExprs(c, func(e Expr) bool { return exprFields(e, yield) })
	}
}

// Leaves visits the Comparisons and Memberships of a condition.
func Leaves(c Condition) iter.Seq[Condition] {
	return func(yield func(Condition) bool) { leaves(c, yield) }
}

func leaves(c Condition, yield func(Condition) bool) bool {
	switch c := c.(type) {
	case nil:
		return true
	case And:
		return allLeaves(c.Terms, yield)
	case Or:
		return allLeaves(c.Terms, yield)
	case Not:
		return leaves(c.Term, yield)
	}
	return yield(c)
}

func allLeaves(terms []Condition, yield func(Condition) bool) bool {
	for _, term := range terms {
		if !leaves(term, yield) {
			return false
		}
	}
	return true
}

func conditionExprs(c Condition, yield func(Expr) bool) bool {
	return leaves(c, func(leaf Condition) bool { return yield(leftOf(leaf)) })
}

// leftOf is the expression that a leaf compares.
func leftOf(leaf Condition) Expr {
	if m, ok := leaf.(Membership); ok {
		return m.Left
	}
	return leaf.(Comparison).Left
}

func exprFields(e Expr, yield func(Field) bool) bool {
	switch e := e.(type) {
	case Field:
		return yield(e)
	case Call:
		for _, arg := range e.Args {
			if !exprFields(arg, yield) {
				return false
			}
		}
	}
	return true
}

// withPaths copies the query with its paths changed, but for those of its
// sub-selects, which have their own object.
func (q *Query) withPaths(change func([]string) []string) Query {
	changed := *q
	changed.Select = mapped(q.Select, func(item SelectItem) SelectItem {
		switch item := item.(type) {
		case Selection:
			return Selection{exprWith(item.Expr, change), item.Alias}
		case TypeOf:
			item.Relationship.Path = change(item.Relationship.Path)
			return item
		}
		return item
	})
	changed.Where = conditionWith(q.Where, change)
	changed.Having = conditionWith(q.Having, change)
	changed.GroupBy = mapped(q.GroupBy, func(e Expr) Expr { return exprWith(e, change) })
	changed.OrderBy = mapped(q.OrderBy, func(o Order) Order {
		o.By = exprWith(o.By, change)
		return o
	})
	return changed
}

func exprWith(e Expr, change func([]string) []string) Expr {
	switch e := e.(type) {
	case Field:
		e.Path = change(e.Path)
		return e
	case Call:
		e.Args = mapped(e.Args, func(arg Expr) Expr { return exprWith(arg, change) })
		return e
	}
	return e
}

func conditionWith(c Condition, change func([]string) []string) Condition {
	term := func(c Condition) Condition { return conditionWith(c, change) }
	switch c := c.(type) {
	case And:
		return And{mapped(c.Terms, term)}
	case Or:
		return Or{mapped(c.Terms, term)}
	case Not:
		return Not{term(c.Term)}
	case Comparison:
		c.Left = exprWith(c.Left, change)
		return c
	case Membership:
		c.Left = exprWith(c.Left, change)
		return c
	}
	return c
}

func mapped[T any](items []T, change func(T) T) []T {
	changed := make([]T, len(items))
	for i, item := range items {
		changed[i] = change(item)
	}
	return changed
}
