package simorg

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// quota counts what the org lets itself be asked in 24 hours.
type quota struct {
	mu      sync.Mutex
	max     map[string]int
	windows map[string]*window
	total   int64
	now     func() time.Time
}

// window is a rolling 24 hours in 24 buckets.
type window struct {
	buckets [24]int
	hours   [24]int64
}

func (w *window) add(hour int64, n int) {
	i := hour % 24
	if w.hours[i] != hour {
		w.hours[i], w.buckets[i] = hour, 0
	}
	w.buckets[i] += n
}

func (w *window) used(hour int64) int {
	sum := 0
	for i, n := range w.buckets {
		if hour-w.hours[i] < 24 {
			sum += n
		}
	}
	return sum
}

// The counted allowances, by their names in /limits.
const (
	apiRequests   = "DailyApiRequests"
	bulkQueryJobs = "DailyBulkV2QueryJobs"
	bulkQueryMB   = "DailyBulkV2QueryFileStorageMB"
	bulkBatches   = "DailyBulkApiBatches"
)

func (q *quota) init(cfg Config) {
	q.max = map[string]int{apiRequests: cfg.APIRequests, bulkQueryJobs: cfg.BulkQueryJobs, bulkQueryMB: 976_562, bulkBatches: cfg.BulkBatches}
	q.windows = map[string]*window{}
	for name := range q.max {
		q.windows[name] = &window{}
	}
	q.now = cfg.Now
}

// spend counts one API call, or refuses it.
func (q *quota) spend(now time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.total++
	hour := now.Unix() / 3600
	w := q.windows[apiRequests]
	if w.used(hour) >= q.max[apiRequests] {
		return refuse(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
	}
	w.add(hour, 1)
	return nil
}

// take counts n of another allowance, or refuses.
func (q *quota) take(name string, n int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	hour := q.now().Unix() / 3600
	if q.windows[name].used(hour)+n > q.max[name] {
		return badRequest("LIMIT_EXCEEDED", "%s Limit exceeded.", name)
	}
	q.windows[name].add(hour, n)
	return nil
}

// announce puts the API use into the answer's header.
func (q *quota) announce(w http.ResponseWriter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", q.windows[apiRequests].used(q.now().Unix()/3600), q.max[apiRequests]))
}

// allowance is one entry of /limits.
type allowance struct {
	Max       int
	Remaining int
}

func (q *quota) body(p *person) map[string]any {
	q.mu.Lock()
	defer q.mu.Unlock()
	hour := q.now().Unix() / 3600
	body := map[string]any{
		"DailyAsyncApexExecutions":             allowance{250_000, 250_000},
		"DailyDeliveredPlatformEvents":         allowance{10_000, 10_000},
		"DurableStreamingApiConcurrentClients": allowance{20, 20},
		"SingleEmail":                          allowance{5000, 5000},
		"MaxContentDocumentsLimit":             allowance{30_000_000, 30_000_000},
		"PermissionSets":                       map[string]any{"Max": 1500, "Remaining": 1499, "CreateCustom": allowance{1000, 999}},
	}
	for name, w := range q.windows {
		body[name] = allowance{q.max[name], max(0, q.max[name]-w.used(hour))}
	}
	if p.may("ManageUsers") {
		body["DataStorageMB"], body["FileStorageMB"] = allowance{1024, 1000}, allowance{1024, 900}
	}
	return body
}

// Calls is how many API calls the org was asked, refused ones included.
func (o *Org) Calls() int64 {
	o.quota.mu.Lock()
	defer o.quota.mu.Unlock()
	return o.quota.total
}

// Used is how many of its daily API requests the org counts as used.
func (o *Org) Used() int {
	o.quota.mu.Lock()
	defer o.quota.mu.Unlock()
	return o.quota.windows[apiRequests].used(o.cfg.Now().Unix() / 3600)
}

// SetUsed makes the org believe that so many of its daily API requests are used.
func (o *Org) SetUsed(requests int) {
	o.quota.mu.Lock()
	defer o.quota.mu.Unlock()
	o.quota.windows[apiRequests] = &window{}
	o.quota.windows[apiRequests].add(o.cfg.Now().Unix()/3600, requests)
}

func httpTime(unix int64) string { return time.Unix(unix, 0).UTC().Format(http.TimeFormat) }

func etag(unix int64) string { return `"` + strconv.FormatInt(unix, 36) + `"` }
