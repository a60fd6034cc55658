package salesforce_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
)

type subrequest struct {
	Method, URL, ReferenceID string
	HTTPHeaders              map[string]string
}

// composites answers the composite resource part by part, in reverse order.
func (w *wire) composites(t *testing.T, most int, answer func(subrequest) (status int, body string)) {
	w.data("POST /composite", func(rw http.ResponseWriter, r *http.Request) {
		var body struct{ CompositeRequest []subrequest }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.CompositeRequest) > most {
			t.Errorf("%d parts, %v", len(body.CompositeRequest), err)
		}
		var parts []map[string]any
		for _, part := range slices.Backward(body.CompositeRequest) {
			status, text := answer(part)
			parts = append(parts, map[string]any{"referenceId": part.ReferenceID, "httpStatusCode": status, "body": json.RawMessage(text)})
		}
		rw.Header().Set("Date", "Sun, 01 Mar 2026 12:00:10 GMT")
		_ = json.NewEncoder(rw).Encode(map[string]any{"compositeResponse": parts})
	})
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	var mu sync.Mutex
	tries := map[string]int{}
	w.composites(t, 25, func(part subrequest) (int, string) {
		name := strings.TrimSuffix(strings.TrimPrefix(part.URL, data+"/sobjects/"), "/describe")
		mu.Lock()
		defer mu.Unlock()
		tries[name]++
		switch {
		case name == "Gone__c":
			return 404, `[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]`
		case name == "Shaky__c" && tries[name] < 3:
			return 503, `[{"errorCode":"SERVER_UNAVAILABLE","message":""}]`
		case part.HTTPHeaders["If-Modified-Since"] == "Sun, 01 Feb 2026 00:00:00 GMT":
			return 304, "null"
		}
		return 200, fmt.Sprintf(`{"name":%q,"queryable":true,"fields":[{"name":"Id","type":"id"}]}`, name)
	})
	requests := []engine.DescribeRequest{{Object: "Gone__c"}, {Object: "Shaky__c"}, {Object: "Same__c", Since: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}}
	for n := range 57 {
		requests = append(requests, engine.DescribeRequest{Object: fmt.Sprintf("Object%d__c", n)})
	}
	org := w.open(t, salesforce.Options{})
	before := org.Calls()
	results, err := org.Describe(t.Context(), requests)
	if err != nil {
		t.Fatal(err)
	}
	if calls := org.Calls() - before; calls != 3+2 {
		t.Errorf("%d calls", calls)
	}
	if r := results[0]; !engine.Is(r.Err, engine.KindNotFound) || r.SObject != nil {
		t.Errorf("gone: %+v", r)
	}
	if r := results[2]; !r.Unchanged || r.SObject != nil || r.Err != nil {
		t.Errorf("unchanged: %+v", r)
	}
	for i, r := range slices.Delete(slices.Clone(results), 2, 3)[1:] {
		if r.Err != nil || r.SObject.Name != r.Object || len(r.SObject.Fields) != 1 || !r.AsOf.Equal(time.Date(2026, 3, 1, 12, 0, 9, 0, time.UTC)) {
			t.Errorf("result %d: %+v", i, r)
		}
	}
}

