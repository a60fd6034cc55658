package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

const (
	largeFile = 64 << 20 // HOLDFAST_SOAK is another length in bytes: 2147483647 is the most that ContentSize can say
	// mostMemory is how much a server may need for a file of any length, beyond
	// what a backup without one takes.
	mostMemory = 40 << 20
)

// largeOrg is an org with one large file, which it makes anew whenever it is read.
type largeOrg struct {
	*simorg.Org
	url     string
	file    simorg.GeneratedFile
	id      string                 // its ContentVersion
	content atomic.Int64           // bytes of it that were sent
	calls   atomic.Int64           // for it
	at      atomic.Int64           // pull is called once so many bytes were sent
	pull    atomic.Pointer[func()] // once
}

func newLargeOrg(t *testing.T, ranges bool) *largeOrg {
	t.Helper()
	org, err := simorg.New(simorg.Config{
		Now: time.Now, OrgName: "Large", Lean: true, RangedFiles: ranges,
		Users: []simorg.User{{Username: demoUser, FirstName: "Integration", LastName: "User", Email: demoUser}},
		Apps:  []simorg.App{{ClientID: demoClientID, ClientSecret: demoClientSecret, RunAs: demoUser}},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &largeOrg{Org: org, file: simorg.GeneratedFile{PathOnClient: "film.bin", Seed: 1, Bytes: largeFile}}
	if n, err := strconv.ParseInt(os.Getenv("HOLDFAST_SOAK"), 10, 64); err == nil {
		l.file.Bytes = n
	}
	server := httptest.NewServer(http.HandlerFunc(l.serve))
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// add puts the file into the org.
func (l *largeOrg) add(t *testing.T) {
	t.Helper()
	var err error
	if l.id, err = l.AddFile(l.file); err != nil {
		t.Fatal(err)
	}
}

func (l *largeOrg) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/VersionData") {
		l.calls.Add(1)
		w = &counted{ResponseWriter: w, org: l}
	}
	l.ServeHTTP(w, r)
}

// counted is the answer with the file's content.
type counted struct {
	http.ResponseWriter
	org *largeOrg
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	if sent, at := c.org.content.Add(int64(n)), c.org.at.Load(); at > 0 && sent >= at && c.org.at.CompareAndSwap(at, 0) {
		(*c.org.pull.Load())()
	}
	return n, err
}

// TestLargeFile backs a file up that neither the org nor the server could hold,
// on a way that breaks twice, and reads it again.
func TestLargeFile(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory, which the race detector multiplies")
	}
	for _, ranges := range []bool{true, false} {
		t.Run(fmt.Sprintf("the org answers ranges: %v", ranges), func(t *testing.T) {
			l := newLargeOrg(t, ranges)
			v := newVictim(t, l.url, "", patient)
			if _, err := v.api.Backup(t.Context(), v.orgID, "without"); err != nil {
				t.Fatal(err)
			}
			before := v.resetPeak(t)
			l.add(t)
			third := l.file.Bytes / 3
			l.SetFaults( // the second counts from where the first has befallen
				simorg.Fault{Path: "/VersionData", Nth: 1, Kind: simorg.Reset, After: third},
				simorg.Fault{Path: "/VersionData", Nth: 1, Kind: simorg.Reset, After: third + 1<<20},
			)
			started, processor := time.Now(), v.processorTime(t)
			if _, err := v.api.Backup(t.Context(), v.orgID, "with"); err != nil {
				t.Fatal(err)
			}
			fmt.Printf("file of %d bytes: %s, processor time of the server %s (before: %s), %d bytes sent in %d calls\n", l.file.Bytes,
				time.Since(started).Round(time.Second/10), v.processorTime(t), processor, l.content.Load(), l.calls.Load())
			if l.calls.Load() != 3 || ranges && l.content.Load() > l.file.Bytes+1<<20 {
				t.Errorf("%d bytes were sent in %d calls", l.content.Load(), l.calls.Load())
			}
			v.expectFile(t, l)
			peak := v.peakBytes(t)
			fmt.Printf("file of %d bytes: peak memory of the server %d MB, %d MB before it; %d bytes in the vault\n", l.file.Bytes, peak>>20, before>>20, v.inVault(t))
			if peak > before+mostMemory {
				t.Errorf("the server needed %d MB, %d MB before the file", peak>>20, before>>20)
			}
		})
	}
}

// TestLargeFileThatNeverComesWhole: nothing of it is stored or listed, until it does.
func TestLargeFileThatNeverComesWhole(t *testing.T) {
	l := newLargeOrg(t, false)
	v := newVictim(t, l.url, "", patient)
	l.add(t)
	broken := simorg.Fault{Path: "/VersionData", Nth: 1, Kind: simorg.Reset, After: 3 << 20}
	another := simorg.Fault{Path: "/VersionData", Nth: 1, Kind: simorg.Garbled}
	l.SetFaults(broken, another, broken, another) // each counts from where the one before it has befallen
	if _, err := v.api.Backup(t.Context(), v.orgID, "broken"); err == nil || !strings.Contains(err.Error(), "COMPLETED_WITH_ERRORS") {
		t.Fatalf("the backup ended so: %v", err)
	}
	if state, path := v.largeContent(t, l); state != "UNREAD" || path != "" {
		t.Errorf("the content is %s, at %q", state, path)
	}
	if left := v.files(t); len(left) > 0 {
		t.Errorf("the vault has %v", left)
	}
	if calls := l.calls.Load(); calls != 4 {
		t.Errorf("the org was asked %d times", calls)
	}
	if _, err := v.api.Backup(t.Context(), v.orgID, "whole"); err != nil {
		t.Fatal(err)
	}
	v.expectFile(t, l)
}

