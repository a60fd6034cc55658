package salesforce_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
)

// collections answers the collections resource: what becomes of a record is
// the test's to say, "" for a success.
type collections struct {
	*wire
	mu     sync.Mutex
	sizes  []int // of the chunks that came
	seen   []map[string]any
	header http.Header
	fate   func(record map[string]any) string
}

func newCollections(t *testing.T, fate func(map[string]any) string) *collections {
	c := &collections{wire: newWire(t), fate: fate}
	for _, method := range []string{"POST", "PATCH"} {
		c.data(method+" /composite/sobjects", c.write)
	}
	return c
}

func (c *collections) write(rw http.ResponseWriter, r *http.Request) {
	var body struct {
		AllOrNone *bool
		Records   []map[string]any
	}
	in := json.NewDecoder(r.Body)
	in.UseNumber()
	if err := in.Decode(&body); err != nil || body.AllOrNone == nil || *body.AllOrNone {
		refuse(rw, 400, "JSON_PARSER_ERROR", "")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sizes, c.header = append(c.sizes, len(body.Records)), r.Header
	results := []map[string]any{}
	for _, record := range body.Records {
		if name, _ := record["Name"].(string); strings.HasPrefix(name, "poison") {
			refuse(rw, 400, "JSON_PARSER_ERROR", "")
			return
		}
		result := map[string]any{"id": or(record["id"], "001D000000IqhSLIAZ"), "success": true, "errors": []any{}}
		if code := c.fate(record); code != "" {
			result = map[string]any{"success": false, "errors": []any{map[string]any{"statusCode": code, "message": "no", "fields": []string{"Name"}}}}
		}
		results = append(results, result)
		c.seen = append(c.seen, record)
	}
	_ = json.NewEncoder(rw).Encode(results)
}

func or(value, fallback any) any {
	if value == nil {
		return fallback
	}
	return value
}

func allWell(map[string]any) string { return "" }

// writes makes rows named by their number.
func writes(count int, name string) engine.WriteRequest {
	object := account()
	request := engine.WriteRequest{Object: object}
	for n := range count {
		request.Rows = append(request.Rows, engine.WriteRow{
			ID:     engine.RecordID(fmt.Sprintf("001D%011dAAA", n)),
			Values: map[string]string{"Name": fmt.Sprint(name, n)},
		})
	}
	return request
}

func TestUpdateSpellsValuesByType(t *testing.T) {
	t.Parallel()
	c := newCollections(t, allWell)
	request := writes(1, "x")
	request.Rows[0].Values = map[string]string{"name": " 12 ", "AnnualRevenue": "12345678901234567890.5", "IsActive__c": "true", "SystemModstamp": ""}
	results, err := c.open(t, salesforce.Options{}).Update(t.Context(), request)
	if err != nil || !results[0].OK {
		t.Fatalf("%+v, %v", results, err)
	}
	got, _ := json.Marshal(c.seen[0])
	const want = `{"AnnualRevenue":12345678901234567890.5,"IsActive__c":true,"Name":" 12 ","SystemModstamp":null,"attributes":{"type":"Account"},"id":"001D00000000000AAA"}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
	if c.header.Get("Sforce-Auto-Assign") != "FALSE" || c.header.Get("Sforce-Duplicate-Rule-Header") != "allowSave=true" {
		t.Errorf("headers %v", c.header)
	}
}

func TestWriteResultsStayInOrder(t *testing.T) {
	t.Parallel()
	var locks atomic.Int64
	c := newCollections(t, func(record map[string]any) string {
		switch name := record["Name"].(string); {
		case strings.HasSuffix(name, "7"):
			return "FIELD_CUSTOM_VALIDATION_EXCEPTION"
		case name == "row42" && locks.Add(1) < 3:
			return "UNABLE_TO_LOCK_ROW"
		}
		return ""
	})
	results, err := c.open(t, salesforce.Options{}).Update(t.Context(), writes(450, "row"))
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range results {
		want := n%10 != 7
		if r.OK != want || r.ID != engine.RecordID(fmt.Sprintf("001D%011dAAA", n)) || !want && r.Errors[0].Code != "FIELD_CUSTOM_VALIDATION_EXCEPTION" {
			t.Errorf("row %d: %+v", n, r)
		}
	}
	if want := []int{200, 200, 50, 1, 1}; !slices.Equal(c.sizes, want) {
		t.Errorf("chunks of %v, want %v", c.sizes, want)
	}
}

func TestAPoisonedRowFailsAlone(t *testing.T) {
	t.Parallel()
	c := newCollections(t, allWell)
	request := writes(100, "row")
	request.Rows[61].Values["Name"] = "poison"
	results, err := c.open(t, salesforce.Options{}).Insert(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range results {
		if r.OK != (n != 61) {
			t.Errorf("row %d: %+v", n, r)
		}
	}
	if len(c.seen) < 99 || results[61].Errors[0].Code != "JSON_PARSER_ERROR" {
		t.Errorf("%d rows written, %+v", len(c.seen), results[61])
	}
}

// TestAmbiguousFailures resets the connection behind the request: an insert may
// have happened and is not sent again, an update and a delete are.
func TestAmbiguousFailures(t *testing.T) {
	t.Parallel()
	for _, failure := range []http.HandlerFunc{resetting(""), resetting(`[{"id":"001`), refusing(502, "", ""), refusing(500, "UNKNOWN_EXCEPTION", "")} {
		w := newWire(t)
		var inserts atomic.Int64
		w.data("POST /composite/sobjects", func(rw http.ResponseWriter, r *http.Request) {
			inserts.Add(1)
			failure(rw, r)
		})
		w.data("PATCH /composite/sobjects", inTurn(failure, answering(`[{"id":"001D00000000000AAA","success":true,"errors":[]}]`)))
		w.data("DELETE /composite/sobjects", inTurn(failure, answering(`[{"success":false,"errors":[{"statusCode":"ENTITY_IS_DELETED","message":"","fields":[]}]}]`)))
		org := w.open(t, salesforce.Options{})
		request := writes(1, "x")
		results, err := org.Insert(t.Context(), request)
		if err != nil || inserts.Load() != 1 || results[0].OK || results[0].Errors[0].Code != "OUTCOME_UNKNOWN" {
			t.Errorf("insert: %+v, %v after %d tries", results, err, inserts.Load())
		}
		if results, err := org.Update(t.Context(), request); err != nil || !results[0].OK {
			t.Errorf("update: %+v, %v", results, err)
		}
		if results, err := org.Delete(t.Context(), "Account", []engine.RecordID{request.Rows[0].ID}); err != nil || !results[0].OK {
			t.Errorf("delete: %+v, %v", results, err)
		}
	}
}

// TestALockedRowWhoseSecondTryGetsLost: the first refusal no longer holds.
func TestALockedRowWhoseSecondTryGetsLost(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("POST /composite/sobjects", inTurn(
		answering(`[{"success":false,"errors":[{"statusCode":"UNABLE_TO_LOCK_ROW","message":"","fields":[]}]},{"id":"001D00000000001AAA","success":true,"errors":[]}]`),
		resetting("")))
	results, err := w.open(t, salesforce.Options{}).Insert(t.Context(), writes(2, "x"))
	if err != nil || results[0].OK || results[0].Errors[0].Code != "OUTCOME_UNKNOWN" || !results[1].OK {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestInsertIsRepeatedWhenTheOrgHasNotTakenIt(t *testing.T) {
	t.Parallel()
	c := newCollections(t, allWell)
	inner := c.server.Config.Handler
	busy := inTurn(refusing(503, "SERVER_UNAVAILABLE", ""), inner.ServeHTTP)
	c.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			busy(rw, r)
			return
		}
		inner.ServeHTTP(rw, r)
	})
	results, err := c.open(t, salesforce.Options{}).Insert(t.Context(), writes(3, "x"))
	if err != nil || !results[2].OK || len(c.seen) != 3 {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestADeletedRowIsAnErrorOnTheFirstTry(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("DELETE /composite/sobjects", answering(`[{"success":false,"errors":[{"statusCode":"ENTITY_IS_DELETED","message":"","fields":[]}]}]`))
	results, err := w.open(t, salesforce.Options{}).Delete(t.Context(), "Account", []engine.RecordID{"001D00000000000AAA"})
	if err != nil || results[0].OK {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestResultsBesideAnError(t *testing.T) {
	t.Parallel()
	c := newCollections(t, allWell)
	inner := c.server.Config.Handler
	limited := inTurn(inner.ServeHTTP, refusing(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
	c.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			limited(rw, r)
			return
		}
		inner.ServeHTTP(rw, r)
	})
	results, err := c.open(t, salesforce.Options{}).Insert(t.Context(), writes(300, "x"))
	if code(err) != "API_QUOTA_REACHED" || len(results) != 300 || !results[199].OK || results[200].OK || results[299].Errors[0].Code != "API_QUOTA_REACHED" {
		t.Errorf("%d results, %v", len(results), err)
	}
}

// TestBulkLoad sends more rows than collections are good for; the results come
// in reverse, with failures that collections can cure.
func TestBulkLoad(t *testing.T) {
	t.Parallel()
	const count = 1000
	c := newCollections(t, allWell)
	c.data("GET /limits", answering(`{}`))
	var upload [][]string
	c.data("POST /jobs/ingest", answering(`{"id":"750I","state":"Open","contentUrl":"services/data/v66.0/jobs/ingest/750I/batches"}`))
	c.data("PUT /jobs/ingest/750I/batches", func(rw http.ResponseWriter, r *http.Request) {
		upload, _ = csv.NewReader(r.Body).ReadAll()
		rw.WriteHeader(http.StatusCreated)
	})
	c.data("PATCH /jobs/ingest/750I", inTurn(resetting(""), refusing(400, "INVALIDJOBSTATE", ""))) // done, but who knows
	c.data("GET /jobs/ingest/750I", inTurn(answering(`{"id":"750I","state":"UploadComplete"}`),
		answering(`{"id":"750I","state":"JobComplete","numberRecordsProcessed":995,"numberRecordsFailed":3}`)))
	fates := map[string]string{"row 7\n\"": "REQUIRED_FIELD_MISSING:Required fields are missing: [A, B]:A,B --", "row 8\n\"": "UNABLE_TO_LOCK_ROW:unable to lock: 001:--", "row 9\n\"": "DUPLICATES_DETECTED:Use one of these records?:--"}
	file := func(name string, lead []string, wanted func(name string) []string) {
		c.data("GET /jobs/ingest/750I/"+name+"/", func(rw http.ResponseWriter, _ *http.Request) {
			out := csv.NewWriter(rw)
			_ = out.Write(append(slices.Clone(lead), upload[0]...))
			for _, row := range slices.Backward(upload[1:]) {
				if cells := wanted(row[slices.Index(upload[0], "Name")]); cells != nil {
					_ = out.Write(append(cells, row...))
				}
			}
			out.Flush()
		})
	}
	untouched := func(name string) bool { return strings.HasPrefix(name, "row 99") && name > "row 995" }
	file("successfulResults", []string{"sf__Id", "sf__Created"}, func(name string) []string {
		if fates[name] != "" || untouched(name) {
			return nil
		}
		return []string{"001D000000IqhSLIAZ", "true"}
	})
	file("failedResults", []string{"sf__Id", "sf__Error"}, func(name string) []string {
		if fates[name] == "" {
			return nil
		}
		return []string{"", fates[name]}
	})
	file("unprocessedrecords", nil, func(name string) []string {
		if !untouched(name) {
			return nil
		}
		return []string{}
	})
	request := engine.WriteRequest{Object: account()}
	for n := range count {
		request.Rows = append(request.Rows, engine.WriteRow{Values: map[string]string{"Name": fmt.Sprintf("row %d\n\"", n), "AnnualRevenue": ""}})
	}
	results, err := c.open(t, salesforce.Options{LargeWrite: 100}).Insert(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range results {
		if r.OK != (n != 7) {
			t.Errorf("row %d: %+v", n, r)
		}
	}
	if e := results[7].Errors[0]; e.Code != "REQUIRED_FIELD_MISSING" || e.Message != "Required fields are missing: [A, B]" || !slices.Equal(e.Fields, []string{"A", "B"}) {
		t.Errorf("got %+v", e)
	}
	if len(upload) != count+1 || len(c.seen) != 2+5 {
		t.Errorf("%d rows by Bulk, %d by collections", len(upload)-1, len(c.seen))
	}
}

// TestRowsThatBulkDoesNotCarry: equal rows cannot be told apart, #N/A cannot be
// written, carriage returns may get lost, and a row that leaves a field out is
// not one that empties it. They go by collections, the rest by Bulk.
func TestRowsThatBulkDoesNotCarry(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(rows []engine.WriteRow){
		"equal rows":      func(rows []engine.WriteRow) { rows[1].Values["Name"] = rows[0].Values["Name"] },
		"#N/A":            func(rows []engine.WriteRow) { rows[1].Values["Name"] = "#N/A" },
		"carriage return": func(rows []engine.WriteRow) { rows[1].Values["Name"] = "a\r\nb" },
		"fewer fields":    func(rows []engine.WriteRow) { delete(rows[1].Values, "Name") },
		"another field":   func(rows []engine.WriteRow) { rows[1].Values["AnnualRevenue"] = "1" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCollections(t, allWell)
			c.data("GET /limits", answering(`{}`))
			var upload []byte
			c.data("POST /jobs/ingest", answering(`{"id":"750I","state":"Open","contentUrl":"services/data/v66.0/jobs/ingest/750I/batches"}`))
			c.data("PUT /jobs/ingest/750I/batches", func(rw http.ResponseWriter, r *http.Request) {
				upload, _ = io.ReadAll(r.Body)
				rw.WriteHeader(http.StatusCreated)
			})
			c.data("PATCH /jobs/ingest/750I", answering(`{"id":"750I","state":"UploadComplete"}`))
			c.data("GET /jobs/ingest/750I", answering(`{"id":"750I","state":"JobComplete","numberRecordsProcessed":299,"numberRecordsFailed":0}`))
			c.data("GET /jobs/ingest/750I/successfulResults/", func(rw http.ResponseWriter, _ *http.Request) {
				lines := strings.Split(strings.TrimSuffix(string(upload), "\n"), "\n")
				fmt.Fprintf(rw, "sf__Id,sf__Created,%s\n", lines[0])
				for _, line := range lines[1:] {
					fmt.Fprintf(rw, "001D000000IqhSLIAZ,true,%s\n", line)
				}
			})
			c.data("GET /jobs/ingest/750I/failedResults/", answering("sf__Id,sf__Error,Name\n"))
			c.data("GET /jobs/ingest/750I/unprocessedrecords/", answering("Name\n"))
			request := writes(300, "x")
			change(request.Rows)
			results, err := c.open(t, salesforce.Options{LargeWrite: 100}).Insert(t.Context(), request)
			if err != nil || len(c.seen) != 1 || bytes.Count(upload, []byte("\n")) != 300 {
				t.Errorf("%d rows by collections, %d lines by Bulk, %v", len(c.seen), bytes.Count(upload, []byte("\n")), err)
			}
			for n, r := range results {
				if !r.OK {
					t.Errorf("row %d: %+v", n, r)
				}
			}
		})
	}
}

func TestFewRowsGoByCollections(t *testing.T) {
	t.Parallel()
	c := newCollections(t, allWell)
	if _, err := c.open(t, salesforce.Options{LargeWrite: 100}).Insert(t.Context(), writes(100, "x")); err != nil || len(c.seen) != 100 {
		t.Errorf("%d rows by collections, %v", len(c.seen), err)
	}
}

func TestUndelete(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.HandleFunc("POST /services/Soap/u/66.0", func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), "sessionId>"+w.current()+"<") {
			rw.WriteHeader(500)
			fmt.Fprint(rw, `<soapenv:Envelope xmlns:soapenv="x"><soapenv:Body><soapenv:Fault><faultcode>sf:INVALID_SESSION_ID</faultcode><faultstring>INVALID_SESSION_ID: x</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>`)
			return
		}
		fmt.Fprint(rw, `<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="urn:partner.soap.sforce.com"><soapenv:Body><undeleteResponse>
 <result><id>001D00000000000AAA</id><success>true</success></result>
 <result><errors><message>entity is not in the recycle bin</message><statusCode>UNDELETE_FAILED</statusCode></errors><id xsi:nil="true"/><success>false</success></result></undeleteResponse></soapenv:Body></soapenv:Envelope>`)
	})
	org := w.open(t, salesforce.Options{})
	w.token.Add(1) // the session expires
	results, err := org.Undelete(t.Context(), []engine.RecordID{"001D00000000000AAA", "001D00000000001AAA"})
	if err != nil || !results[0].OK || results[1].OK || results[1].ID != "001D00000000001AAA" || results[1].Errors[0].Code != "UNDELETE_FAILED" {
		t.Errorf("%+v, %v", results, err)
	}
}
