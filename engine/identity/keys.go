package identity

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"entgo.io/ent/dialect/sql"
	"gocloud.dev/secrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/secret"
)

const signingSecret = "signing"

// Keys are what the server signs with. Every node of a cluster has the same
// ones, because they come from one secret in the database.
type Keys struct {
	access, refresh, link []byte
}

// OpenKeys reads the server's signing secret, sealed by keeper, and makes it
// at the first start.
func OpenKeys(ctx context.Context, db *ent.Client, keeper *secrets.Keeper) (Keys, error) {
	ctx = engine.AsSystem(ctx)
	sealed, err := sealedSecret(ctx, db, keeper)
	if err != nil {
		return Keys{}, engine.Wrap("read the signing secret", err)
	}
	root, err := keeper.Decrypt(ctx, sealed)
	if err != nil {
		return Keys{}, &engine.Error{
			Op: "open the signing secret", Kind: engine.KindInvalid, Code: "WRONG_KEY", Err: err,
			Message: "The server's key does not open this database: start with the key that the database was made with (HOLDFAST_KEY_URL or the key file).",
		}
	}
	return deriveKeys(root)
}

// sealedSecret inserts before it reads, so that nodes that start together
// agree on one secret.
func sealedSecret(ctx context.Context, db *ent.Client, keeper *secrets.Keeper) ([]byte, error) {
	stored, err := db.Secret.Get(ctx, signingSecret)
	if err == nil {
		return stored.Sealed, nil
	}
	if !ent.IsNotFound(err) {
		return nil, err
	}
	fresh, err := keeper.Encrypt(ctx, random())
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	err = db.Secret.Create().SetID(signingSecret).SetSealed(fresh).
		OnConflict(sql.ConflictColumns(secret.FieldID), sql.ResolveWithIgnore()).Exec(ctx)
	if err != nil {
		return nil, err
	}
	stored, err = db.Secret.Get(ctx, signingSecret)
	if err != nil {
		return nil, err
	}
	return stored.Sealed, nil
}

func deriveKeys(root []byte) (Keys, error) {
	var k Keys
	for purpose, key := range map[string]*[]byte{
		"holdfast access token": &k.access, "holdfast refresh token": &k.refresh, "holdfast link": &k.link,
	} {
		derived, err := hkdf.Key(sha256.New, root, nil, purpose, sha256.Size)
		if err != nil {
			return Keys{}, engine.Wrap("derive keys", err)
		}
		*key = derived
	}
	return k, nil
}

// random is 256 bits nobody can guess.
func random() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}
