package soql_test

import (
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

func deal() *engine.SObject {
	return &engine.SObject{Name: "Deal", Fields: []engine.Field{
		{Name: "Id", Type: "id", Filterable: true},
		{Name: "Name", Type: "string", Filterable: true},
		{Name: "CloseDate", Type: "date", Filterable: true},
		{Name: "Score", Type: "double", Filterable: true, Calculated: true},
		{Name: "ParentId", Type: "reference", Filterable: true, RelationshipName: "Parent", ReferenceTo: []string{"Deal"}},
	}}
}

func dealSchema() soql.Schema {
	return soql.Describes(func(name string) (*engine.SObject, bool) { return deal(), name == "Deal" })
}

func TestWhatAFilterMayBe(t *testing.T) {
	t.Parallel()
	form := []soql.FilterCondition{{Field: "Name", Operator: soql.FilterEquals, Values: []string{"x"}}}
	for name, test := range map[string]struct {
		given soql.Given
		want  string
		code  string
	}{
		"nothing":       {given: soql.Given{SOQL: "  "}},
		"text":          {given: soql.Given{SOQL: "Name = 'x'"}, want: "Name = 'x'"},
		"form":          {given: soql.Given{Conditions: form}, want: "Name = 'x'"},
		"both":          {given: soql.Given{SOQL: "Name = 'x'", Conditions: form}, code: "FILTER_TWICE"},
		"sub-select":    {given: soql.Given{SOQL: "Id IN (SELECT ParentId FROM Deal)"}, code: "FILTER_SUBSELECT"},
		"other clause":  {given: soql.Given{SOQL: "Name = 'x' LIMIT 1"}, code: "FILTER_SOQL"},
		"unknown field": {given: soql.Given{SOQL: "Colour = 'x'"}, code: "FILTER_SOQL"},
	} {
		c, err := test.given.Condition("Deal", dealSchema())
		e, _ := engine.AsError(err)
		switch {
		case test.code != "" && (e == nil || e.Code != test.code):
			t.Errorf("%s: %v, want %s", name, err, test.code)
		case test.code == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && c.String() != test.want:
			t.Errorf("%s: %s, want %s", name, c, test.want)
		}
	}
}

func TestAParentsConditionAsItsChildAsksIt(t *testing.T) {
	t.Parallel()
	c, err := soql.ParseCondition("Name = 'x' AND ((NOT Parent.Name IN ('a', 'b')) OR CloseDate = LAST_N_DAYS:3)")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := soql.Below(c, "Deal__r").String(), "Deal__r.Name = 'x' AND ((NOT Deal__r.Parent.Name IN ('a', 'b')) OR Deal__r.CloseDate = LAST_N_DAYS:3)"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if n := soql.PathLevels(c); n != 1 {
		t.Errorf("%d levels", n)
	}
}

func TestWhatARecordCanBeginToMatchUnmodified(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"Name = 'x' AND CloseDate > 2026-01-01": true,
		"CloseDate = LAST_N_DAYS:30":            false,
		"Parent.Name = 'x'":                     false,
		"Score > 3":                             false,
		"CALENDAR_YEAR(CloseDate) = 2026":       false,
	} {
		c, err := soql.ParseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := soql.Timeless(c, deal()); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if !soql.Timeless(nil, deal()) {
		t.Error("no condition depends on time")
	}
}
