// Package diff compares versions of a record field by field. It is pure.
package diff

// Column is one version, or the org's current record: values by field name,
// a missing field meaning that it did not exist or was not visible then.
type Column map[string]string

// Field is one field across all columns. Present tells, per column, whether
// the field was there at all: null and absent are different.
type Field struct {
	Name      string
	Values    []string
	Present   []bool
	Identical bool
}

// Compare lines up the named fields across columns, in the order given.
// hideIdentical drops the fields whose columns all agree.
func Compare(names []string, columns []Column, hideIdentical bool) []Field {
	var fields []Field
	for _, name := range names {
		f := line(name, columns)
		if !hideIdentical || !f.Identical {
			fields = append(fields, f)
		}
	}
	return fields
}

func line(name string, columns []Column) Field {
	f := Field{Name: name, Values: make([]string, len(columns)), Present: make([]bool, len(columns)), Identical: true}
	for i, column := range columns {
		f.Values[i], f.Present[i] = column[name]
		if f.Values[i] != f.Values[0] || f.Present[i] != f.Present[0] {
			f.Identical = false
		}
	}
	return f
}

// Changed lists the fields of want that have differs from, in the order of names.
func Changed(names []string, have, want Column) []string {
	var changed []string
	for _, name := range names {
		if value, ok := want[name]; ok && have[name] != value {
			changed = append(changed, name)
		}
	}
	return changed
}
