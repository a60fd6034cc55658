package simorg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/store"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

func asyncAddBatch(c *asyncCall) (*asyncReply, error) {
	j, err := c.job()
	if err != nil {
		return nil, err
	}
	data, err := c.read()
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state != "Open" {
		return nil, asyncRefusal("InvalidJobState", "The job is "+j.state)
	}
	if err := c.org.quota.take(bulkBatches, 1); err != nil {
		return nil, asyncRefusal("ExceededQuota", asAPIError(err).Message)
	}
	b := &asyncBatch{id: c.org.nextID("751"), request: data, polls: c.org.cfg.BulkPolls, created: c.org.cfg.Now().UTC()}
	if strings.HasPrefix(j.operation, "query") {
		err = c.ask(j, b)
	} else {
		err = c.load(j, b)
	}
	if err != nil {
		b.problem = err.Error()
		if api := asAPIError(err); api.Code != "UNKNOWN_EXCEPTION" {
			b.problem = "InvalidBatch : Failed to process query: " + api.Code + ": " + api.Message
		}
	}
	j.batches = append(j.batches, b)
	return &asyncReply{status: http.StatusCreated, element: b.element(j.id)}, nil
}

// ask runs a query batch; its rows are fixed from now on.
func (c *asyncCall) ask(j *asyncJob, b *asyncBatch) error {
	b.query = &job{kind: "query", delimiter: "COMMA", lineEnding: "LF", person: c.session.user}
	q, err := soql.Parse(string(b.request))
	if err != nil {
		return err
	}
	b.resultID = c.org.nextID("752")
	return c.withIndexes(j.operation == "queryAll", func(e *engine) error { return b.query.ask(e, q, string(b.request)) })
}

// load writes a batch's rows, two hundred at a time.
func (c *asyncCall) load(j *asyncJob, b *asyncBatch) error {
	w := &ingestion{call: c.call, obj: c.org.schema().Get(j.object), job: &job{
		kind: "ingest", operation: j.operation, object: j.object, external: j.external, delimiter: "COMMA", lineEnding: "LF", person: j.person, upload: b.request,
	}}
	rows, err := w.inputs(j.contentType)
	if err != nil {
		return err
	}
	if len(rows) > batchRows {
		return fmt.Errorf("InvalidBatch : Records not processed: more than %d in a batch", batchRows)
	}
	for len(rows) > 0 {
		chunk := rows[:min(ingestRows, len(rows))]
		rows = rows[len(chunk):]
		_ = c.org.transact(j.person, writeOptions{}, func(t *tx) error {
			for _, in := range chunk {
				value, rest := pick(in, "Id")
				id, created, err := w.write(t, text(value), rest)
				b.outcomes = append(b.outcomes, outcome{id: id, created: &created, err: err})
			}
			return nil
		})
	}
	return nil
}

// inputs reads the rows of a batch.
func (w *ingestion) inputs(contentType string) ([]input, error) {
	switch contentType {
	case "JSON":
		var rows []input
		if err := decodeJSON(w.job.upload, &rows); err != nil {
			return nil, fmt.Errorf("InvalidBatch : Unable to parse JSON")
		}
		return rows, nil
	case "XML":
		document, err := parseXML(bytes.NewReader(w.job.upload))
		if err != nil {
			return nil, fmt.Errorf("InvalidBatch : Unable to parse XML")
		}
		var rows []input
		for _, e := range document.child("sObjects").children {
			rows = append(rows, xmlInput(e))
		}
		return rows, nil
	}
	if first, _, _ := bytes.Cut(w.job.upload, []byte("\n")); bytes.HasSuffix(first, []byte("\r")) {
		w.job.lineEnding = "CRLF"
	}
	table, err := w.job.parse()
	if err != nil || len(table) == 0 {
		return nil, err
	}
	w.header = table[0]
	if err := w.columns(); err != nil {
		return nil, err
	}
	rows := make([]input, len(table)-1)
	for i, values := range table[1:] {
		in, id := w.input(values)
		if rows[i] = in; id != "" {
			in["Id"] = id
		}
	}
	return rows, nil
}

// xmlInput is a record as XML gives it: xsi:nil clears, an element with
// elements is a parent by its key.
func xmlInput(e *element) input {
	in := input{}
	for _, f := range e.children {
		switch {
		case f.null:
			in[f.name] = nil
		case len(f.children) > 0:
			parent := map[string]any{}
			for name, v := range xmlInput(f.child("sObject")) {
				parent[name] = v
			}
			in[f.name] = parent
		case f.name != "type":
			in[f.name] = f.text
		}
	}
	return in
}

// batch finds the batch of the path; the job's lock must be held.
func (c *asyncCall) batch(j *asyncJob) (*asyncBatch, error) {
	id, _ := readID(c.path("batch"))
	for _, b := range j.batches {
		if b.id == id {
			return b, nil
		}
	}
	return nil, asyncRefusal("InvalidBatch", "Unable to find object for id: "+c.path("batch"))
}

func asyncBatches(c *asyncCall) (*asyncReply, error) {
	j, err := c.job()
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	list := el("batchInfoList")
	for _, b := range j.batches {
		list.add(b.step().element(j.id))
	}
	return &asyncReply{status: http.StatusOK, element: list, list: true}, nil
}

// step moves a batch on its way each time somebody looks at it.
func (b *asyncBatch) step() *asyncBatch {
	b.polls = max(b.polls-1, 0)
	return b
}

