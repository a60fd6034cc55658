package salesforce_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// manyObjects are describes of custom objects.
func manyObjects(t *testing.T, count int) fstest.MapFS {
	files := fstest.MapFS{}
	for n := range count {
		object := engine.SObject{
			Name: fmt.Sprintf("Many_%d__c", n), Label: fmt.Sprint("Many ", n), LabelPlural: fmt.Sprint("Many ", n), KeyPrefix: "a" + strconv.FormatInt(int64(n+36), 36),
			Custom: true, Createable: true, Updateable: true, Deletable: true, Undeletable: true, Queryable: true, Replicateable: true, Retrieveable: true,
		}
		for name, fieldType := range map[string]string{"Id": "id", "Name": "string", "IsDeleted": "boolean", "SystemModstamp": "datetime"} {
			object.Fields = append(object.Fields, engine.Field{
				Name: name, Type: fieldType, Label: name, Length: 80, NameField: name == "Name",
				Createable: name == "Name", Updateable: name == "Name", Nillable: name == "Name", Filterable: true, Sortable: true,
			})
		}
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		files[object.Name+".json"] = &fstest.MapFile{Data: text}
	}
	return files
}

// TestSimThrift counts the calls of a first full run over 500 SObjects and of an
// incremental in which nothing has changed.
func TestSimThrift(t *testing.T) {
	t.Parallel()
	const count = 500
	s := simulate(t, simorg.Config{Bare: true}, salesforce.Options{})
	if err := s.sim.LoadDescribe(manyObjects(t, count)); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(time.Minute)
	before := s.Calls()
	described := s.describeAll()
	if len(described) < count {
		t.Fatalf("%d objects", len(described))
	}
	for _, d := range described {
		if got := s.all(engine.ReadRequest{Object: *d.SObject, Fields: []string{"Id"}, Expect: -1}); len(got) != 0 {
			t.Errorf("%s has %d rows", d.Object, len(got))
		}
	}
	if calls, most := s.Calls()-before, int64(4*count); calls > most {
		t.Errorf("a full run took %d calls, want at most %d", calls, most)
	}
	before = s.Calls()
	objects := s.describeAll()
	var probes []engine.ReadRequest
	for _, d := range objects {
		probes = append(probes, engine.ReadRequest{Object: engine.SObject{Name: d.Object}, StampField: "SystemModstamp", Since: s.clock.Now()})
	}
	changed, err := s.Org.(engine.ChangeProber).Changed(t.Context(), probes)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range changed {
		if c {
			t.Errorf("%s has changed", objects[i].Object)
		}
	}
	if calls, most := s.Calls()-before, int64(130); calls > most {
		t.Errorf("an idle run took %d calls, want at most %d", calls, most)
	}
}

func (s *simulated) describeAll() []engine.DescribeResult {
	s.t.Helper()
	objects, err := s.DescribeGlobal(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var requests []engine.DescribeRequest
	for _, o := range objects {
		requests = append(requests, engine.DescribeRequest{Object: o.Name})
	}
	results, err := s.Describe(s.t.Context(), requests)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			s.t.Fatal(r.Err)
		}
	}
	return results
}
