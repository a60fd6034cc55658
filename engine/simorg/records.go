package simorg

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// writeOptions reads the headers that change how a write behaves.
func (c *call) writeOptions() writeOptions {
	assign := c.r.Header.Get("Sforce-Auto-Assign")
	dupes := strings.ToLower(strings.ReplaceAll(c.r.Header.Get("Sforce-Duplicate-Rule-Header"), " ", ""))
	late, _ := c.r.Context().Value(lateKey{}).(time.Duration)
	return writeOptions{late: late, autoAssign: !strings.EqualFold(assign, "FALSE"), allowDupes: strings.Contains(dupes, "allowsave=true")}
}

// saved is the success of a single write.
func saved(id string) map[string]any {
	return map[string]any{"id": id, "success": true, "errors": []any{}}
}

func (c *call) created(obj *schema.Object, id string, body map[string]any) (reply, error) {
	return reply{Status: http.StatusCreated, Header: map[string]string{"Location": c.root + "/sobjects/" + obj.Name + "/" + id}, Body: body}, nil
}

func createRecord(c *call) (reply, error) {
	obj, err := c.object(c.path("object"))
	if err != nil {
		return reply{}, err
	}
	in, err := c.input()
	if err != nil {
		return reply{}, err
	}
	var id string
	err = c.write(func(t *tx) error {
		id, err = t.insert(obj, in)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	return c.created(obj, id, saved(id))
}

// input reads a record from a JSON or a multipart body.
func (c *call) input() (input, error) {
	if c.isMultipart() {
		return c.multipartInput()
	}
	in := input{}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return in, nil
}

// multipartInput reads the JSON part and puts each binary part under its name.
func (c *call) multipartInput() (input, error) {
	in := input{}
	err := c.parts(func(name string, isJSON bool, data []byte) error {
		if isJSON {
			return decodeJSON(data, &in)
		}
		in[name] = data
		return nil
	})
	return in, err
}

// parts hands over each part of a multipart body.
func (c *call) parts(take func(name string, isJSON bool, data []byte) error) error {
	unreadable := func(err error) error {
		return badRequest("INVALID_MULTIPART_REQUEST", "The multipart body could not be read: %v", err)
	}
	_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return unreadable(err)
	}
	for parts := multipart.NewReader(c.r.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unreadable(err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return unreadable(err)
		}
		isJSON := strings.Contains(part.Header.Get("Content-Type"), "json")
		if isJSON {
			data = bytes.TrimSpace(data)
		}
		if err := take(part.FormName(), isJSON, data); err != nil {
			return err
		}
	}
}

// isMultipart says whether the body has parts.
func (c *call) isMultipart() bool {
	return strings.HasPrefix(c.r.Header.Get("Content-Type"), "multipart/")
}

func getRecord(c *call) (reply, error) {
	obj, err := c.object(c.path("object"))
	if err != nil {
		return reply{}, err
	}
	var body []byte
	var stamp int64
	err = c.read(func() error {
		r, err := c.org.visible(c.session.user, obj, c.path("id"))
		if err != nil {
			return err
		}
		stamp = r.Stamp / 1000
		body, err = c.wholeRecord(obj, r)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	if c.notModified(stamp) {
		return reply{Status: http.StatusNotModified, Header: c.modified(stamp)}, nil
	}
	return reply{Status: http.StatusOK, Raw: body, Header: map[string]string{"Content-Type": "application/json;charset=UTF-8"}}, nil
}

// visible is a live record that the user may read.
func (o *Org) visible(p *person, obj *schema.Object, id string) (*store.Record, error) {
	full, valid := readID(id)
	if !valid || obj.KeyPrefix != "" && full[:3] != obj.KeyPrefix {
		if valid || len(id) == 15 || len(id) == 18 {
			return nil, badRequest("MALFORMED_ID", "%s ID: id value of incorrect type: %s", obj.Label(), id)
		}
		return nil, refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", id)
	}
	r := o.tables[obj.Name].Get(full)
	if r == nil || r.State == store.Gone || !o.seesRecord(p, obj, r) {
		return nil, refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", id)
	}
	if r.State != store.Live {
		e := refuse(http.StatusNotFound, "ENTITY_IS_DELETED", "entity is deleted")
		e.Fields = []string{}
		return nil, e
	}
	return r, nil
}

// wholeRecord prints the fields asked for, or all that the user may see.
func (c *call) wholeRecord(obj *schema.Object, r *store.Record) ([]byte, error) {
	p := &printer{org: c.org, person: c.session.user, root: c.root}
	var columns []output
	if list := c.query().Get("fields"); list != "" {
		for _, name := range strings.Split(list, ",") {
			f := obj.Field(strings.TrimSpace(name))
			if f == nil || p.person.field(obj, f) == nil {
				return nil, badRequest("INVALID_FIELD", "No such column '%s' on sobject of type %s", name, obj.Name)
			}
			columns = append(columns, output{key: f.Name, column: &column{field: f}})
		}
	} else {
		for _, f := range obj.Fields {
			if p.person.field(obj, f) != nil {
				columns = append(columns, output{key: f.Name, column: &column{field: f}})
			}
		}
	}
	return p.record(nil, obj, r, columns), nil
}

func updateRecord(c *call) (reply, error) {
	obj, err := c.object(c.path("object"))
	if err != nil {
		return reply{}, err
	}
	in, err := c.input()
	if err != nil {
		return reply{}, err
	}
	if err := c.write(func(t *tx) error {
		if err := c.unmodified(t, obj); err != nil {
			return err
		}
		return notFoundAs404(t.update(obj, c.path("id"), in))
	}); err != nil {
		return reply{}, err
	}
	return noContent()
}

// unmodified holds an update to If-Unmodified-Since, the optimistic lock.
func (c *call) unmodified(t *tx, obj *schema.Object) error {
	since, err := http.ParseTime(c.r.Header.Get("If-Unmodified-Since"))
	if err != nil {
		return nil //nolint:nilerr // a header that is no date is ignored
	}
	r, err := t.find(obj, c.path("id"))
	if err == nil && r.Stamp/1000 > since.Unix() {
		return refuse(http.StatusPreconditionFailed, "PRECONDITION_FAILED", "The record was modified after %s", c.r.Header.Get("If-Unmodified-Since"))
	}
	return nil
}

// notFoundAs404 is how single-record calls say that there is no such record.
func notFoundAs404(err error) error {
	if api, is := errors.AsType[*apiError](err); is && api.Code == "INVALID_CROSS_REFERENCE_KEY" && len(api.Fields) == 0 {
		e := refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible")
		e.Fields = []string{}
		return e
	}
	return err
}

func deleteRecord(c *call) (reply, error) {
	obj, err := c.object(c.path("object"))
	if err != nil {
		return reply{}, err
	}
	if err := c.write(func(t *tx) error { return notFoundAs404(t.delete(obj, c.path("id"))) }); err != nil {
		return reply{}, err
	}
	return noContent()
}

// insertByUpsert is POST /sobjects/X/Id: an insert through the upsert path.
func insertByUpsert(c *call) (reply, error) {
	if !strings.EqualFold(c.path("id"), "Id") {
		return reply{}, refuse(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method 'POST' not allowed. Allowed are DELETE,GET,HEAD,PATCH")
	}
	return createRecord(c)
}

// key finds the field that an upsert path names.
func (c *call) key(obj *schema.Object) (*schema.Field, error) {
	f := obj.Field(c.path("field"))
	if f == nil || f.From != schema.RecordID && !f.ExternalID && !f.IDLookup {
		return nil, refuse(http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", c.path("field"))
	}
	return f, nil
}

func upsertRecord(c *call) (reply, error) {
	obj, err := c.object(c.path("object"))
	if err != nil {
		return reply{}, err
	}
	key, err := c.key(obj)
	if err != nil {
		return reply{}, err
	}
	in, err := c.input()
	if err != nil {
		return reply{}, err
	}
	in[key.Name] = c.path("value")
	var id string
	var created bool
	err = c.write(func(t *tx) error {
		id, created, err = t.upsert(obj, key, in, c.query().Get("updateOnly") == "true")
		return err
	})
	if err != nil {
		return reply{}, err
	}
	body := saved(id)
	body["created"] = created
	if created {
		return c.created(obj, id, body)
	}
	return ok(body)
}

// upsert updates the record that the key's value names, or inserts one.
func (t *tx) upsert(obj *schema.Object, key *schema.Field, in input, updateOnly bool) (id string, created bool, err error) {
	value, rest := pick(in, key.Name)
	text, err := coerce(key, value)
	if err != nil {
		return "", false, err
	}
	if text == "" && key.From != schema.RecordID {
		return "", false, invalidRow("MISSING_ARGUMENT", nil, "%s not specified", key.Name)
	}
	found, err := t.byKey(obj, key, text)
	switch {
	case err != nil:
		return "", false, err
	case found != nil:
		return found.ID, false, t.update(obj, found.ID, rest)
	case key.From == schema.RecordID && text != "":
		return "", false, invalidRow("INVALID_CROSS_REFERENCE_KEY", nil, "invalid cross reference id")
	case updateOnly:
		return "", false, refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	}
	if key.From != schema.RecordID {
		rest[key.Name] = text
	}
	id, err = t.insert(obj, rest)
	return id, true, err
}

// pick takes a key, in any case, out of a copy of the input.
func pick(in input, name string) (any, input) {
	var value any
	rest := make(input, len(in))
	for k, v := range in {
		if strings.EqualFold(k, name) {
			value = v
		} else {
			rest[k] = v
		}
	}
	return value, rest
}

// getByField answers /sobjects/X/{id}/{field or relationship} and
// /sobjects/X/{external id}/{value}.
func getByField(c *call) (reply, error) {
	obj, err := c.object(c.path("object"))
	if err != nil {
		return reply{}, err
	}
	if f := obj.Field(c.path("field")); f != nil {
		return c.byExternalID(obj)
	}
	var answer reply
	err = c.read(func() error {
		r, err := c.org.visible(c.session.user, obj, c.path("field"))
		if err != nil {
			return err
		}
		answer, err = c.below(obj, r, c.path("value"))
		return err
	})
	return answer, err
}

func (c *call) byExternalID(obj *schema.Object) (reply, error) {
	key, err := c.key(obj)
	if err != nil {
		return reply{}, err
	}
	var body []byte
	err = c.write(func(t *tx) error {
		found, err := t.byKey(obj, key, c.path("value"))
		if err != nil {
			return err
		}
		if found == nil {
			return refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
		}
		body, err = c.wholeRecord(obj, found)
		return err
	})
	if api, is := errors.AsType[*apiError](err); is && api.Code == "DUPLICATE_EXTERNAL_ID" {
		return c.severalFound(obj, key)
	}
	return reply{Status: http.StatusOK, Raw: body, Header: map[string]string{"Content-Type": "application/json;charset=UTF-8"}}, err
}

// severalFound is the 300 of an external id that is not unique.
func (c *call) severalFound(obj *schema.Object, key *schema.Field) (reply, error) {
	var urls []string
	err := c.read(func() error {
		for _, r := range c.org.tables[obj.Name].Find(key.Col, c.path("value")) {
			if r.State == store.Live {
				urls = append(urls, c.root+"/sobjects/"+obj.Name+"/"+r.ID)
			}
		}
		return nil
	})
	return reply{Status: http.StatusMultipleChoices, Body: urls}, err
}

func deleteByField(c *call) (reply, error) {
	obj, err := c.object(c.path("object"))
	if err != nil {
		return reply{}, err
	}
	key, err := c.key(obj)
	if err != nil {
		return reply{}, err
	}
	if err := c.write(func(t *tx) error {
		found, err := t.byKey(obj, key, c.path("value"))
		if err == nil && found == nil {
			err = refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
		}
		if err != nil {
			return err
		}
		return t.delete(obj, found.ID)
	}); err != nil {
		return reply{}, err
	}
	return noContent()
}

// below answers what hangs on a record: a base64 field's bytes, a parent, or
// the rows of a child relationship.
func (c *call) below(obj *schema.Object, r *store.Record, name string) (reply, error) {
	if f := obj.Field(name); f != nil && f.Type == "base64" {
		data, found := c.org.blob(obj, r, f)
		if !found {
			return reply{}, notFound()
		}
		return c.serveContent(data)
	}
	if rel := obj.Child(name); rel != nil {
		return c.relatedRows(rel, r.ID)
	}
	for _, f := range obj.Fields {
		if f.RelationshipName == nil || !strings.EqualFold(*f.RelationshipName, name) {
			continue
		}
		parent := c.org.ofID(r.Get(f.Col))
		if parent == nil {
			return reply{}, notFound()
		}
		found, err := c.org.visible(c.session.user, parent, r.Get(f.Col))
		if err != nil {
			return reply{}, err
		}
		body, err := c.wholeRecord(parent, found)
		return reply{Status: http.StatusOK, Raw: body, Header: map[string]string{"Content-Type": "application/json;charset=UTF-8"}}, err
	}
	return reply{}, notFound()
}
