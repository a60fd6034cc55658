package simorg_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// await looks at a job until it is over and returns its state.
func (w *world) await(path string) string {
	w.Helper()
	for range 100 {
		var job struct{ State string }
		w.must("GET", path, nil, &job)
		switch job.State {
		case "JobComplete", "Failed", "Aborted":
			return job.State
		}
	}
	w.Fatalf("%s is never over", path)
	return ""
}

// queryJob runs a bulk query and returns the job's id once it is complete.
func (w *world) queryJob(operation, soql string) string {
	w.Helper()
	var job struct{ ID, State string }
	w.must("POST", "/jobs/query", map[string]any{"operation": operation, "query": soql}, &job)
	expect(w, "state of a new job", job.State, "UploadComplete")
	expect(w, "state in the end", w.await("/jobs/query/"+job.ID), "JobComplete")
	return job.ID
}

// startIngest uploads a job and lets it begin.
func (w *world) startIngest(object, operation, data string) string {
	w.Helper()
	var job struct {
		ID, State, ContentURL string
	}
	request := map[string]any{"object": object, "operation": operation, "contentType": "CSV"}
	if operation == "upsert" {
		request["externalIdFieldName"] = "Id"
	}
	w.must("POST", "/jobs/ingest", request, &job)
	expect(w, "state", job.State, "Open")
	status, out := w.do("PUT", "/services"+strings.TrimPrefix(job.ContentURL, "services"), data, "Content-Type", "text/csv")
	if status != 201 || len(out) != 0 {
		w.Fatalf("upload: %d %s", status, out)
	}
	w.must("PATCH", "/jobs/ingest/"+job.ID, map[string]any{"state": "UploadComplete"}, nil)
	return job.ID
}

// ingest runs an ingest job to its end.
func (w *world) ingest(object, operation, data string) string {
	w.Helper()
	id := w.startIngest(object, operation, data)
	w.await("/jobs/ingest/" + id)
	return id
}

// page reads one page of results.
func (w *world) page(path string) ([][]string, http.Header) {
	w.Helper()
	status, out := w.do("GET", path, nil)
	if status != 200 {
		w.Fatalf("%s: %d %s", path, status, out)
	}
	rows, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	if err != nil {
		w.Fatal(err)
	}
	return rows, w.last.Header
}

