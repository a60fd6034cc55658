package soql_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/holdfast-backup/holdfast/engine/soql"
)

// sameTree compares syntax trees whose places in the source differ.
var sameTree = cmp.Options{cmpopts.IgnoreTypes(soql.Pos(0)), cmpopts.EquateEmpty()}

// queries are texts and their canonical form; "" means that it is the text.
var queries = []struct{ src, canonical string }{
	{"SELECT Id FROM Account", ""},
	{"select id, name from account", "SELECT id, name FROM account"},
	{"  SELECT\n\tId\r\nFROM Account ", "SELECT Id FROM Account"},
	{"SELECT Id, Account.Owner.Name FROM Contact", ""},
	{"SELECT a.Id, a.Owner.Name FROM Account a WHERE a.Name = 'x'", "SELECT Id, Owner.Name FROM Account a WHERE Name = 'x'"},
	{"SELECT TYPEOF A.A WHEN B THEN C END FROM A", "SELECT TYPEOF A WHEN B THEN C END FROM A"},
	{"SELECT TYPEOF A.A.A WHEN B THEN C END FROM A", ""},
	{"SELECT Account.Account.Name FROM Account", ""}, // a relationship called like its object
	{"SELECT Account.Id FROM Account ORDER BY Account.Name", "SELECT Id FROM Account ORDER BY Name"},
	{"SELECT Id FROM Group", ""},
	{"SELECT Id FROM Order ORDER BY EffectiveDate", ""},
	{"SELECT Id FROM Case", ""},
	{"SELECT COUNT() FROM Account", ""},
	{"SELECT count() FROM Account WHERE IsDeleted = TRUE", "SELECT COUNT() FROM Account WHERE IsDeleted = true"},
	{"SELECT COUNT(Id) total, MAX(Amount) FROM Opportunity", ""},
	{"SELECT StageName, SUM(Amount) s FROM Opportunity GROUP BY StageName", ""},
	{"SELECT StageName stage, AVG(Amount) FROM Opportunity GROUP BY StageName HAVING COUNT(Id) > 2", ""},
	{"SELECT LeadSource, Rating, GROUPING(LeadSource), COUNT(Name) FROM Lead GROUP BY ROLLUP(LeadSource, Rating)", ""},
	{"SELECT Type, COUNT_DISTINCT(OwnerId) FROM Account GROUP BY CUBE(Type)", ""},
	{"SELECT Id FROM Account WHERE A__c = 1.0e1 AND B__c > -5E-3 AND C__c < 1e+06", ""},
	{"SELECT CALENDAR_YEAR(CreatedDate), MIN(Amount) FROM Opportunity GROUP BY CALENDAR_YEAR(CreatedDate) ORDER BY CALENDAR_YEAR(CreatedDate) DESC NULLS LAST", ""},
	{"SELECT HOUR_IN_DAY(convertTimezone(CreatedDate)), COUNT(Id) FROM Lead GROUP BY HOUR_IN_DAY(convertTimezone(CreatedDate))", ""},
	{"SELECT toLabel(Type), COUNT(Id) FROM Account GROUP BY Type ORDER BY COUNT(Id) DESC", ""},
	{"SELECT FORMAT(convertCurrency(Amount)) shown, Amount FROM Opportunity", ""},
	{"SELECT TOLABEL(Status) FROM Lead", "SELECT toLabel(Status) FROM Lead"},
	{"SELECT FIELDS(ALL) FROM Account LIMIT 200", ""},
	{"SELECT FIELDS(standard), My__c FROM Account", "SELECT FIELDS(STANDARD), My__c FROM Account"},
	{"SELECT Id, (SELECT Id, Name FROM Contacts WHERE Email != null ORDER BY Name LIMIT 5) FROM Account", ""},
	{"SELECT a.Name, (SELECT c.LastName FROM a.Contacts c) FROM Account a", "SELECT Name, (SELECT LastName FROM Contacts c) FROM Account a"},
	{"SELECT Id, (SELECT Id, (SELECT Id FROM Cases) FROM Contacts) FROM Account", ""},
	{"SELECT TYPEOF What WHEN Account THEN Phone, Name WHEN Opportunity THEN Amount ELSE Name, Email END FROM Event", ""},
	{"SELECT Id, TYPEOF Owner WHEN User THEN Username END, Subject FROM Task", ""},
	{"SELECT Id FROM Lead USING SCOPE mine WHERE Name LIKE 'A%'", ""},
	{"SELECT Id FROM Account WHERE Name = 'x' WITH SECURITY_ENFORCED LIMIT 1", ""},
	{"SELECT Id FROM Account WITH USER_MODE", ""},
	{"SELECT Id FROM Account WHERE A__c = 1 AND B__c = 2 AND C__c = 3", ""},
	{"SELECT Id FROM Account WHERE A__c = 1 OR (B__c = 2 AND C__c = 3)", ""},
	{"SELECT Id FROM Account WHERE ((A__c = 1) AND (B__c = 2))", "SELECT Id FROM Account WHERE A__c = 1 AND B__c = 2"},
	{"SELECT Id FROM Account WHERE NOT Name = 'x'", ""},
	{"SELECT Id FROM Account WHERE Name != null AND (NOT Name LIKE 'x%')", ""},
	{"SELECT Id FROM Account WHERE NOT (NOT (A__c = 1 OR B__c = 1))", ""},
	{"SELECT Id FROM Account WHERE Name <> 'x'", "SELECT Id FROM Account WHERE Name != 'x'"},
	{"SELECT Id FROM Account WHERE Id IN ('001000000000001', '001000000000002AAA')", ""},
	{"SELECT Id FROM Account WHERE Name NOT IN ('a')", ""},
	{"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE LastName = 'x')", ""},
	{"SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity)", ""},
	{"SELECT Id FROM X__c WHERE M__c INCLUDES ('A;B', 'C')", ""},
	{"SELECT Id FROM X__c WHERE M__c EXCLUDES ('A')", ""},
	{"SELECT Id FROM Account WHERE Name = 'O\\'Neill \\\\ \\n\\T\\u0041'", "SELECT Id FROM Account WHERE Name = 'O\\'Neill \\\\ \\n\\tA'"},
	{"SELECT Id FROM Account WHERE Name LIKE '50\\%\\_\\\\%'", ""},
	{"SELECT Id FROM Account WHERE Name = '\\uD83D\\uDE00'", "SELECT Id FROM Account WHERE Name = '😀'"},
	{"SELECT Id FROM Account WHERE Name = ''", ""},
	{"SELECT Id FROM Account WHERE AnnualRevenue >= -1.5 AND AnnualRevenue < +.5", "SELECT Id FROM Account WHERE AnnualRevenue >= -1.5 AND AnnualRevenue < +.5"},
	{"SELECT Id FROM Account WHERE AnnualRevenue > USD5000", ""},
	{"SELECT Id FROM Account WHERE AnnualRevenue > eur10.50", "SELECT Id FROM Account WHERE AnnualRevenue > EUR10.50"},
	{"SELECT Id FROM Account WHERE CreatedDate > 2026-01-31T10:15:30Z", ""},
	{"SELECT Id FROM Account WHERE CreatedDate > 2026-01-31T10:15:30.123+02:00", ""},
	{"SELECT Id FROM Account WHERE CreatedDate > 2026-01-31T10:15:30.000+0000", ""},
	{"SELECT Id FROM Opportunity WHERE CloseDate = 2026-01-31", ""},
	{"SELECT Id FROM X__c WHERE Opens__c < 09:30:00.000Z", ""},
	{"SELECT Id FROM Opportunity WHERE CloseDate = today", "SELECT Id FROM Opportunity WHERE CloseDate = TODAY"},
	{"SELECT Id FROM Opportunity WHERE CloseDate = LAST_N_DAYS:30 AND CreatedDate > N_FISCAL_QUARTERS_AGO:2", ""},
	{"SELECT Id FROM Opportunity WHERE CloseDate IN (TODAY, NEXT_WEEK)", ""},
	{"SELECT Id FROM Opportunity WHERE DAY_ONLY(CreatedDate) = 2026-01-31", ""},
	{"SELECT Id FROM Account WHERE toLabel(Type) = 'Kunde'", ""},
	{"SELECT What.Type FROM Task WHERE What.Type IN ('Account', 'Contact')", ""},
	{"SELECT Id FROM Account ORDER BY Name ASC NULLS FIRST, Id DESC NULLS LAST", "SELECT Id FROM Account ORDER BY Name, Id DESC NULLS LAST"},
	{"SELECT Id FROM Account LIMIT 10 OFFSET 20", ""},
	{"SELECT Id FROM Account WHERE Name = 'x' LIMIT 1 ALL ROWS", ""},
	{"SELECT Id FROM Account ALL ROWS", ""},
	{"SELECT Id FROM Account FOR VIEW", ""},
	{"SELECT Id FROM Account FOR VIEW, REFERENCE UPDATE TRACKING", "SELECT Id FROM Account FOR VIEW, REFERENCE UPDATE TRACKING"},
	{"SELECT Id FROM Account LIMIT 1 FOR UPDATE", ""},
	{"SELECT Limit, Group, First FROM X__c", ""},
}

