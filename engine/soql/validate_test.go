package soql_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

const (
	wsdl     = " Please reference your WSDL or the describe call for the appropriate names."
	noColumn = " If you are attempting to use a custom field, be sure to append the '__c' after the custom field name." + wsdl
	noParent = " If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name." + wsdl
	noObject = " If you are attempting to use a custom object, be sure to append the '__c' after the entity name." + wsdl
)

func TestValidateQuery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		src, code string
		column    int
		detail    string
	}{
		{src: "SELECT id, NAME, owner.username FROM ACCOUNT WHERE Owner.Name = 'x' AND Parent.Parent.Name LIKE 'a%' ORDER BY Owner.Name"},
		{src: "SELECT Id, (SELECT LastName FROM Contacts WHERE Email != null) FROM Account"},
		{src: "SELECT COUNT(Id), Owner.Name FROM Account GROUP BY Owner.Name HAVING COUNT(Id) > 1"},
		{src: "SELECT What.Name, What.Type, TYPEOF What WHEN Account THEN AnnualRevenue WHEN Opportunity THEN Amount ELSE Name END FROM Task"},
		{src: "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE LastName = 'x') AND Type IN ('a', null)"},
		{src: "SELECT Id FROM Account WHERE CALENDAR_YEAR(CreatedDate) = 2026 AND DAY_ONLY(CreatedDate) > 2026-01-01"},
		{src: "SELECT Id FROM Account WHERE SLA_Ends__c = TODAY AND Opens__c > 09:00:00Z AND OwnerId = '0055g00000aBcDe'"},
		{src: "SELECT FIELDS(ALL) FROM Account LIMIT 200"},
		{"SELECT Id FROM XYZZY", "INVALID_TYPE", 16, "sObject type 'XYZZY' is not supported." + noObject},
		{"SELECT Id, Foo FROM Account", "INVALID_FIELD", 12, "No such column 'Foo' on entity 'Account'." + noColumn},
		{"SELECT Id FROM Account ORDER BY Foo", "INVALID_FIELD", 33, "No such column 'Foo' on entity 'Account'." + noColumn},
		{"SELECT MAX(Foo) FROM Account", "INVALID_FIELD", 12, "No such column 'Foo' on entity 'Account'." + noColumn},
		{"SELECT Id FROM Account WHERE Owner.Foo = 1", "INVALID_FIELD", 30, "No such column 'Foo' on entity 'User'." + noColumn},
		{"SELECT What.Foo FROM Task", "INVALID_FIELD", 8, "No such column 'Foo' on entity 'Name'." + noColumn},
		{"SELECT Boss.Name FROM Account", "INVALID_FIELD", 8, "Didn't understand relationship 'Boss' in field path." + noParent},
		{"SELECT Id, (SELECT Id FROM Leads) FROM Account", "INVALID_TYPE", 28, "Didn't understand relationship 'Leads' in FROM part of query call." + noParent},
		{"SELECT Id, (SELECT Foo FROM Contacts) FROM Account", "INVALID_FIELD", 20, "No such column 'Foo' on entity 'Contact'." + noColumn},
		{"SELECT TYPEOF What WHEN Account THEN Amount END FROM Task", "INVALID_FIELD", 38, "No such column 'Amount' on entity 'Account'." + noColumn},
		{"SELECT TYPEOF What WHEN Lead THEN Id END FROM Task", "INVALID_TYPE", 15, "sObject type 'Lead' is not supported." + noObject},
		{"SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", 30, "field 'Description' can not be filtered in a query call"},
		{"SELECT Id FROM Account ORDER BY Colours__c", "INVALID_FIELD", 33, "field 'Colours__c' can not be sorted in a query call"},
		{"SELECT Id FROM Account WHERE BillingAddress = 'x'", "INVALID_FIELD", 30, "Address fields can only be filtered using Distance expressions"},
		{"SELECT Id FROM Account WHERE AnnualRevenue = '5'", "INVALID_FIELD", 30, "value of filter criterion for field 'AnnualRevenue' must be of type double and should not be enclosed in quotes"},
		{"SELECT Id FROM Account WHERE NumberOfEmployees = '5'", "INVALID_FIELD", 30, "value of filter criterion for field 'NumberOfEmployees' must be of type int and should not be enclosed in quotes"},
		{"SELECT Id FROM Account WHERE Type = 5", "INVALID_FIELD", 30, "value of filter criterion for field 'Type' must be of type string and should be enclosed in quotes"},
		{"SELECT Id FROM Account WHERE CreatedDate > 2026-01-31", "INVALID_FIELD", 30, "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in quotes"},
		{"SELECT Id FROM Account WHERE Colours__c LIKE 'a'", "INVALID_QUERY_FILTER_OPERATOR", 30, "invalid operator on multipicklist field"},
		{"SELECT Id FROM Account WHERE OwnerId LIKE '005%'", "INVALID_QUERY_FILTER_OPERATOR", 30, "invalid operator on reference field"},
		{"SELECT Id FROM Account WHERE Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", 30, "invalid ID field: abc"},
		{"SELECT Id FROM Account WHERE Parent.Parent.Parent.Parent.Parent.Parent.Name = 'x'", "MALFORMED_QUERY", 30, "SOQL relationship paths are limited to 5 levels: Parent.Parent.Parent.Parent.Parent.Parent.Name"},
		{"SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY", 25, "The SOQL FIELDS function must have a LIMIT of at most 200"},
		{"SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", 16, "Maximum SOQL offset allowed is 2000"},
		{"SELECT Id FROM Account WHERE Name IN (SELECT AccountId FROM Contact)", "MALFORMED_QUERY", 30, "The left operand field in the where expression for outer query should be an id field, cannot use: 'Name'"},
		{"SELECT Id FROM Account WHERE Id IN (SELECT ParentId FROM Account)", "MALFORMED_QUERY", 30, "The inner and outer selects should not be on the same object type"},
		{"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Task)", "MALFORMED_QUERY", 30, "Entity 'Task' is not supported for semi join inner selects"},
		{"SELECT Id FROM Account WHERE Id IN (SELECT LastName FROM Contact)", "MALFORMED_QUERY", 58, "semi join sub-selects can only query id fields, cannot use: 'LastName'"},
		{"SELECT Id FROM Account WHERE Id IN (SELECT Foo FROM Contact)", "INVALID_FIELD", 44, "No such column 'Foo' on entity 'Contact'." + noColumn},
		{"SELECT Id FROM Account WHERE Name = 'x' OR Id IN (SELECT AccountId FROM Contact)", "MALFORMED_QUERY", 44, "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions."},
	} {
		q, err := soql.Parse(test.src)
		if err != nil {
			t.Errorf("%s: %v", test.src, err)
			continue
		}
		err = soql.ValidateQuery(q, org, test.src)
		var e *soql.SyntaxError
		switch {
		case test.code == "" && err != nil:
			t.Errorf("%s\n%v", test.src, err)
		case test.code != "" && (!errors.As(err, &e) || e.Code != test.code || e.Column != test.column || e.Detail != test.detail):
			t.Errorf("%s\n got %v\nwant %s column %d %s", test.src, err, test.code, test.column, test.detail)
		}
	}
}

