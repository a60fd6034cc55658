package main

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/server/config"
	"github.com/holdfast-backup/holdfast/server/demo"
)

var yearBegins = time.Date(2027, time.January, 3, 11, 0, 0, 0, time.UTC)

// TestYearOfBackups lets an org live for a year under the two system schedules
// of its connection: people work in it, empty its Recycle Bin and change its
// schema, a backup runs every day and a synchronising one on the first of each
// month. On 20 random days the test writes down what the org holds, which it
// asks the org with code of its own. In the end the vault, read as of those
// days, must say the same.
//
// HOLDFAST_YEAR is how many records the org has; without it, it is a month of a
// small one. HOLDFAST_SEED is the seed.
func TestYearOfBackups(t *testing.T) {
	if testing.Short() {
		t.Skip("stands on SQLite, which is 30 times slower under the race detector; make race runs short tests")
	}
	records, days, seed := 3000, 30, uint64(time.Now().UnixNano()%1_000_000_000)
	if n, err := strconv.Atoi(os.Getenv("HOLDFAST_YEAR")); err == nil {
		records, days = n, 365
	}
	if n, err := strconv.ParseUint(os.Getenv("HOLDFAST_SEED"), 10, 64); err == nil {
		seed = n
	}
	y := newYear(t, records, seed)
	sampled := y.random.Perm(days)[:min(days, 20)]
	for day := range days {
		y.live(day)
		y.sleep(day)
		if slices.Contains(sampled, day) {
			y.writeDown(day)
		}
		if t.Failed() {
			t.Fatalf("day %d; seed %d", day, seed)
		}
	}
	y.report(days)
	y.compare()
	fmt.Printf("year: %d days, %d records, seed %d: as of %d days equal to the org, but for %d records deleted for good that no synchronisation had seen yet\n",
		days, records, seed, len(y.days), y.unseen)
}

// year is the org, the program and what the test knows of them.
type year struct {
	t       *testing.T
	random  *rand.Rand
	clock   handClock // the schedules'; the org's goes with it
	records int
	org     string // its address
	people  person
	server  *Main
	api     demo.API
	orgID   string

	signedIn time.Time
	ids      map[string][]string // alive, by object
	binned   map[string][]string // in the Recycle Bin, seen there by a backup
	fresh    map[string][]string // deleted since the last backup
	gone     map[string]bool     // deleted for good before a backup saw them in the bin, since the last synchronisation
	extra    map[string]string   // the kinds of the custom fields that came and may go
	jobs     int
	days     []*day
	unseen   int
	spent    spending
}

// spending is what the backups cost.
type spending struct {
	processor, wall time.Duration
	calls           int64
	first           time.Duration // processor time of the first backup
	changes         int
}

// day is what the org held when a day's backups had run.
type day struct {
	number  int
	jobID   string
	objects map[string]*truth
	gone    map[string]bool
}

// truth is an SObject's live records: the digest of each, over the fields that
// the org had then.
type truth struct {
	fields  []string
	digests map[string]uint64
}

func newYear(t *testing.T, records int, seed uint64) *year {
	t.Helper()
	y := &year{
		t: t, random: rand.New(rand.NewPCG(seed, 2)), clock: handClock{now: yearBegins}, records: records, //nolint:gosec // repeatable on purpose
		ids: map[string][]string{}, binned: map[string][]string{}, fresh: map[string][]string{}, gone: map[string]bool{}, extra: map[string]string{},
	}
	y.org = startYearOrg(t, records)
	y.people = person{t: t, url: y.org}
	y.people.signIn()
	for _, object := range yearObjects() {
		y.ids[object] = y.people.ids(object, false)
	}
	data := t.TempDir()
	y.server = &Main{
		Log: slog.New(slog.DiscardHandler), Clock: y.clock.Now, SchedulePoll: 20 * time.Millisecond,
		Config: config.Config{Data: data, Listen: "127.0.0.1:0", SalesforceHosts: []string{strings.TrimPrefix(y.org, "http://")}},
	}
	y.must(y.server.Run(t.Context()))
	y.api = demo.API{URL: y.server.URL()}
	y.must(y.api.SignUp(t.Context(), demoOrganization, demoEmail, demoPassword))
	var err error
	y.orgID, err = y.api.Connect(t.Context(), "Year", demo.Credentials{LoginURL: y.org, ClientID: demoClientID, ClientSecret: demoClientSecret})
	y.must(err)
	return y
}

func (y *year) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

// at moves both clocks.
func (y *year) at(now time.Time) {
	y.t.Helper()
	y.control("/-/clock?at=" + strconv.FormatInt(now.Unix(), 10))
	y.clock.set(now)
}

func (y *year) control(path string) string {
	y.t.Helper()
	status, body := y.people.send("GET", path, "", "")
	if status != 200 {
		y.t.Fatalf("%s: %d", path, status)
	}
	return string(body)
}

func midnight(day int) time.Time {
	return time.Date(yearBegins.Year(), yearBegins.Month(), yearBegins.Day()+1+day, 0, 0, 0, 0, time.UTC)
}

