package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// bench is a vault of one tenant with one org.
type bundle struct {
	*vault.Vault
	t      testing.TB
	db     *database.DB
	bucket *blob.Bucket
	ctx    context.Context
	org    string
	clock  time.Time
	job    int
}

var secret = bytes.Repeat([]byte{9}, 32)

func setup(t testing.TB, db *database.DB) *bundle {
	t.Helper()
	b := &bundle{t: t, db: db, bucket: memblob.OpenBucket(nil), clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	b.ctx, b.org = newOrg(t, db, "acme")
	b.Vault = b.open(vault.Config{})
	return b
}

func (b *bundle) open(c vault.Config) *vault.Vault {
	b.t.Helper()
	c.DB, c.Bucket = b.db.Client, b.bucket
	c.Keeper = localsecrets.NewKeeper([32]byte(secret))
	c.Clock = func() time.Time { b.clock = b.clock.Add(time.Minute); return b.clock }
	v, err := vault.Open(c)
	check(b.t, err)
	return v
}

func newOrg(t testing.TB, db *database.DB, name string) (context.Context, string) {
	t.Helper()
	system := engine.AsSystem(context.Background())
	tenant, err := db.Client.Tenant.Create().SetName(name).SetSlug(name).Save(system)
	check(t, err)
	ctx := engine.AsWorker(context.Background(), tenant.ID)
	org, err := db.Client.Org.Create().SetTenantID(tenant.ID).SetName(name).SetType("SANDBOX").SetFlow(engine.FlowRefreshToken).
		SetLoginURL("https://login.example").SetClientID("c").Save(ctx)
	check(t, err)
	return ctx, org.ID
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func schemaOf(object string, fields ...string) vault.Schema {
	s := vault.Schema{Object: object}
	for _, f := range fields {
		name, derived := strings.CutSuffix(f, "~")
		name, hot := strings.CutSuffix(name, "!")
		s.Fields = append(s.Fields, vault.SchemaField{Name: name, Type: "string", Hot: hot, Derived: derived})
	}
	return s
}

// row is "id stamp tombstone value value": "-" is empty, "." no values.
func row(text string) vault.Row {
	parts := strings.Fields(text)
	for i := range parts {
		parts[i] = strings.TrimPrefix(parts[i], "-")
	}
	r := vault.Row{ID: []byte(parts[0]), Modstamp: []byte(parts[1]), Tombstone: engine.Tombstone(parts[2])}
	for _, p := range parts[3:] {
		r.Values = append(r.Values, []byte(p))
	}
	return r
}

func (b *bundle) begin() *vault.Run {
	b.t.Helper()
	b.job++
	run, err := b.BeginRun(b.ctx, vault.RunSpec{OrgID: b.org, JobID: b.jobID(b.job), Operation: engine.CompositeBackup})
	check(b.t, err)
	return run
}

func (b *bundle) jobID(n int) string { return fmt.Sprintf("job_%d", n) }

// backup writes rows of one object in a run of its own.
func (b *bundle) backup(s vault.Schema, rows ...string) vault.ObjectCounts {
	b.t.Helper()
	run := b.begin()
	w, err := run.Writer(b.ctx, s)
	check(b.t, err)
	for _, r := range rows {
		check(b.t, w.Put(b.ctx, row(r)))
	}
	_, err = w.Finish(b.ctx, nil)
	check(b.t, err)
	counts, err := run.Commit(b.ctx)
	check(b.t, err)
	return counts.Objects[s.Object]
}

func render(v *vault.Version) string {
	values := make([]string, len(v.Values))
	for i := range v.Values {
		values[i] = string(v.Values[i])
	}
	return fmt.Sprintf("%s #%d %s%s %s [%s]", v.RecordID, v.Seq, v.Change, v.Tombstone, v.Modstamp, strings.Join(values, "|"))
}

func (b *bundle) history(object, id string) string {
	b.t.Helper()
	versions, err := b.History(b.ctx, b.org, object, id)
	check(b.t, err)
	lines := make([]string, len(versions))
	for i := range versions {
		lines[i] = render(&versions[i])
	}
	return strings.Join(lines, "\n")
}

func (b *bundle) asOf(p vault.Point, object string, o vault.Reading) string {
	b.t.Helper()
	p.OrgID = b.org
	var lines []string
	for v, err := range b.AsOf(b.ctx, p, object, o) {
		check(b.t, err)
		lines = append(lines, render(v))
	}
	return strings.Join(lines, "\n")
}

func want(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.ReplaceAll(got, "\n", "\n     "), strings.ReplaceAll(want, "\n", "\n     "))
	}
}

