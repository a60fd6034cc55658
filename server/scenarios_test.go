package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/server/config"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// TestScenarios plays the files of scenarios/, each a piece of the feature
// table, over GraphQL against this program and a simulated org, on both
// databases. A file reads as the specification; after a change that is meant,
// -rewrite writes what the program answers now.
//
// Commands (what follows ---- is the answer, ids and times made equal):
//
//	graphql [save=name:path ...]  asks; %name% stands for what was saved
//	run [save=name]               asks, waits for the job that comes back, tells how it ended
//	jobs n                        waits until n jobs have finished
//	org                           people at work: insert Account as Acme {"Name": "Acme"} · update Acme {…} · delete Acme
//	deploy                        people at work on the metadata: a line each, path = text; - path deletes
//	schema                        administrators at work: put Account.Region__c text · put Contact.Sponsor__c Account · drop Account.Region__c · hide Account.Region__c (from the connected user) · show Account.Region__c
//	clock d                       time passes, for the schedules, the org and the jobs that wait
//	fetch [lines=1] [range=0-4] [header=Name]  opens a link without signing in
//	fault path=x kind=k [nth=n]   the org answers the n-th call of that path so, or all; without path: no faults
//	meanwhile path=x              people at work as in org, just before the org answers the next call of that path
//	used n                        so many of the org's daily calls are used
//	limits                        how much of the org's daily calls is used, by Holdfast's word and by the org's
//	fail SObject                  from now on the org answers no query of it
//	log word                      waits for a line of a job's log
//	waits reason                  waits until a job waits for that reason
//	restart                       the server is stopped and started on the same data
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no scenarios", err)
	}
	var passed, failed atomic.Int64
	t.Cleanup(func() { fmt.Printf("scenarios: %d passed, %d failed\n", passed.Load(), failed.Load()) })
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			onEachDatabase(t, func(t *testing.T, url string) {
				t.Cleanup(func() {
					if t.Failed() {
						failed.Add(1)
					} else {
						passed.Add(1)
					}
				})
				s := newScenario(t, url)
				datadriven.RunTest(t, file, s.play)
			})
		})
	}
}

// scenario is a tenant with a connected org, on a clock that the file moves.
type scenario struct {
	t          *testing.T
	clock      movable
	deadline   time.Time // of the command that is played
	server     *Main
	failing    atomic.Value // the SObject whose queries the org refuses
	meanwhile  atomic.Pointer[meanwhile]
	org        *simorg.Org
	salesforce string // its address
	api        demo.API
	people     *demo.Session
	admin      person
	naming     sync.Mutex        // guards people and the names below: some work while a job runs
	names      map[string]string // what stands for what in questions
	answers    map[string]string // what is shown for what in answers
	log        bytes.Buffer      // all that the servers write there
	logger     *slog.Logger
}

// movable is a clock that goes by itself, too. It begins on a Monday, so that
// what a file says of days is so on every day.
type movable struct {
	mu    sync.Mutex
	began time.Time
	ahead time.Duration
}

var monday = time.Date(2027, time.January, 4, 12, 0, 0, 0, time.UTC)

func (c *movable) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return monday.Add(time.Since(c.began) + c.ahead)
}

