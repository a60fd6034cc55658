package soql

// rewritePaths replaces every path of this query, but not those of its
// sub-selects, which have their own object.
func (q *Query) rewritePaths(change func([]string) []string) {
	for i, item := range q.Select {
		switch item := item.(type) {
		case Selection:
			q.Select[i] = Selection{rewriteExpr(item.Expr, change), item.Alias}
		case TypeOf:
			item.Relationship.Path = change(item.Relationship.Path)
			q.Select[i] = item
		}
	}
	q.Where = rewriteCondition(q.Where, change)
	q.Having = rewriteCondition(q.Having, change)
	for i, g := range q.GroupBy {
		q.GroupBy[i] = rewriteExpr(g, change)
	}
	for i, o := range q.OrderBy {
		q.OrderBy[i].By = rewriteExpr(o.By, change)
	}
}

func rewriteExpr(e Expr, change func([]string) []string) Expr {
	switch e := e.(type) {
	case Field:
		e.Path = change(e.Path)
		return e
	case Call:
		for i, arg := range e.Args {
			e.Args[i] = rewriteExpr(arg, change)
		}
		return e
	}
	return e
}

func rewriteCondition(c Condition, change func([]string) []string) Condition {
	switch c := c.(type) {
	case And:
		rewriteConditions(c.Terms, change)
	case Or:
		rewriteConditions(c.Terms, change)
	case Not:
		return Not{rewriteCondition(c.Term, change)}
	case Comparison:
		c.Left = rewriteExpr(c.Left, change)
		return c
	case Membership:
		c.Left = rewriteExpr(c.Left, change)
		return c
	}
	return c
}

func rewriteConditions(terms []Condition, change func([]string) []string) {
	for i, t := range terms {
		terms[i] = rewriteCondition(t, change)
	}
}
