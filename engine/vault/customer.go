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

func (c *customerKey) wrap(orgID string, epoch uint32, key []byte) (wrappedKey, error) {
	nonce := make([]byte, c.aead.NonceSize())
	_, err := rand.Read(nonce)
	return wrappedKey{Epoch: epoch, CustomerKey: c.fingerprint, Wrapped: c.aead.Seal(nonce, nonce, key, wrapAAD(orgID, epoch))}, err
}

func wrapAAD(orgID string, epoch uint32) []byte {
	return fmt.Appendf(nil, "holdfast/wrap/v1/%s/%d", orgID, epoch)
}

func (c *customerKey) unwrap(orgID string, w wrappedKey) ([]byte, error) {
	if c == nil {
		return nil, errors.New("the customer's key has not been given since the server started")
	}
	if n := c.aead.NonceSize(); c.fingerprint == w.CustomerKey && len(w.Wrapped) > n {
		return c.aead.Open(nil, w.Wrapped[:n], w.Wrapped[n:], wrapAAD(orgID, w.Epoch))
	}
	return nil, fmt.Errorf("it was wrapped by the customer's key %s", w.CustomerKey)
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

// rewrap puts every key of the org under c.
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
			key, err := v.keys.open(ctx, orgID, wrappedKey{row.Epoch, row.Wrapped, row.CustomerKey})
			if err != nil {
				return err
			}
			w, err := c.wrap(orgID, row.Epoch, key)
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

// Unlock gives the customer's key again after a start. Another key than the
// one in use is KindDenied.
func (v *Vault) Unlock(ctx context.Context, orgID, base64Key string) error {
	c, err := parseCustomerKey(base64Key)
	if err != nil {
		return err
	}
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return err
	}
	row, err := v.db.VaultKey.Query().Where(vaultkey.OrgID(orgID)).Order(ent.Desc(vaultkey.FieldEpoch)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return fault("unlock", orgID, err)
	}
	if row != nil && row.CustomerKey != c.fingerprint {
		return &engine.Error{
			Kind: engine.KindDenied, Code: "CUSTOMER_KEY_WRONG", Org: orgID,
			Message: fmt.Sprintf("That is not the key that org %s, epoch %d, is under: give the one with the fingerprint %s.", orgID, row.Epoch, row.CustomerKey),
		}
	}
	v.keys.mu.Lock()
	defer v.keys.mu.Unlock()
	v.keys.customers[ref] = c
	return nil
}