func TestParsePrints(t *testing.T) {
	t.Parallel()
	for _, test := range queries {
		q, err := soql.Parse(test.src)
		if err != nil {
			t.Errorf("%s\n%v", test.src, err)
			continue
		}
		want := test.canonical
		if want == "" {
			want = test.src
		}
		if got := q.String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", test.src, got, want)
		}
		again, err := soql.Parse(q.String())
		if err != nil {
			t.Errorf("canonical text of %s: %v", test.src, err)
		} else if diff := cmp.Diff(q, again, sameTree); diff != "" {
			t.Errorf("%s\n%s", test.src, diff)
		}
	}
}

func TestParseTree(t *testing.T) {
	t.Parallel()
	q, err := soql.Parse("SELECT a.Name FROM Account a WHERE a.Id = '001' AND (x__c LIKE '\\%\\\\' OR y__c = LAST_N_DAYS:3) LIMIT 7")
	if err != nil {
		t.Fatal(err)
	}
	seven := 7
	field := func(name string) soql.Field { return soql.Field{Path: []string{name}} }
	want := &soql.Query{
		Select: []soql.SelectItem{soql.Selection{Expr: field("Name")}},
		From:   "Account", Alias: "a", Limit: &seven,
		Where: soql.And{Terms: []soql.Condition{
			soql.Comparison{Left: field("Id"), Op: soql.Equal, Right: soql.Literal{Kind: soql.StringLiteral, Text: "001"}},
			soql.Or{Terms: []soql.Condition{
				soql.Comparison{Left: field("x__c"), Op: soql.Like, Right: soql.Literal{Kind: soql.StringLiteral, Text: `\%\\`}},
				soql.Comparison{Left: field("y__c"), Op: soql.Equal, Right: soql.Literal{Kind: soql.RangeLiteral, Text: "LAST_N_DAYS", N: 3}},
			}},
		}},
	}
	if diff := cmp.Diff(want, q, sameTree); diff != "" {
		t.Error(diff)
	}
}

