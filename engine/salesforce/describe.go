package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
)

const (
	compositeMost    = 25 // subrequests of one composite call
	compositeQueries = 5  // of them, queries
)

// subrequest is one part of a composite call.
type subrequest struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	ReferenceID string            `json:"referenceId"`
	HTTPHeaders map[string]string `json:"httpHeaders,omitempty"`
}

// subanswer is its outcome.
type subanswer struct {
	Status int             `json:"httpStatusCode"`
	Body   json.RawMessage `json:"body"`
}

// composite sends independent reads as one API call and answers them in order,
// with the org's time. A part that fails does not fail its neighbours.
func (o *org) composite(ctx context.Context, parts []subrequest, doing string) ([]subanswer, time.Time, error) {
	for i := range parts {
		parts[i].Method, parts[i].ReferenceID = http.MethodGet, reference(i)
	}
	c, err := post(o.data("/composite"), map[string]any{"allOrNone": false, "collateSubrequests": false, "compositeRequest": parts}, true)
	if err != nil {
		return nil, time.Time{}, err
	}
	var (
		wire struct {
			Parts []struct {
				subanswer
				ReferenceID string `json:"referenceId"`
			} `json:"compositeResponse"`
		}
		at time.Time
	)
	err = o.do(ctx, c.about("", doing), func(a answer) error {
		text, err := readAll(a, o.options.PageBytes)
		if err != nil {
			return err
		}
		wire.Parts = nil
		if err := json.Unmarshal(text, &wire); err != nil || len(wire.Parts) != len(parts) {
			return &broken{err: errIncomplete}
		}
		at, err = dateOf(a.header)
		return err
	})
	if err != nil {
		return nil, at, err
	}
	answers := make([]subanswer, len(parts))
	for _, part := range wire.Parts {
		if i := slices.IndexFunc(parts, func(p subrequest) bool { return p.ReferenceID == part.ReferenceID }); i >= 0 {
			answers[i] = part.subanswer
		}
	}
	return answers, at, nil
}

func reference(i int) string { return "r" + string(rune('A'+i)) }

// DescribeGlobal lists every SObject our user can see, without fields.
func (o *org) DescribeGlobal(ctx context.Context) ([]engine.SObject, error) {
	var wire struct {
		SObjects []engine.SObject `json:"sobjects"`
	}
	err := o.fetch(ctx, get(o.data("/sobjects/"), "", "list its SObjects"), &wire)
	return wire.SObjects, err
}

// Describe asks for the describes 25 to a call, each under its own
// If-Modified-Since. What fails for a passing reason is asked for again.
func (o *org) Describe(ctx context.Context, requests []engine.DescribeRequest) ([]engine.DescribeResult, error) {
	results := make([]engine.DescribeResult, len(requests))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fanOut)
	for start := 0; start < len(requests); start += compositeMost {
		end := min(start+compositeMost, len(requests))
		group.Go(func() error { return o.describeBatch(ctx, requests[start:end], results[start:end]) })
	}
	return results, group.Wait()
}

func (o *org) describeBatch(ctx context.Context, requests []engine.DescribeRequest, results []engine.DescribeResult) error {
	open := make([]int, len(requests))
	for i := range open {
		open[i] = i
	}
	for attempt := 1; ; attempt++ {
		parts := make([]subrequest, len(open))
		for i, n := range open {
			parts[i] = o.describePart(requests[n])
		}
		answers, at, err := o.composite(ctx, parts, "describe its SObjects")
		if half := len(requests) / 2; tooLarge(err) && half > 0 {
			return errors.Join(o.describeBatch(ctx, requests[:half], results[:half]), o.describeBatch(ctx, requests[half:], results[half:]))
		}
		if err != nil {
			return err
		}
		var again []int
		for i, n := range open {
			results[n] = describeResult(requests[n].Object, answers[i], at)
			if engine.Is(results[n].Err, engine.KindTransient) {
				again = append(again, n)
			}
		}
		if len(again) == 0 || attempt == o.options.Retry.Attempts {
			return nil
		}
		open = again
		if err := o.options.Sleep(ctx, o.options.Retry.pause(attempt)); err != nil {
			return err
		}
	}
}

func (o *org) describePart(r engine.DescribeRequest) subrequest {
	part := subrequest{URL: o.data("/sobjects/" + r.Object + "/describe")}
	if !r.Since.IsZero() {
		part.HTTPHeaders = map[string]string{"If-Modified-Since": r.Since.UTC().Format(http.TimeFormat)}
	}
	return part
}

// describeResult dates a describe one second early: a change within the second
// of the answer must count as later than it.
func describeResult(object string, a subanswer, at time.Time) engine.DescribeResult {
	result := engine.DescribeResult{Object: object, AsOf: at.Add(-time.Second)}
	c := call{object: object, doing: "describe " + object}
	switch {
	case a.Status == http.StatusNotModified:
		result.Unchanged = true
	case a.Status == http.StatusOK:
		result.SObject = new(engine.SObject)
		if err := json.Unmarshal(a.Body, result.SObject); err != nil {
			result.SObject, result.Err = nil, explain(c, &broken{err: errIncomplete})
		}
	default:
		result.Err = explain(c, refusalFrom(a.Status, a.Body))
	}
	return result
}
