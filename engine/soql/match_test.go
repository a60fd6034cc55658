package soql_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/soql"
)

// row is a record for tests: values by lower-case path.
type row map[string]soql.Value

func (r row) Value(ref *soql.Ref) soql.Value {
	return r[strings.ToLower(ref.Expr.String())]
}

func text(s string) soql.Value            { return soql.TextValue(s) }
func of(t soql.Type, s string) soql.Value { return soql.ValueOf(t, s) }

func auckland(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

var acme = row{
	"name":          text("Acme O'Neill 50%"),
	"owner.name":    text("Ann"),
	"id":            of(soql.ID, "0015g00000aBcDeAAK"),
	"code__c":       of(soql.ExactText, "aB"),
	"employees":     soql.NumberValue(42),
	"isactive":      soql.BoolValue(true),
	"closedate":     of(soql.Date, "2026-03-15"),
	"createddate":   of(soql.DateTime, "2026-03-15T10:00:00.000Z"),
	"opens__c":      of(soql.TimeOfDay, "09:30:00.000Z"),
	"colours__c":    of(soql.MultiPicklist, "Red;Green;Blue"),
	"description":   {},
	"hastopp__c":    {},
	"straße__c":     text("STRASSE Äß"),
	"nothing.name":  {},
	"othercolor__c": {},
}

func TestMatch(t *testing.T) {
	t.Parallel()
	env := &soql.Env{Now: time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)}
	for _, test := range []struct {
		where string
		want  bool
	}{
		{"Name = 'acme o\\'neill 50%'", true},
		{"Name != 'ACME'", true},
		{"Name = 'acme'", false},
		{"Name LIKE 'acme%'", true},
		{"Name LIKE '%50\\%'", true},
		{"Name LIKE '%50\\_'", false},
		{"Name LIKE '%50_'", true},
		{"Name LIKE 'acme'", false},
		{"Name LIKE '%'", true},
		{"Name LIKE '%n%l%%'", true},
		{"Name LIKE '_c_e%0%'", true},
		{"Description LIKE '%'", false},
		{"NOT Description LIKE 'x'", true},
		{"Name > 'ABC' AND Name < 'b'", true},
		{"Owner.Name = 'ANN'", true},
		{"Id = '0015g00000aBcDe'", true},
		{"Id = '0015g00000aBcDeAAK'", true},
		{"Id = '0015g00000abcde'", false},
		{"Id > '0015g00000aBcDd'", true},
		{"Code__c = 'aB'", true},
		{"Code__c = 'ab'", false},
		{"Code__c LIKE 'A%'", false},
		{"Employees = 42.0", true},
		{"Employees >= 42 AND Employees <= 42 AND Employees > 41.9 AND Employees < 1000", true},
		{"Employees > USD41", true},
		{"IsActive = true", true},
		{"IsActive != true", false},
		{"HasTopp__c = false", true},
		{"HasTopp__c = true", false},
		{"HasTopp__c != true", true},
		{"Description = null", true},
		{"Description != null", false},
		{"Description = ''", true},
		{"Name = ''", false},
		{"Name != null", true},
		{"Description != 'x'", true},
		{"Description > 'x'", false},
		{"Description NOT IN ('x')", true},
		{"Description IN ('x', null)", true},
		{"Nothing.Name = null", true},
		{"Name IN ('x', 'ACME O\\'NEILL 50%')", true},
		{"Name IN ('1','2','3','4','5','6','7','8','9')", false},
		{"Name NOT IN ('1','2','3','4','5','6','7','8','9')", true},
		{"Name IN ('1','2','3','4','5','6','7','8','aCME O\\'NEILL 50%')", true},
		{"Id IN ('1','2','3','4','5','6','7','8','0015g00000aBcDe')", true},
		{"Id IN ('1','2','3','4','5','6','7','8','0015g00000abcde')", false},
		{"Code__c IN ('1','2','3','4','5','6','7','8','AB')", false},
		{"Employees IN (1, 42)", true},
		{"Colours__c INCLUDES ('red;blue')", true},
		{"Colours__c INCLUDES ('Red;Pink', 'Green')", true},
		{"Colours__c INCLUDES ('Red;Pink', 'Pink')", false},
		{"Colours__c EXCLUDES ('Pink')", true},
		{"Colours__c EXCLUDES ('Red;Green')", false},
		{"OtherColor__c EXCLUDES ('Red')", true},
		{"OtherColor__c INCLUDES ('Red')", false},
		{"Colours__c = 'Blue;Red;Green'", true},
		{"Colours__c = 'Blue;Red'", false},
		{"Colours__c != 'Blue;Red'", true},
		{"Colours__c IN ('Red', 'green;blue;red')", true},
		{"CloseDate = 2026-03-15", true},
		{"CloseDate > 2026-03-14 AND CloseDate < 2026-03-16", true},
		{"CloseDate = TODAY", true},
		{"CloseDate = LAST_N_DAYS:0", true},
		{"CloseDate > TODAY", false},
		{"CloseDate >= TODAY AND CloseDate <= TODAY", true},
		{"CloseDate < TOMORROW", true},
		{"CloseDate IN (YESTERDAY, TODAY)", true},
		{"CreatedDate = 2026-03-15T10:00:00Z", true},
		{"CreatedDate = 2026-03-15T12:00:00+02:00", true},
		{"CreatedDate >= 2026-03-15T10:00:00.001Z", false},
		{"DAY_ONLY(CreatedDate) = 2026-03-15", true},
		{"CALENDAR_YEAR(CreatedDate) = 2026 AND CALENDAR_QUARTER(CloseDate) = 1 AND CALENDAR_MONTH(CloseDate) = 3", true},
		{"DAY_IN_WEEK(CloseDate) = 1 AND DAY_IN_MONTH(CloseDate) = 15 AND DAY_IN_YEAR(CloseDate) = 74", true},
		{"WEEK_IN_MONTH(CloseDate) = 3 AND WEEK_IN_YEAR(CloseDate) = 11 AND HOUR_IN_DAY(CreatedDate) = 10", true},
		{"CALENDAR_YEAR(Description) = null", true},
		{"Opens__c < 09:30:00.001Z AND Opens__c >= 09:30:00Z", true},
		{"toLabel(Name) LIKE 'ACME%'", true},
		{"Name = 'x' OR (Employees = 42 AND (NOT IsActive = false))", true},
		{"Name LIKE 'acme%' AND (Employees = 1 OR Employees = 2)", false},
	} {
		c, err := soql.ParseCondition(test.where)
		if err != nil {
			t.Errorf("%s: %v", test.where, err)
			continue
		}
		if got, err := soql.Match(c, acme, env); err != nil || got != test.want {
			t.Errorf("%s: got %v, %v; want %v", test.where, got, err, test.want)
		}
	}
}

