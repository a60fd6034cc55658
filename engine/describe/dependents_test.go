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

func recordedGlobal(t *testing.T) describe.Lookup {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "describe", "Global.json"))
	if err != nil {
		t.Skip("the recorded describes are not beside this clone")
	}
	var global struct{ SObjects []engine.SObject }
	if err := json.Unmarshal(raw, &global); err != nil {
		t.Fatal(err)
	}
	return func(name string) *engine.SObject {
		for i := range global.SObjects {
			if global.SObjects[i].Name == name {
				return &global.SObjects[i]
			}
		}
		return nil
	}
}

func TestDependentsOfContactInARealOrg(t *testing.T) {
	t.Parallel()
	var restricted, cascade, blockers []string
	for _, d := range describe.Dependents(recorded(t, "Contact"), recordedGlobal(t)) {
		path := d.SObject + "." + d.Field
		if d.Dependence == describe.Restricted {
			restricted = append(restricted, path)
		} else {
			cascade = append(cascade, path)
		}
		if d.Blocker {
			blockers = append(blockers, path)
		}
	}
	slices.Sort(restricted)
	want := []string{
		"AuthorizationFormConsent.ConsentGiverId", "Case.ContactId", "CommSubscriptionConsent.ConsentGiverId", "Contract.CustomerSignedId",
		"Order.BillToContactId", "Order.CustomerAuthorizedById", "Order.ShipToContactId", "ServiceContract.ContactId", "User.ContactId",
	}
	if !slices.Equal(restricted, want) {
		t.Errorf("restricted: %v", restricted)
	}
	if !slices.Equal(blockers, []string{"User.ContactId"}) {
		t.Errorf("blockers: %v", blockers)
	}
	for _, path := range []string{"CampaignMember.ContactId", "Task.WhoId", "OpportunityContactRole.ContactId", "Attachment.ParentId"} {
		if !slices.Contains(cascade, path) {
			t.Errorf("%s is missing from the cascading dependents", path)
		}
	}
	for _, path := range []string{"ContactFeed.ParentId", "ContactHistory.ContactId", "ContactShare.ContactId", "ActivityHistory.WhoId", "OpenActivity.WhoId"} {
		if slices.Contains(cascade, path) {
			t.Errorf("%s follows its parent and is no dependent", path)
		}
	}
}

func TestBothFlagsMeanRestricted(t *testing.T) {
	t.Parallel()
	account := &engine.SObject{Name: "Account", ChildRelationships: []engine.ChildRelationship{
		{ChildSObject: "Contract", Field: "AccountId", CascadeDelete: true, RestrictedDelete: true},
		{ChildSObject: "Account", Field: "ParentId"},
		{ChildSObject: "Old__c", Field: "A__c", CascadeDelete: true, DeprecatedAndHidden: true},
	}}
	got := describe.Dependents(account, func(string) *engine.SObject { return nil })
	if len(got) != 1 || got[0].Dependence != describe.Restricted {
		t.Errorf("%+v", got)
	}
}
