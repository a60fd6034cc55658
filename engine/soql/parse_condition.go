package soql

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// condition follows the platform's grammar: AND and OR do not mix without
// parentheses, and NOT may only stand at the head of a condition.
func (p *parser) condition(scope exprScope) (c Condition) {
	p.nested(func() {
		if p.accept("NOT") {
			c = Not{p.simpleCondition(scope)}
			return
		}
		c = p.simpleCondition(scope)
		if p.peek().is("AND") {
			c = And{p.terms(c, "AND", scope)}
		} else if p.peek().is("OR") {
			c = Or{p.terms(c, "OR", scope)}
		}
		if p.peek().is("AND") || p.peek().is("OR") {
			p.unexpected()
		}
	})
	return c
}

func (p *parser) terms(first Condition, word string, scope exprScope) []Condition {
	terms := []Condition{first}
	for p.accept(word) {
		terms = append(terms, p.simpleCondition(scope))
	}
	return terms
}

func (p *parser) simpleCondition(scope exprScope) Condition {
	if p.accept("(") {
		c := p.condition(scope)
		p.expect(")")
		return c
	}
	if p.peek().is("NOT") {
		p.unexpected()
	}
	return p.leaf(scope)
}

func (p *parser) comparison(scope exprScope) Condition {
	left := p.expr(scope)
	switch {
	case p.accept("IN"):
		return p.membership(left, In)
	case p.accept("NOT", "IN"):
		return p.membership(left, NotIn)
	case p.accept("INCLUDES"):
		return p.membership(left, Includes)
	case p.accept("EXCLUDES"):
		return p.membership(left, Excludes)
	case p.accept("LIKE"):
		return Comparison{Left: left, Op: Like, Right: p.literal(true)}
	case p.accept("<>"):
		return Comparison{Left: left, Op: NotEqual, Right: p.literal(false)}
	}
	for _, op := range []Operator{Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual} {
		if p.accept(string(op)) {
			return Comparison{Left: left, Op: op, Right: p.literal(false)}
		}
	}
	p.unexpected()
	return nil
}

func (p *parser) membership(left Expr, op Operator) Membership {
	m := Membership{Left: left, Op: op}
	p.expect("(")
	if p.peek().is("SELECT") && (op == In || op == NotIn) {
		m.Query = p.query()
	} else {
		m.Values = list(p, func() Literal { return p.literal(false) })
	}
	p.expect(")")
	return m
}

var literalKinds = map[tokenKind]LiteralKind{
	tokenString: StringLiteral, tokenNumber: NumberLiteral,
	tokenDate: DateLiteral, tokenDateTime: DateTimeLiteral, tokenTime: TimeLiteral,
}

func (p *parser) literal(pattern bool) Literal {
	t := p.peek()
	if t.kind == tokenWord {
		return p.wordLiteral()
	}
	kind, ok := literalKinds[t.kind]
	if !ok {
		p.unexpected()
	}
	p.next()
	l := Literal{Kind: kind, Text: t.text, Pos: Pos(t.pos)}
	switch kind {
	case StringLiteral:
		l.Text = unquote(t.text, pattern)
	case DateLiteral, DateTimeLiteral, TimeLiteral:
		p.checkTime(l)
	}
	return l
}

// checkTime refuses the 30th of February and years the platform cannot hold.
func (p *parser) checkTime(l Literal) {
	at, err := l.Time()
	if err != nil || l.Kind != TimeLiteral && (at.Year() < 1700 || at.Year() > 4000) {
		p.fail(int(l.Pos), "Invalid %s: %s", l.Kind, l.Text)
	}
}

func (p *parser) wordLiteral() Literal {
	t := p.peek()
	l := Literal{Text: strings.ToUpper(t.text), Pos: Pos(t.pos)}
	unit, ranged := dateRanges[l.Text]
	switch {
	case t.is("NULL"):
		l.Kind, l.Text = NullLiteral, ""
	case t.is("TRUE"), t.is("FALSE"):
		l.Kind, l.Text = BoolLiteral, strings.ToLower(t.text)
	case isCurrency(strings.SplitN(t.text, ".", 2)[0]):
		l.Kind = CurrencyLiteral
	case ranged:
		l.Kind = RangeLiteral
	default:
		p.unexpected()
	}
	p.next()
	if ranged && unit.counted {
		p.expect(":")
		l.N = p.rangeCount()
	}
	return l
}

// rangeCount reads the n of LAST_N_DAYS:n.
func (p *parser) rangeCount() int {
	n, err := strconv.Atoi(p.peek().text)
	if err != nil || n < 0 || n > math.MaxInt16 {
		p.unexpected()
	}
	p.next()
	return n
}

// Time is the moment a date, datetime or time literal names; dates and times of
// day are in UTC, the latter on the first day of the year 0.
func (l Literal) Time() (time.Time, error) {
	text := strings.ToUpper(l.Text)
	switch l.Kind {
	case DateLiteral:
		return time.Parse(time.DateOnly, text)
	case TimeLiteral:
		return time.Parse("15:04:05", strings.TrimSuffix(text, "Z"))
	}
	if t, err := time.Parse("2006-01-02T15:04:05Z0700", text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, text)
}
