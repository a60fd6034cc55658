package simorg

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// The states of a bulk job.
const (
	jobOpen       = "Open"
	jobUploaded   = "UploadComplete"
	jobInProgress = "InProgress"
	jobComplete   = "JobComplete"
	jobFailed     = "Failed"
	jobAborted    = "Aborted"
)

const (
	jobLife  = 7 * 24 * time.Hour
	openLife = 24 * time.Hour
	jobsPage = 1000
)

// job is a Bulk 2.0 job, of a query or of an ingest.
type job struct {
	mu         sync.Mutex
	id         string
	kind       string // "query" or "ingest"
	operation  string
	object     string
	state      string
	version    string
	delimiter  string
	lineEnding string
	external   string
	assignment string
	problem    string
	created    time.Time
	changed    time.Time
	person     *person
	polls      int // how often it still answers InProgress
	processed  int
	failed     int

	// parents are the rows an ingest holds locks on until it is released.
	parentsMu sync.Mutex
	parents   map[string]bool
	released  atomic.Bool

	query *selection
	rows  []*store.Record

	upload  []byte
	success []byte
	failure []byte
	undone  []byte
}

// jobs are the org's bulk jobs.
type jobs struct {
	mu    sync.Mutex
	byID  map[string]*job
	order []*job
}

func (j *jobs) init() { j.byID = map[string]*job{} }

// addJob keeps a new job.
func (o *Org) addJob(j *job) {
	j.id = o.nextID("750")
	j.created = o.cfg.Now().UTC()
	j.changed, j.polls = j.created, o.cfg.BulkPolls
	o.jobs.mu.Lock()
	defer o.jobs.mu.Unlock()
	o.jobs.byID[j.id] = j
	o.jobs.order = append(o.jobs.order, j)
}

// prune drops the jobs whose time is over.
func (j *jobs) prune(now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.order = slices.DeleteFunc(j.order, func(job *job) bool {
		over := now.Sub(job.created) > jobLife
		if over {
			delete(j.byID, job.id)
		}
		return over
	})
}

// job finds the job that the path names.
func (c *call) job(kind string) (*job, error) {
	id, _ := readID(c.path("job"))
	c.org.jobs.mu.Lock()
	defer c.org.jobs.mu.Unlock()
	j := c.org.jobs.byID[id]
	if j == nil || j.kind != kind || c.org.cfg.Now().Sub(j.created) > jobLife {
		return nil, notFound()
	}
	return j, nil
}

// body is the job as its resource prints it; the job's lock must be held.
func (j *job) body() map[string]any {
	version, _ := strconv.ParseFloat(j.version, 64)
	body := map[string]any{
		"id": j.id, "operation": j.operation, "object": j.object, "createdById": j.person.id,
		"createdDate": formatREST(j.created), "systemModstamp": formatREST(j.changed), "state": j.state,
		"concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": version, "lineEnding": j.lineEnding, "columnDelimiter": j.delimiter,
	}
	if j.kind == "query" {
		body["jobType"] = "V2Query"
	} else {
		body["jobType"] = "V2Ingest"
		body["contentUrl"] = "services/data/v" + j.version + "/jobs/ingest/" + j.id + "/batches"
		if j.external != "" {
			body["externalIdFieldName"] = j.external
		}
	}
	return body
}

// details adds what a GET tells beyond the creation.
func (j *job) details() map[string]any {
	body := j.body()
	body["numberRecordsProcessed"], body["retries"], body["totalProcessingTime"] = j.processed, 0, 10+j.processed/1000
	if j.kind == "query" {
		body["isPkChunkingSupported"] = true
	} else {
		body["numberRecordsFailed"], body["apiActiveProcessingTime"], body["apexProcessingTime"] = j.failed, 5, 0
		if j.external == "" {
			delete(body, "externalIdFieldName")
		}
	}
	if j.problem != "" {
		body["errorMessage"] = j.problem
	}
	return body
}