func TestMatchFoldsBeyondASCII(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"Name = 'ärger ÆØ'", "Name LIKE 'ÄR_er%'", "Name IN ('1','2','3','4','5','6','7','8','ÄRGER æø')"} {
		c, err := soql.ParseCondition(where)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := soql.Match(c, row{"name": text("Ärger æØ")}, &soql.Env{}); !ok || err != nil {
			t.Errorf("%s: %v, %v", where, ok, err)
		}
	}
}

func TestMatchRefusesOtherTypes(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]string{
		"Name = 5":                          "INVALID_FIELD value of filter criterion for field 'Name' must be of type string and should be enclosed in quotes",
		"Employees = '42'":                  "INVALID_FIELD value of filter criterion for field 'Employees' must be of type double and should not be enclosed in quotes",
		"IsActive = 'TRUE'":                 "INVALID_FIELD value of filter criterion for field 'IsActive' must be of type boolean and should not be enclosed in quotes",
		"CloseDate = 2026-03-15T10:00:00Z":  "INVALID_FIELD value of filter criterion for field 'CloseDate' must be of type date and should not be enclosed in quotes",
		"CreatedDate > 2026-03-15":          "INVALID_FIELD value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in quotes",
		"Name IN ('a', 5)":                  "INVALID_FIELD value of filter criterion for field 'Name' must be of type string and should be enclosed in quotes",
		"Colours__c LIKE 'Red%'":            "INVALID_QUERY_FILTER_OPERATOR invalid operator on multipicklist field",
		"Name INCLUDES ('a')":               "INVALID_QUERY_FILTER_OPERATOR invalid operator on string field",
		"IsActive > false":                  "INVALID_QUERY_FILTER_OPERATOR invalid operator on boolean field",
		"Id LIKE '001%'":                    "INVALID_QUERY_FILTER_OPERATOR invalid operator on id field",
		"NOT Employees = '42'":              "INVALID_FIELD value of filter criterion for field 'Employees' must be of type double and should not be enclosed in quotes",
		"Name = 'x' OR Employees IN ('42')": "INVALID_FIELD value of filter criterion for field 'Employees' must be of type double and should not be enclosed in quotes",
	} {
		c, err := soql.ParseCondition(where)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		_, err = soql.Match(c, acme, &soql.Env{})
		var e *soql.SyntaxError
		if !errors.As(err, &e) || e.Code+" "+e.Detail != want {
			t.Errorf("%s\n got %v\nwant %s", where, err, want)
		}
	}
}

