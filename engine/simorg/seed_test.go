package simorg_test

import (
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

func TestSeedIsDeterministic(t *testing.T) {
	t.Parallel()
	dump := func() string {
		w := newWorld(t)
		if err := w.org.Seed(simorg.BusinessOrg(2000)); err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, object := range []string{"Account", "Contact", "Task", "Event"} {
			_, out := w.do("GET", "/query?q="+url.QueryEscape("SELECT FIELDS(STANDARD) FROM "+object+" ORDER BY Id"), nil)
			all.Write(out)
		}
		return all.String()
	}
	first := dump()
	if first != dump() {
		t.Error("two orgs seeded alike differ")
	}
	if len(first) < 500_000 {
		t.Errorf("only %d bytes", len(first))
	}
}

// TestKeysetStaysFast reads an org of many rows with one and the same
// SystemModstamp page by page: a page must not scan the table.
func TestKeysetStaysFast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var csv strings.Builder
	csv.WriteString("LastName,Company\n")
	const rows = 30_000
	for i := range rows {
		csv.WriteString("L" + strconv.Itoa(i) + ",C\n")
	}
	w.ingest("Lead", "insert", csv.String())
	stamp, last, seen := "2000-01-01T00:00:00Z", "000000000000000AAA", 0
	start := time.Now()
	for {
		page := w.query("SELECT Id, SystemModstamp FROM Lead WHERE SystemModstamp >= " + stamp + " AND (SystemModstamp > " + stamp + " OR Id > '" + last + "') ORDER BY SystemModstamp, Id LIMIT 500")
		if page.TotalSize == 0 {
			break
		}
		seen += page.TotalSize
		final := page.Records[page.TotalSize-1]
		stamp, last = strings.Replace(final["SystemModstamp"].(string), "+0000", "Z", 1), final["Id"].(string)
	}
	if seen != rows {
		t.Errorf("saw %d rows of %d", seen, rows)
	}
	t.Logf("%d pages in %v", rows/500, time.Since(start))
}

// BenchmarkBigOrg measures an org of HOLDFAST_BIG records (200,000 by default):
// its memory, and how fast Bulk results are served.
func BenchmarkBigOrg(b *testing.B) {
	n := 200_000
	if text := os.Getenv("HOLDFAST_BIG"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	before := heap()
	org, err := simorg.New(simorg.Config{Now: func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := org.Seed(simorg.BusinessOrg(n)); err != nil {
		b.Fatal(err)
	}
	seeded, size := float64(n)/time.Since(start).Seconds(), float64(heap()-before)/float64(n)
	rate := 0.0
	for b.Loop() {
		start := time.Now()
		bytes, err := org.BulkBytes("SELECT FIELDS(STANDARD) FROM Contact")
		if err != nil {
			b.Fatal(err)
		}
		rate = float64(bytes) / 1e6 / time.Since(start).Seconds()
	}
	b.ReportMetric(seeded, "seeded/s")
	b.ReportMetric(size, "B/record")
	b.ReportMetric(rate, "MB/s")
	runtime.KeepAlive(org)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
