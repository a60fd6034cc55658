package soql

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxQueryLength = 100_000 // the platform's
	maxDepth       = 100     // of parentheses, functions and sub-selects inside one another
)

// parser walks the tokens. It stops at the first error by panicking with a
// *SyntaxError, which guard turns into the result; no panic leaves the package.
type parser struct {
	src    string
	tokens []token
	at     int
	depth  int
	leaf   func(exprScope) Condition // reads what AND, OR and NOT join
}

// Parse reads one query. The error is always a *SyntaxError.
func Parse(src string) (q *Query, err error) {
	err = guard(src, func(p *parser) {
		q = p.query()
		p.end()
	})
	return q, err
}

// ParseCondition reads a condition as it stands after WHERE and refuses whatever
// follows it, so text from a user cannot grow into another clause.
func ParseCondition(src string) (c Condition, err error) {
	err = guard(src, func(p *parser) {
		c = p.condition(rowExprs)
		p.end()
	})
	return c, err
}

func guard(src string, parse func(*parser)) (err error) {
	if strings.TrimSpace(src) == "" {
		return ErrorAt("", 0, CodeMalformed, "A query string has to be specified")
	}
	if len(src) > maxQueryLength {
		return ErrorAt("", 0, CodeMalformed, fmt.Sprintf("SOQL statements cannot be longer than %d characters.", maxQueryLength))
	}
	tokens, err := lex(src)
	if err != nil {
		return err
	}
	defer func() {
		switch stop := recover().(type) {
		case nil:
		case *SyntaxError:
			err = stop
		default:
			panic(stop)
		}
	}()
	p := &parser{src: src, tokens: tokens}
	p.leaf = p.comparison
	parse(p)
	return nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

// ahead looks n tokens further, not beyond the end.
func (p *parser) ahead(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.peek()
	if t.kind != tokenEOF {
		p.at++
	}
	return t
}

// accept takes the words if they come next, in that order, or none of them.
func (p *parser) accept(words ...string) bool {
	for i, word := range words {
		if !p.ahead(i).is(word) {
			return false
		}
	}
	p.at += len(words)
	return true
}

func (p *parser) expect(words ...string) {
	for _, word := range words {
		if !p.accept(word) {
			p.unexpected()
		}
	}
}

func (p *parser) end() {
	if p.peek().kind != tokenEOF {
		p.unexpected()
	}
}

func (p *parser) fail(at int, format string, args ...any) {
	panic(ErrorAt(p.src, Pos(at), CodeMalformed, fmt.Sprintf(format, args...)))
}

func (p *parser) unexpected() {
	t := p.peek()
	if t.is(":") {
		p.fail(t.pos, "Bind variables only allowed in Apex code")
	}
	p.fail(t.pos, "unexpected token: '%s'", t.text)
}

// nested bounds recursion, so that hostile input cannot exhaust the stack.
func (p *parser) nested(parse func()) {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.peek().pos, "query is nested more than %d levels deep", maxDepth)
	}
	parse()
	p.depth--
}

func (p *parser) word() token {
	if p.peek().kind != tokenWord {
		p.unexpected()
	}
	return p.next()
}

func (p *parser) query() *Query {
	q := &Query{}
	p.nested(func() {
		p.expect("SELECT")
		q.Select = p.selectList()
		p.expect("FROM")
		p.from(q)
		p.filters(q)
		p.tail(q)
	})
	q.resolveAliases()
	if f := q.check(); f != nil {
		panic(ErrorAt(p.src, f.at, f.code, f.detail))
	}
	return q
}

// from reads the object and its alias. A child sub-select may say a.Contacts.
func (p *parser) from(q *Query) {
	q.FromPos = Pos(p.peek().pos)
	q.From = p.path().String()
	if t := p.peek(); t.kind == tokenWord && !p.clauseBegins() {
		q.Alias = p.next().text
	}
	if p.accept("USING") {
		p.expect("SCOPE")
		q.Scope = p.word().text
	}
}

