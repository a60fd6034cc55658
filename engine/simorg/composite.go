package simorg

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

const (
	maxSubrequests = 25
	maxQueries     = 5
	maxGraphs      = 75
	maxNodes       = 500
)

// subrequest is one request inside a composite one.
type subrequest struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	ReferenceID string            `json:"referenceId"`
	Body        json.RawMessage   `json:"body"`
	RichInput   json.RawMessage   `json:"richInput"`
	HTTPHeaders map[string]string `json:"httpHeaders"`
}

// subresponse is its answer.
type subresponse struct {
	Body        any               `json:"body"`
	HTTPHeaders map[string]string `json:"httpHeaders"`
	Status      int               `json:"httpStatusCode"`
	ReferenceID string            `json:"referenceId"`
}

func (s subresponse) failed() bool { return s.Status >= 300 && s.Status != http.StatusNotModified }

// insideKey carries the composite call to the handlers of its subrequests.
type insideKey struct{}

// inside answers one subrequest in this process: same session, same
// transaction, no further API call.
func (c *call) inside(sub subrequest, body []byte) subresponse {
	answer := subresponse{ReferenceID: sub.ReferenceID, HTTPHeaders: map[string]string{}}
	ctx := context.WithValue(c.r.Context(), insideKey{}, c)
	r, err := http.NewRequestWithContext(ctx, strings.ToUpper(sub.Method), strings.ReplaceAll(sub.URL, " ", "%20"), bytes.NewReader(body))
	if err != nil {
		answer.Status, answer.Body = http.StatusBadRequest, badRequest("INVALID_INPUT", "The url %q cannot be read", sub.URL).single()
		return answer
	}
	r.URL.Path = strings.TrimRight(r.URL.Path, "/")
	r.Host, r.RequestURI = c.r.Host, sub.URL
	for _, name := range []string{"Sforce-Auto-Assign", "Sforce-Duplicate-Rule-Header", "Sforce-Query-Options", "Sforce-Call-Options"} {
		if v := c.r.Header.Get(name); v != "" {
			r.Header.Set(name, v)
		}
	}
	for name, value := range sub.HTTPHeaders {
		r.Header.Set(name, value)
	}
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	c.org.handler.ServeHTTP(rec, r)
	answer.Status = rec.status
	for _, name := range []string{"Location", "ETag", "Last-Modified"} {
		if v := rec.header.Get(name); v != "" {
			answer.HTTPHeaders[name] = v
		}
	}
	if rec.body.Len() > 0 {
		answer.Body = json.RawMessage(rec.body.Bytes())
	}
	return answer
}

// outer is the composite call that a subrequest runs in; nil at the top.
func outer(r *http.Request) *call {
	c, _ := r.Context().Value(insideKey{}).(*call)
	return c
}

// compositeBody is the body of /composite and of one graph.
type compositeBody struct {
	AllOrNone bool         `json:"allOrNone"`
	Requests  []subrequest `json:"compositeRequest"`
	GraphID   string       `json:"graphId"`
}

func composite(c *call) (reply, error) {
	var body compositeBody
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if len(body.Requests) > maxSubrequests {
		return reply{}, badRequest("LIMIT_EXCEEDED", "The composite request has %d subrequests, more than %d", len(body.Requests), maxSubrequests)
	}
	if n := heavy(body.Requests); n > maxQueries {
		return reply{}, badRequest("LIMIT_EXCEEDED", "The composite request has %d query or collection subrequests, more than %d", n, maxQueries)
	}
	if err := references(body.Requests); err != nil {
		return reply{}, err
	}
	answers, _ := c.sequence(body.Requests, body.AllOrNone)
	return ok(map[string]any{"compositeResponse": answers})
}

// heavy counts the queries and collections.
func heavy(requests []subrequest) int {
	n := 0
	for _, r := range requests {
		if strings.Contains(r.URL, "/query") || strings.Contains(r.URL, "/composite/sobjects") {
			n++
		}
	}
	return n
}

// references refuses missing and double reference ids.
func references(requests []subrequest) error {
	seen := map[string]bool{}
	for _, r := range requests {
		if r.ReferenceID == "" || seen[r.ReferenceID] {
			return badRequest("INVALID_INPUT", "Each subrequest needs a referenceId of its own: %q", r.ReferenceID)
		}
		seen[r.ReferenceID] = true
	}
	return nil
}

// halted is what the others answer when one failed and all were to hold.
func halted(ref string) subresponse {
	return subresponse{
		ReferenceID: ref, Status: http.StatusBadRequest, HTTPHeaders: map[string]string{},
		Body: badRequest("PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed.").single(),
	}
}

