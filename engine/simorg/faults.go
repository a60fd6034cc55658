package simorg

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

// The faults. Each stands for something recorded of the platform or the way to it.
const (
	Unavailable    FaultKind = "503"         // SERVER_UNAVAILABLE
	ServerError    FaultKind = "500"         // UNKNOWN_EXCEPTION with an ErrorId
	BadGateway     FaultKind = "502"         // the edge, in HTML
	NoRoute        FaultKind = "420"         // the edge during an org's move
	Reset          FaultKind = "reset"       // the connection is closed without an answer
	Truncated      FaultKind = "truncated"   // half of the body, then the connection closes
	Cut            FaultKind = "cut"         // the same of a chunked body
	LateCommit     FaultKind = "latecommit"  // what the call writes is seen only Delay later (by the org's clock)
	ShortBody      FaultKind = "short"       // half of the body, properly ended
	Slow           FaultKind = "slow"        // the answer takes Delay
	ExpiredSession FaultKind = "expired"     // 401 INVALID_SESSION_ID; the session is gone
	LimitExceeded  FaultKind = "limit"       // 403 REQUEST_LIMIT_EXCEEDED, the daily one
	Concurrency    FaultKind = "concurrency" // 403 REQUEST_LIMIT_EXCEEDED, too many at once
	RowLock        FaultKind = "rowlock"     // UNABLE_TO_LOCK_ROW, no row is written
	LocatorExpiry  FaultKind = "locator"     // every open query result is gone
	NULBytes       FaultKind = "nul"         // a NUL byte inside a CSV value
	Garbled        FaultKind = "garbled"     // the first byte of the body is another one
	LostAnswer     FaultKind = "lost"        // the work is done, the answer is not sent
)

// Fault is one rule of what goes wrong: it applies to requests whose method and
// path match, to the Nth one (from 1) or, with a Rate, to that share of them.
type Fault struct {
	Method string // "" any
	Path   string // a part of the path; "" any
	Nth    int    // only this one of the matching requests; 0: see Rate and Times
	Every  int    // each Every-th one
	Rate   float64
	Times  int // at most so often; 0: no limit
	Kind   FaultKind
	Delay  time.Duration
	After  int64 // Reset closes the connection once so many bytes of the body are sent
}

// Latency delays every answer: Base, and up to Jitter more.
type Latency struct{ Base, Jitter time.Duration }

type faultState struct {
	mu     sync.Mutex
	rules  []*faultRule
	random *rand.Rand
}

type faultRule struct {
	Fault
	seen, done int
}

func (f *faultState) init(rules []Fault) {
	f.random = rand.New(rand.NewPCG(1, 2))
	f.set(rules)
}

func (f *faultState) set(rules []Fault) {
	f.rules = nil
	for _, r := range rules {
		f.rules = append(f.rules, &faultRule{Fault: r})
	}
}

// SetFaults replaces the org's faults and starts their counts anew.
func (o *Org) SetFaults(rules ...Fault) {
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	o.faults.set(rules)
}

// pick finds the fault that befalls a request; nil for none.
func (f *faultState) pick(r *http.Request) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, rule := range f.rules {
		if rule.Method != "" && rule.Method != r.Method || !strings.Contains(r.URL.Path, rule.Path) {
			continue
		}
		rule.seen++
		if rule.Times > 0 && rule.done >= rule.Times {
			continue
		}
		if f.due(rule) {
			rule.done++
			return &rule.Fault
		}
	}
	return nil
}

func (f *faultState) due(rule *faultRule) bool {
	switch {
	case rule.Nth > 0:
		return rule.seen == rule.Nth
	case rule.Every > 0:
		return rule.seen%rule.Every == 0
	case rule.Rate > 0:
		return f.random.Float64() < rule.Rate
	}
	return true
}

// disturb applies latency and faults. It answers the request itself (true), or
// hands back the writer through which the platform's answer should go.
func (o *Org) disturb(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, bool) {
	o.delay(r)
	fault := o.faults.pick(r)
	if fault == nil {
		return w, false
	}
	switch fault.Kind {
	case Slow:
		o.cfg.Sleep(r.Context(), fault.Delay)
		return w, false
	case Reset:
		if fault.After == 0 {
			drop(w)
			break
		}
		return &severed{ResponseWriter: w, left: fault.After}, false
	case Truncated, Cut, ShortBody, NULBytes, LostAnswer:
		o.spoil(w, r, fault.Kind)
	case Garbled:
		o.handler.ServeHTTP(&garbled{ResponseWriter: w}, unzipped(r))
	case LateCommit:
		o.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), lateKey{}, fault.Delay)))
	case LocatorExpiry:
		o.ExpireCursors()
		return w, false
	case ExpiredSession:
		o.auth.end(r)
		o.print(w, r, reply{}, expiredSession())
	case BadGateway, NoRoute:
		w.Header().Set("Content-Type", "text/html")
		status, _ := strconv.Atoi(string(fault.Kind))
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><body>Salesforce Edge could not route this request.</body></html>"))
	default:
		o.print(w, r, reply{}, refusals[fault.Kind])
	}
	return w, true
}

