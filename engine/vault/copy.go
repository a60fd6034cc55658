package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"gocloud.dev/blob"
	"gocloud.dev/secrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaulthead"
	"github.com/holdfast-backup/holdfast/ent/vaultkey"
	"github.com/holdfast-backup/holdfast/ent/vaultobject"
	"github.com/holdfast-backup/holdfast/ent/vaultpurged"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
)

// A manifest copy lies beside the data, so that bucket and keeper are enough to
// build the catalogue again: the magic, the length of what follows, the wrapped
// keys as JSON in clear (they are sealed by the keeper), then the manifest as
// JSON in a sealed file. Files have their hash and size in themselves; what each
// run wrote of each SObject is not copied.
const (
	copyMagic  = "HOLDMAN1"
	copiesKept = 3
	maxKeyring = 1 << 20
)

func copyKey(orgID, id string) string { return orgPrefix(orgID) + "manifest/" + id + ".hfm" }

type wrappedKey struct {
	Epoch       uint32 `json:"epoch"`
	Wrapped     []byte `json:"wrapped"`
	CustomerKey string `json:"customerKey,omitempty"`
}

// manifestCopy is an org's manifest as it is copied.
type manifestCopy struct {
	OrgID      string              `json:"orgId"`
	Tenant     string              `json:"tenant"`
	Generation int64               `json:"generation"`
	At         time.Time           `json:"at"`
	Runs       []*ent.VaultRun     `json:"runs"`
	Objects    []*ent.VaultObject  `json:"objects"`
	Segments   []*ent.VaultSegment `json:"segments"` // live, with their sections as edges
	Purged     []*ent.VaultPurged  `json:"purged"`
}

// CopyManifest writes a sealed copy of an org's manifest into the bucket and
// keeps the last three. Commit, Compact, Purge and RotateKey do it themselves.
func (v *Vault) CopyManifest(ctx context.Context, orgID string) error {
	return fault("copy the manifest", orgID, v.copyManifest(ctx, orgID))
}

