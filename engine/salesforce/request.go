package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/holdfast-backup/holdfast/engine"
)

// call is one request to the org.
type call struct {
	method string
	path   string // on the instance, with its query
	header map[string]string
	body   []byte
	signed func(token string) []byte // a body that holds the session, in place of body
	again  bool                      // sending it twice does no more than sending it once
	urgent bool                      // sent though the quota is used up: it is how one sees that
	org    string                    // our id of the org, for messages
	object string                    // the SObject concerned, for messages
	doing  string                    // what the org should do: "read Account"
}

func get(path, object, doing string) call {
	return call{method: http.MethodGet, path: path, again: true, object: object, doing: doing}
}

// post makes a call with a JSON body; again as in call.
func post(path string, body any, again bool) (call, error) {
	text, err := json.Marshal(body)
	return call{method: http.MethodPost, path: path, body: text, again: again}, err
}

func (c call) about(object, doing string) call {
	c.object, c.doing = object, doing
	return c
}

// answer is a response below 400, its body inflated.
type answer struct {
	status  int
	attempt int // 1 unless the call had to be repeated
	header  http.Header
	body    io.Reader
}

const mostRenewals = 2 // of the session, for one call

// do sends a call and hands its answer to use. It tries again, use included,
// as far as the failure and the call allow; use must therefore start afresh
// each time. An error of use that is not a broken connection is final.
func (o *org) do(ctx context.Context, c call, use func(answer) error) error {
	c.org = o.session.ref
	ctx, cancel := patient(ctx, c)
	defer cancel()
	enter, renewals := o.governor.enter, 0
	for attempt := 1; ; attempt++ {
		if err := o.governor.admit(); err != nil && !c.urgent {
			return err
		}
		leave, err := enter(ctx)
		if err != nil {
			return err
		}
		now := turn{o.session.current(), sync.OnceFunc(leave)}
		err = o.once(ctx, now, c, func(a answer) error {
			a.attempt = attempt
			return use(a)
		})
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r, ok := refused(err); ok && r.deadSession() && renewals < mostRenewals {
			renewals++
			if renewals == mostRenewals {
				enter = o.enterRenewed
			} else if err := o.session.renew(ctx, now.token); err != nil {
				return err
			}
			continue
		}
		enter = o.governor.enter
		if !o.mayRepeat(c, err, attempt) {
			return explain(c, err)
		}
		if err := o.pause(ctx, attempt, err); err != nil {
			return err
		}
	}
}

// patient ends the context when somebody has waited long enough.
func patient(ctx context.Context, c call) (context.Context, context.CancelFunc) {
	until, impatient := engine.PatientUntil(ctx)
	if !impatient {
		return ctx, func() {}
	}
	return context.WithDeadlineCause(ctx, until, &engine.Error{
		Kind: engine.KindTransient, Code: "ORG_UNREACHABLE", Op: c.doing, Org: c.org, Object: c.object,
		Message: fmt.Sprintf("Salesforce took too long to %s: try again later.", c.doing),
	})
}

