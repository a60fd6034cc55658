package simorg_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// soap sends a partner call and returns its answer.
func (w *world) soap(body string) string {
	w.Helper()
	return w.soapWith("", body)
}

// soapWith sends a partner call with headers beside the session's.
func (w *world) soapWith(headers, body string) string {
	w.Helper()
	envelope := `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:partner.soap.sforce.com"><soapenv:Header><urn:SessionHeader><urn:sessionId>` +
		w.token + `</urn:sessionId></urn:SessionHeader>` + headers + `</soapenv:Header><soapenv:Body>` + body + `</soapenv:Body></soapenv:Envelope>`
	_, out := w.do("POST", "/services/Soap/u/66.0", envelope, "Content-Type", "text/xml", "SOAPAction", `""`)
	return string(out)
}

// undelete says whether each id came back.
func (w *world) undelete(ids ...string) []bool {
	w.Helper()
	body := "<urn:undelete>"
	for _, id := range ids {
		body += "<urn:ids>" + id + "</urn:ids>"
	}
	out := w.soap(body + "</urn:undelete>")
	var results []bool
	for _, part := range strings.Split(out, "<success>")[1:] {
		results = append(results, strings.HasPrefix(part, "true"))
	}
	if len(results) != len(ids) {
		w.Fatalf("undelete: %s", out)
	}
	return results
}

func (w *world) count(soql string) int {
	w.Helper()
	return w.query(soql).TotalSize
}

func deletesAndBin(w *world) {
	var account struct {
		ChildRelationships []struct {
			ChildSObject, Field             string
			CascadeDelete, RestrictedDelete bool
		}
	}
	w.must("GET", "/sobjects/Account/describe", nil, &account)
	flags := map[string]string{}
	for _, r := range account.ChildRelationships {
		flags[r.ChildSObject+"."+r.Field] = fmt.Sprint(r.CascadeDelete, r.RestrictedDelete)
	}
	for child, want := range map[string]string{"Contact.AccountId": "true false", "Case.AccountId": "false true", "Contract.AccountId": "true true", "Account.ParentId": "false false"} {
		expect(w, child, flags[child], want)
	}
	parent := w.create("Account", map[string]any{"Name": "Parent"})
	child := w.create("Account", map[string]any{"Name": "Child", "ParentId": parent})
	contact := w.create("Contact", map[string]any{"LastName": "C", "AccountId": parent})
	task := w.create("Task", map[string]any{"Subject": "T", "WhoId": contact})
	held := w.create("Case", map[string]any{"Subject": "Holds", "AccountId": parent})
	w.refused("DELETE", "/sobjects/Account/"+parent, nil, 400, "DELETE_FAILED")
	expect(w, "contacts kept by the refusal", w.count("SELECT COUNT() FROM Contact"), 1)
	w.must("DELETE", "/sobjects/Case/"+held, nil, nil)
	stamp := w.query("SELECT SystemModstamp FROM Account WHERE Id = '" + child + "'").Records[0]["SystemModstamp"]
	w.clock.advance(time.Minute)
	w.must("DELETE", "/sobjects/Account/"+parent, nil, nil)
	left := w.query("SELECT ParentId, SystemModstamp FROM Account WHERE Id = '" + child + "'").Records[0]
	if left["ParentId"] != nil || left["SystemModstamp"] != stamp {
		w.Errorf("the nulled lookup: %v", left)
	}
	gone := w.queryAll("SELECT Id, SystemModstamp FROM Contact WHERE IsDeleted = true")
	if gone.TotalSize != 1 || gone.Records[0]["SystemModstamp"] != "2026-03-01T10:01:00.000+0000" {
		w.Errorf("the cascaded contact: %+v", gone)
	}
	expect(w, "the contact's task", w.count("SELECT COUNT() FROM Task WHERE Id = '"+task+"'"), 0)
	w.clock.advance(15 * 24 * time.Hour)
	w.signIn()
	expect(w, "the purged tail in queryAll", w.queryAll("SELECT Id FROM Account WHERE Id = '"+parent+"'").TotalSize, 1)
	expect(w, "undelete after the purge", w.undelete(parent)[0], false)
	w.clock.advance(26 * time.Hour)
	w.signIn()
	expect(w, "a day later in queryAll", w.queryAll("SELECT Id FROM Account WHERE Id = '"+parent+"'").TotalSize, 0)
	w.mergesAccounts()
}

