package vault

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultfile"
	"github.com/holdfast-backup/holdfast/ent/vaulthead"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

const (
	sweepPage  = 50_000 // files whose names are in memory together
	sweepTries = 5
)

// named calls use for every file that a stored version names, an open run's
// included; one that several versions name may come several times.
func (v *Vault) named(ctx context.Context, orgID string, use func(object string, ref FileRef) error) error {
	segments, err := v.db.VaultSegment.Query().Where(vaultsegment.OrgID(orgID), vaultsegment.StateNEQ(vaultsegment.StateDEAD)).All(ctx)
	if err != nil {
		return err
	}
	for _, s := range segments {
		r, err := v.reader(ctx, s)
		if err != nil {
			return err
		}
		for _, sec := range r.Sections() {
			for _, column := range filesIn(&sec) {
				if err := namedIn(ctx, r.Cursor(sec.First, sec.First+sec.Blocks, scanWindow), column, use); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func namedIn(ctx context.Context, c *segment.Cursor, column int, use func(object string, ref FileRef) error) error {
	defer c.Release()
	for c.Rest() > 0 {
		if _, err := c.Next(ctx); err != nil {
			return err
		}
		last := ""
		for row := range c.Len() {
			value, err := c.Value(column, row)
			if err != nil {
				return err
			}
			if string(value) == last {
				continue
			}
			last = string(value)
			if ref, ok := ParseFileRef(last); ok {
				if err := use(c.Section().Object, ref); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// sweep deletes the files that no stored version names: those of hashes, or all
// that were put before a time. While a run is open nothing is deleted, since
// it may name later what it has put; ok is false then.
func (v *Vault) sweep(ctx context.Context, orgID string, before time.Time, hashes []string) (swept []*ent.VaultFile, ok bool, err error) {
	asked := v.db.VaultFile.Query().Where(vaultfile.OrgID(orgID), vaultfile.CreatedAtLT(before)).Order(ent.Asc(vaultfile.FieldID)).Limit(sweepPage)
	if hashes != nil {
		asked.Where(vaultfile.HashIn(hashes...))
	}
	for after := ""; ; {
		page, err := asked.Clone().Where(vaultfile.IDGT(after)).All(ctx)
		if err != nil || len(page) == 0 {
			return swept, true, err
		}
		after = page[len(page)-1].ID
		unnamed, ok, err := v.sweepPage(ctx, orgID, page)
		if err != nil || !ok {
			return swept, false, err
		}
		swept = append(swept, unnamed...)
	}
}

// sweepPage looks for the page's names, and deletes what has none if nothing of
// the manifest has changed meanwhile.
func (v *Vault) sweepPage(ctx context.Context, orgID string, page []*ent.VaultFile) (unnamed []*ent.VaultFile, ok bool, err error) {
	for range sweepTries {
		generation, err := v.generation(ctx, orgID)
		if err != nil {
			return nil, false, err
		}
		left := make(map[string]*ent.VaultFile, len(page))
		for _, f := range page {
			left[f.Hash] = f
		}
		err = v.named(ctx, orgID, func(_ string, ref FileRef) error {
			delete(left, ref.Hash)
			return nil
		})
		if err != nil || len(left) == 0 {
			return nil, err == nil, err
		}
		unnamed = slices.Collect(maps.Values(left))
		err = v.change(ctx, orgID, func(tx *ent.Tx) error { return deleteFiles(ctx, tx, generation, unnamed) })
		if err == errOvertaken { //nolint:errorlint // our own, never wrapped
			continue
		}
		if err != nil {
			return nil, false, err
		}
		for _, f := range unnamed { // a crash here leaves blobs that the manifest does not name: orphans
			v.removeBlob(ctx, fileKey(orgID, f.ID))
		}
		return unnamed, true, nil
	}
	return nil, false, nil
}

// deleteFiles runs in a transaction that holds the org's head: no run can begin
// or end beside it.
func deleteFiles(ctx context.Context, tx *ent.Tx, generation int64, files []*ent.VaultFile) error {
	orgID := files[0].OrgID
	head, err := tx.VaultHead.Query().Where(vaulthead.OrgID(orgID)).Only(ctx)
	if err != nil {
		return err
	}
	open, err := tx.VaultRun.Query().Where(vaultrun.OrgID(orgID), vaultrun.StateEQ(vaultrun.StateOPEN)).Exist(ctx)
	if err != nil {
		return err
	}
	if open || head.Generation != generation+1 {
		return errOvertaken
	}
	for part := range slices.Chunk(files, 500) {
		ids := make([]string, len(part))
		for i, f := range part {
			ids[i] = f.ID
		}
		if _, err := tx.VaultFile.Delete().Where(vaultfile.IDIn(ids...)).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sweeps remembers when each org's files were swept.
type sweeps struct {
	mu   sync.Mutex
	last map[orgRef]time.Time
}

func (s *sweeps) due(ref orgRef, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last[ref]) < orphanAge {
		return false
	}
	s.last[ref] = now
	return true
}

// sweepDaily sweeps what is a day old, once a day in this process.
func (v *Vault) sweepDaily(ctx context.Context, orgID string, stats *CollectStats) error {
	ref, err := refOf(ctx, orgID)
	if err != nil || !v.swept.due(ref, v.now()) {
		return err
	}
	files, _, err := v.sweep(ctx, orgID, v.now().Add(-orphanAge), nil)
	for _, f := range files {
		stats.Files++
		stats.Bytes += f.Size
	}
	return err
}

// sweepPurged deletes what only purged versions named.
func (v *Vault) sweepPurged(ctx context.Context, orgID string, hashes map[string]bool) error {
	for part := range slices.Chunk(slices.Sorted(maps.Keys(hashes)), 500) {
		if _, ok, err := v.sweep(ctx, orgID, v.now().Add(orphanAge), part); err != nil || !ok {
			return orBusy(err, orgID)
		}
	}
	return nil
}

func orBusy(err error, orgID string) error {
	if err != nil {
		return err
	}
	return &engine.Error{
		Kind: engine.KindConflict, Code: "VAULT_BUSY", Org: orgID,
		Message: "The versions were purged, but the content of their files is still there, because the org's vault is being written: it goes with a backup's tidying up a day from now.",
	}
}