func formatREST(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000+0000") }

// step moves a job on its way each time somebody looks at it.
func (j *job) step(now time.Time) {
	switch {
	case j.state == jobUploaded:
		j.state = jobInProgress
	case j.state == jobInProgress && j.polls > 0:
		j.polls--
	case j.state == jobInProgress:
		j.state = jobComplete
		j.released.Store(true)
		if j.problem != "" {
			j.state = jobFailed
		}
	default:
		return
	}
	j.changed = now
}

func terminal(state string) bool {
	return slices.Contains([]string{jobComplete, jobFailed, jobAborted}, state)
}

// listJobs answers the jobs of a kind, a thousand a page.
func (c *call) listJobs(kind string) (reply, error) {
	c.org.jobs.mu.Lock()
	defer c.org.jobs.mu.Unlock()
	skip, _ := strconv.Atoi(c.query().Get("queryLocator"))
	list, seen := []map[string]any{}, 0
	done := true
	for _, j := range c.org.jobs.order {
		if j.kind != kind || c.org.jobs.byID[j.id] == nil {
			continue
		}
		if seen++; seen <= skip {
			continue
		}
		if len(list) == jobsPage {
			done = false
			break
		}
		j.mu.Lock()
		list = append(list, j.body())
		j.mu.Unlock()
	}
	body := map[string]any{"done": done, "records": list, "nextRecordsUrl": nil}
	if !done {
		body["nextRecordsUrl"] = c.root + "/jobs/ingest?queryLocator=" + strconv.Itoa(skip+jobsPage)
	}
	return ok(body)
}

// lookAt answers a job after one step.
func (c *call) lookAt(kind string) (reply, error) {
	j, err := c.job(kind)
	if err != nil {
		return reply{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.step(c.org.cfg.Now().UTC())
	return ok(j.details())
}

// drop deletes a job that is over.
func (c *call) dropJob(kind string) (reply, error) {
	j, err := c.job(kind)
	if err != nil {
		return reply{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !terminal(j.state) && (kind == "query" || j.state != jobUploaded && j.state != jobOpen) {
		return reply{}, badRequest("API_ERROR", "Deleting not allowed for job in state %s", j.state)
	}
	c.org.jobs.mu.Lock()
	defer c.org.jobs.mu.Unlock()
	delete(c.org.jobs.byID, j.id)
	return noContent()
}

// abort ends a job before its time.
func (j *job) abort(now time.Time) error {
	switch {
	case j.state == jobComplete || j.state == jobFailed:
		return badRequest("INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
	case j.state == jobAborted:
		return badRequest("INVALIDJOBSTATE", "Aborting already Aborted Job not allowed")
	}
	j.state, j.changed = jobAborted, now
	return nil
}

var delimiters = map[string]byte{"BACKQUOTE": '`', "CARET": '^', "COMMA": ',', "PIPE": '|', "SEMICOLON": ';', "TAB": '\t'}

// dialect checks and defaults a job's CSV dialect.
func (j *job) dialect() error {
	setDefault(&j.delimiter, "COMMA")
	setDefault(&j.lineEnding, "LF")
	if delimiters[j.delimiter] == 0 {
		return badRequest("INVALIDJOB", "columnDelimiter %s is not known", j.delimiter)
	}
	if j.lineEnding != "LF" && j.lineEnding != "CRLF" {
		return badRequest("INVALIDJOB", "lineEnding %s is not known", j.lineEnding)
	}
	return nil
}

func (j *job) newline() string {
	if j.lineEnding == "CRLF" {
		return "\r\n"
	}
	return "\n"
}

// csvHeader are the headers of a CSV answer.
func csvHeader() map[string]string {
	return map[string]string{"Content-Type": "text/csv;charset=UTF-8"}
}

// wrongVersion refuses results asked for under another version than the job's.
func (c *call) wrongVersion(j *job) error {
	if c.version == j.version {
		return nil
	}
	return refuse(http.StatusConflict, "API_ERROR", "The job was created with API version %s", j.version)
}

// hold notes that the job holds a row's lock.
func (j *job) hold(id string) {
	j.parentsMu.Lock()
	defer j.parentsMu.Unlock()
	if j.parents == nil {
		j.parents = map[string]bool{}
	}
	j.parents[id] = true
}

// holds says whether a job other than this one, still at work, holds a row.
func (j *jobs) holds(id string, but *job) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, other := range j.order {
		if other == but || other.released.Load() {
			continue
		}
		other.parentsMu.Lock()
		held := other.parents[id]
		other.parentsMu.Unlock()
		if held {
			return true
		}
	}
	return false
}
