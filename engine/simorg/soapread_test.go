package simorg_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// enterprise sends a call of the enterprise API and returns the answer.
func (w *world) enterprise(body string) string {
	w.Helper()
	_, out := w.do("POST", "/services/Soap/c/66.0", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:enterprise.soap.sforce.com"><e:Header><SessionHeader><sessionId>`+
		w.token+`</sessionId></SessionHeader></e:Header><e:Body>`+body+`</e:Body></e:Envelope>`, "Content-Type", "text/xml")
	return string(out)
}

// TestSoapQuery: a record of the partner API has its type and its Id before
// its fields, of the enterprise API its xsi:type; parents and sub-selects nest.
func TestSoapQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account := w.create("Account", map[string]any{"Name": "A & <B>"})
	w.create("Contact", map[string]any{"LastName": "Kid", "AccountId": account})
	bare := w.create("Account", map[string]any{"Name": "Bare"})
	const soql = "<queryString>SELECT Name, Phone, NumberOfEmployees, Owner.LastName, (SELECT LastName FROM Contacts) FROM Account WHERE Name LIKE 'A%'</queryString>"
	const kids = `<done>true</done><queryLocator xsi:nil="true"/><records xsi:type="sf:%s">%s<sf:LastName>Kid</sf:LastName></records><size>1</size></sf:Contacts></records><size>1</size></result>`
	const nilID = `<sf:Id xsi:nil="true"/>`
	fields := `<sf:Name>A &amp; &lt;B&gt;</sf:Name><sf:Phone xsi:nil="true"/><sf:NumberOfEmployees xsi:nil="true"/>`
	head := `<result xsi:type="QueryResult"><done>true</done><queryLocator xsi:nil="true"/><records xsi:type="sf:%s">%s`
	owner := `<sf:Owner xsi:type="sf:%s">%s<sf:LastName>Admin</sf:LastName></sf:Owner><sf:Contacts xsi:type="QueryResult">`
	partner := func(typ string) string { return "<sf:type>" + typ + "</sf:type>" + nilID }
	want := fmt.Sprintf(head, "sObject", partner("Account")) + fields + fmt.Sprintf(owner, "sObject", partner("User")) + fmt.Sprintf(kids, "sObject", partner("Contact"))
	last := w.query("SELECT Owner.LastName FROM Account LIMIT 1").Records[0]["Owner"].(map[string]any)["LastName"].(string)
	want = strings.Replace(want, "<sf:LastName>Admin<", "<sf:LastName>"+last+"<", 1)
	if out := w.soap("<query>" + soql + "</query>"); !strings.Contains(out, want) || !strings.Contains(out, `xmlns:sf="urn:sobject.partner.soap.sforce.com"`) {
		t.Errorf("partner:\n%s\nwant\n%s", out, want)
	}
	if out := w.enterprise("<query>" + soql + "</query>"); !strings.Contains(out, fmt.Sprintf(head, "Account", "")+fields+`<sf:Owner xsi:type="sf:User">`) {
		t.Errorf("enterprise: %s", out)
	}
	out := w.soap("<retrieve><fieldList>Id, Name</fieldList><sObjectType>Account</sObjectType><ids>" + bare + "</ids><ids>001000000000000AAA</ids></retrieve>")
	if !strings.Contains(out, `<sf:Id>`+bare+`</sf:Id><sf:Id>`+bare+`</sf:Id><sf:Name>Bare</sf:Name></result><result xsi:nil="true"/>`) {
		t.Error(out)
	}
	w.must("DELETE", "/sobjects/Account/"+bare, nil, nil)
	const named = "<queryString>SELECT Name FROM Account WHERE Name = 'Bare'</queryString>"
	expect(w, "query", between(w.soap("<query>"+named+"</query>"), "<size>", "<"), "0")
	expect(w, "queryAll", between(w.soap("<queryAll>"+named+"</queryAll>"), "<size>", "<"), "1")
	if out := w.soap("<query><queryString>SELECT Nope FROM Account</queryString></query>"); !strings.Contains(out, "<faultcode>sf:INVALID_FIELD</faultcode>") || w.last.StatusCode != 500 {
		t.Error(out)
	}
}

