package schema_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

func TestStandardTableLoads(t *testing.T) {
	t.Parallel()
	c, err := schema.Standard()
	if err != nil {
		t.Fatal(err)
	}
	account := c.Get("account")
	if account == nil || !account.Field("name").RequiredOnCreate() {
		t.Fatal("Account.Name must be required on create")
	}
	if r := account.Child("Cases"); r == nil || !r.RestrictedDelete || r.CascadeDelete {
		t.Errorf("Account.Cases = %+v, want restricted only", r)
	}
	if f := c.Get("Contact").Field("AccountId"); f.CascadeDelete {
		t.Error("the child's own flag must stay false on a standard lookup")
	}
	if c.Get("AccountHistory") == nil || c.Get("OpportunityFieldHistory") == nil {
		t.Error("companions are missing")
	}
	for _, o := range c.All() {
		for _, f := range o.Fields {
			if f.Type == "reference" && len(f.ReferenceTo) == 0 {
				t.Errorf("%s.%s refers to nothing", o.Name, f.Name)
			}
		}
	}
}

// The table's standard fields must agree with what was recorded in a real org.
func TestStandardTableAgreesWithRecordings(t *testing.T) {
	t.Parallel()
	const dir = "/work/shared/data/describe"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the recorded describes are not on this machine")
	}
	c, err := schema.Standard()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Account", "Contact", "Lead", "Opportunity", "OpportunityContactRole", "Case", "Event"} {
		data, err := os.ReadFile(dir + "/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct {
			Fields []map[string]any `json:"fields"`
		}
		if err := json.Unmarshal(data, &recorded); err != nil {
			t.Fatal(err)
		}
		for _, want := range recorded.Fields {
			compareField(t, c.Get(name), want)
		}
	}
}

func compareField(t *testing.T, o *schema.Object, want map[string]any) {
	t.Helper()
	name := want["name"].(string)
	if strings.HasSuffix(name, "__c") || name == "WhatId" || strings.HasSuffix(name, "TimeZoneSidKey") {
		return
	}
	f := o.Field(name)
	if f == nil {
		t.Errorf("%s.%s is missing from the table", o.Name, name)
		return
	}
	text, _ := json.Marshal(f)
	var got map[string]any
	_ = json.Unmarshal(text, &got)
	for _, key := range []string{
		"type", "createable", "updateable", "nillable", "length", "precision", "scale", "digits",
		"referenceTo", "relationshipName", "autoNumber", "idLookup", "nameField", "soapType", "restrictedPicklist", "calculated",
	} {
		if !reflect.DeepEqual(got[key], want[key]) {
			t.Errorf("%s.%s %s = %v, recorded %v", o.Name, name, key, got[key], want[key])
		}
	}
}

func TestTrimLeavesNothingOfAddOns(t *testing.T) {
	t.Parallel()
	c, err := schema.Standard()
	if err != nil {
		t.Fatal(err)
	}
	c.Trim()
	for _, name := range []string{"Quote", "QuoteShare", "WorkOrder", "UserFeed", "Knowledge__kav"} {
		if c.Get(name) != nil {
			t.Errorf("%s is still there", name)
		}
	}
	opportunity := c.Get("Opportunity")
	if opportunity.Field("SyncedQuoteId") != nil || opportunity.Child("Quotes") != nil {
		t.Error("an opportunity still knows quotes")
	}
	if f := c.Get("Task").Field("WhatId"); f.References("WorkOrder") || !f.References("Account") {
		t.Errorf("WhatId refers to %v", f.ReferenceTo)
	}
	if c.ByPrefix("001000000000000") == nil {
		t.Error("Account lost its prefix")
	}
}
