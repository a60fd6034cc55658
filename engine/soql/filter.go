package soql

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// Filter is a condition as a form shows it. Logic says how the conditions
// combine: "all" (also ""), "any", or their numbers from 1 with AND, OR, NOT and
// parentheses, such as "1 AND (2 OR 3)". Without conditions everything passes.
type Filter struct {
	Conditions []FilterCondition `json:"conditions"`
	Logic      string            `json:"logic"`
}

// FilterCondition is one line of the form. Field is a path. Values are plain
// text, typed by the field: 2026-01-31 or LAST_N_DAYS:30 for a date, true or
// false for a checkbox; the empty text stands for no value.
type FilterCondition struct {
	Field    string         `json:"field"`
	Operator FilterOperator `json:"operator"`
	Values   []string       `json:"values"`
}

// FilterOperator is a comparison as a form offers it.
type FilterOperator string

// The operators. FilterEquals, FilterNotEquals, FilterIncludes and
// FilterExcludes take several values, the others one.
const (
	FilterEquals         FilterOperator = "EQUALS"
	FilterNotEquals      FilterOperator = "NOT_EQUALS"
	FilterLess           FilterOperator = "LESS_THAN"
	FilterLessOrEqual    FilterOperator = "LESS_OR_EQUAL"
	FilterGreater        FilterOperator = "GREATER_THAN"
	FilterGreaterOrEqual FilterOperator = "GREATER_OR_EQUAL"
	FilterContains       FilterOperator = "CONTAINS"
	FilterNotContains    FilterOperator = "NOT_CONTAINS"
	FilterStartsWith     FilterOperator = "STARTS_WITH"
	FilterEndsWith       FilterOperator = "ENDS_WITH"
	FilterIncludes       FilterOperator = "INCLUDES"
	FilterExcludes       FilterOperator = "EXCLUDES"
)

// comparisons pairs the operators that take one value of any type with SOQL's.
var comparisons = map[FilterOperator]Operator{
	FilterEquals: Equal, FilterNotEquals: NotEqual, FilterLess: Less, FilterLessOrEqual: LessOrEqual,
	FilterGreater: Greater, FilterGreaterOrEqual: GreaterOrEqual,
}

// memberships pairs the operators that take several values with SOQL's.
var memberships = map[FilterOperator]Operator{
	FilterEquals: In, FilterNotEquals: NotIn, FilterIncludes: Includes, FilterExcludes: Excludes,
}

// patterns gives what stands before and after the text in LIKE.
var patterns = map[FilterOperator][2]string{
	FilterContains: {"%", "%"}, FilterNotContains: {"%", "%"}, FilterStartsWith: {"", "%"}, FilterEndsWith: {"%", ""},
}

// filterOperators are all of them, in the order of a form.
var filterOperators = []FilterOperator{
	FilterEquals, FilterNotEquals, FilterLess, FilterLessOrEqual, FilterGreater, FilterGreaterOrEqual,
	FilterContains, FilterNotContains, FilterStartsWith, FilterEndsWith, FilterIncludes, FilterExcludes,
}

func (o FilterOperator) known() bool { return slices.Contains(filterOperators, o) }

// suits reports whether the operator has a meaning for values of that type.
func (o FilterOperator) suits(t Type) bool {
	if op, compares := comparisons[o]; compares {
		return t.allows(op)
	}
	if _, matches := patterns[o]; matches {
		return t.allows(Like)
	}
	return t.allows(memberships[o])
}

// suiting lists the operators that suit.
func suiting(t Type) string {
	var names []string
	for _, o := range filterOperators {
		if o.suits(t) {
			names = append(names, string(o))
		}
	}
	return strings.Join(names, ", ")
}

// Condition is the filter in SOQL, nil if it has no conditions. The error is an
// *engine.Error that names the line, its field and what to change.
func (f Filter) Condition(object string, schema Schema) (Condition, error) {
	name, ok := schema.Object(object)
	if !ok {
		return nil, engine.E(engine.KindInvalid, "FILTER_OBJECT", "The object %s does not exist in the org, or the connected user may not see it: check its API name and that user's permissions.", object)
	}
	terms := make([]Condition, len(f.Conditions))
	for i, line := range f.Conditions {
		term, err := line.condition(name, schema)
		if err != nil {
			return nil, line.refuse(i, name, err)
		}
		terms[i] = term
	}
	return f.join(name, terms)
}

func (f Filter) join(object string, terms []Condition) (Condition, error) {
	switch logic := strings.ToLower(strings.TrimSpace(f.Logic)); {
	case len(terms) == 0 && slices.Contains([]string{"", "all", "any"}, logic):
		return nil, nil
	case logic != "" && logic != "all" && logic != "any":
		return f.custom(object, terms)
	case len(terms) == 1:
		return terms[0], nil
	case logic == "any":
		return Or{terms}, nil
	}
	return And{terms}, nil
}

