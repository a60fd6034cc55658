package vault_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/vaulttest"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
)

// machine is a vault with everything it stands on, which can be killed.
type machine struct {
	*vault.Vault
	t    testing.TB
	disk *vaulttest.Disk
	path string
	ctx  context.Context
	org  string
	now  time.Time

	hooks []ent.Hook // on every change of the database
}

func (m *machine) clock() time.Time { m.now = m.now.Add(time.Second); return m.now }

// emptyDatabase is a migrated database with one tenant and one org in it.
var emptyDatabase = sync.OnceValues(func() (image struct {
	file        []byte
	tenant, org string
}, err error,
) {
	dir, err := os.MkdirTemp("", "holdfast-crash-")
	if err != nil {
		return image, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "holdfast.db")
	db, err := database.Open(context.Background(), path, database.Unsynced())
	if err != nil {
		return image, err
	}
	tenant, err := db.Client.Tenant.Create().SetName("acme").SetSlug("acme").Save(engine.AsSystem(context.Background()))
	if err != nil {
		return image, err
	}
	org, err := db.Client.Org.Create().SetTenantID(tenant.ID).SetName("acme").SetType("SANDBOX").SetFlow(engine.FlowRefreshToken).
		SetLoginURL("-").SetClientID("-").Save(engine.AsWorker(context.Background(), tenant.ID))
	if err != nil {
		return image, err
	}
	image.tenant, image.org = tenant.ID, org.ID
	if err = db.Close(); err == nil {
		image.file, err = os.ReadFile(path)
	}
	return image, err
})

func newMachine(t testing.TB) *machine {
	t.Helper()
	image, err := emptyDatabase()
	check(t, err)
	m := &machine{t: t, path: filepath.Join(t.TempDir(), "holdfast.db"), org: image.org, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	m.ctx = engine.AsWorker(context.Background(), image.tenant)
	m.disk = vaulttest.NewDisk(m.clock)
	check(t, os.WriteFile(m.path, image.file, 0o600))
	m.start()
	return m
}

// start opens the vault; every change of the database is a step of the disk.
func (m *machine) start() {
	m.t.Helper()
	db, err := database.Open(m.ctx, m.path, database.Unsynced())
	check(m.t, err)
	m.t.Cleanup(func() { _ = db.Close() })
	disk := m.disk
	db.Client.Use(func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, mutation ent.Mutation) (ent.Value, error) {
			if err := disk.Step(); err != nil {
				return nil, err
			}
			return next.Mutate(ctx, mutation)
		})
	})
	db.Client.Use(m.hooks...)
	m.Vault, err = vault.Open(vault.Config{
		DB: db.Client, Bucket: m.disk.Bucket(), Keeper: localsecrets.NewKeeper([32]byte(secret)), Clock: m.clock, Workers: 1, Grace: time.Nanosecond,
	})
	check(m.t, err)
}

// crashed is the machine as it comes up after being killed now.
func (m *machine) crashed(chance *rand.Rand) *machine {
	after := *m
	after.path = filepath.Join(m.t.TempDir(), "holdfast.db")
	after.disk = m.disk.AfterCrash(chance)
	for _, suffix := range []string{"", "-wal"} {
		if b, err := os.ReadFile(m.path + suffix); err == nil {
			check(m.t, os.WriteFile(after.path+suffix, b, 0o600))
		}
	}
	return &after
}

// deeds are what the machine does, one after the other; each may be done again.
func deeds() []func(m *machine) error {
	account := schemaOf("Account", "Name!", "City")
	contact := schemaOf("Contact", "Email!")
	return []func(m *machine) error{
		func(m *machine) error {
			return m.backup("job_1", 1, account, []string{"001 t1 - One Rome", "002 t1 - Two Oslo", "003 t1 - Three Bern", "004 t1 - Four Kyiv"}, contact, []string{"c1 t1 - a@x", "c2 t1 - b@x"})
		},
		func(m *machine) error {
			return m.backup("job_2", 2, account, []string{"001 t2 - One Paris", "003 t2 SOFT", "005 t2 - Five Rome"}, contact, []string{"c1 t2 - z@x"})
		},
		func(m *machine) error { _, err := m.Compact(m.ctx, m.org, true); return err },
		func(m *machine) error {
			return m.backup("job_3", 3, account, []string{"002 t3 - Two Turin", "003 t3 - Three Bern"}, contact, []string{"c3 t3 - c@x"})
		},
		func(m *machine) error {
			_, err := m.Purge(m.ctx, vault.PurgeSpec{OrgID: m.org, JobID: "p", Object: "Account", Records: []string{"001", "004"}})
			return err
		},
		(*machine).dropEarlier,
		func(m *machine) error {
			if err := m.RotateKey(m.ctx, m.org); err != nil {
				return err
			}
			return m.Reseal(m.ctx, m.org)
		},
		func(m *machine) error { _, err := m.Compact(m.ctx, m.org, true); return err },
		func(m *machine) error { _, err := m.Collect(m.ctx, m.org); return err },
	}
}

