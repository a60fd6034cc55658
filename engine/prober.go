package engine

import "context"

// ChangeProber is what a Reader may also be: it can tell cheaply, many SObjects
// at a time, which reads would come back empty.
type ChangeProber interface {
	// Changed answers, per request and in order, whether a Read of it now could
	// return a row. False is exactly as sure as the Read itself, soft deletes
	// included; where the org does not say, the answer is true.
	Changed(ctx context.Context, requests []ReadRequest) ([]bool, error)
}
