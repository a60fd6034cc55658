package salesforce

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// collectionMost is how many rows one collections call takes.
const collectionMost = 200

// writeHeaders keep the org's assignment rules out and let duplicates that are
// only warned about be saved.
var writeHeaders = map[string]string{
	"Sforce-Auto-Assign":           "FALSE",
	"Sforce-Duplicate-Rule-Header": "allowSave=true",
}

// Insert creates the rows. After a failure that leaves open what the org did,
// the rows concerned come back with OUTCOME_UNKNOWN and are not sent again. As
// with every write, results are valid beside an error: they tell what was done
// before it.
func (o *org) Insert(ctx context.Context, request engine.WriteRequest) ([]engine.WriteResult, error) {
	w := o.rowWriter(request, http.MethodPost, "insert records of "+request.Object.Name)
	return w.run(ctx, insertLoad(request))
}

// Update writes the rows' fields and no others.
func (o *org) Update(ctx context.Context, request engine.WriteRequest) ([]engine.WriteResult, error) {
	w := o.rowWriter(request, http.MethodPatch, "update records of "+request.Object.Name)
	return w.run(ctx, updateLoad(request))
}

// Delete moves records to the Recycle Bin.
func (o *org) Delete(ctx context.Context, object string, ids []engine.RecordID) ([]engine.WriteResult, error) {
	w := &writer{
		org: o, object: object, doing: "delete records of " + object, count: len(ids), deletes: true,
		id: func(n int) engine.RecordID { return ids[n] },
		call: func(rows []int) (call, error) {
			list := make([]string, len(rows))
			for i, n := range rows {
				list[i] = string(ids[n])
			}
			path := o.data("/composite/sobjects?allOrNone=false&ids=" + strings.Join(list, ","))
			return call{method: http.MethodDelete, path: path, again: true}, nil
		},
	}
	return w.run(ctx, deleteLoad(ids))
}

// rowWriter writes by collections; an update may be repeated, an insert not.
func (o *org) rowWriter(request engine.WriteRequest, method, doing string) *writer {
	return &writer{
		org: o, object: request.Object.Name, doing: doing, count: len(request.Rows),
		id: func(n int) engine.RecordID { return request.Rows[n].ID },
		call: func(rows []int) (call, error) {
			records := make([]map[string]any, len(rows))
			for i, n := range rows {
				records[i] = recordJSON(&request.Object, request.Rows[n])
			}
			c, err := post(o.data("/composite/sobjects"), map[string]any{"allOrNone": false, "records": records}, method == http.MethodPatch)
			c.method = method
			return c, err
		},
	}
}

// recordJSON spells a row by the types of its describe.
func recordJSON(object *engine.SObject, row engine.WriteRow) map[string]any {
	record := map[string]any{"attributes": map[string]string{"type": object.Name}}
	if row.ID != "" {
		record["id"] = row.ID
	}
	for name, value := range row.Values {
		fieldType := ""
		if f, ok := object.Field(name); ok {
			name, fieldType = f.Name, f.Type
		}
		record[name] = valueJSON(fieldType, value)
	}
	return record
}

func valueJSON(fieldType, value string) any {
	if value == "" {
		return nil
	}
	switch spellingOf(&engine.Field{Type: fieldType}) {
	case asNumber:
		if n := canonicalNumber([]byte(value)); json.Valid(n) {
			return json.RawMessage(n)
		}
	case asBoolean:
		return strings.EqualFold(value, "true")
	}
	return value
}

// writer sends rows in chunks and keeps a result for each of them.
type writer struct {
	org    *org
	object string
	doing  string
	count  int
	// deletes: a row found deleted on a repeated call was deleted by the first
	deletes bool
	id      func(n int) engine.RecordID
	call    func(rows []int) (call, error)

	results []engine.WriteResult
}

// run writes all rows: many of them as a Bulk load, where that can tell what
// became of each, and what remains by collections.
func (w *writer) run(ctx context.Context, l load) ([]engine.WriteResult, error) {
	w.results = make([]engine.WriteResult, w.count)
	open := make([]int, w.count)
	for n := range open {
		open[n] = n
	}
	if w.count > w.org.options.LargeWrite && l.distinct() > w.org.options.LargeWrite {
		var err error
		if open, err = w.ingest(ctx, l); err != nil {
			w.unsent(open, err)
			return w.results, err
		}
	}
	return w.results, w.collect(ctx, open)
}

