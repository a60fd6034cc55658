package simorg_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

const recordings = "/work/shared/data/describe"

// What the org answers to a describe must equal the recording it loaded, field
// by field, addresses aside.
func TestAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(recordings); err != nil {
		t.Skip("the recorded describes are not on this machine")
	}
	for _, bare := range []bool{false, true} {
		w := newWorld(t, func(c *simorg.Config) { c.Bare = bare })
		if err := w.org.LoadDescribe(os.DirFS(recordings)); err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(recordings + "/*.json")
		if len(files) < 2 {
			t.Fatalf("only %d recordings in %s", len(files), recordings)
		}
		for _, file := range files {
			w.sameAsRecorded(file)
		}
	}
}

func (w *world) sameAsRecorded(file string) {
	w.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		w.Fatal(err)
	}
	var want, got map[string]any
	if err := json.Unmarshal(text, &want); err != nil {
		w.Fatal(err)
	}
	name := strings.TrimSuffix(filepath.Base(file), ".json")
	if name != "Global" {
		w.must("GET", "/sobjects/"+name+"/describe", nil, &got)
		w.same(name, want, got)
		return
	}
	w.must("GET", "/sobjects", nil, &got)
	entries := map[string]any{}
	for _, e := range got["sobjects"].([]any) {
		entries[e.(map[string]any)["name"].(string)] = e
	}
	for _, e := range want["sobjects"].([]any) {
		name := e.(map[string]any)["name"].(string)
		w.same("Global "+name, e, entries[name])
	}
	w.same("encoding", want["encoding"], got["encoding"])
	w.same("maxBatchSize", want["maxBatchSize"], got["maxBatchSize"])
}

// same compares two JSON values without their urls.
func (w *world) same(path string, want, got any) {
	w.Helper()
	switch want := want.(type) {
	case map[string]any:
		g, is := got.(map[string]any)
		if !is {
			w.Errorf("%s: %v, recorded an object", path, got)
			return
		}
		for key, v := range want {
			if key != "urls" {
				w.same(path+"."+key, v, g[key])
			}
		}
		for key := range g {
			if _, recorded := want[key]; !recorded {
				w.Errorf("%s.%s was not recorded", path, key)
			}
		}
	case []any:
		g, is := got.([]any)
		if !is || len(g) != len(want) {
			w.Errorf("%s: %d entries, recorded %d", path, len(g), len(want))
			return
		}
		for i := range want {
			w.same(path+"[]", want[i], g[i])
		}
	default:
		if !reflect.DeepEqual(want, got) {
			w.Errorf("%s = %v, recorded %v", path, got, want)
		}
	}
}

// Recorded describes do not only answer: what the org does follows them.
func TestRecordedDescribesGovern(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(recordings); err != nil {
		t.Skip("the recorded describes are not on this machine")
	}
	w := newWorld(t)
	if err := w.org.LoadDescribe(os.DirFS(recordings)); err != nil {
		t.Fatal(err)
	}
	account := w.create("Account", map[string]any{"Name": "A", "ns__Description__c": "custom"})
	got := w.query("SELECT RecordType.DeveloperName, ns__Description__c FROM Account").Records[0]
	expect(t, "the default record type", got["RecordType"].(map[string]any)["DeveloperName"], any("Household"))
	w.refused("POST", "/sobjects/Account", map[string]any{"Name": "A", "CreatedDate": "2020-01-01T00:00:00Z"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
	w.refused("POST", "/sobjects/Contact", map[string]any{}, 400, "REQUIRED_FIELD_MISSING")
	contact := w.create("Contact", map[string]any{"LastName": "C", "AccountId": account})
	w.create("Case", map[string]any{"Subject": "S", "ContactId": contact})
	w.create("Lead", map[string]any{"LastName": "L", "Company": "C"})
	w.create("Opportunity", map[string]any{"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-03-03", "AccountId": account})
	event := w.create("Event", map[string]any{"Subject": "E", "WhoId": contact, "WhatId": account, "StartDateTime": "2026-03-03T10:00:00Z", "DurationInMinutes": 30})
	w.create("Custom__c", map[string]any{"Name": "Setting"})
	polymorphic := w.query("SELECT What.Type, What.Name, Who.Type, Owner.Name FROM Event WHERE What.Type = 'Account' AND Id = '" + event + "'").Records[0]
	if what := polymorphic["What"].(map[string]any); what["Type"] != "Account" || what["Name"] != "A" {
		t.Errorf("What: %v", what)
	}
	w.refused("DELETE", "/sobjects/Contact/"+contact, nil, 400, "DELETE_FAILED")
	for _, object := range []string{"Account", "Contact", "Case", "Lead", "Opportunity", "Event"} {
		expect(t, object, w.count("SELECT COUNT() FROM "+object), 1)
	}
}