func TestValidateCondition(t *testing.T) {
	t.Parallel()
	src := "Name = 'x' AND (Type = 'y' OR Foo__c = 1)"
	c, err := soql.ParseCondition(src)
	if err != nil {
		t.Fatal(err)
	}
	var e *soql.SyntaxError
	if err := soql.Validate(c, "account", org, src); !errors.As(err, &e) || e.Column != 31 || !strings.HasPrefix(e.Message, "\n(Type = 'y' OR Foo__c = 1)\n               ^\n") {
		t.Errorf("got %v", err)
	}
	if err := soql.Validate(c, "Account", org, ""); !errors.As(err, &e) || e.Row != 0 || e.Message != e.Detail {
		t.Errorf("without a source: %v", err)
	}
	if err := soql.Validate(c, "Nothing", org, src); !errors.As(err, &e) || e.Code != soql.CodeInvalidType {
		t.Errorf("of no object: %v", err)
	}
}

func TestFieldsVisitsEveryPath(t *testing.T) {
	t.Parallel()
	q, err := soql.Parse("SELECT A, SUM(B.C) s FROM X WHERE D = 1 AND (NOT YEAR__c IN (2)) GROUP BY A, E HAVING MAX(F) > 1 ORDER BY A, MIN(G)")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for f, clause := range q.Fields() {
		got = append(got, string(clause)+" "+f.String())
	}
	want := []string{
		"SELECT A", "SELECT B.C", "WHERE D", "WHERE YEAR__c", "GROUP BY A", "GROUP BY E", "HAVING F", "ORDER BY A", "ORDER BY G",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestValidateRecordedDescribes: on real describes, every filterable field may be
// compared with null, no other may, and every sortable one may be sorted by.
func TestValidateRecordedDescribes(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("../../../shared/data/describe/*.json")
	if len(files) == 0 {
		t.Skip("no recorded describes here")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var object engine.SObject
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		schema := soql.Describes(func(name string) (*engine.SObject, bool) {
			return &object, strings.EqualFold(name, object.Name)
		})
		for _, f := range object.Fields {
			where := soql.Comparison{Left: soql.Field{Path: []string{f.Name}}, Op: soql.Equal, Right: soql.Literal{Kind: soql.NullLiteral}}
			err := soql.Validate(where, object.Name, schema, "")
			if ok := f.Filterable && f.Type != "address"; ok != (err == nil) {
				t.Errorf("%s.%s filterable %v: %v", object.Name, f.Name, f.Filterable, err)
			}
			q, err := soql.Parse("SELECT " + f.Name + " FROM " + object.Name + " ORDER BY " + f.Name)
			if err != nil {
				t.Fatal(err)
			}
			if err := soql.ValidateQuery(q, schema, ""); f.Sortable != (err == nil) {
				t.Errorf("%s.%s sortable %v: %v", object.Name, f.Name, f.Sortable, err)
			}
		}
	}
}
