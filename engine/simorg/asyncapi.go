package simorg

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// asyncNS is the namespace of Bulk API 1.0.
const asyncNS = "http://www.force.com/2009/06/asyncapi/dataload"

const maxAsyncBatch = 10 << 20

// asyncJob is a job of Bulk API 1.0: batches of CSV, JSON or XML, each done as
// it comes.
type asyncJob struct {
	mu          sync.Mutex
	id          string
	operation   string
	object      string
	external    string
	concurrency string
	contentType string
	state       string
	version     string
	person      *person
	created     time.Time
	batches     []*asyncBatch
}

// asyncBatch is a batch; its outcomes are in the order of its rows.
type asyncBatch struct {
	id       string
	request  []byte
	problem  string
	polls    int // how often it still answers InProgress
	created  time.Time
	outcomes []outcome
	query    *job
	resultID string
}

// asyncJobs are the org's jobs of Bulk API 1.0.
type asyncJobs struct {
	mu   sync.Mutex
	byID map[string]*asyncJob
}

// asyncError is a refusal in the words of Bulk API 1.0.
type asyncError struct {
	status        int
	code, message string
}

func (e *asyncError) Error() string { return e.code + ": " + e.message }

func asyncRefusal(code, message string) error {
	return &asyncError{http.StatusBadRequest, code, message}
}

// asyncCall is one request; its answers are JSON where the request's are.
type asyncCall struct {
	*call
	json bool
}

func (o *Org) asyncRoutes(mux *http.ServeMux) {
	const base = "/services/async/{version}/job"
	type route func(*asyncCall) (*asyncReply, error)
	for path, by := range map[string]map[string]route{
		"":                                   {"POST": asyncCreate},
		"/{job}":                             {"GET": asyncGetJob, "POST": asyncSetState},
		"/{job}/batch":                       {"GET": asyncBatches, "POST": asyncAddBatch},
		"/{job}/batch/{batch}":               {"GET": asyncGetBatch},
		"/{job}/batch/{batch}/request":       {"GET": asyncRequest},
		"/{job}/batch/{batch}/result":        {"GET": asyncResult},
		"/{job}/batch/{batch}/result/{rows}": {"GET": asyncRows},
	} {
		mux.HandleFunc(base+path, func(w http.ResponseWriter, r *http.Request) {
			c := &asyncCall{json: strings.Contains(r.Header.Get("Content-Type"), "json")}
			var answer *asyncReply
			var err error
			if c.call, err = o.asyncSession(r); err == nil {
				if run := by[r.Method]; run != nil {
					answer, err = run(c)
				} else {
					err = &asyncError{http.StatusMethodNotAllowed, "InvalidOperation", "HTTP method " + r.Method + " is not allowed here"}
				}
			}
			c.send(w, r, answer, err)
		})
	}
}

// asyncSession finds the session that X-SFDC-Session names.
func (o *Org) asyncSession(r *http.Request) (*call, error) {
	version := r.PathValue("version")
	if !knownVersion(version) {
		return nil, asyncRefusal("InvalidVersion", "Unsupported version: "+version)
	}
	s, err := o.auth.use(r.Header.Get("X-SFDC-Session"), o.cfg)
	if err != nil {
		if s, err = o.auth.bearer(r, o.cfg); err != nil {
			return nil, asyncRefusal("InvalidSessionId", "Invalid session id")
		}
	}
	if err := o.quota.spend(o.cfg.Now()); err != nil {
		return nil, asyncRefusal("ExceededQuota", asAPIError(err).Message)
	}
	return &call{org: o, r: r, session: s, version: version, root: "/services/data/v" + version}, nil
}

// asyncReply is an element, printed as XML or JSON, or content of its own type.
type asyncReply struct {
	status      int
	element     *element
	list        bool // the JSON form is the list of the children
	contentType string
	raw         []byte
}

