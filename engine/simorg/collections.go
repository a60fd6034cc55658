package simorg

import (
	"net/http"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

const (
	maxCollection = 200
	maxRetrieve   = 2000
	maxRuns       = 10
)

// collection is the body of a collections write.
type collection struct {
	AllOrNone bool    `json:"allOrNone"`
	Records   []input `json:"records"`
}

// outcome is one row's result; created is printed for upserts only.
type outcome struct {
	id      string
	created *bool
	err     error
}

func (o outcome) body() map[string]any {
	if o.err != nil {
		body := map[string]any{"success": false, "errors": []any{asAPIError(o.err).inResult()}}
		if o.id != "" {
			body["id"] = o.id
		}
		return body
	}
	body := saved(o.id)
	if o.created != nil {
		body["created"] = *o.created
	}
	return body
}

// rowWriter writes the i-th row of a request.
type rowWriter func(t *tx, i int) outcome

// writeMany writes n rows, each for itself or all or none.
func (c *call) writeMany(n int, allOrNone bool, write rowWriter) (reply, error) {
	outcomes := make([]outcome, n)
	err := c.write(func(t *tx) error {
		t.rows(outcomes, allOrNone, write)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	results := make([]map[string]any, n)
	for i, o := range outcomes {
		results[i] = o.body()
	}
	return ok(results)
}

var rolledBack = invalidRow("ALL_OR_NONE_OPERATION_ROLLED_BACK", nil, "Record rolled back because not all records were valid and the request was using AllOrNone header")

// rows writes each row; with allOrNone, one failure takes the others back.
func (t *tx) rows(outcomes []outcome, allOrNone bool, write rowWriter) {
	mark, failed := len(t.undo), false
	for i := range outcomes {
		outcomes[i] = write(t, i)
		failed = failed || outcomes[i].err != nil
	}
	if !failed || !allOrNone {
		return
	}
	t.rollback(mark)
	for i := range outcomes {
		if outcomes[i].err == nil {
			outcomes[i].err = rolledBack
		}
	}
}

// collection reads the body and finds each record's object.
func (c *call) collection() (collection, []*schema.Object, error) {
	var body collection
	if err := c.decode(&body); err != nil {
		return body, nil, err
	}
	if len(body.Records) > maxCollection {
		return body, nil, badRequest("EXCEEDED_MAX_SIZE_REQUEST", "record limit reached. cannot submit more than %d records in one call", maxCollection)
	}
	objects, runs, last := make([]*schema.Object, len(body.Records)), 0, ""
	for i, r := range body.Records {
		name := c.path("object")
		if a, is := r["attributes"].(map[string]any); is {
			if t, given := a["type"].(string); given {
				name = t
			}
		}
		if name == "" {
			return body, nil, badRequest("INVALID_INPUT", "No entity type was given in the attributes of record %d", i)
		}
		obj, err := c.object(name)
		if err != nil {
			return body, nil, badRequest("INVALID_TYPE", "sObject type '%s' is not supported.", name)
		}
		if objects[i] = obj; obj.Name != last {
			runs, last = runs+1, obj.Name
		}
	}
	if runs > maxRuns {
		return body, nil, badRequest("LIMIT_EXCEEDED", "The request has %d chunks of the same type, more than %d", runs, maxRuns)
	}
	return body, objects, nil
}

func createMany(c *call) (reply, error) {
	body, objects, err := c.collection()
	if err != nil {
		return reply{}, err
	}
	return c.writeMany(len(objects), body.AllOrNone, func(t *tx, i int) outcome {
		id, err := t.insert(objects[i], body.Records[i])
		return outcome{id: id, err: err}
	})
}

func updateMany(c *call) (reply, error) {
	body, objects, err := c.collection()
	if err != nil {
		return reply{}, err
	}
	return c.writeMany(len(objects), body.AllOrNone, func(t *tx, i int) outcome {
		value, in := pick(body.Records[i], "id")
		id, _ := value.(string)
		if id == "" {
			return outcome{err: invalidRow("MISSING_ARGUMENT", nil, "Id not specified in an update call")}
		}
		err := t.update(objects[i], id, in)
		full, _ := readID(id)
		return outcome{id: full, err: err}
	})
}

func upsertMany(c *call) (reply, error) {
	body, objects, err := c.collection()
	if err != nil {
		return reply{}, err
	}
	obj, err := c.object(c.path("object"))
	if err != nil {
		return reply{}, err
	}
	key, err := c.key(obj)
	if err != nil {
		return reply{}, err
	}
	for _, other := range objects {
		if other != obj {
			return reply{}, badRequest("INVALID_INPUT", "Every record must be a %s", obj.Name)
		}
	}
	return c.writeMany(len(objects), body.AllOrNone, func(t *tx, i int) outcome {
		id, created, err := t.upsert(obj, key, body.Records[i], false)
		return outcome{id: id, created: &created, err: err}
	})
}

func deleteMany(c *call) (reply, error) {
	ids := strings.Split(c.query().Get("ids"), ",")
	if len(ids) > maxCollection {
		return reply{}, badRequest("EXCEEDED_ID_LIMIT", "cannot delete more than %d records in one call", maxCollection)
	}
	return c.writeMany(len(ids), strings.EqualFold(c.query().Get("allOrNone"), "true"), func(t *tx, i int) outcome {
		return c.deleteOne(t, ids[i])
	})
}

// deleteOne deletes a record of any object by its id.
func (c *call) deleteOne(t *tx, id string) outcome {
	full, valid := readID(id)
	if !valid {
		return outcome{id: id, err: invalidRow("MALFORMED_ID", nil, "malformed id %s", id)}
	}
	obj := t.o.ofID(full)
	if obj == nil || !t.user.seesObject(obj) {
		return outcome{id: full, err: invalidRow("INVALID_CROSS_REFERENCE_KEY", nil, "invalid cross reference id")}
	}
	return outcome{id: full, err: t.delete(obj, full)}
}

// retrieveMany answers records by id, null for each that is not there.
func retrieveMany(c *call) (reply, error) {
	obj, err := c.object(c.path("object"))
	if err != nil {
		return reply{}, err
	}
	var body struct{ IDs, Fields []string }
	if c.r.Method == http.MethodGet {
		body.IDs, body.Fields = strings.Split(c.query().Get("ids"), ","), strings.Split(c.query().Get("fields"), ",")
	} else if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if len(body.IDs) > maxRetrieve {
		return reply{}, badRequest("EXCEEDED_ID_LIMIT", "cannot retrieve more than %d records in one call", maxRetrieve)
	}
	var columns []output
	s := &selection{engine: &engine{org: c.org, person: c.session.user}, obj: obj}
	for _, name := range body.Fields {
		f := (seen{c.org, c.session.user}).field(obj, strings.TrimSpace(name))
		if f == nil {
			return reply{}, badRequest("INVALID_FIELD", "No such column '%s' on entity '%s'.", name, obj.Name)
		}
		if err := s.addPath(&columns, obj, []string{f.Name}, naming{}); err != nil {
			return reply{}, err
		}
	}
	return c.printMany(obj, body.IDs, columns)
}

func (c *call) printMany(obj *schema.Object, ids []string, columns []output) (reply, error) {
	buf := []byte{'['}
	err := c.read(func() error {
		p := &printer{org: c.org, person: c.session.user, root: c.root}
		for i, id := range ids {
			if i > 0 {
				buf = append(buf, ',')
			}
			full, valid := readID(id)
			if !valid {
				return badRequest("MALFORMED_ID", "malformed id %s", id)
			}
			r := c.org.tables[obj.Name].Get(full)
			if r == nil || r.State != store.Live || !c.org.seesRecord(c.session.user, obj, r) {
				buf = append(buf, "null"...)
				continue
			}
			buf = p.record(buf, obj, r, columns)
		}
		return nil
	})
	return jsonReply(append(buf, ']')), err
}
