package graph

import (
	"context"

	"entgo.io/contrib/entgql"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/jobobject"
	"github.com/holdfast-backup/holdfast/ent/predicate"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

// MetadataFileLink is the kind of the links that open a component's file, and
// their path. Such a link's id is the org's, the version's and the file's name,
// with slashes between.
const MetadataFileLink = "metadata-file"

// typesOf are the metadata types among a job's objects.
func typesOf(j *ent.Job, conditions ...predicate.JobObject) *ent.JobObjectQuery {
	return j.QueryObjects().Where(jobobject.KindEQ(engine.MetadataObject)).Where(conditions...)
}

func metadataTypeConditions(f *generated.MetadataTypeFilter) []predicate.JobObject {
	if f == nil {
		return nil
	}
	return jobObjectConditions(&generated.JobObjectFilter{NameContains: f.NameContains, States: f.States})
}

func metadataTypeNamed(ctx context.Context, j *ent.Job, name string) (*ent.JobObject, error) {
	found, err := typesOf(j, jobobject.NameEqualFold(name)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return found, err
}

// ofType asks for a metadata type's components.
func ofType(ctx context.Context, t *ent.JobObject, q backup.ComponentQuery) (backup.ComponentQuery, error) {
	job, err := t.Job(ctx)
	q.Job, q.Type = job, t.Name
	return q, err
}

func (r *Resolver) componentNamed(ctx context.Context, t *ent.JobObject, fullName string) (*backup.Component, error) {
	q, err := ofType(ctx, t, backup.ComponentQuery{})
	if err != nil {
		return nil, err
	}
	return r.Rooms.Backup.Component(ctx, q, fullName)
}

// componentPage asks for one component more than the page holds, to know
// whether there is another page.
func (r *Resolver) componentPage(ctx context.Context, t *ent.JobObject, q backup.ComponentQuery, after *entgql.Cursor[string]) (*generated.MetadataComponentConnection, error) {
	first := q.Limit
	q.Limit, q.After = first+1, from(after)
	q, err := ofType(ctx, t, q)
	if err != nil {
		return nil, err
	}
	found, err := r.Rooms.Backup.Components(ctx, q)
	if err != nil {
		return nil, err
	}
	page := &generated.MetadataComponentConnection{}
	for i := range found[:min(first, len(found))] {
		page.Edges = append(page.Edges, generated.MetadataComponentEdge{Cursor: entgql.Cursor[string]{ID: string(found[i].RecordID)}, Node: &found[i]})
	}
	page.PageInfo = pageInfo(after, len(found) > first, len(page.Edges), func(i int) *entgql.Cursor[string] { return &page.Edges[i].Cursor })
	return page, nil
}

// componentDiffPage asks for one component more than the page holds, too.
func componentDiffPage(ctx context.Context, m *backup.MetadataDifference, first int, after *entgql.Cursor[string]) (*generated.ComponentDiffConnection, error) {
	found, err := m.Components(ctx, from(after), first+1)
	if err != nil {
		return nil, err
	}
	page := &generated.ComponentDiffConnection{}
	for i := range found[:min(first, len(found))] {
		page.Edges = append(page.Edges, generated.ComponentDiffEdge{Cursor: entgql.Cursor[string]{ID: found[i].Key}, Node: &found[i]})
	}
	page.PageInfo = pageInfo(after, len(found) > first, len(page.Edges), func(i int) *entgql.Cursor[string] { return &page.Edges[i].Cursor })
	return page, nil
}

func componentQuery(search string, change *engine.Change, first *int) backup.ComponentQuery {
	q := backup.ComponentQuery{Search: search, Limit: *first}
	if change != nil {
		q.Change = *change
	}
	return q
}

// componentVersions pages through a component's versions; a cursor is the
// place of a version in that order.
func (r *Resolver) componentVersions(ctx context.Context, c *backup.Component, first *int, after *entgql.Cursor[string]) (*generated.MetadataComponentConnection, error) {
	versions, err := r.Rooms.Backup.ComponentVersions(ctx, c)
	if err != nil {
		return nil, err
	}
	page, err := versionPage(versions, first, after)
	if err != nil {
		return nil, err
	}
	shown := &generated.MetadataComponentConnection{PageInfo: page.PageInfo}
	for _, e := range page.Edges {
		shown.Edges = append(shown.Edges, generated.MetadataComponentEdge{Cursor: e.Cursor, Node: &backup.Component{OrgID: c.OrgID, Type: c.Type, Version: e.Node}})
	}
	return shown, nil
}

func (r *Resolver) metadataFileLink(ctx context.Context, f *backup.ComponentFile) (*generated.SignedLink, error) {
	viewer, _ := engine.ViewerFrom(ctx)
	return r.signedLink(viewer.Tenant, MetadataFileLink, f.Component.OrgID+"/"+f.Component.ID()+"/"+f.Name)
}