func (c *asyncCall) send(w http.ResponseWriter, r *http.Request, answer *asyncReply, err error) {
	if err != nil {
		refusal, is := err.(*asyncError) //nolint:errorlint // made by this file, never wrapped
		if !is {
			refusal = &asyncError{http.StatusBadRequest, "InvalidBatch", asAPIError(err).Message}
		}
		answer = &asyncReply{status: refusal.status, element: el("error", leaf("exceptionCode", refusal.code), leaf("exceptionMessage", refusal.message))}
	}
	if answer.element != nil {
		answer.contentType, answer.raw = "application/xml", []byte(answer.xml())
		if c.json {
			answer.contentType, answer.raw = "application/json;charset=UTF-8", answer.asJSON()
		}
	}
	w.Header().Set("Content-Type", answer.contentType)
	send(w, r, reply{Status: answer.status}, answer.raw)
}

func (a *asyncReply) xml() string {
	var b bytes.Buffer
	a.element.attr = `xmlns="` + asyncNS + `" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	a.element.write(&b)
	return `<?xml version="1.0" encoding="UTF-8"?>` + b.String()
}

// asJSON prints counts and times as numbers, and lists without a name round them.
func (a *asyncReply) asJSON() []byte {
	if !a.list {
		return encode(asyncJSON(a.element), false)
	}
	list := make([]any, len(a.element.children))
	for i, child := range a.element.children {
		list[i] = asyncJSON(child)
	}
	if a.element.name == "batchInfoList" {
		return encode(map[string]any{"batchInfo": list}, false)
	}
	return encode(list, false)
}

func asyncJSON(e *element) any {
	if len(e.children) == 0 {
		if strings.HasPrefix(e.name, "number") || strings.HasSuffix(e.name, "Time") || e.name == "apiVersion" {
			return json.Number(e.text)
		}
		return scalar(e.name, e.text)
	}
	object := map[string]any{}
	for _, child := range e.children {
		object[child.name] = asyncJSON(child)
	}
	return object
}

func asyncCreate(c *asyncCall) (*asyncReply, error) {
	info, err := c.info()
	if err != nil {
		return nil, err
	}
	j := &asyncJob{
		id: c.org.nextID("750"), operation: info.child("operation").text, object: info.child("object").text, external: info.child("externalIdFieldName").text,
		concurrency: info.child("concurrencyMode").text, contentType: info.child("contentType").text, state: "Open",
		version: c.version, person: c.session.user, created: c.org.cfg.Now().UTC(),
	}
	setDefault(&j.concurrency, "Parallel")
	setDefault(&j.contentType, "XML")
	obj, err := c.object(j.object)
	switch {
	case err != nil || slices.Contains(noBulk, obj.Name):
		return nil, asyncRefusal("InvalidEntity", "Entity '"+j.object+"' is not supported by the Bulk API.")
	case !slices.Contains([]string{"insert", "update", "upsert", "delete", "hardDelete", "query", "queryAll"}, j.operation):
		return nil, asyncRefusal("InvalidJob", "Invalid job operation: "+j.operation)
	case !slices.Contains([]string{"CSV", "JSON", "XML"}, j.contentType):
		return nil, asyncRefusal("InvalidJob", "ContentType "+j.contentType+" is not supported here")
	case j.operation == "hardDelete" && !c.session.user.may("BulkApiHardDelete"):
		return nil, asyncRefusal("FeatureNotEnabled", "hardDelete operation is not enabled for the user")
	case j.operation == "upsert" && j.external == "":
		return nil, asyncRefusal("InvalidJob", "External ID was blank for "+j.object)
	}
	j.object = obj.Name
	c.org.async.mu.Lock()
	c.org.async.byID[j.id] = j
	c.org.async.mu.Unlock()
	return &asyncReply{status: http.StatusCreated, element: j.element()}, nil
}

// info reads a jobInfo, given as XML or as JSON.
func (c *asyncCall) info() (*element, error) {
	data, err := c.body()
	if err != nil {
		return nil, err
	}
	if c.json {
		info, err := jsonElement("jobInfo", data)
		if err != nil {
			return nil, asyncRefusal("InvalidJob", "Unable to parse Job")
		}
		return info, nil
	}
	document, err := parseXML(bytes.NewReader(data))
	if err != nil {
		return nil, asyncRefusal("InvalidJob", "Unable to parse Job")
	}
	return document.child("jobInfo"), nil
}

// job finds the job of the path.
func (c *asyncCall) job() (*asyncJob, error) {
	id, _ := readID(c.path("job"))
	c.org.async.mu.Lock()
	j := c.org.async.byID[id]
	c.org.async.mu.Unlock()
	if j == nil || j.person.id != c.session.user.id && !c.session.user.may("ModifyAllData") {
		return nil, asyncRefusal("InvalidJob", "Unable to find object for id: "+c.path("job"))
	}
	return j, nil
}

func asyncGetJob(c *asyncCall) (*asyncReply, error) {
	j, err := c.job()
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, b := range j.batches {
		b.step()
	}
	return &asyncReply{status: http.StatusOK, element: j.element()}, nil
}

func asyncSetState(c *asyncCall) (*asyncReply, error) {
	j, err := c.job()
	if err != nil {
		return nil, err
	}
	info, err := c.info()
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	state := info.child("state").text
	if j.state != "Open" || state != "Closed" && state != "Aborted" {
		return nil, asyncRefusal("InvalidJobState", "A job in state "+j.state+" cannot become "+state)
	}
	j.state = state
	return &asyncReply{status: http.StatusOK, element: j.element()}, nil
}

// element is the job as its resource prints it; its lock must be held.
func (j *asyncJob) element() *element {
	counts := map[string]int{}
	processed, failed := 0, 0
	for _, b := range j.batches {
		counts[b.state()]++
		p, f := b.counts()
		processed, failed = processed+p, failed+f
	}
	e := el("jobInfo", leaf("id", j.id), leaf("operation", j.operation), leaf("object", j.object), leaf("createdById", j.person.id),
		leaf("createdDate", j.created.Format(stampLayout)), leaf("systemModstamp", j.created.Format(stampLayout)), leaf("state", j.state))
	if j.external != "" {
		e.add(leaf("externalIdFieldName", j.external))
	}
	return e.add(leaf("concurrencyMode", j.concurrency), leaf("contentType", j.contentType), numberLeaf("numberBatchesQueued", 0),
		numberLeaf("numberBatchesInProgress", counts["InProgress"]), numberLeaf("numberBatchesCompleted", counts["Completed"]),
		numberLeaf("numberBatchesFailed", counts["Failed"]), numberLeaf("numberBatchesTotal", len(j.batches)),
		numberLeaf("numberRecordsProcessed", processed), numberLeaf("numberRetries", 0), leaf("apiVersion", j.version),
		numberLeaf("numberRecordsFailed", failed), numberLeaf("totalProcessingTime", processed), numberLeaf("apiActiveProcessingTime", processed),
		numberLeaf("apexProcessingTime", 0))
}

func (b *asyncBatch) state() string {
	switch {
	case b.polls > 0:
		return "InProgress"
	case b.problem != "":
		return "Failed"
	}
	return "Completed"
}

func (b *asyncBatch) counts() (processed, failed int) {
	if b.query != nil {
		return b.query.processed, 0
	}
	for _, o := range b.outcomes {
		if o.err != nil {
			failed++
		}
	}
	return len(b.outcomes), failed
}

func (b *asyncBatch) element(job string) *element {
	processed, failed := b.counts()
	e := el("batchInfo", leaf("id", b.id), leaf("jobId", job), leaf("state", b.state()))
	if b.problem != "" {
		e.add(leaf("stateMessage", b.problem))
	}
	return e.add(leaf("createdDate", b.created.Format(stampLayout)), leaf("systemModstamp", b.created.Format(stampLayout)),
		numberLeaf("numberRecordsProcessed", processed), numberLeaf("numberRecordsFailed", failed), numberLeaf("totalProcessingTime", processed),
		numberLeaf("apiActiveProcessingTime", processed), numberLeaf("apexProcessingTime", 0))
}

// read is the whole of a batch's body, unzipped when it says so.
func (c *asyncCall) read() ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(c.r.Body, maxAsyncBatch+1))
	if err != nil {
		return nil, asyncRefusal("InvalidBatch", "The batch could not be read")
	}
	if len(data) > maxAsyncBatch {
		return nil, asyncRefusal("ClientInputError", "Request size exceeds the limit of "+strconv.Itoa(maxAsyncBatch)+" bytes")
	}
	return unzip(c.r, data)
}