// refusals give the code, the place and the last line of the message.
var refusals = []struct {
	src, code   string
	row, column int
	detail      string
}{
	{"SELECT Id FRM Account", "MALFORMED_QUERY", 1, 11, "unexpected token: 'FRM'"},
	{"SELECT FROM Account", "MALFORMED_QUERY", 1, 8, "unexpected token: 'FROM'"},
	{"SELECT Id", "MALFORMED_QUERY", 1, 10, "unexpected token: '<EOF>'"},
	{" ", "MALFORMED_QUERY", 0, 0, "A query string has to be specified"},
	{"SELECT Id, FROM Account", "MALFORMED_QUERY", 1, 12, "unexpected token: 'FROM'"},
	{"SELECT Id, id FROM Account", "INVALID_FIELD", 1, 12, "duplicate field selected: id"},
	{"SELECT Id,\n  ID\nFROM Account", "INVALID_FIELD", 2, 3, "duplicate field selected: ID"},
	{"SELECT Name n FROM Account", "MALFORMED_QUERY", 1, 8, "only aggregate expressions use field aliasing"},
	{"SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", 1, 8, "Field must be grouped or aggregated: Name"},
	{"SELECT COUNT(Id) FROM Account GROUP BY Type ORDER BY Name", "MALFORMED_QUERY", 1, 54, "Ordered field must be grouped or aggregated: Name"},
	{"SELECT COUNT(), Id FROM Account", "MALFORMED_QUERY", 1, 8, "COUNT() must be the only element in the SELECT list"},
	{"SELECT Id FROM Account WHERE A = 1 AND B = 2 OR C = 3", "MALFORMED_QUERY", 1, 46, "unexpected token: 'OR'"},
	{"SELECT Id FROM Account WHERE A = 1 AND NOT B = 2", "MALFORMED_QUERY", 1, 40, "unexpected token: 'NOT'"},
	{"SELECT Id FROM Account WHERE NOT A = 1 AND B = 2", "MALFORMED_QUERY", 1, 40, "unexpected token: 'AND'"},
	{"SELECT Id FROM Account WHERE Name NOT LIKE 'x'", "MALFORMED_QUERY", 1, 35, "unexpected token: 'NOT'"},
	{"SELECT Id FROM Account WHERE Name = foo", "MALFORMED_QUERY", 1, 37, "unexpected token: 'foo'"},
	{"SELECT Id FROM Account WHERE Name = :foo", "MALFORMED_QUERY", 1, 37, "Bind variables only allowed in Apex code"},
	{"SELECT Id FROM Account WHERE Name = 'foo", "MALFORMED_QUERY", 1, 41, "mismatched character '<EOF>' expecting '''"},
	{"SELECT Id FROM Account WHERE Name = 'a\\x'", "MALFORMED_QUERY", 1, 39, `Illegal character sequence '\x' in string literal.`},
	{"SELECT Id FROM Account WHERE Name = “x”", "MALFORMED_QUERY", 1, 37, "no viable alternative at character '“'"},
	{"SELECT Id FROM Account WHERE MAX(Amount) > 1", "MALFORMED_QUERY", 1, 30, "unexpected token: 'MAX'"},
	{"SELECT Id FROM Account WHERE D = 2026-02-30", "MALFORMED_QUERY", 1, 34, "Invalid date: 2026-02-30"},
	{"SELECT Id FROM Account WHERE D > 4001-01-01T00:00:00Z", "MALFORMED_QUERY", 1, 34, "Invalid datetime: 4001-01-01T00:00:00Z"},
	{"SELECT Id FROM Account WHERE D > 2026-01-01T00:00:00", "MALFORMED_QUERY", 1, 34, "Invalid datetime: 2026-01-01T00:00:00"},
	{"SELECT Id FROM Account WHERE D = LAST_N_DAYS", "MALFORMED_QUERY", 1, 45, "unexpected token: '<EOF>'"},
	{"SELECT Id FROM Account WHERE D = LAST_N_DAYS:x", "MALFORMED_QUERY", 1, 46, "unexpected token: 'x'"},
	{"SELECT Id FROM Account WHERE N = 5x", "MALFORMED_QUERY", 1, 35, "no viable alternative at character 'x'"},
	{"SELECT Id FROM Account LIMIT -1", "MALFORMED_QUERY", 1, 30, "unexpected token: '-1'"},
	{"SELECT Id FROM Account LIMIT 1; DELETE", "MALFORMED_QUERY", 1, 31, "no viable alternative at character ';'"},
	{"SELECT Id FROM WHERE Name = 'x'", "MALFORMED_QUERY", 1, 16, "unexpected token: 'WHERE'"},
	{"SELECT Id FROM Account WHERE", "MALFORMED_QUERY", 1, 29, "unexpected token: '<EOF>'"},
	{"SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Contact", "MALFORMED_QUERY", 1, 59, "unexpected token: '<EOF>'"},
	{"SELECT TYPEOF What ELSE Id END FROM Task", "MALFORMED_QUERY", 1, 20, "unexpected token: 'ELSE'"},
	{"SELECT Id FROM Account a b", "MALFORMED_QUERY", 1, 26, "unexpected token: 'b'"},
	{"SELECT Id FROM Account WHERE Id IN ()", "MALFORMED_QUERY", 1, 37, "unexpected token: ')'"},
	{"SELECT Id FROM Account WHERE M INCLUDES (SELECT Id FROM X)", "MALFORMED_QUERY", 1, 42, "unexpected token: 'SELECT'"},
	{"SELECT Id FROM Account HAVING COUNT(Id) > 1", "MALFORMED_QUERY", 1, 16, "having clause requires group by clause"},
	{"SELECT UNKNOWN(Id) FROM Account", "MALFORMED_QUERY", 1, 8, "unexpected token: 'UNKNOWN'"},
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range refusals {
		_, err := soql.Parse(test.src)
		var e *soql.SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a SyntaxError", test.src, err)
			continue
		}
		if e.Code != test.code || e.Row != test.row || e.Column != test.column || e.Detail != test.detail {
			t.Errorf("%s\n got %s %d:%d %s\nwant %s %d:%d %s", test.src,
				e.Code, e.Row, e.Column, e.Detail, test.code, test.row, test.column, test.detail)
		}
	}
}

