package main

import (
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/ent/database/scratch"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// TestMain also lets a test run the program, or an org, as a process of its own.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("HOLDFAST_TEST_PROGRAM") != "":
		os.Args = []string{"holdfast", "serve"}
		main()
		return
	case os.Getenv("HOLDFAST_TEST_ORG") != "":
		if err := serveYearOrg(); err != nil {
			log.Fatal(err)
		}
		return
	}
	code := m.Run()
	if postgres != nil {
		_ = postgres.Stop()
	}
	os.Exit(code)
}

var (
	postgres      *scratch.Server // of this test binary, once it is asked for
	postgresMu    = make(chan struct{}, 1)
	postgresCount atomic.Int64
)

// onEachDatabase runs test on SQLite, whose URL is empty (the default in the
// data folder), and on a new PostgreSQL database.
func onEachDatabase(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, "") })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, postgresURL(t)) })
}

func postgresURL(t *testing.T) string {
	t.Helper()
	postgresMu <- struct{}{}
	defer func() { <-postgresMu }()
	if postgres == nil {
		server, err := scratch.Start(t.Context())
		if err != nil && os.Getenv("CI") != "true" {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		postgres = server
	}
	name := fmt.Sprintf("program_%d", postgresCount.Add(1))
	if err := postgres.Exec(t.Context(), "postgres", "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return postgres.URL(name)
}

// process is the program as a process of its own.
type process struct {
	env []string
	url string
	cmd *exec.Cmd
}

func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.CommandContext(t.Context(), os.Args[0])
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server answers", func() bool {
		res, err := http.Get(p.url + "/readyz") //nolint:noctx // a probe
		return err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK
	})
}

func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// eventually asks again and again until it is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !so(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// tripwire counts the calls to the org and lets the n-th one pull the trigger.
type tripwire struct {
	org   http.Handler
	calls atomic.Int64
	at    atomic.Int64
	pull  atomic.Pointer[func()]
}

func (w *tripwire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if n := w.calls.Add(1); n == w.at.Load() {
		(*w.pull.Load())()
	}
	w.org.ServeHTTP(rw, r)
}

// newProcess starts a server that ends with the test.
func newProcess(t *testing.T, env []string) *process {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String() // free once it is closed
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	p := &process{url: "http://" + address, env: append([]string{"HOLDFAST_DATA=" + t.TempDir(), "HOLDFAST_LISTEN=" + address}, env...)}
	p.start(t)
	t.Cleanup(p.kill)
	return p
}

// How long a server may show no sign of life before its jobs are taken from
// it: soon where it is to be killed, never where it is only slow.
const brief, patient = "2s", "1m"

// victim is a tenant on a server process with the demo's org connected.
type victim struct {
	*process
	api   *demo.API
	orgID string
}

func newVictim(t *testing.T, orgURL, databaseURL, lease string) *victim {
	t.Helper()
	v := &victim{process: newProcess(t, []string{
		"HOLDFAST_TEST_PROGRAM=1", "DATABASE_URL=" + databaseURL,
		"HOLDFAST_SALESFORCE_HOSTS=" + strings.TrimPrefix(orgURL, "http://"), "HOLDFAST_LEASE=" + lease, "HOLDFAST_LOG_LEVEL=error",
	})}
	v.api = &demo.API{URL: v.url}
	var err error
	if err := v.api.SignUp(t.Context(), demoOrganization, demoEmail, demoPassword); err != nil {
		t.Fatal(err)
	}
	v.orgID, err = v.api.Connect(t.Context(), "Victim", demo.Credentials{LoginURL: orgURL, ClientID: demoClientID, ClientSecret: demoClientSecret})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// rise starts the server again after it was killed.
func (v *victim) rise(t *testing.T) {
	t.Helper()
	v.env = append(v.env, "HOLDFAST_LEASE="+patient)
	v.start(t)
}

// stored is every value of every version of the records, by record and version.
func (v *victim) stored(t *testing.T, session *demo.Session) map[string][]demo.Version {
	t.Helper()
	stored := map[string][]demo.Version{}
	for _, reference := range session.References() {
		versions, err := v.api.History(t.Context(), v.orgID, session.Object(reference), session.ID(reference))
		if err != nil {
			t.Fatalf("%s: %v", reference, err)
		}
		for i := range versions {
			versions[i].ID = "" // it names the sequence, which a crash may move
		}
		stored[reference] = versions
	}
	return stored
}

const killPoints = 22 // on both databases together, or on each: HOLDFAST_KILLS=all

// TestABackupSurvivesBeingKilled kills the server with -9 at many points of a
// full backup: after the restart the backup completes, and every version is
// there once, byte for byte as an undisturbed backup stores it.
func TestABackupSurvivesBeingKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	w := &world{}
	org, err := newOrg("")
	if err != nil {
		t.Fatal(err)
	}
	wire := &tripwire{org: org}
	server := httptest.NewServer(wire)
	defer server.Close()
	w.orgURL = server.URL
	if err := w.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	calm := newVictim(t, server.URL, "", patient)
	before := wire.calls.Load()
	if _, err := calm.api.Backup(t.Context(), calm.orgID, "calm"); err != nil {
		t.Fatal(err)
	}
	total := wire.calls.Load() - before
	want := calm.stored(t, w.session)
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		first, step := int64(0), int64(2)
		if databaseURL != "" {
			first = 1
		}
		if os.Getenv("HOLDFAST_KILLS") == "all" {
			first, step = 0, 1
		}
		for point := first; point < killPoints; point += step {
			call := 1 + point*(total*7/10)/(killPoints-1) // a slow machine makes a few calls more or less
			if databaseURL != "" {
				databaseURL = postgresURL(t)
			}
			v := newVictim(t, server.URL, databaseURL, brief)
			survive(t, v, wire, call)
			if got := v.stored(t, w.session); !reflect.DeepEqual(got, want) {
				t.Fatalf("killed at call %d of %d: %s", call, total, firstDifference(got, want))
			}
			v.kill()
		}
	})
}

func firstDifference(got, want map[string][]demo.Version) string {
	for _, reference := range slices.Sorted(maps.Keys(want)) {
		if !reflect.DeepEqual(got[reference], want[reference]) {
			return fmt.Sprintf("%s is stored as %+v, want %+v", reference, got[reference], want[reference])
		}
	}
	return "no record differs"
}

// survive kills the server at the n-th call of a backup, starts it again and
// waits for the job.
func survive(t *testing.T, v *victim, wire *tripwire, call int64) {
	t.Helper()
	killed := make(chan struct{})
	pull := func() { v.kill(); close(killed) }
	wire.pull.Store(&pull)
	before := wire.calls.Load()
	wire.at.Store(before + call)
	key := "once"
	// The server may die before it answers: the second asking finds the job of the first.
	_, unanswered := v.api.StartBackupOnce(t.Context(), v.orgID, "interrupted", &key)
	select {
	case <-killed:
	case <-time.After(time.Minute):
		t.Fatalf("the backup made %d calls, not %d (its start: %v)", wire.calls.Load()-before, call, unanswered)
	}
	v.rise(t)
	id, err := v.api.StartBackupOnce(t.Context(), v.orgID, "interrupted", &key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.api.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}
