package salesforce

import (
	"context"

	"github.com/holdfast-backup/holdfast/engine"
)

// CountWhere lets the org count what lives: SELECT COUNT().
func (o *org) CountWhere(ctx context.Context, object, where string) (int64, error) {
	s := selection{fields: []string{"COUNT()"}, object: object, where: bounds(engine.ReadRequest{Object: engine.SObject{Name: object}, Where: where})}
	var wire struct {
		Total *int64 `json:"totalSize"`
	}
	err := o.fetch(ctx, get(o.query(current, s.String()), object, "count "+object), &wire)
	if err == nil && wire.Total == nil {
		err = errIncomplete
	}
	if err != nil {
		return 0, err
	}
	return *wire.Total, nil
}