func (w *world) mergesAccounts() {
	master, loser := w.create("Account", map[string]any{"Name": "Master"}), w.create("Account", map[string]any{"Name": "Loser"})
	contact := w.create("Contact", map[string]any{"LastName": "Moves", "AccountId": loser})
	out := w.soap(`<urn:merge><urn:request><urn:masterRecord><urn:type>Account</urn:type><urn:Id>` + master + `</urn:Id></urn:masterRecord><urn:recordToMergeIds>` + loser + `</urn:recordToMergeIds></urn:request></urn:merge>`)
	if !strings.Contains(out, "<updatedRelatedIds>"+contact) {
		w.Errorf("merge: %s", out)
	}
	expect(w, "MasterRecordId", w.queryAll("SELECT MasterRecordId FROM Account WHERE Id = '" + loser + "'").Records[0]["MasterRecordId"], any(master))
	expect(w, "the loser comes back", w.undelete(loser)[0], true)
	expect(w, "its contact stays", w.query("SELECT AccountId FROM Contact WHERE Id = '" + contact + "'").Records[0]["AccountId"], any(master))
}

func undeleteRules(w *world) {
	fired := map[string]int{}
	for _, object := range []string{"Account", "Contact"} {
		w.org.AddTrigger(simorg.Trigger{
			Name: "After" + object, Object: object, Events: []simorg.Event{simorg.AfterUndelete, simorg.BeforeDelete},
			Run: func(r *simorg.TriggerRow) error { fired[object+string(r.Event)]++; return nil },
		})
	}
	account := w.create("Account", map[string]any{"Name": "A"})
	parent := w.create("Account", map[string]any{"Name": "P"})
	w.must("PATCH", "/sobjects/Account/"+account, map[string]any{"ParentId": parent}, nil)
	contact := w.create("Contact", map[string]any{"LastName": "C", "AccountId": account})
	boss := w.create("Contact", map[string]any{"LastName": "Boss"})
	w.must("PATCH", "/sobjects/Contact/"+contact, map[string]any{"ReportsToId": boss}, nil)
	campaign := w.create("Campaign", map[string]any{"Name": "Camp"})
	opportunity := w.create("Opportunity", map[string]any{"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-05-01", "CampaignId": campaign})
	member := w.create("CampaignMember", map[string]any{"CampaignId": campaign, "ContactId": boss})
	for _, path := range []string{"Account/" + account, "Account/" + parent, "Campaign/" + campaign} {
		w.must("DELETE", "/sobjects/"+path, nil, nil)
	}
	expect(w, "the contact alone", w.undelete(contact)[0], false)
	expect(w, "the member alone, which has no bin entry of its own", w.undelete(member)[0], false)
	expect(w, "the account", w.undelete(account)[0], true)
	expect(w, "twice", w.undelete(account)[0], false)
	expect(w, "its contact", w.count("SELECT COUNT() FROM Contact WHERE Id = '"+contact+"'"), 1)
	w.undelete(parent, campaign)
	expect(w, "the member came with the campaign", w.count("SELECT COUNT() FROM CampaignMember"), 1)
	expect(w, "a lookup outside the list", w.query("SELECT CampaignId FROM Opportunity WHERE Id = '" + opportunity + "'").Records[0]["CampaignId"], nil)
	expect(w, "trigger on the top record", fired["AccountAfterUndelete"], 2)
	expect(w, "trigger on the cascaded one", fired["ContactAfterUndelete"]+fired["ContactBeforeDelete"], 0)
	w.must("DELETE", "/sobjects/Contact/"+boss, nil, nil)
	expect(w, "ReportsToId", w.query("SELECT ReportsToId FROM Contact WHERE Id = '" + contact + "'").Records[0]["ReportsToId"], nil)
	w.undelete(boss)
	expect(w, "ReportsToId again", w.query("SELECT ReportsToId FROM Contact WHERE Id = '" + contact + "'").Records[0]["ReportsToId"], any(boss))
	if out := w.soap("<urn:nonsense/>"); !strings.Contains(out, "Fault") {
		w.Errorf("an unknown call: %s", out)
	}
	w.token = "expired"
	if out := w.soap("<urn:undelete/>"); !strings.Contains(out, "<faultcode>sf:INVALID_SESSION_ID</faultcode>") || w.last.StatusCode != 500 {
		w.Errorf("an expired session: %d %s", w.last.StatusCode, out)
	}
}

