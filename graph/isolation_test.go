package graph_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// Tenant isolation, tested from the schema itself: every place in the schema
// that takes an id or a cursor needs a probe. With an id of one's own the
// probe succeeds; with another tenant's it answers NOT_FOUND, in the very
// words it uses for an id that nobody has.

// probe asks with $id in the place it is for; ids are the estate's ids that fit there.
type probe struct {
	query string
	ids   func(estate) []string
}

func only(id func(estate) string) func(estate) []string {
	return func(e estate) []string { return []string{id(e)} }
}

var (
	aRecord    = only(func(e estate) string { return e.record })
	aVersion   = only(func(e estate) string { return e.version })
	anOrg      = only(func(e estate) string { return e.org })
	aJob       = only(func(e estate) string { return e.job })
	aUser      = only(func(e estate) string { return e.user })
	everything = func(e estate) []string {
		return []string{e.tenant, e.user, e.org, e.job, e.jobObject, e.audit, e.daily.template, e.daily.schedule}
	}
)

var idProbes = map[string]probe{
	"Query.node(id)":                        {`query($id: ID!) { node(id: $id) { id } }`, everything},
	"Query.org(id)":                         {`query($id: ID!) { org(id: $id) { id jobs { edges { node { id org { id } } } } } }`, anOrg},
	"Query.job(id)":                         {`query($id: ID!) { job(id: $id) { id org { id } objects { edges { node { id } } } log { seq } } }`, aJob},
	"Query.jobs(orgId)":                     {`query($id: ID) { jobs(orgId: $id) { edges { node { id } } } }`, anOrg},
	"Mutation.userRoleChange(input.userId)": {`mutation($id: ID!) { userRoleChange(input: {userId: $id, role: OPERATOR}) { user { id } userErrors { code message } } }`, aUser},
	"Mutation.jobCancel(input.jobId)":       {`mutation($id: ID!) { jobCancel(input: {jobId: $id}) { job { id } userErrors { code message } } }`, only(func(e estate) string { return e.waiting })},
	"Query.backupDiff(a)":                   {`query($id: ID!, $later: ID!) { backupDiff(a: $id, b: $later) { objects { name records { edges { node { recordId } } } } } }`, aJob},
	"Query.backupDiff(b)":                   {`query($id: ID!, $job: ID!) { backupDiff(a: $job, b: $id) { objects { name counts { added } } } }`, only(func(e estate) string { return e.later })},
	"Mutation.backupStart(input.orgId)":     {`mutation($id: ID!) { backupStart(input: {orgId: $id, idempotencyKey: "nightly"}) { job { id } userErrors { code message } } }`, anOrg},
	"Mutation.recordFieldsRestore(input.orgId)": {
		`mutation($id: ID!, $record: SalesforceId!, $version: ID!) { recordFieldsRestore(input: {
			orgId: $id, objectName: "Account", recordId: $record, fields: [{name: "Name", versionId: $version}]}) { job { id } userErrors { code message } } }`, anOrg,
	},
	"Mutation.recordFieldsRestore(input.fields.versionId)": {
		`mutation($org: ID!, $record: SalesforceId!, $id: ID!) { recordFieldsRestore(input: {
			orgId: $org, objectName: "Account", recordId: $record, fields: [{name: "Name", versionId: $id}]}) { job { id } userErrors { code message } } }`, aVersion,
	},
	"Mutation.recordFieldsRestore(input.recordId)": {
		`mutation($org: ID!, $id: SalesforceId!, $version: ID!) { recordFieldsRestore(input: {
			orgId: $org, objectName: "Account", recordId: $id, fields: [{name: "Name", versionId: $version}]}) { job { id } userErrors { code message } } }`, aRecord,
	},
	"Org.record(recordId)": {`query($org: ID!, $id: SalesforceId!) { org(id: $org) { record(objectName: "Account", recordId: $id) {
		versions { edges { node { id job { id } values { name } } } } } } }`, aRecord},
	"RecordHistory.compare(versionIds)": {`query($org: ID!, $record: SalesforceId!, $id: ID!) { org(id: $org) { record(objectName: "Account", recordId: $record) {
		compare(versionIds: [$id]) { columns { missing version { id } } fields { name values } } } } }`, aVersion},
	"Mutation.orgConnect(input.orgId)": {
		`mutation($id: ID, $url: String!) { orgConnect(input: {orgId: $id, flow: WEB_SERVER, loginUrl: $url, clientId: "client"}) { org { id } userErrors { code message } } }`, anOrg,
	},
	"Subscription.jobLog(jobId)":      {`subscription($id: ID!) { jobLog(jobId: $id) { seq text } }`, aJob},
	"Subscription.orgEvents(orgId)":   {`subscription($id: ID!) { orgEvents(orgId: $id) { seq message job { id org { id } } } }`, anOrg},
	"Subscription.jobProgress(jobId)": {`subscription($id: ID!) { jobProgress(jobId: $id) { job { id } objects { id } } }`, aJob},
}

