package job

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/org"
	"github.com/holdfast-backup/holdfast/ent/orgevent"
	"github.com/holdfast-backup/holdfast/ent/schema"
)

// Event is something that happened to an org. Seq counts from 1 per org,
// without gaps, in the order in which what happened was committed.
type Event struct {
	OrgID   string
	Seq     int64
	At      time.Time
	Kind    engine.EventKind
	Message string // a whole sentence
	JobID   string // the job it is about; empty when it is about none
}

func (e Event) number() int64 { return e.Seq }

// Record does something in a transaction, and tells those who follow the org
// what happened by it, if anything: nil for nothing.
func (q *Queue) Record(ctx context.Context, do func(tx *ent.Tx) (*Event, error)) error {
	return q.db.InTx(ctx, func(tx *ent.Tx) error {
		e, err := do(tx)
		if err != nil || e == nil {
			return err
		}
		return q.RecordTx(ctx, tx, *e)
	})
}

// RecordTx adds an event to its org's, as part of the caller's transaction. The
// org's row is locked until that ends, so that who has seen an event will never
// see an earlier one for the first time; transactions that record events of
// several orgs take them in the order of their ids.
func (q *Queue) RecordTx(ctx context.Context, tx *ent.Tx, e Event) error {
	var job any
	if e.JobID != "" {
		job = e.JobID
	}
	if _, err := tx.ExecContext(ctx, "UPDATE orgs SET last_event = last_event + 1 WHERE id = $1", e.OrgID); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO org_events (tenant_id, org_id, seq, at, kind, job_id, message)
		SELECT tenant_id, id, last_event, $2, $3, $4, $5 FROM orgs WHERE id = $1`, e.OrgID, schema.Now(), string(e.Kind), job, e.Message)
	if err != nil {
		return err
	}
	return q.hub.announce(ctx, tx, orgTopic(e.OrgID))
}

// about is an event of a job; what is the rest of a sentence about it.
func about(job *ent.Job, kind engine.EventKind, what string) Event {
	return Event{OrgID: job.OrgID, Kind: kind, JobID: job.ID, Message: fmt.Sprintf("Job #%d, “%s”, %s", job.Number, job.Name, what)}
}

// recordWait tells that a job which had started waits.
func (q *Queue) recordWait(ctx context.Context, tx *ent.Tx, jobID, why string) error {
	job, err := tx.Job.Get(ctx, jobID)
	if err != nil {
		return err
	}
	return q.RecordTx(ctx, tx, about(job, engine.EventJobWaits, "waits: "+why))
}

// endWords are how a job ended.
func endWords(job *ent.Job) string {
	words := "has ended: " + string(job.State) + "."
	if job.ErrorMessage != "" {
		words += " " + job.ErrorMessage
	}
	return words
}

// Events follows what happens to an org from the event after the one numbered
// after, 0 for its beginning: every event once, in order, in batches, whichever
// node it happens on. The channel is closed when the org is deleted, or when
// ctx ends.
func (q *Queue) Events(ctx context.Context, orgID string, after int64) (<-chan []Event, error) {
	exists, err := q.db.Client.Org.Query().Where(org.ID(orgID)).Exist(ctx)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, noOrg(orgID)
	}
	return follow(ctx, &q.events, orgID, after), nil
}

func noOrg(orgID string) error {
	return engine.E(engine.KindNotFound, "NOT_FOUND", "There is no org “%s”: check the id.", orgID)
}

func (q *Queue) newEventTailer(orgID string) *tailer[Event] {
	return newTailer(q, source[Event]{
		what: "an org's events", id: orgID,
		last: func(ctx context.Context) (int64, error) { return q.lastEvent(ctx, orgID) },
		read: func(ctx context.Context, after int64) ([]Event, error) { return q.readEvents(ctx, orgID, after) },
		over: func(ctx context.Context) (bool, error) {
			exists, err := q.db.Client.Org.Query().Where(org.ID(orgID)).Exist(ctx)
			return !exists, err
		},
	})
}

func (q *Queue) lastEvent(ctx context.Context, orgID string) (int64, error) {
	row, err := q.db.Client.Org.Query().Where(org.ID(orgID)).Select(org.FieldLastEvent).Only(ctx)
	if ent.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return row.LastEvent, nil
}

// readEvents reads a batch of an org's events after a cursor.
func (q *Queue) readEvents(ctx context.Context, orgID string, after int64) ([]Event, error) {
	rows, err := q.db.Client.OrgEvent.Query().Where(orgevent.OrgID(orgID), orgevent.SeqGT(after)).
		Order(orgevent.BySeq()).Limit(batchLines).All(ctx)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(rows))
	for i, row := range rows {
		events[i] = Event{OrgID: row.OrgID, Seq: row.Seq, At: row.At.UTC(), Kind: row.Kind, Message: row.Message, JobID: row.JobID}
	}
	return events, nil
}
