package engine

import "context"

// Counter is what a Reader may also be: it counts records that match, exactly.
type Counter interface {
	// CountWhere counts the records of an SObject that are not deleted and match a
	// SOQL condition, "" for all.
	CountWhere(ctx context.Context, object, where string) (int64, error)
}
