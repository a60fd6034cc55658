package salesforce

import (
	"context"
	"net/http"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

// bulkJobFailed is our code for a job that the platform gave up: it says so in
// the job's state, mostly without a reason.
const bulkJobFailed = "BULK_JOB_FAILED"

// job is a Bulk 2.0 job, of a query or of an ingest.
type job struct {
	ID               string `json:"id"`
	State            string `json:"state"`
	ContentURL       string `json:"contentUrl"`
	RecordsProcessed int64  `json:"numberRecordsProcessed"`
	RecordsFailed    int64  `json:"numberRecordsFailed"`
}

// bulkPosition is where the reading of a job's results stands: the pages that
// were begun or listed but not finished, the list that comes after them, and
// how many rows the finished ones had.
type bulkPosition struct {
	Job      string   `json:"job"`
	Pages    []string `json:"pages,omitempty"`
	More     string   `json:"more,omitempty"`
	Finished int64    `json:"finished"`
}

// readBulk runs the request as a Bulk job, or goes on with the job of an
// earlier read; one that is gone is started anew.
func (o *org) readBulk(ctx context.Context, r *read, from *bulkPosition) (engine.Rows, error) {
	if from != nil {
		j, err := o.finishedJob(ctx, o.queryJob(from.Job), r)
		if err == nil {
			return startBulk(ctx, r, j, *from), nil
		}
		if !engine.Is(err, engine.KindNotFound) {
			return nil, err
		}
	}
	j, err := o.createQueryJob(ctx, r)
	if err != nil {
		return nil, err
	}
	if j, err = o.finishedJob(ctx, o.queryJob(j.ID), r); err != nil {
		return nil, err
	}
	return startBulk(ctx, r, j, bulkPosition{Job: j.ID, More: o.queryJob(j.ID) + "/resultPages"}), nil
}

func (o *org) queryJob(id string) string { return o.data("/jobs/query/" + id) }

// createQueryJob starts a job. Should its answer get lost, a second job is
// started: the first costs allowance, but changes nothing.
func (o *org) createQueryJob(ctx context.Context, r *read) (job, error) {
	var j job
	if err := o.governor.admitBulk(ctx, o.Limits, queryJobs, queryBytes); err != nil {
		return j, err
	}
	soql := selection{fields: r.names(), object: r.object(), where: bounds(r.request)}.String()
	c, err := post(o.data("/jobs/query"), map[string]string{
		"operation": "queryAll", "query": soql, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
	}, true)
	if err != nil {
		return j, err
	}
	return j, o.fetch(ctx, c.about(r.object(), r.doing()), &j)
}

// finishedJob waits for a job's end, looking less and less often.
func (o *org) finishedJob(ctx context.Context, path string, r *read) (job, error) {
	return o.awaitJob(ctx, get(path, r.object(), r.doing()))
}

func (o *org) awaitJob(ctx context.Context, look call) (job, error) {
	for wait := o.options.PollFirst; ; wait = min(wait*3/2, o.options.PollMost) {
		var j job
		if err := o.fetch(ctx, look, &j); err != nil {
			return j, err
		}
		switch j.State {
		case "JobComplete":
			return j, nil
		case "Failed":
			return j, explain(look, &refusal{Status: http.StatusOK, Code: bulkJobFailed})
		case "Aborted":
			return j, &engine.Error{
				Kind: engine.KindTransient, Code: "BULK_JOB_ABORTED", Object: look.object,
				Message: "Somebody aborted the Bulk job for " + look.object + " in the org: start the job again.",
			}
		}
		if err := o.options.Sleep(ctx, jittered(wait)); err != nil {
			return j, err
		}
	}
}

// jittered spreads the looks of several jobs.
func jittered(d time.Duration) time.Duration { return d*9/10 + Retry{Base: d / 10, Most: d}.pause(1) }
