package simorg_test

import (
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// project is a small SFDX project: a master with a roll-up, its detail, a
// custom setting, a custom metadata type with a record, and a big object.
func project() fstest.MapFS {
	files := fstest.MapFS{}
	put := func(name, text string) {
		files["force-app/main/default/"+name] = &fstest.MapFile{Data: []byte(strings.Replace(text, ">", " "+metaNS+">", 1))}
	}
	object := func(name, more string) {
		put("objects/"+name+"/"+name+".object-meta.xml", "<CustomObject><label>"+name+"</label><pluralLabel>"+name+"</pluralLabel>"+more+"</CustomObject>")
	}
	field := func(object, name, more string) {
		put("objects/"+object+"/fields/"+name+".field-meta.xml", "<CustomField><fullName>"+name+"</fullName><label>"+name+"</label>"+more+"</CustomField>")
	}
	object("Ship__c", "<nameField><label>Ship</label><type>Text</type></nameField><sharingModel>Private</sharingModel><enableHistory>true</enableHistory>")
	field("Ship__c", "Due__c", "<type>Date</type><defaultValue>TODAY() + 7</defaultValue>")
	field("Ship__c", "Weight__c", "<type>Summary</type><summarizedField>Load__c.Tons__c</summarizedField><summaryForeignKey>Load__c.Ship__c</summaryForeignKey><summaryOperation>sum</summaryOperation>"+
		"<summaryFilterItems><field>Load__c.Dry__c</field><operation>equals</operation><value>True</value></summaryFilterItems>")
	field("Ship__c", "Loads__c", "<type>Summary</type><summaryForeignKey>Load__c.Ship__c</summaryForeignKey><summaryOperation>count</summaryOperation>")
	field("Ship__c", "Home__c", "<type>Location</type><scale>5</scale>")
	field("Ship__c", "Captain__c", "<type>Text</type><length>40</length><trackHistory>true</trackHistory>")
	object("Load__c", "<nameField><label>Load</label><type>AutoNumber</type><displayFormat>L-{000}</displayFormat></nameField><sharingModel>ControlledByParent</sharingModel>")
	field("Load__c", "Ship__c", "<type>MasterDetail</type><referenceTo>Ship__c</referenceTo><relationshipName>Loads</relationshipName>")
	field("Load__c", "Tons__c", "<type>Number</type><precision>8</precision><scale>1</scale>")
	field("Load__c", "Dry__c", "<type>Checkbox</type><defaultValue>true</defaultValue>")
	object("Prefs__c", "<customSettingsType>Hierarchy</customSettingsType>")
	object("Port__mdt", "")
	field("Port__mdt", "Depth__c", "<type>Number</type><precision>4</precision><scale>0</scale>")
	put("customMetadata/Port.Turku.md-meta.xml", `<CustomMetadata><label>Turku</label><values><field>Depth__c</field><value>9</value></values></CustomMetadata>`)
	put("classes/Helm.cls", "public class Helm {}")
	put("classes/Helm.cls-meta.xml", "<ApexClass><status>Active</status></ApexClass>")
	object("Ping__b", "<indexes><fullName>PingIndex</fullName><fields><name>Ship__c</name><sortDirection>ASC</sortDirection></fields><fields><name>At__c</name><sortDirection>DESC</sortDirection></fields></indexes>")
	field("Ping__b", "Ship__c", "<type>Text</type><length>18</length>")
	field("Ping__b", "At__c", "<type>DateTime</type>")
	field("Ping__b", "Note__c", "<type>Text</type><length>20</length>")
	return files
}

func TestSourceMakesASchemaThatWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.org.LoadSource(project()); err != nil {
		t.Fatal(err)
	}
	ship := w.create("Ship__c", map[string]any{"Name": "Aino", "Home__Latitude__s": 60.1, "Home__Longitude__s": 24.9, "Captain__c": "A"})
	for _, tons := range []float64{1.5, 2} {
		w.create("Load__c", map[string]any{"Ship__c": ship, "Tons__c": tons})
	}
	wet := w.create("Load__c", map[string]any{"Ship__c": ship, "Tons__c": 100, "Dry__c": false})
	got := w.query("SELECT Weight__c, Loads__c, Due__c, Home__c, (SELECT Name FROM Loads__r ORDER BY Id) FROM Ship__c").Records[0]
	expect(t, "sum of the dry ones", got["Weight__c"], any(3.5))
	expect(t, "count", got["Loads__c"], any(3.0))
	expect(t, "default formula", got["Due__c"], any("2026-03-08"))
	expect(t, "location", got["Home__c"].(map[string]any)["latitude"], any(60.1))
	expect(t, "auto number", got["Loads__r"].(map[string]any)["records"].([]any)[2].(map[string]any)["Name"], any("L-003"))
	w.must("DELETE", "/sobjects/Load__c/"+wet, nil, nil)
	expect(t, "count after a delete", w.query("SELECT Loads__c FROM Ship__c").Records[0]["Loads__c"], any(2.0))
	w.must("PATCH", "/sobjects/Ship__c/"+ship, map[string]any{"Captain__c": "B"}, nil)
	history := w.query("SELECT ParentId, Field, OldValue, NewValue FROM Ship__History")
	if history.TotalSize != 1 || history.Records[0]["OldValue"] != "A" || history.Records[0]["NewValue"] != "B" {
		t.Errorf("history: %+v", history)
	}
	w.create("Prefs__c", map[string]any{"Name": "Org"})
	expect(t, "a custom setting has no bin", w.withoutIsDeleted("Prefs__c"), true)
	port := w.query("SELECT DeveloperName, Depth__c FROM Port__mdt").Records[0]
	expect(t, "custom metadata", port["DeveloperName"].(string), "Turku")
	w.refused("POST", "/sobjects/Port__mdt", map[string]any{"DeveloperName": "X"}, 400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
	if list := w.metadata("<met:listMetadata><met:queries><met:type>ApexClass</met:type></met:queries></met:listMetadata>"); !strings.Contains(list, "<fullName>Helm</fullName>") {
		t.Errorf("classes: %s", list)
	}
}

func (w *world) withoutIsDeleted(object string) bool {
	status, _ := w.do("GET", "/query?q=SELECT+IsDeleted+FROM+"+object, nil)
	return status == 400
}

func TestBigObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.org.LoadSource(project()); err != nil {
		t.Fatal(err)
	}
	row := map[string]any{"Ship__c": "s1", "At__c": "2026-01-01T00:00:00Z", "Note__c": "one"}
	first := w.create("Ping__b", row)
	row["Note__c"] = "two"
	expect(t, "the same index", w.create("Ping__b", row), first)
	row["At__c"] = "2026-01-02T00:00:00Z"
	w.create("Ping__b", row)
	expect(t, "rows", w.query("SELECT Id FROM Ping__b WHERE Ship__c = 's1' AND At__c > 2025-01-01T00:00:00Z").TotalSize, 2)
	w.refused("GET", "/query?q="+url.QueryEscape("SELECT Id FROM Ping__b WHERE At__c > 2025-01-01T00:00:00Z"), nil, 400, "BIG_OBJECT_UNSUPPORTED_OPERATION")
	w.refused("GET", "/query?q="+url.QueryEscape("SELECT Id FROM Ping__b WHERE Ship__c > 'a' AND At__c > 2025-01-01T00:00:00Z"), nil, 400, "BIG_OBJECT_UNSUPPORTED_OPERATION")
	w.refused("POST", "/sobjects/Ping__b", map[string]any{"Ship__c": "s1"}, 400, "REQUIRED_FIELD_MISSING")
}

func TestCompanionsAndDefaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account := w.create("Account", map[string]any{"Name": "A"})
	item := w.create("FeedItem", map[string]any{"ParentId": account, "Body": "hello"})
	feed := w.query("SELECT Id, ParentId, Body FROM AccountFeed")
	if feed.TotalSize != 1 || feed.Records[0]["Id"] != item || feed.Records[0]["Body"] != "hello" {
		t.Errorf("feed: %+v", feed)
	}
	w.create("Campaign", map[string]any{"Name": "C"})
	expect(t, "default statuses", w.query("SELECT Id FROM CampaignMemberStatus").TotalSize, 2)
	contact := w.create("Contact", map[string]any{"LastName": "L"})
	w.create("Opportunity", map[string]any{"Name": "O", "StageName": "Closed Won", "CloseDate": "2026-05-05", "ContactId": contact, "Amount": 1e9})
	got := w.query("SELECT IsWon, Probability, Amount, FiscalQuarter FROM Opportunity WHERE IsClosed = true").Records[0]
	if got["IsWon"] != true || got["Probability"] != 100.0 || got["Amount"] != 1e9 || got["FiscalQuarter"] != 2.0 {
		t.Errorf("opportunity: %+v", got)
	}
	expect(t, "contact roles", w.query("SELECT Id FROM OpportunityContactRole WHERE IsPrimary = true").TotalSize, 1)
	w.must("POST", "/composite/sobjects", map[string]any{"records": []any{}}, nil)
	mixed := []any{
		map[string]any{"attributes": map[string]any{"type": "Group"}, "Name": "G", "Type": "Queue"},
		map[string]any{"attributes": map[string]any{"type": "Account"}, "Name": "A"},
	}
	_, out := w.do("POST", "/composite/sobjects", map[string]any{"records": mixed})
	if !strings.Contains(string(out), "MIXED_DML_OPERATION") {
		t.Errorf("mixed: %s", out)
	}
}

// Triggers write other records in the same transaction; a failure undoes all.
func TestTriggersWriteOtherRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.org.AddTrigger(simorg.Trigger{Name: "Log", Object: "Account", Events: []simorg.Event{simorg.AfterInsert, simorg.AfterDelete}, Run: func(r *simorg.TriggerRow) error {
		if r.Event == simorg.AfterDelete {
			_, err := r.Insert("Lead", map[string]any{"LastName": "Lost " + r.Old("Name"), "Company": "X"})
			return err
		}
		id, err := r.Insert("Task", map[string]any{"Subject": "Greet " + r.Get("Name"), "WhatId": r.ID()})
		if err == nil {
			err = r.Update("Task", id, map[string]any{"Priority": "High"})
		}
		if r.Get("Site") == "late failure" {
			return errBroken
		}
		return err
	}})
	id := w.create("Account", map[string]any{"Name": "A"})
	tasks := w.query("SELECT Subject, IsHighPriority, AccountId FROM Task")
	if tasks.TotalSize != 1 || tasks.Records[0]["Subject"] != "Greet A" || tasks.Records[0]["IsHighPriority"] != true || tasks.Records[0]["AccountId"] != id {
		t.Errorf("tasks: %+v", tasks)
	}
	w.refused("POST", "/sobjects/Account", map[string]any{"Name": "B", "Site": "late failure"}, 400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
	expect(t, "accounts", w.count("SELECT COUNT() FROM Account"), 1)
	expect(t, "tasks after the failure", w.count("SELECT COUNT() FROM Task"), 1)
	w.must("DELETE", "/sobjects/Account/"+id, nil, nil)
	expect(t, "leads", w.count("SELECT COUNT() FROM Lead WHERE LastName = 'Lost A'"), 1)
}