// pages are the connections: the fields of the page and how to get there.
var cursorProbes = map[string]string{
	"ObjectDiff.records": `query($after: Cursor, $job: ID!, $later: ID!) { backupDiff(a: $job, b: $later) { objects { name
		records(after: $after) { edges { cursor node { recordId fields { after } } } } } } }`,
	"Query.users":        `query($after: Cursor, $before: Cursor) { users(after: $after, before: $before) { totalCount edges { cursor node { id email } } } }`,
	"Query.auditEntries": `query($after: Cursor, $before: Cursor) { auditEntries(after: $after, before: $before) { totalCount edges { cursor node { id target } } } }`,
	"Query.orgs":         `query($after: Cursor, $before: Cursor) { orgs(after: $after, before: $before) { totalCount edges { cursor node { id } } } }`,
	"Query.jobs":         `query($after: Cursor, $before: Cursor) { jobs(after: $after, before: $before) { totalCount edges { cursor node { id org { id } } } } }`,
	"Org.jobs":           `query($after: Cursor, $before: Cursor) { orgs { edges { node { jobs(after: $after, before: $before) { totalCount edges { cursor node { id } } } } } } }`,
	"Org.backups":        `query($after: Cursor, $before: Cursor) { orgs { edges { node { backups(after: $after, before: $before) { totalCount edges { cursor node { id job { id } } } } } } } }`,
	"RecordHistory.versions": `query($after: Cursor, $org: ID!, $record: SalesforceId!) { org(id: $org) { record(objectName: "Account", recordId: $record) {
		versions(after: $after) { totalCount edges { cursor node { id job { id } } } } } } }`,
	"Job.objects": `query($after: Cursor, $before: Cursor) { jobs { edges { node { objects(after: $after, before: $before) { totalCount edges { cursor node { id } } } } } } }`,
}

// places lists where the schema takes a value of the type: Query.org(id),
// Mutation.jobCancel(input.jobId), Org.jobs(after).
func places(s *ast.Schema, typeName string) []string {
	var found []string
	for _, definition := range s.Types {
		if definition.Kind != ast.Object || strings.HasPrefix(definition.Name, "__") {
			continue
		}
		for _, field := range definition.Fields {
			for _, argument := range field.Arguments {
				for _, path := range pathsTo(s, argument.Type, typeName, argument.Name) {
					found = append(found, fmt.Sprintf("%s.%s(%s)", definition.Name, field.Name, path))
				}
			}
		}
	}
	return found
}

func pathsTo(s *ast.Schema, t *ast.Type, typeName, path string) []string {
	if t.Name() == typeName {
		return []string{path}
	}
	var found []string
	if definition := s.Types[t.Name()]; definition.Kind == ast.InputObject {
		for _, field := range definition.Fields {
			found = append(found, pathsTo(s, field.Type, typeName, path+"."+field.Name)...)
		}
	}
	return found
}

func TestEveryIDInTheSchemaHasAProbe(t *testing.T) {
	t.Parallel()
	ids := append(places(schema(), "ID"), places(schema(), "SalesforceId")...)
	expectSame(t, "ids", ids, slices.Collect(maps.Keys(idProbes)))
	var connections []string
	for _, place := range places(schema(), "Cursor") {
		connections = append(connections, place[:strings.Index(place, "(")])
	}
	slices.Sort(connections)
	expectSame(t, "cursors", slices.Compact(connections), slices.Collect(maps.Keys(cursorProbes)))
}