func (c *movable) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func newScenario(t *testing.T, database string) *scenario {
	t.Helper()
	s := &scenario{t: t, clock: movable{began: time.Now()}, names: map[string]string{}, answers: map[string]string{}}
	s.logger = slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	org, err := simorg.New(simorg.Config{
		Now: s.clock.Now, OrgName: "Scenario", Lean: true, SessionTimeout: 10 * 365 * 24 * time.Hour,
		Users: []simorg.User{{Username: demoUser, FirstName: "Integration", LastName: "User", Email: demoUser}},
		Apps:  []simorg.App{{ClientID: demoClientID, ClientSecret: demoClientSecret, RunAs: demoUser}},
	})
	s.must(err)
	s.org = org
	salesforce := httptest.NewServer(http.HandlerFunc(s.refusing))
	t.Cleanup(salesforce.Close)
	s.salesforce, s.names["login"] = salesforce.URL, salesforce.URL
	s.start(config.Config{Data: t.TempDir(), Database: database, Listen: "127.0.0.1:0", SalesforceHosts: []string{strings.TrimPrefix(salesforce.URL, "http://")}})
	t.Cleanup(func() { _ = s.server.Close() })
	credentials := demo.Credentials{LoginURL: salesforce.URL, ClientID: demoClientID, ClientSecret: demoClientSecret}
	s.people, err = demo.LogIn(t.Context(), credentials)
	s.must(err)
	s.admin = person{t: t, url: salesforce.URL}
	s.admin.signIn()
	s.must(s.api.SignUp(t.Context(), demoOrganization, demoEmail, demoPassword))
	id, err := s.api.Connect(t.Context(), "Scenario", credentials)
	s.must(err)
	s.know("org", id)
	return s
}

func (s *scenario) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// start runs the server.
func (s *scenario) start(c config.Config) {
	s.server = &Main{Log: s.logger, Clock: s.clock.Now, SchedulePoll: 20 * time.Millisecond, Config: c}
	s.must(s.server.Run(s.t.Context()))
	s.api.URL = s.server.URL()
}

// know lets a name stand for an id.
func (s *scenario) know(name, id string) {
	s.naming.Lock()
	defer s.naming.Unlock()
	s.names[name], s.answers[id] = id, "<"+name+">"
}

func (s *scenario) play(t *testing.T, d *datadriven.TestData) string {
	s.t, s.deadline = t, time.Now().Add(20*time.Second)
	switch d.Cmd {
	case "graphql":
		answer := s.ask(d.Input)
		for _, arg := range d.CmdArgs {
			name, path, _ := strings.Cut(arg.Vals[0], ":")
			s.know(name, fmt.Sprint(dig(answer, path)))
		}
		return s.show(answer)
	case "run":
		return s.run(d)
	case "jobs":
		return s.awaitJobs(d.CmdArgs[0].Key)
	case "org":
		return s.work(d.Input)
	case "deploy":
		s.deploy(d.Input)
		return ""
	case "schema":
		s.admin.t = t
		s.reshape(d.Input)
		return ""
	case "clock":
		passed, err := time.ParseDuration(d.CmdArgs[0].Key)
		s.must(err)
		s.clock.pass(passed)
		s.wake(passed)
		return ""
	case "limits":
		return s.usage()
	case "fetch":
		return s.fetch(d)
	case "fault":
		s.fault(d)
		return ""
	case "meanwhile":
		s.meanwhile.Store(&meanwhile{path: s.fill(d.CmdArgs[0].Vals[0]), work: d.Input})
		return ""
	case "used":
		var calls int
		_, err := fmt.Sscan(d.CmdArgs[0].Key, &calls)
		s.must(err)
		s.org.SetUsed(calls)
		return ""
	case "fail":
		s.failing.Store(d.CmdArgs[0].Key)
		return ""
	case "restart":
		s.must(s.server.Close())
		s.start(s.server.Config)
		return ""
	case "waits":
		return s.awaitWait(s.fill(strings.TrimSpace(d.Input)), d.CmdArgs[0].Key)
	case "log":
		return s.awaitLog(s.fill(strings.TrimSpace(d.Input)), d.CmdArgs[0].Key)
	}
	d.Fatalf(t, "there is no command %s", d.Cmd)
	return ""
}

func (s *scenario) fill(text string) string {
	s.naming.Lock()
	defer s.naming.Unlock()
	for name, id := range s.names {
		text = strings.ReplaceAll(text, "%"+name+"%", id)
	}
	return text
}