// TestDateLiterals checks the first and last day of every literal at a moment
// that is the 2nd of April in Auckland and still the 1st in UTC.
func TestDateLiterals(t *testing.T) {
	t.Parallel()
	zone := auckland(t)
	env := &soql.Env{Now: time.Date(2026, 4, 1, 12, 30, 0, 0, time.UTC), Location: zone, FiscalStart: time.February}
	for literal, days := range map[string][2]string{
		"YESTERDAY": {"2026-04-01", "2026-04-01"}, "TODAY": {"2026-04-02", "2026-04-02"}, "TOMORROW": {"2026-04-03", "2026-04-03"},
		"LAST_90_DAYS": {"2026-01-02", "2026-04-02"}, "NEXT_90_DAYS": {"2026-04-03", "2026-07-01"},
		"LAST_N_DAYS:3": {"2026-03-30", "2026-04-02"}, "NEXT_N_DAYS:3": {"2026-04-03", "2026-04-05"}, "N_DAYS_AGO:3": {"2026-03-30", "2026-03-30"},
		"LAST_WEEK": {"2026-03-22", "2026-03-28"}, "THIS_WEEK": {"2026-03-29", "2026-04-04"}, "NEXT_WEEK": {"2026-04-05", "2026-04-11"},
		"LAST_N_WEEKS:2": {"2026-03-15", "2026-03-28"}, "NEXT_N_WEEKS:2": {"2026-04-05", "2026-04-18"}, "N_WEEKS_AGO:2": {"2026-03-15", "2026-03-21"},
		"LAST_MONTH": {"2026-03-01", "2026-03-31"}, "THIS_MONTH": {"2026-04-01", "2026-04-30"}, "NEXT_MONTH": {"2026-05-01", "2026-05-31"},
		"LAST_N_MONTHS:2": {"2026-02-01", "2026-03-31"}, "NEXT_N_MONTHS:2": {"2026-05-01", "2026-06-30"}, "N_MONTHS_AGO:2": {"2026-02-01", "2026-02-28"},
		"LAST_QUARTER": {"2026-01-01", "2026-03-31"}, "THIS_QUARTER": {"2026-04-01", "2026-06-30"}, "NEXT_QUARTER": {"2026-07-01", "2026-09-30"},
		"N_QUARTERS_AGO:2": {"2025-10-01", "2025-12-31"},
		"LAST_YEAR":        {"2025-01-01", "2025-12-31"}, "THIS_YEAR": {"2026-01-01", "2026-12-31"}, "NEXT_YEAR": {"2027-01-01", "2027-12-31"},
		"LAST_N_YEARS:2":      {"2024-01-01", "2025-12-31"},
		"THIS_FISCAL_QUARTER": {"2026-02-01", "2026-04-30"}, "NEXT_FISCAL_QUARTER": {"2026-05-01", "2026-07-31"},
		"THIS_FISCAL_YEAR": {"2026-02-01", "2027-01-31"}, "LAST_FISCAL_YEAR": {"2025-02-01", "2026-01-31"},
		"N_FISCAL_YEARS_AGO:2": {"2024-02-01", "2025-01-31"},
	} {
		c, err := soql.ParseCondition("D = " + literal)
		if err != nil {
			t.Errorf("%s: %v", literal, err)
			continue
		}
		first, _ := time.ParseInLocation(time.DateOnly, days[0], zone)
		last, _ := time.ParseInLocation(time.DateOnly, days[1], zone)
		end := last.AddDate(0, 0, 1)
		for at, want := range map[time.Time]bool{
			first: true, first.Add(-time.Second): false, end.Add(-time.Second): true, end: false,
		} {
			for _, v := range []soql.Value{soql.DateTimeValue(at), soql.DateValue(at)} {
				if got, err := soql.Match(c, row{"d": v}, env); err != nil || got != want {
					t.Errorf("%s at %s (%s): got %v, %v, want %v", literal, at, v.Type, got, err, want)
				}
			}
		}
	}
}

