package vaulttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// Subject is a new, empty vault of one org, whatever it stands on. Ctx carries
// the org's tenant.
type Subject struct {
	*vault.Vault
	Ctx context.Context //nolint:containedctx // a test's
	Org string
}

// Conform holds a vault to what every bucket and every database must give.
func Conform(t *testing.T, s Subject) {
	t.Helper()
	c := &conformance{Subject: s, t: t, schema: vault.Schema{Object: "Account", Fields: []vault.SchemaField{{Name: "Name", Type: "string", Hot: true}, {Name: "City", Type: "string"}}}}
	c.runs()
	c.same("before")
	c.compacts()
	c.same("compacted")
	c.rotates()
	c.same("resealed")
	c.files()
	c.purges()
	c.deletes()
}

const conformanceRows = 400

type conformance struct {
	Subject
	t      *testing.T
	schema vault.Schema
	truth  map[string][]string // versions by record
}

func (c *conformance) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// runs writes ten runs, one of them in two attempts.
func (c *conformance) runs() {
	c.truth = map[string][]string{}
	for n := range 10 {
		spec := vault.RunSpec{OrgID: c.Org, JobID: fmt.Sprintf("job_%d", n), Operation: engine.CompositeBackup}
		if n == 5 {
			run, err := c.BeginRun(c.Ctx, spec)
			c.check(err)
			c.put(run, n, conformanceRows/2)
		}
		run, err := c.BeginRun(c.Ctx, spec)
		c.check(err)
		w := c.put(run, n, conformanceRows)
		counts, err := w.Finish(c.Ctx, nil)
		c.check(err)
		_, err = run.Commit(c.Ctx)
		c.check(err)
		if counts.Live != conformanceRows {
			c.t.Errorf("run %d: %d live, want %d", n, counts.Live, conformanceRows)
		}
	}
	for i := range conformanceRows {
		last := ""
		for n := range 10 {
			if state := c.state(i, n); state != last {
				c.truth[c.id(i)] = append(c.truth[c.id(i)], state)
				last = state
			}
		}
	}
}

func (c *conformance) id(i int) string { return fmt.Sprintf("001Qy%010dAAA", i) }

// state is a record's city in a run: every seventh changes a night.
func (c *conformance) state(i, run int) string {
	return strings.Repeat("Zürich ", i%5) + fmt.Sprint((run+i%7)/7)
}

func (c *conformance) put(run *vault.Run, n, rows int) *vault.Writer {
	w, err := run.Writer(c.Ctx, c.schema)
	c.check(err)
	for i := range rows {
		values := [][]byte{fmt.Appendf(nil, "Name %d", i), []byte(c.state(i, n))}
		c.check(w.Put(c.Ctx, vault.Row{ID: []byte(c.id(i)), Values: values}))
		if i == rows/3 {
			c.check(w.Checkpoint(c.Ctx, []byte("a third")))
		}
	}
	return w
}

// same compares every record's history, and the verdict of Verify.
func (c *conformance) same(when string) {
	c.t.Helper()
	for i := 0; i < conformanceRows; i += 37 {
		versions, err := c.History(c.Ctx, c.Org, "Account", c.id(i))
		c.check(err)
		var got []string
		for v := range slices.Values(versions) {
			got = append(got, string(v.Value("City")))
		}
		if !slices.Equal(got, c.truth[c.id(i)]) {
			c.t.Errorf("%s: record %d was %q, want %q", when, i, got, c.truth[c.id(i)])
		}
	}
	n := 0
	for _, err := range c.LiveIDs(c.Ctx, vault.Point{OrgID: c.Org}, "Account") {
		c.check(err)
		n++
	}
	if n != conformanceRows {
		c.t.Errorf("%s: %d ids, want %d", when, n, conformanceRows)
	}
	report, err := c.Verify(c.Ctx, c.Org)
	c.check(err)
	for _, p := range report.Problems {
		c.t.Errorf("%s: %s", when, p)
	}
}

func (c *conformance) compacts() {
	stats, err := c.Compact(c.Ctx, c.Org, false)
	c.check(err)
	if stats.Merges == 0 {
		c.t.Error("ten runs left nothing to merge")
	}
	_, err = c.Collect(c.Ctx, c.Org)
	c.check(err)
}

func (c *conformance) rotates() {
	c.check(c.RotateKey(c.Ctx, c.Org))
	c.check(c.Reseal(c.Ctx, c.Org))
}

func (c *conformance) files() {
	content := bytes.Repeat([]byte("0123456789abcdef"), 30_000)
	ref, err := c.PutFile(c.Ctx, c.Org, bytes.NewReader(content))
	c.check(err)
	f, err := c.OpenFile(c.Ctx, c.Org, ref.Hash)
	c.check(err)
	_, err = f.Seek(-100_001, io.SeekEnd)
	c.check(err)
	got, err := io.ReadAll(f)
	c.check(err)
	if !bytes.Equal(got, content[len(content)-100_001:]) {
		c.t.Error("a file's end differs")
	}
}

func (c *conformance) purges() {
	report, err := c.Purge(c.Ctx, vault.PurgeSpec{OrgID: c.Org, JobID: "purge", Object: "Account", Records: []string{c.id(7)}})
	c.check(err)
	versions, err := c.History(c.Ctx, c.Org, "Account", c.id(7))
	c.check(err)
	if report.Versions != int64(len(c.truth[c.id(7)])) || len(versions) != 0 {
		c.t.Errorf("purged %+v; %d versions are left", report, len(versions))
	}
}

func (c *conformance) deletes() {
	c.check(c.DeleteOrg(c.Ctx, c.Org))
	objects, err := c.Objects(c.Ctx, c.Org)
	c.check(err)
	if len(objects) != 0 {
		c.t.Errorf("after the org was deleted there are %v", objects)
	}
}
