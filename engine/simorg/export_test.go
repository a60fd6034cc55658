package simorg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/soql"
)

type countingWriter int64

func (c *countingWriter) Write(p []byte) (int, error) {
	*c += countingWriter(len(p))
	return len(p), nil
}

// BulkBytes renders a bulk query's results and counts their bytes; compound
// fields are left out.
func (o *Org) BulkBytes(src string) (int64, error) {
	var names []string
	for _, f := range o.schema().Get(src[strings.LastIndex(src, " ")+1:]).Fields {
		if f.Type != "address" && f.Type != "base64" {
			names = append(names, f.Name)
		}
	}
	src = strings.Replace(src, "FIELDS(STANDARD)", strings.Join(slices.Clip(names), ", "), 1)
	q, err := soql.Parse(src)
	if err != nil {
		return 0, err
	}
	j := &job{delimiter: "COMMA", lineEnding: "LF"}
	if err := j.ask(&engine{org: o, person: o.first, indexing: true}, q, src); err != nil {
		return 0, fmt.Errorf("%s: %w", src, err)
	}
	var n countingWriter
	err = o.writeCSV(&n, j, j.rows)
	return int64(n), err
}

// SystemRecord makes a record that only the platform makes.
func (o *Org) SystemRecord(object string, fields map[string]any) (id string, err error) {
	err = o.transact(o.first, writeOptions{}, func(t *tx) error {
		id, err = t.systemInsert(object, fields)
		return err
	})
	return id, err
}
