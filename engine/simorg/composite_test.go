package simorg_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

type compositeAnswer struct {
	CompositeResponse []struct {
		Body           json.RawMessage
		HTTPStatusCode int `json:"httpStatusCode"`
		ReferenceID    string
	}
}

func TestComposite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := func(method, url, ref string, body any) map[string]any {
		return map[string]any{"method": method, "url": data + url, "referenceId": ref, "body": body}
	}
	requests := []any{
		sub("POST", "/sobjects/Account", "acc", map[string]any{"Name": "A"}),
		sub("POST", "/sobjects/Contact", "con", map[string]any{"LastName": "B", "AccountId": "@{acc.id}"}),
		sub("GET", "/query?q=SELECT+Account.Name+FROM+Contact+WHERE+Id='@{con.id}'", "q", nil),
	}
	var got compositeAnswer
	calls := w.org.Calls()
	w.must("POST", "/composite", map[string]any{"allOrNone": true, "compositeRequest": requests}, &got)
	expect(t, "one API call", w.org.Calls()-calls, 1)
	if len(got.CompositeResponse) != 3 || !strings.Contains(string(got.CompositeResponse[2].Body), `"Name":"A"`) {
		t.Fatalf("composite: %+v", got)
	}
	requests = append(requests, sub("POST", "/sobjects/Contact", "bad", map[string]any{}))
	w.must("POST", "/composite", map[string]any{"allOrNone": true, "compositeRequest": requests}, &got)
	expect(t, "the first, undone", fmt.Sprint(got.CompositeResponse[0].HTTPStatusCode, strings.Contains(string(got.CompositeResponse[0].Body), "PROCESSING_HALTED")), "400 true")
	expect(t, "accounts", w.count("SELECT COUNT() FROM Account"), 1)
	w.must("POST", "/composite", map[string]any{"allOrNone": false, "compositeRequest": requests}, &got)
	expect(t, "accounts, each for itself", w.count("SELECT COUNT() FROM Account"), 2)
	var graphs struct {
		Graphs []struct {
			GraphID      string
			IsSuccessful bool
		}
	}
	w.must("POST", "/composite/graph", map[string]any{"graphs": []any{map[string]any{"graphId": "1", "compositeRequest": requests[:2]}, map[string]any{"graphId": "2", "compositeRequest": requests}}}, &graphs)
	expect(t, "graphs", fmt.Sprint(graphs.Graphs), "[{1 true} {2 false}]")
	expect(t, "accounts of the good graph", w.count("SELECT COUNT() FROM Account"), 3)
	var tree struct {
		HasErrors bool
		Results   []struct{ ReferenceID, ID string }
	}
	record := map[string]any{"attributes": map[string]any{"type": "Account", "referenceId": "r1"}, "Name": "Tree", "Contacts": map[string]any{"records": []any{
		map[string]any{"attributes": map[string]any{"type": "Contact", "referenceId": "r2"}, "LastName": "Leaf"},
	}}}
	w.must("POST", "/composite/tree/Account", map[string]any{"records": []any{record}}, &tree)
	expect(t, "tree", len(tree.Results), 2)
	record["Name"] = nil
	status, _ := w.do("POST", "/composite/tree/Account", map[string]any{"records": []any{record}})
	expect(t, "a bad tree", status, 400)
	var batch struct {
		HasErrors bool
		Results   []struct{ StatusCode int }
	}
	w.must("POST", "/composite/batch", map[string]any{"batchRequests": []any{map[string]any{"method": "GET", "url": "v66.0/limits"}, map[string]any{"method": "GET", "url": "v66.0/nonsense"}}}, &batch)
	expect(t, "batch", fmt.Sprint(batch.HasErrors, batch.Results), "true [{200} {404}]")
	w.conditionalDescribe()
}

func (w *world) conditionalDescribe() {
	var got compositeAnswer
	w.must("POST", "/composite", map[string]any{"compositeRequest": []any{map[string]any{
		"method": "GET", "url": data + "/sobjects/Account/describe", "referenceId": "d",
		"httpHeaders": map[string]any{"If-Modified-Since": "Thu, 01 Jan 2037 00:00:00 GMT"},
	}}}, &got)
	expect(w, "304 inside", fmt.Sprint(got.CompositeResponse[0].HTTPStatusCode, string(got.CompositeResponse[0].Body)), "304null")
}

