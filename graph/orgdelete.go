package graph

import (
	"context"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

const (
	deleteToken = "org-delete"
	planLife    = 15 * time.Minute
)

// planOrgDelete signs the plan for the tenant that asks.
func (r *Resolver) planOrgDelete(ctx context.Context, orgID string) (*generated.OrgDeletePlan, error) {
	plan, err := r.Rooms.Orgs.PlanDelete(ctx, orgID)
	if err != nil {
		return nil, err
	}
	expires := r.Rooms.Identity.Now().Add(planLife).UTC().Truncate(time.Second)
	token, err := r.Rooms.Identity.SignLink(identity.Link{Tenant: plan.Org.TenantID, Kind: deleteToken, ID: plan.State, Expires: expires})
	return &generated.OrgDeletePlan{
		Org: plan.Org, Jobs: plan.Jobs, UnfinishedJobs: plan.Unfinished, Templates: plan.Templates, Schedules: plan.Schedules, Objects: plan.Objects,
		Records: plan.Records, Versions: plan.Versions, Token: token, ExpiresAt: expires,
	}, err
}

func (r *Resolver) orgDelete(ctx context.Context, token string) error {
	link, err := r.Rooms.Identity.OpenLink(deleteToken, token)
	viewer, _ := engine.ViewerFrom(ctx)
	if err != nil || link.Tenant != viewer.Tenant {
		return &engine.Error{Kind: engine.KindInvalid, Code: "PLAN_TOKEN_INVALID", Field: "token", Message: "This token runs no plan of yours, or the plan has expired: make a new plan."}
	}
	orgID, _, _ := strings.Cut(link.ID, "/")
	return r.Rooms.Orgs.Delete(ctx, orgID, link.ID)
}
