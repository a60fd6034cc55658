package segment

import (
	"errors"
	"fmt"
	"strings"
)

// What can be wrong with a segment. Every such error is wrapped in an *Error.
var (
	ErrDamaged = errors.New("damaged")      // the bytes do not verify
	ErrKey     = errors.New("not the key")  // the key is another one
	ErrLimit   = errors.New("over a limit") // what is written is too large
	ErrOrder   = errors.New("not in order") // rows were not sorted by id and sequence
)

// Error says what is wrong with which part of which segment. First and Last
// are the ids of the block's first and last record, where they are known.
type Error struct {
	Segment     string
	Part        string // header, footer, index, bloom, block
	Object      string
	Block       int
	First, Last []byte
	Err         error
}

// Error is one line for an operator: it names ids, never values.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "segment %s, %s", e.Segment, e.Part)
	if e.Part == "block" {
		fmt.Fprintf(&b, " %d (%s, records %s to %s)", e.Block, e.Object, e.First, e.Last)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }
