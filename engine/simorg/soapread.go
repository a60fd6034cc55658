package simorg

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

// soapReads are the reading calls of the partner and the enterprise API. What
// they tell is what REST tells; only its form is another.
func soapReads() map[string]soapMethod {
	return map[string]soapMethod{
		"query": soapQuery(runQuery), "queryAll": soapQuery(runQueryAll), "queryMore": soapQueryMore, "retrieve": soapRetrieveRows,
		"describeGlobal": soapDescribeGlobal, "describeSObject": soapDescribe, "describeSObjects": soapDescribe,
		"getUpdated": soapReplication(getUpdated), "getDeleted": soapReplication(getDeleted), "upsert": soapUpsert,
	}
}

// rest lets a handler of the REST API answer, and reads its JSON.
func (c *soapCall) rest(answer handler, query url.Values, path map[string]string) (*element, error) {
	r := (&http.Request{Method: http.MethodGet, URL: &url.URL{Path: c.root, RawQuery: query.Encode()}, Header: http.Header{}}).WithContext(c.r.Context())
	if size := c.header.child("QueryOptions").child("batchSize").text; size != "" {
		r.Header.Set("Sforce-Query-Options", "batchSize="+size)
	}
	for name, value := range path {
		r.SetPathValue(name, value)
	}
	inner := *c.call
	inner.r = r
	got, err := answer(&inner)
	if err != nil {
		return nil, err
	}
	if got.Body != nil {
		got.Raw = encode(got.Body, false)
	}
	return jsonElement("result", got.Raw)
}

// jsonElement reads JSON into an element: a list repeats its name, as XML does.
func jsonElement(name string, data []byte) (*element, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	e := el("")
	if err := e.decode(name, d); err != nil || len(e.children) == 0 {
		return el(name), err
	}
	return e.children[0], nil
}

// decode adds the next JSON value as children of the name.
func (e *element) decode(name string, d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('['):
		for d.More() {
			if err := e.decode(name, d); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		object := el(name)
		e.add(object)
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return err
			}
			if err := object.decode(key.(string), d); err != nil {
				return err
			}
		}
	case nil:
		e.add(nilLeaf(name))
		return nil
	default:
		e.add(leaf(name, soapText(text(token))))
		return nil
	}
	_, err = d.Token() // the closing bracket
	return err
}

