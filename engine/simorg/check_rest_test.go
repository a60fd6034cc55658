package simorg_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// expect fails the test when got is not want.
func expect[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// as is the same world seen by another user.
func (w *world) as(username string) *world {
	w.Helper()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	status := w.form("/services/oauth2/token", url.Values{
		"grant_type": {"password"}, "client_id": {"app"}, "client_secret": {"shh"},
		"username": {username}, "password": {"pw"},
	}, &got)
	if status != 200 {
		w.Fatalf("sign in as %s: %d", username, status)
	}
	other := *w
	other.token = got.AccessToken
	return &other
}

func errorShapes(w *world) {
	w.refused("POST", "/sobjects/Contact", map[string]any{}, 400, "REQUIRED_FIELD_MISSING")
	_, body := w.do("POST", "/sobjects/Contact", map[string]any{})
	expect(w, "single", string(body), `[{"errorCode":"REQUIRED_FIELD_MISSING","fields":["LastName"],"message":"Required fields are missing: [LastName]"}]`)
	var many []struct {
		Success bool
		Errors  []struct{ StatusCode, Message string }
	}
	w.must("POST", "/composite/sobjects", map[string]any{"records": []any{map[string]any{"attributes": map[string]any{"type": "Contact"}}}}, &many)
	if many[0].Success || many[0].Errors[0].StatusCode != "REQUIRED_FIELD_MISSING" {
		w.Errorf("collections: %+v", many)
	}
	var oauth map[string]string
	status := w.form("/services/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {"no"}}, &oauth)
	expect(w, "oauth status", status, 400)
	expect(w, "oauth error", oauth["error"]+": "+oauth["error_description"], "invalid_grant: expired access/refresh token")
	job := w.ingest("Contact", "insert", "FirstName\nAnn\n")
	_, failed := w.do("GET", "/jobs/ingest/"+job+"/failedResults", nil)
	if !strings.Contains(string(failed), `"","REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --","Ann"`) {
		w.Errorf("sf__Error: %s", failed)
	}
	_, body = w.do("GET", "/query?q="+url.QueryEscape("select count() from XYZZY"), nil)
	if !strings.Contains(string(body), `\nERROR at Row:1:Column:21\nsObject type 'XYZZY' is not supported.`) {
		w.Errorf("query error: %s", body)
	}
}

func statusCodes(w *world) {
	id := w.create("Account", map[string]any{"Name": "A", "AccountNumber": "n"})
	for _, c := range []struct {
		method, path string
		body         any
		headers      []string
		want         int
	}{
		{"POST", "/sobjects/Account", map[string]any{"Name": "B"}, nil, 201},
		{"PATCH", "/sobjects/Account/" + id, map[string]any{"Name": "C"}, nil, 204},
		{"GET", "/sobjects/Account/" + id, nil, nil, 200},
		{"HEAD", "/sobjects/Account/" + id, nil, nil, 200},
		{"GET", "/sobjects/Account/describe", nil, []string{"If-Modified-Since", "Thu, 01 Jan 2037 00:00:00 GMT"}, 304},
		{"PATCH", "/sobjects/Account/" + id, map[string]any{"Name": "D"}, []string{"If-Unmodified-Since", "Thu, 01 Jan 2015 00:00:00 GMT"}, 412},
		{"PUT", "/sobjects/Account/" + id, "{}", nil, 405},
		{"POST", "/sobjects/Account", "Name=B", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"POST", "/sobjects/Account", "{", nil, 400},
		{"GET", "/sobjects/Nonesuch", nil, nil, 404},
		{"GET", "/services/data/v12.0/limits", nil, nil, 404},
		{"GET", "/sobjects/Account/0015g00000000zz", nil, nil, 404},
		{"GET", "/query?q=" + strings.Repeat("x", 17_000), nil, nil, 414},
	} {
		if got, out := w.do(c.method, c.path, c.body, c.headers...); got != c.want {
			w.Errorf("%s %.60s: %d, want %d (%.200s)", c.method, c.path, got, c.want, out)
		}
	}
	w.applyField(`<fields><fullName>Tag__c</fullName><label>Tag</label><length>20</length><type>Text</type><externalId>true</externalId></fields>`)
	w.create("Account", map[string]any{"Name": "A", "Tag__c": "same"})
	w.create("Account", map[string]any{"Name": "B", "Tag__c": "same"})
	status, urls := w.do("GET", "/sobjects/Account/Tag__c/same", nil)
	if status != 300 || strings.Count(string(urls), "/sobjects/Account/001") != 2 {
		w.Errorf("two of an external id: %d %s", status, urls)
	}
	expect(w, "unused token", w.withToken("nonsense"), 401)
	limited := newWorld(w.T, func(c *simorg.Config) { c.APIRequests = 1 })
	limited.query("SELECT Id FROM User")
	limited.refused("GET", "/limits", nil, 403, "REQUEST_LIMIT_EXCEEDED")
	for _, fault := range []struct {
		kind simorg.FaultKind
		want int
	}{{simorg.Unavailable, 503}, {simorg.ServerError, 500}, {simorg.BadGateway, 502}, {simorg.NoRoute, 420}} {
		w.org.SetFaults(simorg.Fault{Kind: fault.kind, Times: 1})
		if got, _ := w.do("GET", "/limits", nil); got != fault.want {
			w.Errorf("fault %s: %d", fault.kind, got)
		}
	}
	job := w.queryJob("query", "SELECT Id FROM Account")
	got, _ := w.do("GET", "/services/data/v65.0/jobs/query/"+job+"/results", nil)
	expect(w, "results under another version", got, 409)
}

// withToken is the status of a call with another token.
func (w *world) withToken(token string) int {
	other := *w
	other.token = token
	status, _ := other.do("GET", "/limits", nil)
	return status
}

func queryLocators(w *world) {
	var records []any
	for i := range 450 {
		records = append(records, map[string]any{"attributes": map[string]any{"type": "Account"}, "Name": fmt.Sprintf("Account %03d", i)})
	}
	for i := 0; i < len(records); i += 200 {
		w.must("POST", "/composite/sobjects", map[string]any{"records": records[i:min(i+200, len(records))]}, nil)
	}
	page := func(path string) rows {
		status, out := w.do("GET", path, nil, "Sforce-Query-Options", "batchSize=200")
		var r rows
		if err := json.Unmarshal(out, &r); err != nil || status != 200 {
			w.Fatalf("%s: %d %s", path, status, out)
		}
		return r
	}
	first := page("/query?q=" + url.QueryEscape("SELECT Id, Name FROM Account ORDER BY Id"))
	if first.TotalSize != 450 || len(first.Records) != 200 || first.Done || !strings.HasSuffix(first.NextRecordsURL, "-200") {
		w.Fatalf("first page: %d of %d, next %s", len(first.Records), first.TotalSize, first.NextRecordsURL)
	}
	w.must("DELETE", "/sobjects/Account/"+first.Records[0]["Id"].(string), nil, nil)
	late := w.create("Account", map[string]any{"Name": "Too late for the result"})
	second := page(first.NextRecordsURL)
	w.must("DELETE", "/sobjects/Account/"+w.query("SELECT Id FROM Account ORDER BY Id DESC LIMIT 2").Records[1]["Id"].(string), nil, nil)
	third := page(second.NextRecordsURL)
	expect(w, "totalSize of the second page", second.TotalSize, 450)
	expect(w, "what came later is not in the result", slices.ContainsFunc(third.Records, func(r map[string]any) bool { return r["Id"] == late }), false)
	expect(w, "the last page's locator", third.NextRecordsURL, "")
	expect(w, "totalSize of the last page", third.TotalSize, 450)
	expect(w, "rows of the last page, one deleted meanwhile", len(third.Records), 49)
	expect(w, "done", third.Done, true)
	again := page(first.NextRecordsURL)
	expect(w, "a locator is readable again", len(again.Records), 200)
	parent := w.create("Account", map[string]any{"Name": "Parent"})
	for i := range 2 {
		var kids []any
		for range 150 {
			kids = append(kids, map[string]any{"attributes": map[string]any{"type": "Contact"}, "LastName": fmt.Sprint(i), "AccountId": parent})
		}
		w.must("POST", "/composite/sobjects", map[string]any{"records": kids}, nil)
	}
	nested := page("/query?q=" + url.QueryEscape("SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Name = 'Parent'"))
	kids := nested.Records[0]["Contacts"].(map[string]any)
	if kids["done"] != false || kids["totalSize"] != 300.0 {
		w.Fatalf("nested: done %v of %v", kids["done"], kids["totalSize"])
	}
	rest := page(kids["nextRecordsUrl"].(string))
	expect(w, "children on the first page and the next", len(kids["records"].([]any))+len(rest.Records), 300)
	expect(w, "the nested result, totalSize and done", fmt.Sprint(rest.TotalSize, rest.Done), "300 true")
	w.pageSizes()
	w.clock.advance(47 * time.Hour)
	w.signIn()
	expect(w, "a locator of 47 hours", len(page(first.NextRecordsURL).Records), 200)
	w.clock.advance(2 * time.Hour)
	w.signIn()
	w.refused("GET", first.NextRecordsURL, nil, 400, "INVALID_QUERY_LOCATOR")
	w.refused("GET", kids["nextRecordsUrl"].(string), nil, 400, "INVALID_QUERY_LOCATOR")
}

// pageSizes asks for pages of every size, and finds those short that would be
// too large: children count as rows, and so do long texts.
func (w *world) pageSizes() {
	w.Helper()
	w.ingest("Lead", "insert", "LastName,Company,Description\n"+strings.Repeat("L,C,\n", 1900)+strings.Repeat("L,C,"+strings.Repeat("x", 32_000)+"\n", 150))
	ask := func(soql, options string) rows {
		w.Helper()
		var r rows
		status, out := w.do("GET", "/query?q="+url.QueryEscape(soql), nil, "Sforce-Query-Options", options)
		if err := json.Unmarshal(out, &r); err != nil || status != 200 || r.Done {
			w.Fatalf("%s: %d, done %v", soql, status, r.Done)
		}
		return r
	}
	for options, want := range map[string]int{"": 2000, "batchSize=9000": 2000, "batchSize=1": 200, "batchSize=500": 500, "batchsize=200": 200} {
		r := ask("SELECT Id FROM Lead", options)
		expect(w, "rows for "+options, len(r.Records), want)
		if !strings.HasSuffix(r.NextRecordsURL, fmt.Sprintf("-%d", want)) || r.TotalSize != 2050 {
			w.Errorf("%s: %d rows, next %s", options, r.TotalSize, r.NextRecordsURL)
		}
	}
	long := ask("SELECT Description FROM Lead WHERE Id != null ORDER BY Id DESC", "")
	if n := len(long.Records); n < 100 || n >= 150 {
		w.Errorf("%d rows of long text on a page", n)
	}
	for i := range 4 {
		family := w.create("Account", map[string]any{"Name": fmt.Sprintf("Family %d", i)})
		w.ingest("Contact", "insert", "LastName,AccountId\n"+strings.Repeat("Kid,"+family+"\n", 90))
	}
	few := ask("SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Name LIKE 'Family%'", "batchSize=200")
	if n := len(few.Records); few.TotalSize != 4 || n >= 4 {
		w.Errorf("%d of %d parents on a page with 90 children each", n, few.TotalSize)
	}
	w.as("other@test.example").refused("GET", few.NextRecordsURL, nil, 400, "INVALID_QUERY_LOCATOR")
	expect(w, "its owner's", len(few.Records)+w.rest(few.NextRecordsURL), 4)
}

// rest counts the rows behind a locator.
func (w *world) rest(next string) int {
	w.Helper()
	n := 0
	for next != "" {
		var r rows
		w.must("GET", next, nil, &r)
		n, next = n+len(r.Records), r.NextRecordsURL
	}
	return n
}

func newIDs(w *world) {
	seen := map[string]bool{}
	for range 50 {
		id := w.create("Lead", map[string]any{"LastName": "L", "Company": "C"})
		if len(id) != 18 || !strings.HasPrefix(id, "00Q") || seen[id] {
			w.Fatalf("id %s", id)
		}
		seen[id] = true
		if status, _ := w.do("GET", "/sobjects/Lead/"+id[:15], nil); status != 200 {
			w.Errorf("15 characters of %s: %d", id, status)
		}
		w.must("DELETE", "/sobjects/Lead/"+id, nil, nil)
	}
	for id15, id18 := range map[string]string{"012000000000000": "AAA", "001D000000IqhSL": "IAZ", "750R0000000zlh9": "IAA", "003D000000QV9n2": "IAD"} {
		if got := simorg.To18(id15); got != id15+id18 {
			w.Errorf("checksum of %s = %s, want …%s", id15, got, id18)
		}
	}
}

func deletedWindow(w *world) {
	id := w.create("Account", map[string]any{"Name": "Gone"})
	w.clock.advance(30 * time.Second)
	w.must("DELETE", "/sobjects/Account/"+id, nil, nil)
	at := func(t time.Time) string { return url.QueryEscape(t.Format(time.RFC3339)) }
	now := w.clock.now()
	ask := func(from, to time.Time) string {
		return "/sobjects/Account/deleted?start=" + at(from) + "&end=" + at(to)
	}
	var got struct {
		DeletedRecords []struct{ ID, DeletedDate string }
	}
	w.must("GET", ask(now.Add(-time.Hour), now.Add(2*time.Minute)), nil, &got)
	if len(got.DeletedRecords) != 1 || got.DeletedRecords[0].ID != id || got.DeletedRecords[0].DeletedDate != "2026-03-01T10:00:30.000+0000" {
		w.Errorf("deleted: %+v", got)
	}
	w.must("GET", ask(now.Add(-time.Hour), now.Add(20*time.Second)), nil, &got) // both ends are cut to the minute
	expect(w, "records before the minute", len(got.DeletedRecords), 0)
	w.refused("GET", ask(now.Add(-16*24*time.Hour), now), nil, 400, "INVALID_REPLICATION_DATE")
	w.refused("GET", ask(now, now.Add(-time.Hour)), nil, 400, "INVALID_REPLICATION_DATE")
	w.refused("GET", ask(now, now.Add(time.Minute)), nil, 400, "INVALID_REPLICATION_DATE")
	w.refused("GET", ask(now.Add(-15*24*time.Hour-time.Minute), now), nil, 400, "INVALID_REPLICATION_DATE")
	w.refused("GET", "/sobjects/Account/deleted?start=yesterday&end="+at(now), nil, 400, "INVALID_REPLICATION_DATE")
	w.refused("GET", "/sobjects/ContentVersion/deleted?start="+at(now.Add(-time.Hour))+"&end="+at(now), nil, 400, "INVALID_TYPE_FOR_OPERATION")
	w.refused("GET", "/sobjects/Account/updated?start="+at(now.Add(-31*24*time.Hour))+"&end="+at(now), nil, 400, "INVALID_REPLICATION_DATE")
	var whole struct {
		DeletedRecords                           []struct{ ID string }
		EarliestDateAvailable, LatestDateCovered string
	}
	reach := now.Add(-15*24*time.Hour + time.Minute)
	w.must("GET", ask(reach, now.Add(time.Hour)), nil, &whole)
	expect(w, "of the last 15 days, from and to", fmt.Sprint(len(whole.DeletedRecords), whole.EarliestDateAvailable, whole.LatestDateCovered),
		"12026-02-14T10:00:00.000+00002026-03-01T10:00:00.000+0000")
	w.must("GET", ask(now.Add(25*time.Second), now.Add(3*time.Minute)), nil, &whole) // 10:00:55 is 10:00
	expect(w, "from later in its minute", len(whole.DeletedRecords), 1)
	var updated struct{ IDs []string }
	w.must("GET", "/sobjects/Account/updated?start="+at(now.Add(-20*24*time.Hour))+"&end="+at(now.Add(time.Hour)), nil, &updated)
	expect(w, "updated, none alive", len(updated.IDs), 0)
	alive := w.create("Account", map[string]any{"Name": "Alive"})
	w.must("GET", "/sobjects/Account/updated?start="+at(now.Add(25*time.Second))+"&end="+at(now.Add(90*time.Second)), nil, &updated)
	expect(w, "updated, from later in its minute", strings.Join(updated.IDs, " "), alive)
	w.clock.advance(16 * 24 * time.Hour)
	w.signIn()
	now = w.clock.now()
	w.refused("GET", ask(now.Add(-16*24*time.Hour-time.Hour), now), nil, 400, "INVALID_REPLICATION_DATE")
	w.must("GET", ask(now.Add(-15*24*time.Hour+time.Minute), now), nil, &whole)
	expect(w, "sixteen days later", len(whole.DeletedRecords), 0)
}

func limitsAndFaults(w *world) {
	var before, after map[string]struct{ Max, Remaining int }
	read := func(into *map[string]struct{ Max, Remaining int }) {
		var raw map[string]json.RawMessage
		w.must("GET", "/limits", nil, &raw)
		*into = map[string]struct{ Max, Remaining int }{}
		for name, text := range raw {
			var a struct{ Max, Remaining int }
			_ = json.Unmarshal(text, &a)
			(*into)[name] = a
		}
	}
	read(&before)
	w.queryJob("query", "SELECT Id FROM User")
	read(&after)
	expect(w, "bulk jobs counted", before["DailyBulkV2QueryJobs"].Remaining-after["DailyBulkV2QueryJobs"].Remaining, 1)
	if after["DailyApiRequests"].Remaining >= before["DailyApiRequests"].Remaining {
		w.Error("API requests are not counted")
	}
	w.ingest("Account", "insert", "Name\nBatch\n")
	read(&after)
	expect(w, "batches counted", before["DailyBulkApiBatches"].Remaining-after["DailyBulkApiBatches"].Remaining, 1)
	used := func() (n int) {
		_, _ = fmt.Sscanf(w.last.Header.Get("Sforce-Limit-Info"), "api-usage=%d/100000", &n)
		return n
	}
	known := used()
	w.do("GET", "/sobjects/Nonesuch", nil)
	expect(w, "a refused call counts", used(), known+1)
	w.do("GET", "/services/data/", nil)
	read(&after)
	expect(w, "the list of versions does not", used(), known+2)
	expect(w, "the header and /limits", after["DailyApiRequests"].Max-after["DailyApiRequests"].Remaining, used())
	w.org.SetUsed(99_999)
	expect(w, "the last of the day", w.withToken(w.token), 200)
	w.refused("GET", "/limits", nil, 403, "REQUEST_LIMIT_EXCEEDED")
	_, text := w.do("GET", "/sobjects", nil)
	expect(w, "the daily refusal", string(text), `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`)
	w.refused("GET", "/sobjects", nil, 403, "REQUEST_LIMIT_EXCEEDED")
	expect(w, "Sforce-Limit-Info", w.last.Header.Get("Sforce-Limit-Info"), "api-usage=100000/100000")
	w.clock.advance(25 * time.Hour)
	w.signIn()
	expect(w, "a day later", w.withToken(w.token), 200)
	w.faults()
	w.latency()
}

// faults meets every fault that a call can meet.
func (w *world) faults() {
	w.Helper()
	w.org.SetFaults(simorg.Fault{Path: "/limits", Nth: 2, Kind: simorg.Concurrency})
	expect(w, "first", w.withToken(w.token), 200)
	_, text := w.do("GET", "/limits", nil)
	expect(w, "the second: too many at once", fmt.Sprint(w.last.StatusCode, string(text)), `403[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"ConcurrentRequests (Concurrent API Requests) Limit exceeded."}]`)
	expect(w, "third", w.withToken(w.token), 200)
	for kind, want := range map[simorg.FaultKind]string{
		simorg.Unavailable: `503 application/json;charset=UTF-8 [{"errorCode":"SERVER_UNAVAILABLE"`, simorg.ServerError: `500 application/json;charset=UTF-8 [{"errorCode":"UNKNOWN_EXCEPTION"`,
		simorg.BadGateway: "502 text/html <html>", simorg.NoRoute: "420 text/html <html>",
	} {
		w.org.SetFaults(simorg.Fault{Path: "/limits", Kind: kind, Times: 1})
		_, text = w.do("GET", "/limits", nil)
		if got := fmt.Sprint(w.last.StatusCode, " ", w.last.Header.Get("Content-Type"), " ", string(text)); !strings.HasPrefix(got, want) {
			w.Errorf("%s: %s", kind, got)
		}
		expect(w, "after it", w.withToken(w.token), 200)
	}
	w.org.SetFaults(simorg.Fault{Path: "/sobjects", Kind: simorg.Reset})
	if status, _ := w.do("GET", "/sobjects", nil); status != 0 {
		w.Errorf("a reset connection answered %d", status)
	}
	w.org.SetFaults(simorg.Fault{Path: "/sobjects", Kind: simorg.Truncated, Times: 1})
	if _, body := w.do("GET", "/sobjects", nil); !strings.Contains(string(body), "unexpected EOF") {
		w.Errorf("a truncated answer ended well: %d bytes", len(body))
	}
	w.org.SetFaults(simorg.Fault{Path: "/limits", Kind: simorg.ExpiredSession, Times: 1})
	w.refused("GET", "/limits", nil, 401, "INVALID_SESSION_ID")
	expect(w, "the session is gone", w.withToken(w.token), 401)
	w.signIn()
	w.org.SetFaults(simorg.Fault{Method: http.MethodPost, Path: "/sobjects/Account", Kind: simorg.LostAnswer, Times: 1})
	if status, _ := w.do("POST", "/sobjects/Account", map[string]any{"Name": "Written, not answered"}); status != 0 {
		w.Errorf("a lost answer came: %d", status)
	}
	expect(w, "written all the same", w.query("SELECT COUNT() FROM Account WHERE Name LIKE 'Written%'").TotalSize, 1)
	w.org.SetFaults(simorg.Fault{Path: "/limits", Rate: 0.5, Kind: simorg.Unavailable})
	failed := 0
	for range 60 {
		if w.withToken(w.token) == 503 {
			failed++
		}
	}
	if failed < 15 || failed > 45 {
		w.Errorf("%d of 60 failed at rate 0.5", failed)
	}
}

// latency hears how long each answer of an org with a latency profile takes.
func (w *world) latency() {
	w.Helper()
	var mu sync.Mutex
	var delays []time.Duration
	far := newWorld(w.T, func(c *simorg.Config) {
		c.Latency = simorg.Latency{Base: time.Minute, Jitter: time.Second}
		c.Sleep = func(_ context.Context, d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			delays = append(delays, d)
		}
	})
	for range 20 {
		far.must("GET", "/limits", nil, nil)
	}
	expect(w, "every answer is delayed, the session's too", len(delays), 21)
	for _, d := range delays {
		if d < time.Minute || d >= time.Minute+time.Second {
			w.Errorf("a delay of %s", d)
		}
	}
	if slices.Sort(delays); delays[0] == delays[20] {
		w.Error("there is no jitter")
	}
	far.org.SetFaults(simorg.Fault{Path: "/limits", Kind: simorg.Slow, Delay: time.Hour, Times: 1})
	far.must("GET", "/limits", nil, nil)
	expect(w, "the slow answer", slices.Max(delays), time.Hour)
}

func anyCase(w *world) {
	id := w.create("aCCount", map[string]any{"nAME": "Any"})
	got := w.query("select ID, name from ACCOUNT where NAME = 'any'")
	if got.TotalSize != 1 || got.Records[0]["Name"] != "Any" {
		w.Errorf("query: %+v", got)
	}
	var record map[string]any
	w.must("GET", "/sobjects/ACCOUNT/"+id[:15]+"?fields=name", nil, &record)
	expect(w, "Name", record["Name"], any("Any"))
	expect(w, "by 15 characters", w.query("SELECT Id FROM Account WHERE Id = '"+id[:15]+"'").TotalSize, 1)
	bad := id[:15] + "ZZZ"
	w.refused("GET", "/sobjects/Account/"+bad, nil, 400, "MALFORMED_ID")
	w.refused("POST", "/sobjects/Contact", map[string]any{"LastName": "X", "AccountId": bad}, 400, "MALFORMED_ID")
	w.refused("POST", "/sobjects/Contact", map[string]any{"LastName": "X", "AccountId": w.create("Lead", map[string]any{"LastName": "L", "Company": "C"})}, 400, "FIELD_INTEGRITY_EXCEPTION")
	w.refused("POST", "/sobjects/Contact", map[string]any{"LastName": "X", "AccountId": "0015g0000000zzz"}, 400, "INVALID_CROSS_REFERENCE_KEY")
}
