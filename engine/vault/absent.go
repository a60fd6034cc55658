package vault

import (
	"bytes"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

// absentField is in compacted sections whose inputs had different fields. Its
// value names those of the section that a version did not have, sorted, with a
// space between: to tell a field that was not there from one that was null.
var absentField = segment.Field{Name: "", Type: "absent", Hot: true}

// absentAt is where a section has that field, -1 when it has not; it is the last.
func absentAt(fields []segment.Field) int {
	if n := len(fields) - 1; n >= 0 && fields[n] == absentField {
		return n
	}
	return -1
}

// blank clears the values of fields that are named as absent.
func blank(absent []byte, fields []SchemaField, values [][]byte) {
	for len(absent) > 0 {
		name, rest, _ := bytes.Cut(absent, []byte(" "))
		if i := slices.IndexFunc(fields, func(f SchemaField) bool { return f.Name == string(name) }); i >= 0 {
			values[i] = nil
		}
		absent = rest
	}
}

// missingNames lists the names in to that from has not.
func missingNames(from, to []segment.Field) (names []string) {
	has := map[string]bool{"": true}
	for _, f := range from {
		has[f.Name] = true
	}
	for _, f := range to {
		if !has[f.Name] {
			has[f.Name] = true
			names = append(names, f.Name)
		}
	}
	return names
}

// withAbsent adds absentField where one of the sections needs it.
func withAbsent(sections []openSection, fields []segment.Field) []segment.Field {
	for _, s := range sections {
		if absentAt(s.s.Fields) >= 0 || len(missingNames(s.s.Fields, fields)) > 0 {
			return append(fields, absentField)
		}
	}
	return fields
}

// noteAbsent adds to a row what it did not have: by its own section, and what
// only other sections have.
func (r *remap) noteAbsent(cells []segment.Cell) []segment.Cell {
	if r.absent < 0 {
		return cells
	}
	var own []byte
	if n := len(cells) - 1; n >= 0 && cells[n].Field == r.absent {
		own, cells = cells[n].Value, cells[:n]
	}
	all, known := r.texts[string(own)]
	if !known {
		names := append(strings.Fields(string(own)), r.missing...)
		slices.Sort(names)
		all = []byte(strings.Join(names, " "))
		r.texts[string(own)] = all
	}
	if len(all) == 0 {
		return cells
	}
	return append(cells, segment.Cell{Field: r.absent, Value: all})
}
