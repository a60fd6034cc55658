package vault

import (
	"context"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"gocloud.dev/blob"

	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/org"
	"github.com/holdfast-backup/holdfast/ent/vaultfile"
	"github.com/holdfast-backup/holdfast/ent/vaultkey"
	"github.com/holdfast-backup/holdfast/ent/vaultobject"
	"github.com/holdfast-backup/holdfast/ent/vaultpurged"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
	"github.com/holdfast-backup/holdfast/ent/vaultsection"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

// CollectStats is what a collection deleted.
type CollectStats struct {
	Dead, Orphans int
	Files         int // that no version names any more
	Bytes         int64
}

// Collect deletes the blobs of segments that were replaced longer ago than the
// grace period, and blobs that no manifest names and that are a day old: what
// a crash left; once a day also files that no version names. It may run at any
// time, on any node.
func (v *Vault) Collect(ctx context.Context, orgID string) (CollectStats, error) {
	var stats CollectStats
	if _, err := tenantOf(ctx); err != nil {
		return stats, err
	}
	if err := v.drain.wait(ctx, orgID); err != nil {
		return stats, err
	}
	dead, err := v.db.VaultSegment.Query().Where(vaultsegment.OrgID(orgID), vaultsegment.StateEQ(vaultsegment.StateDEAD),
		vaultsegment.DeadAtLTE(v.now().Add(-v.grace))).All(ctx)
	if err == nil {
		err = v.bury(ctx, dead, &stats)
	}
	if err == nil {
		err = v.collectOrphans(ctx, orgID, &stats)
	}
	if err == nil {
		err = v.sweepDaily(ctx, orgID, &stats)
	}
	return stats, fault("collect", orgID, err)
}

// bury deletes dead segments: the blob first, so that a crash leaves a row
// that is tried again, never a blob that nobody knows.
func (v *Vault) bury(ctx context.Context, dead []*ent.VaultSegment, stats *CollectStats) error {
	for _, s := range dead {
		v.cache.forget(s.ID)
		v.removeBlob(ctx, segmentKey(s.OrgID, s.ID))
		err := v.change(ctx, s.OrgID, func(tx *ent.Tx) error {
			_, err := tx.VaultSegment.Delete().Where(vaultsegment.ID(s.ID)).Exec(ctx)
			return err
		})
		if err != nil {
			return err
		}
		stats.Dead++
		stats.Bytes += s.Size
	}
	return nil
}

func (v *Vault) collectOrphans(ctx context.Context, orgID string, stats *CollectStats) error {
	generation, err := v.generation(ctx, orgID)
	if err != nil || generation == 0 { // a manifest that is empty names nothing: it may have been lost
		return err
	}
	return v.blobs.list(ctx, orgPrefix(orgID), func(o *blob.ListObject) error {
		if o.ModTime.After(v.now().Add(-orphanAge)) {
			return nil
		}
		known, err := knows(ctx, v.db, o.Key)
		if err != nil || known {
			return err
		}
		// By a clock that is ahead, the blob may be one that is recorded just now:
		// that, and this, happen under the head's lock.
		return v.change(ctx, orgID, func(tx *ent.Tx) error {
			known, err := knows(ctx, tx.Client(), o.Key)
			if err != nil || known {
				return err
			}
			v.removeBlob(ctx, o.Key)
			stats.Orphans++
			stats.Bytes += o.Size
			return nil
		})
	})
}

// knows reports whether the manifest names a blob; of blobs of other kinds it
// says yes.
func knows(ctx context.Context, db *ent.Client, key string) (bool, error) {
	switch {
	case strings.Contains(key, "/seg/"):
		return db.VaultSegment.Query().Where(vaultsegment.ID(nameOf(key))).Exist(ctx)
	case strings.Contains(key, "/file/"):
		return db.VaultFile.Query().Where(vaultfile.ID(nameOf(key))).Exist(ctx)
	}
	return true, nil
}

// scrub deletes an object's dead segments at once, whatever their age, and what
// the database keeps of deleted rows where it can be told to.
func (v *Vault) scrub(ctx context.Context, orgID, object string) error {
	var stats CollectStats
	dead, err := v.db.VaultSegment.Query().Where(vaultsegment.OrgID(orgID), vaultsegment.StateEQ(vaultsegment.StateDEAD),
		vaultsegment.HasSectionsWith(vaultsection.Object(object))).All(ctx)
	if err != nil {
		return err
	}
	if err := v.bury(ctx, dead, &stats); err != nil {
		return err
	}
	return v.scrubDatabase(ctx)
}

// scrubDatabase empties SQLite's write-ahead log, and vacuums PostgreSQL's
// tables that named ids: no query can bring a dead row back then. Ids (never
// values) may still stand in free space of its pages and in its log until those
// are used again; VACUUM FULL would lock the tables and leave the log as it is.
func (v *Vault) scrubDatabase(ctx context.Context) error {
	kind := ""
	_, err := v.db.VaultHead.Query().Where(func(s *sql.Selector) { kind = s.Dialect() }).Exist(ctx)
	if err != nil {
		return err
	}
	if kind == dialect.SQLite {
		_, err := v.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
		return err
	}
	for _, table := range []string{"vault_sections", "vault_segments", "vault_run_objects", "vault_keys"} {
		if _, err := v.db.ExecContext(ctx, "VACUUM "+table); err != nil {
			return err
		}
	}
	return nil
}

// DeleteOrg forgets an org: its keys go first, after which nothing of it can
// be read by anyone, then its manifest and its blobs. It may be run again.
func (v *Vault) DeleteOrg(ctx context.Context, orgID string) error {
	return fault("delete", orgID, v.deleteOrg(ctx, orgID))
}

func (v *Vault) deleteOrg(ctx context.Context, orgID string) error {
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return err
	}
	mine, err := v.db.Org.Query().Where(org.ID(orgID)).Exist(ctx)
	if err != nil || !mine {
		return err
	}
	err = v.change(ctx, orgID, func(tx *ent.Tx) error {
		_, err := tx.VaultKey.Delete().Where(vaultkey.OrgID(orgID)).Exec(ctx)
		return err
	})
	if err != nil {
		return err
	}
	v.keys.forget(ref)
	if err := v.drain.wait(ctx, orgID); err != nil {
		return err
	}
	if err := v.change(ctx, orgID, func(tx *ent.Tx) error { return deleteManifest(ctx, tx, orgID) }); err != nil {
		return err
	}
	err = v.blobs.list(ctx, orgPrefix(orgID), func(o *blob.ListObject) error {
		v.cache.forget(nameOf(o.Key))
		return v.blobs.bucket.Delete(ctx, o.Key)
	})
	if err != nil {
		return err
	}
	return v.scrubDatabase(ctx)
}

func deleteManifest(ctx context.Context, tx *ent.Tx, orgID string) error {
	for _, erase := range []func() (int, error){
		func() (int, error) { return tx.VaultSegment.Delete().Where(vaultsegment.OrgID(orgID)).Exec(ctx) },
		func() (int, error) { return tx.VaultRun.Delete().Where(vaultrun.OrgID(orgID)).Exec(ctx) },
		func() (int, error) { return tx.VaultObject.Delete().Where(vaultobject.OrgID(orgID)).Exec(ctx) },
		func() (int, error) { return tx.VaultFile.Delete().Where(vaultfile.OrgID(orgID)).Exec(ctx) },
		func() (int, error) { return tx.VaultPurged.Delete().Where(vaultpurged.OrgID(orgID)).Exec(ctx) },
	} {
		if _, err := erase(); err != nil {
			return err
		}
	}
	return nil
}
