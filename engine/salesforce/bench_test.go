package salesforce_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
)

const (
	benchPages   = 8
	benchRows    = 10_000 // per page
	benchColumns = 40
)

// benchOrg serves one Bulk job of pages that were rendered and packed before.
func benchOrg(b *testing.B) (w *wire, request engine.ReadRequest, bytesOfCSV int64) {
	w = &wire{ServeMux: http.NewServeMux()}
	object := engine.SObject{Name: "Bench__c", Queryable: true}
	var names []string
	for n := range benchColumns {
		name, fieldType := fmt.Sprintf("Field_%d__c", n), []string{"string", "double", "datetime", "boolean", "picklist", "reference"}[n%6]
		if n == 0 {
			name, fieldType = "Id", "id"
		}
		names = append(names, name)
		object.Fields = append(object.Fields, engine.Field{Name: name, Type: fieldType})
	}
	random := rand.New(rand.NewPCG(1, 2))
	var packed [benchPages]bytes.Buffer
	for page := range packed {
		text := benchPage(random, object, names, page)
		bytesOfCSV += int64(len(text))
		z := gzip.NewWriter(&packed[page])
		_, _ = z.Write(text)
		_ = z.Close()
	}
	w.token.Store(1)
	w.server = httptest.NewServer(w.ServeMux)
	b.Cleanup(w.server.Close)
	w.data("GET /{$}", answering(`{}`))
	w.data("GET /limits", answering(`{}`))
	w.data("POST /jobs/query", answering(`{"id":"750A","state":"UploadComplete"}`))
	w.data("GET /jobs/query/750A", answering(fmt.Sprintf(`{"id":"750A","state":"JobComplete","numberRecordsProcessed":%d}`, benchPages*benchRows)))
	w.data("GET /jobs/query/750A/resultPages", func(rw http.ResponseWriter, _ *http.Request) {
		var pages []map[string]string
		for n := range benchPages {
			pages = append(pages, map[string]string{"resultUrl": benchURL(n)})
		}
		_ = json.NewEncoder(rw).Encode(map[string]any{"resultPages": pages, "done": true})
	})
	w.data("GET /jobs/query/750A/results", func(rw http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("locator"))
		rw.Header().Set("Content-Encoding", "gzip")
		rw.Header().Set("Sforce-NumberOfRecords", strconv.Itoa(benchRows))
		_, _ = rw.Write(packed[page].Bytes())
	})
	return w, engine.ReadRequest{Object: object, Fields: names, Expect: benchPages * benchRows}, bytesOfCSV
}

func benchURL(page int) string {
	return fmt.Sprintf("%s/jobs/query/750A/results?locator=%d", data, page)
}

func benchPage(random *rand.Rand, object engine.SObject, names []string, page int) []byte {
	var text bytes.Buffer
	text.WriteString(`"` + strings.Join(names, `","`) + `"` + "\n")
	words := strings.Fields("quick brown fox jumps over the lazy dog near Ostrava and Tampere with a \"\"red\"\" bicycle")
	for n := range benchRows {
		for i, f := range object.Fields {
			if i > 0 {
				text.WriteByte(',')
			}
			value := ""
			switch {
			case i == 0:
				value = fmt.Sprintf("a00D%011dAAA", page*benchRows+n)
			case random.IntN(3) == 0: // null
			case f.Type == "double":
				value = fmt.Sprintf("%d.%d", random.IntN(1e6), random.IntN(100))
			case f.Type == "datetime":
				value = fmt.Sprintf("2026-%02d-%02dT10:15:%02d.000Z", 1+random.IntN(12), 1+random.IntN(28), random.IntN(60))
			case f.Type == "boolean":
				value = strconv.FormatBool(random.IntN(2) == 0)
			case f.Type == "reference":
				value = fmt.Sprintf("001D%011dAAA", random.IntN(1e6))
			default:
				for range 1 + random.IntN(6) {
					value += words[random.IntN(len(words))] + " "
				}
			}
			text.WriteString(`"` + value + `"`)
		}
		text.WriteByte('\n')
	}
	return text.Bytes()
}

// BenchmarkReadBulk reads a job of 80,000 rows over HTTP. It also reports how
// far the heap grew on the way, the server's included.
func BenchmarkReadBulk(b *testing.B) {
	w, request, size := benchOrg(b)
	org, err := salesforce.New(salesforce.Options{}).Open(b.Context(), w.connection())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		readAll(b, org, request, func(int) {})
	}
	runtime.GC()
	before := heap()
	peak := before
	readAll(b, org, request, func(row int) {
		if row%1000 == 0 {
			peak = max(peak, heap())
		}
	})
	b.ReportMetric(float64(peak-before)/(1<<20), "peak-MB")
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func readAll(b *testing.B, org engine.Org, request engine.ReadRequest, each func(row int)) {
	b.Helper()
	rows, err := org.Read(b.Context(), request)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	count := 0
	for ; err == nil; count++ {
		each(count)
		_, err = rows.Next(b.Context())
	}
	if !errors.Is(err, io.EOF) || count != benchPages*benchRows+1 {
		b.Fatal(count, err)
	}
}

// BenchmarkCurlGzip is what curl | gzip -d does with the same addresses.
func BenchmarkCurlGzip(b *testing.B) {
	w, _, size := benchOrg(b)
	b.SetBytes(size)
	for b.Loop() {
		for page := range benchPages {
			r, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, w.server.URL+benchURL(page), nil)
			r.Header.Set("Authorization", "Bearer "+w.current())
			r.Header.Set("Accept-Encoding", "gzip")
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			z, err := gzip.NewReader(resp.Body)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, z); err != nil {
				b.Fatal(err)
			}
			resp.Body.Close()
		}
	}
}
