package soql

import (
	"fmt"
	"slices"
)

func (p *parser) selectList() []SelectItem {
	return list(p, p.selectItem)
}

func (p *parser) selectItem() SelectItem {
	t, after := p.peek(), p.ahead(1)
	switch {
	case t.is("("):
		return p.children()
	case t.is("FIELDS") && after.is("("):
		p.at += 2
		set := FieldSet{Set: p.oneOf("ALL", "CUSTOM", "STANDARD"), Pos: Pos(t.pos)}
		p.expect(")")
		return set
	case t.is("TYPEOF") && after.kind == tokenWord && !after.is("FROM"):
		return p.typeOf()
	}
	return p.selection()
}

func (p *parser) children() Children {
	p.expect("(")
	c := Children{Query: p.query()}
	p.expect(")")
	return c
}

// selection reads an expression and its alias. A word is an alias only where
// the item then ends, so that a misspelt FROM is the token that is reported.
func (p *parser) selection() Selection {
	s := Selection{Expr: p.expr(groupExprs)}
	if t := p.peek(); t.kind == tokenWord && !t.is("FROM") && (p.ahead(1).is(",") || p.ahead(1).is("FROM")) {
		s.Alias = p.next().text
	}
	return s
}

func (p *parser) typeOf() TypeOf {
	p.expect("TYPEOF")
	t := TypeOf{Relationship: p.path()}
	for p.accept("WHEN") {
		branch := TypeOfBranch{Object: p.word().text}
		p.expect("THEN")
		branch.Fields = list(p, p.path)
		t.When = append(t.When, branch)
	}
	if len(t.When) == 0 {
		p.unexpected()
	}
	if p.accept("ELSE") {
		t.Else = list(p, p.path)
	}
	p.expect("END")
	return t
}

// fault is an error whose place is known before its text is formed.
type fault struct {
	at     Pos
	code   string
	detail string
}

// check refuses what the grammar allows and the platform does not.
func (q *Query) check() *fault {
	if f := q.checkDuplicates(); f != nil {
		return f
	}
	if len(q.GroupBy) == 0 && !slices.ContainsFunc(q.Select, aggregated) {
		return q.checkPlain()
	}
	return q.checkGroups()
}

func (q *Query) checkDuplicates() *fault {
	seen := map[string]bool{}
	for _, item := range q.Select {
		s, ok := item.(Selection)
		if !ok {
			continue
		}
		field, plain := s.Expr.(Field)
		if !plain || s.Alias != "" {
			continue
		}
		name := fold(field.String())
		if seen[name] {
			return &fault{field.Pos, CodeInvalidField, "duplicate field selected: " + field.String()}
		}
		seen[name] = true
	}
	return nil
}

// checkPlain checks a query that returns records.
func (q *Query) checkPlain() *fault {
	if q.Having != nil {
		return &fault{q.FromPos, CodeMalformed, "having clause requires group by clause"}
	}
	for _, item := range q.Select {
		if s, ok := item.(Selection); ok && s.Alias != "" {
			if _, plain := s.Expr.(Field); plain {
				return &fault{s.Expr.At(), CodeMalformed, "only aggregate expressions use field aliasing"}
			}
		}
	}
	return nil
}

// checkGroups checks a query that returns groups, or one row of totals.
func (q *Query) checkGroups() *fault {
	grouped := map[string]bool{}
	for _, g := range q.GroupBy {
		grouped[fold(g.String())] = true
	}
	if f := q.checkSubtotals(grouped); f != nil {
		return f
	}
	for _, item := range q.Select {
		s, ok := item.(Selection)
		if !ok {
			return &fault{q.FromPos, CodeMalformed, "Grouped queries can select fields and aggregates only"}
		}
		if isTotal(s.Expr) {
			if len(q.Select) > 1 || len(q.GroupBy) > 0 {
				return &fault{s.Expr.At(), CodeMalformed, "COUNT() must be the only element in the SELECT list"}
			}
			continue
		}
		if !aggregated(s) && !grouped[fold(s.Expr.String())] && !groupedInside(s.Expr, grouped) {
			return &fault{s.Expr.At(), CodeMalformed, "Field must be grouped or aggregated: " + s.Expr.String()}
		}
	}
	for _, o := range q.OrderBy {
		if !hasAggregate(o.By) && !grouped[fold(o.By.String())] {
			return &fault{o.By.At(), CodeMalformed, "Ordered field must be grouped or aggregated: " + o.By.String()}
		}
	}
	return nil
}

// maxRollup is how many fields ROLLUP and CUBE take.
const maxRollup = 3

// checkSubtotals checks how many fields are rolled up, and that GROUPING asks
// for one that is grouped.
func (q *Query) checkSubtotals(grouped map[string]bool) *fault {
	if q.Rollup != PlainGroups && len(q.GroupBy) > maxRollup {
		return &fault{q.GroupBy[maxRollup].At(), CodeMalformed, fmt.Sprintf("GROUP BY %s takes at most %d fields", q.Rollup, maxRollup)}
	}
	var asked []Expr
	for _, item := range q.Select {
		if s, ok := item.(Selection); ok {
			asked = append(asked, s.Expr)
		}
	}
	for leaf := range Leaves(q.Having) {
		asked = append(asked, leftOf(leaf))
	}
	for _, o := range q.OrderBy {
		asked = append(asked, o.By)
	}
	for _, e := range asked {
		if c, ok := e.(Call); ok && functions[fold(c.Func)].kind == groupingFunc && !grouped[fold(c.Args[0].String())] {
			return &fault{c.At(), CodeMalformed, "Field must be grouped or aggregated: " + c.Args[0].String()}
		}
	}
	return nil
}

// isTotal recognises COUNT().
func isTotal(e Expr) bool {
	c, ok := e.(Call)
	return ok && len(c.Args) == 0
}

// aggregated reports whether the item makes one value of many records.
func aggregated(item SelectItem) bool {
	s, ok := item.(Selection)
	return ok && hasAggregate(s.Expr)
}

func hasAggregate(e Expr) bool {
	c, ok := e.(Call)
	return ok && (c.Aggregate() || functions[fold(c.Func)].kind == groupingFunc || slices.ContainsFunc(c.Args, hasAggregate))
}

// groupedInside allows a display function round a grouped expression.
func groupedInside(e Expr, grouped map[string]bool) bool {
	c, ok := e.(Call)
	return ok && len(c.Args) == 1 && functions[fold(c.Func)].kind == displayFunc &&
		(grouped[fold(c.Args[0].String())] || groupedInside(c.Args[0], grouped))
}
