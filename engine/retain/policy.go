package retain

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/retention"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/org"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
)

const (
	most       = 10_000 // of a unit
	mostReason = 500    // characters
)

// Policy says what an org keeps: the last backup of each of the last so many
// days, weeks, months and years that have one, by a zone's calendar. All zero
// keeps everything.
type Policy struct {
	Days, Weeks, Months, Years int
	Zone                       string // IANA; empty for UTC
}

// PolicyOf is what an org has chosen.
func PolicyOf(o *ent.Org) Policy {
	return Policy{Days: o.KeepDays, Weeks: o.KeepWeeks, Months: o.KeepMonths, Years: o.KeepYears, Zone: o.KeepZone}
}

// rules is the policy as the pure function takes it; KindInvalid names the field
// that is wrong.
func (p Policy) rules() (retention.Policy, error) {
	for field, n := range map[string]int{"days": p.Days, "weeks": p.Weeks, "months": p.Months, "years": p.Years} {
		if n < 0 || n > most {
			return retention.Policy{}, invalid(field, fmt.Sprintf("Keep 0 to %d of them: 0 leaves %s out of account.", most, field))
		}
	}
	zone, err := time.LoadLocation(p.Zone)
	if err != nil || p.Zone == "Local" {
		return retention.Policy{}, invalid("zone", "“"+p.Zone+"” is not a time zone: name one as “Europe/Berlin” or “UTC”.")
	}
	return retention.Policy{Days: p.Days, Weeks: p.Weeks, Months: p.Months, Years: p.Years, Zone: zone}, nil
}

func invalid(field, message string) error {
	return &engine.Error{Kind: engine.KindInvalid, Code: "INVALID_INPUT", Field: field, Message: message}
}

// SetInput gives an org a policy.
type SetInput struct {
	OrgID string
	Policy
}

// Set gives an org a policy. Nothing is dropped by that: the next backup's end,
// or Apply, does.
func (r *Retain) Set(ctx context.Context, in SetInput) (*ent.Org, error) {
	row, err := r.org(ctx, r.DB, in.OrgID)
	if err != nil {
		return nil, err
	}
	rules, err := in.rules()
	if err != nil {
		return nil, err
	}
	saved, err := row.Update().SetKeepDays(in.Days).SetKeepWeeks(in.Weeks).SetKeepMonths(in.Months).SetKeepYears(in.Years).SetKeepZone(rules.Zone.String()).Save(ctx)
	return saved, engine.Wrap("save the org's retention", err)
}

// HoldInput puts a legal hold on an org or a backup; an empty reason lifts it.
type HoldInput struct{ OrgID, BackupID, Reason string }

func (in *HoldInput) check() error {
	if in.Reason = strings.TrimSpace(in.Reason); len(in.Reason) > mostReason {
		return invalid("reason", fmt.Sprintf("A reason has at most %d bytes.", mostReason))
	}
	return nil
}

// HoldOrg keeps anything of the org from being dropped, whatever its policy says.
func (r *Retain) HoldOrg(ctx context.Context, in HoldInput) (*ent.Org, error) {
	row, err := r.org(ctx, r.DB, in.OrgID)
	if err == nil {
		err = in.check()
	}
	if err != nil {
		return nil, err
	}
	saved, err := row.Update().SetLegalHold(in.Reason).Save(ctx)
	return saved, engine.Wrap("save the org's legal hold", err)
}

// HoldBackup keeps one backup from being dropped. KindNotFound for one that has
// stored nothing, or that was dropped.
func (r *Retain) HoldBackup(ctx context.Context, in HoldInput) (*ent.Job, error) {
	j, err := r.DB.Job.Query().Where(job.ID(in.BackupID)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, engine.E(engine.KindNotFound, "BACKUP_NOT_FOUND", "There is no backup %s.", in.BackupID)
	}
	if err == nil {
		err = in.check()
	}
	if err != nil {
		return nil, engine.Wrap("load the backup", err)
	}
	if err := r.Vault.Hold(ctx, vault.Point{OrgID: j.OrgID, JobID: j.ID}, in.Reason); err != nil {
		return nil, err
	}
	return j, nil
}

// Standing is what retention says of a backup; the fields are nil where there is
// nothing to say.
type Standing struct {
	Hold      *string    // why it may not be dropped
	DroppedAt *time.Time // since when nothing can be read as of it
}

// Standing tells whether a backup is held, or dropped.
func (r *Retain) Standing(ctx context.Context, j *ent.Job) (*Standing, error) {
	run, err := r.DB.VaultRun.Query().Where(vaultrun.OrgID(j.OrgID), vaultrun.JobID(j.ID)).Order(ent.Desc(vaultrun.FieldLastSeq, vaultrun.FieldID)).First(ctx)
	if ent.IsNotFound(err) {
		return &Standing{}, nil
	}
	if err != nil {
		return nil, engine.Wrap("load the backup", err)
	}
	s := &Standing{DroppedAt: run.DroppedAt}
	if run.Hold != "" {
		s.Hold = &run.Hold
	}
	return s, nil
}

func (r *Retain) org(ctx context.Context, db *ent.Client, id string) (*ent.Org, error) {
	row, err := db.Org.Query().Where(org.ID(id)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, engine.E(engine.KindNotFound, "NOT_FOUND", "There is no org %s.", id)
	}
	return row, engine.Wrap("load the org", err)
}
