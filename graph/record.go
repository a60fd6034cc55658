package graph

import (
	"context"
	"strconv"
	"time"

	"entgo.io/contrib/entgql"
	"github.com/99designs/gqlgen/graphql"
	"github.com/vikstrous/dataloadgen"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

// versionPage pages through versions, the newest first; a cursor is the place
// of a version in that order.
func versionPage(versions []vault.Version, first *int, after *entgql.Cursor[string]) (*generated.RecordVersionConnection, error) {
	page := &generated.RecordVersionConnection{TotalCount: len(versions)}
	if after != nil {
		seq, err := strconv.ParseUint(after.ID, 10, 64)
		if err != nil {
			return nil, engine.E(engine.KindInvalid, "MALFORMED_CURSOR", "This is not a cursor of a record's versions: give a page's endCursor.")
		}
		for len(versions) > 0 && versions[0].Seq >= seq {
			versions = versions[1:]
		}
	}
	more := first != nil && len(versions) > *first
	if more {
		versions = versions[:*first]
	}
	for i := range versions {
		cursor := entgql.Cursor[string]{ID: strconv.FormatUint(versions[i].Seq, 10)}
		page.Edges = append(page.Edges, generated.RecordVersionEdge{Cursor: cursor, Node: &versions[i]})
	}
	page.PageInfo = pageInfo(after, more, len(page.Edges), func(i int) *entgql.Cursor[string] { return &page.Edges[i].Cursor })
	return page, nil
}

func versionTombstone(v *vault.Version) *engine.Tombstone {
	if v.Live() {
		return nil
	}
	return &v.Tombstone
}

// versionValues are the fields that were read; an empty text is null, as the
// platform has it. What names a file's content is shown as content.
func versionValues(v *vault.Version) []generated.FieldValue {
	values := make([]generated.FieldValue, 0, len(v.Fields))
	for i, field := range v.Fields {
		if v.Values[i] != nil && field.Type != vault.FileField {
			values = append(values, generated.FieldValue{Name: field.Name, Value: optional(string(v.Values[i]))})
		}
	}
	return values
}

// loaders fetch together what the items of a list ask for one by one. They
// live for one operation, so that nothing they hold grows old.
type loaders struct {
	jobs *dataloadgen.Loader[string, *ent.Job]
}

type loadersKey struct{}

func (r *Resolver) withLoaders(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	jobs := dataloadgen.NewMappedLoader(r.jobsByID, dataloadgen.WithWait(time.Millisecond))
	return next(context.WithValue(ctx, loadersKey{}, loaders{jobs}))
}

func loadersFrom(ctx context.Context) loaders { return ctx.Value(loadersKey{}).(loaders) }

func (r *Resolver) jobsByID(ctx context.Context, ids []string) (map[string]*ent.Job, error) {
	rows, err := r.DB.Job.Query().Where(entjob.IDIn(ids...)).All(ctx)
	if err != nil {
		return nil, err
	}
	found := make(map[string]*ent.Job, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, nil
}
