package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/server/config"
	"github.com/holdfast-backup/holdfast/server/demo"
)

const clients = "testdata/clients"

// judge runs one of the npm clients, which `make test` installs.
func judge(t *testing.T, env []string, script ...string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(clients, "node_modules")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the npm clients are not installed: run make test")
		}
		t.Skip("the npm clients are not installed: run make test")
	}
	cmd := exec.CommandContext(t.Context(), "node", script...)
	cmd.Dir, cmd.Env = clients, append(os.Environ(), env...)
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", script[0], err, out.String(), trouble.String())
	}
	return out.String()
}

// connected is a server on the given database with a tenant that has an empty
// simulated org connected; others may connect orgs on more hosts.
func connected(t *testing.T, databaseURL string, more ...string) *world {
	t.Helper()
	w := &world{folder: t.TempDir()}
	t.Cleanup(func() { _ = w.close() })
	host, err := w.serveOrg(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	w.server = &Main{Log: slog.New(slog.DiscardHandler), Config: config.Config{
		Data: filepath.Join(w.folder, "data"), Database: databaseURL, Listen: "127.0.0.1:0", SalesforceHosts: append(more, host),
	}}
	if err := w.server.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) environment() []string {
	return []string{
		"GRAPHQL_URL=" + w.server.URL() + "/graphql", "GRAPHQL_TOKEN=" + w.api.Token, "ORG_ID=" + w.orgID,
		"ORG_URL=" + w.orgURL, "CLIENT_ID=" + demoClientID, "CLIENT_SECRET=" + demoClientSecret, "DATA=../../demo/data",
	}
}

// TestJSForceSeesTheMainJob: a client that is not ours loads, edits and deletes
// in the org between backups, and reads what a restore has written.
func TestJSForceSeesTheMainJob(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		out := judge(t, connected(t, url).environment(), "journey.mjs")
		if !strings.Contains(out, " passed, 0 failed\n") {
			t.Fatal(out)
		}
		t.Log(out[strings.LastIndex(out, "journey:"):])
	})
}

// TestACutOffSubscriptionLosesNothing: graphql-ws and graphql-sse follow a job
// from its start, are cut off in the middle, go on from their cursor, and hold
// exactly the job's lines in order.
func TestACutOffSubscriptionLosesNothing(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		w := connected(t, url)
		if err := w.load(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, transport := range []string{"ws", "sse"} {
			id, err := w.api.StartBackup(t.Context(), w.orgID, transport)
			if err != nil {
				t.Fatal(err)
			}
			out := judge(t, append(w.environment(), "JOB_ID="+id, "CURSOR=seq", "AFTER=0", "CUT_AFTER=3,7,20",
				"SUBSCRIPTION=subscription($job: ID!, $after: Long!) { jobLog(jobId: $job, after: $after) { seq text } }"), "follow.mjs", transport)
			if got, want := strings.Split(strings.TrimSpace(out), "\n"), w.logLines(t, id); !slices.Equal(got, want) {
				t.Errorf("%s got\n%s\nwant\n%s", transport, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	})
}

func asNodePrints(t *testing.T, line demo.LogLine) string {
	t.Helper()
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(struct {
		Seq  int64  `json:"seq"`
		Text string `json:"text"`
	}{line.Seq, line.Text}); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text.String())
}

// logLines is a finished job's log as the query has it, a JSON text a line.
func (w *world) logLines(t *testing.T, jobID string) []string {
	t.Helper()
	if _, err := w.api.Wait(t.Context(), jobID); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for {
		var answer struct {
			Job struct{ Log []demo.LogLine }
		}
		err := w.api.Do(t.Context(), `query($id: ID!, $after: Long!) { job(id: $id) { log(after: $after, first: 100) { seq text } } }`,
			map[string]any{"id": jobID, "after": len(lines)}, &answer)
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Job.Log) == 0 {
			return lines
		}
		for _, line := range answer.Job.Log {
			lines = append(lines, asNodePrints(t, line))
		}
	}
}
