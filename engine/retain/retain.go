// Package retain applies what an org says that it keeps of its backups. Which
// points go is the judgement of engine/vault/retention; how their versions go is
// the vault's. Between the two: a policy and holds on rows, a plan that shows
// before anything happens what will, and the job that does it.
package retain

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/retention"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/org"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
)

// dailyShare of a segment's rows must be unneeded before what follows a backup
// writes it again: so a day's handful does not have the rest of a year written
// anew, and at most this share of what is stored is waiting to go.
const dailyShare = 0.125

// Retain is the room's face.
type Retain struct {
	DB    *ent.Client
	Vault *vault.Vault
	Queue *job.Queue
}

// Plan is what a policy keeps and drops of the backups that are kept now.
type Plan struct {
	Org    *ent.Org
	Policy Policy
	// Saved: the policy is the org's, so that the plan can be applied.
	Saved  bool
	Points []Point // the newest first
	// State names what the plan drops, and why: it changes with either.
	State string
	vault *vault.Vault
	drop  []string // runs
	ever  bool     // a point has gone before: there may be versions that were postponed
}

// Point is a backup and what becomes of it.
type Point struct {
	db      *ent.Client
	JobID   string
	At      time.Time
	Keep    bool
	Reasons []string
}

// Backup is its job.
func (p *Point) Backup(ctx context.Context) (*ent.Job, error) {
	return p.db.Job.Query().Where(entjob.ID(p.JobID)).Only(ctx)
}

// Kept is how many points stay.
func (p *Plan) Kept() int { return len(p.Points) - len(p.drop) }

// Dropped is how many go.
func (p *Plan) Dropped() int { return len(p.drop) }

// Versions counts what goes with the points, and how much of it what follows a
// backup would postpone; it reads the vault for that.
func (p *Plan) Versions(ctx context.Context) (vault.DropReport, error) {
	return p.vault.PlanDrop(ctx, vault.DropSpec{OrgID: p.Org.ID, Runs: p.drop, Share: dailyShare})
}

// Useful reports whether applying the plan may do something: it drops a point,
// or versions of earlier ones have been postponed.
func (p *Plan) Useful() bool { return len(p.drop) > 0 || p.ever && p.Org.LegalHold == "" }

// Plan judges an org's backups by its own policy, or by one that is not saved.
// Under a legal hold everything stays.
func (r *Retain) Plan(ctx context.Context, orgID string, policy *Policy) (*Plan, error) {
	return r.plan(ctx, r.DB, orgID, policy)
}

func (r *Retain) plan(ctx context.Context, db *ent.Client, orgID string, policy *Policy) (*Plan, error) {
	row, err := r.org(ctx, db, orgID)
	if err != nil {
		return nil, err
	}
	p := &Plan{Org: row, Policy: PolicyOf(row), vault: r.Vault}
	if policy != nil {
		p.Policy = *policy
	}
	rules, err := p.Policy.rules()
	if err != nil {
		return nil, err
	}
	p.Policy.Zone = rules.Zone.String()
	p.Saved = p.Policy == PolicyOf(row)
	runs, err := db.VaultRun.Query().Where(vaultrun.OrgID(orgID), vaultrun.StateNEQ(vaultrun.StateOPEN), vaultrun.DroppedAtIsNil()).
		Order(ent.Desc(vaultrun.FieldLastSeq, vaultrun.FieldClosedAt)).All(ctx)
	if err != nil {
		return nil, engine.Wrap("list the org's backups", err)
	}
	p.judge(db, rules, runs)
	p.ever, err = db.VaultRun.Query().Where(vaultrun.OrgID(orgID), vaultrun.DroppedAtNotNil()).Exist(ctx)
	return p, engine.Wrap("look for what was dropped", err)
}

// judge has the pure function judge the runs, which come the newest first.
func (p *Plan) judge(db *ent.Client, rules retention.Policy, runs []*ent.VaultRun) {
	points, jobs := make([]retention.Point, len(runs)), map[string]string{}
	for i, run := range runs {
		jobs[run.ID] = run.JobID
		points[i] = retention.Point{ID: run.ID, At: *run.ClosedAt, Hold: run.Hold}
		switch {
		case p.Org.LegalHold != "":
			points[i].Hold = p.Org.LegalHold
		case i == 0 && run.Hold == "" && later(runs[1:], *run.ClosedAt):
			points[i].Hold = "it was stored last, whatever its clock said"
		}
	}
	for _, v := range retention.Apply(rules, points) {
		p.Points = append(p.Points, Point{db: db, JobID: jobs[v.ID], At: v.At, Keep: v.Keep, Reasons: v.Reasons})
		if !v.Keep {
			p.drop = append(p.drop, v.ID)
		}
	}
	p.State = fmt.Sprintf("%s/%x", p.Org.ID, sha256.Sum256(fmt.Append(nil, p.Policy, p.drop)))
}