func auditFields(w *world) {
	creatable := func(w *world) bool {
		var d struct {
			Fields []struct {
				Name       string
				Createable bool
			}
		}
		w.must("GET", "/sobjects/Account/describe", nil, &d)
		for _, f := range d.Fields {
			if f.Name == "CreatedDate" {
				return f.Createable
			}
		}
		return false
	}
	old := map[string]any{"Name": "Old", "CreatedDate": "2020-01-02T03:04:05Z", "LastModifiedDate": "2021-01-02T03:04:05.000+0000"}
	plain := w.as("plain@test.example")
	expect(w, "createable for the plain user", creatable(plain), false)
	expect(w, "createable for the administrator", creatable(w), true)
	plain.refused("POST", "/sobjects/Account", map[string]any{"Name": "X", "CreatedDate": "2020-01-02T03:04:05Z"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
	_, body := plain.do("POST", "/sobjects/Account", map[string]any{"Name": "X", "CreatedDate": "2020-01-02T03:04:05Z"})
	if !strings.Contains(string(body), "Unable to create/update fields: CreatedDate. Please check the security settings of this field and verify that it is read/write for your profile or permission set.") {
		w.Errorf("text: %s", body)
	}
	id := w.create("Account", old)
	got := w.query("SELECT CreatedDate, LastModifiedDate, SystemModstamp FROM Account WHERE Id = '" + id + "'").Records[0]
	expect(w, "CreatedDate", got["CreatedDate"], any("2020-01-02T03:04:05.000+0000"))
	expect(w, "LastModifiedDate", got["LastModifiedDate"], any("2021-01-02T03:04:05.000+0000"))
	expect(w, "SystemModstamp", got["SystemModstamp"], any("2026-03-01T10:00:00.000+0000"))
	w.refused("PATCH", "/sobjects/Account/"+id, map[string]any{"CreatedDate": "2020-01-02T03:04:05Z"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
	w.refused("POST", "/sobjects/Product2", map[string]any{"Name": "P", "CreatedDate": "2020-01-02T03:04:05Z"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
	w.refused("POST", "/sobjects/Account", map[string]any{"Name": "P", "SystemModstamp": "2020-01-02T03:04:05Z"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
	off := w.org.AddUser(simorg.User{Username: "off@test.example", LastName: "Off", Inactive: true})
	plain.refused("POST", "/sobjects/Account", map[string]any{"Name": "X", "OwnerId": off}, 400, "INACTIVE_OWNER_OR_USER")
	w.create("Account", map[string]any{"Name": "X", "OwnerId": off})
}

func modstamps(w *world) {
	w.applyField(`<fields><fullName>Twice__c</fullName><label>Twice</label><type>Number</type><precision>18</precision><scale>0</scale><formula>NumberOfEmployees * 2</formula></fields>` +
		`<fields><fullName>Boss__c</fullName><label>Boss</label><type>Text</type><formula>Owner.Title</formula></fields>`)
	id := w.create("Account", map[string]any{"Name": "F", "NumberOfEmployees": 4})
	got := func() map[string]any {
		return w.query("SELECT Twice__c, Boss__c, SystemModstamp FROM Account WHERE Id = '" + id + "'").Records[0]
	}
	before := got()
	expect(w, "formula", before["Twice__c"], any(8.0))
	w.clock.advance(time.Minute)
	admin := w.query("SELECT Id FROM User").Records[0]["Id"].(string)
	w.must("PATCH", "/sobjects/User/"+admin, map[string]any{"Title": "Chief"}, nil)
	after := got()
	expect(w, "a formula moved without a stamp", fmt.Sprint(after["Boss__c"], after["SystemModstamp"]), fmt.Sprint("Chief", before["SystemModstamp"]))
	w.org.HoldCommits("Account", 1)
	late := w.create("Account", map[string]any{"Name": "Late"})
	w.clock.advance(5 * time.Minute)
	soon := w.create("Account", map[string]any{"Name": "Soon"})
	since := "SELECT Id, SystemModstamp FROM Account WHERE SystemModstamp >= 2026-03-01T10:01:00Z ORDER BY SystemModstamp, Id"
	if r := w.query(since); r.TotalSize != 1 || r.Records[0]["Id"] != soon {
		w.Errorf("before the late commit: %+v", r)
	}
	expect(w, "late commits", w.org.CommitLate(), 1)
	r := w.query(since)
	if r.TotalSize != 2 || r.Records[0]["Id"] != late || r.Records[0]["SystemModstamp"] != "2026-03-01T10:01:00.000+0000" {
		w.Errorf("the late row must appear before the one already seen: %+v", r)
	}
	w.clock.advance(time.Minute)
	w.org.BumpStamps("Account")
	expect(w, "a bulk bump", w.count("SELECT COUNT() FROM Account WHERE SystemModstamp > 2026-03-01T10:06:30Z"), 3)
	w.clock.advance(-time.Hour)
	w.must("PATCH", "/sobjects/Account/"+id, map[string]any{"Name": "Back"}, nil)
	expect(w, "never back", got()["SystemModstamp"], any("2026-03-01T10:07:00.000+0000"))
}

func autoAssign(w *world) {
	robot := w.org.AddUser(simorg.User{Username: "robot@test.example", LastName: "Robot"})
	w.org.AddAssignmentRule(simorg.AssignmentRule{Object: "Case", Name: "All", Owner: robot})
	owner := func(headers ...string) any {
		_, out := w.do("POST", "/sobjects/Case", map[string]any{"Subject": "S"}, headers...)
		id := string(out[strings.Index(string(out), `500`):][:18])
		return w.query("SELECT OwnerId FROM Case WHERE Id = '" + id + "'").Records[0]["OwnerId"]
	}
	expect(w, "by default", owner(), any(robot))
	if owner("Sforce-Auto-Assign", "FALSE") == robot {
		w.Error("FALSE does not switch the rule off")
	}
}

func draftsAndPrices(w *world) {
	account := w.create("Account", map[string]any{"Name": "A"})
	w.refused("POST", "/sobjects/Order", map[string]any{"AccountId": account, "EffectiveDate": "2026-03-01", "Status": "Activated"}, 400, "FAILED_ACTIVATION")
	order := w.create("Order", map[string]any{"AccountId": account, "EffectiveDate": "2026-03-01", "Status": "Draft"})
	w.refused("PATCH", "/sobjects/Order/"+order, map[string]any{"Status": "Activated", "Description": "both"}, 400, "FAILED_ACTIVATION")
	w.must("PATCH", "/sobjects/Order/"+order, map[string]any{"Status": "Activated"}, nil)
	w.refused("PATCH", "/sobjects/Order/"+order, map[string]any{"Description": "late"}, 400, "FAILED_ACTIVATION")
	w.refused("DELETE", "/sobjects/Order/"+order, nil, 400, "DELETE_FAILED")
	w.refused("DELETE", "/sobjects/Account/"+account, nil, 400, "DELETE_FAILED")
	contract := w.create("Contract", map[string]any{"AccountId": account, "StartDate": "2026-03-01", "ContractTerm": 12})
	got := w.query("SELECT EndDate, StatusCode FROM Contract WHERE Id = '" + contract + "'").Records[0]
	expect(w, "EndDate and StatusCode", fmt.Sprint(got["EndDate"], got["StatusCode"]), "2027-02-28Draft")
	standard := w.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true").Records[0]["Id"].(string)
	other := w.create("Pricebook2", map[string]any{"Name": "Other", "IsActive": true})
	product := w.create("Product2", map[string]any{"Name": "Bike", "IsActive": true})
	entry := map[string]any{"Pricebook2Id": other, "Product2Id": product, "UnitPrice": 10, "IsActive": true}
	w.refused("POST", "/sobjects/PricebookEntry", entry, 400, "STANDARD_PRICE_NOT_DEFINED")
	w.create("PricebookEntry", map[string]any{"Pricebook2Id": standard, "Product2Id": product, "UnitPrice": 12, "IsActive": true})
	w.create("PricebookEntry", entry)
	w.refused("POST", "/sobjects/PricebookEntry", entry, 400, "DUPLICATE_VALUE")
	w.refused("DELETE", "/sobjects/Pricebook2/"+standard, nil, 400, "DELETE_FAILED")
}

func personsAndCurrencies(w *world) {
	person := w.create("Account", map[string]any{"LastName": "Doe", "FirstName": "Jo", "PersonEmail": "jo@doe.example"})
	got := w.query("SELECT Name, IsPersonAccount, PersonContactId FROM Account WHERE Id = '" + person + "'").Records[0]
	expect(w, "Name", got["Name"], any("Jo Doe"))
	half := w.query("SELECT Name, Email, AccountId FROM Contact WHERE Id = '" + got["PersonContactId"].(string) + "'").Records[0]
	expect(w, "the contact half", fmt.Sprint(half["Name"], half["Email"], half["AccountId"]), "Jo Doejo@doe.example"+person)
	w.prefixedFields(person, got["PersonContactId"].(string))
	w.refused("POST", "/sobjects/Contact", map[string]any{"LastName": "X", "AccountId": person}, 400, "INVALID_PERSON_ACCOUNT_OPERATION")
	w.refused("POST", "/sobjects/Account", map[string]any{"Phone": "1"}, 400, "REQUIRED_FIELD_MISSING")
	company := w.create("Account", map[string]any{"Name": "Inc"})
	expect(w, "corporate currency", w.query("SELECT CurrencyIsoCode FROM Account WHERE Id = '" + company + "'").Records[0]["CurrencyIsoCode"], any("EUR"))
	w.refused("POST", "/sobjects/Account", map[string]any{"Name": "Y", "CurrencyIsoCode": "XXX"}, 400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
	expect(w, "currencies", w.count("SELECT COUNT() FROM CurrencyType"), 2)
	without := newWorld(w.T)
	without.refused("GET", "/query?q=SELECT+CurrencyIsoCode+FROM+Account", nil, 400, "INVALID_FIELD")
	without.refused("GET", "/query?q=SELECT+IsPersonAccount+FROM+Account", nil, 400, "INVALID_FIELD")
	without.refused("GET", "/query?q=SELECT+PersonEmail+FROM+Account", nil, 400, "INVALID_FIELD")
	without.refused("GET", "/sobjects/CurrencyType/describe", nil, 404, "NOT_FOUND")
	without.refused("POST", "/sobjects/Account", map[string]any{"LastName": "Doe"}, 400, "INVALID_FIELD")
}

// prefixedFields writes a person's fields on the account and finds them on the
// contact half; whether Name is required the describe then no longer says.
func (w *world) prefixedFields(person, contact string) {
	w.Helper()
	w.applyTo("Contact", `<fields><fullName>Badge__c</fullName><label>Badge</label><length>20</length><type>Text</type></fields>`)
	w.must("PATCH", "/sobjects/Account/"+person, map[string]any{"Badge__pc": "B7", "PersonTitle": "Dr", "PersonBirthdate": "1990-02-03", "PersonDepartment": "Ward", "LastName": "Roe"}, nil)
	half := w.query("SELECT Name, Badge__c, Title, Birthdate, Department, Email, IsPersonAccount FROM Contact WHERE Id = '" + contact + "'").Records[0]
	expect(w, "the contact half", fmt.Sprint(half["Name"], half["Badge__c"], half["Title"], half["Birthdate"], half["Department"], half["Email"], half["IsPersonAccount"]),
		"Jo RoeB7Dr1990-02-03Wardjo@doe.exampletrue")
	w.refused("PATCH", "/sobjects/Account/"+person, map[string]any{"Name": "Not by name"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
	w.refused("PATCH", "/sobjects/Account/"+person, map[string]any{"IsPersonAccount": false}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
	var describe struct {
		Fields []struct {
			Name     string
			Nillable bool
		}
	}
	w.must("GET", "/sobjects/Account/describe", nil, &describe)
	names := map[string]bool{}
	for _, f := range describe.Fields {
		names[f.Name] = f.Nillable
	}
	expect(w, "Name, LastName nillable; Badge__pc described", fmt.Sprint(names["Name"], names["LastName"], names["Badge__pc"]), "true true true")
	w.deploy(map[string]string{"package.xml": "<Package " + metaNS + "/>", "destructiveChanges.xml": "<Package " + metaNS + "><types><members>Contact.Badge__c</members><name>CustomField</name></types></Package>"})
	w.refused("GET", "/query?q=SELECT+Badge__pc+FROM+Account", nil, 400, "INVALID_FIELD")
	w.must("DELETE", "/sobjects/Account/"+person, nil, nil)
	expect(w, "the half goes with the account", w.count("SELECT COUNT() FROM Contact WHERE Id = '"+contact+"'"), 0)
	expect(w, "and comes back", w.undelete(person)[0], true)
	expect(w, "with it", w.count("SELECT COUNT() FROM Contact WHERE Id = '"+contact+"'"), 1)
}

func archivedActivities(w *world) {
	closed := w.create("Task", map[string]any{"Subject": "Closed", "Status": "Completed", "ActivityDate": "2025-06-01"})
	open := w.create("Task", map[string]any{"Subject": "Open", "ActivityDate": "2025-06-01"})
	event := w.create("Event", map[string]any{"Subject": "E", "StartDateTime": "2025-06-01T10:00:00Z", "DurationInMinutes": 30})
	expect(w, "before", w.count("SELECT COUNT() FROM Task"), 2)
	w.clock.advance(120 * 24 * time.Hour)
	w.signIn()
	if r := w.query("SELECT Id FROM Task"); r.TotalSize != 1 || r.Records[0]["Id"] != open {
		w.Errorf("query sees %+v", r)
	}
	expect(w, "events", w.count("SELECT COUNT() FROM Event"), 0)
	r := w.queryAll("SELECT Id, IsArchived, IsDeleted FROM Task WHERE IsArchived = true")
	if r.TotalSize != 1 || r.Records[0]["Id"] != closed || r.Records[0]["IsDeleted"] != false {
		w.Errorf("queryAll sees %+v", r)
	}
	w.must("PATCH", "/sobjects/Event/"+event, map[string]any{"Subject": "still writable"}, nil)
	expect(w, "what was written", w.queryAll("SELECT Subject FROM Event WHERE Id = '" + event + "'").Records[0]["Subject"], any("still writable"))
	w.archivedElsewhere(closed, event)
}

// archivedElsewhere looks for archived activities by every other way to ask.
func (w *world) archivedElsewhere(closed, event string) {
	w.Helper()
	account := w.create("Account", map[string]any{"Name": "A"})
	again := w.create("Task", map[string]any{"Subject": "Again", "Status": "Completed", "ActivityDate": "2025-06-01", "WhatId": account})
	expect(w, "an old one made anew, until the next job", w.count("SELECT COUNT() FROM Task WHERE Id = '"+again+"'"), 1)
	undated := w.create("Task", map[string]any{"Subject": "No date", "Status": "Completed", "WhatId": account})
	later := w.create("Task", map[string]any{"Subject": "To come", "Status": "Completed", "ActivityDate": "2026-12-24", "WhatId": account})
	w.clock.advance(25 * time.Hour)
	w.signIn()
	expect(w, "after it", w.count("SELECT COUNT() FROM Task WHERE Id = '"+again+"'"), 0)
	expect(w, "closed without a date, made yesterday", w.count("SELECT COUNT() FROM Task WHERE Id = '"+undated+"'"), 1)
	w.clock.advance(365 * 24 * time.Hour)
	w.signIn()
	expect(w, "a year after it was made", w.count("SELECT COUNT() FROM Task WHERE Id IN ('"+undated+"','"+later+"')"), 1)
	kids := w.query("SELECT Id, (SELECT Id FROM Tasks) FROM Account WHERE Id = '" + account + "'").Records[0]["Tasks"]
	expect(w, "under their account", fmt.Sprint(kids.(map[string]any)["totalSize"]), "1")
	all := w.queryAll("SELECT Id, (SELECT Id FROM Tasks) FROM Account WHERE Id = '" + account + "'").Records[0]["Tasks"]
	expect(w, "and by queryAll", fmt.Sprint(all.(map[string]any)["totalSize"]), "3")
	expect(w, "counted in groups", len(w.query("SELECT Subject, COUNT(Id) FROM Task GROUP BY Subject").Records), 2)
	for operation, want := range map[string]int{"query": 2, "queryAll": 5} {
		page, _ := w.page("/jobs/query/" + w.queryJob(operation, "SELECT Id FROM Task") + "/results")
		expect(w, "in bulk by "+operation, len(page)-1, want)
	}
	w.must("DELETE", "/sobjects/Task/"+closed, nil, nil)
	expect(w, "deleted all the same", w.queryAll("SELECT IsDeleted FROM Task WHERE Id = '" + closed + "'").Records[0]["IsDeleted"], any(true))
	expect(w, "the event is still only archived", w.queryAll("SELECT IsDeleted FROM Event WHERE Id = '" + event + "'").Records[0]["IsDeleted"], any(false))
}

func rowLocks(w *world) {
	account := w.create("Account", map[string]any{"Name": "Shared"})
	w.org.HoldRowLock(account, 1)
	w.refused("POST", "/sobjects/Contact", map[string]any{"LastName": "L", "AccountId": account}, 400, "UNABLE_TO_LOCK_ROW")
	w.create("Contact", map[string]any{"LastName": "L", "AccountId": account})
	csv := "LastName,AccountId\nA," + account + "\nB," + account + "\n"
	first := w.startIngest("Contact", "insert", csv)
	second := w.ingest("Contact", "insert", csv)
	_, failed := w.do("GET", "/jobs/ingest/"+second+"/failedResults", nil)
	expect(w, "rows locked out", strings.Count(string(failed), "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: "+account+":--"), 2)
	w.await("/jobs/ingest/" + first)
	third := w.ingest("Contact", "insert", csv)
	_, failed = w.do("GET", "/jobs/ingest/"+third+"/failedResults", nil)
	expect(w, "once the others are done", strings.Count(string(failed), "UNABLE_TO_LOCK_ROW"), 0)
}

var errBroken = errors.New("System.NullPointerException: Attempt to de-reference a null object")
