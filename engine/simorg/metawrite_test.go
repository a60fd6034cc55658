package simorg_test

import (
	"regexp"
	"strings"
	"testing"
)

// inlineMetadata is createMetadata, updateMetadata or upsertMetadata of one component.
func (w *world) inlineMetadata(verb, typ, parts string) string {
	w.Helper()
	return w.metadata("<met:" + verb + `Metadata><met:metadata xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="met:` + typ + `">` +
		parts + "</met:metadata></met:" + verb + "Metadata>")
}

// TestInlineMetadata: the CRUD calls take what the xsi:type says, create what
// is not there, update what is, and upsert both, saying which it was.
func TestInlineMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const rule = "<met:active>true</met:active><met:errorConditionFormula>Amount &lt; 0</met:errorConditionFormula><met:errorMessage>No</met:errorMessage>"
	for _, row := range []struct{ verb, typ, parts, want string }{
		{"create", "PermissionSet", "<met:fullName>Auditors</met:fullName><met:label>Auditors</met:label>", "success>true"},
		{"create", "PermissionSet", "<met:fullName>Auditors</met:fullName><met:label>Again</met:label>", "DUPLICATE_DEVELOPER_NAME"},
		{"update", "PermissionSet", "<met:fullName>Nobody</met:fullName><met:label>Nobody</met:label>", "INVALID_CROSS_REFERENCE_KEY"},
		{"update", "PermissionSet", "<met:fullName>Auditors</met:fullName><met:label>Renamed</met:label>", "success>true"},
		{"upsert", "PermissionSet", "<met:fullName>Auditors</met:fullName><met:label>Upserted</met:label>", "created>false"},
		{"upsert", "CustomField", "<met:fullName>Account.Depth__c</met:fullName><met:label>Depth</met:label><met:precision>4</met:precision><met:scale>1</met:scale><met:type>Number</met:type>", "created>true"},
		{"create", "ValidationRule", "<met:fullName>Opportunity.Positive</met:fullName>" + rule, "success>true"},
		{"create", "ValidationRule", "<met:fullName>Opportunity.Positive</met:fullName>" + rule, "DUPLICATE_DEVELOPER_NAME"},
		{"create", "RecordType", "<met:fullName>Account.Partner</met:fullName><met:active>true</met:active><met:label>Partner</met:label>", "success>true"},
		{"create", "StaticResource", "<met:fullName>Logo</met:fullName><met:cacheControl>Private</met:cacheControl><met:content>aGVsbG8=</met:content><met:contentType>text/plain</met:contentType>", "success>true"},
		{"create", "NoSuchType", "<met:fullName>X</met:fullName>", "INVALID_TYPE"},
	} {
		if out := w.inlineMetadata(row.verb, row.typ, row.parts); !strings.Contains(out, row.want) {
			t.Errorf("%s %s: %s\nshould contain %s", row.verb, row.typ, out, row.want)
		}
	}
	if out := w.metadata("<met:readMetadata><met:type>PermissionSet</met:type><met:fullNames>Auditors</met:fullNames></met:readMetadata>"); !strings.Contains(out, "<label>Upserted</label>") {
		t.Error(out)
	}
	expect(w, "the permission set's record", w.query("SELECT Label FROM PermissionSet WHERE Name = 'Auditors'").Records[0]["Label"], "Upserted")
	expect(w, "the record type's record", w.count("SELECT COUNT() FROM RecordType WHERE DeveloperName = 'Partner' AND SobjectType = 'Account'"), 1)
	if status, body := w.do("POST", "/sobjects/Opportunity", map[string]any{"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-01-31", "Amount": -1}); status != 400 {
		t.Errorf("the rule does not bite: %d %s", status, body)
	}
}

// TestCheckStatus: checkStatus knows deploys and retrieves alike, and what
// follows the endpoint's version in its path does not matter.
func TestCheckStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := w.metadata("<met:retrieve><met:retrieveRequest><met:apiVersion>66.0</met:apiVersion><met:unpackaged><met:types><met:members>Account</met:members><met:name>CustomObject</met:name></met:types></met:unpackaged></met:retrieveRequest></met:retrieve>")
	id := between(out, "<id>", "</id>")
	for range 10 {
		out = w.metadata("<met:checkStatus><met:id>" + id + "</met:id></met:checkStatus>")
		if strings.Contains(out, "<done>true</done>") {
			break
		}
	}
	expect(w, "state", between(out, "<state>", "</state>"), "Completed")
	if out = w.metadata("<met:checkRetrieveStatus><met:id>" + id + "</met:id></met:checkRetrieveStatus>"); !strings.Contains(out, "<status>Succeeded</status>") {
		t.Error(out)
	}
	if out = w.metadata("<met:checkStatus><met:id>09S000000000000AAA</met:id></met:checkStatus>"); !strings.Contains(out, "INVALID_CROSS_REFERENCE_KEY") {
		t.Error(out)
	}
	envelope := `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><SessionHeader><sessionId>` + w.token +
		`</sessionId></SessionHeader></e:Header><e:Body><describeMetadata/></e:Body></e:Envelope>`
	if status, body := w.do("POST", "/services/Soap/m/66.0/deployRequest/"+id, envelope, "Content-Type", "text/xml"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
}

// TestProfileOverlay: a deploy lays a profile over the org's (Profile, Metadata
// API guide): what the file names is as it says, all else stays. A permission
// set is what its file says (since version 40).
func TestProfileOverlay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	access := func(field, editable string) string {
		return "<fieldPermissions><editable>" + editable + "</editable><field>" + field + "</field><readable>true</readable></fieldPermissions>"
	}
	const layout = "<layoutAssignments><layout>Account-%s Layout</layout></layoutAssignments>"
	deployBoth := func(parts string) {
		w.Helper()
		out := w.deploy(map[string]string{
			"package.xml":                       "<Package " + metaNS + "/>",
			"profiles/Sales.profile":            "<Profile " + metaNS + ">" + parts + "</Profile>",
			"permissionsets/Sets.permissionset": "<PermissionSet " + metaNS + "><label>Sets</label>" + parts + "</PermissionSet>",
		})
		if !strings.Contains(out, "<status>Succeeded</status>") {
			t.Fatal(out)
		}
	}
	deployBoth("<custom>true</custom>" + access("Account.Phone", "true") + access("Account.Site", "true") + strings.Replace(layout, "%s", "Old", 1) +
		"<userPermissions><enabled>true</enabled><name>ApiEnabled</name></userPermissions>")
	deployBoth("<description>Second</description>" + access("Account.Phone", "false") + access("Account.Fax", "true") + strings.Replace(layout, "%s", "New", 1))
	read := func(typ, name string) string {
		out := w.metadata("<met:readMetadata><met:type>" + typ + "</met:type><met:fullNames>" + name + "</met:fullNames></met:readMetadata>")
		return strings.Join(regexp.MustCompile(`Account\.\w+|Account-\w+|ApiEnabled|<editable>\w+|<custom>\w+|Second`).FindAllString(out, -1), " ")
	}
	expect(w, "profile", read("Profile", "Sales"), "<custom>true Second <editable>false Account.Phone <editable>true Account.Fax <editable>true Account.Site Account-New ApiEnabled")
	expect(w, "permission set", read("PermissionSet", "Sets"), "Second <editable>false Account.Phone <editable>true Account.Fax Account-New")
}