// sequence answers subrequests in order; atomic, the first failure undoes all
// and every other one answers PROCESSING_HALTED.
func (c *call) sequence(requests []subrequest, atomic bool) ([]subresponse, bool) {
	if !atomic {
		return c.each(requests), true
	}
	answers := make([]subresponse, len(requests))
	worked := true
	_ = c.write(func(t *tx) error {
		inner := *c
		inner.tx = t
		results := map[string]any{}
		for i, sub := range requests {
			answers[i] = inner.one(sub, results)
			if !answers[i].failed() {
				continue
			}
			worked = false
			for j := range requests {
				if j != i {
					answers[j] = halted(requests[j].ReferenceID)
				}
			}
			return badRequest("PROCESSING_HALTED", "")
		}
		return nil
	})
	return answers, worked
}

func (c *call) each(requests []subrequest) []subresponse {
	answers, results := make([]subresponse, len(requests)), map[string]any{}
	for i, sub := range requests {
		answers[i] = c.one(sub, results)
	}
	return answers
}

// one fills a subrequest's references and answers it.
func (c *call) one(sub subrequest, results map[string]any) subresponse {
	url, err := resolveReferences(sub.URL, results)
	body := []byte(sub.Body)
	if err == nil {
		var text string
		text, err = resolveReferences(string(body), results)
		body = []byte(text)
	}
	if err != nil {
		return subresponse{ReferenceID: sub.ReferenceID, Status: http.StatusBadRequest, HTTPHeaders: map[string]string{}, Body: asAPIError(err).single()}
	}
	sub.URL = url
	answer := c.inside(sub, body)
	if raw, is := answer.Body.(json.RawMessage); is && !answer.failed() {
		var parsed any
		_ = decodeJSON(raw, &parsed)
		results[sub.ReferenceID] = parsed
	}
	return answer
}

var reference = regexp.MustCompile(`@\{([^}]+)\}`)

// resolveReferences replaces each @{ref.field[0].id} by what an earlier answer says.
func resolveReferences(text string, results map[string]any) (string, error) {
	var failed error
	out := reference.ReplaceAllStringFunc(text, func(match string) string {
		value, err := follow(match[2:len(match)-1], results)
		if err != nil {
			failed = err
			return match
		}
		return value
	})
	return out, failed
}

var pathPart = regexp.MustCompile(`[^.\[\]]+`)

func follow(path string, results map[string]any) (string, error) {
	parts := pathPart.FindAllString(path, -1)
	var at any = results
	for _, part := range parts {
		switch v := at.(type) {
		case map[string]any:
			inner, found := v[part]
			if !found {
				return "", badRequest("PROCESSING_HALTED", "Invalid reference specified. No value for %s found in %s", path, parts[0])
			}
			at = inner
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(v) {
				return "", badRequest("PROCESSING_HALTED", "Invalid reference specified. No value for %s found", path)
			}
			at = v[i]
		default:
			return "", badRequest("PROCESSING_HALTED", "Invalid reference specified. No value for %s found", path)
		}
	}
	return fmt.Sprint(at), nil
}

func batch(c *call) (reply, error) {
	var body struct {
		Requests    []subrequest `json:"batchRequests"`
		HaltOnError bool         `json:"haltOnError"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if len(body.Requests) > maxSubrequests {
		return reply{}, badRequest("LIMIT_EXCEEDED", "The batch has %d requests, more than %d", len(body.Requests), maxSubrequests)
	}
	results, failed := make([]map[string]any, len(body.Requests)), false
	for i, sub := range body.Requests {
		if failed && body.HaltOnError {
			results[i] = map[string]any{"statusCode": 412, "result": badRequest("BATCH_PROCESSING_HALTED", "Batch processing halted per request as previous request failed").single()}
			continue
		}
		if !strings.HasPrefix(sub.URL, "/services/") {
			sub.URL = "/services/data/" + strings.TrimPrefix(sub.URL, "/")
		}
		answer := c.inside(sub, sub.RichInput)
		failed = failed || answer.failed()
		results[i] = map[string]any{"statusCode": answer.Status, "result": answer.Body}
	}
	return ok(map[string]any{"hasErrors": failed, "results": results})
}

func graph(c *call) (reply, error) {
	var body struct {
		Graphs []compositeBody `json:"graphs"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	nodes := 0
	for _, g := range body.Graphs {
		nodes += len(g.Requests)
		if err := references(g.Requests); err != nil {
			return reply{}, err
		}
	}
	if len(body.Graphs) > maxGraphs || nodes > maxNodes {
		return reply{}, badRequest("LIMIT_EXCEEDED", "The request has %d graphs and %d nodes, more than %d and %d", len(body.Graphs), nodes, maxGraphs, maxNodes)
	}
	answers := make([]map[string]any, len(body.Graphs))
	for i, g := range body.Graphs {
		responses, worked := c.sequence(g.Requests, true)
		answers[i] = map[string]any{"graphId": g.GraphID, "graphResponse": map[string]any{"compositeResponse": responses}, "isSuccessful": worked}
	}
	return ok(map[string]any{"graphs": answers})
}
