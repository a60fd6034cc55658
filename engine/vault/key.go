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

const (
	keyBytes = 32
	// macEpoch is the key of the keyed hashes. It seals nothing and is not
	// rotated: the hashes would not be found again.
	macEpoch   = 0
	firstEpoch = 1
)

// keyring unwraps the orgs' keys and keeps them in memory only.
type keyring struct {
	db        *ent.Client
	keeper    *secrets.Keeper
	mu        sync.Mutex
	plain     map[orgRef]map[uint32][]byte
	customers map[orgRef]*customerKey
}

// orgRef names an org together with its owner, so that nothing kept in memory
// for one tenant answers another.
type orgRef struct{ tenant, org string }

func refOf(ctx context.Context, orgID string) (orgRef, error) {
	tenant, err := tenantOf(ctx)
	return orgRef{tenant, orgID}, err
}

func newKeyring(db *ent.Client, keeper *secrets.Keeper) *keyring {
	return &keyring{db: db, keeper: keeper, plain: map[orgRef]map[uint32][]byte{}, customers: map[orgRef]*customerKey{}}
}

// key is the org's key of an epoch.
func (k *keyring) key(ctx context.Context, orgID string, epoch uint32) ([]byte, error) {
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	key, ok := k.plain[ref][epoch]
	k.mu.Unlock()
	if ok {
		return key, nil
	}
	row, err := k.db.VaultKey.Query().Where(vaultkey.OrgID(orgID), vaultkey.Epoch(epoch)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, lostKey(orgID, epoch, err)
	}
	if err != nil {
		return nil, err
	}
	if key, err = k.open(ctx, orgID, wrappedKey{row.Epoch, row.Wrapped, row.CustomerKey}); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.plain[ref] == nil {
		k.plain[ref] = map[uint32][]byte{}
	}
	k.plain[ref][epoch] = key
	return key, nil
}

func lostKey(orgID string, epoch uint32, err error) error {
	return &engine.Error{
		Kind: engine.KindDenied, Code: "VAULT_KEY_LOST", Org: orgID, Err: err,
		Message: fmt.Sprintf("The key of org %s, epoch %d, cannot be had: give the server the keeper, or the customer's own key, that wrapped it. Without it the data cannot be read.", orgID, epoch),
	}
}

// open unwraps a key with whatever wrapped it.
func (k *keyring) open(ctx context.Context, orgID string, w wrappedKey) (key []byte, err error) {
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return nil, err
	}
	if w.CustomerKey == "" {
		key, err = k.keeper.Decrypt(ctx, w.Wrapped)
	} else {
		key, err = k.customer(ref).unwrap(ref.org, w)
	}
	if err != nil || len(key) != keyBytes {
		return nil, lostKey(orgID, w.Epoch, err)
	}
	return key, nil
}

// wrap is the inverse of open, under the customer's key where there is one.
func (k *keyring) wrap(ctx context.Context, ref orgRef, epoch uint32, key []byte) (wrappedKey, error) {
	if c := k.customer(ref); c != nil {
		return c.wrap(ref.org, epoch, key)
	}
	wrapped, err := k.keeper.Encrypt(ctx, key)
	return wrappedKey{Epoch: epoch, Wrapped: wrapped}, err
}

func (k *keyring) customer(ref orgRef) *customerKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.customers[ref]
}

// current is the newest epoch and its key; the first ones are made when the
// org has none.
func (k *keyring) current(ctx context.Context, orgID string) (uint32, []byte, error) {
	epoch, err := k.newest(ctx, orgID)
	if ent.IsNotFound(err) {
		err = k.create(ctx, orgID, macEpoch, firstEpoch)
		if err == nil || ent.IsConstraintError(err) { // another node was faster
			epoch, err = k.newest(ctx, orgID)
		}
	}
	if err != nil {
		return 0, nil, err
	}
	key, err := k.key(ctx, orgID, epoch)
	return epoch, key, err
}

func (k *keyring) newest(ctx context.Context, orgID string) (uint32, error) {
	if _, err := tenantOf(ctx); err != nil {
		return 0, err
	}
	row, err := k.db.VaultKey.Query().Where(vaultkey.OrgID(orgID)).Order(ent.Desc(vaultkey.FieldEpoch)).First(ctx)
	if err != nil {
		return 0, err
	}
	return row.Epoch, nil
}

// create makes new keys, all or none.
func (k *keyring) create(ctx context.Context, orgID string, epochs ...uint32) error {
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return err
	}
	rows := make([]*ent.VaultKeyCreate, 0, len(epochs))
	for _, epoch := range epochs {
		key := make([]byte, keyBytes)
		if _, err := rand.Read(key); err != nil {
			return err
		}
		w, err := k.wrap(ctx, ref, epoch, key)
		if err != nil {
			return err
		}
		rows = append(rows, k.db.VaultKey.Create().SetTenantID(ref.tenant).SetOrgID(orgID).SetEpoch(epoch).SetWrapped(w.Wrapped).SetCustomerKey(w.CustomerKey))
	}
	return k.db.VaultKey.CreateBulk(rows...).Exec(ctx)
}

// forget drops an org's keys from memory.
func (k *keyring) forget(ref orgRef) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.plain, ref)
	delete(k.customers, ref)
}

// hash makes keyed hashes for one purpose; they stay the same for ever.
func (k *keyring) hash(ctx context.Context, orgID, purpose string) (hash.Hash, error) {
	root, err := k.key(ctx, orgID, macEpoch)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, root, nil, "holdfast/mac/v1/"+purpose, keyBytes)
	return hmac.New(sha256.New, key), err
}
