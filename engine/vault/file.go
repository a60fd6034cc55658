package vault

import (
	"context"
	"encoding/hex"
	"hash"
	"io"

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
	epoch, key, err := v.keys.current(ctx, orgID)
	if err != nil {
		return FileRef{}, err
	}
	mac, err := v.keys.hash(ctx, orgID, macFiles)
	if err != nil {
		return FileRef{}, err
	}
	id := "vfl_" + ulid.Make().String()
	p, err := v.blobs.create(ctx, fileKey(orgID, id))
	if err != nil {
		return FileRef{}, err
	}
	ref, err := sealFile(p, segment.Creation{ID: id, Epoch: epoch, Key: key}, r, mac)
	if err != nil {
		p.Abort()
		return ref, err
	}
	known, err := v.db.VaultFile.Query().Where(vaultfile.OrgID(orgID), vaultfile.Hash(ref.Hash)).Exist(ctx)
	if err != nil || known {
		p.Abort()
		return ref, err
	}
	if err := p.Close(); err != nil {
		return ref, err
	}
	return ref, v.recordFile(ctx, orgID, id, ref, epoch)
}

// sealFile copies r into w, sealed.
func sealFile(w io.Writer, o segment.Creation, r io.Reader, mac hash.Hash) (FileRef, error) {
	f, err := segment.NewFileWriter(w, o)
	if err != nil {
		return FileRef{}, err
	}
	size, err := io.Copy(io.MultiWriter(f, mac), r)
	if err != nil {
		return FileRef{}, err
	}
	sum := mac.Sum(nil)
	return FileRef{Hash: hex.EncodeToString(sum), Size: size}, f.Close(sum)
}

func (v *Vault) recordFile(ctx context.Context, orgID, id string, ref FileRef, epoch uint32) error {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	err = v.db.VaultFile.Create().SetID(id).SetTenantID(tenant).SetOrgID(orgID).SetHash(ref.Hash).SetSize(ref.Size).SetEpoch(epoch).Exec(ctx)
	if ent.IsConstraintError(err) { // the same content came in at the same time
		return v.blobs.bucket.Delete(ctx, fileKey(orgID, id))
	}
	return err
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