func TestSemiJoinIsAskedOnce(t *testing.T) {
	t.Parallel()
	c, err := soql.ParseCondition("Id IN (SELECT AccountId FROM Contact WHERE Name = 'x') AND Id NOT IN (SELECT AccountId FROM Case)")
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	env := &soql.Env{SemiJoin: func(q *soql.Query) ([]soql.Value, error) {
		asked = append(asked, q.From)
		if q.From == "Case" {
			return []soql.Value{of(soql.ID, "0015g00000zzzzzAAA"), {}}, nil
		}
		return []soql.Value{of(soql.ID, "0015g00000aBcDe"), of(soql.ID, "0015g00000zzzzz")}, nil
	}}
	p, err := soql.Compile(c, env)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"0015g00000aBcDeAAK": true, "0015g00000abcdeAAA": false, "0015g00000zzzzzAAA": false} {
		if got, err := p.Match(row{"id": of(soql.ID, id)}); err != nil || got != want {
			t.Errorf("%s: %v, %v", id, got, err)
		}
	}
	if !slices.Equal(asked, []string{"Contact", "Case"}) {
		t.Errorf("sub-selects were asked as %v", asked)
	}
	if _, err := soql.Compile(c, &soql.Env{}); err == nil {
		t.Error("a semi-join without an answer compiled")
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	for orderBy, want := range map[string]string{
		"Name":                           "-abBc",
		"Name NULLS LAST":                "abBc-",
		"Name DESC NULLS LAST":           "cbBa-",
		"Name DESC":                      "-cbBa",
		"N DESC, Name":                   "acbB-",
		"CALENDAR_YEAR(D) DESC, Name":    "acbB-", // nulls first, then 2027, 2026
		"Name DESC NULLS LAST, N":        "cbBa-",
		"Name NULLS FIRST, N NULLS LAST": "-abBc",
	} {
		q, err := soql.Parse("SELECT Id FROM Account ORDER BY " + orderBy)
		if err != nil {
			t.Fatal(err)
		}
		ordering, err := soql.CompileOrder(q, &soql.Env{})
		if err != nil {
			t.Fatal(err)
		}
		rows := []row{
			{"name": text("b"), "n": soql.NumberValue(2), "d": of(soql.Date, "2026-01-01")},
			{"name": text("B"), "n": soql.NumberValue(2), "d": of(soql.Date, "2026-02-01")},
			{"name": {}, "n": soql.NumberValue(1), "d": of(soql.Date, "2025-01-01")},
			{"name": text("c"), "n": soql.NumberValue(3), "d": of(soql.Date, "2027-01-01")},
			{"name": text("a")},
		}
		slices.SortStableFunc(rows, func(a, b row) int { return ordering.Compare(a, b) })
		got := ""
		for _, r := range rows {
			if r["name"].Type == soql.Null {
				got += "-"
			}
			got += r["name"].Text
		}
		if got != want {
			t.Errorf("ORDER BY %s: got %s, want %s", orderBy, got, want)
		}
	}
}