func asyncGetBatch(c *asyncCall) (*asyncReply, error) {
	return c.withBatch(func(j *asyncJob, b *asyncBatch) (*asyncReply, error) {
		return &asyncReply{status: http.StatusOK, element: b.step().element(j.id)}, nil
	})
}

func (c *asyncCall) withBatch(answer func(*asyncJob, *asyncBatch) (*asyncReply, error)) (*asyncReply, error) {
	j, err := c.job()
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	b, err := c.batch(j)
	if err != nil {
		return nil, err
	}
	return answer(j, b)
}

var asyncTypes = map[string]string{"CSV": "text/csv", "JSON": "application/json", "XML": "application/xml"}

func asyncRequest(c *asyncCall) (*asyncReply, error) {
	return c.withBatch(func(j *asyncJob, b *asyncBatch) (*asyncReply, error) {
		return &asyncReply{status: http.StatusOK, contentType: asyncTypes[j.contentType], raw: b.request}, nil
	})
}

// asyncResult is what became of each row, in their order; of a query, the ids
// of its results.
func asyncResult(c *asyncCall) (*asyncReply, error) {
	return c.withBatch(func(j *asyncJob, b *asyncBatch) (*asyncReply, error) {
		c.json = j.contentType == "JSON"
		switch {
		case b.state() != "Completed":
			return nil, asyncRefusal("InvalidBatch", "Batch not completed")
		case b.query != nil:
			return &asyncReply{status: http.StatusOK, element: el("result-list", leaf("result", b.resultID)), list: true}, nil
		case j.contentType == "CSV":
			return &asyncReply{status: http.StatusOK, contentType: "text/csv", raw: b.csv()}, nil
		case j.contentType == "JSON":
			return &asyncReply{status: http.StatusOK, contentType: "application/json;charset=UTF-8", raw: encode(b.results(), false)}, nil
		}
		results := el("results")
		for _, o := range b.outcomes {
			e := o.element()
			results.add(e.add(boolLeaf("created", o.err == nil && *o.created)))
		}
		return &asyncReply{status: http.StatusOK, element: results}, nil
	})
}

func (b *asyncBatch) results() []map[string]any {
	results := make([]map[string]any, len(b.outcomes))
	for i, o := range b.outcomes {
		results[i] = o.body()
		if results[i]["created"] = o.err == nil && *o.created; o.err != nil {
			results[i]["id"] = nil
		}
	}
	return results
}

func (b *asyncBatch) csv() []byte {
	text := []byte("\"Id\",\"Success\",\"Created\",\"Error\"\n")
	for _, o := range b.outcomes {
		id, problem := o.id, ""
		if o.err != nil {
			id, problem = "", errorCell(o.err)
		}
		for i, v := range []string{id, strconv.FormatBool(o.err == nil), strconv.FormatBool(o.err == nil && *o.created), problem} {
			if i > 0 {
				text = append(text, ',')
			}
			text = quoteCSV(text, v)
		}
		text = append(text, '\n')
	}
	return text
}

// asyncRows are the rows of a query's result.
func asyncRows(c *asyncCall) (*asyncReply, error) {
	return c.withBatch(func(j *asyncJob, b *asyncBatch) (*asyncReply, error) {
		if b.query == nil || b.state() != "Completed" || c.path("rows") != b.resultID {
			return nil, asyncRefusal("InvalidBatch", "Unable to find result: "+c.path("rows"))
		}
		if j.contentType == "CSV" {
			var text bytes.Buffer
			err := c.org.writeCSV(&text, b.query, b.query.rows)
			return &asyncReply{status: http.StatusOK, contentType: "text/csv", raw: text.Bytes()}, err
		}
		c.json = j.contentType == "JSON"
		data := c.jsonRows(b.query)
		if c.json {
			return &asyncReply{status: http.StatusOK, contentType: "application/json;charset=UTF-8", raw: data}, nil
		}
		list, d := el("queryResult"), json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if err := list.decode("records", d); err != nil {
			return nil, err
		}
		for _, r := range list.children {
			r.typed()
		}
		return &asyncReply{status: http.StatusOK, element: list}, nil
	})
}

// jsonRows are a query's rows as JSON: as REST has them, but to be given out as
// JSON moments are the milliseconds since 1970.
func (c *asyncCall) jsonRows(j *job) []byte {
	buf := []byte{'['}
	_ = c.call.read(func() error {
		p := &printer{org: c.org, person: c.session.user, root: c.root, locale: locale{j.query.env.Location}, epochs: c.json}
		for _, r := range j.rows {
			if r.State == store.Gone {
				continue
			}
			if len(buf) > 1 {
				buf = append(buf, ',')
			}
			buf = p.record(buf, j.query.obj, r, j.query.outputs)
		}
		return nil
	})
	return append(buf, ']')
}

// typed gives a record of JSON, and its parents, the form that XML has.
func (e *element) typed() {
	if e.child("attributes").name == "" {
		return
	}
	e.attr = `xsi:type="sObject"`
	e.children[0] = leaf("type", e.children[0].child("type").text)
	for _, parent := range e.children[1:] {
		parent.typed()
	}
}

// epoch is a stored moment as the milliseconds since 1970.
func epoch(text string) string {
	at, err := time.Parse(stampLayout, text)
	if err != nil {
		return "null"
	}
	return strconv.FormatInt(at.UnixMilli(), 10)
}
