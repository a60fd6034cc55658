package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/timemachine"
)

// recorder keeps what passes between the org and Holdfast.
type recorder struct {
	mu   sync.Mutex
	asks []string
	says []string
}

// RoundTrip carries a callout.
func (c *recorder) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(text))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asks, c.says = append(c.asks, string(body)), append(c.says, string(text))
	return res, err
}

// pageLab is the demo's page with its week behind it.
type pageLab struct {
	*testing.T
	*world
	url     string
	wire    *recorder
	account string
}

func newPageLab(t *testing.T) *pageLab {
	t.Helper()
	w, err := newWorld(t.Context(), onFreePorts, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = w.close() })
	if err != nil {
		t.Fatal(err)
	}
	wire := &recorder{}
	files := fstest.MapFS{"index.html": {Data: []byte("<!doctype html><title>Time Machine</title>")}}
	page, err := w.page(t.Context(), files, timemachine.Config{Now: time.Now, Transport: wire})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.live(t.Context(), t.Logf); err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(page.Handler())
	t.Cleanup(site.Close)
	return &pageLab{T: t, world: w, url: site.URL, wire: wire, account: w.session.ID("Account1")}
}

// ask is a request of the page, as somebody.
func (l *pageLab) ask(user, method, path, body string) (status int, text string) {
	l.Helper()
	req, err := http.NewRequestWithContext(l.Context(), method, l.url+path, strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	if user != "" {
		req.Header.Set("X-Harness-User", user+"@example.com")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		l.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		l.Fatal(err)
	}
	return res.StatusCode, string(got)
}

// holds asks "user: METHOD path" and demands a status and texts that the answer has, or with "!" has not.
func (l *pageLab) holds(status int, request, body string, texts ...string) string {
	l.Helper()
	user, address, _ := strings.Cut(request, ": ")
	method, path, _ := strings.Cut(address, " ")
	got, text := l.ask(user, method, path, body)
	if got != status {
		l.Fatalf("%s: %d %s", request, got, text)
	}
	for _, want := range texts {
		absent, no := strings.CutPrefix(want, "!")
		if strings.Contains(text, absent) == no {
			l.Errorf("%s: %q is not as it should be in %s", request, want, text)
		}
	}
	return text
}

func TestThePageShowsEachPersonTheirOwn(t *testing.T) {
	t.Parallel()
	l := newPageLab(t)
	record := "/harness/record/" + l.account
	l.holds(200, ": GET /", "", "Time Machine")
	l.holds(200, ": GET /harness/users", "", `{"users":[{"id":"Rosa@example.com","name":"Rosa Lind (restores)"}`)
	l.holds(200, ": GET /harness/records", "", `{"records":[{"name":"Nordlys Varme AS","objectLabel":"Account","objectName":"Account","recordId":"`+l.account)
	l.holds(200, "Rosa: GET "+record, "", `"name":"AnnualRevenue","label":"Annual Revenue","type":"currency","value":"61000000","updateable":true`)
	l.holds(200, "Vera: GET "+record, "", "!AnnualRevenue", "!61000000", `"name":"Phone"`)
	l.holds(200, "Carl: GET "+record, "", `"name":"Phone","label":"Account Phone","type":"phone","value":"+47 77 60 00 01","updateable":false`)
	l.holds(200, "Rosa: PATCH "+record, `{"fields": {"Site": "Harbour", "Rating": ""}}`, "{}")
	if now, err := l.session.Get(t.Context(), "Account1"); err != nil || now["Site"] != "Harbour" || now["Rating"] != nil {
		t.Errorf("the org has %v, %v (%v)", now["Site"], now["Rating"], err)
	}
	l.holds(400, "Carl: PATCH "+record, `{"fields": {"Phone": "1"}}`, "message", "!the org refused")
	l.holds(400, "Carl: GET /harness/record/001000000000000AAA", "", "message")
	l.holds(401, "Mallory: GET "+record, "", "nobody here is called")
	l.holds(200, ": POST /harness/backup", "{}", "{}")
	l.holds(200, ": GET /harness/jobs", "", `{"jobs":[{"id":"`, `"number":5,"name":"From the page","operation":"COMPOSITE_BACKUP","state":"COMPLETED"`)
}

var firstLine = regexp.MustCompile(`^id: 1\|data: \[\d+/\d+/20\d\d, \d+:\d\d:\d\d [AP]M\] \[info\] `)

func TestThePageFollowsAJobsLog(t *testing.T) {
	t.Parallel()
	l := newPageLab(t)
	var answer struct{ Jobs []struct{ ID string } }
	if err := json.Unmarshal([]byte(l.holds(200, ": GET /harness/jobs", "")), &answer); err != nil {
		t.Fatal(err)
	}
	log := "/harness/jobs/" + answer.Jobs[0].ID + "/log"
	whole := l.events(log, "")
	if len(whole) < 3 || !firstLine.MatchString(whole[0]) || whole[len(whole)-1] != "event: end|data: " {
		t.Fatalf("the log is %q", whole)
	}
	if rest := l.events(log, "2"); len(rest) != len(whole)-2 || !strings.HasPrefix(rest[0], "id: 3|") {
		t.Errorf("after line 2 come %q", rest)
	}
}

// events are the server-sent events of an address until it ends.
func (l *pageLab) events(path, after string) (events []string) {
	l.Helper()
	req, err := http.NewRequestWithContext(l.Context(), http.MethodGet, l.url+path, http.NoBody)
	if err != nil {
		l.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", after)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		l.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var event []string
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if lines.Text() != "" {
			event = append(event, lines.Text())
			continue
		}
		events, event = append(events, strings.Join(event, "|")), nil
	}
	return events
}

// What a person may not read is on no wire: neither asked for by the org nor
// said by Holdfast, and so not on the page.
func TestAHiddenFieldIsOnNoWire(t *testing.T) {
	t.Parallel()
	l := newPageLab(t)
	const method = ": POST /apex/TimeMachineController/"
	for user, sees := range map[string]bool{"Rosa": true, "Vera": false} {
		*l.wire = recorder{}
		var list struct{ Versions []struct{ ID string } }
		record := `{"recordId": "` + l.account + `"`
		if err := json.Unmarshal([]byte(l.holds(200, user+method+"versions", record+`, "first": 50}`)), &list); err != nil || len(list.Versions) != 4 {
			t.Fatalf("%v, %v", list, err)
		}
		page := l.holds(200, user+method+"compare", record+`, "versionIds": ["`+list.Versions[0].ID+`", "`+list.Versions[3].ID+`"]}`, "Dear {!FirstName},", "far north")
		for where, texts := range map[string][]string{"asked": l.wire.asks, "said": l.wire.says, "shown": {page}} {
			text := strings.Join(texts, "\n")
			if !strings.Contains(text, "Description") {
				t.Fatalf("%s: the wire was not read: %s", user, text)
			}
			if strings.Contains(text, "AnnualRevenue") != sees || where != "asked" && strings.Contains(text, "61000000") != sees {
				t.Errorf("%s of AnnualRevenue for %s: %s", where, user, text)
			}
		}
	}
}