func lines(l ...string) string { return strings.Join(l, "\n") }

func TestVersions(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		s := schemaOf("Account", "Name!", "City", "Formula~")
		c := b.backup(s, "002 t1 - Two Rome f1", "001 t1 - One - f1", "003 t1 - Three Oslo f1")
		if c.Added != 3 || c.Live != 3 || c.Versions != 3 || c.Bytes == 0 {
			t.Errorf("first run counts %+v", c)
		}
		c = b.backup(s, "001 t2 - One Bern f1", "002 t2 - Two Rome f2", "003 t2 SOFT", "004 t2 - Four - -", "005 t2 HARD")
		if c.Added != 1 || c.Changed != 1 || c.Deleted != 1 || c.Live != 3 {
			t.Errorf("second run counts %+v", c)
		}
		c = b.backup(s, "003 t3 - Three Oslo f1", "004 t3 HARD Four Last f")
		if c.Added != 1 || c.Deleted != 1 || c.Live != 3 {
			t.Errorf("third run counts %+v", c)
		}
		want(t, "001", b.history("Account", "001"), lines("001 #1 ADDED t1 [One||f1]", "001 #2 CHANGED t2 [One|Bern|f1]"))
		want(t, "002", b.history("Account", "002"), "002 #1 ADDED t1 [Two|Rome|f1]")
		want(t, "003", b.history("Account", "003"), lines("003 #1 ADDED t1 [Three|Oslo|f1]", "003 #2 DELETEDSOFT t2 [Three|Oslo|f1]", "003 #3 ADDED t3 [Three|Oslo|f1]"))
		want(t, "005", b.history("Account", "005"), "")
		want(t, "as of the first", b.asOf(vault.Point{JobID: "job_1"}, "Account", vault.Reading{}),
			lines("001 #1 ADDED t1 [One||f1]", "002 #1 ADDED t1 [Two|Rome|f1]", "003 #1 ADDED t1 [Three|Oslo|f1]"))
		want(t, "as of the second", b.asOf(vault.Point{JobID: "job_2"}, "Account", vault.Reading{IncludeDeleted: true, Fields: []string{"City", "Name"}}),
			lines("001 #2 CHANGED t2 [Bern|One]", "002 #1 ADDED t1 [Rome|Two]", "003 #2 DELETEDSOFT t2 [Oslo|Three]", "004 #2 ADDED t2 [|Four]"))
		want(t, "now", b.asOf(vault.Point{}, "Account", vault.Reading{After: []byte("001")}),
			lines("002 #1 ADDED t1 [Two|Rome|f1]", "003 #3 ADDED t3 [Three|Oslo|f1]"))
		want(t, "filtered", b.asOf(vault.Point{}, "Account", vault.Reading{
			Fields: []string{"Name"}, Filter: &vault.Filter{Fields: []string{"City"}, Match: func(v [][]byte) bool { return string(v[0]) == "Rome" }},
		}),
			"002 #1 ADDED t1 [Two]")
		if live, err := b.Live(b.ctx, b.org, "Account"); err != nil || live != 3 {
			t.Errorf("live %d, %v", live, err)
		}
		versions, err := b.History(b.ctx, b.org, "Account", "003")
		check(t, err)
		same, err := b.Version(b.ctx, b.org, versions[1].ID())
		check(t, err)
		want(t, "by its id", render(&same), render(&versions[1]))
		if same.JobID != "job_2" || same.CapturedAt.IsZero() {
			t.Errorf("captured by %s at %s", same.JobID, same.CapturedAt)
		}
	})
}

func TestTouchedAndDiff(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	s := schemaOf("Account", "Name!", "City")
	b.backup(s, "001 t1 - One Rome", "002 t1 - Two Rome", "003 t1 - Three Rome", "004 t1 - Four Rome")
	b.backup(s, "001 t2 - One Bern", "002 t2 SOFT", "005 t2 - Five Oslo")
	b.backup(s, "001 t3 - One Rome", "004 t3 - Four Bern")
	var got []string
	for v, err := range b.Touched(b.ctx, vault.Point{OrgID: b.org, JobID: "job_2"}, "Account", "", vault.Reading{}) {
		check(t, err)
		got = append(got, render(v))
	}
	want(t, "touched", strings.Join(got, "\n"), lines("001 #2 CHANGED t2 [One|Bern]", "002 #2 DELETEDSOFT t2 [|]", "005 #2 ADDED t2 [Five|Oslo]"))
	got = nil
	for e, err := range b.Diff(b.ctx, vault.Point{OrgID: b.org, JobID: "job_1"}, vault.Point{OrgID: b.org}, "Account", vault.Reading{}) {
		check(t, err)
		got = append(got, fmt.Sprintf("%s %s %s→%s", e.RecordID, e.Change, e.Before.Value("City"), e.After.Value("City")))
	}
	want(t, "diff", strings.Join(got, "\n"), lines("002 DELETED Rome→Rome", "004 CHANGED Rome→Bern", "005 ADDED →Oslo"))
}

