package simorg_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// TestCallsCross lets readers, writers, deploys and user changes run at once;
// it is worth something under the race detector.
func TestCallsCross(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.org.Seed(simorg.BusinessOrg(600)); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	spawn := func(n int, work func(w *world, i int)) {
		for i := range n {
			group.Go(func() {
				mine := *w
				for range 6 {
					work(&mine, i)
				}
			})
		}
	}
	spawn(2, func(w *world, i int) {
		w.do("POST", "/sobjects/Account", map[string]any{"Name": fmt.Sprint("N", i)})
	})
	spawn(2, func(w *world, _ int) {
		w.do("GET", "/query?q=SELECT+Id,Name,(SELECT+Id+FROM+Contacts)+FROM+Account+ORDER+BY+Name", nil)
	})
	spawn(1, func(w *world, _ int) { w.do("GET", "/sobjects/Account/describe", nil) })
	spawn(1, func(w *world, i int) {
		w.do("POST", "/jobs/query", map[string]any{"operation": "queryAll", "query": "SELECT Id, Owner.Name FROM Task"})
	})
	spawn(1, func(w *world, i int) {
		w.inlineMetadata("create", "CustomField", "<met:fullName>Account.F"+fmt.Sprint(i)+"__c</met:fullName><met:label>F</met:label><met:type>Date</met:type>")
	})
	spawn(1, func(w *world, i int) {
		_ = w.org.SetUser("admin@test.example", func(u *simorg.User) { u.OwnRecordsOnly = !u.OwnRecordsOnly })
	})
	group.Wait()
	expect(t, "accounts", w.count("SELECT COUNT() FROM Account"), 60+12)
	var describe struct{ Fields []struct{ Name string } }
	w.must("GET", "/sobjects/Account/describe", nil, &describe)
	expect(t, "the deployed field", describe.Fields[len(describe.Fields)-1].Name, "F0__c")
}