func (p *parser) clauseBegins() bool {
	t := p.peek()
	return t.is("ALL") && p.ahead(1).is("ROWS") ||
		slices.ContainsFunc([]string{"USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "UPDATE"}, t.is)
}

func (p *parser) filters(q *Query) {
	if p.accept("WHERE") {
		q.Where = p.condition(rowExprs)
	}
	if p.accept("WITH") {
		q.With = p.oneOf("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE")
	}
	if p.accept("GROUP") {
		p.expect("BY")
		p.groupBy(q)
	}
	if p.accept("HAVING") {
		q.Having = p.condition(groupExprs)
	}
}

func (p *parser) groupBy(q *Query) {
	for _, kind := range []Rollup{RollupRows, CubeRows} {
		if p.ahead(1).is("(") && p.accept(string(kind), "(") {
			q.Rollup = kind
			q.GroupBy = list(p, func() Expr { return p.expr(rowExprs) })
			p.expect(")")
			return
		}
	}
	q.GroupBy = list(p, func() Expr { return p.expr(rowExprs) })
}

func (p *parser) tail(q *Query) {
	if p.accept("ORDER") {
		p.expect("BY")
		q.OrderBy = list(p, p.order)
	}
	if p.accept("LIMIT") {
		q.Limit = p.count()
	}
	if p.accept("OFFSET") {
		q.Offset = p.count()
	}
	for {
		switch {
		case p.accept("ALL", "ROWS"):
			q.AllRows = true
		case p.accept("FOR"):
			q.For = append(q.For, list(p, func() string { return p.oneOf("VIEW", "REFERENCE", "UPDATE") })...)
		case p.accept("UPDATE"):
			q.Update = append(q.Update, list(p, func() string { return p.oneOf("TRACKING", "VIEWSTAT") })...)
		default:
			return
		}
	}
}

func (p *parser) order() Order {
	o := Order{By: p.expr(groupExprs)}
	if !p.accept("ASC") {
		o.Descending = p.accept("DESC")
	}
	if p.accept("NULLS") {
		o.NullsLast = p.oneOf("FIRST", "LAST") == "LAST"
	}
	return o
}

func (p *parser) count() *int {
	t := p.peek()
	n, err := strconv.Atoi(t.text)
	if t.kind != tokenNumber || err != nil && !errors.Is(err, strconv.ErrRange) || n < 0 {
		p.unexpected()
	}
	p.next()
	return &n
}

// oneOf takes one of the words and returns it in capitals.
func (p *parser) oneOf(words ...string) string {
	for _, word := range words {
		if p.accept(word) {
			return word
		}
	}
	p.unexpected()
	return ""
}

// list reads one or more items with commas between them.
func list[T any](p *parser, item func() T) []T {
	items := []T{item()}
	for p.accept(",") {
		items = append(items, item())
	}
	return items
}

// path reads a dotted name. Objects are called Group, Order and Case and fields
// Limit, so only the words that begin the main clauses are kept from it.
func (p *parser) path() Field {
	if slices.ContainsFunc([]string{"SELECT", "FROM", "WHERE"}, p.peek().is) {
		p.unexpected()
	}
	t := p.word()
	f := Field{Path: []string{t.text}, Pos: Pos(t.pos)}
	for p.accept(".") {
		f.Path = append(f.Path, p.word().text)
	}
	return f
}

// exprScope says which functions a place allows.
type exprScope int

const (
	rowExprs   exprScope = iota // of one record
	groupExprs                  // aggregates too
)

func (p *parser) expr(scope exprScope) Expr {
	if !p.ahead(1).is("(") {
		return p.path()
	}
	name := p.peek()
	f, known := functions[fold(name.text)]
	if name.kind != tokenWord || !known || scope == rowExprs && (f.kind == aggregateFunc || f.kind == groupingFunc) {
		p.unexpected()
	}
	p.at += 2
	call := Call{Func: f.name, Pos: Pos(name.pos)}
	if f.name == "COUNT" && p.accept(")") {
		return call
	}
	p.nested(func() { call.Args = []Expr{p.expr(scope)} })
	p.expect(")")
	return call
}

// resolveAliases takes the query's own alias, or its object's name, off the
// front of every path, and off a child sub-select's relationship.
func (q *Query) resolveAliases() {
	*q = q.withPaths(func(path []string) []string {
		if q.owns(path) {
			return path[1:]
		}
		return path
	})
	for _, item := range q.Select {
		if children, ok := item.(Children); ok {
			if path := strings.Split(children.Query.From, "."); len(path) == 2 && q.owns(path) {
				children.Query.From = path[1]
			}
		}
	}
}

// owns reports whether a path begins with the query's own name.
func (q *Query) owns(path []string) bool {
	return len(path) > 1 && (q.Alias != "" && strings.EqualFold(path[0], q.Alias) || strings.EqualFold(path[0], q.From))
}

// qualified is the way back: a path whose relationship is called like the query
// gets the object's name in front, or reading it would take the relationship off.
func (q *Query) qualified() Query {
	return q.withPaths(func(path []string) []string {
		if q.owns(path) {
			return append([]string{path[0]}, path...)
		}
		return path
	})
}
