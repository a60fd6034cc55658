package graph

import (
	"context"

	"entgo.io/contrib/entgql"
	"entgo.io/ent/dialect/sql"

	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

// hasStored selects the jobs that left something in the vault to read.
func hasStored(s *sql.Selector) {
	runs := sql.Table(vaultrun.Table)
	closed := sql.Select(runs.C(vaultrun.FieldJobID)).From(runs).Where(sql.NotNull(runs.C(vaultrun.FieldClosedAt)))
	s.Where(sql.In(s.C(entjob.FieldID), closed))
}

// recordDiffPage asks for one record more than the page holds, to know whether
// there is another page.
func recordDiffPage(ctx context.Context, o *backup.ObjectDifference, first int, after *entgql.Cursor[string]) (*generated.RecordDiffConnection, error) {
	start := ""
	if after != nil {
		start = after.ID
	}
	records, err := o.Records(ctx, start, first+1)
	if err != nil {
		return nil, err
	}
	page := &generated.RecordDiffConnection{PageInfo: &ent.PageInfo{HasPreviousPage: after != nil, HasNextPage: len(records) > first}}
	for i := range records[:min(first, len(records))] {
		page.Edges = append(page.Edges, generated.RecordDiffEdge{Cursor: entgql.Cursor[string]{ID: records[i].RecordID}, Node: &records[i]})
	}
	if len(page.Edges) > 0 {
		page.PageInfo.StartCursor, page.PageInfo.EndCursor = &page.Edges[0].Cursor, &page.Edges[len(page.Edges)-1].Cursor
	}
	return page, nil
}
