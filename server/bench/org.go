package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

const (
	clientID, clientSecret = "holdfast-bench", "holdfast-bench-secret"
	userName               = "integration@example.com"
	dataAPI                = "/services/data/v66.0"
)

// numbers are what the org's process tells of itself.
type numbers struct {
	Calls int64
	CSV   int64 // bytes of Bulk results, uncompressed
	CPU   time.Duration
	Busy  time.Duration // in which it was at work on a call, by the clock
}

// orgServer is the org's process: the simulated org, and at /-/ what the bench
// asks of it.
type orgServer struct {
	org     *simorg.Org
	ahead   atomic.Int64 // of the machine's clock
	calls   atomic.Int64
	csv     atomic.Int64
	busy    atomic.Int64
	keeping atomic.Bool
	profile atomic.Pointer[profile]
	mu      sync.Mutex
	queries map[string]string // by the Bulk job that runs it
	pages   map[string]*page  // rendered and packed, by query and place
}

// page is an answer that is kept.
type page struct {
	header http.Header
	body   []byte
	plain  int64
	url    string
	query  string
}

// keptPage is what the org's process tells of one.
type keptPage struct {
	URL, Query string
	Plain      int64
}

// serveOrg prints its address and serves until its input ends.
func serveOrg(p population) error {
	s := &orgServer{queries: map[string]string{}, pages: map[string]*page{}}
	s.profile.Store(&profile{})
	var err error
	s.org, err = simorg.New(simorg.Config{
		Now:   func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
		Users: p.users(),
		Apps:  []simorg.App{{ClientID: clientID, ClientSecret: clientSecret, RunAs: userName}},
	})
	if err != nil {
		return err
	}
	if err := p.fill(s.org); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(listener, s) }()
	fmt.Println("http://" + listener.Addr().String())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func (s *orgServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/services/") {
		defer func(began time.Time) { s.busy.Add(int64(time.Since(began))) }(time.Now())
		w = s.profile.Load().slow(w)
	}
	switch {
	case r.URL.Path == "/-/numbers":
		_ = json.NewEncoder(w).Encode(numbers{s.calls.Load(), s.csv.Load(), cpu(), time.Duration(s.busy.Load())})
	case r.URL.Path == "/-/wait":
		d, _ := time.ParseDuration(r.URL.Query().Get("d"))
		s.ahead.Add(int64(d))
	case r.URL.Path == "/-/keep":
		s.keeping.Store(true)
	case r.URL.Path == "/-/slow":
		s.profile.Store(readProfile(r.URL.Query()))
	case r.URL.Path == "/-/kept":
		_ = json.NewEncoder(w).Encode(s.kept())
	case r.URL.Path == dataAPI+"/jobs/query" && r.Method == http.MethodPost:
		s.calls.Add(1)
		s.createJob(w, r)
	case strings.HasSuffix(r.URL.Path, "/results"):
		s.calls.Add(1)
		s.results(w, r)
	default:
		if strings.HasPrefix(r.URL.Path, "/services/data") {
			s.calls.Add(1)
		}
		s.org.ServeHTTP(w, r)
	}
}