// TestAnswersTooLargeForMemory are asked for in smaller parts.
func TestAnswersTooLargeForMemory(t *testing.T) {
	t.Parallel()
	s := newRestServer(t, 1000)
	s.composites(t, 25, func(part subrequest) (int, string) {
		return 200, fmt.Sprintf(`{"name":%q,"label":%q}`, strings.Split(part.URL, "/")[5], strings.Repeat("x", 4000))
	})
	org := s.open(t, salesforce.Options{PageBytes: 64 << 10})
	var requests []engine.DescribeRequest
	for n := range 25 {
		requests = append(requests, engine.DescribeRequest{Object: fmt.Sprint("Object", n)})
	}
	results, err := org.Describe(t.Context(), requests)
	if err != nil || results[24].SObject.Name != "Object24" {
		t.Errorf("%+v, %v", results[24], err)
	}
	rows, err := org.Read(t.Context(), engine.ReadRequest{Object: account(), Fields: []string{"Id", "Name", "SystemModstamp"}, Expect: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := drain(t, rows); err != nil || len(got) != 1000 {
		t.Errorf("%d rows, %v", len(got), err)
	}
	one := newWire(t)
	one.data("GET /limits", answering(`{"a":"`+strings.Repeat("x", 100<<10)+`"}`))
	if _, err := one.open(t, salesforce.Options{PageBytes: 64 << 10}).Limits(t.Context()); code(err) != "ANSWER_TOO_LARGE" {
		t.Errorf("got %v", err)
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	answers := map[string]string{
		"Empty__c":   `{"totalSize":0,"done":true,"records":[]}`,
		"Changed__c": `{"totalSize":1,"done":true,"records":[{"Id":"a00D00000000000AAA"}]}`,
		"Odd__c":     `{}`,
		"Cut__c":     `{"totalSize":0,"done":false,"records":[]}`,
	}
	w.composites(t, 5, func(part subrequest) (int, string) {
		if !strings.HasPrefix(part.URL, data+"/queryAll?q=") {
			t.Errorf("deleted rows are left out: %s", part.URL)
		}
		for name, answer := range answers {
			if strings.Contains(part.URL, "FROM+"+name+"+WHERE+%28Name+%3D+%27x%27%29+AND+SystemModstamp+%3E%3D+2026-02-01T00%3A00%3A00Z+AND+SystemModstamp+%3C+2026-02-02T00%3A00%3A00.500Z+LIMIT+1") {
				return 200, answer
			}
		}
		return 400, `[{"errorCode":"INVALID_TYPE","message":""}]`
	})
	var requests []engine.ReadRequest
	names := append(slices.Sorted(maps.Keys(answers)), "Refused__c", "Empty__c")
	for _, name := range names {
		requests = append(requests, engine.ReadRequest{
			Object: engine.SObject{Name: name}, Where: "Name = 'x'", StampField: "SystemModstamp",
			Since: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 2, 2, 0, 0, 0, 5e8, time.UTC),
		})
	}
	prober := w.open(t, salesforce.Options{}).(engine.ChangeProber)
	changed, err := prober.Changed(t.Context(), requests)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if changed[i] == (name == "Empty__c") {
			t.Errorf("%s: changed %v", name, changed[i])
		}
	}
}

func TestCountPacksNames(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("GET /limits/recordCount", func(rw http.ResponseWriter, r *http.Request) {
		var counts []map[string]any
		for name := range strings.SplitSeq(r.URL.Query().Get("sObjects"), ",") {
			if !strings.HasPrefix(name, "Empty") {
				counts = append(counts, map[string]any{"name": name, "count": len(name)})
			}
		}
		_ = json.NewEncoder(rw).Encode(map[string]any{"sObjects": counts})
	})
	names := []string{"Empty__c"}
	for n := range 1500 {
		names = append(names, fmt.Sprintf("An_object_of_some_length_%d__c", n))
	}
	org := w.open(t, salesforce.Options{})
	before := org.Calls()
	counts, err := org.Count(t.Context(), names)
	if err != nil || len(counts) != 1500 || counts[names[7]] != int64(len(names[7])) {
		t.Errorf("%d counts, %v", len(counts), err)
	}
	if calls := org.Calls() - before; calls != 5 {
		t.Errorf("%d calls", calls)
	}
}

func TestDeletedKeepsToItsBounds(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("GET /sobjects/Account/deleted/{$}", func(rw http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("start") != "2026-02-01T09:58:00Z" || q.Get("end") != "2026-02-01T10:00:00Z" {
			t.Errorf("asked for %v", q)
		}
		fmt.Fprint(rw, `{"deletedRecords":[{"id":"001D00000000000AAA","deletedDate":"2026-02-01T09:59:29.000+0000"},
		 {"id":"001D00000000001AAA","deletedDate":"2026-02-01T09:59:30.000+0000"},{"id":"001D00000000002AAA","deletedDate":"2026-02-01T09:59:45.000+0000"}]}`)
	})
	w.data("GET /sobjects/Contact/deleted/{$}", refusing(400, "INVALID_REPLICATION_DATE", ""))
	org := w.open(t, salesforce.Options{})
	from := time.Date(2026, 2, 1, 9, 59, 30, 0, time.UTC)
	got, err := org.Deleted(t.Context(), "Account", from, from.Add(15*time.Second))
	if err != nil || len(got) != 1 || got[0].ID != "001D00000000001AAA" || !got[0].DeletedAt.Equal(from) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := org.Deleted(t.Context(), "Contact", from, from.Add(time.Hour)); !engine.Is(err, engine.KindInvalid) || code(err) != "INVALID_REPLICATION_DATE" {
		t.Errorf("got %v", err)
	}
}

func TestRetrieve(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("POST /composite/sobjects/Account", func(rw http.ResponseWriter, r *http.Request) {
		var body struct{ IDs, Fields []string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.IDs) > 2000 {
			t.Errorf("%d ids, %v", len(body.IDs), err)
		}
		var records []any
		for _, id := range body.IDs {
			switch {
			case strings.HasSuffix(id, "3AAA"):
				records = append(records, nil)
			default:
				records = append(records, map[string]any{"attributes": map[string]string{}, "AnnualRevenue": json.RawMessage("2.0"), "Id": id, "IsDeleted": strings.HasSuffix(id, "4AAA")})
			}
		}
		_ = json.NewEncoder(rw).Encode(records)
	})
	request := engine.RetrieveRequest{Object: account(), Fields: []string{"AnnualRevenue", "Id"}}
	for n := range 4100 {
		request.IDs = append(request.IDs, engine.RecordID(fmt.Sprintf("001D%011dAAA", n)))
	}
	got, err := w.open(t, salesforce.Options{}).Retrieve(t.Context(), request)
	if err != nil || len(got) != 4100 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for n, r := range got {
		found := n%10 != 3 && n%10 != 4
		if r.ID != request.IDs[n] || r.Found != found || found && !slices.Equal(r.Values, []string{"2", string(r.ID)}) {
			t.Fatalf("record %d: %+v", n, r)
		}
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.composites(t, 25, func(subrequest) (int, string) {
		return 200, `{"name":"UserPermissionAccess","queryable":true,"fields":[{"name":"PermissionsApiEnabled","type":"boolean"},{"name":"PermissionsViewAllData","type":"boolean"}]}`
	})
	w.data("GET /query", func(rw http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query().Get("q"); q != "SELECT PermissionsApiEnabled,PermissionsViewAllData FROM UserPermissionAccess LIMIT 1" {
			t.Errorf("asked %s", q)
		}
		fmt.Fprint(rw, `{"totalSize":1,"done":true,"records":[{"attributes":{},"PermissionsApiEnabled":true,"PermissionsViewAllData":false}]}`)
	})
	findings, err := w.open(t, salesforce.Options{}).Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Granted != (f.Permission == "API Enabled") || f.Missed == "" || f.Fix == "" {
			t.Errorf("%+v", f)
		}
	}
}