// enterRenewed is how a call enters for its last try with a new session: it has
// the org to itself, since that session too may be ended by a call beside it.
func (o *org) enterRenewed(ctx context.Context) (leave func(), err error) {
	if leave, err = o.governor.enterAlone(ctx); err != nil {
		return nil, err
	}
	if err := o.session.renew(ctx, o.session.current().token); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

func (o *org) mayRepeat(c call, err error, attempt int) bool {
	most := o.options.Retry.Attempts
	if r, ok := refused(err); ok {
		o.governor.note(r)
		most = min(most, r.mostTries())
	}
	switch repeatable(err) {
	case always:
		return attempt < most
	case ifSafe:
		return c.again && attempt < most
	}
	return false
}

// pause waits before the next attempt: a full-jitter backoff, never less than
// a second when the org says that too much runs at once.
func (o *org) pause(ctx context.Context, attempt int, err error) error {
	wait := o.options.Retry.pause(attempt)
	if r, ok := refused(err); ok && r.Code == "REQUEST_LIMIT_EXCEEDED" {
		wait = max(wait, o.options.Retry.Base*2)
	}
	o.options.Log.InfoContext(ctx, "salesforce: trying again", "attempt", attempt, "after", wait, "why", err.Error())
	return o.options.Sleep(ctx, wait)
}

// pause draws the wait before attempt n+1.
func (r Retry) pause(n int) time.Duration {
	ceiling := min(r.Most, r.Base<<min(n-1, 20))
	return rand.N(ceiling + 1)
}

// turn is what it takes to send a call once.
type turn struct {
	credentials
	leave func() // lets the next one in
}

// once sends a call a single time; it leaves when the answer begins.
func (o *org) once(ctx context.Context, now turn, c call, use func(answer) error) error {
	defer now.leave()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c.signed != nil {
		c.body = c.signed(now.token)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, now.instance+c.path, bytes.NewReader(c.body))
	if err != nil {
		return fmt.Errorf("salesforce: make the request to %s", c.doing)
	}
	o.setHeaders(req, now.token, c)
	o.calls.Add(1)
	engine.Called(ctx)
	resp, err := o.client.http.Do(req)
	now.leave()
	if err != nil {
		return breakage(err)
	}
	defer resp.Body.Close()
	o.governor.observe(resp.Header)
	guard := newStallGuard(resp.Body, o.options.StallAfter, cancel)
	defer guard.stop()
	body := inflate(resp.Header, guard)
	if resp.StatusCode >= 300 && resp.StatusCode != http.StatusNotModified {
		return parseRefusal(resp.StatusCode, body)
	}
	return use(answer{status: resp.StatusCode, header: resp.Header, body: body})
}

func (o *org) setHeaders(req *http.Request, token string, c call) {
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("Sforce-Call-Options", "client=Holdfast")
	if c.body != nil {
		req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
}

func inflate(header http.Header, body io.Reader) io.Reader {
	if !strings.EqualFold(header.Get("Content-Encoding"), "gzip") {
		return body
	}
	return &gunzip{packed: body}
}

// gunzip inflates once it is read: an answer without a body has no gzip header
// either, whatever its own headers say.
type gunzip struct {
	packed io.Reader
	plain  *gzip.Reader
}

func (g *gunzip) Read(p []byte) (n int, err error) {
	if g.plain == nil {
		if g.plain, err = gzip.NewReader(g.packed); err != nil {
			g.plain = nil
			return 0, err
		}
	}
	return g.plain.Read(p)
}

// stallGuard cancels a request whose answer stays silent for too long. The
// clock stands still while nobody reads: a slow consumer is no stall.
type stallGuard struct {
	body  io.Reader
	after time.Duration
	timer *time.Timer
}

var errStalled = errors.New("the org sent nothing for too long")

func newStallGuard(body io.Reader, after time.Duration, cancel context.CancelCauseFunc) *stallGuard {
	timer := time.AfterFunc(after, func() { cancel(errStalled) })
	timer.Stop()
	return &stallGuard{body: body, after: after, timer: timer}
}

func (g *stallGuard) Read(p []byte) (int, error) {
	g.timer.Reset(g.after)
	n, err := g.body.Read(p)
	g.timer.Stop()
	return n, err
}

func (g *stallGuard) stop() { g.timer.Stop() }

// readAll takes a whole answer into memory, up to a size that is a fault.
func readAll(a answer, most int64) ([]byte, error) {
	size := 4096
	if n, err := strconv.Atoi(a.header.Get("Content-Length")); err == nil && int64(n) < most {
		size = n + 512
	}
	buffer := bytes.NewBuffer(make([]byte, 0, size))
	n, err := buffer.ReadFrom(io.LimitReader(a.body, most+1))
	if err != nil {
		return nil, &broken{err: err}
	}
	if n > most {
		return nil, engine.E(engine.KindLimit, answerTooLarge,
			"Salesforce sent more than %d MB in one page, more than Holdfast takes into memory: report this with the name of the SObject.", most>>20)
	}
	return buffer.Bytes(), nil
}

const answerTooLarge = "ANSWER_TOO_LARGE"

// tooLarge reports an answer that should be asked for in smaller parts.
func tooLarge(err error) bool {
	e, ok := engine.AsError(err)
	return ok && e.Code == answerTooLarge
}

// fetch sends a call and decodes its JSON answer.
func (o *org) fetch(ctx context.Context, c call, into any) error {
	return o.do(ctx, c, func(a answer) error {
		text, err := readAll(a, o.options.PageBytes)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, into); err != nil {
			return &broken{err: errors.New("the answer is not the JSON it should be")}
		}
		return nil
	})
}

// discard is for calls whose answer says nothing.
func discard(answer) error { return nil }
