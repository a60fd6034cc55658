package simorg

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

const (
	maxUpload  = 150 << 20
	ingestRows = 200 // one chunk of writes
	batchRows  = 10_000
	nullCell   = "#N/A"
)

// ingestRequest is the body of a new ingest job.
type ingestRequest struct {
	Object, Operation, ContentType, LineEnding, ColumnDelimiter string
	ExternalIDFieldName                                         string `json:"externalIdFieldName"`
	AssignmentRuleID                                            string `json:"assignmentRuleId"`
}

func listIngestJobs(c *call) (reply, error)  { return c.listJobs("ingest") }
func getIngestJob(c *call) (reply, error)    { return c.lookAt("ingest") }
func deleteIngestJob(c *call) (reply, error) { return c.dropJob("ingest") }

func createIngestJob(c *call) (reply, error) {
	if c.isMultipart() {
		return c.multipartJob()
	}
	var body ingestRequest
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	j, err := c.openJob(body)
	if err != nil {
		return reply{}, err
	}
	return ok(j.body())
}

// openJob checks a request and keeps the job, open for its upload.
func (c *call) openJob(body ingestRequest) (*job, error) {
	if !slices.Contains([]string{"insert", "update", "upsert", "delete", "hardDelete"}, body.Operation) {
		return nil, badRequest("INVALIDJOB", "Invalid job operation: %q", body.Operation)
	}
	obj, err := c.object(body.Object)
	if err != nil || slices.Contains(noBulk, obj.Name) {
		return nil, badRequest("INVALIDENTITY", "Entity '%s' is not supported by the Bulk API.", body.Object)
	}
	if body.Operation == "hardDelete" && !c.session.user.may("BulkApiHardDelete") {
		return nil, badRequest("FEATURENOTENABLED", "hardDelete operation is not enabled for the user")
	}
	if body.Operation == "upsert" && body.ExternalIDFieldName == "" {
		return nil, badRequest("INVALIDJOB", "upsert needs externalIdFieldName")
	}
	j := &job{
		kind: "ingest", operation: body.Operation, object: obj.Name, state: jobOpen, version: c.version, delimiter: body.ColumnDelimiter,
		lineEnding: body.LineEnding, external: body.ExternalIDFieldName, assignment: body.AssignmentRuleID, person: c.session.user,
	}
	if err := j.dialect(); err != nil {
		return nil, err
	}
	c.org.addJob(j)
	return j, nil
}