// collect writes rows by collections. Those that met a lock are tried again, in
// smaller and smaller chunks.
func (w *writer) collect(ctx context.Context, open []int) error {
	for attempt := 1; ; attempt++ {
		size := max(collectionMost>>(attempt-1), 1)
		for start := 0; start < len(open); start += size {
			if err := w.send(ctx, open[start:min(start+size, len(open))]); err != nil {
				w.unsent(open[start:], err)
				return err
			}
		}
		open = w.locked(open)
		if len(open) == 0 || attempt == w.org.options.Retry.Attempts {
			return nil
		}
		if err := w.org.options.Sleep(ctx, w.org.options.Retry.pause(attempt)); err != nil {
			return err
		}
	}
}

func (w *writer) locked(rows []int) (locked []int) {
	for _, n := range rows {
		if failedWith(w.results[n], "UNABLE_TO_LOCK_ROW") {
			locked = append(locked, n)
		}
	}
	return locked
}

func failedWith(r engine.WriteResult, code string) bool {
	return !r.OK && len(r.Errors) > 0 && r.Errors[0].Code == code
}

// unsent marks the rows that an error kept from being written. What the org said
// of a row before stays said.
func (w *writer) unsent(rows []int, err error) {
	for _, n := range rows {
		if !w.results[n].OK && len(w.results[n].Errors) == 0 {
			w.results[n] = failedRow(w.id(n), err)
		}
	}
}

func failedRow(id engine.RecordID, err error) engine.WriteResult {
	failure := engine.WriteError{Code: "NOT_SENT", Message: "The row was not sent."}
	if e, ok := engine.AsError(err); ok {
		failure.Code, failure.Message = e.Code, e.Message
	}
	return engine.WriteResult{ID: id, Errors: []engine.WriteError{failure}}
}

// send writes one chunk. A chunk that is refused as a whole is halved until the
// row at fault stands alone, so that it fails none of its neighbours.
func (w *writer) send(ctx context.Context, rows []int) error {
	c, err := w.call(rows)
	if err != nil {
		return err
	}
	c.header = writeHeaders
	err = w.org.do(ctx, c.about(w.object, w.doing), func(a answer) error { return w.record(a, rows) })
	e, _ := engine.AsError(err)
	switch {
	case e == nil:
		return err
	case e.Code == outcomeUnknown:
		for _, n := range rows { // whatever an earlier attempt was told
			w.results[n] = failedRow(w.id(n), err)
		}
		return nil
	case e.Kind != engine.KindInvalid && e.Kind != engine.KindNotFound:
		return err
	case len(rows) == 1:
		w.results[rows[0]] = failedRow(w.id(rows[0]), err)
		return nil
	}
	if err := w.send(ctx, rows[:len(rows)/2]); err != nil {
		return err
	}
	return w.send(ctx, rows[len(rows)/2:])
}

// record keeps the results of a chunk.
func (w *writer) record(a answer, rows []int) error {
	text, err := readAll(a, w.org.options.PageBytes)
	if err != nil {
		return err
	}
	var wire []struct {
		ID      engine.RecordID `json:"id"`
		Success bool            `json:"success"`
		Errors  []wireError     `json:"errors"`
	}
	if err := json.Unmarshal(text, &wire); err != nil || len(wire) != len(rows) {
		return &broken{err: errIncomplete}
	}
	for i, n := range rows {
		result := engine.WriteResult{ID: or(wire[i].ID, w.id(n)), OK: wire[i].Success}
		for _, e := range wire[i].Errors {
			result.Errors = append(result.Errors, engine.WriteError{Code: e.code(), Message: e.Message, Fields: e.Fields})
		}
		if a.attempt > 1 && w.deletes && failedWith(result, "ENTITY_IS_DELETED") {
			result.OK, result.Errors = true, nil // by an attempt whose answer got lost
		}
		w.results[n] = result
	}
	return nil
}
