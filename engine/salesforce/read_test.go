package salesforce_test

import (
	"bytes"
	"compress/gzip"
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

var bulkFields = []string{"Id", "Name", "AnnualRevenue", "SystemModstamp"}

// bulkRow is a row as Bulk prints it, with what makes CSV hard.
func bulkRow(n int) []string {
	return []string{fmt.Sprintf("001D%011dAAA", n), fmt.Sprintf("Name \"%d\",\r\n Zoë\n ", n), fmt.Sprintf("%d.50", n), "2026-01-31T10:15:30.000Z"}
}

// canonicalRow is what the client makes of it.
func canonicalRow(n int) []string {
	row := bulkRow(n)
	row[2] = fmt.Sprintf("%d.5", n)
	return row
}

// bulkServer answers one job with pages of rows; serve, when set, may answer a
// page in its own way.
type bulkServer struct {
	*wire
	pages, perPage int
	jobs           atomic.Int64
	serve          func(page int, text []byte, rw http.ResponseWriter, r *http.Request) bool
}

func newBulkServer(t *testing.T, pages, perPage int) *bulkServer {
	b := &bulkServer{wire: newWire(t), pages: pages, perPage: perPage}
	b.data("GET /limits", answering(`{"DailyBulkV2QueryJobs":{"Max":10000,"Remaining":9000}}`))
	b.data("POST /jobs/query", func(rw http.ResponseWriter, _ *http.Request) {
		b.jobs.Add(1)
		fmt.Fprintf(rw, `{"id":"750A","state":"UploadComplete"}`)
	})
	b.data("GET /jobs/query/750A", inTurn(answering(`{"id":"750A","state":"InProgress"}`),
		answering(fmt.Sprintf(`{"id":"750A","state":"JobComplete","numberRecordsProcessed":%d}`, pages*perPage))))
	b.data("GET /jobs/query/750A/resultPages", b.list)
	b.data("GET /jobs/query/750A/results", b.results)
	return b
}

func (b *bulkServer) list(rw http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.URL.Query().Get("locator"))
	to := min(from+5, b.pages)
	var pages []map[string]string
	for n := from; n < to; n++ {
		pages = append(pages, map[string]string{"resultUrl": fmt.Sprintf("%s/jobs/query/750A/results?locator=%d", data, n)})
	}
	answer := map[string]any{"resultPages": pages, "done": to == b.pages}
	if to < b.pages {
		answer["nextRecordsUrl"] = fmt.Sprintf("%s/jobs/query/750A/resultPages?locator=%d", data, to)
	}
	_ = json.NewEncoder(rw).Encode(answer)
}

func (b *bulkServer) results(rw http.ResponseWriter, r *http.Request) {
	page, _ := strconv.Atoi(r.URL.Query().Get("locator"))
	var text bytes.Buffer
	fmt.Fprintf(&text, "\"%s\"\n", strings.Join(bulkFields, `","`))
	for n := range b.perPage {
		row := bulkRow(page*b.perPage + n)
		for i := range row {
			row[i] = `"` + strings.ReplaceAll(row[i], `"`, `""`) + `"`
		}
		text.WriteString(strings.Join(row, ",") + "\n")
	}
	rw.Header().Set("Sforce-NumberOfRecords", strconv.Itoa(b.perPage))
	rw.Header().Set("Content-Type", "text/csv")
	if b.serve == nil || !b.serve(page, text.Bytes(), rw, r) {
		_, _ = rw.Write(text.Bytes())
	}
}

func (b *bulkServer) request() engine.ReadRequest {
	return engine.ReadRequest{Object: account(), Fields: bulkFields, Expect: 1_000_000}
}

