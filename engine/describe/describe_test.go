package describe_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
)

// recorded loads a describe of a real org, or skips the test.
func recorded(t *testing.T, name string) *engine.SObject {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "describe", name+".json"))
	if err != nil {
		t.Skip("the recorded describes are not beside this clone")
	}
	o := &engine.SObject{}
	if err := json.Unmarshal(raw, o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		object engine.SObject
		want   describe.Class
	}{
		{engine.SObject{Name: "Account"}, describe.Data},
		{engine.SObject{Name: "Invoice__c", Custom: true}, describe.Data},
		{engine.SObject{Name: "Rates__c", Custom: true, CustomSetting: true}, describe.CustomSetting},
		{engine.SObject{Name: "Rule__mdt", Custom: true}, describe.CustomMetadata},
		{engine.SObject{Name: "Clicks__b", Custom: true}, describe.BigObject},
		{engine.SObject{Name: "Ledger__x", Custom: true}, describe.External},
		{engine.SObject{Name: "Ping__e", Custom: true}, describe.Event},
		{engine.SObject{Name: "AccountHistory", AssociateEntityType: "History", AssociateParentEntity: "Account"}, describe.History},
		{engine.SObject{Name: "OpportunityFieldHistory", AssociateEntityType: "History"}, describe.History},
		{engine.SObject{Name: "OpportunityHistory"}, describe.Data},
		{engine.SObject{Name: "AccountFeed", AssociateEntityType: "Feed"}, describe.Feed},
		{engine.SObject{Name: "AccountShare", AssociateEntityType: "Share"}, describe.Share},
		{engine.SObject{Name: "Invoice__Share"}, describe.Share},
		{engine.SObject{Name: "AccountChangeEvent", AssociateEntityType: "ChangeEvent"}, describe.Event},
		{engine.SObject{Name: "Attachment"}, describe.Binary},
		{engine.SObject{Name: "Scan__c", Fields: []engine.Field{{Name: "Body", Type: "base64"}}}, describe.Binary},
	} {
		if got := describe.Classify(&test.object); got != test.want {
			t.Errorf("%s is %s, want %s", test.object.Name, got, test.want)
		}
	}
}

func TestUnreadableObjectsSayWhy(t *testing.T) {
	t.Parallel()
	for _, o := range []engine.SObject{
		{Name: "AccountChangeEvent", AssociateEntityType: "ChangeEvent", Queryable: true},
		{Name: "Ledger__x", Queryable: true},
		{Name: "OpenActivity", Queryable: true},
		{Name: "Vote", Queryable: true},
		{Name: "UserFieldAccess", Queryable: true},
		{Name: "UriEventStream"},
	} {
		if ok, reason := describe.Readable(&o); ok || reason == "" {
			t.Errorf("%s: readable %v, reason %q", o.Name, ok, reason)
		}
	}
	if ok, _ := describe.Readable(&engine.SObject{Name: "Account", Queryable: true}); !ok {
		t.Error("Account is readable")
	}
}

func TestContactOfARealOrg(t *testing.T) {
	t.Parallel()
	contact := recorded(t, "Contact")
	kept := describe.Names(describe.Kept(contact))
	if slices.Contains(kept, "MailingAddress") || !slices.Contains(kept, "MailingStreet") || !slices.Contains(kept, "Name") {
		t.Errorf("kept fields are wrong: %v", kept)
	}
	if stamp := describe.StampField(contact); stamp != "SystemModstamp" {
		t.Errorf("stamp field is %q", stamp)
	}
	if hot := describe.Hot(contact); hot[0] != "Name" || !slices.Contains(hot, "Email") || len(hot) > 12 {
		t.Errorf("hot fields are %v", hot)
	}
	for name, want := range map[string]describe.NotRestorable{
		"Id": describe.RecordIdentifier, "AccountId": describe.Reference, "OwnerId": describe.Reference, "CreatedDate": describe.Audit,
		"SystemModstamp": describe.Audit, "MailingAddress": describe.Compound, "IsDeleted": describe.ReadOnly, "Name": describe.ReadOnly,
		"LastName": describe.Restorable, "Email": describe.Restorable, "Description": describe.Restorable,
	} {
		f, ok := contact.Field(name)
		if !ok {
			t.Fatalf("no field %s", name)
		}
		if got := describe.RestorableInPlace(f); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if r := describe.RestorableInPlace(f); r != describe.Restorable && r.Sentence() == "" {
			t.Errorf("%s has no sentence", r)
		}
	}
}

func TestFingerprintFollowsFields(t *testing.T) {
	t.Parallel()
	one := []engine.Field{{Name: "A", Type: "string"}, {Name: "B", Type: "double"}}
	other := []engine.Field{one[1], one[0]}
	if describe.Fingerprint(one) != describe.Fingerprint(other) {
		t.Error("order matters")
	}
	converted := []engine.Field{one[0], {Name: "B", Type: "string"}}
	if describe.Fingerprint(one) == describe.Fingerprint(converted) || describe.Fingerprint(one) == describe.Fingerprint(one[:1]) {
		t.Error("a converted or dropped field leaves no trace")
	}
}