// dropEarlier drops every point that is kept but those of the newest job.
func (m *machine) dropEarlier() error {
	runs, err := m.Runs(m.ctx, m.org)
	if err != nil {
		return err
	}
	spec := vault.DropSpec{OrgID: m.org}
	for _, r := range runs {
		if r.DroppedAt.IsZero() && r.JobID != runs[len(runs)-1].JobID {
			spec.Runs = append(spec.Runs, r.ID)
		}
	}
	_, err = m.Drop(m.ctx, spec)
	return err
}

// backup writes two objects, with a checkpoint after every n-th row.
func (m *machine) backup(job string, n int, parts ...any) error {
	run, err := m.BeginRun(m.ctx, vault.RunSpec{OrgID: m.org, JobID: job, Operation: engine.CompositeBackup})
	if err != nil {
		return err
	}
	for i := 0; i < len(parts); i += 2 {
		s := parts[i].(vault.Schema)
		if _, whole := run.Finished(s.Object); whole {
			continue
		}
		w, err := run.Writer(m.ctx, s)
		if err != nil {
			return err
		}
		if err := m.put(w, run.Checkpoint(s.Object), n, parts[i+1].([]string)); err != nil {
			return err
		}
		if _, err := w.Finish(m.ctx, nil); err != nil {
			return err
		}
	}
	_, err = run.Commit(m.ctx)
	return err
}

func (m *machine) put(w *vault.Writer, checkpoint []byte, n int, rows []string) error {
	from := len(checkpoint) // a token is as long as what it stands for
	for i := from; i < len(rows); i++ {
		if err := w.Put(m.ctx, row(rows[i])); err != nil {
			return err
		}
		if (i+1)%n == 0 {
			if err := w.Checkpoint(m.ctx, make([]byte, i+1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// everything is what readers can see, without sequences: those of a killed
// attempt are lost.
func (m *machine) everything() string {
	m.t.Helper()
	var lines []string
	for _, object := range []string{"Account", "Contact"} {
		for v, err := range m.Scan(m.ctx, vault.Point{OrgID: m.org}, object, vault.Reading{}) {
			check(m.t, err)
			v.Seq = 0
			lines = append(lines, render(v)+" by "+v.JobID)
		}
		for v, err := range m.AsOf(m.ctx, vault.Point{OrgID: m.org}, object, vault.Reading{}) {
			check(m.t, err)
			v.Seq = 0
			lines = append(lines, "now "+render(v))
		}
		live, err := m.Live(m.ctx, m.org, object)
		check(m.t, err)
		lines = append(lines, fmt.Sprintf("%d live", live))
	}
	runs, err := m.Runs(m.ctx, m.org)
	check(m.t, err)
	for _, r := range runs {
		if line := "dropped " + r.JobID; !r.DroppedAt.IsZero() && !slices.Contains(lines, line) { // a job that is done again has two
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func (m *machine) clean() {
	m.t.Helper()
	report, err := m.Verify(m.ctx, m.org)
	check(m.t, err)
	for _, p := range report.Problems {
		m.t.Errorf("verify: %s", p)
	}
}

// TestCrash kills the machine at two hundred points of its work and brings it
// up on a disk that has lost what was not synced: the state is as before or as
// after what it was doing, and the work goes on to the same end.
func TestCrash(t *testing.T) {
	t.Parallel()
	sane := newMachine(t)
	states, steps := []string{sane.everything()}, []int{0}
	for _, deed := range deeds() {
		check(t, deed(sane))
		states, steps = append(states, sane.everything()), append(steps, sane.disk.Steps())
	}
	total := steps[len(steps)-1]
	points := 200
	for i := range points {
		at := 1 + i*(total-1)/(points-1)
		t.Run(fmt.Sprintf("step %d of %d", at, total), func(t *testing.T) { crashAt(t, at, uint64(i), states) })
	}
}

func crashAt(t *testing.T, at int, seed uint64, states []string) {
	m := newMachine(t)
	var after *machine
	m.disk.KillAt(at, func() { after = m.crashed(rand.New(rand.NewPCG(seed, 7))) })
	done := 0
	work := deeds()
	for done < len(work) {
		if err := work[done](m); errors.Is(err, vaulttest.ErrKilled) || after != nil {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		done++
	}
	if after == nil {
		t.Fatalf("nothing was killed in %d steps", m.disk.Steps())
	}
	after.t = t
	after.start()
	if got := after.everything(); !slices.Contains(states[done:min(done+2, len(states))], got) {
		want(t, fmt.Sprintf("killed in deed %d", done), got, states[done])
	}
	after.clean()
	for ; done < len(work); done++ {
		if err := work[done](after); err != nil {
			t.Fatalf("deed %d, after the crash: %v", done, err)
		}
		want(t, fmt.Sprintf("deed %d, after the crash", done), after.everything(), states[done+1])
	}
	after.clean()
}