// later reports whether a run was closed after a time by its clock.
func later(runs []*ent.VaultRun, at time.Time) bool {
	return slices.ContainsFunc(runs, func(r *ent.VaultRun) bool { return !r.ClosedAt.Before(at) })
}

// request is the input of a job: the points that were planned to go.
type request struct {
	Runs  []string `json:"runs"`
	Whole bool     `json:"whole"` // nothing is postponed
}

func (p *Plan) spec(whole bool) job.Spec {
	return job.Spec{
		OrgID: p.Org.ID, Operation: engine.Retention, Name: "Retention", Input: request{p.drop, whole},
		SerialKey: p.Org.ID + "/" + string(job.Capture), // no backup writes meanwhile
		UniqueKey: string(engine.Retention),
	}
}

// Apply enqueues the job that drops what a plan says and postpones nothing.
// State is the plan's: KindConflict, PLAN_STALE, when it is not what would be
// planned now.
func (r *Retain) Apply(ctx context.Context, orgID, state string) (*ent.Job, error) {
	p, err := r.Plan(ctx, orgID, nil)
	if err != nil {
		return nil, err
	}
	if p.State != state {
		return nil, engine.E(engine.KindConflict, "PLAN_STALE", "The policy, a hold or the backups of “%s” have changed since the plan was made: look at a new plan first.", p.Org.Name)
	}
	return r.Queue.Enqueue(ctx, p.spec(true))
}

// AfterJob follows each backup that has stored something: what the org's policy
// does not keep any more goes.
func (r *Retain) AfterJob(ctx context.Context, tx *ent.Tx, j *ent.Job) error {
	if job.ClassOf(j.Operation) != job.Capture || j.State != engine.JobCompleted && j.State != engine.JobCompletedWithErrors {
		return nil
	}
	p, err := r.plan(ctx, tx.Client(), j.OrgID, nil)
	if err != nil || len(p.drop) == 0 {
		return err
	}
	_, err = r.Queue.EnqueueTx(ctx, tx, p.spec(false))
	if e, ok := engine.AsError(err); ok && e.Code == "JOB_ALREADY_QUEUED" {
		return nil
	}
	return err
}

// Work drops the points that were planned to go and that the policy and the
// holds of now still let go. After a crash it is begun again.
func (r *Retain) Work(ctx context.Context, run *job.Run) error {
	var asked request
	if err := run.Input(&asked); err != nil {
		return err
	}
	p, err := r.Plan(ctx, run.Job().OrgID, nil)
	if err != nil {
		return err
	}
	drop := slices.DeleteFunc(slices.Clone(p.drop), func(id string) bool { return !slices.Contains(asked.Runs, id) })
	if len(drop) == 0 && !asked.Whole {
		run.Log(engine.LogInfo, "", "Nothing was dropped: of the %d backups that were to go, none is left that the org's policy and holds let go.", len(asked.Runs))
		return nil
	}
	run.Log(engine.LogInfo, "", "Retention started: %d of %d backups are to go.", len(drop), len(p.Points))
	spec := vault.DropSpec{OrgID: p.Org.ID, Runs: drop, Share: dailyShare, Allow: p.unchanged}
	if asked.Whole {
		spec.Share = 0
	}
	report, err := r.Vault.Drop(ctx, spec)
	if err != nil {
		return err
	}
	run.Log(engine.LogInfo, "", "Retention done. Dropped: backups %d, versions %d, contents of files %d. Segments written again and compared with what they must hold: %d.",
		report.Points, report.Versions-report.Postponed, report.Files, report.Segments)
	if report.Postponed > 0 {
		run.Log(engine.LogInfo, "", "Postponed: versions %d. No backup that is kept shows them; they go when an eighth of their segment can, or when the retention is applied by its plan.", report.Postponed)
	}
	return nil
}

// unchanged fails when the org has another policy by now, or a legal hold. It
// writes the org's row, so that neither can come before the transaction ends.
func (p *Plan) unchanged(ctx context.Context, tx *ent.Tx) error {
	n, err := tx.Org.Update().Where(org.ID(p.Org.ID), org.LegalHold(""), org.KeepDays(p.Policy.Days), org.KeepWeeks(p.Policy.Weeks),
		org.KeepMonths(p.Policy.Months), org.KeepYears(p.Policy.Years), org.KeepZone(p.Policy.Zone)).SetLegalHold("").Save(ctx)
	if err == nil && n == 0 {
		err = engine.E(engine.KindConflict, "PLAN_STALE", "The retention of “%s” was changed, or put on hold, meanwhile: nothing was dropped.", p.Org.Name)
	}
	return err
}