// TestSoapQueryMore: QueryOptions sets the page, a locator leads to the next.
func TestSoapQueryMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	records := make([]map[string]any, 200)
	for i := range records {
		records[i] = map[string]any{"attributes": map[string]string{"type": "Lead"}, "LastName": fmt.Sprint("L", i), "Company": "C"}
	}
	for range 2 {
		w.must("POST", "/composite/sobjects", map[string]any{"records": records}, nil)
	}
	out := w.soapWith("<QueryOptions><batchSize>300</batchSize></QueryOptions>", "<query><queryString>SELECT Id FROM Lead</queryString></query>")
	expect(w, "first", fmt.Sprintln(strings.Count(out, "<records"), between(out, "<done>", "<"), between(out, "<size>", "<")), "300 false 400\n")
	out = w.soap("<queryMore><queryLocator>" + between(out, "<queryLocator>", "<") + "</queryLocator></queryMore>")
	expect(w, "second", fmt.Sprintln(strings.Count(out, "<records"), between(out, "<done>", "<")), "100 true\n")
	if out = w.soap("<queryMore><queryLocator>01g000000000000AAA-2</queryLocator></queryMore>"); !strings.Contains(out, "INVALID_QUERY_LOCATOR") {
		t.Error(out)
	}
}

// TestSoapUpsertAndFiles: UpsertResult tells whether a row was created; base64
// goes both ways inline, as REST does not give it (§2.6).
func TestSoapUpsertAndFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.applyField(`<fields><fullName>Code__c</fullName><label>Code</label><length>10</length><type>Text</type><unique>true</unique><externalId>true</externalId></fields>`)
	upsert := func(field string) string {
		return w.soap("<upsert><externalIDFieldName>" + field + "</externalIDFieldName><sObjects><type>Account</type><Name>Up</Name><Code__c>k1</Code__c></sObjects></upsert>")
	}
	out := upsert("Code__c")
	expect(w, "first", between(out, "<result>", "<id>"), "<created>true</created>")
	account := between(out, "<id>", "<")
	expect(w, "again", between(upsert("Code__c"), "<result>", "</result>"), "<created>false</created><id>"+account+"</id><success>true</success>")
	if out := upsert("Phone"); !strings.Contains(out, "<statusCode>INVALID_FIELD</statusCode>") {
		t.Error(out)
	}
	body := base64.StdEncoding.EncodeToString([]byte("hello\x00there"))
	out = w.soap("<create><sObjects><type>Attachment</type><ParentId>" + account + "</ParentId><Name>a.bin</Name><Body>" + body + "</Body></sObjects></create>")
	expect(w, "attached", between(out, "<success>", "<"), "true")
	out = w.soap("<query><queryString>SELECT Body FROM Attachment</queryString></query>")
	expect(w, "body", between(out, "<sf:Body>", "<"), body)
}

// TestSoapDescribeAndReplication: describes and replication tell what REST
// tells; moments end with Z.
func TestSoapDescribeAndReplication(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := w.soap("<describeSObjects><sObjectType>account</sObjectType><sObjectType>Contact</sObjectType></describeSObjects>")
	if strings.Count(out, "<result>") != 2 || !strings.Contains(out, "<keyPrefix>001</keyPrefix>") || !strings.Contains(out, "<referenceTo>Account</referenceTo>") {
		t.Error(out[:min(len(out), 2000)])
	}
	if out = w.soap("<describeSObject><sObjectType>Nope</sObjectType></describeSObject>"); !strings.Contains(out, "INVALID_TYPE") {
		t.Error(out)
	}
	if out = w.soap("<describeGlobal/>"); !strings.Contains(out, "<maxBatchSize>200</maxBatchSize>") || !strings.Contains(out, "<name>Account</name>") {
		t.Error(out[:min(len(out), 2000)])
	}
	kept, gone := w.create("Account", map[string]any{"Name": "Kept"}), w.create("Account", map[string]any{"Name": "Gone"})
	w.must("DELETE", "/sobjects/Account/"+gone, nil, nil)
	w.clock.advance(2 * time.Minute)
	now := w.clock.now().UTC()
	span := "<sObjectType>Account</sObjectType><startDate>" + now.Add(-time.Hour).Format(time.RFC3339) + "</startDate><endDate>" + now.Format(time.RFC3339) + "</endDate>"
	covered := "<latestDateCovered>" + now.Truncate(time.Minute).Format("2006-01-02T15:04:05.000Z") + "</latestDateCovered>"
	if out = w.soap("<getUpdated>" + span + "</getUpdated>"); !strings.Contains(out, "<ids>"+kept+"</ids>"+covered) {
		t.Error(out)
	}
	if out = w.soap("<getDeleted>" + span + "</getDeleted>"); !strings.Contains(out, "<id>"+gone+"</id></deletedRecords>") || !strings.Contains(out, covered) {
		t.Error(out)
	}
}