// ask answers the data, or the errors.
func (s *scenario) ask(query string) any {
	body, err := json.Marshal(map[string]string{"query": s.fill(query)})
	s.must(err)
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL()+"/graphql", bytes.NewReader(body))
	s.must(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.api.Token)
	response, err := http.DefaultClient.Do(request)
	s.must(err)
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Data   any
		Errors []struct {
			Message    string         `json:"message"`
			Extensions map[string]any `json:"extensions"`
		}
	}
	s.must(json.NewDecoder(response.Body).Decode(&answer))
	if len(answer.Errors) > 0 {
		return answer.Errors
	}
	return answer.Data
}

// dig follows a path such as jobs.edges.0.node.id.
func dig(value any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			var i int
			_, _ = fmt.Sscan(step, &i)
			if i >= len(v) {
				return nil
			}
			value = v[i]
		}
	}
	return value
}

var (
	times  = regexp.MustCompile(`\b20\d\d-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d|[+-]\d{4})|\b\d\d:\d\d UTC|\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC`)
	spans  = regexp.MustCompile(`\b(day|week|month|year) 20[\dW-]+`)
	used   = regexp.MustCompile(`used \d+ of its`)
	moment = regexp.MustCompile(`\[\d+/\d+/20\d\d, \d+:\d\d:\d\d [AP]M\] (\[(?:info|warn|error)\])`)
	links  = regexp.MustCompile(`/(file)/[\w-]+\.[\w-]+`)
	ids    = regexp.MustCompile(`\b(ten|usr|org|job|jobobj|tpl|sch|aud)_[0-9A-Z]{26}\b`)
)

// show is an answer with ids by their names, and times by that word.
func (s *scenario) show(answer any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	s.must(encoder.Encode(answer))
	return s.mask(compact(out.String()))
}

var leaf = regexp.MustCompile(`[\[{]\s+[^\[\]{}]*?\s+[\]}]`)

// compact puts innermost objects and lists that fit on a line there.
func compact(text string) string {
	return leaf.ReplaceAllStringFunc(text, func(block string) string {
		if line := strings.Join(strings.Fields(block), " "); len(line) < 160 {
			return line
		}
		return block
	})
}

func (s *scenario) mask(text string) string {
	text = used.ReplaceAllString(text, "used <n> of its") // the last calls may go out side by side
	text = moment.ReplaceAllString(text, "$1")            // a line of a log, without what stands before it
	text = links.ReplaceAllString(text, "/$1/<token>")    // two links may be the same one
	s.naming.Lock()
	defer s.naming.Unlock()
	for id, name := range s.answers {
		text = strings.ReplaceAll(text, id, name)
	}
	for _, reference := range s.people.References() {
		text = strings.ReplaceAll(text, s.people.ID(reference), "<"+reference+">")
	}
	return ids.ReplaceAllString(times.ReplaceAllString(spans.ReplaceAllString(text, "$1 <span>"), "<time>"), "<$1>")
}

// run waits for a job and tells how it ended.
func (s *scenario) run(d *datadriven.TestData) string {
	answer := s.ask(d.Input)
	job := findJob(answer)
	if job == "" {
		return s.show(answer)
	}
	for _, arg := range d.CmdArgs {
		s.know(arg.Vals[0], job)
	}
	return s.ended(job)
}

func findJob(answer any) string {
	text, _ := json.Marshal(answer)
	return regexp.MustCompile(`\bjob_[0-9A-Z]{26}\b`).FindString(string(text))
}