// TestLargeFileSurvivesBeingKilled kills the server in the middle of the file.
// What was written of it is never listed, and goes once it is a day old.
func TestLargeFileSurvivesBeingKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a process")
	}
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		l := newLargeOrg(t, true)
		v := newVictim(t, l.url, databaseURL, brief)
		l.add(t)
		killed := make(chan struct{})
		pull := func() { v.kill(); close(killed) }
		l.pull.Store(&pull)
		l.at.Store(l.file.Bytes / 2)
		id, err := v.api.StartBackup(t.Context(), v.orgID, "killed")
		if err != nil {
			t.Fatal(err)
		}
		<-killed
		left := v.files(t)
		v.rise(t)
		if _, err := v.api.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-25 * time.Hour)
		for _, file := range left {
			if err := os.Chtimes(file, old, old); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := v.api.Backup(t.Context(), v.orgID, "tidies up"); err != nil {
			t.Fatal(err)
		}
		v.expectFile(t, l)
	})
}

// expectFile: the vault has one file, which opens as it is in the org, from the
// middle too.
func (v *victim) expectFile(t *testing.T, l *largeOrg) {
	t.Helper()
	state, path := v.largeContent(t, l)
	if state != "STORED" {
		t.Fatalf("the content is %s", state)
	}
	want := sha256.New()
	if _, err := io.Copy(want, l.file.Content()); err != nil {
		t.Fatal(err)
	}
	if n, sum := v.sum(t, path, 0); n != l.file.Bytes || sum != string(want.Sum(nil)) {
		t.Errorf("%d bytes were read, want the %d of the org", n, l.file.Bytes)
	}
	middle := l.file.Bytes/2 + 3
	want.Reset()
	rest := l.file.Content()
	_, _ = rest.Seek(middle, io.SeekStart)
	if _, err := io.Copy(want, rest); err != nil {
		t.Fatal(err)
	}
	if n, sum := v.sum(t, path, middle); n != l.file.Bytes-middle || sum != string(want.Sum(nil)) {
		t.Errorf("%d bytes were read from %d on", n, middle)
	}
	if files := v.files(t); len(files) != 1 {
		t.Errorf("the vault has %v", files)
	}
}

// largeContent is what a client sees of the file.
func (v *victim) largeContent(t *testing.T, l *largeOrg) (state, path string) {
	t.Helper()
	var answer struct {
		Org struct {
			Record struct {
				Versions struct {
					Edges []struct {
						Node struct {
							Content struct {
								State string
								Bytes int64
								Link  struct{ Path string }
							}
						}
					}
				}
			}
		}
	}
	const query = `query($org: ID!, $id: SalesforceId!) { org(id: $org) { record(objectName: "ContentVersion", recordId: $id) { versions { edges { node { content { state bytes link { path } } } } } } } }`
	if err := v.api.Do(t.Context(), query, map[string]any{"org": v.orgID, "id": l.id}, &answer); err != nil {
		t.Fatal(err)
	}
	edges := answer.Org.Record.Versions.Edges
	if len(edges) == 0 {
		t.Fatal("the file has no version")
	}
	content := edges[0].Node.Content
	if content.State == "STORED" && content.Bytes != l.file.Bytes {
		t.Errorf("%d bytes are stored", content.Bytes)
	}
	return content.State, content.Link.Path
}

// sum hashes what a link opens, from a place on.
func (v *victim) sum(t *testing.T, path string, from int64) (n int64, sum string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	hash := sha256.New()
	if n, err = io.Copy(hash, response.Body); err != nil {
		t.Fatal(err)
	}
	return n, string(hash.Sum(nil))
}

// folder is where the server's vault lies.
func (v *victim) folder() string {
	for _, setting := range v.env {
		if data, found := strings.CutPrefix(setting, "HOLDFAST_DATA="); found {
			return filepath.Join(data, "vault")
		}
	}
	return ""
}

// each visits the vault's files.
func (v *victim) each(t *testing.T, visit func(path string, size int64)) {
	t.Helper()
	err := filepath.WalkDir(v.folder(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			visit(path, info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// files are the contents of files, and what was begun of them.
func (v *victim) files(t *testing.T) (paths []string) {
	t.Helper()
	v.each(t, func(path string, _ int64) {
		if filepath.Base(filepath.Dir(path)) == "file" {
			paths = append(paths, path)
		}
	})
	return paths
}

func (v *victim) inVault(t *testing.T) (total int64) {
	t.Helper()
	v.each(t, func(_ string, size int64) { total += size })
	return total
}

// resetPeak forgets the most memory that the server had, and tells it.
func (v *victim) resetPeak(t *testing.T) int64 {
	t.Helper()
	peak := v.peakBytes(t)
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", v.cmd.Process.Pid), []byte("5"), 0); err != nil {
		t.Skip(err)
	}
	return peak
}

func (v *victim) peakBytes(t *testing.T) int64 {
	t.Helper()
	var kilobytes int64
	if _, err := fmt.Sscanf(v.peak(t), "%d kB", &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
