package graph_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
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
		const want = "[1 ORG_CONNECTED 2 JOB_QUEUED 3 JOB_STARTED 4 JOB_ENDED 5 JOB_QUEUED 6 JOB_STARTED 7 JOB_ENDED 8 JOB_QUEUED 9 JOB_STARTED 10 JOB_ENDED]"
		if fmt.Sprint(seen) != want {
			t.Errorf("the events are\n%v\nwant\n%s", seen, want)
		}
		if a := w.ask(e.admin.token, `query($id: ID!) { org(id: $id) { lastEvent } }`, map[string]any{"id": e.org}); a.at("org", "lastEvent") != last {
			t.Errorf("the last event is %+v, heard of %v", a, last)
		}
	})
}
