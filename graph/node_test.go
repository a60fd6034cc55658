package graph_test

import (
	"slices"
	"testing"

	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// TestEveryNodeIsFoundByItsID: a type that implements Node and that
// Query.node does not know, or that no estate has, fails.
func TestEveryNodeIsFoundByItsID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	e := w.settle("Acme")[0]
	var found, want []string
	for _, id := range everything(e) {
		a := w.ask(e.admin.token, `query($id: ID!) { node(id: $id) { __typename id } }`, map[string]any{"id": id})
		if a.text("node", "id") != id {
			t.Errorf("node(%s): %+v", id, a)
		}
		found = append(found, a.text("node", "__typename"))
	}
	s := schema()
	for _, definition := range s.GetPossibleTypes(s.Types["Node"]) {
		want = append(want, definition.Name)
	}
	slices.Sort(found)
	slices.Sort(want)
	if !slices.Equal(slices.Compact(found), want) {
		t.Errorf("found %v by id; the schema has the nodes %v", found, want)
	}
}
