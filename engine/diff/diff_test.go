package diff_test

import (
	"reflect"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/diff"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	names := []string{"Id", "Name", "Note", "New"}
	columns := []diff.Column{
		{"Id": "1", "Name": "now", "Note": "", "New": ""},
		{"Id": "1", "Name": "then", "Note": "a \"b\"\nc"},
	}
	all := diff.Compare(names, columns, false)
	if len(all) != 4 || !all[0].Identical || all[1].Identical || all[2].Identical {
		t.Fatalf("%+v", all)
	}
	if all[3].Identical || all[3].Present[1] {
		t.Error("a field that did not exist then is not identical to a null one")
	}
	if hidden := diff.Compare(names, columns, true); len(hidden) != 3 || hidden[0].Name != "Name" {
		t.Errorf("hidden: %+v", hidden)
	}
	if got := diff.Compare(names, nil, false); len(got) != 4 || !got[0].Identical {
		t.Errorf("no columns: %+v", got)
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	have := diff.Column{"A": "1", "B": "2"}
	got := diff.Changed([]string{"A", "B", "C", "D"}, have, diff.Column{"A": "1", "B": "3", "C": "4"})
	if want := []string{"B", "C"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
