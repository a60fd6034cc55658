package salesforce_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
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
