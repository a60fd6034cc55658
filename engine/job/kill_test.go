package job_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

const (
	nodeURL   = "HOLDFAST_TEST_NODE" // makes the test binary a node on that database
	nodeReady = "in the middle of the job"
	killLease = 2 * time.Second
)

// TestKilledNodesJobIsTakenOver kills a node's process with SIGKILL in the
// middle of a job.
func TestKilledNodesJobIsTakenOver(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, o := tenant(t, db, "acme")
		q := job.New(db, job.Settings{Lease: killLease, Poll: 20 * time.Millisecond})
		made := enqueue(t, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		kill := nodeProcess(t, db.URL())
		resumed := make(chan string, 1)
		q.Register(engine.Export, worker(func(_ context.Context, run *job.Run) error {
			run.Log(engine.LogInfo, "", "resumed")
			resumed <- fmt.Sprintf("%s, attempt %d", run.Checkpoint(), run.Attempt())
			return nil
		}))
		kill()
		died := time.Now()
		node(t, q)
		if got := take(t, resumed, "takeover"); got != "half, attempt 2" {
			t.Errorf("taken over with %s", got)
		}
		t.Logf("taken over %s after kill -9, with a lease of %s", time.Since(died).Round(time.Millisecond), killLease)
		if got := finished(t, ctx, q, made.ID); got.State != engine.JobCompleted {
			t.Errorf("the job is %s", got.State)
		}
		if lines := whole(q.Tail(ctx, made.ID, 0)); len(lines) != 2 || lines[0].Message != "begun" || lines[1].Message != "resumed" {
			t.Errorf("the log is %v", lines)
		}
	})
}

// nodeProcess starts a node in a process of its own and waits until it is in
// the middle of a job.
func nodeProcess(t *testing.T, url string) (kill func()) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), nodeURL+"="+url)
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}
	t.Cleanup(kill)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if lines.Text() == nodeReady {
			return kill
		}
	}
	t.Fatal("the node's process ended before its job began")
	return nil
}

// TestMain is the tests, or the node that TestKilledNodesJobIsTakenOver kills.
func TestMain(m *testing.M) {
	if url := os.Getenv(nodeURL); url != "" {
		if err := runNode(context.Background(), url); err != nil {
			log.Fatal(err)
		}
		return
	}
	os.Exit(m.Run())
}

// runNode runs a node whose job never ends.
func runNode(ctx context.Context, url string) error {
	db, err := database.Open(ctx, url, database.Unsynced())
	if err != nil {
		return err
	}
	q := job.New(db, job.Settings{Lease: killLease})
	q.Register(engine.Export, worker(func(ctx context.Context, run *job.Run) error {
		run.Log(engine.LogInfo, "", "begun")
		if err := run.SaveCheckpoint(ctx, []byte("half")); err != nil {
			return err
		}
		lines, err := q.Tail(ctx, run.Job().ID, 0)
		if err != nil {
			return err
		}
		<-lines // the first is in the table
		fmt.Println(nodeReady)
		<-ctx.Done()
		return ctx.Err()
	}))
	return q.Run(ctx)
}
