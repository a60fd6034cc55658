package job_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// whole reads what Tail gives to its end.
func whole(batches <-chan []job.Line, err error) (lines []job.Line) {
	if err != nil {
		panic(err)
	}
	for batch := range batches {
		lines = append(lines, batch...)
	}
	return lines
}

// checkWhole fails unless lines are number after+1 … last of a chatty job.
func checkWhole(t *testing.T, lines []job.Line, after, last int64) {
	t.Helper()
	if int64(len(lines)) != last-after {
		t.Errorf("%d lines after %d; want %d", len(lines), after, last-after)
	}
	for i, line := range lines {
		want := after + int64(i) + 1
		if line.Seq != want || line.Message != fmt.Sprint("line ", want) {
			t.Fatalf("line %d is #%d %q", want, line.Seq, line.Message)
		}
	}
}

// chatty logs as many lines as are asked for on the channel, until it is closed.
func chatty(say <-chan int) worker {
	return func(_ context.Context, run *job.Run) error {
		said := 0
		for n := range say {
			for range n {
				said++
				run.Log(engine.LogInfo, "", "line %d", said)
			}
		}
		return nil
	}
}

func TestTailHasEveryLineOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const total = 3600 // more than a ring holds
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{Poll: time.Hour})
		say := make(chan int)
		q.Register(engine.Export, chatty(say))
		node(t, q)
		made := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		say <- 100
		var followers sync.WaitGroup
		follow := func(after int64) {
			followers.Go(func() { checkWhole(t, whole(q.Tail(ctx, made.ID, after)), after, total) })
		}
		follow(0)
		follow(50)
		followers.Go(func() { checkWhole(t, interrupted(t, ctx, q, made.ID), 0, total) })
		for range 7 {
			say <- 500
			follow(0)
		}
		close(say)
		followers.Wait()
		follow(total - 1)
		follow(total)
		follow(7)
		followers.Wait()
	})
}

// interrupted reads a log in short pieces, each from where the last one stopped.
func interrupted(t *testing.T, ctx context.Context, q *job.Queue, id string) (lines []job.Line) {
	t.Helper()
	for {
		piece, cut := context.WithCancel(ctx)
		batches, err := q.Tail(piece, id, int64(len(lines)))
		if err != nil {
			t.Error(err)
		}
		batch, more := <-batches
		cut()
		if !more {
			return lines
		}
		lines = append(lines, batch...)
	}
}

// TestTailSurvivesALostListener kills the connection that notifications come
// on; the polls are an hour apart, so it is the reconnect that reads again.
func TestTailSurvivesALostListener(t *testing.T) {
	t.Parallel()
	db := databasetest.Postgres(t)
	ctx, o := tenant(t, db, "acme")
	q := job.New(db, job.Settings{Poll: time.Hour, Lease: 4 * time.Hour})
	reader := job.New(databasetest.Again(t, db), job.Settings{Poll: time.Hour, Lease: 4 * time.Hour})
	say := make(chan int)
	q.Register(engine.Export, chatty(say))
	node(t, q)
	node(t, reader)
	made := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
	batches, err := reader.Tail(ctx, made.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	var lines []job.Line
	for round := range 3 {
		say <- 20
		for len(lines) < 20*(round+1) {
			lines = append(lines, take(t, batches, "lines")...)
		}
		if _, err := db.SQL.ExecContext(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"); err != nil {
			t.Fatal(err)
		}
	}
	close(say)
	for batch := range batches {
		lines = append(lines, batch...)
	}
	checkWhole(t, lines, 0, 60)
	finished(t, ctx, reader, made.ID)
}

func TestLogGoesOnInTheNextAttempt(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{Backoff: func(int) time.Duration { return 0 }})
		q.Register(engine.Export, worker(func(_ context.Context, run *job.Run) error {
			run.Log(engine.LogInfo, "Account", "attempt %d, “it's”, 日本", run.Attempt())
			if run.Attempt() == 1 {
				return engine.E(engine.KindTransient, "SERVER_UNAVAILABLE", "The org does not answer.")
			}
			return nil
		}))
		node(t, q)
		made := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		finished(t, ctx, q, made.ID)
		var csvText bytes.Buffer
		if err := q.WriteCSV(ctx, &csvText, made.ID); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&csvText).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			rows[i] = append(rows[i][:1], rows[i][2:]...) // without the time
		}
		want := [][]string{
			{"Line", "Level", "Object", "Message"},
			{"1", "info", "Account", "attempt 1, “it's”, 日本"},
			{"2", "warn", "", "The org does not answer. Trying again in 0s (attempt 1 of 5 failed)."},
			{"3", "info", "Account", "attempt 2, “it's”, 日本"},
		}
		if fmt.Sprint(rows) != fmt.Sprint(want) {
			t.Errorf("the log is\n%v\nwant\n%v", rows, want)
		}
	})
}

func TestProgressTellsObjectsAndSums(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{Poll: time.Hour})
		proceed := make(chan bool)
		expected := int64(9)
		q.Register(engine.CompositeBackup, worker(func(ctx context.Context, run *job.Run) error {
			account, contact := run.Object("Account"), run.Object("Contact")
			err := errors.Join(account.Queue(ctx), contact.Queue(ctx), account.Start(ctx))
			account.Progress(5)
			contact.Progress(3) // is told, and does not last
			<-proceed
			return errors.Join(err, account.Finish(ctx, job.ObjectCounts{Records: 7, Added: 4, Changed: 2, Deleted: 1, Stored: 8, Expected: &expected, Reason: "One is hidden."}),
				contact.Fail(ctx, engine.E(engine.KindDenied, "NO_ACCESS", "Contact cannot be read.")))
		}))
		node(t, q)
		snapshots, err := q.Progress(ctx, enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.CompositeBackup}).ID)
		if err != nil {
			t.Fatal(err)
		}
		for snapshot := range snapshots {
			if len(snapshot.Objects) == 2 && snapshot.Objects[0].Records == 5 {
				break
			}
		}
		close(proceed)
		var last job.Snapshot
		for last = range snapshots {
		}
		checkSums(t, last)
	})
}

func checkSums(t *testing.T, s job.Snapshot) {
	t.Helper()
	j := s.Job
	if j.State != engine.JobCompletedWithErrors || j.Records != 7 || j.Added != 4 || j.Changed != 2 || j.Deleted != 1 || j.StartedAt == nil || j.FinishedAt == nil {
		t.Errorf("the job is %v", j)
	}
	states := func(o *ent.JobObject) string {
		return fmt.Sprint(o.Name, o.State, o.Records, o.Stored, o.Reason, o.ErrorCode, o.ErrorMessage)
	}
	if got, want := states(s.Objects[0]), "AccountCOMPLETED7 8One is hidden."; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	if got, want := states(s.Objects[1]), "ContactEXCEPTION0 0NO_ACCESSContact cannot be read."; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}