func (s *scenario) ended(job string) string {
	const query = `query { job(id: "%s") { number operation name state added changed deleted error { code message }
		failed: objects(first: 100, filter: {states: [EXCEPTION]}) { edges { node { name error { code message } } } }
		types: metadataTypes(filter: {states: [EXCEPTION]}) { edges { node { name error { code message } } } } } }`
	for {
		answer := s.ask(fmt.Sprintf(query, job))
		state, _ := dig(answer, "job.state").(string)
		if state == "QUEUED" || state == "IN_PROGRESS" {
			s.pause()
			continue
		}
		line := fmt.Sprintf("#%v %v “%v” %s: %v added, %v changed, %v deleted", dig(answer, "job.number"), dig(answer, "job.operation"), dig(answer, "job.name"), state,
			dig(answer, "job.added"), dig(answer, "job.changed"), dig(answer, "job.deleted"))
		if message := dig(answer, "job.error.message"); message != nil {
			line += fmt.Sprintf("\n%v: %v", dig(answer, "job.error.code"), message)
		}
		for _, failed := range []string{"job.failed.edges", "job.types.edges"} {
			edges, _ := dig(answer, failed).([]any)
			for _, edge := range edges {
				line += fmt.Sprintf("\n%v: %v", dig(edge, "node.name"), dig(edge, "node.error.message"))
			}
		}
		return s.mask(line)
	}
}

// pause waits a moment within a command, which may take 20 seconds in all.
func (s *scenario) pause() {
	if time.Now().After(s.deadline) {
		s.t.Fatal("that did not happen in 20 seconds")
	}
	select {
	case <-s.t.Context().Done():
	case <-time.After(20 * time.Millisecond):
	}
}

func (s *scenario) awaitJobs(n string) string {
	for {
		answer := s.ask(`{ org(id: "%org%") { jobs(first: 100, orderBy: {field: NUMBER, direction: ASC}) { edges { node { id state } } } } }`)
		edges, _ := dig(answer, "org.jobs.edges").([]any)
		if fmt.Sprint(len(edges)) < n && len(edges) < 10 {
			s.pause()
			continue
		}
		var lines []string
		for _, edge := range edges {
			lines = append(lines, s.ended(dig(edge, "node.id").(string)))
		}
		return strings.Join(lines, "\n")
	}
}

// work does what people do, a line each.
func (s *scenario) work(input string) string {
	s.naming.Lock()
	defer s.naming.Unlock()
	for line := range strings.SplitSeq(strings.TrimSpace(input), "\n") {
		words, values, _ := strings.Cut(line, "{")
		step := demo.Step{}
		if values != "" {
			s.must(json.Unmarshal([]byte("{"+values), &step.Set))
		}
		word := strings.Fields(words)
		switch word[0] {
		case "insert":
			step.Insert, step.As = word[1], word[3]
		case "update":
			step.Update = word[1]
		case "delete":
			step.Delete = word[1:]
		case "undelete":
			step.Undelete = word[1:]
		}
		s.must(s.people.Edit(s.t.Context(), demo.Round{Title: line, Steps: []demo.Step{step}}))
	}
	for _, name := range slices.Clone(s.people.References()) {
		s.names[name] = s.people.ID(name)
	}
	return ""
}

// awaitLog waits for a line of a job's log with that word, and shows it.
func (s *scenario) awaitLog(job, word string) string {
	for {
		lines, _ := dig(s.ask(fmt.Sprintf(`{ job(id: "%s") { log { text } } }`, job)), "job.log").([]any)
		for _, line := range lines {
			if text := fmt.Sprint(dig(line, "text")); strings.Contains(text, word) {
				return s.mask(text)
			}
		}
		s.pause()
	}
}

// fetch shows what a link opens: the first line of it, or all.
func (s *scenario) fetch(d *datadriven.TestData) string {
	path := s.fill(strings.TrimSpace(d.Input))
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server.URL()+path, nil)
	s.must(err)
	shownHeaders := []string{"Content-Type"}
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "range":
			request.Header.Set("Range", "bytes="+arg.Vals[0])
		case "header":
			shownHeaders = append(shownHeaders, arg.Vals[0])
		}
	}
	response, err := http.DefaultClient.Do(request)
	s.must(err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	s.must(err)
	shown := string(text)
	if d.HasArg("lines") {
		shown, _, _ = strings.Cut(shown, "\n")
	}
	line := fmt.Sprint(response.StatusCode)
	for _, header := range shownHeaders {
		line += " " + response.Header.Get(header)
	}
	return line + "\n" + s.mask(shown)
}