// sleep lets the schedules of the day's morning run. On the first of a month
// there are two, and the second sees what was deleted for good.
func (y *year) sleep(day int) {
	y.t.Helper()
	y.signIn()
	calls, began, from := y.calls(), time.Now(), processor()
	y.backup(midnight(day).Add(10*time.Hour + time.Second))
	sync := midnight(day).Day() == 1
	if sync {
		y.backup(midnight(day).Add(11*time.Hour + time.Second))
		clear(y.gone)
		y.t.Logf("day %d: %.1f s of processor time and %d API calls so far", day, y.spent.processor.Seconds(), y.spent.calls)
	}
	spent := processor() - from
	y.spent.processor, y.spent.wall, y.spent.calls = y.spent.processor+spent, y.spent.wall+time.Since(began), y.spent.calls+y.calls()-calls
	if day == 0 {
		y.spent.first = spent
	}
	for object, ids := range y.fresh {
		y.binned[object] = append(y.binned[object], ids...)
	}
	clear(y.fresh)
}

// signIn begins a new session before the old one ends.
func (y *year) signIn() {
	y.t.Helper()
	if time.Since(y.signedIn) < 3*time.Minute {
		return
	}
	y.signedIn = time.Now()
	var answer struct {
		SignIn struct{ Session struct{ AccessToken string } }
	}
	y.must(y.api.Do(y.t.Context(), `mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } userErrors { code message } } }`,
		map[string]any{"input": map[string]any{"organizationName": demoOrganization, "email": demoEmail, "password": demoPassword}}, &answer))
	y.api.Token = answer.SignIn.Session.AccessToken
}

// backup passes the time of a schedule and waits for its job.
func (y *year) backup(at time.Time) {
	y.t.Helper()
	y.at(at)
	y.jobs++
	id := ""
	eventually(y.t, fmt.Sprintf("job #%d is there", y.jobs), func() bool {
		job := y.last()
		id = job.ID
		return job.Number == int64(y.jobs)
	})
	_, err := y.api.Wait(y.t.Context(), id)
	y.must(err)
}

func (y *year) last() demo.Job {
	y.t.Helper()
	var answer struct {
		Jobs struct{ Edges []struct{ Node demo.Job } }
	}
	y.must(y.api.Do(y.t.Context(), `query { jobs(first: 1) { edges { node { id number } } } }`, nil, &answer))
	if len(answer.Jobs.Edges) == 0 {
		return demo.Job{}
	}
	return answer.Jobs.Edges[0].Node
}

func (y *year) calls() int64 {
	y.t.Helper()
	n, err := strconv.ParseInt(y.control("/-/calls"), 10, 64)
	y.must(err)
	return n
}

// processor is this process's time so far: the program's while a backup runs.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // the arguments are constants
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// writeDown keeps what the org holds now.
func (y *year) writeDown(number int) {
	y.t.Helper()
	d := &day{number: number, jobID: y.last().ID, objects: map[string]*truth{}, gone: maps.Clone(y.gone)}
	for _, object := range yearObjects() {
		now := &truth{digests: map[string]uint64{}}
		for id, fields := range y.people.state(object) {
			if now.fields == nil {
				now.fields = slices.Sorted(maps.Keys(fields))
			}
			now.digests[id] = digest(now.fields, func(i int) string { return fields[now.fields[i]] })
		}
		d.objects[object] = now
	}
	y.days = append(y.days, d)
}

func digest(fields []string, value func(i int) string) uint64 {
	h := fnv.New64a()
	var length [8]byte
	for i := range fields {
		text := value(i)
		binary.LittleEndian.PutUint64(length[:], uint64(len(text)))
		_, _ = h.Write(length[:])
		_, _ = h.Write([]byte(text))
	}
	return h.Sum64()
}

// compare stops the program and reads its vault as of each day.
func (y *year) compare() {
	y.t.Helper()
	data := y.server.Config
	y.must(y.server.Close())
	s := &Main{Config: data, Log: slog.New(slog.DiscardHandler)}
	stored, err := s.open(y.t.Context())
	y.must(err)
	defer func() { _ = s.Close() }()
	versions, err := vault.Open(vault.Config{DB: stored.db.Client, Bucket: stored.bucket, Keeper: stored.keeper})
	y.must(err)
	tenant := stored.db.Client.Tenant.Query().OnlyX(engine.AsSystem(y.t.Context()))
	ctx := engine.AsWorker(y.t.Context(), tenant.ID)
	for _, d := range y.days {
		for _, object := range yearObjects() {
			wrong := d.objects[object].unlike(versions.AsOf(ctx, vault.Point{OrgID: y.orgID, JobID: d.jobID}, object, vault.Reading{}), d.gone)
			y.unseen += wrong.unseen
			if len(wrong.told) > 0 {
				y.t.Errorf("as of day %d, %d records of %s are not what the org had: %q", d.number, len(wrong.told), object, wrong.told[:min(len(wrong.told), 5)])
			}
		}
	}
}

// report prints what the backups took.
func (y *year) report(days int) {
	var size, files int64
	y.must(filepath.WalkDir(filepath.Join(y.server.Config.Data, "vault"), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size, files = size+info.Size(), files+1
		}
		return err
	}))
	database, err := os.Stat(y.server.Config.DatabaseURL())
	y.must(err)
	fmt.Printf("year: %d backups of %d records in %d SObjects, %d changes: %.1f s of processor time (%.1f the first), %.1f s, %d API calls (%.0f a day), %.1f MB in %d vault files, %.1f MB of database\n",
		y.jobs, y.records, len(yearObjects()), y.spent.changes, y.spent.processor.Seconds(), y.spent.first.Seconds(), y.spent.wall.Seconds(),
		y.spent.calls, float64(y.spent.calls)/float64(days), float64(size)/1e6, files, float64(database.Size())/1e6)
}
