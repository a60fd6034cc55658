package vault

import (
	"context"
	"encoding/hex"
	"io"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultfile"
)

// FileRef names a file's content in an org's vault: the same content has the
// same Hash there, and another one in any other org.
type FileRef struct {
	Hash string
	Size int64
}

func fileKey(orgID, id string) string { return orgPrefix(orgID) + "file/" + id + ".hff" }

const macFiles = "file"

// PutFile stores what r gives until io.EOF, once: content that is there
// already is not stored again.
func (v *Vault) PutFile(ctx context.Context, orgID string, r io.Reader) (FileRef, error) {
	ref, err := v.putFile(ctx, orgID, r)
	return ref, fault("store a file", orgID, err)
}

func (v *Vault) putFile(ctx context.Context, orgID string, r io.Reader) (FileRef, error) {
	if _, _, err := v.keys.current(ctx, orgID); err != nil {
		return FileRef{}, err
	}
	f, err := v.sealBlob(ctx, orgID, r)
	if err != nil {
		return FileRef{}, err
	}
	known, err := v.db.VaultFile.Query().Where(vaultfile.OrgID(orgID), vaultfile.Hash(f.Hash)).Exist(ctx)
	if err != nil || known {
		f.blob.Abort()
		return f.FileRef, err
	}
	if err := f.blob.Close(); err != nil {
		return f.FileRef, err
	}
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return f.FileRef, err
	}
	err = f.record(ctx, v.db.VaultFile, ref)
	if ent.IsConstraintError(err) { // the same content came in at the same time
		v.removeBlob(ctx, fileKey(orgID, f.id))
		err = nil
	}
	return f.FileRef, err
}

// sealedFile is a file's blob before it is closed.
type sealedFile struct {
	FileRef
	id    string
	at    time.Time
	epoch uint32
	blob  *pending
}

// sealBlob copies r into a new blob.
func (v *Vault) sealBlob(ctx context.Context, orgID string, r io.Reader) (*sealedFile, error) {
	epoch, key, err := v.keys.current(ctx, orgID)
	if err != nil {
		return nil, err
	}
	mac, err := v.keys.hash(ctx, orgID, macFiles)
	if err != nil {
		return nil, err
	}
	f := &sealedFile{id: "vfl_" + ulid.Make().String(), at: v.now(), epoch: epoch}
	if f.blob, err = v.blobs.create(ctx, fileKey(orgID, f.id)); err != nil {
		return nil, err
	}
	w, err := segment.NewFileWriter(f.blob, segment.Creation{ID: f.id, Epoch: epoch, Key: key})
	if err == nil {
		f.Size, err = io.Copy(io.MultiWriter(w, mac), r)
	}
	if err == nil {
		sum := mac.Sum(nil)
		f.Hash = hex.EncodeToString(sum)
		err = w.Close(sum)
	}
	if err != nil {
		f.blob.Abort()
		return nil, err
	}
	return f, nil
}

func (f *sealedFile) record(ctx context.Context, files *ent.VaultFileClient, ref orgRef) error {
	return files.Create().SetID(f.id).SetTenantID(ref.tenant).SetOrgID(ref.org).SetHash(f.Hash).SetSize(f.Size).SetEpoch(f.epoch).SetCreatedAt(f.at).Exec(ctx)
}

// OpenFile opens a file's content for reading and seeking; ctx ends it.
func (v *Vault) OpenFile(ctx context.Context, orgID, hash string) (*segment.FileReader, error) {
	if _, err := tenantOf(ctx); err != nil {
		return nil, err
	}
	row, err := v.db.VaultFile.Query().Where(vaultfile.OrgID(orgID), vaultfile.Hash(hash)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, &engine.Error{Kind: engine.KindNotFound, Code: "FILE_NOT_FOUND", Org: orgID, Message: "There is no such file in this org's vault."}
	}
	if err != nil {
		return nil, fault("open a file", orgID, err)
	}
	f, err := v.openFile(ctx, row)
	return f, fault("open a file", orgID, err)
}

func (v *Vault) openFile(ctx context.Context, row *ent.VaultFile) (*segment.FileReader, error) {
	key := fileKey(row.OrgID, row.ID)
	attrs, err := v.blobs.bucket.Attributes(ctx, key)
	if err != nil {
		return nil, err
	}
	return segment.OpenFile(ctx, blobSource{b: v.blobs, key: key}, segment.Opening{
		ID: row.ID, Size: attrs.Size, Key: func(epoch uint32) ([]byte, error) { return v.keys.key(ctx, row.OrgID, epoch) },
	})
}