func TestResume(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		s := schemaOf("Account", "Name")
		run := b.begin()
		w, err := run.Writer(b.ctx, s)
		check(t, err)
		check(t, w.Put(b.ctx, row("001 t1 - One")))
		check(t, w.Checkpoint(b.ctx, []byte("page 1")))
		check(t, w.Put(b.ctx, row("002 t1 - Two")))
		small, err := run.Writer(b.ctx, schemaOf("Small", "A"))
		check(t, err)
		check(t, small.Put(b.ctx, row("s1 t - a")))
		_, err = small.Finish(b.ctx, nil)
		check(t, err)
		want(t, "before commit", b.asOf(vault.Point{}, "Account", vault.Reading{}), "")

		_, err = b.BeginRun(b.ctx, vault.RunSpec{OrgID: b.org, JobID: "another", Operation: engine.CompositeBackup})
		if !engine.Is(err, engine.KindConflict) {
			t.Errorf("a second run: %v", err)
		}
		b.job--
		again := b.begin() // as after kill -9
		if string(again.Checkpoint("Account")) != "page 1" {
			t.Errorf("checkpoint %q", again.Checkpoint("Account"))
		}
		if _, done := again.Finished("Small"); done {
			t.Error("Small was never durable, yet it is finished")
		}
		if err := w.Checkpoint(b.ctx, []byte("late")); !engine.Is(err, engine.KindConflict) {
			t.Errorf("the old attempt still writes: %v", err)
		}
		w, err = again.Writer(b.ctx, s)
		check(t, err)
		check(t, w.Put(b.ctx, row("001 t1 - One")))
		check(t, w.Put(b.ctx, row("002 t1 - Two")))
		c, err := w.Finish(b.ctx, nil)
		check(t, err)
		if c.Added != 2 || c.Versions != 2 || c.Live != 2 {
			t.Errorf("counts %+v", c)
		}
		_, err = again.Commit(b.ctx)
		check(t, err)
		want(t, "after", b.asOf(vault.Point{}, "Account", vault.Reading{IDsOnly: true}), lines("001 #1 ADDED t1 []", "002 #2 ADDED t1 []"))
	})
}

func TestPartialKeepsWhatIsWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	run := b.begin()
	for _, name := range []string{"Whole", "Half"} {
		w, err := run.Writer(b.ctx, schemaOf(name, "A"))
		check(t, err)
		check(t, w.Put(b.ctx, row("1 t - a")))
		check(t, w.Checkpoint(b.ctx, nil))
		if name == "Whole" {
			_, err = w.Finish(b.ctx, nil)
			check(t, err)
		}
	}
	if _, err := run.Commit(b.ctx); !engine.Is(err, engine.KindConflict) {
		t.Errorf("commit with an object unfinished: %v", err)
	}
	_, err := run.ClosePartial(b.ctx)
	check(t, err)
	want(t, "whole", b.history("Whole", "1"), "1 #1 ADDED t [a]")
	want(t, "half", b.history("Half", "1"), "")
	b.backup(schemaOf("Half", "A"), "1 t - a")
	want(t, "half, later", b.history("Half", "1"), "1 #4 ADDED t [a]")
}

func TestTheLaterModstampWins(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	s := schemaOf("Account", "Name")
	b.backup(s, "1 t2 - new", "1 t1 - old", "2 t1 - a", "2 t1 - b")
	want(t, "1", b.history("Account", "1"), "1 #1 ADDED t2 [new]")
	want(t, "2", b.history("Account", "2"), "2 #1 ADDED t1 [b]")
}

func TestSchemaDrift(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	b.backup(schemaOf("Account", "Name", "Gone"), "1 t - a x", "2 t - b y")
	wide := schemaOf("Account", "New", "Name")
	wide.Fields[1].Type = "textarea"
	if c := b.backup(wide, "1 t - - a", "2 t - n b"); c.Changed != 1 || c.Versions != 1 {
		t.Errorf("counts %+v", c)
	}
	want(t, "now", b.asOf(vault.Point{}, "Account", vault.Reading{Fields: []string{"Name", "New", "Gone"}}),
		lines("1 #1 ADDED t [a||x]", "2 #2 CHANGED t [b|n|]"))
}

