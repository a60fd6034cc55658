package schedules_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/recurrence"
	"github.com/holdfast-backup/holdfast/engine/schedules"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/org"
	"github.com/holdfast-backup/holdfast/ent/schedule"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is an org, and schedules whose clock the test moves.
type world struct {
	*schedules.Schedules
	ctx context.Context
	db  *database.DB
	org *ent.Org
	now time.Time
}

func newWorld(t *testing.T, db *database.DB, now string) *world {
	t.Helper()
	made := db.Client.Tenant.Create().SetName("acme").SetSlug("acme").SaveX(engine.AsSystem(t.Context()))
	w := &world{db: db, ctx: engine.WithViewer(t.Context(), engine.Viewer{Tenant: made.ID, Role: engine.RoleAdmin})}
	w.org = db.Client.Org.Create().SetTenantID(made.ID).SetName("prod").SetType(org.TypePRODUCTION).SetFlow(engine.FlowRefreshToken).
		SetLoginURL("https://login.salesforce.com").SetClientID("c").SaveX(w.ctx)
	w.Schedules = w.node(db)
	w.at(t, now)
	return w
}

// node is what another server of the same database would have.
func (w *world) node(db *database.DB) *schedules.Schedules {
	anything := func(_ context.Context, work schedules.Work) (job.Spec, error) {
		return job.Spec{OrgID: work.OrgID, Operation: work.Operation, Name: work.Name, Input: work.Settings, UniqueKey: work.Name}, nil
	}
	return &schedules.Schedules{
		DB: db, Queue: job.New(db, job.Settings{}), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now },
		Checks: map[engine.Operation]schedules.Check{engine.CompositeBackup: anything, engine.CompositeSyncBackup: anything},
	}
}

func (w *world) at(t *testing.T, now string) {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, now)
	check(t, err)
	w.now = parsed
}

// fire runs what is due, expects that many jobs, and lets them finish.
func (w *world) fire(t *testing.T, want int) {
	t.Helper()
	started, err := w.Fire(t.Context())
	check(t, err)
	if started != want {
		t.Errorf("at %s: %d jobs, want %d", w.now, started, want)
	}
	w.db.Client.Job.Update().Where(entjob.StateEQ(engine.JobQueued)).SetState(engine.JobCompleted).ExecX(w.ctx)
}

func (w *world) nightly(t *testing.T, zone string) *ent.Schedule {
	t.Helper()
	rule := recurrence.Rule{Frequency: recurrence.Daily, Every: 1, At: recurrence.Clock{Hour: 2, Minute: 30}, Zone: zone, Start: recurrence.Date{Year: 2026, Month: 3, Day: 1}}
	made, err := w.Create(w.ctx, schedules.CreateInput{Work: schedules.Work{OrgID: w.org.ID, Operation: engine.CompositeBackup, Name: "Nightly"}, Rule: rule, Enabled: true})
	check(t, err)
	return made
}

func TestAScheduleRunsEachNight(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, "2026-03-07T12:00:00Z")
		made := w.nightly(t, "America/New_York")
		if want := "2026-03-08T07:30:00Z"; made.NextRunAt.UTC().Format(time.RFC3339) != want {
			t.Errorf("02:30 on the night the clocks go forward: %s, want %s", made.NextRunAt.UTC(), want)
		}
		w.fire(t, 0)
		w.at(t, "2026-03-08T07:30:00Z")
		w.fire(t, 1)
		w.fire(t, 0)
		w.at(t, "2026-03-09T06:30:01Z")
		w.fire(t, 1)
	})
}

func TestMissedRunsAreMadeUpForOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, "2026-03-07T12:00:00Z")
		made := w.nightly(t, "Etc/UTC")
		w.at(t, "2026-03-17T12:00:00Z")
		w.fire(t, 1)
		next := w.db.Client.Schedule.GetX(w.ctx, made.ID).NextRunAt
		if want := "2026-03-18T02:30:00Z"; next.UTC().Format(time.RFC3339) != want {
			t.Errorf("next %s, want %s", next.UTC(), want)
		}
	})
}

func TestTwoNodesRunAScheduleOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, "2026-03-07T12:00:00Z")
		w.nightly(t, "Etc/UTC")
		other, err := db.Again(t.Context())
		check(t, err)
		t.Cleanup(func() { _ = other.Close() })
		w.at(t, "2026-03-08T03:00:00Z")
		nodes := []*schedules.Schedules{w.Schedules, w.node(other), w.node(db), w.node(other)}
		var running sync.WaitGroup
		for _, node := range nodes {
			running.Go(func() {
				if _, err := node.Fire(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		if n := db.Client.Job.Query().CountX(w.ctx); n != 1 {
			t.Errorf("%d jobs", n)
		}
	})
}

func TestTheSwitchStopsSchedulesAndNoRunIsMadeUpFor(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, "2026-03-07T12:00:00Z")
		w.nightly(t, "Etc/UTC")
		w.org.Update().SetScheduledBackups(false).ExecX(w.ctx)
		w.at(t, "2026-03-09T12:00:00Z")
		w.fire(t, 0)
		w.org.Update().SetScheduledBackups(true).ExecX(w.ctx)
		w.fire(t, 0)
		w.at(t, "2026-03-10T02:30:00Z")
		w.fire(t, 1)
	})
}

func TestARunThatStillWaitsIsNotDoubled(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, "2026-03-07T12:00:00Z")
		w.nightly(t, "Etc/UTC")
		for _, now := range []string{"2026-03-08T03:00:00Z", "2026-03-09T03:00:00Z"} {
			w.at(t, now)
			_, err := w.Fire(t.Context())
			check(t, err)
		}
		if n := db.Client.Job.Query().CountX(w.ctx); n != 1 {
			t.Errorf("%d jobs", n)
		}
		w.at(t, "2026-03-09T04:00:00Z")
		w.fire(t, 0)
		w.at(t, "2026-03-10T03:00:00Z")
		w.fire(t, 1)
	})
}

func TestSystemSchedules(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db, "2026-03-07T12:00:00Z")
		check(t, w.EnsureSystem(w.ctx, w.org.ID))
		check(t, w.EnsureSystem(w.ctx, w.org.ID))
		both := db.Client.Schedule.Query().Order(schedule.ByName()).AllX(w.ctx)
		if len(both) != 2 || both[0].NextRunAt.UTC().Format(time.RFC3339) != "2026-03-08T10:00:00Z" || both[1].NextRunAt.UTC().Format(time.RFC3339) != "2026-04-01T11:00:00Z" {
			t.Fatalf("%v", both)
		}
		rule := func(text string) *recurrence.Rule {
			var r recurrence.Rule
			check(t, json.Unmarshal([]byte(text), &r))
			return &r
		}
		off, name := false, "Mine"
		for what, in := range map[string]schedules.UpdateInput{
			"weekly composite": {ScheduleID: both[0].ID, Rule: rule(`{"frequency":"WEEKLY","every":1,"weekdays":[1],"at":"10:00","zone":"Etc/UTC","start":"2026-03-01"}`)},
			"daily sync":       {ScheduleID: both[1].ID, Rule: rule(`{"frequency":"DAILY","every":1,"at":"10:00","zone":"Etc/UTC","start":"2026-03-01"}`)},
			"renamed":          {ScheduleID: both[0].ID, Name: &name},
			"switched off":     {ScheduleID: both[0].ID, Enabled: &off},
		} {
			if _, err := w.Update(w.ctx, in); codeOf(err) != "SYSTEM_SCHEDULE" {
				t.Errorf("%s: %v", what, err)
			}
		}
		if codeOf(w.Delete(w.ctx, both[0].ID)) != "SYSTEM_SCHEDULE" {
			t.Error("a system schedule was deleted")
		}
		moved, err := w.Update(w.ctx, schedules.UpdateInput{ScheduleID: both[1].ID, Rule: rule(`{"frequency":"WEEKLY","every":2,"weekdays":[0],"at":"04:30","zone":"Europe/Berlin","start":"2026-03-08"}`)})
		check(t, err)
		if want := "2026-03-08T03:30:00Z"; moved.NextRunAt.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s, want %s", moved.NextRunAt.UTC(), want)
		}
	})
}

func codeOf(err error) string {
	e, ok := engine.AsError(err)
	if !ok {
		return ""
	}
	return e.Code
}
