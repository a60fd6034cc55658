package salesforce

import (
	"context"
	"encoding/json"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
)

// Changed asks for the first row of each read: the same query over the same
// rows (queryAll), cut after one. Five queries go into one API call.
func (o *org) Changed(ctx context.Context, requests []engine.ReadRequest) ([]bool, error) {
	changed := make([]bool, len(requests))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fanOut)
	for start := 0; start < len(requests); start += compositeQueries {
		end := min(start+compositeQueries, len(requests))
		group.Go(func() error { return o.probe(ctx, requests[start:end], changed[start:end]) })
	}
	return changed, group.Wait()
}

func (o *org) probe(ctx context.Context, requests []engine.ReadRequest, changed []bool) error {
	parts := make([]subrequest, len(requests))
	for i, r := range requests {
		s := selection{fields: []string{"Id"}, object: r.Object.Name, where: bounds(r), limit: "1"}
		parts[i] = subrequest{URL: o.query(everyone, s.String())}
	}
	answers, _, err := o.composite(ctx, parts, "look for changed records")
	if err != nil {
		return err
	}
	for i, a := range answers {
		changed[i] = !a.isEmptyQuery()
	}
	return nil
}

// isEmptyQuery reports an answer that says, beyond doubt, that there is no row.
func (a subanswer) isEmptyQuery() bool {
	var wire struct {
		Done    bool              `json:"done"`
		Total   *int64            `json:"totalSize"`
		Records []json.RawMessage `json:"records"`
	}
	return a.Status == http.StatusOK && json.Unmarshal(a.Body, &wire) == nil &&
		wire.Done && wire.Total != nil && *wire.Total == 0 && len(wire.Records) == 0
}
