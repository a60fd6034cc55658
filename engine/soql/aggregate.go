package soql

import "fmt"

// Accumulator computes one aggregate over the records of a group.
type Accumulator struct {
	function string
	rows     bool // COUNT(): records count even without a value
	count    int
	sum      float64
	best     Value
	distinct *valueSet
}

// NewAccumulator starts an aggregate: COUNT, COUNT_DISTINCT, SUM, AVG, MIN or MAX.
func NewAccumulator(call Call) (*Accumulator, error) {
	if !call.Aggregate() {
		return nil, fmt.Errorf("soql: %s is not an aggregate", call.Func)
	}
	a := &Accumulator{function: call.Func, rows: len(call.Args) == 0}
	if call.Func == "COUNT_DISTINCT" {
		a.distinct = newValueSet(0)
	}
	return a, nil
}

// Add takes the argument's value of one more record; nulls do not count.
func (a *Accumulator) Add(v Value) {
	if v.Type == Null && !a.rows {
		return
	}
	if a.distinct != nil && !a.distinct.add(v) {
		return
	}
	a.count++
	a.sum += v.Number
	if c := Compare(v, a.best); a.count == 1 || c < 0 && a.function == "MIN" || c > 0 && a.function == "MAX" {
		a.best = v
	}
}

// Value is the aggregate so far: 0 for a count of nothing, else null for it.
func (a *Accumulator) Value() Value {
	switch {
	case a.function == "COUNT", a.function == "COUNT_DISTINCT":
		return NumberValue(float64(a.count))
	case a.count == 0:
		return Value{}
	case a.function == "SUM":
		return NumberValue(a.sum)
	case a.function == "AVG":
		return NumberValue(a.sum / float64(a.count))
	}
	return a.best
}
