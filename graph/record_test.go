package graph_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

const compare = `query($org: ID!, $record: SalesforceId!, $ids: [ID!]!) { org(id: $org) { record(objectName: "Account", recordId: $record) {
	compare(versionIds: $ids, hideIdentical: true) {
		columns { missing version { id job { number } } } fields { name label identical restorable reason reasonCode values } } } } }`

const restoreFields = `mutation($org: ID!, $record: SalesforceId!, $fields: [FieldFromVersionInput!]!) { recordFieldsRestore(input: {
	orgId: $org, objectName: "Account", recordId: $record, fields: $fields}) { job { id } userErrors { code message field } } }`

func field(name, version string) map[string]any {
	return map[string]any{"name": name, "versionId": version}
}

func TestARecordComparesAndAFieldComesBack(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		e := w.settleOne("Acme")
		for _, name := range []string{`"Ünicode" & 日本`, "line one\nline two", "now"} {
			w.rename(e, name)
			if name != "now" {
				w.runJobs(e, w.startBackup(e, name))
			}
		}
		versions := w.versions(e)
		if len(versions) != 3 {
			t.Fatalf("%d versions, want 3", len(versions))
		}
		a := w.ask(e.admin.token, compare, map[string]any{"org": e.org, "record": e.record, "ids": versions})
		var names []any
		fields, _ := a.at("org", "record", "compare", "fields").([]any)
		for _, f := range fields {
			if at(f, "name") == "Name" {
				names, _ = at(f, "values").([]any)
			}
		}
		if want := []any{"now", "line one\nline two", `"Ünicode" & 日本`, "Acme"}; !slices.Equal(names, want) {
			t.Errorf("names: %q, want %q: %+v", names, want, a)
		}
		started := w.ask(e.admin.token, restoreFields, map[string]any{"org": e.org, "record": e.record, "fields": []any{field("Name", versions[1])}})
		expectCode(t, started, "")
		id := started.text("recordFieldsRestore", "job", "id")
		w.runJobs(e, id)
		report := w.ask(e.admin.token, `query($id: ID!) { job(id: $id) { state fieldOutcomes { name outcome } } }`, map[string]any{"id": id})
		if got := fmt.Sprint(report.at("job")); got != "map[fieldOutcomes:[map[name:Name outcome:RESTORED]] state:COMPLETED]" {
			t.Errorf("report: %s", got)
		}
		a = w.ask(e.admin.token, compare, map[string]any{"org": e.org, "record": e.record, "ids": versions[1:2]})
		fields, _ = a.at("org", "record", "compare", "fields").([]any)
		for _, f := range fields {
			if at(f, "name") == "Name" {
				t.Errorf("after the restore the name still differs: %+v", f)
			}
		}
	})
}

func TestRestoresAndComparisonsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	e := w.settleOne("Acme")
	for name, c := range map[string]struct {
		fields []any
		want   string
	}{
		"nothing":            {[]any{}, "NO_FIELDS"},
		"an unknown field":   {[]any{field("Nothing__c", e.version)}, "UNKNOWN_FIELD"},
		"a lookup":           {[]any{field("OwnerId", e.version)}, "FIELD_NOT_RESTORABLE"},
		"an audit field":     {[]any{field("LastModifiedDate", e.version)}, "FIELD_NOT_RESTORABLE"},
		"a field twice":      {[]any{field("Name", e.version), field("name", e.version)}, "FIELD_TWICE"},
		"an unknown version": {[]any{field("Name", like(e.version))}, "NOT_FOUND"},
		"not even a version": {[]any{field("Name", "§")}, "NOT_FOUND"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.ask(e.admin.token, restoreFields, map[string]any{"org": e.org, "record": e.record, "fields": c.fields})
			expectCode(t, a, c.want)
		})
	}
	five := []string{e.version, e.version, e.version, e.version, e.version}
	expectCode(t, w.ask(e.admin.token, compare, map[string]any{"org": e.org, "record": e.record, "ids": five}), "BAD_USER_INPUT")
	expectCode(t, w.ask(e.admin.token, compare, map[string]any{"org": e.org, "record": "not an id", "ids": five}), "BAD_USER_INPUT")
	viewer := personOf(w.signIn("Acme", "bob@example.com", password), "signIn")
	expectCode(t, w.ask(viewer.token, restoreFields, map[string]any{"org": e.org, "record": e.record, "fields": []any{field("Name", e.version)}}), "FORBIDDEN")
}

func TestVersionsArePaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	e := w.settleOne("Acme")
	for _, name := range []string{"b", "c"} {
		w.rename(e, name)
		w.runJobs(e, w.startBackup(e, name))
	}
	const page = `query($org: ID!, $record: SalesforceId!, $after: Cursor) { org(id: $org) { record(objectName: "Account", recordId: $record) {
		objectName objectLabel recordId versions(first: 2, after: $after) { totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
			edges { node { id change tombstone job { number } } } } } } }`
	variables := map[string]any{"org": e.org, "record": e.record[:15]}
	var changes []string
	for range 2 {
		a := w.ask(e.admin.token, page, variables)
		edges, _ := a.at("org", "record", "versions", "edges").([]any)
		for _, edge := range edges {
			changes = append(changes, fmt.Sprint(at(edge, "node", "change"), at(edge, "node", "job", "number")))
		}
		variables["after"] = a.at("org", "record", "versions", "pageInfo", "endCursor")
	}
	if got := fmt.Sprint(changes); got != "[CHANGED3 CHANGED2 ADDED1]" {
		t.Errorf("versions: %s", got)
	}
}

func TestTwoBackupsCompare(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		e := w.settle("Acme")[0]
		const diff = `query($a: ID!, $b: ID!) { backupDiff(a: $a, b: $b) { a { number } b { number } objects { name counts { added changed deleted }
			records { pageInfo { hasNextPage } edges { node { recordId change fields { name before after } } } } } } }`
		a := w.ask(e.admin.token, diff, map[string]any{"a": e.job, "b": e.later})
		objects, _ := a.at("backupDiff", "objects").([]any)
		index := slices.IndexFunc(objects, func(o any) bool { return at(o, "name") == "Account" })
		if index < 0 {
			t.Fatalf("no accounts: %+v", a)
		}
		if got := fmt.Sprint(at(objects[index], "counts")); got != "map[added:0 changed:1 deleted:0]" {
			t.Errorf("counts: %s", got)
		}
		record := at(objects[index], "records", "edges", 0, "node")
		fields, _ := at(record, "fields").([]any)
		renamed := func(f any) bool {
			return at(f, "name") == "Name" && at(f, "before") == "Acme" && at(f, "after") == "Acme Ltd"
		}
		if at(record, "recordId") != e.record || at(record, "change") != "CHANGED" || !slices.ContainsFunc(fields, renamed) {
			t.Errorf("record: %+v", record)
		}
		expectCode(t, w.ask(e.admin.token, diff, map[string]any{"a": e.later, "b": e.job}), "BAD_USER_INPUT")
		expectCode(t, w.ask(e.admin.token, diff, map[string]any{"a": e.job, "b": e.waiting}), "NOT_FOUND")
	})
}