func bulkStateMachine(w *world) {
	var create strings.Builder
	create.WriteString("Name,NumberOfEmployees,Description\n")
	for range 25 {
		create.WriteString("\"Quote \"\" and\nline\",7,x\n")
	}
	w.ingest("Account", "insert", create.String())
	var job struct{ ID, State string }
	w.must("POST", "/jobs/query", map[string]any{"operation": "query", "query": "SELECT Id, Name, CreatedDate, IsDeleted, Owner.Name, Phone FROM Account"}, &job)
	states := []string{job.State}
	w.refused("GET", "/jobs/query/"+job.ID+"/results", nil, 400, "INVALIDJOBSTATE")
	for states[len(states)-1] != "JobComplete" && len(states) < 20 {
		w.must("GET", "/jobs/query/"+job.ID, nil, &job)
		states = append(states, job.State)
	}
	expect(w, "states", strings.Join(states, " "), "UploadComplete InProgress InProgress InProgress JobComplete")
	w.refused("PATCH", "/jobs/query/"+job.ID, map[string]any{"state": "Aborted"}, 400, "INVALIDJOBSTATE")
	rows, header := w.page("/jobs/query/" + job.ID + "/results?maxRecords=10")
	expect(w, "rows", len(rows), 11)
	expect(w, "Sforce-NumberOfRecords", header.Get("Sforce-NumberOfRecords"), "10")
	expect(w, "header", strings.Join(rows[0], ","), "Id,Name,CreatedDate,IsDeleted,Owner.Name,Phone")
	expect(w, "row", strings.Join(rows[1][1:], "|"), "Quote \" and\nline|2026-03-01T10:00:00.000Z|false|Ada Admin|")
	total, locator, pages := 10, header.Get("Sforce-Locator"), 1
	for ; locator != "null" && pages < 10; pages++ {
		path := "/jobs/query/" + job.ID + "/results?maxRecords=10&locator=" + locator
		again, _ := w.page(path)
		rows, header = w.page(path)
		expect(w, "a locator read again", fmt.Sprint(rows), fmt.Sprint(again))
		expect(w, "the header again", strings.Join(rows[0], ","), "Id,Name,CreatedDate,IsDeleted,Owner.Name,Phone")
		expect(w, "the page's number", header.Get("Sforce-NumberOfRecords"), strconv.Itoa(len(rows)-1))
		total, locator = total+len(rows)-1, header.Get("Sforce-Locator")
	}
	expect(w, "all rows, pages", fmt.Sprint(total, pages), "25 3")
	w.bulkForms(job.ID)
	_, raw := w.do("GET", "/jobs/query/"+job.ID+"/results", nil, "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(strings.NewReader(string(raw)))
	if err != nil {
		w.Fatal(err)
	}
	plain, _ := io.ReadAll(z)
	_, open := w.do("GET", "/jobs/query/"+job.ID+"/results", nil, "Accept-Encoding", "identity")
	if string(plain) != string(open) || !strings.HasPrefix(string(plain), `"Id","Name"`) {
		w.Errorf("gzip: %.60s", plain)
	}
	w.spoiltResults(job.ID)
	w.must("DELETE", "/jobs/query/"+job.ID, nil, nil)
	w.refused("GET", "/jobs/query/"+job.ID, nil, 404, "NOT_FOUND")
}

// bulkForms sees what Bulk spells in its own way, and the other ends of a job.
func (w *world) bulkForms(job string) {
	w.Helper()
	id := w.query("SELECT Id FROM Account LIMIT 1").Records[0]["Id"].(string)
	expect(w, "REST's date and time", w.query("SELECT CreatedDate FROM Account WHERE Id = '" + id + "'").Records[0]["CreatedDate"], any("2026-03-01T10:00:00.000+0000"))
	one, _ := w.page("/jobs/query/" + w.queryJob("query", "SELECT CreatedDate, SystemModstamp FROM Account WHERE Id = '"+id+"'") + "/results")
	expect(w, "Bulk's", strings.Join(one[1], " "), "2026-03-01T10:00:00.000Z 2026-03-01T10:00:00.000Z")
	var info struct{ CreatedDate, SystemModstamp string }
	w.must("GET", "/jobs/query/"+job, nil, &info)
	expect(w, "the job's own", info.CreatedDate+" "+info.SystemModstamp, "2026-03-01T10:00:00.000+0000 2026-03-01T10:00:00.000+0000")
	w.ingest("Event", "insert", "Subject,StartDateTime,DurationInMinutes\nA,2026-04-01T10:15:30.000Z,5\nB,2026-04-01T12:15:30+02:00,5\n")
	expect(w, "both forms in", w.count("SELECT COUNT() FROM Event WHERE StartDateTime = 2026-04-01T10:15:30Z"), 2)
	none, header := w.page("/jobs/query/" + w.queryJob("query", "SELECT Id, Name FROM Account WHERE Name = 'none'") + "/results")
	expect(w, "an empty result", fmt.Sprint(none, header.Get("Sforce-NumberOfRecords"), header.Get("Sforce-Locator")), "[[Id Name]]0null")
	w.refused("GET", "/jobs/query/"+job+"/results?locator=!", nil, 400, "INVALID_QUERY_LOCATOR")
	var stopped struct{ ID, State string }
	w.must("POST", "/jobs/query", map[string]any{"operation": "query", "query": "SELECT Id FROM Account"}, &stopped)
	w.must("PATCH", "/jobs/query/"+stopped.ID, map[string]any{"state": "Aborted"}, nil)
	expect(w, "an aborted query", w.await("/jobs/query/"+stopped.ID), "Aborted")
	w.refused("GET", "/jobs/query/"+stopped.ID+"/results", nil, 400, "INVALIDJOBSTATE")
	writing := w.startIngest("Account", "insert", "Name\nLater\n")
	var states []string
	for len(states) < 10 && (len(states) == 0 || stopped.State != "JobComplete") {
		w.must("GET", "/jobs/ingest/"+writing, nil, &stopped)
		states = append(states, stopped.State)
	}
	expect(w, "an ingest's states", strings.Join(states, " "), "InProgress InProgress InProgress JobComplete")
}

func (w *world) spoiltResults(job string) {
	path := "/jobs/query/" + job + "/results"
	for _, kind := range []simorg.FaultKind{simorg.Truncated, simorg.Cut} {
		for _, encoding := range []string{"gzip", "identity"} {
			w.org.SetFaults(simorg.Fault{Path: "/results", Kind: kind, Times: 1})
			if _, out := w.do("GET", path, nil, "Accept-Encoding", encoding); !strings.Contains(string(out), "unexpected EOF") {
				w.Errorf("a page that was %s in %s ended well", kind, encoding)
			}
		}
	}
	w.org.SetFaults(simorg.Fault{Path: "/results", Kind: simorg.ShortBody, Times: 1})
	_, out := w.do("GET", path, nil)
	if rows := strings.Count(string(out), "Ada Admin"); w.last.Header.Get("Sforce-NumberOfRecords") != "25" || rows >= 25 {
		w.Errorf("a short page has %d rows of %s", rows, w.last.Header.Get("Sforce-NumberOfRecords"))
	}
	w.org.SetFaults(simorg.Fault{Path: "/results", Kind: simorg.NULBytes, Times: 1})
	if _, out := w.do("GET", path, nil); strings.Count(string(out), "\x00") != 1 {
		w.Error("no NUL byte")
	}
}

func refusingObjects(w *world) {
	ask := func(soql, code, text string) {
		w.Helper()
		status, out := w.do("POST", "/jobs/query", map[string]any{"operation": "query", "query": soql})
		if status != 400 || !strings.Contains(string(out), code) || !strings.Contains(string(out), text) {
			w.Errorf("%s: %d %s", soql, status, out)
		}
	}
	ask("SELECT BillingAddress FROM Account", "API_ERROR", "Selecting compound data not supported in Bulk Query")
	ask("SELECT Body FROM Attachment", "FEATURENOTENABLED", "Binary field not supported")
	ask("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "API_ERROR", "not supported")
	ask("SELECT COUNT() FROM Account", "API_ERROR", "not supported")
	ask("SELECT FIELDS(ALL) FROM Account LIMIT 200", "MALFORMED_QUERY", "FIELDS")
	ask("SELECT RecordId FROM UserRecordAccess", "INVALIDENTITY", "is not supported by the Bulk API.")
	ask("SELECT Id FROM ContentDocumentLink", "API_ERROR", "Implementation restriction")
	w.refused("GET", "/query?q=SELECT+Id+FROM+ContentDocumentLink", nil, 400, "MALFORMED_QUERY")
	w.refused("GET", "/query?q=SELECT+Id+FROM+ActivityHistory", nil, 400, "INVALID_TYPE_FOR_OPERATION")
	w.refused("GET", "/query?q=SELECT+RecordId+FROM+UserRecordAccess", nil, 400, "MALFORMED_QUERY")
}
