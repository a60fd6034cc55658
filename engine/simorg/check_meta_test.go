package simorg_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

const metaNS = `xmlns="http://soap.sforce.com/2006/04/metadata"`

// metadata sends a Metadata API call and returns its answer.
func (w *world) metadata(body string) string {
	w.Helper()
	envelope := `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:met="http://soap.sforce.com/2006/04/metadata"><soapenv:Header><met:SessionHeader><met:sessionId>` +
		w.token + `</met:sessionId></met:SessionHeader></soapenv:Header><soapenv:Body>` + body + `</soapenv:Body></soapenv:Envelope>`
	_, out := w.do("POST", "/services/Soap/m/66.0", envelope, "Content-Type", "text/xml", "SOAPAction", `""`)
	return string(out)
}

// deploy deploys files and returns the last status.
func (w *world) deploy(files map[string]string) string {
	w.Helper()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, text := range files {
		f, _ := z.Create(name)
		_, _ = f.Write([]byte(text))
	}
	_ = z.Close()
	out := w.metadata("<met:deploy><met:ZipFile>" + base64.StdEncoding.EncodeToString(archive.Bytes()) +
		"</met:ZipFile><met:DeployOptions><met:singlePackage>true</met:singlePackage><met:rollbackOnError>true</met:rollbackOnError></met:DeployOptions></met:deploy>")
	id := between(out, "<id>", "</id>")
	for range 10 {
		out = w.metadata("<met:checkDeployStatus><met:asyncProcessId>" + id + "</met:asyncProcessId><met:includeDetails>true</met:includeDetails></met:checkDeployStatus>")
		if strings.Contains(out, "<done>true</done>") {
			return out
		}
	}
	w.Fatalf("the deploy is never done: %s", out)
	return ""
}

func between(s, from, to string) string {
	_, rest, _ := strings.Cut(s, from)
	found, _, _ := strings.Cut(rest, to)
	return found
}

// applyField deploys parts of Account.
func (w *world) applyField(parts string) {
	w.Helper()
	w.applyTo("Account", parts)
}

func (w *world) applyTo(object, parts string) {
	w.Helper()
	out := w.deploy(map[string]string{"package.xml": "<Package " + metaNS + "/>", "objects/" + object + ".object": "<CustomObject " + metaNS + ">" + parts + "</CustomObject>"})
	if !strings.Contains(out, "<status>Succeeded</status>") {
		w.Fatalf("deploy: %s", out)
	}
}

func rulesAndSwitches(w *world) {
	w.applyField(`<fields><fullName>Level__c</fullName><label>Level</label><type>Picklist</type><valueSet><restricted>true</restricted><valueSetDefinition><value><fullName>Gold</fullName><default>false</default><label>Gold</label></value></valueSetDefinition></valueSet></fields>` +
		`<fields><fullName>Key__c</fullName><label>Key</label><length>10</length><type>Text</type><unique>true</unique></fields>` +
		`<fields><fullName>Partner__c</fullName><label>Partner</label><type>Lookup</type><referenceTo>Account</referenceTo><relationshipName>Partners</relationshipName><lookupFilter><active>true</active><filterItems><field>Account.Type</field><operation>equals</operation><value>Channel Partner</value></filterItems><isOptional>false</isOptional></lookupFilter></fields>` +
		`<validationRules><fullName>Need_Phone</fullName><active>true</active><errorConditionFormula>AND(ISCHANGED(Rating), ISPICKVAL(Rating, "Hot"), ISBLANK(Phone))</errorConditionFormula><errorDisplayField>Phone</errorDisplayField><errorMessage>Phone please</errorMessage></validationRules>`)
	w.org.AddDuplicateRule(simorg.DuplicateRule{Object: "Account", Name: "Same_Site", Match: []string{"Website", "Name"}})
	w.org.AddDuplicateRule(simorg.DuplicateRule{Object: "Account", Name: "Same_Number", Match: []string{"AccountNumber"}, Block: true})
	w.org.AddTrigger(simorg.Trigger{Name: "Guard", Object: "Account", Events: []simorg.Event{simorg.BeforeInsert, simorg.BeforeUpdate}, Run: func(r *simorg.TriggerRow) error {
		switch r.Get("Site") {
		case "broken":
			return errBroken
		case "refused":
			return simorg.ValidationError("not here")
		}
		return nil
	}})
	post := func(fields map[string]any, code string) {
		w.Helper()
		fields["Name"] = "N"
		w.refused("POST", "/sobjects/Account", fields, 400, code)
	}
	w.refused("POST", "/sobjects/Account", map[string]any{}, 400, "REQUIRED_FIELD_MISSING")
	post(map[string]any{"Level__c": "Tin"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
	post(map[string]any{"Key__c": "12345678901"}, "STRING_TOO_LONG")
	post(map[string]any{"Site": "broken"}, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
	post(map[string]any{"Site": "refused"}, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
	id := w.create("Account", map[string]any{"Name": "N", "Website": "w", "AccountNumber": "1", "Key__c": "k"})
	post(map[string]any{"Key__c": "k"}, "DUPLICATE_VALUE")
	post(map[string]any{"Website": "w"}, "DUPLICATES_DETECTED")
	post(map[string]any{"AccountNumber": "1"}, "DUPLICATES_DETECTED")
	post(map[string]any{"Partner__c": id}, "FIELD_FILTER_VALIDATION_EXCEPTION")
	status, _ := w.do("POST", "/sobjects/Account", map[string]any{"Name": "N", "Website": "w"}, "Sforce-Duplicate-Rule-Header", "allowSave=true")
	expect(w, "the alert rule lets it pass", status, 201)
	status, _ = w.do("POST", "/sobjects/Account", map[string]any{"Name": "N", "AccountNumber": "1"}, "Sforce-Duplicate-Rule-Header", "allowSave=true")
	expect(w, "the blocking rule does not", status, 400)
	w.refused("PATCH", "/sobjects/Account/"+id, map[string]any{"Rating": "Hot"}, 400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
	w.switchesOff(id)
}

// switchesOff turns each rule off by its own way and finds it off.
func (w *world) switchesOff(id string) {
	w.Helper()
	rule := w.tooling("SELECT Id FROM ValidationRule WHERE ValidationName = 'Need_Phone'").Records[0]["Id"].(string)
	var row map[string]any
	w.must("GET", "/tooling/sobjects/ValidationRule/"+rule, nil, &row)
	meta := row["Metadata"].(map[string]any)
	meta["active"] = false
	w.must("PATCH", "/tooling/sobjects/ValidationRule/"+rule, map[string]any{"FullName": row["FullName"], "Metadata": meta}, nil)
	w.must("PATCH", "/sobjects/Account/"+id, map[string]any{"Rating": "Hot"}, nil)
	off := w.deploy(map[string]string{
		"package.xml":            "<Package " + metaNS + "/>",
		"triggers/Guard.trigger": "trigger Guard on Account (before insert) {}", "triggers/Guard.trigger-meta.xml": "<ApexTrigger " + metaNS + "><apiVersion>66.0</apiVersion><status>Inactive</status></ApexTrigger>",
		"duplicateRules/Account.Same_Number.duplicateRule": "<DuplicateRule " + metaNS + "><isActive>false</isActive></DuplicateRule>",
	})
	if !strings.Contains(off, "<status>Succeeded</status>") {
		w.Fatal(off)
	}
	w.create("Account", map[string]any{"Name": "N", "AccountNumber": "1", "Site": "broken"})
	w.org.AddTrigger(simorg.Trigger{
		Kind: simorg.FlowKind, Name: "Stamp", Object: "Contact", Events: []simorg.Event{simorg.BeforeInsert},
		Run: func(r *simorg.TriggerRow) error { r.Set("Department", "Flow"); return nil },
	})
	contact := w.create("Contact", map[string]any{"LastName": "X"})
	view := w.query("SELECT DurableId, ActiveVersionId, TriggerObjectOrEvent.QualifiedApiName, (SELECT VersionNumber, Status FROM Versions) FROM FlowDefinitionView WHERE TriggerObjectOrEvent.QualifiedApiName IN ('Contact')").Records[0]
	w.must("PATCH", "/tooling/sobjects/FlowDefinition/"+view["DurableId"].(string), map[string]any{"Metadata": map[string]any{"activeVersionNumber": 0}}, nil)
	other := w.create("Contact", map[string]any{"LastName": "Y"})
	got := w.query("SELECT Department FROM Contact WHERE Id IN ('" + contact + "','" + other + "') ORDER BY Id")
	expect(w, "the flow on, then off", fmt.Sprint(got.Records[0]["Department"], got.Records[1]["Department"]), "Flow<nil>")
}

func (w *world) tooling(soql string) rows {
	w.Helper()
	var got rows
	w.must("GET", "/tooling/query?q="+url.QueryEscape(soql), nil, &got)
	return got
}

func filesRules(w *world) {
	account := w.create("Account", map[string]any{"Name": "A"})
	body := base64.StdEncoding.EncodeToString([]byte("hello"))
	version := w.create("ContentVersion", map[string]any{"PathOnClient": "a/hello.txt", "VersionData": body, "FirstPublishLocationId": account})
	got := w.query("SELECT Title, ContentDocumentId, ContentSize, Checksum, FileType, VersionNumber, VersionData FROM ContentVersion WHERE Id = '" + version + "'").Records[0]
	expect(w, "derived", fmt.Sprint(got["Title"], got["ContentSize"], got["Checksum"], got["FileType"], got["VersionNumber"]), "hello55d41402abc4b2a76b9719d911017c592TEXT1")
	document := got["ContentDocumentId"].(string)
	expect(w, "the document", w.count("SELECT COUNT() FROM ContentDocument WHERE Id = '"+document+"'"), 1)
	links := w.query("SELECT LinkedEntityId, ShareType FROM ContentDocumentLink WHERE ContentDocumentId = '" + document + "' ORDER BY Id")
	if links.TotalSize != 2 || !strings.HasPrefix(links.Records[0]["LinkedEntityId"].(string), "005") || links.Records[1]["LinkedEntityId"] != account {
		w.Errorf("links: %+v", links)
	}
	w.refused("POST", "/sobjects/ContentDocumentLink", map[string]any{"ContentDocumentId": document, "LinkedEntityId": account, "ShareType": "V"}, 400, "DUPLICATE_VALUE")
	w.refused("POST", "/sobjects/ContentDocument", map[string]any{"Title": "no"}, 400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
	w.refused("DELETE", "/sobjects/ContentVersion/"+version, nil, 400, "INVALID_TYPE_FOR_OPERATION")
	_, bytes := w.do("GET", got["VersionData"].(string), nil)
	expect(w, "the bytes", string(bytes), "hello")
	second := w.create("ContentVersion", map[string]any{"PathOnClient": "hello.txt", "VersionData": body, "ContentDocumentId": document})
	latest := w.query("SELECT Id, VersionNumber FROM ContentVersion WHERE IsLatest = true").Records[0]
	expect(w, "latest", fmt.Sprint(latest["Id"], latest["VersionNumber"]), second+"2")
	w.refused("PATCH", "/sobjects/ContentVersion/"+version, map[string]any{"Title": "old"}, 400, "FIELD_INTEGRITY_EXCEPTION")
	expect(w, "unfiltered with Query All Files", w.count("SELECT COUNT() FROM ContentDocumentLink"), 2)
	other := w.as("nofiles@test.example")
	other.refused("GET", "/query?q=SELECT+Id+FROM+ContentDocumentLink", nil, 400, "MALFORMED_QUERY")
	w.create("ContentVersion", map[string]any{"PathOnClient": "private.txt", "VersionData": body})
	expect(w, "files with Query All Files", w.count("SELECT COUNT() FROM ContentDocument"), 2)
	expect(w, "without: only that of a record one sees", other.count("SELECT COUNT() FROM ContentDocument"), 1)
	w.must("DELETE", "/sobjects/ContentDocument/"+document, nil, nil)
	expect(w, "versions after the document's delete", w.count("SELECT COUNT() FROM ContentVersion"), 1)
}

func metadataRules(w *world) {
	for _, folder := range []string{"reports/Sales/Daily.report", "reports/Sales/Weekly.report", "classes/A.cls"} {
		w.deploy(map[string]string{"package.xml": "<Package " + metaNS + "/>", folder: "<Report " + metaNS + "/>"})
	}
	list := w.metadata("<met:listMetadata><met:queries><met:type>Report</met:type><met:folder>Sales</met:folder></met:queries></met:listMetadata>")
	expect(w, "reports of the folder", strings.Count(list, "<fullName>Sales/"), 2)
	if four := w.metadata("<met:listMetadata>" + strings.Repeat("<met:queries><met:type>Flow</met:type></met:queries>", 4) + "</met:listMetadata>"); !strings.Contains(four, "Fault") {
		w.Errorf("four queries: %s", four)
	}
	ask := "<met:retrieve><met:retrieveRequest><met:apiVersion>66.0</met:apiVersion><met:singlePackage>true</met:singlePackage><met:unpackaged><met:types><met:members>*</met:members><met:name>ApexClass</met:name></met:types>" +
		"<met:types><met:members>Nonesuch__c</met:members><met:name>CustomObject</met:name></met:types></met:unpackaged></met:retrieveRequest></met:retrieve>"
	id := between(w.metadata(ask), "<id>", "</id>")
	check := func(zip string) string {
		return w.metadata("<met:checkRetrieveStatus><met:asyncProcessId>" + id + "</met:asyncProcessId><met:includeZip>" + zip + "</met:includeZip></met:checkRetrieveStatus>")
	}
	for i := 0; i < 10 && !strings.Contains(check("false"), "<done>true</done>"); i++ {
	}
	done := check("true")
	if !strings.Contains(done, "<zipFile>") || !strings.Contains(done, "classes/A.cls") || !strings.Contains(done, "Nonesuch__c&apos; cannot be found") {
		w.Errorf("retrieve: %.400s", done)
	}
	if again := check("true"); !strings.Contains(again, "Fault") {
		w.Error("the zip was given twice")
	}
	many := map[string]string{"package.xml": "<Package " + metaNS + "/>"}
	for i := range 10_001 {
		many[fmt.Sprintf("classes/C%d.cls", i)] = ""
	}
	if out := w.deploy(many); !strings.Contains(out, "too many files") {
		w.Errorf("10,001 files: %.300s", out)
	}
}

func visibility(w *world) {
	mine := w.create("Account", map[string]any{"Name": "Admin's", "Phone": "1"})
	poor := w.as("poor@test.example")
	var global struct{ SObjects []struct{ Name string } }
	poor.must("GET", "/sobjects", nil, &global)
	for _, o := range global.SObjects {
		if o.Name == "Lead" || o.Name == "LeadHistory" {
			w.Errorf("%s is listed", o.Name)
		}
	}
	poor.refused("GET", "/sobjects/Lead/describe", nil, 404, "NOT_FOUND")
	poor.refused("GET", "/query?q=SELECT+Id+FROM+Lead", nil, 400, "INVALID_TYPE")
	poor.refused("GET", "/query?q=SELECT+Phone+FROM+Account", nil, 400, "INVALID_FIELD")
	_, describe := poor.do("GET", "/sobjects/Account/describe", nil)
	if regexp.MustCompile(`"name":"Phone"`).Match(describe) {
		w.Error("the hidden field is described")
	}
	expect(w, "records of others", poor.count("SELECT COUNT() FROM Account"), 0)
	poor.refused("GET", "/sobjects/Account/"+mine, nil, 404, "NOT_FOUND")
	own := poor.create("Account", map[string]any{"Name": "Mine"})
	poor.refused("PATCH", "/sobjects/Account/"+own, map[string]any{"Phone": "2"}, 400, "INVALID_FIELD")
	poor.refused("PATCH", "/sobjects/Account/"+own, map[string]any{"Fax": "2"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
	poor.refused("GET", "/limits", nil, 403, "INSUFFICIENT_ACCESS")
	user := w.query("SELECT Id FROM User WHERE Username = 'poor@test.example'").Records[0]["Id"].(string)
	access := w.query("SELECT RecordId, HasReadAccess, HasEditAccess FROM UserRecordAccess WHERE UserId = '" + user + "' AND RecordId IN ('" + mine + "','" + own + "')")
	if access.Records[0]["HasReadAccess"] != false || access.Records[1]["HasEditAccess"] != true {
		w.Errorf("access: %+v", access.Records)
	}
	fields := w.query("SELECT DurableId, IsAccessible, IsUpdatable FROM UserFieldAccess WHERE UserId = '" + user + "' AND EntityDefinitionId = 'Account'")
	for _, f := range fields.Records {
		switch strings.Split(f["DurableId"].(string), ".")[1] {
		case "Phone":
			expect(w, "Phone accessible", f["IsAccessible"], any(false))
		case "Fax":
			expect(w, "Fax", fmt.Sprint(f["IsAccessible"], f["IsUpdatable"]), "true false")
		}
	}
}

func schemaDrift(w *world) {
	id := w.create("Account", map[string]any{"Name": "Drift"})
	field := func(typ, more string) {
		w.applyField("<fields><fullName>Size__c</fullName><label>Size</label><type>" + typ + "</type>" + more + "</fields>")
	}
	value := func() any {
		return w.query("SELECT Size__c FROM Account WHERE Id = '" + id + "'").Records[0]["Size__c"]
	}
	field("Text", "<length>20</length>")
	expect(w, "added: what is there has no value", value(), nil)
	w.must("PATCH", "/sobjects/Account/"+id, map[string]any{"Size__c": "12.5"}, nil)
	other := w.create("Account", map[string]any{"Name": "Words", "Size__c": "many"})
	stamp := w.stamp(id)
	w.clock.advance(time.Hour)
	field("Number", "<precision>10</precision><scale>1</scale>")
	expect(w, "converted", value(), any(12.5))
	expect(w, "the stamp of a converted row", w.stamp(id), stamp)
	status, _ := w.do("GET", "/sobjects/Account/describe", nil, "If-Modified-Since", w.clock.now().Add(-time.Minute).UTC().Format(http.TimeFormat))
	expect(w, "the describe is new", status, 200)
	expect(w, "what does not convert", w.query("SELECT Size__c FROM Account WHERE Id = '" + other + "'").Records[0]["Size__c"], nil)
	_, d := w.do("GET", "/sobjects/Account/describe", nil)
	var describe struct{ Fields []struct{ Name, Type string } }
	_ = json.Unmarshal(d, &describe)
	last := describe.Fields[len(describe.Fields)-1]
	expect(w, "described", last.Name+" "+last.Type, "Size__c double")
	out := w.deploy(map[string]string{"package.xml": "<Package " + metaNS + "/>", "destructiveChanges.xml": "<Package " + metaNS + "><types><members>Account.Size__c</members><name>CustomField</name></types></Package>"})
	if !strings.Contains(out, "Succeeded") {
		w.Fatal(out)
	}
	w.refused("GET", "/query?q=SELECT+Size__c+FROM+Account", nil, 400, "INVALID_FIELD")
	expect(w, "the stamp when a field is gone", w.stamp(id), stamp)
	w.renamesValue(id)
	field("Text", "<length>20</length>")
	expect(w, "a field of the same name is another one", value(), nil)
	w.applyTo("Ship__c", "<label>Ship</label><pluralLabel>Ships</pluralLabel><nameField><label>Name</label><type>Text</type></nameField><sharingModel>ReadWrite</sharingModel><deploymentStatus>Deployed</deploymentStatus>")
	ship := w.create("Ship__c", map[string]any{"Name": "S"})
	expect(w, "prefix", ship[:1], "a")
	w.deploy(map[string]string{"package.xml": "<Package " + metaNS + "/>", "destructiveChanges.xml": "<Package " + metaNS + "><types><members>Ship__c</members><name>CustomObject</name></types></Package>"})
	w.refused("GET", "/query?q=SELECT+Id+FROM+Ship__c", nil, 400, "INVALID_TYPE")
	w.refused("GET", "/sobjects/Ship__c/describe", nil, 404, "NOT_FOUND")
	w.refused("GET", "/sobjects/Ship__c/"+ship, nil, 404, "NOT_FOUND")
	_, d = w.do("GET", "/sobjects", nil)
	expect(w, "listed", strings.Contains(string(d), "Ship__c"), false)
}

func (w *world) stamp(account string) any {
	w.Helper()
	return w.query("SELECT SystemModstamp FROM Account WHERE Id = '" + account + "'").Records[0]["SystemModstamp"]
}

// renamesValue renames a picklist value: records follow and nothing tells of it.
func (w *world) renamesValue(id string) {
	w.Helper()
	w.applyField(`<fields><fullName>Tier__c</fullName><label>Tier</label><type>Picklist</type><valueSet><restricted>true</restricted><valueSetDefinition><value><fullName>Gold</fullName><default>false</default><label>Gold</label></value><value><fullName>Tin</fullName><default>false</default><label>Tin</label></value></valueSetDefinition></valueSet></fields>`)
	w.must("PATCH", "/sobjects/Account/"+id, map[string]any{"Tier__c": "Gold"}, nil)
	tin := w.create("Account", map[string]any{"Name": "Tin", "Tier__c": "Tin"})
	stamp := w.stamp(id)
	w.clock.advance(time.Minute)
	if err := w.org.RenamePicklistValue("Account", "Tier__c", "Gold", "Platinum"); err != nil {
		w.Fatal(err)
	}
	expect(w, "the rows after the rename", fmt.Sprint(w.query("SELECT Id FROM Account WHERE Tier__c = 'Platinum'").Records[0]["Id"],
		w.query("SELECT Id FROM Account WHERE Tier__c = 'Tin'").Records[0]["Id"]), fmt.Sprint(id, tin))
	expect(w, "the old value", w.count("SELECT COUNT() FROM Account WHERE Tier__c = 'Gold'"), 0)
	expect(w, "the stamp of a renamed value", w.stamp(id), stamp)
	w.refused("PATCH", "/sobjects/Account/"+tin, map[string]any{"Tier__c": "Gold"}, 400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
	w.must("PATCH", "/sobjects/Account/"+tin, map[string]any{"Tier__c": "Platinum"}, nil)
	if err := w.org.RenamePicklistValue("Account", "Tier__c", "Gold", "Lead"); err == nil {
		w.Error("a value that is not there was renamed")
	}
}
