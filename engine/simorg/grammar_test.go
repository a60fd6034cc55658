package simorg_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// TestGrammar asks what §4 of the reference says can be asked, and what it says
// cannot: the number of rows, or the error's code.
func TestGrammar(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme := w.create("Account", map[string]any{"Name": "Acme", "Industry": "Banking", "AnnualRevenue": 10, "Type": "Other", "Description": "long"})
	beta := w.create("Account", map[string]any{"Name": "Beta \\ 50%_x", "Industry": "Banking", "AnnualRevenue": 30})
	w.create("Account", map[string]any{"Name": "it's", "AnnualRevenue": 5, "ParentId": acme})
	contact := w.create("Contact", map[string]any{"LastName": "Bee", "AccountId": acme, "Email": "b@x.example"})
	w.create("Contact", map[string]any{"LastName": "Cee", "AccountId": beta})
	w.create("Contact", map[string]any{"LastName": "Dee"})
	w.create("Task", map[string]any{"Subject": "t", "WhatId": acme, "WhoId": contact, "ActivityDate": "2026-02-28"})
	w.create("Task", map[string]any{"Subject": "u", "ActivityDate": "2026-03-05"})
	w.create("Opportunity", map[string]any{"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-03-31", "Amount": 3, "AccountId": acme})
	for soql, want := range map[string]any{
		"select id from account":                         3,
		"SELECT Id FROM Account a WHERE a.Name = 'acme'": 1,
		"SELECT Id, Name FROM Contact WHERE Account.Industry = 'Banking' AND (Account.Name LIKE 'A%' OR Account.Name LIKE 'B%')":          2,
		"SELECT Id FROM Account WHERE Name LIKE '%\\%\\_x'":                                                                               1,
		"SELECT Id FROM Account WHERE Name = 'Beta \\\\ 50%_x'":                                                                           1,
		"SELECT Id FROM Account WHERE Name = 'it\\'s'":                                                                                    1,
		"SELECT Id FROM Account WHERE Name = '\\u0041cme'":                                                                                1,
		"SELECT Id FROM Account WHERE Industry != 'Banking'":                                                                              1,
		"SELECT Id FROM Account WHERE NOT Industry = 'Banking'":                                                                           1,
		"SELECT Id FROM Account WHERE Industry = null":                                                                                    1,
		"SELECT Id FROM Account WHERE NOT (Industry = 'Banking' AND Name = 'Acme')":                                                       2,
		"SELECT Id FROM Account WHERE AnnualRevenue <> 5":                                                                                 2,
		"SELECT Id FROM Account WHERE Name IN ('Acme', 'it\\'s')":                                                                         2,
		"SELECT Id FROM Account WHERE Name NOT IN ('Acme')":                                                                               2,
		"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)":                                                              2,
		"SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Contact WHERE LastName = 'Bee')":                                   2,
		"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact) AND Id NOT IN (SELECT AccountId FROM Opportunity)":            1,
		"SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE Industry = 'Banking')":                                   2,
		"SELECT Id, (SELECT Id FROM Contacts WHERE Email != null ORDER BY LastName LIMIT 1), (SELECT Id FROM Opportunities) FROM Account": 3,
		"SELECT Id, (SELECT Id, (SELECT Id FROM Tasks) FROM Contacts) FROM Account":                                                       3,
		"SELECT Name, COUNT(Id) FROM Account GROUP BY Name":                                                                               3,
		"SELECT Industry i, COUNT(Id) c, SUM(AnnualRevenue), AVG(AnnualRevenue), MIN(Name), MAX(CreatedDate), COUNT_DISTINCT(Type) FROM Account GROUP BY Industry HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC": 1,
		"SELECT Account.Industry, COUNT(Id) FROM Contact GROUP BY Account.Industry":                           2,
		"SELECT CALENDAR_YEAR(CreatedDate), COUNT(Id) FROM Account GROUP BY CALENDAR_YEAR(CreatedDate)":       1,
		"SELECT Id FROM Account WHERE CALENDAR_MONTH(CreatedDate) = 3 AND DAY_ONLY(CreatedDate) = 2026-03-01": 3,
		"SELECT HOUR_IN_DAY(CreatedDate) h, COUNT(Id) FROM Account GROUP BY HOUR_IN_DAY(CreatedDate)":         1,
		"SELECT Industry, Type, COUNT(Id) FROM Account GROUP BY ROLLUP(Industry, Type)":                       6,
		"SELECT Industry, Type, COUNT(Id) FROM Account GROUP BY CUBE(Industry, Type)":                         8,
		"SELECT Industry, COUNT(Id) FROM Account GROUP BY ROLLUP(Industry) HAVING GROUPING(Industry) = 1":     1,
		"SELECT Id FROM Account WHERE AnnualRevenue = 1.0e1":                                                  1,
		"SELECT Id FROM Account WHERE AnnualRevenue > 5E-1 AND AnnualRevenue < +.3e+2":                        2,
		"SELECT COUNT() FROM Account": 3,
		"SELECT FORMAT(AnnualRevenue) f, toLabel(Industry), convertCurrency(AnnualRevenue) FROM Account":           3,
		"SELECT FORMAT(AnnualRevenue) f, toLabel(Industry) l, Name FROM Account":                                   3,
		"SELECT Id FROM Account WHERE toLabel(Industry) = 'Banking'":                                               2,
		"SELECT FIELDS(ALL) FROM Account LIMIT 200":                                                                3,
		"SELECT FIELDS(STANDARD) FROM Account":                                                                     3,
		"SELECT TYPEOF What WHEN Account THEN Name, Industry WHEN Opportunity THEN Amount ELSE Name END FROM Task": 2,
		"SELECT Id, What.Name, What.Type, Who.Name FROM Task WHERE What.Type = 'Account'":                          1,
		"SELECT Id FROM Task WHERE What.Type IN ('Account', 'Opportunity')":                                        1,
		"SELECT Id FROM Account USING SCOPE mine":                                                                  3,
		"SELECT Id FROM Account USING SCOPE everything LIMIT 1":                                                    1,
		"SELECT Id FROM Account LIMIT 1 FOR VIEW":                                                                  1,
		"SELECT Id FROM Account LIMIT 1 FOR REFERENCE":                                                             1,
		"SELECT Id FROM Account WITH SECURITY_ENFORCED":                                                            3,
		"SELECT Id FROM Account WHERE Name != null WITH USER_MODE ORDER BY Name":                                   3,
		"SELECT Id FROM Account ORDER BY Industry NULLS LAST, Name DESC LIMIT 2 OFFSET 1":                          2,
		"SELECT Id FROM Task WHERE ActivityDate = YESTERDAY":                                                       1,
		"SELECT Id FROM Task WHERE ActivityDate = LAST_N_DAYS:3":                                                   1,
		"SELECT Id FROM Task WHERE ActivityDate = NEXT_N_DAYS:7":                                                   1,
		"SELECT Id FROM Task WHERE ActivityDate < N_DAYS_AGO:0":                                                    1,
		"SELECT Id FROM Task WHERE ActivityDate = THIS_MONTH":                                                      1,
		"SELECT Id FROM Task WHERE ActivityDate = LAST_MONTH":                                                      1,
		"SELECT Id FROM Task WHERE ActivityDate = N_MONTHS_AGO:1":                                                  1,
		"SELECT Id FROM Task WHERE ActivityDate = LAST_N_WEEKS:1":                                                  1,
		"SELECT Id FROM Task WHERE ActivityDate = THIS_FISCAL_QUARTER":                                             2,
		"SELECT Id FROM Task WHERE ActivityDate >= LAST_N_FISCAL_YEARS:2":                                          2,
		"SELECT Id FROM Account WHERE CreatedDate = TODAY":                                                         3,
		"SELECT Id FROM Account WHERE CreatedDate > 2026-03-01T11:59:59+02:00":                                     3,
		"SELECT Id FROM Account WHERE CreatedDate >= 2026-03-01T10:00:00.000Z":                                     3,
		"SELECT Id FROM Opportunity WHERE Amount > USD2":                                                           1,

		"SELECT Id FROM":                                                                   "MALFORMED_QUERY",
		"SELECT Id FRM Account":                                                            "MALFORMED_QUERY",
		"SELECT Id, FROM Account":                                                          "MALFORMED_QUERY",
		"SELECT Id FROM Nope":                                                              "INVALID_TYPE",
		"SELECT Nope FROM Account":                                                         "INVALID_FIELD",
		"SELECT Nope.Name FROM Account":                                                    "INVALID_FIELD",
		"SELECT Id, Id FROM Account":                                                       "INVALID_FIELD",
		"SELECT Id, (SELECT Id FROM Nopes) FROM Account":                                   "INVALID_TYPE",
		"SELECT Id FROM Account WHERE Description = 'long'":                                "INVALID_FIELD",
		"SELECT Id FROM Account ORDER BY Description":                                      "INVALID_FIELD",
		"SELECT Name, COUNT(Id) FROM Account":                                              "MALFORMED_QUERY",
		"SELECT Name n FROM Account":                                                       "MALFORMED_QUERY",
		"SELECT Name, Type FROM Account GROUP BY Name":                                     "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE Name = 'a' AND Type = 'b' OR Type = 'c'":             "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE CreatedDate = 2026-03-01":                            "INVALID_FIELD",
		"SELECT Id FROM Task WHERE ActivityDate = '2026-03-01'":                            "INVALID_FIELD",
		"SELECT Id FROM Account WHERE AnnualRevenue = 'x'":                                 "INVALID_FIELD",
		"SELECT Id FROM Account WHERE Name = 5":                                            "INVALID_FIELD",
		"SELECT Id FROM Account WHERE Id = 'abc'":                                          "INVALID_QUERY_FILTER_OPERATOR",
		"SELECT Id FROM Account WHERE Name = 'a\\x'":                                       "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE Name = 'open":                                        "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE Industry INCLUDES ('x')":                             "INVALID_QUERY_FILTER_OPERATOR",
		"SELECT Id FROM Account OFFSET 2001":                                               "NUMBER_OUTSIDE_VALID_RANGE",
		"SELECT FIELDS(ALL) FROM Account":                                                  "MALFORMED_QUERY",
		"SELECT FIELDS(NONE) FROM Account":                                                 "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Account)":                      "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE Id IN (SELECT WhatId FROM Task)":                     "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE Name = 'a' OR Id IN (SELECT AccountId FROM Contact)": "MALFORMED_QUERY",
		"SELECT Name, COUNT(Id) FROM Account GROUP BY ROLLUP(Name), Type":                  "MALFORMED_QUERY",
		"SELECT Name, COUNT(Id) FROM Account GROUP BY Type, CUBE(Name)":                    "MALFORMED_QUERY",
		"SELECT COUNT(Id) FROM Account GROUP BY CUBE(Name, Type, Industry, OwnerId)":       "MALFORMED_QUERY",
		"SELECT Name, GROUPING(Type) FROM Account GROUP BY ROLLUP(Name)":                   "MALFORMED_QUERY",
		"SELECT Name FROM Account GROUP BY ROLLUP(Name) ORDER BY GROUPING(Type)":           "MALFORMED_QUERY",
		"SELECT Name FROM Account GROUP BY ROLLUP(Name) HAVING GROUPING(Type) = 1":         "MALFORMED_QUERY",
		"SELECT Id FROM Account WHERE AnnualRevenue = 1e":                                  "MALFORMED_QUERY",
		"SELECT Id FROM Account LIMIT 1e1":                                                 "MALFORMED_QUERY",
		"SELECT Id FROM Account ALL ROWS":                                                  "MALFORMED_QUERY",
		"SELECT Id FROM Account LIMIT -1":                                                  "MALFORMED_QUERY",
	} {
		status, out := w.do("GET", "/query?q="+url.QueryEscape(soql), nil)
		if code, refused := want.(string); refused {
			if status != 400 || !strings.Contains(string(out), fmt.Sprintf(`"errorCode":%q`, code)) {
				t.Errorf("%s\n  %d %.300s, want %s", soql, status, out, code)
			}
			continue
		}
		if !strings.HasPrefix(string(out), fmt.Sprintf(`{"totalSize":%d,`, want)) {
			t.Errorf("%s\n  %d %.300s, want %d rows", soql, status, out, want)
		}
	}
}

