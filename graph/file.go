package graph

import (
	"context"

	"entgo.io/contrib/entgql"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/files"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

// FileLink is the kind of the links that open a file's content, and their path.
// Such a link's id is the org's, a slash, and the version's.
const FileLink = "file"

func (r *Resolver) filePage(ctx context.Context, q files.Query, first *int, after *entgql.Cursor[string]) (*generated.RecordFileConnection, error) {
	q.First, q.After = *first, from(after)
	found, err := r.Rooms.Files.List(ctx, q)
	if err != nil {
		return nil, err
	}
	page := &generated.RecordFileConnection{TotalCount: found.Total}
	for i := range found.Files {
		page.Edges = append(page.Edges, generated.RecordFileEdge{Cursor: entgql.Cursor[string]{ID: found.Files[i].Cursor()}, Node: &found.Files[i]})
	}
	page.PageInfo = pageInfo(after, found.EndCursor != "", len(page.Edges), func(i int) *entgql.Cursor[string] { return &page.Edges[i].Cursor })
	return page, nil
}

// versionContent finds the version's org by the job that captured it.
func (r *Resolver) versionContent(ctx context.Context, v *vault.Version) (*files.Content, error) {
	if content := files.ContentOf("", v); content == nil {
		return nil, nil
	}
	job, err := loadersFrom(ctx).jobs.Load(ctx, v.JobID)
	if err != nil {
		return nil, err
	}
	return files.ContentOf(job.OrgID, v), nil
}

func (r *Resolver) fileLink(ctx context.Context, c *files.Content) (*generated.SignedLink, error) {
	if c.State != files.Stored {
		return nil, nil
	}
	viewer, _ := engine.ViewerFrom(ctx)
	return r.signedLink(viewer.Tenant, FileLink, c.OrgID+"/"+c.VersionID)
}
