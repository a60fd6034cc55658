package graph

import (
	"context"

	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

func (r *Resolver) encryption(ctx context.Context, orgID string) (*generated.OrgEncryption, error) {
	kept, err := r.Rooms.Orgs.Vault.Encryption(ctx, orgID)
	if err != nil {
		return nil, err
	}
	e := &generated.OrgEncryption{Keeper: generated.KeyKeeperServer, Epoch: int(kept.Epoch), Locked: kept.Locked}
	if kept.CustomerKey != "" {
		e.Keeper, e.Fingerprint = generated.KeyKeeperCustomer, &kept.CustomerKey
	}
	return e, nil
}

func keyPayload(org *ent.Org, err error) (*generated.OrgKeyPayload, error) {
	problems, err := userErrors(err)
	if len(problems) > 0 {
		org = nil
	}
	return &generated.OrgKeyPayload{Org: org, UserErrors: problems}, err
}
