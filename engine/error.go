package engine

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of failure an Error is, and so what a caller can do.
type Kind string

// The kinds of failure.
const (
	KindInvalid   Kind = "invalid"   // the request is wrong; it will stay wrong
	KindNotFound  Kind = "not_found" // the thing is not there, or not this viewer's
	KindConflict  Kind = "conflict"  // the state forbids it now
	KindDenied    Kind = "denied"    // the viewer, or our user in the org, may not
	KindLimit     Kind = "limit"     // a quota or a size limit is reached
	KindTransient Kind = "transient" // worth another try
	KindCorrupt   Kind = "corrupt"   // stored data does not verify
	KindInternal  Kind = "internal"  // a fault of ours
)

// Error is every failure the product tells a user about. Message is a whole
// sentence that names the user's thing and the way out; Err is for operators
// and never leaves the server. Org, Object, Record and Field name the thing.
type Error struct {
	Op      string
	Kind    Kind
	Code    string
	Message string
	Org     string
	Object  string
	Record  string
	Field   string
	Err     error
}

// Error is the operator's text: it includes the cause, so it must not be shown to users.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	if e.Message != "" {
		b.WriteString(e.Message)
	} else {
		b.WriteString(string(e.Kind))
	}
	if e.Code != "" {
		b.WriteString(" [" + e.Code + "]")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// E makes an Error whose code and message a user will read.
func E(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap says what we were doing when err happened. The kind, code and message
// of an Error inside err stay what they are; nil stays nil.
func Wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", op, err)
}

// AsError finds the Error inside err.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// KindOf is the kind of the Error inside err, KindInternal for any other error
// and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := AsError(err); ok && e.Kind != "" {
		return e.Kind
	}
	return KindInternal
}

// Is reports whether err holds an Error of that kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
