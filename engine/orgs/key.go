package orgs

import (
	"context"
	"errors"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
)

// KeyInput gives an org a key of the customer's own: 32 random bytes in Base64
// (F22). This node keeps it in memory only; it is written down nowhere.
type KeyInput struct {
	OrgID string
	Key   *string // nil for the server's keeper, where that is allowed
}

// UseKey puts the org's keys under a customer's own, or back under the server's
// keeper. KindInvalid, CUSTOMER_KEY_MALFORMED; KindDenied, ORG_LOCKED, while the
// key that it is under now has not been given.
func (o *Orgs) UseKey(ctx context.Context, in KeyInput) (*ent.Org, error) {
	row, err := o.Get(ctx, in.OrgID)
	if err != nil {
		return nil, err
	}
	if in.Key == nil {
		return row, o.Vault.UseKeeper(ctx, row.ID)
	}
	return row, aboutKey("key", o.Vault.UseCustomerKey(ctx, row.ID, *in.Key))
}

// Unlock gives the customer's key again after a start. KindDenied,
// CUSTOMER_KEY_WRONG, for another key than the one that the org is under.
func (o *Orgs) Unlock(ctx context.Context, orgID, key string) (*ent.Org, error) {
	row, err := o.Get(ctx, orgID)
	if err != nil {
		return nil, err
	}
	if err := o.Vault.Unlock(ctx, row.ID, key); err != nil {
		return nil, aboutKey("key", err)
	}
	return row, o.Jobs.Record(ctx, func(*ent.Tx) (*job.Event, error) {
		return &job.Event{OrgID: row.ID, Kind: engine.EventUnlocked, Message: "A server was given the customer's key: it can read and write the org's backups again."}, nil
	})
}

// RotateKey begins a new epoch: what is stored from now on is under a new key.
func (o *Orgs) RotateKey(ctx context.Context, orgID string) (*ent.Org, error) {
	row, err := o.Get(ctx, orgID)
	if err != nil {
		return nil, err
	}
	return row, o.Vault.RotateKey(ctx, row.ID)
}

// checkKey refuses a key before anything is done.
func checkKey(in ConnectInput) error {
	switch {
	case in.CustomerKey == nil:
		return nil
	case in.OrgID != "":
		return invalidInput("customerKey", "To change the key of an org that is connected already use orgKeyUse.")
	}
	return aboutKey("customerKey", vault.CheckCustomerKey(*in.CustomerKey))
}

// aboutKey names the field of an input that a complaint is about.
func aboutKey(field string, err error) error {
	var e *engine.Error
	if errors.As(err, &e) && (e.Kind == engine.KindInvalid || e.Code == vault.CustomerKeyWrong) {
		e.Field = field
	}
	return err
}
