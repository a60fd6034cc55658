package graph

import (
	"entgo.io/contrib/entgql"

	"github.com/holdfast-backup/holdfast/ent"
)

// pageInfo is that of a page of n edges which was read after a cursor, and
// after which there is more or not; cursor is that of an edge.
func pageInfo(after *entgql.Cursor[string], more bool, n int, cursor func(int) *entgql.Cursor[string]) *ent.PageInfo {
	info := &ent.PageInfo{HasPreviousPage: after != nil, HasNextPage: more}
	if n > 0 {
		info.StartCursor, info.EndCursor = cursor(0), cursor(n-1)
	}
	return info
}

// from is the id that a page begins after, empty for the first page.
func from(after *entgql.Cursor[string]) string {
	if after == nil {
		return ""
	}
	return after.ID
}