func wantAllRows(t *testing.T, got [][]string, count int) {
	t.Helper()
	slices.SortFunc(got, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	if len(got) != count {
		t.Fatalf("%d rows, want %d", len(got), count)
	}
	for n, row := range got {
		if !slices.Equal(row, canonicalRow(n)) {
			t.Fatalf("row %d is %q, want %q", n, row, canonicalRow(n))
		}
	}
}

// firstTime lets each page be served badly once.
func firstTime() func(page int) bool {
	var seen [64]atomic.Bool
	return func(page int) bool { return !seen[page].Swap(true) }
}

func TestBulkPagesThatBreakOff(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(first func(int) bool) func(int, []byte, http.ResponseWriter, *http.Request) bool{
		"whole": func(func(int) bool) func(int, []byte, http.ResponseWriter, *http.Request) bool { return nil },
		"reset in the middle": func(first func(int) bool) func(int, []byte, http.ResponseWriter, *http.Request) bool {
			return func(page int, text []byte, rw http.ResponseWriter, r *http.Request) bool {
				if first(page) {
					resetting(string(text[:len(text)*2/3]))(rw, r)
				}
				return false
			}
		},
		"cut at a record, said to be whole": func(first func(int) bool) func(int, []byte, http.ResponseWriter, *http.Request) bool {
			return func(page int, text []byte, rw http.ResponseWriter, _ *http.Request) bool {
				if !first(page) {
					return false
				}
				_, _ = rw.Write(text[:bytes.LastIndex(text[:len(text)/2], []byte("Z\"\n"))+3])
				return true
			}
		},
		"gzip cut": func(first func(int) bool) func(int, []byte, http.ResponseWriter, *http.Request) bool {
			return func(page int, text []byte, rw http.ResponseWriter, _ *http.Request) bool {
				var packed bytes.Buffer
				z := gzip.NewWriter(&packed)
				_, _ = z.Write(text)
				_ = z.Close()
				rw.Header().Set("Content-Encoding", "gzip")
				end := packed.Len()
				if first(page) {
					end = end * 3 / 4
				}
				_, _ = rw.Write(packed.Bytes()[:end])
				return true
			}
		},
		"503 first": func(first func(int) bool) func(int, []byte, http.ResponseWriter, *http.Request) bool {
			return func(page int, _ []byte, rw http.ResponseWriter, _ *http.Request) bool {
				if !first(page) {
					return false
				}
				refuse(rw, 503, "SERVER_UNAVAILABLE", "")
				return true
			}
		},
		"NUL bytes": func(func(int) bool) func(int, []byte, http.ResponseWriter, *http.Request) bool {
			return func(_ int, text []byte, rw http.ResponseWriter, _ *http.Request) bool {
				_, _ = rw.Write(bytes.ReplaceAll(text, []byte("Zo"), []byte("\x00Zo\x00")))
				return true
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBulkServer(t, 12, 500)
			b.serve = serve(firstTime())
			org := b.open(t, salesforce.Options{BlockBytes: 4 << 10})
			rows, err := org.Read(t.Context(), b.request())
			if err != nil {
				t.Fatal(err)
			}
			got, err := drain(t, rows)
			if err != nil {
				t.Fatal(err)
			}
			wantAllRows(t, got, 6000)
		})
	}
}

func TestBulkNeverEndsWellWithAGap(t *testing.T) {
	t.Parallel()
	b := newBulkServer(t, 2, 10)
	b.serve = func(page int, _ []byte, rw http.ResponseWriter, _ *http.Request) bool {
		if page == 0 {
			return false
		}
		rw.Header().Set("Sforce-NumberOfRecords", "0") // the page lies, the job does not
		fmt.Fprintf(rw, "\"%s\"\n", strings.Join(bulkFields, `","`))
		return true
	}
	rows, err := b.open(t, salesforce.Options{}).Read(t.Context(), b.request())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := drain(t, rows); code(err) != "RESULT_INCOMPLETE" {
		t.Errorf("got %v, want RESULT_INCOMPLETE", err)
	}
}

// TestBulkResume stops after each number of rows and goes on elsewhere.
func TestBulkResume(t *testing.T) {
	t.Parallel()
	for _, stop := range []int{0, 1, 49, 50, 51, 333, 599, 600} {
		t.Run(strconv.Itoa(stop), func(t *testing.T) {
			t.Parallel()
			b := newBulkServer(t, 12, 50)
			org := b.open(t, salesforce.Options{BlockBytes: 1 << 10})
			rows, err := org.Read(t.Context(), b.request())
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string][]string{}
			for range stop {
				row, err := rows.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				seen[string(row[0])] = []string{string(row[0]), string(row[1]), string(row[2]), string(row[3])}
			}
			request := b.request()
			request.Resume = bytes.Clone(rows.Position())
			rows.Close()
			if rows, err = org.Read(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			rest, err := drain(t, rows)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rest {
				seen[row[0]] = row
			}
			var all [][]string
			for _, row := range seen {
				all = append(all, row)
			}
			wantAllRows(t, all, 600)
			if b.jobs.Load() != 1 {
				t.Errorf("%d jobs were started", b.jobs.Load())
			}
		})
	}
}

func TestBulkResumeOfAJobThatIsGone(t *testing.T) {
	t.Parallel()
	b := newBulkServer(t, 1, 10)
	request := b.request()
	request.Resume = []byte(`{"bulk":{"job":"750GONE","pages":["` + data + `/jobs/query/750GONE/results?locator=3"]}}`)
	b.data("GET /jobs/query/750GONE", refusing(404, "NOT_FOUND", ""))
	rows, err := b.open(t, salesforce.Options{}).Read(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	got, err := drain(t, rows)
	if err != nil {
		t.Fatal(err)
	}
	wantAllRows(t, got, 10)
}

func TestBulkQuota(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.data("GET /limits", answering(`{"DailyBulkV2QueryJobs":{"Max":100,"Remaining":10}}`))
	_, err := w.open(t, salesforce.Options{}).Read(t.Context(), engine.ReadRequest{Object: account(), Fields: []string{"Id"}, Expect: 1_000_000})
	if code(err) != "API_QUOTA_REACHED" || !strings.Contains(err.Error(), "90 of its 100 Bulk query jobs") {
		t.Errorf("got %v", err)
	}
}

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
	s.data("GET /limits", refusing(403, "INSUFFICIENT_ACCESS", ""))
	s.data("POST /jobs/query", refusing(400, "INVALIDENTITY", ""))
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