// custom reads Logic with the grammar of WHERE, whose leaves are numbers here.
func (f Filter) custom(object string, terms []Condition) (c Condition, err error) {
	used := make([]bool, len(terms))
	err = guard(f.Logic, func(p *parser) {
		p.leaf = func(exprScope) Condition {
			t := p.peek()
			n, err := strconv.Atoi(t.text)
			if t.kind != tokenNumber || err != nil {
				p.unexpected()
			}
			if n < 1 || n > len(terms) {
				p.fail(t.pos, "there is no condition %s", t.text)
			}
			p.next()
			used[n-1] = true
			return terms[n-1]
		}
		c = p.condition(rowExprs)
		p.end()
	})
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		return nil, engine.E(engine.KindInvalid, "FILTER_LOGIC", "The filter logic “%s” on %s is wrong at character %d: %s. "+
			"Combine the numbers 1 to %d with AND, OR and NOT, with parentheses where two of these meet: 1 AND (NOT 2).",
			f.Logic, object, syntax.Column, syntax.Detail, len(terms))
	}
	if unused := slices.Index(used, false); unused >= 0 {
		return nil, engine.E(engine.KindInvalid, "FILTER_LOGIC", "The filter logic “%s” on %s leaves out condition %d: use it or remove it.", f.Logic, object, unused+1)
	}
	return c, nil
}

// refuse says which line is wrong.
func (l FilterCondition) refuse(i int, object string, err error) error {
	detail := err.Error()
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		detail = strings.TrimSuffix(syntax.Detail, ".")
	}
	refusal := engine.E(engine.KindInvalid, "FILTER_CONDITION", "Filter condition %d on %s (%s) is wrong: %s.", i+1, object, l.Field, detail)
	refusal.Field = l.Field
	return refusal
}

func (l FilterCondition) condition(object string, schema Schema) (Condition, error) {
	if strings.TrimSpace(l.Field) == "" {
		return nil, errors.New("it names no field")
	}
	field, err := parseField(l.Field)
	if err != nil {
		return nil, err
	}
	info, err := ResolveField(field, object, schema)
	if isUnseen(err) {
		return nil, errors.New(unseen(object, field))
	}
	if err != nil {
		return nil, err
	}
	if info.Filterable && l.Operator.known() && !l.Operator.suits(info.ValueType()) {
		return nil, fmt.Errorf("%s has no meaning for a field of type %s: choose one of %s", l.Operator, info.Type, suiting(info.ValueType()))
	}
	literals := make([]Literal, len(l.Values))
	for i, value := range l.Values {
		if literals[i], err = info.literal(value); err != nil {
			return nil, err
		}
	}
	c, err := l.leaf(field, literals)
	if err != nil {
		return nil, err
	}
	return c, Validate(c, object, schema, "")
}

// leaf builds the comparison that the operator stands for.
func (l FilterCondition) leaf(field Field, values []Literal) (Condition, error) {
	op, compares := comparisons[l.Operator]
	several, joins := memberships[l.Operator]
	affix := patterns[l.Operator]
	switch {
	case !l.Operator.known():
		return nil, fmt.Errorf("there is no operator %q", l.Operator)
	case len(values) == 0:
		return nil, errors.New("it needs a value; for no value give an empty one")
	case joins && (len(values) > 1 || !compares):
		return Membership{Left: field, Op: several, Values: values}, nil
	case len(values) > 1:
		return nil, fmt.Errorf("%s takes one value, not %d", l.Operator, len(values))
	case compares && values[0].Kind == NullLiteral && op != Equal && op != NotEqual:
		return nil, fmt.Errorf("%s needs a value", l.Operator)
	case compares:
		return Comparison{Left: field, Op: op, Right: values[0]}, nil
	case values[0].Kind != StringLiteral:
		return nil, fmt.Errorf("%s needs some text, and a text field", l.Operator)
	}
	c := Comparison{Left: field, Op: Like, Right: Literal{Kind: StringLiteral, Text: affix[0] + EscapeLike(values[0].Text) + affix[1]}}
	if l.Operator == FilterNotContains {
		return Not{c}, nil
	}
	return c, nil
}

// literal reads a value as the field's type has it.
func (f FieldInfo) literal(value string) (Literal, error) {
	t := f.ValueType()
	switch {
	case value == "":
		return Literal{Kind: NullLiteral}, nil
	case t.textual():
		return Literal{Kind: StringLiteral, Text: value}, nil
	}
	l, err := parseLiteral(value)
	if err != nil || !t.accepts(l.Kind) || l.Kind == NullLiteral {
		return l, fmt.Errorf("“%s” is not %s", value, expected[t])
	}
	return l, nil
}

// expected says what a type's values look like.
var expected = map[Type]string{
	Number:    "a number",
	Bool:      "true or false",
	Date:      "a date such as 2026-01-31 or LAST_N_DAYS:30",
	DateTime:  "a date and time such as 2026-01-31T09:30:00Z, or a word such as LAST_N_DAYS:30",
	TimeOfDay: "a time such as 09:30:00Z",
}

func parseLiteral(src string) (l Literal, err error) {
	err = guard(src, func(p *parser) {
		l = p.literal(false)
		p.end()
	})
	l.Pos = 0
	return l, err
}

func parseField(src string) (f Field, err error) {
	err = guard(src, func(p *parser) {
		f = p.path()
		p.end()
	})
	f.Pos = 0
	return f, err
}