func TestErrorIsWordedAsThePlatform(t *testing.T) {
	t.Parallel()
	// Recorded: salesforce-platform.md §4.7.
	got := soql.ErrorAt("select count() from XYZZY", 20, soql.CodeInvalidType, "sObject type 'XYZZY' is not supported.")
	want := "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\nsObject type 'XYZZY' is not supported."
	if got.Message != want {
		t.Errorf("got %q, want %q", got.Message, want)
	}
	// Recorded: simple-salesforce issue 73. A long line is cut before the caret.
	long := "SELECT Name, Access_Key__c, Image_Vendor__c FROM Opportunity WHERE Image_Vendor__c LIKE 'Getty%'"
	got = soql.ErrorAt(long, 67, soql.CodeFilterOperator, "invalid operator on multipicklist field")
	want = "\nImage_Vendor__c FROM Opportunity WHERE Image_Vendor__c LIKE 'Getty%'\n                                       ^\n" +
		"ERROR at Row:1:Column:68\ninvalid operator on multipicklist field"
	if got.Message != want {
		t.Errorf("got %q, want %q", got.Message, want)
	}
}

func TestParseConditionRefusesWhatFollows(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{
		" LIMIT 1", " ORDER BY Name", " ALL ROWS", ")", " OR", " FOR UPDATE", " GROUP BY Name", " UNION", ", Name = 'y'", " WITH USER_MODE",
	} {
		if c, err := soql.ParseCondition("Name = 'x'" + tail); err == nil {
			t.Errorf("%q was taken for %s", tail, c)
		}
	}
	for _, src := range []string{"", "SELECT Id FROM Account", "MAX(Amount) > 1"} {
		if c, err := soql.ParseCondition(src); err == nil {
			t.Errorf("%q was taken for %s", src, c)
		}
	}
}

