package soql

import "time"

// Env is what a condition means outside its own text: whose clock and zone,
// and where sub-selects are answered. The zero Env has UTC weeks from Sunday,
// fiscal years from January, no semi-joins, and the year 1 for its now.
type Env struct {
	Now          time.Time
	Location     *time.Location // the running user's
	FirstWeekday time.Weekday
	FiscalStart  time.Month
	// SemiJoin answers the sub-select of IN and NOT IN with its one column. It is
	// called once for each, while compiling.
	SemiJoin func(*Query) ([]Value, error)
	// Bind, if given, decides each Ref's Slot, such as a column's number.
	Bind func(Expr) (int, error)
	// Display, if given, computes toLabel, FORMAT and convertCurrency; without
	// it they leave the value alone.
	Display func(Call, Value) Value
}

// Record is what a condition is evaluated on. Value is called for each record
// and each Ref, so it should do no search where Slot can lead it.
type Record interface {
	Value(*Ref) Value
}

// Ref is one value that a program asks of records: a field's path, or after
// grouping an aggregate or a group's key, which has no Path.
type Ref struct {
	Expr Expr
	Path []string
	Slot int // what Env.Bind gave, else the Ref's number in its program
}

func (e *Env) location() *time.Location {
	if e.Location == nil {
		return time.UTC
	}
	return e.Location
}

func (e *Env) fiscalStart() time.Month {
	if e.FiscalStart == 0 {
		return time.January
	}
	return e.FiscalStart
}
