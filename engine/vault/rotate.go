package vault

import (
	"context"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultfile"
	"github.com/holdfast-backup/holdfast/ent/vaultkey"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

// RotateKey begins a new epoch: what is written from now on is sealed under a
// new key. What is stored stays readable under the old ones, until compaction
// or Reseal has moved it.
func (v *Vault) RotateKey(ctx context.Context, orgID string) error {
	_, _, err := v.keys.current(ctx, orgID)
	if err == nil {
		err = v.change(ctx, orgID, func(tx *ent.Tx) error { return v.keys.rotate(ctx, tx.VaultKey, orgID) })
	}
	if err == nil {
		err = v.copyManifest(ctx, orgID)
	}
	return fault("rotate the key", orgID, err)
}

// rotate makes the next key, under what the newest is under.
func (k *keyring) rotate(ctx context.Context, table *ent.VaultKeyClient, orgID string) error {
	newest, err := newestKey(ctx, table, orgID)
	if err != nil {
		return err
	}
	under, err := k.wrapper(ctx, orgID, wrappedOf(newest))
	if err != nil {
		return err
	}
	return k.create(ctx, table, newKeys{orgID, under, []uint32{newest.Epoch + 1}})
}

// Reseal moves everything under older epochs to the newest one, block by block
// without inflating it, and forgets the keys that nothing is under any more.
func (v *Vault) Reseal(ctx context.Context, orgID string) error {
	return fault("reseal", orgID, v.reseal(ctx, orgID))
}

func (v *Vault) reseal(ctx context.Context, orgID string) error {
	epoch, _, err := v.keys.current(ctx, orgID)
	if err != nil {
		return err
	}
	segments, err := v.liveSegments(ctx, orgID)
	if err != nil {
		return err
	}
	end := v.drain.begin(orgID)
	for _, s := range segments {
		if s.Epoch == epoch {
			continue
		}
		if err := v.resealSegment(ctx, s); err != nil {
			end()
			return err
		}
	}
	end()
	files, err := v.db.VaultFile.Query().Where(vaultfile.OrgID(orgID), vaultfile.EpochNEQ(epoch)).All(ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := v.resealFile(ctx, f); err != nil {
			return err
		}
	}
	if err := v.dropKeys(ctx, orgID, epoch); err != nil {
		return err
	}
	return v.replaceCopies(ctx, orgID)
}

func (v *Vault) resealSegment(ctx context.Context, s *ent.VaultSegment) error {
	r, err := v.reader(ctx, s)
	if err != nil {
		return err
	}
	f, err := v.createSegment(ctx, s.OrgID, s.Level, sizing(s.Level))
	if err != nil {
		return err
	}
	if err := copyBlocks(ctx, f.w, r); err != nil {
		f.blob.Abort()
		return err
	}
	if err := f.close(); err != nil {
		return err
	}
	swapped, err := v.swap(ctx, s.OrgID, []*ent.VaultSegment{s}, []*stored{f.stored})
	if err == nil && !swapped {
		v.removeBlob(ctx, segmentKey(s.OrgID, f.id))
	}
	return err
}

func copyBlocks(ctx context.Context, w *segment.Writer, r *segment.Reader) error {
	for _, s := range r.Sections() {
		if err := w.Begin(s.Object, s.Fields); err != nil {
			return err
		}
		c := r.Cursor(s.First, s.First+s.Blocks, scanWindow)
		for c.Rest() > 0 {
			if _, err := c.Next(ctx); err != nil {
				return err
			}
			if err := w.Copy(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// resealFile stores the content again and deletes the old blob.
func (v *Vault) resealFile(ctx context.Context, row *ent.VaultFile) error {
	f, err := v.openFile(ctx, row)
	if err != nil {
		return err
	}
	sealed, err := v.sealBlob(ctx, row.OrgID, f)
	if err != nil {
		return err
	}
	if err := sealed.blob.Close(); err != nil {
		return err
	}
	ref, err := refOf(ctx, row.OrgID)
	if err != nil {
		return err
	}
	err = v.change(ctx, row.OrgID, func(tx *ent.Tx) error {
		if err := tx.VaultFile.DeleteOne(row).Exec(ctx); err != nil {
			return err
		}
		return sealed.record(ctx, tx.VaultFile, ref)
	})
	if err != nil {
		v.removeBlob(ctx, fileKey(row.OrgID, sealed.id))
		return err
	}
	v.removeBlob(ctx, fileKey(row.OrgID, row.ID))
	return nil
}

// dropKeys forgets the epochs before the newest that no blob is under.
func (v *Vault) dropKeys(ctx context.Context, orgID string, newest uint32) error {
	rows, err := v.db.VaultKey.Query().Where(vaultkey.OrgID(orgID), vaultkey.EpochGTE(firstEpoch), vaultkey.EpochLT(newest)).All(ctx)
	if err != nil {
		return err
	}
	for _, k := range rows {
		err := v.change(ctx, orgID, func(tx *ent.Tx) error {
			segments, err := tx.VaultSegment.Query().Where(vaultsegment.OrgID(orgID), vaultsegment.Epoch(k.Epoch)).Exist(ctx)
			if err != nil || segments {
				return err
			}
			files, err := tx.VaultFile.Query().Where(vaultfile.OrgID(orgID), vaultfile.Epoch(k.Epoch)).Exist(ctx)
			if err != nil || files {
				return err
			}
			return tx.VaultKey.DeleteOne(k).Exec(ctx)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
