package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// large is more than a value of the vault takes.
var large = bytes.Repeat([]byte("\x00large\xff"), 100_000)

// apexClasses are that many classes, a report in a folder, and a large resource.
func apexClasses(count int) fstest.MapFS {
	files := fstest.MapFS{"reports/Sales/Daily.report": {Data: []byte("<Report/>")}, "staticresources/Large.resource": {Data: large}}
	for i := range count {
		name := fmt.Sprintf("classes/Class%06d.cls", i)
		files[name] = &fstest.MapFile{Data: []byte(apexClass(i))}
		files[name+"-meta.xml"] = &fstest.MapFile{Data: []byte("<ApexClass><status>Active</status></ApexClass>")}
	}
	return files
}

// apexClass differs from class to class, as much as real ones do.
func apexClass(i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "public with sharing class Class%06d {\n", i)
	for line := range 20 + i%60 {
		fmt.Fprintf(&b, "    public static Integer method%d(Integer x) { return x * %d + %d; }\n", line, i, line*i%977)
	}
	return b.String() + "}\n"
}

// metadataOrg is a simulated org whose Metadata API the tripwire stands before.
// The connected user has the permissions, or all if none is given.
func metadataOrg(t *testing.T, source fs.FS, permissions ...string) (*tripwire, *httptest.Server) {
	t.Helper()
	org, err := simorg.New(simorg.Config{
		Now: time.Now, OrgName: "Metadata", SessionTimeout: 24 * time.Hour,
		Users: []simorg.User{{Username: demoUser, FirstName: "Integration", LastName: "User", Email: demoUser, Permissions: permissions}},
		Apps:  []simorg.App{{ClientID: demoClientID, ClientSecret: demoClientSecret, RunAs: demoUser}},
	})
	if err == nil {
		err = org.LoadSource(source)
	}
	if err != nil {
		t.Fatal(err)
	}
	wire := &tripwire{org: org}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/Soap/m/") {
			wire.ServeHTTP(w, r)
			return
		}
		org.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return wire, server
}

// backUpMetadata starts a backup; asked again, it finds the same one.
func (v *victim) backUpMetadata(t *testing.T) (string, error) {
	var answer struct {
		BackupStart struct {
			Job struct{ ID string }
		}
	}
	err := v.api.Do(t.Context(), `mutation($org: ID!) { backupStart(input: {orgId: $org, name: "metadata", idempotencyKey: "metadata", include: {metadata: true}}) {
		job { id } userErrors { code message } } }`, map[string]any{"org": v.orgID}, &answer)
	return answer.BackupStart.Job.ID, err
}

// classes are what a backup has of the classes from a full name on: their files
// and how many versions there are of each.
func (v *victim) classes(t *testing.T, job, search string) map[string]string {
	t.Helper()
	var answer struct {
		Job struct {
			MetadataType struct {
				Components struct {
					Edges []struct {
						Node struct {
							FullName string
							Files    []struct{ Name, Text string }
							Versions struct {
								Edges []struct{ Node struct{ ID string } }
							}
						}
					}
				}
			}
		}
	}
	err := v.api.Do(t.Context(), `query($job: ID!, $search: String!) { job(id: $job) { metadataType(name: "ApexClass") { components(search: $search, first: 100) { edges { node {
		fullName files { name text } versions { edges { node { id } } } } } } } } }`, map[string]any{"job": job, "search": search}, &answer)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, edge := range answer.Job.MetadataType.Components.Edges {
		n := edge.Node
		found[n.FullName] = fmt.Sprint(len(n.Versions.Edges), n.Files)
	}
	return found
}

// TestAMetadataBackupSurvivesBeingKilled kills the server with -9 in the middle
// of listing and of retrieving: after the restart every component is there
// once, byte for byte, and what was durable was not retrieved again.
func TestAMetadataBackupSurvivesBeingKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	const count = 6000 // two batches
	wire, server := metadataOrg(t, apexClasses(count))
	for _, call := range []int64{4, 14, 17} {
		v := newVictim(t, server.URL, "", "5s")
		killed := make(chan struct{})
		pull := func() { v.kill(); close(killed) }
		wire.pull.Store(&pull)
		before := wire.calls.Load()
		wire.at.Store(before + call)
		if _, err := v.backUpMetadata(t); err != nil {
			t.Fatal(err)
		}
		select {
		case <-killed:
		case <-time.After(time.Minute):
			t.Fatalf("the backup made %d calls, not %d", wire.calls.Load()-before, call)
		}
		v.rise(t)
		id, err := v.backUpMetadata(t)
		if err != nil {
			t.Fatal(err)
		}
		if job, err := v.api.Wait(t.Context(), id); err != nil || job.State != "COMPLETED" {
			t.Fatal(job, err)
		}
		v.expectClasses(t, id, count)
		v.expectLarge(t, id)
		v.kill()
	}
}