// results serves a page of a Bulk job and counts its bytes before they are
// packed.
func (s *orgServer) results(w http.ResponseWriter, r *http.Request) {
	if !s.keeping.Load() {
		plain := r.Clone(r.Context())
		plain.Header.Del("Accept-Encoding")
		counted := &counter{ResponseWriter: w, bytes: &s.csv}
		if r.Header.Get("Accept-Encoding") == "" {
			s.org.ServeHTTP(counted, plain)
			return
		}
		packed(counted, func(w http.ResponseWriter) { s.org.ServeHTTP(w, plain) })
		return
	}
	p := s.keep(r)
	for name, values := range p.header {
		w.Header()[name] = values
	}
	s.csv.Add(p.plain)
	if r.Header.Get("Accept-Encoding") != "" {
		_, _ = w.Write(p.body)
		return
	}
	w.Header().Del("Content-Encoding")
	plain, err := gzip.NewReader(bytes.NewReader(p.body))
	if err == nil {
		_, err = io.Copy(w, plain)
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// createJob remembers what a Bulk job reads: pages of the same query are the same.
func (s *orgServer) createJob(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	r.Header.Del("Accept-Encoding")
	s.org.ServeHTTP(answer, r)
	var asked struct{ Query string }
	var job struct{ ID string }
	if json.Unmarshal(body, &asked) == nil && json.Unmarshal(answer.Body.Bytes(), &job) == nil {
		s.mu.Lock()
		s.queries[job.ID] = asked.Query
		s.mu.Unlock()
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// kept are the addresses of the pages, by the query and the bytes in each.
func (s *orgServer) kept() []keptPage {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []keptPage
	for _, p := range s.pages {
		kept = append(kept, keptPage{URL: p.url, Query: p.query, Plain: p.plain})
	}
	return kept
}

// keep renders a page once; the job's own id is no part of what it is.
func (s *orgServer) keep(r *http.Request) *page {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := s.queries[path.Base(path.Dir(r.URL.Path))]
	key := query + "?" + r.URL.Query().Get("locator")
	if p := s.pages[key]; p != nil {
		return p
	}
	plain := r.Clone(r.Context())
	plain.Header.Del("Accept-Encoding")
	count, rendered := atomic.Int64{}, httptest.NewRecorder()
	packed(&counter{ResponseWriter: rendered, bytes: &count}, func(w http.ResponseWriter) { s.org.ServeHTTP(w, plain) })
	p := &page{header: rendered.Header(), body: rendered.Body.Bytes(), plain: count.Load(), url: r.URL.RequestURI(), query: query}
	s.pages[key] = p
	return p
}

// orgProcess is the bench's side of it.
type orgProcess struct {
	url     string
	process *exec.Cmd
	input   io.Closer
	token   string
	objects []string // that can be read
}

func startOrg(ctx context.Context, p population) (*orgProcess, error) {
	o := &orgProcess{process: exec.CommandContext(ctx, os.Args[0], "-org", "-records", strconv.Itoa(p.records), "-custom", strconv.Itoa(p.custom), "-wide="+strconv.FormatBool(p.wide))}
	o.process.Stderr = os.Stderr
	input, err1 := o.process.StdinPipe()
	output, err2 := o.process.StdoutPipe()
	if err := cmp.Or(err1, err2, o.process.Start()); err != nil {
		return nil, err
	}
	o.input = input
	address, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return nil, errors.Join(errors.New("the org's process did not start"), o.process.Wait())
	}
	o.url = strings.TrimSpace(address)
	return o, o.signIn(ctx)
}

func (o *orgProcess) stop() error {
	_ = o.input.Close()
	return o.process.Wait()
}

func (o *orgProcess) numbers() (n numbers) {
	body, err := o.get("/-/numbers")
	if err == nil {
		err = json.Unmarshal(body, &n)
	}
	if err != nil {
		panic(err) // our own other process
	}
	return n
}

func (o *orgProcess) wait(d time.Duration) error {
	_, err := o.get("/-/wait?d=" + d.String())
	return err
}

func (o *orgProcess) keepPages() error {
	_, err := o.get("/-/keep")
	return err
}

// keptPages are the pages, and the bytes in them.
func (o *orgProcess) keptPages() (pages []keptPage, size int64, err error) {
	body, err := o.get("/-/kept")
	if err != nil {
		return nil, 0, err
	}
	err = json.Unmarshal(body, &pages)
	for i := range pages {
		pages[i].URL = o.url + pages[i].URL
		size += pages[i].Plain
	}
	return pages, size, err
}

// ask decodes the answer.
func (o *orgProcess) ask(method, path string, body, into any) error {
	text, err := o.do(method, path, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func (o *orgProcess) get(path string) ([]byte, error) {
	return o.do(http.MethodGet, path, nil)
}

func (o *orgProcess) do(method, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(method, o.url+path, bytes.NewReader(text)) //nolint:noctx // the process ends with the context
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+o.token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	read, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	return read, err
}