var restStamp = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\+0000$`)

// soapText is a value as SOAP prints it: moments end with Z.
func soapText(v string) string { return restStamp.ReplaceAllString(v, "${1}Z") }

func soapQuery(run handler) soapMethod {
	return func(c *soapCall) ([]*element, error) {
		got, err := c.rest(run, url.Values{"q": {c.method.child("queryString").text}}, nil)
		if err != nil {
			return nil, err
		}
		return []*element{c.queryResult("result", got)}, nil
	}
}

func soapQueryMore(c *soapCall) ([]*element, error) {
	got, err := c.rest(nextPage, nil, map[string]string{"locator": c.method.child("queryLocator").text})
	if err != nil {
		return nil, err
	}
	return []*element{c.queryResult("result", got)}, nil
}

// queryResult is a page of a result in SOAP's form.
func (c *soapCall) queryResult(name string, page *element) *element {
	locator := nilLeaf("queryLocator")
	if next := page.child("nextRecordsUrl").text; next != "" {
		locator = leaf("queryLocator", next[strings.LastIndex(next, "/")+1:])
	}
	result := el(name, leaf("done", page.child("done").text), locator)
	result.attr = `xsi:type="QueryResult"`
	for _, r := range page.children {
		if r.name == "records" {
			result.add(c.soapRecord("records", r))
		}
	}
	return result.add(leaf("size", page.child("totalSize").text))
}

// soapRecord is a record in SOAP's form: of the partner API with its type and
// its Id before the fields, of the enterprise API by its type.
func (c *soapCall) soapRecord(name string, r *element) *element {
	if r.null {
		return nilLeaf(name)
	}
	typ, id := r.child("attributes").child("type").text, nilLeaf("sf:Id")
	if known := r.child("Id"); known.text != "" {
		id = leaf("sf:Id", known.text)
	}
	record := el(name, leaf("sf:type", typ), id)
	record.attr = `xsi:type="sf:sObject"`
	enterprise := strings.HasPrefix(c.r.URL.Path, enterprisePath)
	if enterprise {
		record = el(name)
		record.attr = `xsi:type="sf:` + typ + `"`
	}
	obj := c.org.schema().Get(typ)
	for _, field := range r.children {
		switch {
		case field.name == "attributes":
		case field.child("attributes").name != "":
			record.add(c.soapRecord("sf:"+field.name, field))
		case field.child("done").name != "":
			record.add(c.queryResult("sf:"+field.name, field))
		default:
			c.inlineBlob(obj, field)
			field.name = "sf:" + field.name
			record.add(field)
		}
	}
	return record
}

// inlineBlob replaces the address of a base64 field, which REST prints, by its
// content, which SOAP does.
func (c *soapCall) inlineBlob(obj *schema.Object, field *element) {
	if obj == nil || field.null {
		return
	}
	f := obj.Field(field.name)
	if f == nil || f.Type != "base64" {
		return
	}
	part := strings.Split(field.text, "/")
	c.org.mu.RLock()
	defer c.org.mu.RUnlock()
	r := c.org.tables[obj.Name].Get(part[len(part)-2])
	if r == nil {
		return
	}
	if data, found := c.org.blob(obj, r, f); found {
		if whole, err := io.ReadAll(io.NewSectionReader(data, 0, data.Size())); err == nil {
			field.text = base64.StdEncoding.EncodeToString(whole)
		}
	}
}

func soapRetrieveRows(c *soapCall) ([]*element, error) {
	query := url.Values{"ids": {strings.Join(c.ids(), ",")}, "fields": {c.method.child("fieldList").text}}
	list, err := c.rest(func(inner *call) (reply, error) {
		got, err := retrieveMany(inner)
		got.Raw = append(append([]byte(`{"rows":`), got.Raw...), '}')
		return got, err
	}, query, map[string]string{"object": c.method.child("sObjectType").text})
	if err != nil {
		return nil, err
	}
	results := make([]*element, len(list.children))
	for i, r := range list.children {
		results[i] = c.soapRecord("result", r)
	}
	return results, nil
}

func soapDescribeGlobal(c *soapCall) ([]*element, error) {
	got, err := c.rest(describeGlobal, nil, nil)
	if err != nil {
		return nil, err
	}
	return []*element{got.without("urls")}, nil
}

// soapDescribe is describeSObject and describeSObjects, which take one name or
// up to a hundred.
func soapDescribe(c *soapCall) ([]*element, error) {
	names := c.method.all("sObjectType")
	if len(names) > 100 {
		return nil, &soapFault{"EXCEEDED_ID_LIMIT", "record limit reached. cannot describe more than 100 objects"}
	}
	results := make([]*element, len(names))
	for i, name := range names {
		got, err := c.rest(describe, nil, map[string]string{"object": name})
		if err != nil {
			return nil, badRequest("INVALID_TYPE", "sObject type '%s' is not supported.", name)
		}
		results[i] = got.without("urls")
	}
	return results, nil
}

// without drops nulls and all elements of the name, at every depth.
func (e *element) without(name string) *element {
	kept := e.children[:0]
	for _, c := range e.children {
		if !c.null && c.name != name {
			kept = append(kept, c.without(name))
		}
	}
	e.children = kept
	return e
}

func soapReplication(answer handler) soapMethod {
	return func(c *soapCall) ([]*element, error) {
		query := url.Values{"start": {c.method.child("startDate").text}, "end": {c.method.child("endDate").text}}
		got, err := c.rest(answer, query, map[string]string{"object": c.method.child("sObjectType").text})
		return []*element{got}, err
	}
}

func soapUpsert(c *soapCall) ([]*element, error) {
	rows := c.elements("sObjects")
	name := c.method.child("externalIDFieldName").text
	created := make([]bool, len(rows))
	results, err := c.soapRows(len(rows), func(t *tx, i int) outcome {
		obj, id, in, err := c.sObject(rows[i])
		if err != nil {
			return outcome{err: err}
		}
		key := obj.Field(name)
		if key == nil || key.From != schema.RecordID && !key.ExternalID && !key.IDLookup {
			return outcome{err: invalidRow("INVALID_FIELD", []string{name}, "Field name provided, %s is not an External ID or indexed field for %s", name, obj.Name)}
		}
		if key.From == schema.RecordID {
			in["Id"] = id
		}
		id, created[i], err = t.upsert(obj, key, in, false)
		return outcome{id: id, err: err}
	})
	for i, r := range results {
		r.children = append([]*element{boolLeaf("created", created[i] && r.child("success").text == "true")}, r.children...)
	}
	return results, err
}