var refusals = map[FaultKind]*apiError{
	Unavailable:   refuse(http.StatusServiceUnavailable, "SERVER_UNAVAILABLE", "The server is temporarily unavailable. Please try again."),
	ServerError:   refuse(http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support: 94921531-12345 (-1205631243)"),
	LimitExceeded: refuse(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
	Concurrency:   refuse(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
	RowLock:       invalidRow("UNABLE_TO_LOCK_ROW", nil, "unable to obtain exclusive access to this record or 1 records: 0015g00000000001AA"),
}

// end throws the session of a request away.
func (a *authState) end(r *http.Request) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, token)
}

func (o *Org) delay(r *http.Request) {
	l := o.cfg.Latency
	if l.Base == 0 && l.Jitter == 0 {
		return
	}
	extra := time.Duration(0)
	if l.Jitter > 0 {
		o.faults.mu.Lock()
		extra = time.Duration(o.faults.random.Int64N(int64(l.Jitter)))
		o.faults.mu.Unlock()
	}
	o.cfg.Sleep(r.Context(), l.Base+extra)
}

// wait passes the time, or gives up with the client.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// drop closes the connection without an answer.
func drop(w http.ResponseWriter) {
	if hijacker, can := w.(http.Hijacker); can {
		if conn, _, err := hijacker.Hijack(); err == nil {
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// severed closes the connection in the middle of a body, which is sent until then.
type severed struct {
	http.ResponseWriter
	left int64
}

func (s *severed) Write(p []byte) (int, error) {
	if s.left == 0 {
		return 0, http.ErrAbortHandler
	}
	n, err := s.ResponseWriter.Write(p[:min(s.left, int64(len(p)))])
	if s.left -= int64(n); s.left > 0 || err != nil {
		return n, err
	}
	if f, can := s.ResponseWriter.(http.Flusher); can {
		f.Flush()
	}
	drop(s.ResponseWriter)
	return n, http.ErrAbortHandler
}

// garbled changes the first byte of a body.
type garbled struct {
	http.ResponseWriter
	done bool
}

func (g *garbled) Write(p []byte) (int, error) {
	if !g.done && len(p) > 0 {
		g.done = true
		p = bytes.Clone(p)
		p[0] ^= 1
	}
	return g.ResponseWriter.Write(p)
}

// unzipped is the request of a client that takes no gzip.
func unzipped(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Del("Accept-Encoding")
	return r
}

// recorder keeps an answer so that it can be spoilt.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// spoil lets the platform answer and damages the answer on its way.
func (o *Org) spoil(w http.ResponseWriter, r *http.Request, kind FaultKind) {
	if kind != Truncated && kind != Cut {
		r = unzipped(r)
	}
	rec := &recorder{header: w.Header(), status: http.StatusOK}
	o.handler.ServeHTTP(rec, r)
	body := rec.body.Bytes()
	switch kind {
	case LostAnswer:
		drop(w)
		return
	case NULBytes:
		body = insertNUL(body)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	case ShortBody:
		body = body[:len(body)/2]
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	case Truncated:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		body = body[:len(body)/2]
	case Cut:
		w.Header().Del("Content-Length")
		body = body[:len(body)/2]
	}
	w.WriteHeader(rec.status)
	_, _ = w.Write(body)
	if kind == Truncated || kind == Cut {
		if f, can := w.(http.Flusher); can {
			f.Flush()
		}
		drop(w)
	}
}

// insertNUL puts a NUL byte into the last value of a CSV page.
func insertNUL(body []byte) []byte {
	i := bytes.LastIndexByte(bytes.TrimRight(body, "\r\n\""), '"')
	if i < 0 {
		return body
	}
	return append(append(bytes.Clone(body[:i+1]), 0), body[i+1:]...)
}

// chance draws whether something of that share happens.
func (f *faultState) chance(share float64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.random.Float64() < share
}
