package orgs

import (
	"context"
	"fmt"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/schedule"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
)

// DeletePlan is what deleting a connection destroys (F27). State changes with
// every job: a plan whose state is not the org's any more is void.
type DeletePlan struct {
	Org        *ent.Org
	Jobs       int
	Unfinished int  // jobs that must end, or be cancelled, first
	Held       bool // a legal hold, on the org or on a backup, must be lifted first
	Templates  int
	Schedules  int
	Objects    int
	Records    int64 // alive in the vault
	Versions   int64
	State      string
}

// PlanDelete says what deleting an org's connection would destroy.
func (o *Orgs) PlanDelete(ctx context.Context, orgID string) (*DeletePlan, error) {
	row, err := o.Get(ctx, orgID)
	if err != nil {
		return nil, err
	}
	plan := &DeletePlan{Org: row, State: fmt.Sprintf("%s/%d", row.ID, row.NextJobNumber)}
	unfinished := row.QueryJobs().Where(job.StateIn(engine.JobQueued, engine.JobInProgress))
	for n, count := range map[*int]func(context.Context) (int, error){
		&plan.Unfinished: unfinished.Count, &plan.Jobs: row.QueryJobs().Count, &plan.Templates: row.QueryTemplates().Count, &plan.Schedules: row.QuerySchedules().Count,
	} {
		if *n, err = count(ctx); err != nil {
			return nil, engine.Wrap("count what the org has", err)
		}
	}
	held, err := row.QueryVaultRuns().Where(vaultrun.HoldNEQ("")).Exist(ctx)
	if err != nil {
		return nil, engine.Wrap("look for holds", err)
	}
	plan.Held = held || row.LegalHold != ""
	stored, err := o.Vault.Objects(ctx, orgID)
	for _, object := range stored {
		plan.Records += object.Live
		plan.Versions += object.Versions
	}
	plan.Objects = len(stored)
	return plan, err
}

// Delete destroys an org's connection and everything stored of it, as planned:
// the keys first, so that from then on nothing can be read by anyone. State is
// the plan's; KindConflict, PLAN_STALE, when a job was made since,
// JOBS_UNFINISHED or LEGAL_HOLD. What fails in the middle can be run again.
func (o *Orgs) Delete(ctx context.Context, orgID, state string) error {
	plan, err := o.PlanDelete(ctx, orgID)
	if err != nil {
		return err
	}
	switch {
	case plan.Unfinished > 0:
		return engine.E(engine.KindConflict, "JOBS_UNFINISHED", "%d jobs of “%s” have not finished: wait for them or cancel them, then delete the connection.", plan.Unfinished, plan.Org.Name)
	case plan.Held:
		return engine.E(engine.KindConflict, "LEGAL_HOLD", "“%s”, or a backup of it, is on hold: lift the hold (orgHold, backupHold), then delete the connection.", plan.Org.Name)
	case plan.State != state:
		return engine.E(engine.KindConflict, "PLAN_STALE", "A job has run since the plan was made: look at a new plan of “%s” first.", plan.Org.Name)
	}
	if _, err := o.DB.Schedule.Delete().Where(schedule.OrgID(orgID)).Exec(ctx); err != nil {
		return engine.Wrap("stop the org's schedules", err)
	}
	o.giveUp(ctx, plan.Org)
	if err := o.Vault.DeleteOrg(ctx, orgID); err != nil {
		return err
	}
	o.forget(orgID)
	return engine.Wrap("delete the org", o.DB.Org.DeleteOne(plan.Org).Exec(ctx))
}

// giveUp hands our access back to Salesforce. That it fails is no reason to
// keep the data.
func (o *Orgs) giveUp(ctx context.Context, row *ent.Org) {
	s, err := o.unseal(ctx, row)
	if err == nil && s.RefreshToken != "" {
		err = o.Opener.Revoke(ctx, row.LoginURL, s.RefreshToken)
	}
	if err != nil {
		o.Log.WarnContext(ctx, "cannot revoke a deleted org's token", "org", row.ID, "error", err)
	}
}
