package graph

import (
	"context"
	"strconv"
	"time"

	"entgo.io/contrib/entgql"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/jobobject"
	"github.com/holdfast-backup/holdfast/ent/predicate"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

const (
	// JobLogLink is the kind of the links that open a job's log, and their path.
	JobLogLink = "job-log"
	linkLife   = 7 * 24 * time.Hour
)

// jobSearch finds jobs by name, or by number if the text is one.
func jobSearch(text string) predicate.Job {
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		return entjob.Or(jobNamed(text), entjob.Number(number))
	}
	return jobNamed(text)
}

// jobNamed finds jobs by a part of the name. The spelling as given is looked for
// besides: a PostgreSQL of locale C folds the case of ASCII alone, of which
// folding makes another text than any that it holds.
func jobNamed(text string) predicate.Job {
	return entjob.Or(entjob.NameContainsFold(text), entjob.NameContains(text))
}

func jobObjectConditions(f *generated.JobObjectFilter) []predicate.JobObject {
	var all []predicate.JobObject
	if f == nil {
		return nil
	}
	if f.NameContains != nil {
		all = append(all, jobobject.NameContainsFold(*f.NameContains))
	}
	if f.States != nil {
		all = append(all, jobobject.StateIn(f.States...))
	}
	return all
}

func (r *Resolver) jobSettings(ctx context.Context, j *ent.Job) (*generated.BackupSettings, error) {
	settings, ok, err := backup.SettingsOf(j)
	if err != nil || !ok {
		return nil, err
	}
	return r.backupSettings(ctx, settings)
}

// duration is the seconds between two moments; what has not ended goes on.
func (r *Resolver) duration(start, end *time.Time) *int64 {
	if start == nil {
		return nil
	}
	until := r.Rooms.Identity.Now()
	if end != nil {
		until = *end
	}
	seconds := int64(until.Sub(*start).Seconds())
	return &seconds
}

// objectStates counts a job's objects of a kind by where they stand.
func objectStates(ctx context.Context, j *ent.Job, kind engine.JobObjectKind) (*generated.JobObjectStates, error) {
	var rows []struct {
		State engine.JobObjectState `json:"state"`
		Count int                   `json:"count"`
	}
	if err := j.QueryObjects().Where(jobobject.KindEQ(kind)).GroupBy(jobobject.FieldState).Aggregate(ent.Count()).Scan(ctx, &rows); err != nil {
		return nil, err
	}
	states := &generated.JobObjectStates{}
	tiles := map[engine.JobObjectState]*int{
		engine.ObjectQueued: &states.Queued, engine.ObjectInProgress: &states.InProgress,
		engine.ObjectCompleted: &states.Completed, engine.ObjectException: &states.Exception,
	}
	for _, row := range rows {
		*tiles[row.State] = row.Count
		states.Total += row.Count
	}
	return states, nil
}

func jobObjectNamed(ctx context.Context, j *ent.Job, name string) (*ent.JobObject, error) {
	found, err := j.QueryObjects().Where(jobobject.KindEQ(engine.RecordsObject), jobobject.NameEqualFold(name)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return found, err
}

// signedLink opens what kind and id name, for a week.
func (r *Resolver) signedLink(tenant, kind, id string) (*generated.SignedLink, error) {
	expires := r.Rooms.Identity.Now().Add(linkLife).UTC().Truncate(time.Second)
	token, err := r.Rooms.Identity.SignLink(identity.Link{Tenant: tenant, Kind: kind, ID: id, Expires: expires})
	return &generated.SignedLink{Path: "/" + kind + "/" + token, ExpiresAt: expires}, err
}

// touchedPage asks for one record more than the page holds, to know whether
// there is another page.
func (r *Resolver) touchedPage(ctx context.Context, o *ent.JobObject, q backup.TouchedQuery, after *entgql.Cursor[string]) (*generated.TouchedRecordConnection, error) {
	job, err := o.Job(ctx)
	if err != nil {
		return nil, err
	}
	if o.Kind != engine.RecordsObject { // its components are the metadata type's
		return &generated.TouchedRecordConnection{PageInfo: &ent.PageInfo{}}, nil
	}
	first := q.Limit
	q.Job, q.Object, q.Limit, q.After = job, o.Name, first+1, from(after)
	records, err := r.Rooms.Backup.Touched(ctx, q)
	if err != nil {
		return nil, err
	}
	page := &generated.TouchedRecordConnection{}
	for i := range records[:min(first, len(records))] {
		page.Edges = append(page.Edges, generated.TouchedRecordEdge{Cursor: entgql.Cursor[string]{ID: records[i].RecordID}, Node: &records[i]})
	}
	page.PageInfo = pageInfo(after, len(records) > first, len(page.Edges), func(i int) *entgql.Cursor[string] { return &page.Edges[i].Cursor })
	return page, nil
}

func touchedQuery(change *engine.Change, search string, first *int) backup.TouchedQuery {
	q := backup.TouchedQuery{Search: search, Limit: *first}
	if change != nil {
		q.Change = *change
	}
	return q
}