// multipartJob is the one-call form: the job and its content together.
func (c *call) multipartJob() (reply, error) {
	var request ingestRequest
	var content []byte
	if err := c.parts(func(name string, _ bool, data []byte) error {
		if name == "job" {
			return decodeJSON(data, &request)
		}
		content = data
		return nil
	}); err != nil {
		return reply{}, err
	}
	j, err := c.openJob(request)
	if err != nil {
		return reply{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.upload, j.state = content, jobUploaded
	c.ingest(j)
	return ok(j.body())
}

func uploadBatch(c *call) (reply, error) {
	j, err := c.job("ingest")
	if err != nil {
		return reply{}, err
	}
	data, err := c.upload()
	if err != nil {
		return reply{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state != jobOpen || j.upload != nil {
		return reply{}, badRequest("INVALIDJOBSTATE", "The job takes one upload while it is open")
	}
	j.upload = data
	return reply{Status: http.StatusCreated}, nil
}

// upload reads a CSV body, which may be larger than a JSON one.
func (c *call) upload() ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(c.r.Body, maxUpload+1))
	if err != nil {
		return nil, badRequest("INVALIDBATCH", "The upload could not be read: %v", err)
	}
	if len(data) > maxUpload*3/4 {
		return nil, refuse(http.StatusRequestEntityTooLarge, "INVALIDBATCH", "The upload is larger than 150 MB of base64")
	}
	return unzip(c.r, data)
}

func patchIngestJob(c *call) (reply, error) {
	j, err := c.job("ingest")
	if err != nil {
		return reply{}, err
	}
	var body struct{ State string }
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case body.State == jobAborted:
		err = j.abort(c.org.cfg.Now().UTC())
	case body.State != jobUploaded || j.state != jobOpen:
		err = badRequest("INVALIDJOBSTATE", "A job in state %s cannot become %s", j.state, body.State)
	default:
		j.state = jobUploaded
		c.ingest(j)
	}
	if err != nil {
		return reply{}, err
	}
	return ok(j.body())
}

// ingest does the job's work; only its state lags behind.
func (c *call) ingest(j *job) {
	rows, err := j.parse()
	if err == nil && len(rows) > 0 {
		err = c.org.quota.take(bulkBatches, (len(rows)-2)/batchRows+1)
	}
	if err != nil {
		j.problem = err.Error()
		j.undone = j.upload
		return
	}
	if len(rows) == 0 {
		return
	}
	w := &ingestion{call: c, job: j, header: rows[0]}
	w.run(rows[1:])
}

// parse reads the upload in the job's dialect.
func (j *job) parse() ([][]string, error) {
	data := bytes.TrimPrefix(j.upload, []byte("\xef\xbb\xbf"))
	first, _, _ := bytes.Cut(data, []byte("\n"))
	if crlf := bytes.HasSuffix(first, []byte("\r")); len(data) > 0 && crlf != (j.lineEnding == "CRLF") {
		return nil, fmt.Errorf("InvalidBatch : LineEnding is invalid on user data. Current LineEnding setting is %s", j.lineEnding)
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = rune(delimiters[j.delimiter])
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("InvalidBatch : Failed to parse CSV: %w", err)
	}
	for i, row := range rows {
		if len(row) != len(rows[0]) {
			return nil, fmt.Errorf("InvalidBatch : row %d has %d columns, the header %d", i, len(row), len(rows[0]))
		}
	}
	return rows, nil
}

// ingestion is an ingest job at work.
type ingestion struct {
	*call
	job    *job
	header []string
	obj    *schema.Object
	cells  []cell
	good   bytes.Buffer
	bad    bytes.Buffer
}

// cell is what a column of the header means.
type cell struct {
	field    string
	relation string // "Account" of Account.Ext__c
	of       string // "Lead" of Lead:Who.Email
}

func (w *ingestion) run(rows [][]string) {
	w.obj = w.org.schema().Get(w.job.object)
	if err := w.columns(); err != nil {
		w.job.problem, w.job.undone = err.Error(), w.job.upload
		return
	}
	w.line(&w.good, append([]string{"sf__Id", "sf__Created"}, w.header...))
	w.line(&w.bad, append([]string{"sf__Id", "sf__Error"}, w.header...))
	opts := writeOptions{autoAssign: w.job.assignment != "", assignRule: w.job.assignment}
	for len(rows) > 0 {
		chunk := rows[:min(ingestRows, len(rows))]
		rows = rows[len(chunk):]
		_ = w.org.transact(w.job.person, opts, func(t *tx) error {
			for _, row := range chunk {
				w.row(t, row)
			}
			return nil
		})
	}
	w.job.success, w.job.failure = w.good.Bytes(), w.bad.Bytes()
	w.job.upload = nil
}

// columns reads the header; a name that is no field fails the whole job.
func (w *ingestion) columns() error {
	for _, name := range w.header {
		var c cell
		path := strings.TrimSpace(name)
		if of, rest, polymorphic := strings.Cut(path, ":"); polymorphic {
			c.of, path = of, rest
		}
		c.field = path
		if rel, field, deep := strings.Cut(path, "."); deep {
			c.relation, c.field = rel, field
			f := lookup(w.obj, rel)
			if f == nil || len(f.ReferenceTo) > 1 && c.of == "" {
				return fmt.Errorf("InvalidBatch : Field name not found : %s", name)
			}
		} else if w.obj.Field(path) == nil {
			return fmt.Errorf("InvalidBatch : Field name not found : %s", name)
		}
		w.cells = append(w.cells, c)
	}
	return nil
}

// row writes one row and reports it.
func (w *ingestion) row(t *tx, values []string) {
	w.job.processed++
	in, id := w.input(values)
	err := w.contend(in)
	created := false
	if err == nil {
		id, created, err = w.write(t, id, in)
	}
	if err != nil {
		w.job.failed++
		w.line(&w.bad, append([]string{id, errorCell(err)}, values...))
		return
	}
	w.line(&w.good, append([]string{id, fmt.Sprint(created)}, values...))
}

// input is a row of cells as a record, and its Id.
func (w *ingestion) input(values []string) (in input, id string) {
	in = input{}
	for i, c := range w.cells {
		value := values[i]
		switch {
		case c.relation != "":
			if value != "" {
				in[c.relation] = map[string]any{c.field: value, "attributes": attributesOf(c.of)}
			}
		case strings.EqualFold(c.field, "Id"):
			id = value
		case value == nullCell:
			in[c.field] = nil
		case value != "":
			in[c.field] = value
		}
	}
	return in, id
}

// errorCell is a refusal as a cell of a result.
func errorCell(err error) string {
	refusal := asAPIError(err)
	if len(refusal.Fields) == 0 {
		return refusal.Code + ":" + refusal.Message + ":--"
	}
	return refusal.Code + ":" + refusal.Message + ":" + strings.Join(refusal.Fields, ",") + " --"
}

// contend lets a row fail whose parent another job at work holds, as often as
// Config.LockContention says; the job then holds the row's parents itself.
func (w *ingestion) contend(in input) error {
	if w.org.cfg.LockContention == 0 {
		return nil
	}
	for name, v := range in {
		f := w.obj.Field(name)
		id, isText := v.(string)
		if f == nil || f.Type != "reference" || !isText || f.Name == "OwnerId" {
			continue
		}
		full, _ := readID(id)
		if w.org.jobs.holds(full, w.job) && w.org.faults.chance(w.org.cfg.LockContention) {
			return invalidRow("UNABLE_TO_LOCK_ROW", nil, "unable to obtain exclusive access to this record or 1 records: %s", full)
		}
		w.job.hold(full)
	}
	return nil
}

func attributesOf(object string) map[string]any {
	if object == "" {
		return map[string]any{}
	}
	return map[string]any{"type": object}
}

// write does the job's operation on one row.
func (w *ingestion) write(t *tx, id string, in input) (string, bool, error) {
	switch w.job.operation {
	case "insert":
		id, err := t.insert(w.obj, in)
		return id, err == nil, err
	case "update":
		full, _ := readID(id)
		return full, false, t.update(w.obj, id, in)
	case "upsert":
		key := w.obj.Field(w.job.external)
		if key == nil {
			return "", false, invalidRow("INVALID_FIELD", nil, "Field name provided, %s is not an External ID or indexed field for %s", w.job.external, w.obj.Name)
		}
		if key.From == schema.RecordID {
			in[key.Name] = id
		} else if in[key.Name] == nil {
			return "", false, invalidRow("MISSING_ARGUMENT", nil, "%s not specified", key.Name)
		}
		return t.upsert(w.obj, key, in, false)
	}
	full, _ := readID(id)
	err := t.delete(w.obj, id)
	if err == nil && w.job.operation == "hardDelete" {
		err = t.purge(full)
	}
	return full, false, err
}

func (w *ingestion) line(buf *bytes.Buffer, values []string) {
	var b []byte
	for i, v := range values {
		if i > 0 {
			b = append(b, delimiters[w.job.delimiter])
		}
		b = quoteCSV(b, v)
	}
	buf.Write(b)
	buf.WriteString(w.job.newline())
}

func successfulResults(c *call) (reply, error) {
	return c.results(func(j *job) []byte { return j.success })
}

func failedResults(c *call) (reply, error) {
	return c.results(func(j *job) []byte { return j.failure })
}

func unprocessedResults(c *call) (reply, error) {
	return c.results(func(j *job) []byte { return j.undone })
}

func (c *call) results(of func(*job) []byte) (reply, error) {
	j, err := c.job("ingest")
	if err != nil {
		return reply{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !terminal(j.state) {
		return reply{}, badRequest("INVALIDJOBSTATE", "The job is in state %s: its results are not ready", j.state)
	}
	return reply{Status: http.StatusOK, Header: csvHeader(), Raw: of(j)}, nil
}
