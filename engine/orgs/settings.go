package orgs

import (
	"context"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
)

// SettingsInput changes an org's settings; what is nil stays.
type SettingsInput struct {
	OrgID             string
	ScheduledBackups  *bool
	ScheduledArchives *bool
	RestPercent       *int
	BulkPercent       *int
}

// Configure changes an org's settings. New percentages hold from the next call
// to the org on, on every node; who waits for the quota looks again.
func (o *Orgs) Configure(ctx context.Context, in SettingsInput) (*ent.Org, error) {
	row, err := o.Get(ctx, in.OrgID)
	if err != nil {
		return nil, err
	}
	for field, percent := range map[string]*int{"restPercent": in.RestPercent, "bulkPercent": in.BulkPercent} {
		if percent != nil && (*percent < 1 || *percent > 100) {
			return nil, invalidInput(field, "A quota is 1 to 100 percent of the org's daily allowance.")
		}
	}
	update := row.Update().SetNillableScheduledBackups(in.ScheduledBackups).SetNillableScheduledArchives(in.ScheduledArchives).
		SetNillableRestPercent(in.RestPercent).SetNillableBulkPercent(in.BulkPercent)
	saved, err := update.Save(ctx)
	if err == nil && o.OnQuota != nil && (in.RestPercent != nil || in.BulkPercent != nil) {
		err = o.OnQuota(ctx, in.OrgID)
	}
	return saved, engine.Wrap("save the org's settings", err)
}

// Usage asks the org how much of its daily allowances is left.
func (o *Orgs) Usage(ctx context.Context, orgID string) (*engine.OrgLimits, error) {
	session, err := o.OpenOrg(ctx, orgID)
	if err != nil {
		return nil, err
	}
	limits, err := session.Limits(ctx)
	return &limits, err
}
