package salesforce

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

const (
	// ingestBytes is how much CSV goes into one job; the platform's bound is
	// 150 MB of base64.
	ingestBytes = 32 << 20
	// explicitNull clears a field; an empty cell leaves it alone.
	explicitNull = "#N/A"
)

// load is rows as a Bulk ingest job takes them. The results come in another
// order and in two files, so that a row is known again only by what it says; one
// that cannot be known for sure is nil here and goes by collections.
type load struct {
	operation string
	columns   []string
	rows      [][]string
	keyed     bool // the first column, the Id, names the row; else all of them do
}

func insertLoad(r engine.WriteRequest) load {
	l := load{operation: "insert", rows: make([][]string, len(r.Rows))}
	if len(r.Rows) > 0 {
		l.columns = slices.Sorted(maps.Keys(r.Rows[0].Values))
	}
	for n, row := range r.Rows {
		if len(row.Values) != len(l.columns) {
			continue // a cell left empty is not a field left out
		}
		cells := make([]string, len(l.columns))
		fit := true
		for i, name := range l.columns {
			value, ok := row.Values[name]
			fit = fit && ok && plainCell(value)
			cells[i] = value
		}
		if fit {
			l.rows[n] = cells
		}
	}
	return l
}

func updateLoad(r engine.WriteRequest) load {
	l := load{operation: "update", keyed: true, rows: make([][]string, len(r.Rows))}
	names := map[string]bool{}
	for _, row := range r.Rows {
		for name := range row.Values {
			names[name] = true
		}
	}
	l.columns = append([]string{"Id"}, slices.Sorted(maps.Keys(names))...)
	for n, row := range r.Rows {
		cells := make([]string, len(l.columns))
		cells[0] = string(row.ID)
		fit := true
		for i, name := range l.columns[1:] {
			value, ok := row.Values[name]
			fit = fit && plainCell(value)
			if ok && value == "" {
				value = explicitNull
			}
			cells[i+1] = value
		}
		if fit {
			l.rows[n] = cells
		}
	}
	return l
}

func deleteLoad(ids []engine.RecordID) load {
	l := load{operation: "delete", columns: []string{"Id"}, keyed: true}
	for _, id := range ids {
		l.rows = append(l.rows, []string{string(id)})
	}
	return l
}

// plainCell reports whether CSV carries a value as it is: the null marker has no
// spelling, and carriage returns may come out as line feeds.
func plainCell(value string) bool { return value != explicitNull && !strings.ContainsRune(value, '\r') }

// key is what a row is known by.
func (l load) key(cells []string) string {
	if l.keyed {
		return cells[0]
	}
	return strings.Join(cells, "\x00")
}

// distinct takes out the rows that repeat another and counts what remains.
func (l load) distinct() (count int) {
	keys := make(map[string]bool, len(l.rows))
	for n, cells := range l.rows {
		if cells == nil || keys[l.key(cells)] {
			l.rows[n] = nil
			continue
		}
		keys[l.key(cells)] = true
		count++
	}
	return count
}

// ingest writes the load and returns the rows that are still to be written by
// collections: those that are not in it, those that Bulk has not processed, and
// those that failed for a reason that collections know a way round.
func (w *writer) ingest(ctx context.Context, l load) (open []int, err error) {
	for start := 0; start < len(l.rows); {
		text, end := l.csv(start)
		j := &ingestJob{writer: w, load: l, waiting: make(map[string]int, end-start)}
		for n := start; n < end; n++ {
			if l.rows[n] == nil {
				open = append(open, n)
				continue
			}
			j.waiting[l.key(l.rows[n])] = n
		}
		var some []int
		if len(j.waiting) > 0 {
			some, err = j.run(ctx, text)
		}
		open = append(open, some...)
		if err != nil {
			for n := end; n < len(l.rows); n++ {
				open = append(open, n)
			}
			return open, err
		}
		start = end
	}
	slices.Sort(open)
	return open, nil
}

// csv prints rows from start until a job is full; end is behind the last.
func (l load) csv(start int) (text []byte, end int) {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	_ = out.Write(l.columns) // a bytes.Buffer takes everything
	for end = start; end < len(l.rows) && b.Len() < ingestBytes; end++ {
		if l.rows[end] != nil {
			_ = out.Write(l.rows[end])
			out.Flush()
		}
	}
	return b.Bytes(), end
}

// ingestJob is one job and the rows whose outcome it has not told yet.
type ingestJob struct {
	*writer
	load    load
	waiting map[string]int
	open    []int
}

// run sends the job and collects its outcomes. Until the upload is declared
// complete the org does nothing, so a failure before is no reason to worry.
func (j *ingestJob) run(ctx context.Context, text []byte) (open []int, err error) {
	created, err := j.upload(ctx, text)
	if err != nil {
		if ctx.Err() != nil || engine.Is(err, engine.KindLimit) || engine.Is(err, engine.KindDenied) {
			return slices.Collect(maps.Values(j.waiting)), err
		}
		j.org.options.Log.WarnContext(ctx, "salesforce: the Bulk load was not taken, going by collections", "object", j.object, "why", err.Error())
		return slices.Collect(maps.Values(j.waiting)), nil
	}
	path := j.org.data("/jobs/ingest/" + created.ID)
	done, err := j.org.awaitJob(ctx, get(path, j.object, j.doing))
	if e, ok := engine.AsError(err); ok && (e.Code == bulkJobFailed || e.Code == "BULK_JOB_ABORTED") {
		err = nil // what it did before stands; the rest is unprocessed
	}
	if err == nil {
		err = j.outcomes(ctx, path, done)
	}
	for _, n := range j.waiting {
		j.results[n] = engine.WriteResult{ID: j.id(n), Errors: []engine.WriteError{{
			Code:    outcomeUnknown,
			Message: "Salesforce did not say what became of this row: compare with the org before trying again.",
		}}}
	}
	return j.open, err
}

