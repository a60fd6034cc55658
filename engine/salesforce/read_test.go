package salesforce_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
)

// restServer answers queryAll from rows, in the order of Id.
type restServer struct {
	*wire
	rows    []map[string]any
	queries atomic.Int64
	cut     int                                   // most rows of an answer, 0 for all
	spoil   func(soql string, row map[string]any) // changes what a query sees
}

func newRestServer(t *testing.T, count int) *restServer {
	s := &restServer{wire: newWire(t)}
	for n := range count {
		row := map[string]any{"SystemModstamp": "2026-01-31T10:15:30.000+0000", "AnnualRevenue": json.RawMessage("1.50"), "Name": nil, "IsDeleted": n%3 == 0}
		row["Id"] = fmt.Sprintf("001D%011dAAA", n)
		s.rows = append(s.rows, row)
	}
	s.data("GET /queryAll", s.query)
	return s
}

var (
	selected = regexp.MustCompile(`^SELECT (\S+) FROM (\w+)`)
	afterID  = regexp.MustCompile(`Id > '(\w+)'`)
	limited  = regexp.MustCompile(`LIMIT (\d+)$`)
)

func (s *restServer) query(rw http.ResponseWriter, r *http.Request) {
	s.queries.Add(1)
	soql := r.URL.Query().Get("q")
	last := ""
	if m := afterID.FindStringSubmatch(soql); m != nil {
		last = m[1]
	}
	batch, _ := strconv.Atoi(strings.TrimPrefix(r.Header.Get("Sforce-Query-Options"), "batchSize="))
	if s.cut > 0 {
		batch = min(batch, s.cut)
	}
	limit, _ := strconv.Atoi(limited.FindStringSubmatch(soql)[1])
	records := []map[string]any{}
	left := 0
	for _, row := range s.rows {
		if row["Id"].(string) <= last || len(records)+left == limit {
			continue
		}
		if len(records) == batch {
			left++
			continue
		}
		record := map[string]any{"attributes": map[string]string{"type": "Account"}}
		for name := range strings.SplitSeq(selected.FindStringSubmatch(soql)[1], ",") {
			record[name] = row[name]
		}
		if s.spoil != nil {
			s.spoil(soql, record)
		}
		records = append(records, record)
	}
	_ = json.NewEncoder(rw).Encode(map[string]any{"totalSize": len(records) + left, "done": left == 0, "records": records})
}

func TestBulkRefusalFallsBackToREST(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]http.HandlerFunc{
		"entity":      refusing(400, "INVALIDENTITY", "Entity 'Account' is not supported by the Bulk API."),
		"by message":  refusing(400, "API_ERROR", "Implementation restriction: x"),
		"job failed":  answering(`{"id":"750F","state":"UploadComplete"}`),
		"complicated": refusing(400, "QUERY_TOO_COMPLICATED", ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRestServer(t, 450)
			s.data("GET /limits", refusing(403, "INSUFFICIENT_ACCESS", ""))
			s.data("POST /jobs/query", refusal)
			s.data("GET /jobs/query/750F", answering(`{"id":"750F","state":"Failed"}`))
			org := s.open(t, salesforce.Options{PageRows: 200})
			for range 2 {
				rows, err := org.Read(t.Context(), engine.ReadRequest{Object: account(), Fields: []string{"Id", "IsDeleted"}, Expect: 1_000_000})
				if err != nil {
					t.Fatal(err)
				}
				got, err := drain(t, rows)
				if err != nil || len(got) != 450 || got[0][1] != "true" {
					t.Fatalf("%d rows, %v", len(got), err)
				}
			}
		})
	}
}

func TestKeysetPages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ rows, cut, queries int }{{0, 0, 1}, {200, 0, 1}, {201, 0, 2}, {450, 0, 3}, {450, 70, 7}} {
		s := newRestServer(t, test.rows)
		s.cut = test.cut
		org := s.open(t, salesforce.Options{PageRows: 200})
		rows, err := org.Read(t.Context(), engine.ReadRequest{Object: account(), Fields: []string{"AnnualRevenue", "Id", "SystemModstamp", "Name", "Id"}, Expect: 10})
		if err != nil {
			t.Fatal(err)
		}
		got, err := drain(t, rows)
		if err != nil || len(got) != test.rows || int(s.queries.Load()) != test.queries {
			t.Errorf("%+v: %d rows in %d queries, %v", test, len(got), s.queries.Load(), err)
		}
		for n, row := range got {
			id := fmt.Sprintf("001D%011dAAA", n)
			if want := []string{"1.5", id, "2026-01-31T10:15:30.000Z", "", id}; !slices.Equal(row, want) {
				t.Fatalf("row %d is %q, want %q", n, row, want)
			}
		}
	}
}

