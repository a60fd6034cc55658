package soql_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-backup/holdfast/engine/soql"
)

// FuzzParse: no text panics, every refusal has a code, and what parses prints
// to text that parses to the same tree. Validation and compilation survive it.
func FuzzParse(f *testing.F) {
	for _, q := range queries {
		f.Add(q.src)
	}
	for _, r := range refusals {
		f.Add(r.src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		q, err := soql.Parse(src)
		if err != nil {
			requireCode(t, src, err)
			return
		}
		again, err := soql.Parse(q.String())
		if err != nil {
			t.Fatalf("%q printed as %q: %v", src, q, err)
		}
		if diff := cmp.Diff(q, again, sameTree); diff != "" {
			t.Fatalf("%q\n%s", src, diff)
		}
		if err := soql.ValidateQuery(q, org, src); err != nil {
			requireCode(t, src, err)
		}
	})
}

// FuzzMatch: whatever condition parses, evaluation neither panics nor depends
// on whether its form was shown in between.
func FuzzMatch(f *testing.F) {
	f.Add("Name LIKE '%a%' AND (Employees > 1 OR CloseDate = LAST_N_DAYS:3)")
	f.Add("Colours__c INCLUDES ('a;b') OR (NOT Id IN ('001'))")
	f.Fuzz(func(t *testing.T, src string) {
		c, err := soql.ParseCondition(src)
		if err != nil {
			requireCode(t, src, err)
			return
		}
		env := &soql.Env{SemiJoin: func(*soql.Query) ([]soql.Value, error) { return nil, nil }}
		if _, err := soql.Match(c, acme, env); err != nil {
			requireCode(t, src, err)
		}
		if filter, ok := soql.FilterFrom(c); ok && len(filter.Conditions) == 0 {
			t.Fatalf("%q became an empty form", src)
		}
	})
}

func requireCode(t *testing.T, src string, err error) {
	t.Helper()
	var e *soql.SyntaxError
	if !errors.As(err, &e) || e.Code == "" || e.Detail == "" {
		t.Fatalf("%q: %v is no SyntaxError", src, err)
	}
}