// upload creates the job, sends the rows and declares them complete.
func (j *ingestJob) upload(ctx context.Context, text []byte) (created job, err error) {
	if err := j.org.governor.admitBulk(ctx, j.org.Limits, ingestRuns); err != nil {
		return created, err
	}
	c, err := post(j.org.data("/jobs/ingest"), map[string]string{
		"object": j.object, "operation": j.load.operation, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
	}, true)
	if err == nil {
		err = j.org.fetch(ctx, c.about(j.object, j.doing), &created)
	}
	if err != nil {
		return created, err
	}
	put := call{
		method: http.MethodPut, path: "/" + strings.TrimPrefix(created.ContentURL, "/"), body: text,
		header: map[string]string{"Content-Type": "text/csv"}, object: j.object, doing: j.doing,
	}
	if err := j.org.do(ctx, put, discard); err != nil {
		_, _ = j.setState(ctx, created.ID, "Aborted")
		return created, err
	}
	done, err := j.setState(ctx, created.ID, "UploadComplete")
	if err != nil { // it may be what an attempt has already done
		if err := j.org.fetch(ctx, get(j.org.data("/jobs/ingest/"+created.ID), j.object, j.doing), &done); err != nil {
			return created, nil //nolint:nilerr // not known: awaitJob finds out
		}
		if done.State == "Open" {
			return created, err
		}
	}
	return created, nil
}

func (j *ingestJob) setState(ctx context.Context, id, state string) (job, error) {
	var changed job
	c, err := post(j.org.data("/jobs/ingest/"+id), map[string]string{"state": state}, true)
	if err != nil {
		return changed, err
	}
	c.method = http.MethodPatch
	return changed, j.org.fetch(ctx, c.about(j.object, j.doing), &changed)
}

// outcomes reads the job's three result files.
func (j *ingestJob) outcomes(ctx context.Context, path string, done job) error {
	for _, file := range []struct {
		name  string
		lead  int   // columns before ours
		count int64 // -1: not announced
	}{
		{"successfulResults", 2, done.RecordsProcessed - done.RecordsFailed},
		{"failedResults", 2, done.RecordsFailed},
		{"unprocessedrecords", 0, -1},
	} {
		records, err := j.file(ctx, path+"/"+file.name+"/", file.lead, file.count)
		if err != nil {
			return err
		}
		for _, cells := range records {
			j.settle(file.name, cells, file.lead)
		}
	}
	return nil
}

// file reads a result file as a whole: it is as large as the rows were, which
// the caller holds too.
func (j *ingestJob) file(ctx context.Context, path string, lead int, count int64) (records [][]string, err error) {
	c := get(path, j.object, j.doing)
	c.header = map[string]string{"Accept": "text/csv"}
	err = j.org.do(ctx, c, func(a answer) error {
		records = nil
		in := csvReader{in: a.body}
		for b := new(block); ; {
			err := in.read(b, j.org.options.BlockBytes)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return &broken{err: err}
			}
			for n := range b.len() {
				records = append(records, texts(b.row(n)))
			}
		}
		if len(records) > 0 && (len(records[0]) < lead || !slices.EqualFunc(records[0][lead:], j.load.columns, strings.EqualFold)) {
			return &broken{err: errHeader}
		}
		records = records[min(1, len(records)):]
		if count >= 0 && int64(len(records)) != count {
			return &broken{err: fmt.Errorf("%d results came of %d announced", len(records), count)}
		}
		return nil
	})
	return records, err
}

// settle keeps the outcome of one row.
func (j *ingestJob) settle(file string, cells []string, lead int) {
	key := j.load.key(cells[lead:])
	n, ok := j.waiting[key]
	if !ok {
		return
	}
	delete(j.waiting, key)
	if lead == 0 {
		j.open = append(j.open, n)
		return
	}
	result := engine.WriteResult{ID: or(engine.RecordID(full18(cells[0])), j.id(n)), OK: file == "successfulResults"}
	if !result.OK {
		result.Errors = []engine.WriteError{parseBulkError(cells[1])}
	}
	j.results[n] = result
	if failedWith(result, "UNABLE_TO_LOCK_ROW") || failedWith(result, "DUPLICATES_DETECTED") {
		j.open = append(j.open, n)
	}
}

// parseBulkError takes CODE:message:Field1,Field2 -- apart.
func parseBulkError(cell string) engine.WriteError {
	text := strings.TrimSuffix(strings.TrimSpace(cell), "--")
	code, rest, _ := strings.Cut(strings.TrimSpace(text), ":")
	e := engine.WriteError{Code: code, Message: rest}
	if at := strings.LastIndexByte(rest, ':'); at >= 0 {
		e.Message = rest[:at]
		e.Fields = strings.FieldsFunc(rest[at+1:], func(r rune) bool { return r == ',' || r == ' ' })
	}
	return e
}