// TestSubtotals compares the rows of ROLLUP and CUBE, their order included: a
// subtotal follows what it adds up, and a null of the data is not one rolled up.
func TestSubtotals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, lead := range [][3]any{{"Web", nil, 1}, {"Web", "Hot", 2}, {"Phone Inquiry", nil, 4}, {"Web", "Hot", 8}, {nil, "Hot", 16}} {
		w.create("Lead", map[string]any{"LastName": "L", "Company": "C", "LeadSource": lead[0], "Rating": lead[1], "NumberOfEmployees": lead[2]})
	}
	for _, c := range []struct{ soql, want string }{
		{"SELECT LeadSource, COUNT(Name) cnt FROM Lead GROUP BY ROLLUP(LeadSource)", "Web 3, Phone Inquiry 1, - 1, - 5"},
		{
			"SELECT LeadSource, Rating, GROUPING(LeadSource) g, GROUPING(Rating) h, SUM(NumberOfEmployees) FROM Lead GROUP BY ROLLUP(LeadSource, Rating)",
			"Web - 0 0 1, Web Hot 0 0 10, Web - 0 1 11, Phone Inquiry - 0 0 4, Phone Inquiry - 0 1 4, - Hot 0 0 16, - - 0 1 16, - - 1 1 31",
		},
		{
			"SELECT LeadSource, Rating, GROUPING(LeadSource) g, GROUPING(Rating) h, SUM(NumberOfEmployees) FROM Lead GROUP BY CUBE(LeadSource, Rating)",
			"Web - 0 0 1, Web Hot 0 0 10, Web - 0 1 11, Phone Inquiry - 0 0 4, Phone Inquiry - 0 1 4, - Hot 0 0 16, - - 0 1 16, - - 1 0 5, - Hot 1 0 26, - - 1 1 31",
		},
		{
			"SELECT LeadSource, AVG(NumberOfEmployees) FROM Lead GROUP BY ROLLUP(LeadSource) HAVING COUNT(Id) > 1 ORDER BY GROUPING(LeadSource) DESC",
			"- 6.2, Web 3.6666666666666665",
		},
		{"SELECT Status, LeadSource, Rating, MAX(NumberOfEmployees) FROM Lead WHERE LeadSource = 'Web' GROUP BY ROLLUP(Status, LeadSource, Rating) HAVING GROUPING(Rating) = 1", "Open - Not Contacted Web - 8, Open - Not Contacted - - 8, - - - 8"},
		{"SELECT toLabel(LeadSource) l, GROUPING(LeadSource) g FROM Lead GROUP BY LeadSource LIMIT 2", "Web 0, Phone Inquiry 0"},
		{"SELECT LeadSource, COUNT(Id) FROM Lead WHERE LastName = 'none' GROUP BY CUBE(LeadSource)", ""},
	} {
		status, out := w.do("GET", "/query?q="+url.QueryEscape(c.soql), nil)
		if got := cells(out); status != 200 || got != c.want {
			t.Errorf("%s\n  %d %s\n  want %s", c.soql, status, got, c.want)
		}
	}
}

