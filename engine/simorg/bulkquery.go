package simorg

import (
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// maxResultRows is the page size of results when the client asks for none.
const maxResultRows = 250_000

// noBulk are standard objects that the Bulk API refuses (reference §2.5).
var noBulk = []string{
	"AcceptedEventRelation", "DeclinedEventRelation", "UndecidedEventRelation", "EventWhoRelation", "TaskWhoRelation",
	"RecentlyViewed", "FieldSecurityClassification", "PartnerRole", "TaskPriority", "CaseStatus", "ContractStatus", "OrderStatus",
	"SolutionStatus", "TaskStatus", "ServiceAppointmentStatus", "ShiftStatus", "WorkOrderStatus", "WorkOrderLineItemStatus", "WorkStepStatus",
	"UserRecordAccess", "UserFieldAccess",
}

func createQueryJob(c *call) (reply, error) {
	var body struct{ Operation, Query, ColumnDelimiter, LineEnding string }
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if body.Operation != "query" && body.Operation != "queryAll" {
		return reply{}, badRequest("INVALIDJOB", "operation %q is not one of query, queryAll", body.Operation)
	}
	j := &job{
		kind: "query", operation: body.Operation, state: jobUploaded, version: c.version, delimiter: body.ColumnDelimiter,
		lineEnding: body.LineEnding, person: c.session.user,
	}
	if err := j.dialect(); err != nil {
		return reply{}, err
	}
	q, err := soql.Parse(body.Query)
	if err != nil {
		return reply{}, err
	}
	if err := c.withIndexes(body.Operation == "queryAll", func(e *engine) error { return j.ask(e, q, body.Query) }); err != nil {
		return reply{}, err
	}
	if err := c.org.quota.take(bulkQueryJobs, 1); err != nil {
		return reply{}, err
	}
	c.org.addJob(j)
	return ok(j.body())
}

// ask runs the job's query; its rows are fixed from now on.
func (j *job) ask(e *engine, q *soql.Query, src string) error {
	if err := unsupported(q); err != nil {
		return err
	}
	s, err := e.prepare(q, src)
	if err != nil {
		return err
	}
	if slices.Contains(noBulk, s.obj.Name) {
		return badRequest("INVALIDENTITY", "Entity '%s' is not supported by the Bulk API.", s.obj.Name)
	}
	if err := s.needsFilter(); err != nil {
		return badRequest("API_ERROR", "%s", asAPIError(err).Message)
	}
	if err := scalars(s.outputs); err != nil {
		return err
	}
	j.object, j.query = s.obj.Name, s
	j.rows, err = s.run()
	j.processed = len(j.rows)
	return err
}

// unsupported refuses what Bulk queries may not say.
func unsupported(q *soql.Query) error {
	switch {
	case aggregates(q):
		return badRequest("API_ERROR", "Aggregate Relationships not supported in Bulk Query")
	case q.Offset != nil:
		return badRequest("API_ERROR", "OFFSET is not supported in Bulk Query")
	}
	for _, item := range q.Select {
		switch item := item.(type) {
		case soql.Children:
			return badRequest("API_ERROR", "Nested queries are not supported in Bulk Query")
		case soql.TypeOf:
			return badRequest("API_ERROR", "TYPEOF is not supported in Bulk Query")
		case soql.FieldSet:
			if item.Set != "STANDARD" {
				return badRequest("MALFORMED_QUERY", "The SOQL FIELDS function is not supported with FIELDS(%s) in Bulk Query", item.Set)
			}
		}
	}
	return nil
}

// scalars refuses compound and base64 columns.
func scalars(outputs []output) error {
	for _, out := range outputs {
		switch {
		case out.parent != nil:
			if err := scalars(out.parent.outputs); err != nil {
				return err
			}
		case out.column.field == nil:
		case out.column.field.Type == "address" || out.column.field.Type == "location":
			return badRequest("API_ERROR", "Selecting compound data not supported in Bulk Query")
		case out.column.field.Type == "base64":
			return badRequest("FEATURENOTENABLED", "Binary field not supported")
		}
	}
	return nil
}

func listQueryJobs(c *call) (reply, error)  { return c.listJobs("query") }
func getQueryJob(c *call) (reply, error)    { return c.lookAt("query") }
func deleteQueryJob(c *call) (reply, error) { return c.dropJob("query") }

func patchQueryJob(c *call) (reply, error) {
	j, err := c.job("query")
	if err != nil {
		return reply{}, err
	}
	var body struct{ State string }
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if body.State != jobAborted {
		return reply{}, badRequest("INVALIDJOBSTATE", "Invalid state: %s", body.State)
	}
	if err := j.abort(c.org.cfg.Now().UTC()); err != nil {
		return reply{}, err
	}
	return ok(j.body())
}

// ready checks that the results of a job may be read.
func (c *call) ready() (*job, error) {
	j, err := c.job("query")
	if err != nil {
		return nil, err
	}
	if err := c.wrongVersion(j); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state != jobComplete {
		return nil, badRequest("INVALIDJOBSTATE", "The job is in state %s: its results are not ready", j.state)
	}
	return j, nil
}

func locatorOf(offset int) string {
	return base64.RawStdEncoding.EncodeToString([]byte(strconv.Itoa(offset)))
}

// place reads a locator.
func (j *job) place(locator string) (int, error) {
	if locator == "" {
		return 0, nil
	}
	text, err := base64.RawStdEncoding.DecodeString(locator)
	n, err2 := strconv.Atoi(string(text))
	if err != nil || err2 != nil || n < 0 || n > len(j.rows) {
		return 0, badRequest("INVALID_QUERY_LOCATOR", "invalid query locator")
	}
	return n, nil
}

func queryResults(c *call) (reply, error) {
	j, err := c.ready()
	if err != nil {
		return reply{}, err
	}
	from, err := j.place(c.query().Get("locator"))
	if err != nil {
		return reply{}, err
	}
	size := maxResultRows
	if text := c.query().Get("maxRecords"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 {
			return reply{}, badRequest("INVALID_FIELD", "maxRecords must be a positive number: %s", text)
		}
	}
	rows := j.rows[from:min(from+size, len(j.rows))]
	header := csvHeader()
	header["Sforce-Locator"] = "null"
	if next := from + len(rows); next < len(j.rows) {
		header["Sforce-Locator"] = locatorOf(next)
	}
	header["Sforce-NumberOfRecords"] = strconv.Itoa(len(rows))
	return reply{Status: http.StatusOK, Header: header, Stream: func(w io.Writer) error { return c.org.writeCSV(w, j, rows) }}, nil
}

// resultPages lists up to five pages that may be read side by side.
func resultPages(c *call) (reply, error) {
	j, err := c.ready()
	if err != nil {
		return reply{}, err
	}
	from, err := j.place(c.query().Get("locator"))
	if err != nil {
		return reply{}, err
	}
	base := c.root + "/jobs/query/" + j.id
	pages := []map[string]string{}
	for len(pages) < 5 && (from < len(j.rows) || from == 0) {
		next := min(from+c.org.cfg.ResultPageRows, len(j.rows))
		pages = append(pages, map[string]string{"resultUrl": base + "/results?locator=" + locatorOf(from) + "&maxRecords=" + strconv.Itoa(c.org.cfg.ResultPageRows)})
		if from = next; from == 0 {
			break
		}
	}
	body := map[string]any{"resultPages": pages, "done": from >= len(j.rows)}
	if from < len(j.rows) {
		body["nextRecordsUrl"] = base + "/resultPages?locator=" + locatorOf(from)
	}
	return ok(body)
}

// csvColumn is one column of a result.
type csvColumn struct {
	name   string
	column *column
}

// flatten turns outputs into columns, parents as dotted names.
func flatten(outputs []output, prefix string, steps []*schema.Field) []csvColumn {
	var columns []csvColumn
	for _, out := range outputs {
		if out.parent != nil {
			columns = append(columns, flatten(out.parent.outputs, prefix+out.key+".", append(slices.Clone(steps), out.parent.via))...)
			continue
		}
		c := *out.column
		c.steps = steps
		columns = append(columns, csvColumn{prefix + out.key, &c})
	}
	return columns
}

// rowsPerLock is how many rows are printed before writers get their turn.
const rowsPerLock = 1000

// writeCSV prints rows, the header first, every value quoted.
func (o *Org) writeCSV(w io.Writer, j *job, rows []*store.Record) error {
	columns := flatten(j.query.outputs, "", nil)
	delimiter, newline := delimiters[j.delimiter], j.newline()
	buf := make([]byte, 0, 256<<10)
	for i, c := range columns {
		if i > 0 {
			buf = append(buf, delimiter)
		}
		buf = quoteCSV(buf, c.name)
	}
	buf = append(buf, newline...)
	for len(rows) > 0 {
		part := rows[:min(rowsPerLock, len(rows))]
		rows = rows[len(part):]
		buf = o.appendCSV(buf, j, columns, part)
		if _, err := w.Write(buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	_, err := w.Write(buf)
	return err
}

func (o *Org) appendCSV(buf []byte, j *job, columns []csvColumn, rows []*store.Record) []byte {
	o.mu.RLock()
	defer o.mu.RUnlock()
	delimiter, newline := delimiters[j.delimiter], j.newline()
	values := make([]string, j.query.obj.Cols())
	for _, r := range rows {
		if r.State == store.Gone {
			continue
		}
		r.Values(values)
		for i, c := range columns {
			if i > 0 {
				buf = append(buf, delimiter)
			}
			if f := c.column.field; len(c.column.steps) == 0 && f != nil && f.From == schema.Stored && c.column.show == "" {
				buf = quoteCSV(buf, csvText(f, values[f.Col]))
				continue
			}
			buf = j.query.csvValue(buf, r, c.column)
		}
		buf = append(buf, newline...)
	}
	return buf
}

// csvValue prints a value that is computed, that lies behind a lookup, or that
// is shown in another form.
func (s *selection) csvValue(buf []byte, r *store.Record, c *column) []byte {
	f, obj, r := s.engine.org.resolve(c, s.obj, r)
	if f == nil {
		return quoteCSV(buf, "")
	}
	text := csvText(f, s.engine.org.text(obj, f, r))
	if c.show != "" {
		text = locale{s.env.Location}.show(c.show, f, text, currencyOf(obj, r))
	}
	return quoteCSV(buf, text)
}

// csvText spells a stored value for CSV: only false differs.
func csvText(f *schema.Field, text string) string {
	if f.Type == "boolean" && text == "" {
		return "false"
	}
	return text
}

func quoteCSV(buf []byte, text string) []byte {
	if text == "" {
		return append(buf, '"', '"')
	}
	buf = append(buf, '"')
	for i := strings.IndexByte(text, '"'); i >= 0; i = strings.IndexByte(text, '"') {
		buf = append(append(buf, text[:i+1]...), '"')
		text = text[i+1:]
	}
	return append(append(buf, text...), '"')
}