func (v *victim) expectClasses(t *testing.T, job string, count int64) {
	t.Helper()
	var answer struct {
		Job struct {
			MetadataType struct {
				Added, Changed int64
				Completeness   struct{ Expected, Stored int64 }
			}
		}
	}
	if err := v.api.Do(t.Context(), `query($job: ID!) { job(id: $job) { metadataType(name: "ApexClass") { added changed completeness { expected stored } } } }`, map[string]any{"job": job}, &answer); err != nil {
		t.Fatal(err)
	}
	if got := answer.Job.MetadataType; got.Added != count || got.Changed != 0 || got.Completeness.Expected != count || got.Completeness.Stored != count {
		t.Errorf("%+v, want %d", got, count)
	}
	for _, hundred := range []int64{0, count/100 - 11, count/100 - 1} {
		found := v.classes(t, job, fmt.Sprintf("Class%04d", hundred))
		if len(found) != 100 {
			t.Errorf("%d classes from %d00 on", len(found), hundred)
		}
		for i := hundred * 100; i < hundred*100+100; i++ {
			name := fmt.Sprintf("Class%06d", i)
			want := fmt.Sprintf("1 [{classes/%s.cls %s} {classes/%s.cls-meta.xml <ApexClass><status>Active</status></ApexClass>}]", name, apexClass(int(i)), name)
			if found[name] != want {
				t.Fatalf("%s is stored as %.300s", name, found[name])
			}
		}
	}
}

// TestMetadataThatMayNotBeReadLeavesTheRecords: the job says what it lacks.
func TestMetadataThatMayNotBeReadLeavesTheRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("stands on SQLite, which is 30 times slower under the race detector; make race runs short tests")
	}
	_, server := metadataOrg(t, apexClasses(1), "ApiEnabled", "ViewAllData", "ViewSetup")
	v := newVictim(t, server.URL, "", patient)
	id, err := v.backUpMetadata(t)
	if err != nil {
		t.Fatal(err)
	}
	job, _ := v.api.Wait(t.Context(), id)
	var answer struct {
		Job struct {
			State         string
			Added         int64
			MetadataTypes struct {
				Edges []struct {
					Node struct{ Error struct{ Code string } }
				}
			}
		}
	}
	if err := v.api.Do(t.Context(), `query($job: ID!) { job(id: $job) { state added metadataTypes { edges { node { error { code } } } } } }`, map[string]any{"job": id}, &answer); err != nil {
		t.Fatal(err)
	}
	got := answer.Job
	if got.State != "COMPLETED_WITH_ERRORS" || got.Added == 0 || len(got.MetadataTypes.Edges) != 1 || got.MetadataTypes.Edges[0].Node.Error.Code != "INSUFFICIENT_ACCESS" {
		t.Errorf("%+v, %+v", got, job)
	}
}

// expectLarge fetches the large resource by its link.
func (v *victim) expectLarge(t *testing.T, job string) {
	t.Helper()
	var answer struct {
		Job struct {
			MetadataType struct {
				Component struct {
					Files []struct {
						Size int64
						Text *string
						Link struct{ Path string }
					}
				}
			}
		}
	}
	err := v.api.Do(t.Context(), `query($job: ID!) { job(id: $job) { metadataType(name: "StaticResource") { component(fullName: "Large") { files { size text link { path } } } } } }`,
		map[string]any{"job": job}, &answer)
	files := answer.Job.MetadataType.Component.Files
	if err != nil || len(files) != 1 || files[0].Text != nil || files[0].Size != int64(len(large)) {
		t.Fatalf("%+v, %v", answer, err)
	}
	response, err := http.Get(v.url + files[0].Link.Path) //nolint:noctx // a test's
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestManyComponents backs HOLDFAST_SOAK components up and prints what that took.
func TestManyComponents(t *testing.T) {
	count, _ := strconv.ParseInt(os.Getenv("HOLDFAST_SOAK"), 10, 64)
	if count == 0 {
		t.Skip("HOLDFAST_SOAK says how many components")
	}
	wire, server := metadataOrg(t, apexClasses(int(count)))
	v := newVictim(t, server.URL, "", patient)
	before, started := wire.calls.Load(), time.Now()
	id, err := v.backUpMetadata(t)
	if err == nil {
		_, err = v.api.Wait(t.Context(), id)
	}
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("components %d: %d Metadata API calls, %s, peak memory of the server %s, its processor time %s\n", count, wire.calls.Load()-before,
		time.Since(started).Round(time.Second), v.peak(t), v.processorTime(t))
	v.expectClasses(t, id, count)
}

// peak is the most memory that the server had.
func (v *victim) peak(t *testing.T) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.cmd.Process.Pid))
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}

func (v *victim) processorTime(t *testing.T) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", v.cmd.Process.Pid))
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return (time.Duration(user+system) * 10 * time.Millisecond).String()
}