func (v *Vault) copyManifest(ctx context.Context, orgID string) error {
	m, err := v.readManifest(ctx, orgID)
	if err != nil {
		return err
	}
	keys, err := v.db.VaultKey.Query().Where(vaultkey.OrgID(orgID)).Order(ent.Asc(vaultkey.FieldEpoch)).All(ctx)
	if err != nil {
		return err
	}
	epoch, key, err := v.keys.current(ctx, orgID)
	if err != nil {
		return err
	}
	id := fmt.Sprintf("man_g%016x_%s", m.Generation, ulid.Make()) // in the order of generations: a clock may jump
	p, err := v.blobs.create(ctx, copyKey(orgID, id))
	if err != nil {
		return err
	}
	if err := writeCopy(p, segment.Creation{ID: id, Epoch: epoch, Key: key}, keys, m); err != nil {
		p.Abort()
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	return v.dropCopies(ctx, orgID)
}

// readManifest reads again when something has changed meanwhile, so that a copy
// does not name points whose versions were dropped between two of its queries.
func (v *Vault) readManifest(ctx context.Context, orgID string) (m *manifestCopy, err error) {
	for range sweepTries {
		if m, err = v.manifestNow(ctx, orgID); err != nil {
			return nil, err
		}
		if now, err := v.generation(ctx, orgID); err != nil || now == m.Generation {
			return m, err
		}
	}
	return m, nil
}

func (v *Vault) manifestNow(ctx context.Context, orgID string) (*manifestCopy, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	m := &manifestCopy{OrgID: orgID, Tenant: tenant, At: v.now()}
	if m.Generation, err = v.generation(ctx, orgID); err != nil {
		return nil, err
	}
	if m.Runs, err = v.db.VaultRun.Query().Where(vaultrun.OrgID(orgID), vaultrun.StateNEQ(vaultrun.StateOPEN)).All(ctx); err != nil {
		return nil, err
	}
	if m.Objects, err = v.db.VaultObject.Query().Where(vaultobject.OrgID(orgID)).All(ctx); err != nil {
		return nil, err
	}
	if m.Segments, err = v.liveSegments(ctx, orgID); err != nil {
		return nil, err
	}
	m.Purged, err = v.db.VaultPurged.Query().Where(vaultpurged.OrgID(orgID)).All(ctx)
	return m, err
}

func writeCopy(w io.Writer, o segment.Creation, keys []*ent.VaultKey, m *manifestCopy) error {
	wrapped := make([]wrappedKey, 0, len(keys))
	for _, k := range keys {
		wrapped = append(wrapped, wrappedOf(k))
	}
	head, err := json.Marshal(wrapped)
	if err != nil {
		return err
	}
	head = append(binary.LittleEndian.AppendUint32([]byte(copyMagic), uint32(len(head))), head...)
	if _, err := w.Write(head); err != nil {
		return err
	}
	f, err := segment.NewFileWriter(w, o)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(f).Encode(m); err != nil {
		return err
	}
	return f.Close(make([]byte, 32))
}

// dropCopies keeps the newest copies.
func (v *Vault) dropCopies(ctx context.Context, orgID string) error {
	keys, err := v.copies(ctx, orgID)
	if err != nil {
		return err
	}
	for _, key := range keys[:max(0, len(keys)-copiesKept)] {
		v.removeBlob(ctx, key)
	}
	return nil
}

func (v *Vault) copies(ctx context.Context, orgID string) (keys []string, err error) {
	err = v.blobs.list(ctx, orgPrefix(orgID)+"manifest/", func(o *blob.ListObject) error {
		keys = append(keys, o.Key)
		return nil
	})
	slices.Sort(keys)
	return keys, err
}

// Rebuild fills an org's empty manifest from the newest copy in the bucket that
// can be read, and lists its files again. The tenant and the org must have
// their rows. What was committed after that copy is not in it: Verify tells
// nothing of it, its blobs are left alone until Collect finds them. Of an org
// under a customer's own key that key must be among customerKeys.
func (v *Vault) Rebuild(ctx context.Context, orgID string, customerKeys ...string) error {
	given := make([]*customerKey, len(customerKeys))
	for i, text := range customerKeys {
		var err error
		if given[i], err = parseCustomerKey(text); err != nil {
			return err
		}
	}
	return fault("rebuild", orgID, v.rebuild(ctx, orgID, given))
}

func (v *Vault) rebuild(ctx context.Context, orgID string, given []*customerKey) error {
	if generation, err := v.generation(ctx, orgID); err != nil || generation > 0 {
		return errors.Join(err, &engine.Error{
			Kind: engine.KindConflict, Code: "VAULT_NOT_EMPTY", Org: orgID,
			Message: "This org has a manifest already: rebuild only into an empty database.",
		})
	}
	keys, err := v.copies(ctx, orgID)
	if err != nil {
		return err
	}
	err = &engine.Error{Kind: engine.KindNotFound, Code: "VAULT_NO_COPY", Org: orgID, Message: "The bucket holds no copy of this org's manifest: check that it is the bucket the org was backed up to, and the org's id."}
	for _, key := range slices.Backward(keys) {
		var m *manifestCopy
		var wrapped []wrappedKey
		if m, wrapped, err = v.readCopy(ctx, orgID, key, given); err == nil {
			return v.restoreManifest(ctx, m, wrapped)
		}
		v.log.Warn("a manifest copy cannot be read, trying the one before", "key", key, "err", err)
	}
	return err
}

func (v *Vault) readCopy(ctx context.Context, orgID, key string, given []*customerKey) (*manifestCopy, []wrappedKey, error) {
	attrs, err := v.blobs.bucket.Attributes(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	src := blobSource{b: v.blobs, key: key}
	head := make([]byte, min(attrs.Size, maxKeyring))
	if err := src.ReadAt(ctx, head, 0); err != nil {
		return nil, nil, err
	}
	wrapped, after, err := readKeys(bytes.NewReader(head))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", key, err)
	}
	if err := v.keys.use(ctx, orgID, wrapped, given); err != nil {
		return nil, nil, err
	}
	f, err := segment.OpenFile(ctx, shifted{src, after}, segment.Opening{ID: nameOf(key), Size: attrs.Size - after, Key: func(epoch uint32) ([]byte, error) {
		for _, w := range wrapped {
			if w.Epoch == epoch {
				return v.keys.open(ctx, orgID, w)
			}
		}
		return nil, lostKey(orgID, epoch, nil)
	}})
	if err != nil {
		return nil, nil, err
	}
	m := &manifestCopy{}
	return m, wrapped, json.NewDecoder(f).Decode(m)
}

// readKeys reads a copy's wrapped keys and says where the manifest begins.
func readKeys(r io.Reader) (wrapped []wrappedKey, after int64, err error) {
	head := make([]byte, len(copyMagic)+4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, 0, err
	}
	n := int64(binary.LittleEndian.Uint32(head[len(copyMagic):]))
	if string(head[:len(copyMagic)]) != copyMagic || n > maxKeyring {
		return nil, 0, fmt.Errorf("%w: no manifest copy begins here", segment.ErrDamaged)
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, 0, err
	}
	if err := json.Unmarshal(raw, &wrapped); err != nil {
		return nil, 0, fmt.Errorf("%w: its keys: %w", segment.ErrDamaged, err)
	}
	return wrapped, int64(len(head)) + n, nil
}

// KeysOfCopy unwraps the org keys in a manifest copy, by epoch. Keys under a
// customer's own key are left out.
func KeysOfCopy(ctx context.Context, r io.Reader, keeper *secrets.Keeper) (map[uint32][]byte, error) {
	wrapped, _, err := readKeys(r)
	if err != nil {
		return nil, err
	}
	keys := map[uint32][]byte{}
	for _, w := range wrapped {
		if w.CustomerKey != "" {
			continue
		}
		if keys[w.Epoch], err = keeper.Decrypt(ctx, w.Wrapped); err != nil {
			return nil, fmt.Errorf("the keeper does not open the key of epoch %d: %w", w.Epoch, err)
		}
	}
	return keys, nil
}

// shifted is a Source that begins later in another.
type shifted struct {
	segment.Source
	by int64
}

// ReadAt reads at off of what is left.
func (s shifted) ReadAt(ctx context.Context, p []byte, off int64) error {
	return s.Source.ReadAt(ctx, p, off+s.by)
}

// restoreManifest writes a copy's rows.
func (v *Vault) restoreManifest(ctx context.Context, m *manifestCopy, wrapped []wrappedKey) error {
	ref, err := refOf(ctx, m.OrgID)
	if err != nil {
		return err
	}
	if m.Tenant != ref.tenant {
		return &engine.Error{Kind: engine.KindDenied, Code: "VAULT_OTHER_TENANT", Org: m.OrgID, Message: "This vault belongs to another tenant: rebuild it under that tenant's id."}
	}
	err = v.change(ctx, m.OrgID, func(tx *ent.Tx) error {
		for _, w := range wrapped {
			err := tx.VaultKey.Create().SetTenantID(ref.tenant).SetOrgID(ref.org).SetEpoch(w.Epoch).SetWrapped(w.Wrapped).SetCustomerKey(w.CustomerKey).Exec(ctx)
			if err != nil {
				return err
			}
		}
		// What is copied from now on must come after what lies there.
		if err := tx.VaultHead.Update().Where(vaulthead.OrgID(ref.org)).SetGeneration(m.Generation + 1).Exec(ctx); err != nil {
			return err
		}
		return errors.Join(restoreRuns(ctx, tx, ref, m), restoreSegments(ctx, tx, ref, m), restoreRest(ctx, tx, ref, m))
	})
	if err != nil {
		return err
	}
	return v.restoreFiles(ctx, ref)
}

func restoreRuns(ctx context.Context, tx *ent.Tx, ref orgRef, m *manifestCopy) error {
	for _, r := range m.Runs {
		err := tx.VaultRun.Create().SetID(r.ID).SetTenantID(ref.tenant).SetOrgID(ref.org).SetJobID(r.JobID).SetOperation(r.Operation).SetState(r.State).
			SetAttempt(r.Attempt).SetFirstSeq(r.FirstSeq).SetLastSeq(r.LastSeq).SetNillableClosedAt(r.ClosedAt).
			SetHold(r.Hold).SetNillableDroppedAt(r.DroppedAt).SetCreatedAt(r.CreatedAt).Exec(ctx)
		if err != nil {
			return err
		}
	}
	return nil
}

func restoreSegments(ctx context.Context, tx *ent.Tx, ref orgRef, m *manifestCopy) error {
	for _, s := range m.Segments {
		err := tx.VaultSegment.Create().SetID(s.ID).SetTenantID(ref.tenant).SetOrgID(ref.org).SetRunID(s.RunID).SetState(s.State).SetLevel(s.Level).
			SetEpoch(s.Epoch).SetSize(s.Size).SetTrailer(s.Trailer).SetHash(s.Hash).SetCreatedAt(s.CreatedAt).Exec(ctx)
		if err != nil {
			return err
		}
		for _, c := range s.Edges.Sections {
			err := tx.VaultSection.Create().SetID(c.ID).SetTenantID(ref.tenant).SetSegmentID(s.ID).SetOrgID(ref.org).SetObject(c.Object).
				SetRows(c.Rows).SetMinID(c.MinID).SetMaxID(c.MaxID).SetMinSeq(c.MinSeq).SetMaxSeq(c.MaxSeq).Exec(ctx)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func restoreRest(ctx context.Context, tx *ent.Tx, ref orgRef, m *manifestCopy) error {
	for _, o := range m.Objects {
		err := tx.VaultObject.Create().SetTenantID(ref.tenant).SetOrgID(ref.org).SetName(o.Name).SetLive(o.Live).SetVersions(o.Versions).Exec(ctx)
		if err != nil {
			return err
		}
	}
	for _, p := range m.Purged {
		err := tx.VaultPurged.Create().SetTenantID(ref.tenant).SetOrgID(ref.org).SetObject(p.Object).SetHash(p.Hash).SetJobID(p.JobID).Exec(ctx)
		if err != nil {
			return err
		}
	}
	return nil
}

// restoreFiles lists the files in the bucket by what they say of themselves.
func (v *Vault) restoreFiles(ctx context.Context, ref orgRef) error {
	return v.blobs.list(ctx, orgPrefix(ref.org)+"file/", func(o *blob.ListObject) error {
		id := nameOf(o.Key)
		f, err := v.openFile(ctx, &ent.VaultFile{ID: id, OrgID: ref.org})
		if err != nil {
			v.log.Warn("a file cannot be read, it is left out", "key", o.Key, "err", err)
			return nil
		}
		err = v.db.VaultFile.Create().SetID(id).SetTenantID(ref.tenant).SetOrgID(ref.org).
			SetHash(fmt.Sprintf("%x", f.Hash())).SetSize(f.Size()).SetEpoch(f.Epoch()).Exec(ctx)
		if ent.IsConstraintError(err) {
			return nil
		}
		return err
	})
}