func TestAggregates(t *testing.T) {
	t.Parallel()
	numbers := []soql.Value{soql.NumberValue(3), {}, soql.NumberValue(1), soql.NumberValue(3)}
	words := []soql.Value{text("b"), text("A"), text("B"), {}}
	field := []soql.Expr{soql.Field{Path: []string{"x"}}}
	for _, test := range []struct {
		call   soql.Call
		values []soql.Value
		want   soql.Value
	}{
		{soql.Call{Func: "COUNT"}, numbers, soql.NumberValue(4)},
		{soql.Call{Func: "COUNT", Args: field}, numbers, soql.NumberValue(3)},
		{soql.Call{Func: "COUNT_DISTINCT", Args: field}, numbers, soql.NumberValue(2)},
		{soql.Call{Func: "COUNT_DISTINCT", Args: field}, words, soql.NumberValue(2)},
		{soql.Call{Func: "SUM", Args: field}, numbers, soql.NumberValue(7)},
		{soql.Call{Func: "AVG", Args: field}, numbers, soql.NumberValue(7.0 / 3)},
		{soql.Call{Func: "MIN", Args: field}, words, text("A")},
		{soql.Call{Func: "MAX", Args: field}, words, text("b")},
		{soql.Call{Func: "SUM", Args: field}, nil, soql.Value{}},
		{soql.Call{Func: "MAX", Args: field}, []soql.Value{{}}, soql.Value{}},
		{soql.Call{Func: "COUNT", Args: field}, nil, soql.NumberValue(0)},
	} {
		a, err := soql.NewAccumulator(test.call)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range test.values {
			a.Add(v)
		}
		if got := a.Value(); got != test.want {
			t.Errorf("%s of %v: got %v, want %v", test.call, test.values, got, test.want)
		}
	}
	if _, err := soql.NewAccumulator(soql.Call{Func: "toLabel", Args: field}); err == nil {
		t.Error("toLabel passed as an aggregate")
	}
}

func TestHaving(t *testing.T) {
	t.Parallel()
	q, err := soql.Parse("SELECT CALENDAR_YEAR(D), COUNT(Id) FROM Case GROUP BY CALENDAR_YEAR(D) HAVING COUNT(Id) > 2 AND calendar_year(D) = 2026")
	if err != nil {
		t.Fatal(err)
	}
	p, err := soql.CompileHaving(q, &soql.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for count, want := range map[float64]bool{2: false, 3: true} {
		group := row{"count(id)": soql.NumberValue(count), "calendar_year(d)": soql.NumberValue(2026)}
		if got, err := p.Match(group); err != nil || got != want {
			t.Errorf("%v: %v, %v", count, got, err)
		}
	}
}

// columns is a record as a fast caller has it: values by slot.
type columns []soql.Value

func (c columns) Value(ref *soql.Ref) soql.Value { return c[ref.Slot] }

const busyCondition = "Name LIKE '%smith%' AND (Amount > 1000 OR StageName IN ('Won','Lost')) AND CreatedDate = LAST_N_DAYS:30 AND " +
	"OwnerId IN ('1','2','3','4','5','6','7','8','0055g00000aBcDeAAA') AND Colours__c INCLUDES ('Red;Blue')"

func busy(t testing.TB) (*soql.Program, *columns) {
	t.Helper()
	now := time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)
	names := []string{"Name", "Amount", "StageName", "CreatedDate", "OwnerId", "Colours__c"}
	c, err := soql.ParseCondition(busyCondition)
	if err != nil {
		t.Fatal(err)
	}
	p, err := soql.Compile(c, &soql.Env{Now: now, Bind: func(e soql.Expr) (int, error) {
		slot := slices.Index(names, e.String())
		if slot < 0 {
			return 0, fmt.Errorf("no column %s", e)
		}
		return slot, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p, &columns{
		text("Johnny SMITHSON the Elder"), soql.NumberValue(10), text("lost"), soql.DateTimeValue(now),
		of(soql.ID, "0055g00000aBcDe"), of(soql.MultiPicklist, "Green;Blue;Red"),
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	p, record := busy(t)
	if n := testing.AllocsPerRun(100, func() {
		if ok, err := p.Match(record); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per record", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	p, record := busy(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Match(record); err != nil {
			b.Fatal(err)
		}
	}
}