// cells is an answer's values, row by row in the order they are printed.
func cells(out []byte) string {
	parts := strings.Split(string(out), `{"attributes":{"type":"AggregateResult"},`)[1:]
	for i, part := range parts {
		var values []string
		for _, pair := range strings.Split(part[:strings.Index(part, "}")], `,"`) {
			_, v, _ := strings.Cut(pair, `":`)
			values = append(values, strings.Trim(strings.Replace(v, "null", "-", 1), `"`))
		}
		parts[i] = strings.Join(values, " ")
	}
	return strings.Join(parts, ", ")
}

// TestGroupsOfComputedRows: what the Tooling API computes is grouped as records
// are (§4).
func TestGroupsOfComputedRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, object := range map[string]string{"One": "Account", "Two": "Account", "Three": "Contact"} {
		w.org.AddTrigger(simorg.Trigger{Name: name, Object: object, Run: func(*simorg.TriggerRow) error { return nil }})
	}
	const of = " FROM ApexTrigger WHERE Name IN ('One', 'Two', 'Three')"
	expect(w, "count", w.tooling("SELECT COUNT()"+of).TotalSize, 3)
	all := w.tooling("SELECT COUNT(Id), MIN(Name) first" + of)
	expect(w, "one group", fmt.Sprint([]any{all.TotalSize, all.Records[0]["expr0"], all.Records[0]["first"]}), "[1 3 One]")
	each := w.tooling("SELECT TableEnumOrId, COUNT(Id) n" + of + " GROUP BY TableEnumOrId HAVING COUNT(Id) > 0 ORDER BY COUNT(Id) DESC LIMIT 1")
	expect(w, "groups", fmt.Sprint([]any{each.TotalSize, each.Records[0]["TableEnumOrId"], each.Records[0]["n"]}), "[1 Account 2]")
}
