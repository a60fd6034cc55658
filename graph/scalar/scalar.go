// Package scalar spells the API's own scalars. What does not parse is an
// INVALID engine.Error, so that the one error presenter knows it for the
// caller's fault.
package scalar

import (
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"time"

	"entgo.io/contrib/entgql"
	"github.com/99designs/gqlgen/graphql"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/holdfast-backup/holdfast/engine"
)

// MarshalTime writes t in UTC.
func MarshalTime(t time.Time) graphql.Marshaler {
	return text(t.UTC().Format(time.RFC3339Nano))
}

// UnmarshalTime accepts RFC 3339 and drops what is finer than a microsecond,
// which no database here keeps.
func UnmarshalTime(v any) (time.Time, error) {
	s, _ := v.(string)
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, engine.E(engine.KindInvalid, "MALFORMED_TIME", "“%.40v” is not a time: write it like 2026-01-31T08:00:00Z.", v)
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// MarshalSalesforceID writes the 18-character form.
func MarshalSalesforceID(id engine.RecordID) graphql.Marshaler { return text(string(id)) }

// UnmarshalSalesforceID accepts both forms of a record id.
func UnmarshalSalesforceID(v any) (engine.RecordID, error) {
	s, _ := v.(string)
	return engine.ParseRecordID(s)
}

// MarshalSalesforceIDText is MarshalSalesforceID where the id is a plain string.
func MarshalSalesforceIDText(id string) graphql.Marshaler { return text(id) }

// UnmarshalSalesforceIDText is UnmarshalSalesforceID where the id is a plain string.
func UnmarshalSalesforceIDText(v any) (string, error) {
	id, err := UnmarshalSalesforceID(v)
	return string(id), err
}

// place is entgql.Cursor with its value always written: its own encoding leaves
// out a 0 or an empty text, and the next page would begin anywhere.
type place struct {
	ID    string `msgpack:"i"`
	Value any    `msgpack:"v"`
}

// MarshalCursor writes an opaque place in a connection.
func MarshalCursor(c entgql.Cursor[string]) graphql.Marshaler {
	if c.Value == nil { // ordered by the id alone
		return c
	}
	encoded, _ := msgpack.Marshal(place{c.ID, c.Value}) // an id with a column's value always can
	return text(base64.RawStdEncoding.EncodeToString(encoded))
}

// UnmarshalCursor accepts what MarshalCursor wrote.
func UnmarshalCursor(v any) (c entgql.Cursor[string], err error) {
	s, ok := v.(string)
	if !ok {
		err = fmt.Errorf("%T is no cursor", v)
	} else {
		err = c.UnmarshalGQL(s)
	}
	if err != nil {
		err = &engine.Error{
			Kind: engine.KindInvalid, Code: "MALFORMED_CURSOR", Err: err,
			Message: "This is not a cursor of a connection: give a page's endCursor or startCursor.",
		}
	}
	return c, err
}

func text(s string) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(s)) })
}
