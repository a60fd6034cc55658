package simorg_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// async sends a request of Bulk API 1.0 under a content type.
func (w *world) async(method, path, contentType, body string) (int, string) {
	w.Helper()
	status, out := w.do(method, "/services/async/66.0/job"+path, body, "Content-Type", contentType, "X-SFDC-Session", w.token, "Authorization", "")
	return status, string(out)
}

// asyncBatch opens a job with one batch, closes it and waits for the batch.
func (w *world) asyncBatch(operation, object, contentType, body string) (path string) {
	w.Helper()
	mime := map[string]string{"CSV": "text/csv", "JSON": "application/json", "XML": "application/xml"}[contentType]
	status, out := w.async("POST", "", "application/xml", `<jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload"><operation>`+operation+"</operation><object>"+object+
		"</object><externalIdFieldName>Id</externalIdFieldName><contentType>"+contentType+"</contentType></jobInfo>")
	job := between(out, "<id>", "<")
	if status != 201 || between(out, "<state>", "<") != "Open" {
		w.Fatalf("%d %s", status, out)
	}
	status, out = w.async("POST", "/"+job+"/batch", mime, body)
	id := regexp.MustCompile(`751\w{15}`).FindString(out)
	if status != 201 || id == "" {
		w.Fatalf("%d %s", status, out)
	}
	_, out = w.async("POST", "/"+job, "application/json", `{"state":"Closed"}`)
	if !strings.Contains(out, `"state":"Closed"`) {
		w.Fatal(out)
	}
	for range 10 {
		if _, out = w.async("GET", "/"+job, "application/xml", ""); strings.Contains(out, "<numberBatchesInProgress>0<") {
			return "/" + job + "/batch/" + id
		}
	}
	w.Fatalf("the batch is never over: %s", out)
	return ""
}

// TestAsyncAPI: Bulk API 1.0 (§6.5): a result per row in the rows' order, in the
// form of the batch; a query's rows by result, moments in
// JSON as milliseconds (recorded by simple-salesforce, issue 290).
func TestAsyncAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, row := range []struct{ form, body, want string }{
		{"CSV", "LastName,Company\nA,csv\n,csv\nB,csv\n", `^"Id","Success","Created","Error"\n"00Q\w{15}","true","true",""\n"","false","false","REQUIRED_FIELD_MISSING:.*:LastName --"\n"00Q\w{15}","true","true",""\n$`},
		{"JSON", `[{"LastName":"A","Company":"json"},{"Company":"json"}]`, `^\[\{"created":true,"errors":\[\],"id":"00Q\w{15}","success":true\},\{"created":false,"errors":\[\{.*"statusCode":"REQUIRED_FIELD_MISSING"\}\],"id":null,"success":false\}\]$`},
		{
			"XML", `<sObjects xmlns="http://www.force.com/2009/06/asyncapi/dataload"><sObject><LastName>A</LastName><Company>xml</Company></sObject><sObject><Company>xml</Company></sObject></sObjects>`,
			`<results [^>]*><result><id>00Q\w{15}</id><success>true</success><created>true</created></result><result><errors>.*<statusCode>REQUIRED_FIELD_MISSING</statusCode></errors>`,
		},
	} {
		_, out := w.async("GET", w.asyncBatch("insert", "Lead", row.form, row.body)+"/result", "application/json", "")
		if !regexp.MustCompile(row.want).MatchString(out) {
			t.Errorf("%s: %s", row.form, out)
		}
	}
	expect(w, "inserted", w.count("SELECT COUNT() FROM Lead"), 4)
	lead := w.query("SELECT Id FROM Lead WHERE Company = 'xml'").Records[0]["Id"].(string)
	for _, operation := range []string{"update", "upsert", "delete"} {
		w.asyncBatch(operation, "Lead", "CSV", map[bool]string{true: "Id\n" + lead, false: "Id,Phone\n" + lead + "," + operation}[operation == "delete"])
		expect(w, operation, w.count("SELECT COUNT() FROM Lead WHERE Phone = '"+operation+"'"), map[string]int{"update": 1, "upsert": 1}[operation])
	}
	const soql = "SELECT LastName, CreatedDate, Owner.LastName FROM Lead WHERE Company = 'json'"
	for form, want := range map[string]string{
		"CSV":  `^"LastName","CreatedDate","Owner.LastName"\n"A","20[-\d]+T[:\d]+\.000Z","Admin"\n$`,
		"JSON": `^\[\{"attributes":\{"type":"Lead".*"LastName":"A","CreatedDate":\d{13},"Owner":\{.*"LastName":"Admin"\}\}\]$`,
		"XML":  `<records xsi:type="sObject"><type>Lead</type><LastName>A</LastName><CreatedDate>20[-\d]+T[:\d]+\.000Z</CreatedDate><Owner xsi:type="sObject"><type>User</type>`,
	} {
		path := w.asyncBatch("query", "Lead", form, soql)
		_, list := w.async("GET", path+"/result", "application/json", "")
		_, out := w.async("GET", path+"/result/"+regexp.MustCompile(`752\w{15}`).FindString(list), "application/json", "")
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: %s\n%s", form, list, out)
		}
	}
}

// TestAsyncRefusals: Bulk API 1.0 has its own words for what it refuses, and a
// batch that cannot be read fails alone.
func TestAsyncRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for body, want := range map[string]string{
		`{"operation":"insert","object":"Nope"}`:                         "InvalidEntity",
		`{"operation":"drop","object":"Lead"}`:                           "InvalidJob",
		`{"operation":"upsert","object":"Lead"}`:                         "InvalidJob",
		`{"operation":"insert","object":"Lead","contentType":"ZIP_CSV"}`: "InvalidJob",
		`{"operation":`: "InvalidJob",
	} {
		if status, out := w.async("POST", "", "application/json", body); status != 400 || !strings.Contains(out, `"exceptionCode":"`+want+`"`) {
			t.Errorf("%s: %d %s", body, status, out)
		}
	}
	for body, want := range map[string]string{"Nope\nx\n": "InvalidBatch : Field name not found : Nope", "LastName,Company\nx\n": "InvalidBatch"} {
		path := w.asyncBatch("insert", "Lead", "CSV", body)
		if _, out := w.async("GET", path, "application/xml", ""); between(out, "<state>", "<") != "Failed" || !strings.Contains(between(out, "<stateMessage>", "</"), want) {
			t.Error(out)
		}
	}
	path := w.asyncBatch("query", "Lead", "CSV", "SELECT Nope FROM Lead")
	if _, out := w.async("GET", path, "application/xml", ""); !strings.Contains(out, "INVALID_FIELD") {
		t.Error(out)
	}
	status, out := w.async("POST", path[:strings.LastIndex(path, "/")], "text/csv", "SELECT Id FROM Lead")
	expect(w, "a batch for a closed job", fmt.Sprint(status, between(out, "<exceptionCode>", "<")), "400InvalidJobState")
	w.token = "none"
	if status, out := w.async("GET", "/750000000000000AAA", "application/xml", ""); status != 400 || !strings.Contains(out, "<exceptionCode>InvalidSessionId</exceptionCode>") {
		t.Errorf("%d %s", status, out)
	}
}
