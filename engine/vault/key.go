package vault

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"

	"gocloud.dev/secrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultkey"
)

const keyBytes = 32

// keyring unwraps the orgs' keys and keeps them in memory only.
type keyring struct {
	db     *ent.Client
	keeper *secrets.Keeper
	mu     sync.Mutex
	plain  map[orgRef]map[uint32][]byte
}

// orgRef names an org together with its owner, so that nothing kept in memory
// for one tenant answers another.
type orgRef struct{ tenant, org string }

func newKeyring(db *ent.Client, keeper *secrets.Keeper) *keyring {
	return &keyring{db: db, keeper: keeper, plain: map[orgRef]map[uint32][]byte{}}
}

// key is the org's key of an epoch.
func (k *keyring) key(ctx context.Context, orgID string, epoch uint32) ([]byte, error) {
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.plain[ref][epoch]; ok {
		return key, nil
	}
	row, err := k.db.VaultKey.Query().Where(vaultkey.OrgID(orgID), vaultkey.Epoch(epoch)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, lostKey(orgID, epoch, err)
	}
	if err != nil {
		return nil, err
	}
	return k.unwrap(ctx, ref, row)
}

func refOf(ctx context.Context, orgID string) (orgRef, error) {
	tenant, err := tenantOf(ctx)
	return orgRef{tenant, orgID}, err
}

func lostKey(orgID string, epoch uint32, err error) error {
	return &engine.Error{Kind: engine.KindDenied, Code: "VAULT_KEY_LOST", Org: orgID, Err: err,
		Message: fmt.Sprintf("The key of org %s, epoch %d, cannot be had: give the server the keeper (or the customer's own key) that wrapped it. Without it the data cannot be read.", orgID, epoch)}
}

func (k *keyring) unwrap(ctx context.Context, ref orgRef, row *ent.VaultKey) ([]byte, error) {
	key, err := k.keeper.Decrypt(ctx, row.Wrapped)
	if err != nil || len(key) != keyBytes {
		return nil, lostKey(ref.org, row.Epoch, err)
	}
	k.remember(ref, row.Epoch, key)
	return key, nil
}

func (k *keyring) remember(ref orgRef, epoch uint32, key []byte) {
	if k.plain[ref] == nil {
		k.plain[ref] = map[uint32][]byte{}
	}
	k.plain[ref][epoch] = key
}

// current is the newest epoch and its key; the first one is made when the org
// has none.
func (k *keyring) current(ctx context.Context, orgID string) (uint32, []byte, error) {
	row, err := k.db.VaultKey.Query().Where(vaultkey.OrgID(orgID)).Order(ent.Desc(vaultkey.FieldEpoch)).First(ctx)
	if ent.IsNotFound(err) {
		if row, err = k.create(ctx, orgID, 1); ent.IsConstraintError(err) { // another node was faster
			row, err = k.db.VaultKey.Query().Where(vaultkey.OrgID(orgID)).Order(ent.Desc(vaultkey.FieldEpoch)).First(ctx)
		}
	}
	if err != nil {
		return 0, nil, err
	}
	key, err := k.key(ctx, orgID, row.Epoch)
	return row.Epoch, key, err
}

func (k *keyring) create(ctx context.Context, orgID string, epoch uint32) (*ent.VaultKey, error) {
	key := make([]byte, keyBytes)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	wrapped, err := k.keeper.Encrypt(ctx, key)
	if err != nil {
		return nil, err
	}
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	return k.db.VaultKey.Create().SetTenantID(tenant).SetOrgID(orgID).SetEpoch(epoch).SetWrapped(wrapped).Save(ctx)
}

// forget drops an org's keys from memory.
func (k *keyring) forget(ref orgRef) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.plain, ref)
}

// macKey keys the hashes of one purpose. It does not change with rotation: it
// comes from the org's first epoch.
func (k *keyring) macKey(ctx context.Context, orgID, purpose string) ([]byte, error) {
	first, err := k.key(ctx, orgID, 1)
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, first, nil, "holdfast/mac/v1/"+purpose, keyBytes)
}

// hash makes keyed hashes for one purpose.
func (k *keyring) hash(ctx context.Context, orgID, purpose string) (hash.Hash, error) {
	key, err := k.macKey(ctx, orgID, purpose)
	return hmac.New(sha256.New, key), err
}
