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
	if key, err = k.open(ctx, orgID, wrappedOf(row)); err != nil {
		return nil, err
	}
	k.keep(ref, epoch, key)
	return key, nil
}

func (k *keyring) keep(ref orgRef, epoch uint32, key []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.plain[ref] == nil {
		k.plain[ref] = map[uint32][]byte{}
	}
	k.plain[ref][epoch] = key
}

func lostKey(orgID string, epoch uint32, err error) error {
	return &engine.Error{
		Kind: engine.KindDenied, Code: "VAULT_KEY_LOST", Org: orgID, Err: err,
		Message: fmt.Sprintf("The key of org %s, epoch %d, cannot be had: give the server the keeper, or the customer's own key, that wrapped it. Without it the data cannot be read.", orgID, epoch),
	}
}

// open unwraps a key with whatever wrapped it.
func (k *keyring) open(ctx context.Context, orgID string, w wrappedKey) (key []byte, err error) {
	c, err := k.wrapper(ctx, orgID, w)
	if err != nil {
		return nil, err
	}
	if c == nil {
		key, err = k.keeper.Decrypt(ctx, w.Wrapped)
	} else {
		key, err = c.unwrap(orgID, w)
	}
	if err != nil || len(key) != keyBytes {
		return nil, lostKey(orgID, w.Epoch, err)
	}
	return key, nil
}

// wrapper is the customer's key that wrapped w; nil when it was the keeper.
func (k *keyring) wrapper(ctx context.Context, orgID string, w wrappedKey) (*customerKey, error) {
	ref, err := refOf(ctx, orgID)
	if err != nil || w.CustomerKey == "" {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.customers[ref]; c != nil && c.fingerprint == w.CustomerKey {
		return c, nil
	}
	return nil, locked(orgID, w)
}

// orgKey is a key of an org that is not wrapped.
type orgKey struct {
	org   string
	epoch uint32
	plain []byte
}

// wrap is the inverse of open: under the customer's key, or the keeper when c is nil.
func (k *keyring) wrap(ctx context.Context, c *customerKey, key orgKey) (wrappedKey, error) {
	if c != nil {
		return c.wrap(key)
	}
	wrapped, err := k.keeper.Encrypt(ctx, key.plain)
	return wrappedKey{Epoch: key.epoch, Wrapped: wrapped}, err
}

// current is the newest epoch and its key; the first ones are made when the
// org has none.
func (k *keyring) current(ctx context.Context, orgID string) (uint32, []byte, error) {
	row, err := k.newest(ctx, orgID)
	if ent.IsNotFound(err) {
		err = k.create(ctx, k.db.VaultKey, newKeys{org: orgID, epochs: []uint32{macEpoch, firstEpoch}})
		if err == nil || ent.IsConstraintError(err) { // another node was faster
			row, err = k.newest(ctx, orgID)
		}
	}
	if err != nil {
		return 0, nil, err
	}
	key, err := k.key(ctx, orgID, row.Epoch)
	return row.Epoch, key, err
}

// newest is the org's key of the highest epoch.
func (k *keyring) newest(ctx context.Context, orgID string) (*ent.VaultKey, error) {
	return newestKey(ctx, k.db.VaultKey, orgID)
}

func newestKey(ctx context.Context, table *ent.VaultKeyClient, orgID string) (*ent.VaultKey, error) {
	if _, err := tenantOf(ctx); err != nil {
		return nil, err
	}
	return table.Query().Where(vaultkey.OrgID(orgID)).Order(ent.Desc(vaultkey.FieldEpoch)).First(ctx)
}

func wrappedOf(row *ent.VaultKey) wrappedKey {
	return wrappedKey{row.Epoch, row.Wrapped, row.CustomerKey}
}

// newKeys are keys to make.
type newKeys struct {
	org    string
	under  *customerKey // nil for the keeper
	epochs []uint32
}

// create makes new keys, all or none.
func (k *keyring) create(ctx context.Context, table *ent.VaultKeyClient, n newKeys) error {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	rows := make([]*ent.VaultKeyCreate, 0, len(n.epochs))
	for _, epoch := range n.epochs {
		key := orgKey{n.org, epoch, make([]byte, keyBytes)}
		if _, err := rand.Read(key.plain); err != nil {
			return err
		}
		w, err := k.wrap(ctx, n.under, key)
		if err != nil {
			return err
		}
		rows = append(rows, table.Create().SetTenantID(tenant).SetOrgID(n.org).SetEpoch(epoch).SetWrapped(w.Wrapped).SetCustomerKey(w.CustomerKey))
	}
	return table.CreateBulk(rows...).Exec(ctx)
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