func TestParseBoundsDepthAndLength(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("(", 20_000) + "A = 1" + strings.Repeat(")", 20_000)
	if _, err := soql.ParseCondition(deep); !isMalformed(err) {
		t.Errorf("deep parentheses: %v", err)
	}
	if _, err := soql.Parse("SELECT Id FROM Account WHERE Name = 'x'" + strings.Repeat(" ", 100_000)); !isMalformed(err) {
		t.Errorf("a long query: %v", err)
	}
	if _, err := soql.ParseCondition("Name = '" + strings.Repeat("ä", 4001) + "'"); !isMalformed(err) {
		t.Errorf("a long literal: %v", err)
	}
	if _, err := soql.ParseCondition("Name = '" + strings.Repeat("ä", 3999) + "'"); err != nil {
		t.Errorf("a literal just short enough: %v", err)
	}
}

func isMalformed(err error) bool {
	var e *soql.SyntaxError
	return errors.As(err, &e) && e.Code == soql.CodeMalformed
}

func TestQuoteReadsBack(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", "O'Neill", `back\slash`, `\%`, "a\nb\tc", `"`, `' OR Name != '`, "\x00", "😀", `\u0041`} {
		c, err := soql.ParseCondition("Name = " + soql.Quote(s))
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		if got := c.(soql.Comparison).Right.Text; got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
}
