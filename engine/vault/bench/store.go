package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/vaulttest"
	"github.com/holdfast-backup/holdfast/ent/database"
)

// store is a vault on a folder and SQLite, as Holdfast runs alone; with a bucket
// of the caller's own, nothing waits for the disk.
type store struct {
	*vault.Vault
	bucket *blob.Bucket
	db     *database.DB
	ctx    context.Context //nolint:containedctx // the tenant's, for the whole measurement
	org    string
	dir    string
	jobs   int
}

func newStore(ctx context.Context, dir string, c vault.Config) (*store, error) {
	s := &store{dir: dir, bucket: c.Bucket}
	var err error
	var options []database.Option
	if s.bucket == nil {
		s.bucket, err = vault.OpenBucket(ctx, filepath.Join(dir, "vault"))
	} else {
		options = append(options, database.Unsynced())
	}
	if err != nil {
		return nil, err
	}
	if s.db, err = database.Open(ctx, filepath.Join(dir, "holdfast.db"), options...); err != nil {
		return nil, err
	}
	c.DB, c.Bucket, c.Keeper = s.db.Client, s.bucket, localsecrets.NewKeeper([32]byte{1})
	if s.Vault, err = vault.Open(c); err != nil {
		return nil, err
	}
	tenant, err := s.db.Client.Tenant.Create().SetName("bench").SetSlug("bench").Save(engine.AsSystem(ctx))
	if err != nil {
		return nil, err
	}
	s.ctx = engine.AsWorker(ctx, tenant.ID)
	org, err := s.db.Client.Org.Create().SetTenantID(tenant.ID).SetName("bench").SetType("SANDBOX").
		SetFlow(engine.FlowRefreshToken).SetLoginURL("-").SetClientID("-").Save(s.ctx)
	if err != nil {
		return nil, err
	}
	s.org = org.ID
	return s, nil
}

// run backs up what put puts.
func (s *store) run(schema vault.Schema, put func(w *vault.Writer) error) (vault.RunCounts, error) {
	s.jobs++
	run, err := s.BeginRun(s.ctx, vault.RunSpec{OrgID: s.org, JobID: fmt.Sprintf("job_%d", s.jobs), Operation: engine.CompositeBackup})
	if err != nil {
		return vault.RunCounts{}, err
	}
	w, err := run.Writer(s.ctx, schema)
	if err != nil {
		return vault.RunCounts{}, err
	}
	if err := put(w); err != nil {
		return vault.RunCounts{}, err
	}
	if _, err := w.Finish(s.ctx, nil); err != nil {
		return vault.RunCounts{}, err
	}
	return run.Commit(s.ctx)
}

// csvOf is records [from, to) of g at revision 0, as Bulk would send them.
func csvOf(g *vaulttest.Generator, from, to int) []byte {
	var out []byte
	var s vaulttest.State
	for record := from; record < to; record++ {
		out = vaulttest.AppendCSV(out, g.Row(&s, record, 0, dayOne).Values)
	}
	return out
}

var dayOne = time.Date(2025, 1, 1, 3, 0, 0, 0, time.UTC)

// putCSV parses csv into w, as a capture does; csv is worn out by it.
func putCSV(ctx context.Context, w *vault.Writer, csv []byte) error {
	return parse(csv, func(cells [][]byte) error {
		return w.Put(ctx, vault.Row{ID: cells[0], Modstamp: cells[3], Values: cells})
	})
}
