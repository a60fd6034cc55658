package vault

import (
	"context"
	"hash"

	"github.com/holdfast-backup/holdfast/ent/vaultpurged"
)

// purgedSet is an SObject's suppression list: the keyed hashes of ids that are
// not stored again.
type purgedSet struct {
	mac    hash.Hash
	hashes map[string]bool
}

func (p *purgedSet) holds(id []byte) bool {
	return len(p.hashes) > 0 && p.hashes[string(hashOf(p.mac, id))]
}

func hashOf(mac hash.Hash, id []byte) []byte {
	mac.Reset()
	_, _ = mac.Write(id)
	return mac.Sum(nil)
}

func (v *Vault) purged(ctx context.Context, orgID, object string) (purgedSet, error) {
	rows, err := v.db.VaultPurged.Query().Where(vaultpurged.OrgID(orgID), vaultpurged.Object(object)).All(ctx)
	if err != nil || len(rows) == 0 {
		return purgedSet{}, err
	}
	set := purgedSet{hashes: make(map[string]bool, len(rows))}
	for _, r := range rows {
		set.hashes[string(r.Hash)] = true
	}
	set.mac, err = v.keys.hash(ctx, orgID, idHashPurpose+object)
	return set, err
}
