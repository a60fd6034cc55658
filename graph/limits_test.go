package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

func TestOperationsBeyondTheLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	ada := w.register("Acme")
	var bomb strings.Builder
	bomb.WriteString(`query { me { ...f0 } }`)
	for i := range 200 {
		fmt.Fprintf(&bomb, ` fragment f%d on User { ...f%d ...f%d }`, i, i+1, i+1)
	}
	bomb.WriteString(` fragment f200 on User { id }`)
	var many strings.Builder
	for i := range 110 {
		fmt.Fprintf(&many, `a%d: users(first: 100) { edges { node { id } } } `, i)
	}
	deep := func(fields string, times int) string {
		return `{ __type(name: "User") { ` + strings.Repeat(fields+" { ", times) + `name` + strings.Repeat(" }", times) + ` } }`
	}
	for name, c := range map[string]struct{ query, want string }{
		"15 levels":           {deep("ofType", 14), ""},
		"16 levels":           {deep("ofType", 15), "QUERY_TOO_DEEP"},
		"schema in powers":    {`{ __type(name: "User") { ` + strings.Repeat("fields { type { ", 4) + "name" + strings.Repeat(" } }", 4) + " } }", "GRAPHQL_VALIDATION_FAILED"},
		"many pages":          {"{ " + many.String() + " }", "QUERY_TOO_COMPLEX"},
		"page of 0":           {`{ users(first: 0) { totalCount } }`, "BAD_USER_INPUT"},
		"page of 101":         {`{ users(last: 101) { totalCount } }`, "BAD_USER_INPUT"},
		"no page":             {`{ users(first: null) { totalCount } }`, "BAD_USER_INPUT"},
		"negative page":       {`{ users(first: null, last: -1) { totalCount } }`, "BAD_USER_INPUT"},
		"both pages":          {`{ users(first: 5, last: 5) { totalCount } }`, "BAD_USER_INPUT"},
		"from the end":        {`{ users(first: null, last: 5) { edges { node { id } } } }`, ""},
		"first beyond 32 bit": {`{ users(first: 99999999999) { totalCount } }`, "BAD_USER_INPUT"},
		"no cursor":           {`{ users(after: "xyz") { totalCount } }`, "BAD_USER_INPUT"},
		"a NUL":               {`{ org(id: "org\u0000") { id } }`, "BAD_USER_INPUT"},
		"unknown field":       {`{ nothing }`, "GRAPHQL_VALIDATION_FAILED"},
		"no GraphQL":          {`{`, "GRAPHQL_PARSE_FAILED"},
		"fragments in powers": {bomb.String(), ""},
		"too many tokens":     {"{ " + strings.Repeat("me { id } ", 2000) + "}", "GRAPHQL_PARSE_FAILED"},
		"within the limits":   {`{ users(first: 100) { edges { node { id } } } }`, ""},
	} {
		t.Run(name, func(t *testing.T) { expectCode(t, w.ask(ada.token, c.query, nil), c.want) })
	}
	a := w.ask(ada.token, `query($n: Int) { users(first: $n) { edges { node { id } } } }`, map[string]any{"n": 7})
	if at(a.Extensions, "cost", "nodes") != 21.0 {
		t.Errorf("cost: %+v", a.Extensions)
	}
	expectCode(t, w.ask(ada.token, `query($n: Int) { users(first: $n) { totalCount } }`, map[string]any{"n": 700}), "BAD_USER_INPUT")
	expectCode(t, w.ask(ada.token, `query($f: JobFilter) { jobs(filter: $f) { totalCount } }`, map[string]any{"f": map[string]any{"search": "a\x00b"}}), "BAD_USER_INPUT")
}

func TestFaultsOfOursStayInTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	ada := w.register("Acme")
	w.mustExec(`ALTER TABLE audit_entries RENAME COLUMN details TO gone`)
	a := w.ask(ada.token, `{ auditEntries { edges { node { details { name } } } } }`, nil)
	expectCode(t, a, "INTERNAL")
	if strings.Contains(a.Errors[0].Message, "details") {
		t.Errorf("the client reads %q", a.Errors[0].Message)
	}
	contains(t, w.log.String(), "details")
}

// TestOrgThatNeverAnswers: whoever asks is told, not left waiting.
func TestOrgThatNeverAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	org := w.salesforce[0].Config.Handler.(*gate)
	e := w.settleOne("Acme")
	org.shut.Store(true)
	a := w.ask(e.admin.token, `query($org: ID!) { org(id: $org) { preflight { permission } } }`, map[string]any{"org": e.org})
	if len(a.Errors) != 1 || a.Errors[0].Extensions["reason"] != "ORG_UNREACHABLE" || !strings.Contains(a.Errors[0].Message, "took too long") {
		t.Errorf("%+v", a)
	}
}
