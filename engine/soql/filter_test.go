package soql_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

func line(field string, op soql.FilterOperator, values ...string) soql.FilterCondition {
	return soql.FilterCondition{Field: field, Operator: op, Values: values}
}

var twoAndThree = []soql.FilterCondition{
	line("Name", soql.FilterStartsWith, "A"), line("AnnualRevenue", soql.FilterGreater, "1000"), line("Type", soql.FilterEquals, "x", "y"),
}

// filters are forms and their SOQL, each the other's way back.
var filters = []struct {
	filter soql.Filter
	where  string
}{
	{soql.Filter{Logic: "all", Conditions: []soql.FilterCondition{line("Name", soql.FilterEquals, "O'Neill")}}, `Name = 'O\'Neill'`},
	{soql.Filter{Logic: "all", Conditions: twoAndThree}, "Name LIKE 'A%' AND AnnualRevenue > 1000 AND Type IN ('x', 'y')"},
	{soql.Filter{Logic: "any", Conditions: twoAndThree}, "Name LIKE 'A%' OR AnnualRevenue > 1000 OR Type IN ('x', 'y')"},
	{soql.Filter{Logic: "1 AND (2 OR 3)", Conditions: twoAndThree}, "Name LIKE 'A%' AND (AnnualRevenue > 1000 OR Type IN ('x', 'y'))"},
	{soql.Filter{Logic: "(1 AND 2) OR (NOT 3)", Conditions: twoAndThree}, "(Name LIKE 'A%' AND AnnualRevenue > 1000) OR (NOT Type IN ('x', 'y'))"},
	{soql.Filter{Logic: "NOT 1", Conditions: twoAndThree[:1]}, "NOT Name LIKE 'A%'"},
	{
		soql.Filter{Logic: "all", Conditions: []soql.FilterCondition{
			line("Name", soql.FilterContains, `50%_\`), line("Name", soql.FilterNotContains, "x"), line("Code__c", soql.FilterEndsWith, "z"),
		}},
		`Name LIKE '%50\%\_\\%' AND (NOT Name LIKE '%x%') AND Code__c LIKE '%z'`,
	},
	{
		soql.Filter{Logic: "all", Conditions: []soql.FilterCondition{
			line("Type", soql.FilterEquals, ""), line("Owner.Name", soql.FilterNotEquals, ""), line("IsDeleted", soql.FilterEquals, "true"),
			line("SLA_Ends__c", soql.FilterGreaterOrEqual, "LAST_N_DAYS:30"), line("CreatedDate", soql.FilterLess, "2026-01-31T00:00:00Z"),
			line("Opens__c", soql.FilterLessOrEqual, "09:00:00Z"), line("Type", soql.FilterNotEquals, "a", ""),
		}},
		"Type = null AND Owner.Name != null AND IsDeleted = true AND SLA_Ends__c >= LAST_N_DAYS:30 AND CreatedDate < 2026-01-31T00:00:00Z" +
			" AND Opens__c <= 09:00:00Z AND Type NOT IN ('a', null)",
	},
	{
		soql.Filter{Logic: "all", Conditions: []soql.FilterCondition{
			line("Colours__c", soql.FilterIncludes, "Red;Blue", "Green"), line("Colours__c", soql.FilterExcludes, "Pink"),
		}},
		"Colours__c INCLUDES ('Red;Blue', 'Green') AND Colours__c EXCLUDES ('Pink')",
	},
	{soql.Filter{Logic: "all", Conditions: []soql.FilterCondition{line("OwnerId", soql.FilterEquals, "0055g00000aBcDe")}}, "OwnerId = '0055g00000aBcDe'"},
}

func TestFilterBothWays(t *testing.T) {
	t.Parallel()
	for _, test := range filters {
		c, err := test.filter.Condition("Account", org)
		if err != nil {
			t.Errorf("%v: %v", test.filter, err)
			continue
		}
		if c.String() != test.where {
			t.Errorf("got %s, want %s", c, test.where)
		}
		parsed, err := soql.ParseCondition(test.where)
		if err != nil {
			t.Errorf("%s: %v", test.where, err)
			continue
		}
		back, ok := soql.FilterFrom(parsed)
		if diff := cmp.Diff(test.filter, back); !ok || diff != "" {
			t.Errorf("%s: %v\n%s", test.where, ok, diff)
		}
	}
}

func TestEmptyFilter(t *testing.T) {
	t.Parallel()
	if c, err := (soql.Filter{}).Condition("Account", org); c != nil || err != nil {
		t.Errorf("got %v, %v", c, err)
	}
	if f, ok := soql.FilterFrom(nil); !ok || f.Logic != "all" || len(f.Conditions) != 0 {
		t.Errorf("got %v, %v", f, ok)
	}
}

func TestFilterRefuses(t *testing.T) {
	t.Parallel()
	one := func(l soql.FilterCondition) soql.Filter { return soql.Filter{Conditions: []soql.FilterCondition{l}} }
	for _, test := range []struct {
		filter soql.Filter
		want   string
	}{
		{one(line("Nope__c", soql.FilterEquals, "x")), "Filter condition 1 on Account (Nope__c) is wrong: Account has no field Nope__c, or the connected user may not see it: give that user read access"},
		{one(line("Boss.Name", soql.FilterEquals, "x")), "Account has no field Boss.Name, or the connected user may not see it"},
		{one(line("Name = 'x' OR Name", soql.FilterEquals, "x")), "unexpected token: '='"},
		{one(line(" ", soql.FilterEquals, "x")), "it names no field"},
		{one(line("AnnualRevenue", soql.FilterEquals, "1 OR 1 = 1")), "“1 OR 1 = 1” is not a number"},
		{one(line("AnnualRevenue", soql.FilterGreater, "null")), "“null” is not a number"},
		{one(line("IsDeleted", soql.FilterEquals, "yes")), "“yes” is not true or false"},
		{one(line("SLA_Ends__c", soql.FilterEquals, "31.1.2026")), "is not a date such as 2026-01-31"},
		{one(line("CreatedDate", soql.FilterEquals, "2026-01-31")), "is not a date and time such as"},
		{one(line("OwnerId", soql.FilterEquals, "Ann")), "invalid ID field: Ann"},
		{one(line("AnnualRevenue", soql.FilterContains, "1")), "CONTAINS has no meaning for a field of type currency: choose one of EQUALS, NOT_EQUALS, LESS_THAN, LESS_OR_EQUAL, GREATER_THAN, GREATER_OR_EQUAL."},
		{one(line("OwnerId", soql.FilterContains, "005")), "CONTAINS has no meaning for a field of type reference: choose one of EQUALS,"},
		{one(line("Name", soql.FilterIncludes, "x")), "INCLUDES has no meaning for a field of type string: choose one of EQUALS,"},
		{one(line("IsDeleted", soql.FilterLess, "true")), "LESS_THAN has no meaning for a field of type boolean: choose one of EQUALS, NOT_EQUALS."},
		{one(line("Name", soql.FilterContains, "")), "CONTAINS needs some text, and a text field"},
		{one(line("Description", soql.FilterEquals, "x")), "field 'Description' can not be filtered in a query call"},
		{one(line("Name", "MATCHES", "x")), `there is no operator "MATCHES"`},
		{one(line("Name", soql.FilterEquals)), "it needs a value"},
		{one(line("Name", soql.FilterLess, "a", "b")), "LESS_THAN takes one value, not 2"},
		{one(line("Name", soql.FilterLess, "")), "LESS_THAN needs a value"},
		{soql.Filter{Logic: "1 AND 2 OR 3", Conditions: twoAndThree}, "The filter logic “1 AND 2 OR 3” on Account is wrong at character 9: unexpected token: 'OR'. Combine the numbers 1 to 3"},
		{soql.Filter{Logic: "1 AND 4", Conditions: twoAndThree}, "wrong at character 7: there is no condition 4"},
		{soql.Filter{Logic: "1 AND 2", Conditions: twoAndThree}, "leaves out condition 3"},
		{soql.Filter{Logic: "1 AND", Conditions: twoAndThree}, "unexpected token: '<EOF>'"},
		{soql.Filter{Logic: "1 AND Name = 'x'", Conditions: twoAndThree}, "unexpected token: 'Name'"},
		{soql.Filter{Logic: "(1"}, "there is no condition 1"},
	} {
		c, err := test.filter.Condition("Account", org)
		refusal, ok := engine.AsError(err)
		if !ok || refusal.Kind != engine.KindInvalid || !strings.Contains(refusal.Message, test.want) {
			t.Errorf("%v: got %v, %v; want %q", test.filter, c, err, test.want)
		}
	}
}

func TestFilterFromGivesUp(t *testing.T) {
	t.Parallel()
	for _, where := range []string{
		"CALENDAR_YEAR(CreatedDate) = 2026", "Id IN (SELECT AccountId FROM Contact)", "Name LIKE 'a%b'", "Name LIKE 'a_'",
		"Name LIKE 'abc'", "Name = 'x' AND Name LIKE '%'", "AnnualRevenue > null", "NOT toLabel(Type) = 'x'",
	} {
		c, err := soql.ParseCondition(where)
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := soql.FilterFrom(c); ok {
			t.Errorf("%s came back as %v", where, f)
		}
	}
}

// TestFilterProperty: for random conditions a form can show, the form's
// condition holds for the same records, and a second round changes nothing.
func TestFilterProperty(t *testing.T) {
	t.Parallel()
	g := newGenerator(t)
	shown := 0
	for range 2000 {
		c := g.condition(3)
		f, ok := soql.FilterFrom(c)
		if !ok {
			continue
		}
		shown++
		again, err := f.Condition("Account", org)
		if err != nil {
			t.Fatalf("%s\nbecame %v: %v", c, f, err)
		}
		for range 5 {
			r := g.record()
			want, err1 := soql.Match(c, r, g.env)
			got, err2 := soql.Match(again, r, g.env)
			if got != want || err1 != nil || err2 != nil {
				t.Fatalf("%s\n%s\n%v: %v %v, %v %v", c, again, r, want, err1, got, err2)
			}
		}
		if back, ok := soql.FilterFrom(again); !ok || !cmp.Equal(f, back) {
			t.Fatalf("%s: second round %v", c, cmp.Diff(f, back))
		}
	}
	if shown < 500 {
		t.Errorf("only %d of 2000 random conditions could be shown", shown)
	}
}

// generator makes random conditions over Account's fields, and records.
type generator struct {
	*rand.Rand
	env *soql.Env
}

func newGenerator(t *testing.T) *generator {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &generator{rand.New(rand.NewPCG(seed, 0)), &soql.Env{}}
}

var (
	someTexts   = []string{"", "a", "A", "b'c", `50%_\`, "x\ny", "ä;b", "a;b"}
	someNumbers = []string{"0", "-1.5", "42", "+7"}
	someFields  = map[string][]string{
		"Name": someTexts, "Code__c": someTexts, "Type": someTexts, "Owner.Name": someTexts, "Colours__c": {"a", "a;b", "b;c;a", ""},
		"AnnualRevenue": someNumbers, "NumberOfEmployees": someNumbers, "IsDeleted": {"true", "false"},
		"SLA_Ends__c": {"2026-01-31", "2026-02-01"}, "CreatedDate": {"2026-01-31T10:00:00Z", "2026-01-31T10:00:00+02:00"}, "Opens__c": {"09:30:00.000Z", "10:00:00Z"},
	}
	fieldNames = []string{
		"Name", "Code__c", "Type", "Owner.Name", "Colours__c", "AnnualRevenue", "NumberOfEmployees", "IsDeleted", "SLA_Ends__c", "CreatedDate", "Opens__c",
	}
	fieldTypes = map[string]soql.Type{
		"Name": soql.Text, "Code__c": soql.ExactText, "Type": soql.Text, "Owner.Name": soql.Text, "Colours__c": soql.MultiPicklist,
		"AnnualRevenue": soql.Number, "NumberOfEmployees": soql.Number, "IsDeleted": soql.Bool, "SLA_Ends__c": soql.Date,
		"CreatedDate": soql.DateTime, "Opens__c": soql.TimeOfDay,
	}
	literalKinds = map[soql.Type]soql.LiteralKind{
		soql.Text: soql.StringLiteral, soql.ExactText: soql.StringLiteral, soql.MultiPicklist: soql.StringLiteral, soql.Number: soql.NumberLiteral,
		soql.Bool: soql.BoolLiteral, soql.Date: soql.DateLiteral, soql.DateTime: soql.DateTimeLiteral, soql.TimeOfDay: soql.TimeLiteral,
	}
)

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

func (g *generator) condition(depth int) soql.Condition {
	switch n := g.IntN(6); {
	case depth == 0 || n < 3:
		return g.leaf()
	case n == 3:
		return soql.Not{Term: g.condition(depth - 1)}
	case n == 4:
		return soql.And{Terms: g.terms(depth)}
	}
	return soql.Or{Terms: g.terms(depth)}
}

func (g *generator) terms(depth int) []soql.Condition {
	terms := make([]soql.Condition, 2+g.IntN(2))
	for i := range terms {
		terms[i] = g.condition(depth - 1)
	}
	return terms
}

func (g *generator) leaf() soql.Condition {
	name := pick(g, fieldNames)
	left := soql.Field{Path: strings.Split(name, ".")}
	values := make([]soql.Literal, 1+g.IntN(3))
	for i := range values {
		values[i] = g.literal(name)
	}
	switch t := fieldTypes[name]; {
	case t == soql.MultiPicklist && g.IntN(2) == 0:
		return soql.Membership{Left: left, Op: pick(g, []soql.Operator{soql.Includes, soql.Excludes}), Values: values}
	case g.IntN(3) == 0:
		return soql.Membership{Left: left, Op: pick(g, []soql.Operator{soql.In, soql.NotIn}), Values: values}
	case (t == soql.Text || t == soql.ExactText) && g.IntN(2) == 0:
		pattern := pick(g, []string{"%", ""}) + soql.EscapeLike(pick(g, someTexts)) + pick(g, []string{"%", ""})
		return soql.Comparison{Left: left, Op: soql.Like, Right: soql.Literal{Kind: soql.StringLiteral, Text: pattern}}
	case t == soql.Bool || t == soql.MultiPicklist || values[0].Kind == soql.NullLiteral:
		return soql.Comparison{Left: left, Op: pick(g, []soql.Operator{soql.Equal, soql.NotEqual}), Right: values[0]}
	}
	op := pick(g, []soql.Operator{soql.Equal, soql.NotEqual, soql.Less, soql.LessOrEqual, soql.Greater, soql.GreaterOrEqual})
	return soql.Comparison{Left: left, Op: op, Right: values[0]}
}

func (g *generator) literal(field string) soql.Literal {
	if g.IntN(6) == 0 {
		return soql.Literal{Kind: soql.NullLiteral}
	}
	return soql.Literal{Kind: literalKinds[fieldTypes[field]], Text: pick(g, someFields[field])}
}

func (g *generator) record() row {
	r := row{}
	for _, name := range fieldNames {
		if g.IntN(4) > 0 {
			r[strings.ToLower(name)] = soql.ValueOf(fieldTypes[name], pick(g, someFields[name]))
		}
	}
	return r
}

// TestPrintProperty: the text of a random query parses to an equal tree.
func TestPrintProperty(t *testing.T) {
	t.Parallel()
	g := newGenerator(t)
	for range 2000 {
		limit := g.IntN(10)
		q := &soql.Query{
			Select: []soql.SelectItem{soql.Selection{Expr: soql.Field{Path: []string{"Id"}}}},
			From:   "Account", Alias: pick(g, []string{"", "z"}), Where: g.condition(4),
			OrderBy: []soql.Order{{By: soql.Field{Path: []string{"Name"}}, Descending: g.IntN(2) == 0, NullsLast: g.IntN(2) == 0}},
			Limit:   &limit,
		}
		if g.IntN(3) == 0 {
			q.Select = append(q.Select, soql.Children{Query: &soql.Query{
				Select: []soql.SelectItem{soql.FieldSet{Set: "STANDARD"}}, From: "Contacts", Where: g.condition(1),
			}})
		}
		parsed, err := soql.Parse(q.String())
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		if diff := cmp.Diff(q, parsed, sameTree); diff != "" {
			t.Fatalf("%s\n%s", q, diff)
		}
	}
}

func ExampleFilter_Condition() {
	filter := soql.Filter{Logic: "1 AND (2 OR 3)", Conditions: []soql.FilterCondition{
		{Field: "Name", Operator: soql.FilterContains, Values: []string{"Acme"}},
		{Field: "AnnualRevenue", Operator: soql.FilterGreater, Values: []string{"1000000"}},
		{Field: "CreatedDate", Operator: soql.FilterEquals, Values: []string{"LAST_N_DAYS:30"}},
	}}
	condition, err := filter.Condition("Account", org)
	fmt.Println(condition, err)
	// Output: Name LIKE '%Acme%' AND (AnnualRevenue > 1000000 OR CreatedDate = LAST_N_DAYS:30) <nil>
}