// TestAbsentIsNotNull tells a field that a version did not have from one that
// was null, before and after everything that rewrites segments.
func TestAbsentIsNotNull(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	b.backup(schemaOf("Account", "Name", "Gone"), "1 t - a x", "2 t SOFT .", "3 t - c -")
	wide := schemaOf("Account", "New!", "Name")
	wide.Fields[1].Type = "textarea"
	b.backup(wide, "1 t - - A", "3 t - n c")
	told := func(when string) {
		t.Helper()
		var got []string
		note := func(v *vault.Version) {
			text := string(v.RecordID)
			for _, name := range []string{"Gone", "Name", "New", "Later"} {
				i := slices.IndexFunc(v.Fields, func(f vault.SchemaField) bool { return f.Name == name })
				switch {
				case i < 0 || v.Values[i] == nil:
					text += " absent"
				default:
					text += " '" + string(v.Values[i]) + "'"
				}
			}
			got = append(got, text)
		}
		for _, id := range []string{"1", "3"} {
			versions, err := b.History(b.ctx, b.org, "Account", id)
			check(t, err)
			for i := range versions {
				note(&versions[i])
			}
		}
		for v, err := range b.AsOf(b.ctx, vault.Point{OrgID: b.org, JobID: "job_1"}, "Account", vault.Reading{}) {
			check(t, err)
			note(v)
		}
		want(t, when, strings.Join(got, "\n"), lines(
			"1 'x' 'a' absent absent", "1 absent 'A' '' absent", "3 '' 'c' absent absent", "3 absent 'c' 'n' absent",
			"1 'x' 'a' absent absent", "3 '' 'c' absent absent"))
	}
	compact := func() {
		_, err := b.Compact(b.ctx, b.org, true)
		check(t, err)
	}
	told("as written")
	compact()
	told("compacted")
	b.backup(schemaOf("Account", "Name", "Later"), "9 t - z -")
	compact()
	told("compacted again")
	check(t, b.RotateKey(b.ctx, b.org))
	check(t, b.Reseal(b.ctx, b.org))
	_, err := b.Purge(b.ctx, vault.PurgeSpec{OrgID: b.org, JobID: "p", Object: "Account", Records: []string{"9"}})
	check(t, err)
	told("resealed and purged")
	b.clean()
}

func TestTenantsAreApart(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		b.backup(schemaOf("Account", "Name"), "1 t - a")
		versions, err := b.History(b.ctx, b.org, "Account", "1")
		check(t, err)
		other, _ := newOrg(t, db, "other")
		if v, err := b.History(other, b.org, "Account", "1"); err != nil || len(v) != 0 {
			t.Errorf("a stranger reads %v, %v", v, err)
		}
		if _, err := b.Version(other, b.org, versions[0].ID()); !engine.Is(err, engine.KindNotFound) {
			t.Errorf("a stranger's version: %v", err)
		}
		for v, err := range b.AsOf(other, vault.Point{OrgID: b.org}, "Account", vault.Reading{}) {
			t.Errorf("a stranger streams %v, %v", v, err)
		}
		if _, err := b.BeginRun(other, vault.RunSpec{OrgID: b.org, JobID: "j", Operation: engine.CompositeBackup}); !engine.Is(err, engine.KindNotFound) {
			t.Errorf("a stranger writes: %v", err)
		}
		if _, err := b.History(context.Background(), b.org, "Account", "1"); !engine.Is(err, engine.KindDenied) {
			t.Errorf("nobody reads: %v", err)
		}
	})
}

// TestTombstoneWithoutValues shows those of the version before it, in whichever
// segments the versions lie.
func TestTombstoneWithoutValues(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		s := schemaOf("Account", "Name!")
		b.backup(s, "001 t1 - One", "002 t1 - Two")
		run := b.begin()
		w, err := run.Writer(b.ctx, s)
		check(t, err)
		check(t, w.Put(b.ctx, row("001 t2 - Last")))
		check(t, w.Checkpoint(b.ctx, nil))
		check(t, w.Put(b.ctx, row("001 t3 HARD")))
		_, err = w.Finish(b.ctx, nil)
		check(t, err)
		_, err = run.Commit(b.ctx)
		check(t, err)
		deleted := "001 #3 DELETEDHARD t3 [Last]"
		for range 2 {
			want(t, "as of", b.asOf(vault.Point{}, "Account", vault.Reading{IncludeDeleted: true}), lines(deleted, "002 #1 ADDED t1 [Two]"))
			_, err = b.Compact(b.ctx, b.org, true)
			check(t, err)
			b.backup(s, "001 t4 - Again")
			b.backup(s, "001 t5 HARD")
			deleted = "001 #5 DELETEDHARD t5 [Again]"
		}
	})
}