func TestDescribeGovernsAggregates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, industry := range []string{"Energy", "Energy", "Banking"} {
		w.create("Account", map[string]any{"Name": "A", "Industry": industry, "NumberOfEmployees": i + 1, "AnnualRevenue": 10.5}) // scale 0: stored as 11
	}
	got := w.query("SELECT Industry, COUNT(Id) n, SUM(NumberOfEmployees), AVG(AnnualRevenue) a FROM Account GROUP BY Industry HAVING COUNT(Id) > 0 ORDER BY COUNT(Id) DESC, Industry")
	first := got.Records[0]
	expect(t, "groups", fmt.Sprint(got.TotalSize, first["Industry"], first["n"], first["expr0"], first["a"]), "2Energy2 3 11")
	for _, soql := range []string{"SELECT COUNT(Id) FROM Account GROUP BY AnnualRevenue", "SELECT MAX(IsDeleted) FROM Account", "SELECT COUNT(Id) FROM Account GROUP BY Description"} {
		w.refused("GET", "/query?q="+url.QueryEscape(soql), nil, 400, "MALFORMED_QUERY")
	}
	w.refused("GET", "/query?q=SELECT+DurableId+FROM+UserFieldAccess", nil, 400, "MALFORMED_QUERY")
}

func TestLateCommitsByFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create("Account", map[string]any{"Name": "Before"})
	w.clock.advance(time.Minute)
	w.org.SetFaults(simorg.Fault{Method: "PATCH", Kind: simorg.LateCommit, Delay: 3 * time.Minute, Times: 1})
	w.must("PATCH", "/sobjects/Account/"+id, map[string]any{"Name": "After"}, nil)
	read := func() string {
		r := w.query("SELECT Name, SystemModstamp FROM Account").Records[0]
		return fmt.Sprint(r["Name"], " ", r["SystemModstamp"])
	}
	expect(t, "at once", read(), "Before 2026-03-01T10:00:00.000+0000")
	w.clock.advance(2 * time.Minute)
	expect(t, "too soon", read(), "Before 2026-03-01T10:00:00.000+0000")
	w.clock.advance(2 * time.Minute)
	expect(t, "committed, with the stamp of its write", read(), "After 2026-03-01T10:01:00.000+0000")
	w.org.SetFaults(simorg.Fault{Path: "/sobjects", Kind: simorg.Cut})
	if _, out := w.do("GET", "/sobjects", nil); !strings.Contains(string(out), "unexpected EOF") {
		t.Errorf("a cut chunked answer ended well: %d bytes", len(out))
	}
}

func TestBulkIngest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.applyField(`<fields><fullName>Ext__c</fullName><label>Ext</label><length>20</length><type>Text</type><externalId>true</externalId><unique>true</unique></fields>`)
	w.ingest("Account", "insert", "Name,Ext__c,Phone\nA,1,111\nB,2,222\n")
	ids := w.query("SELECT Id FROM Account ORDER BY Ext__c").Records
	a, b := ids[0]["Id"].(string), ids[1]["Id"].(string)
	w.ingest("Account", "update", "Id,Name,Phone\n"+a+",A2,\n"+b+",,#N/A\n")
	got := w.query("SELECT Name, Phone FROM Account ORDER BY Ext__c").Records
	expect(t, "empty is ignored, #N/A clears", fmt.Sprint(got[0]["Name"], got[0]["Phone"], got[1]["Name"], got[1]["Phone"]), "A2111B<nil>")
	w.ingest("Contact", "insert", "LastName,Account.Ext__c\nC,2\n")
	expect(t, "by external id", w.query("SELECT AccountId FROM Contact").Records[0]["AccountId"], any(b))
	job := w.ingest("Task", "insert", "Subject,Contact:Who.Email\nT,nobody@x.example\n")
	_, failed := w.do("GET", "/jobs/ingest/"+job+"/failedResults", nil)
	if !strings.Contains(string(failed), "Foreign key external ID") {
		t.Errorf("polymorphic: %s", failed)
	}
	job = w.startIngest("Account", "insert", "Name,Nonesuch\nA,1\n")
	expect(t, "a column that is no field", w.await("/jobs/ingest/"+job), "Failed")
	_, undone := w.do("GET", "/jobs/ingest/"+job+"/unprocessedrecords", nil)
	expect(t, "unprocessed", string(undone), "Name,Nonesuch\nA,1\n")
	job = w.startIngest("Account", "insert", "Name\r\nA\r\n")
	expect(t, "the wrong line ending", w.await("/jobs/ingest/"+job), "Failed")
	w.ingest("Account", "hardDelete", "Id\n"+a+"\n")
	expect(t, "hard deleted", w.queryAll("SELECT Id FROM Account WHERE Id = '"+a+"'").TotalSize, 0)
	w.ingest("Account", "delete", "Id\n"+b+"\n")
	expect(t, "soft deleted", w.queryAll("SELECT Id FROM Account WHERE Id = '"+b+"'").TotalSize, 1)
	w.refused("POST", "/jobs/ingest", map[string]any{"object": "Account", "operation": "undelete"}, 400, "INVALIDJOB")
}
