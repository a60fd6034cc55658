package vault

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultkey"
)

// customerKey is an org's own AES-256 key. It wraps the org's keys in place of
// the server's keeper; the server holds it in memory only.
type customerKey struct {
	aead        cipher.AEAD
	fingerprint string
}

func parseCustomerKey(text string) (*customerKey, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != keyBytes {
		return nil, engine.E(engine.KindInvalid, "CUSTOMER_KEY_MALFORMED", "A key of your own is 32 random bytes in Base64 (44 characters): make one with “openssl rand -base64 32”.")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	sum := sha256.Sum256(append([]byte("holdfast/customer-key/"), raw...))
	return &customerKey{aead: aead, fingerprint: hex.EncodeToString(sum[:8])}, err
}

func (c *customerKey) wrap(key orgKey) (wrappedKey, error) {
	nonce := make([]byte, c.aead.NonceSize())
	_, err := rand.Read(nonce)
	sealed := c.aead.Seal(nonce, nonce, key.plain, wrapAAD(key.org, key.epoch))
	return wrappedKey{Epoch: key.epoch, CustomerKey: c.fingerprint, Wrapped: sealed}, err
}

func wrapAAD(orgID string, epoch uint32) []byte {
	return fmt.Appendf(nil, "holdfast/wrap/v1/%s/%d", orgID, epoch)
}

func (c *customerKey) unwrap(orgID string, w wrappedKey) ([]byte, error) {
	n := c.aead.NonceSize()
	if len(w.Wrapped) <= n {
		return nil, errors.New("the wrapped key is cut short")
	}
	return c.aead.Open(nil, w.Wrapped[:n], w.Wrapped[n:], wrapAAD(orgID, w.Epoch))
}

const (
	// OrgLocked is the code of every read and write of an org whose customer's key
	// has not been given since the start.
	OrgLocked = "ORG_LOCKED"
	// CustomerKeyWrong is the code of another key than the one in use.
	CustomerKeyWrong = "CUSTOMER_KEY_WRONG"
)

func locked(orgID string, w wrappedKey) error {
	return &engine.Error{
		Kind: engine.KindDenied, Code: OrgLocked, Org: orgID,
		Message: fmt.Sprintf("Org %s is locked: its keys (epoch %d) are under a key of your own, fingerprint %s, which this server has not been given since it started. Give it that key (orgKeyUnlock), then try again; nothing that is stored is lost.", orgID, w.Epoch, w.CustomerKey),
	}
}

// CheckCustomerKey says what is wrong with the form of a customer's key.
func CheckCustomerKey(base64Key string) error {
	_, err := parseCustomerKey(base64Key)
	return err
}

// Encryption is how an org's keys are kept.
type Encryption struct {
	CustomerKey string // its fingerprint; empty for the server's keeper
	Epoch       uint32 // of the newest key, 0 while there is none
	Locked      bool   // the customer's key has not been given to this server
}

// Encryption says how an org's keys are kept; it needs none of them.
func (v *Vault) Encryption(ctx context.Context, orgID string) (Encryption, error) {
	row, err := v.keys.newest(ctx, orgID)
	if ent.IsNotFound(err) {
		return Encryption{}, nil
	}
	if err != nil {
		return Encryption{}, fault("look at the keys", orgID, err)
	}
	_, err = v.keys.wrapper(ctx, orgID, wrappedOf(row))
	return Encryption{CustomerKey: row.CustomerKey, Epoch: row.Epoch, Locked: err != nil}, nil
}

// UseKeeper puts an org's keys back under the server's keeper.
func (v *Vault) UseKeeper(ctx context.Context, orgID string) error {
	return fault("use the keeper", orgID, v.rewrap(ctx, orgID, nil))
}

// UseCustomerKey puts an org's keys under the customer's own key (32 bytes in
// Base64): from then on the server's keeper does not open them, and the key
// must be given again, by Unlock, when the server has started anew. To change
// the customer's key, Unlock with the old one and call this with the new. A
// lost key cannot be replaced by anyone.
func (v *Vault) UseCustomerKey(ctx context.Context, orgID, base64Key string) error {
	c, err := parseCustomerKey(base64Key)
	if err != nil {
		return err
	}
	return fault("use the customer's key", orgID, v.rewrap(ctx, orgID, c))
}

// rewrap puts every key of the org under c, or under the keeper when it is nil.
func (v *Vault) rewrap(ctx context.Context, orgID string, c *customerKey) error {
	if _, _, err := v.keys.current(ctx, orgID); err != nil {
		return err
	}
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return err
	}
	err = v.change(ctx, orgID, func(tx *ent.Tx) error {
		rows, err := tx.VaultKey.Query().Where(vaultkey.OrgID(orgID)).All(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			key, err := v.keys.open(ctx, orgID, wrappedOf(row))
			if err != nil {
				return err
			}
			v.keys.keep(ref, row.Epoch, key) // whoever reads meanwhile need not open it
			w, err := v.keys.wrap(ctx, c, orgKey{orgID, row.Epoch, key})
			if err != nil {
				return err
			}
			if err := tx.VaultKey.UpdateOne(row).SetWrapped(w.Wrapped).SetCustomerKey(w.CustomerKey).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	v.keys.mu.Lock()
	v.keys.customers[ref] = c
	v.keys.mu.Unlock()
	return errors.Join(v.replaceCopies(ctx, orgID), v.scrubDatabase(ctx))
}

// replaceCopies writes a new manifest copy and removes the others, which hold
// the keys as they were wrapped before.
func (v *Vault) replaceCopies(ctx context.Context, orgID string) error {
	old, err := v.copies(ctx, orgID)
	if err != nil {
		return err
	}
	if err := v.copyManifest(ctx, orgID); err != nil {
		return err
	}
	for _, key := range old {
		v.removeBlob(ctx, key)
	}
	return nil
}

// Unlock gives the customer's key again after a start. Another key than the one
// in use, or any when none is, is KindDenied, CUSTOMER_KEY_WRONG.
func (v *Vault) Unlock(ctx context.Context, orgID, base64Key string) error {
	c, err := parseCustomerKey(base64Key)
	if err != nil {
		return err
	}
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return err
	}
	row, err := v.keys.newest(ctx, orgID)
	switch {
	case ent.IsNotFound(err), err == nil && row.CustomerKey == "":
		return wrongKey(orgID, "Org %s is under no key of your own: there is nothing to unlock. To put it under this one use orgKeyUse.", orgID)
	case err != nil:
		return fault("unlock", orgID, err)
	case row.CustomerKey != c.fingerprint:
		return wrongKey(orgID, "That is not the key that org %s, epoch %d, is under: give the one with the fingerprint %s.", orgID, row.Epoch, row.CustomerKey)
	}
	v.keys.mu.Lock()
	defer v.keys.mu.Unlock()
	v.keys.customers[ref] = c
	return nil
}

// use gives an org that of the customer's keys which its wrapped keys are under.
func (k *keyring) use(ctx context.Context, orgID string, wrapped []wrappedKey, given []*customerKey) error {
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range given {
		if slices.ContainsFunc(wrapped, func(w wrappedKey) bool { return w.CustomerKey == c.fingerprint }) {
			k.customers[ref] = c
		}
	}
	return nil
}

func wrongKey(orgID, format string, args ...any) error {
	e := engine.E(engine.KindDenied, CustomerKeyWrong, format, args...)
	e.Org = orgID
	return e
}