// wide is an SObject whose fields are too many for one address.
func wide() (engine.SObject, []string) {
	object := account()
	names := []string{"Id", "SystemModstamp"}
	for n := range 800 {
		name := fmt.Sprintf("A_field_with_quite_a_long_name_%d__c", n)
		object.Fields = append(object.Fields, engine.Field{Name: name, Type: "string"})
		names = append(names, name)
	}
	return object, names
}

// TestSizeThatIsNotKnown lets the first page decide.
func TestSizeThatIsNotKnown(t *testing.T) {
	t.Parallel()
	for _, expect := range []int64{-1, 0, 300} {
		s := newRestServer(t, 500)
		s.data("GET /limits", answering(`{}`))
		s.data("POST /jobs/query", answering(`{"id":"750E","state":"UploadComplete"}`))
		s.data("GET /jobs/query/750E", answering(`{"id":"750E","state":"JobComplete","numberRecordsProcessed":0}`))
		s.data("GET /jobs/query/750E/resultPages", answering(`{"resultPages":[],"done":true}`))
		for small, want := range map[int64]struct{ rows, queries int }{499: {0, 1}, 500: {500, 3}} {
			s.queries.Store(0)
			rows, err := s.open(t, salesforce.Options{PageRows: 200, SmallRead: small}).Read(t.Context(),
				engine.ReadRequest{Object: account(), Fields: []string{"Id"}, Expect: expect})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := drain(t, rows); err != nil || len(got) != want.rows || int(s.queries.Load()) != want.queries {
				t.Errorf("small up to %d: %d rows in %d queries, %v", small, len(got), s.queries.Load(), err)
			}
		}
	}
}

func TestFieldsTooManyForOneAddress(t *testing.T) {
	t.Parallel()
	object, names := wide()
	s := newRestServer(t, 250)
	for n, row := range s.rows {
		for _, name := range names[2:] {
			row[name] = fmt.Sprint(n, name)
		}
	}
	var torn atomic.Int64 // the first page is seen in two states, twice
	s.spoil = func(soql string, row map[string]any) {
		if strings.Contains(soql, "name_799__c") && !strings.Contains(soql, "Id >") && torn.Load() < 2 && row["Id"] == "001D00000000007AAA" {
			torn.Add(1)
			row["SystemModstamp"] = "2026-01-31T10:15:31.000+0000"
		}
	}
	inner := s.server.Config.Handler
	s.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > 16_000 {
			rw.WriteHeader(http.StatusRequestURITooLong)
			return
		}
		inner.ServeHTTP(rw, r)
	})
	rows, err := s.open(t, salesforce.Options{PageRows: 200}).Read(t.Context(), engine.ReadRequest{Object: object, Fields: names, Expect: 250})
	if err != nil {
		t.Fatal(err)
	}
	got, err := drain(t, rows)
	if err != nil || len(got) != 250 {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	for n, row := range got {
		for i, name := range names[2:] {
			if row[i+2] != fmt.Sprint(n, name) {
				t.Fatalf("row %d has %q as %s", n, row[i+2], name)
			}
		}
	}
	if torn.Load() != 2 {
		t.Errorf("the torn page was read %d times", torn.Load())
	}
}

// TestConditionTooLongForAnAddress goes to Bulk, whose query is in the body; a
// bounded read, which must be in order, cannot.
func TestConditionTooLongForAnAddress(t *testing.T) {
	t.Parallel()
	b := newBulkServer(t, 1, 10)
	org := b.open(t, salesforce.Options{})
	request := b.request()
	request.Expect, request.Where = 10, "Name IN ('"+strings.Repeat("x", 15_000)+"')"
	rows, err := org.Read(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	got, err := drain(t, rows)
	if err != nil {
		t.Fatal(err)
	}
	wantAllRows(t, got, 10)
	request.StampField = "SystemModstamp"
	if _, err := org.Read(t.Context(), request); code(err) != "QUERY_TOO_LONG" {
		t.Errorf("got %v", err)
	}
}

func TestNotQueryable(t *testing.T) {
	t.Parallel()
	org := newWire(t).open(t, salesforce.Options{})
	closed := account()
	closed.Queryable = false
	virtual, filtered := account(), account()
	virtual.Name, filtered.Name = "ActivityHistory", "Vote"
	for _, object := range []engine.SObject{closed, virtual, filtered} {
		_, err := org.Read(t.Context(), engine.ReadRequest{Object: object, Fields: []string{"Id"}})
		if !engine.Is(err, engine.KindInvalid) || code(err) != "NOT_QUERYABLE" {
			t.Errorf("%s: %v", object.Name, err)
		}
	}
	for field, want := range map[string]string{"BillingAddress": "FIELD_NOT_READABLE", "Gone__c": "UNKNOWN_FIELD"} {
		if _, err := org.Read(t.Context(), engine.ReadRequest{Object: account(), Fields: []string{"Id", field}}); code(err) != want {
			t.Errorf("%s: %v", field, err)
		}
	}
}
