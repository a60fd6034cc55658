package engine

import (
	"context"
	"sync/atomic"
	"time"
)

// Calls counts the API calls that a piece of work makes of an org. A nil one
// has made none.
type Calls struct {
	made  atomic.Int64
	outer *Calls
}

type callsKey struct{}

// CountCalls answers a context whose API calls are counted, in that of ctx too
// if it has a count.
func CountCalls(ctx context.Context) (context.Context, *Calls) {
	outer, _ := ctx.Value(callsKey{}).(*Calls)
	inner := &Calls{outer: outer}
	return context.WithValue(ctx, callsKey{}, inner), inner
}

// Called counts one API call, a repeated one too. The org's client says so.
func Called(ctx context.Context) {
	calls, _ := ctx.Value(callsKey{}).(*Calls)
	for ; calls != nil; calls = calls.outer {
		calls.made.Add(1)
	}
}

// Made is how many calls there have been.
func (c *Calls) Made() int64 {
	if c == nil {
		return 0
	}
	return c.made.Load()
}

// Add counts calls that were counted elsewhere already: here they are for this
// piece of work, too.
func (c *Calls) Add(calls int64) { c.made.Add(calls) }

type impatienceKey struct{}

// Impatient answers a context for what a person waits for: an org has so long
// to answer the calls made under it, which fail as ORG_UNREACHABLE afterwards.
func Impatient(ctx context.Context, within time.Duration) context.Context {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	until, _ := limited.Deadline()
	return context.WithValue(ctx, impatienceKey{}, until)
}

// PatientUntil is until when an org may take to answer, if somebody waits.
func PatientUntil(ctx context.Context) (until time.Time, impatient bool) {
	until, impatient = ctx.Value(impatienceKey{}).(time.Time)
	return until, impatient
}
