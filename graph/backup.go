package graph

import (
	"context"

	"entgo.io/contrib/entgql"
	"entgo.io/ent/dialect/sql"

	"github.com/holdfast-backup/holdfast/engine/backup"
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
	records, err := o.Records(ctx, from(after), first+1)
	if err != nil {
		return nil, err
	}
	page := &generated.RecordDiffConnection{}
	for i := range records[:min(first, len(records))] {
		page.Edges = append(page.Edges, generated.RecordDiffEdge{Cursor: entgql.Cursor[string]{ID: records[i].RecordID}, Node: &records[i]})
	}
	page.PageInfo = pageInfo(after, len(records) > first, len(page.Edges), func(i int) *entgql.Cursor[string] { return &page.Edges[i].Cursor })
	return page, nil
}
