package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOtherClientsFollowALog lets npm's graphql-ws and graphql-sse follow a
// backup's log, be cut off in the middle and resume from their cursor.
func TestOtherClientsFollowALog(t *testing.T) {
	const folder = "testdata/clients"
	if _, err := os.Stat(folder + "/node_modules"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("run npm ci in server/%s: %v", folder, err)
		}
		t.Skip("run npm ci in server/" + folder)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w, err := newWorld(ctx, "127.0.0.1:0", slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = w.close() })
	if err != nil {
		t.Fatal(err)
	}
	for _, transport := range []string{"ws", "sse"} {
		t.Run(transport, func(t *testing.T) {
			id, err := w.api.StartBackup(ctx, w.orgID, transport)
			if err != nil {
				t.Fatal(err)
			}
			followed := w.follow(ctx, t, transport, id)
			stored := w.storedLog(ctx, t, id)
			if len(stored) < 3 || !slices.Equal(followed, stored) {
				t.Errorf("followed:\n%s\nstored:\n%s", strings.Join(followed, "\n"), strings.Join(stored, "\n"))
			}
		})
	}
}

// follow is what the client prints, cut off after the first line and after
// the next one.
func (w *world) follow(ctx context.Context, t *testing.T, transport, jobID string) []string {
	t.Helper()
	client := exec.CommandContext(ctx, "node", "follow.mjs", transport)
	client.Dir = "testdata/clients"
	client.Env = append(os.Environ(), "GRAPHQL_URL="+w.server.URL()+"/graphql", "GRAPHQL_TOKEN="+w.api.Token, "JOB_ID="+jobID,
		"CURSOR=seq", "CUT_AFTER=1,1",
		"SUBSCRIPTION=subscription($job: ID!, $after: Long = 0) { jobLog(jobId: $job, after: $after) { seq text } }")
	var failure bytes.Buffer
	client.Stderr = &failure
	out, err := client.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, failure.String())
	}
	if !strings.Contains(failure.String(), "2 cuts") {
		t.Errorf("the client was not cut off: %s", failure.String())
	}
	return logLines(t, strings.Split(strings.TrimSpace(string(out)), "\n"))
}

func logLines(t *testing.T, items []string) []string {
	t.Helper()
	lines := make([]string, len(items))
	for i, item := range items {
		var line struct {
			Seq  int64
			Text string
		}
		if err := json.Unmarshal([]byte(item), &line); err != nil {
			t.Fatalf("%q: %v", item, err)
		}
		lines[i] = fmt.Sprint(line.Seq, " ", line.Text)
	}
	return lines
}

// storedLog is the whole log, page by page.
func (w *world) storedLog(ctx context.Context, t *testing.T, jobID string) []string {
	t.Helper()
	var lines []string
	for {
		var page struct {
			Job struct{ Log []json.RawMessage }
		}
		err := w.api.Do(ctx, `query($id: ID!, $after: Long!) { job(id: $id) { log(after: $after) { seq text } } }`,
			map[string]any{"id": jobID, "after": len(lines)}, &page)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Job.Log) == 0 {
			return lines
		}
		items := make([]string, len(page.Job.Log))
		for i, item := range page.Job.Log {
			items[i] = string(item)
		}
		lines = append(lines, logLines(t, items)...)
	}
}