func expectSame(t *testing.T, what string, inSchema, probed []string) {
	t.Helper()
	for _, place := range inSchema {
		if !slices.Contains(probed, place) {
			t.Errorf("%s: %s has no probe", what, place)
		}
	}
	for _, place := range probed {
		if !slices.Contains(inSchema, place) {
			t.Errorf("%s: the probe %s is for nothing in the schema", what, place)
		}
	}
}

func TestTenantsCannotReachEachOther(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		estates := w.settle("Acme", "Evil Corp")
		own, strange := estates[0], estates[1]
		for place, p := range idProbes {
			mine, theirs := p.ids(own), p.ids(strange)
			for i := range mine {
				refused, unknown := w.probe(own, p.query, theirs[i]), w.probe(own, p.query, like(theirs[i]))
				expectCode(t, refused, "NOT_FOUND")
				if a, b := words(refused, theirs[i]), words(unknown, like(theirs[i])); a != b {
					t.Errorf("%s: another tenant's id is answered with\n%s\nand an unknown one with\n%s", place, a, b)
				}
				if a := w.probe(own, p.query, mine[i]); a.code() != "" {
					t.Errorf("%s with an id of one's own: %+v", place, a)
				}
			}
		}
	})
}

// like is an id of the same kind that nobody has.
func like(id string) string {
	if prefix, _, found := strings.Cut(id, "_"); found {
		return prefix + "_" + strings.Repeat("0", 26)
	}
	if _, err := engine.ParseRecordID(id); err == nil {
		return id[:3] + "000000000000" + engine.IDChecksum(id[:3]+"000000000000")
	}
	return strings.Repeat("A", len(id))
}

// words is an answer without the id that was asked for.
func words(a answer, id string) string {
	text, _ := json.Marshal([]any{a.Data, a.Errors})
	return strings.ReplaceAll(string(text), id, "…")
}

func TestCursorsOfAnotherTenantShowNothingOfIt(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		estates := w.settle("Acme", "Evil Corp")
		own, strange := estates[0], estates[1]
		for place, query := range cursorProbes {
			cursors := cursorsIn(w.ask(strange.admin.token, query, surroundings(strange)).Data)
			if len(cursors) == 0 {
				t.Fatalf("%s: the other tenant has nothing to page through", place)
			}
			for _, direction := range []string{"after", "before"} {
				variables := surroundings(own)
				variables[direction] = cursors[0]
				a := w.ask(own.admin.token, query, variables)
				text, err := json.Marshal(a)
				check(t, err)
				for _, id := range everything(strange) {
					if strings.Contains(string(text), id) {
						t.Errorf("%s: %s another tenant's cursor comes %s", place, direction, id)
					}
				}
				expectCode(t, a, "")
			}
			if mine := cursorsIn(w.ask(own.admin.token, query, surroundings(own)).Data); len(mine) == 0 {
				t.Errorf("%s: one's own things are not there", place)
			}
		}
	})
}

// surroundings are the ids that a probe needs around the place it is for.
func surroundings(e estate) map[string]any {
	return map[string]any{"org": e.org, "record": e.record, "job": e.job, "later": e.later}
}

func cursorsIn(value any) (cursors []string) {
	switch value := value.(type) {
	case map[string]any:
		if cursor, ok := value["cursor"].(string); ok {
			cursors = append(cursors, cursor)
		}
		for _, inner := range value {
			cursors = append(cursors, cursorsIn(inner)...)
		}
	case []any:
		for _, inner := range value {
			cursors = append(cursors, cursorsIn(inner)...)
		}
	}
	return cursors
}

// probe asks by POST, or for the first event of a subscription.
func (w *world) probe(e estate, query, id string) answer {
	w.t.Helper()
	variables := map[string]any{"id": id, "org": e.org, "record": e.record, "version": e.version, "job": e.job, "later": e.later, "url": e.salesforce}
	if strings.HasPrefix(query, "subscription") {
		return w.first(e.admin.token, query, variables)
	}
	return w.ask(e.admin.token, query, variables)
}
