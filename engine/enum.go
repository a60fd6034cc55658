package engine

import (
	"fmt"
	"io"
	"slices"
	"strconv"
)

// The enums below travel through GraphQL under their own names; the methods
// have the signatures that gqlgen looks for.

// enum is what every enum of this package is.
type enum interface {
	~string
	Values() []string
}

func marshalEnum[T enum](w io.Writer, v T) { _, _ = io.WriteString(w, strconv.Quote(string(v))) }

func unmarshalEnum[T enum](v *T, from any) error {
	text, ok := from.(string)
	if !ok || !slices.Contains((*v).Values(), text) {
		return fmt.Errorf("%v is not one of %v", from, (*v).Values())
	}
	*v = T(text)
	return nil
}

// MarshalGQL writes the value as GraphQL does.
func (v Operation) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *Operation) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }

// MarshalGQL writes the value as GraphQL does.
func (v JobState) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *JobState) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }

// MarshalGQL writes the value as GraphQL does.
func (v JobObjectState) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *JobObjectState) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }

// MarshalGQL writes the value as GraphQL does.
func (v JobObjectKind) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *JobObjectKind) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }

// MarshalGQL writes the value as GraphQL does.
func (v LogLevel) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *LogLevel) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }

// MarshalGQL writes the value as GraphQL does.
func (v Change) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *Change) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }

// MarshalGQL writes the value as GraphQL does.
func (v Tombstone) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *Tombstone) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }

// MarshalGQL writes the value as GraphQL does.
func (v Role) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *Role) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }

// MarshalGQL writes the value as GraphQL does.
func (v OAuthFlow) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *OAuthFlow) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }

// MarshalGQL writes the value as GraphQL does.
func (v EventKind) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *EventKind) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }

// MarshalGQL writes the value as GraphQL does.
func (v WaitReason) MarshalGQL(w io.Writer) { marshalEnum(w, v) }

// UnmarshalGQL accepts one of Values.
func (v *WaitReason) UnmarshalGQL(from any) error { return unmarshalEnum(v, from) }
