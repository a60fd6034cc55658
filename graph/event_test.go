package graph_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	"github.com/holdfast-backup/holdfast/ent/orgevent"
)

// TestEventsGoOnWhereTheyStopped: an org's events over WebSocket; the connection
// breaks, jobs run meanwhile, and SSE brings what was missed.
func TestEventsGoOnWhereTheyStopped(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		e := w.settle("Acme")[0]
		const query = `subscription($org: ID!, $after: Long!) { orgEvents(orgId: $org, after: $after) { seq kind message job { id state } } }`
		var seen []string
		var last float64
		note := func(a answer) {
			last = a.at("orgEvents", "seq").(float64)
			seen = append(seen, fmt.Sprintf("%v %s", last, a.text("orgEvents", "kind")))
		}
		cut := w.connect(e.admin.token)
		cut.expect("connection_ack")
		cut.send("subscribe", "1", map[string]any{"query": query, "variables": map[string]any{"org": e.org, "after": 0}})
		for range 3 {
			note(cut.answer())
		}
		check(t, cut.conn.Close())
		w.work(func(context.Context, *job.Run) error { return nil })
		for a := range w.events(e.admin.token, query, map[string]any{"org": e.org, "after": last}) {
			note(a)
			if a.text("orgEvents", "kind") == "JOB_ENDED" && a.text("orgEvents", "job", "id") == e.waiting {
				break
			}
		}
		var want []string
		for _, row := range w.db.Client.OrgEvent.Query().Where(orgevent.OrgID(e.org)).Order(orgevent.BySeq()).AllX(w.as(e)) {
			want = append(want, fmt.Sprintf("%d %s", len(want)+1, row.Kind))
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) || want[0] != "1 ORG_CONNECTED" || len(want) < 10 {
			t.Errorf("heard of\n%v\nstored\n%v", seen, want)
		}
		if a := w.ask(e.admin.token, `query($id: ID!) { org(id: $id) { lastEvent } }`, map[string]any{"id": e.org}); a.at("org", "lastEvent") != last {
			t.Errorf("the last event is %+v, heard of %v", a, last)
		}
	})
}
