package graph

import (
	"context"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/retain"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

// The kinds of plans that a token approves.
const (
	deleteToken    = "org-delete"
	retentionToken = "org-retention"
)

const planLife = 15 * time.Minute

// approval signs a plan's state, which begins with its org's id, for the tenant
// that asks.
func (r *Resolver) approval(org *ent.Org, kind, state string) (*generated.PlanApproval, error) {
	expires := r.Rooms.Identity.Now().Add(planLife).UTC().Truncate(time.Second)
	token, err := r.Rooms.Identity.SignLink(identity.Link{Tenant: org.TenantID, Kind: kind, ID: state, Expires: expires})
	return &generated.PlanApproval{Token: token, ExpiresAt: expires}, err
}

// approved is the org and the state of the plan that a token approves.
func (r *Resolver) approved(ctx context.Context, kind, token string) (orgID, state string, err error) {
	link, err := r.Rooms.Identity.OpenLink(kind, token)
	viewer, _ := engine.ViewerFrom(ctx)
	if err != nil || link.Tenant != viewer.Tenant {
		return "", "", &engine.Error{Kind: engine.KindInvalid, Code: "PLAN_TOKEN_INVALID", Field: "token", Message: "This token runs no plan of yours, or the plan has expired: make a new plan."}
	}
	orgID, _, _ = strings.Cut(link.ID, "/")
	return orgID, link.ID, nil
}

func (r *Resolver) planOrgDelete(ctx context.Context, orgID string) (*generated.OrgDeletePlan, error) {
	plan, err := r.Rooms.Orgs.PlanDelete(ctx, orgID)
	if err != nil {
		return nil, err
	}
	approval, err := r.approval(plan.Org, deleteToken, plan.State)
	return &generated.OrgDeletePlan{
		Org: plan.Org, Jobs: plan.Jobs, UnfinishedJobs: plan.Unfinished, Templates: plan.Templates, Schedules: plan.Schedules, Objects: plan.Objects,
		Records: plan.Records, Versions: plan.Versions, Token: approval.Token, ExpiresAt: approval.ExpiresAt,
	}, err
}

func (r *Resolver) orgDelete(ctx context.Context, token string) error {
	orgID, state, err := r.approved(ctx, deleteToken, token)
	if err != nil {
		return err
	}
	return r.Rooms.Orgs.Delete(ctx, orgID, state)
}

// approveRetention is nil for a plan that cannot be applied or does nothing.
func (r *Resolver) approveRetention(plan *retain.Plan) (*generated.PlanApproval, error) {
	if !plan.Saved || !plan.Useful() {
		return nil, nil
	}
	return r.approval(plan.Org, retentionToken, plan.State)
}

func (r *Resolver) applyRetention(ctx context.Context, token string) (*ent.Job, error) {
	orgID, state, err := r.approved(ctx, retentionToken, token)
	if err != nil {
		return nil, err
	}
	return r.Rooms.Retain.Apply(ctx, orgID, state)
}
