// Package backup runs backups: what an org holds goes into the vault as one
// point in time. A composite backup takes every SObject our user can read, the
// first time in full, later only what changed; Composite & Sync also compares
// what lives in the org with the vault; a templated one takes what a template
// names.
package backup

import (
	"context"
	"errors"
	"log/slog"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
)

// Backup is the room's face.
type Backup struct {
	DB      *ent.Client
	Vault   *vault.Vault
	Queue   *job.Queue
	Orgs    engine.Connector
	Capture *capture.Capture
	Log     *slog.Logger // for the operator
}

// StartInput asks for a backup now: it is QUEUED for the org's next free slot
// (F37). With a template it takes what that names; otherwise every SObject, but
// for those that Include leaves out.
type StartInput struct {
	OrgID          string
	TemplateID     string
	Sync           bool
	Include        *Include
	Name           string
	Description    string
	IdempotencyKey string
}

// Start enqueues a backup. A second one of its kind waits behind the running
// one; a third is KindConflict, JOB_ALREADY_QUEUED.
func (b *Backup) Start(ctx context.Context, in StartInput) (*ent.Job, error) {
	spec, err := b.Spec(ctx, in)
	if err != nil {
		return nil, err
	}
	return b.Queue.Enqueue(ctx, spec)
}

// Work runs one backup; an attempt after a crash goes on where the
// last one stopped. A backup that cannot go on keeps the SObjects it has whole.
func (b *Backup) Work(ctx context.Context, run *job.Run) error {
	started := run.Job()
	org, err := b.Orgs.OpenOrg(ctx, started.OrgID)
	if err != nil {
		return err
	}
	store, err := b.begin(ctx, run)
	if store == nil || err != nil {
		return err
	}
	r := capture.Request{
		OrgID: started.OrgID, Scope: capture.CompositeScope, Org: org, Job: run, Store: store, Sync: run.Job().Operation == engine.CompositeSyncBackup,
	}
	failed, err := b.capture(ctx, &r)
	if err == nil {
		return b.conclude(ctx, r, failed)
	}
	if errors.Is(context.Cause(ctx), job.ErrCancelled) || ctx.Err() == nil && !engine.Is(err, engine.KindTransient) && !engine.Is(err, engine.KindLimit) {
		return errors.Join(err, b.close(context.WithoutCancel(ctx), r, 1))
	}
	return err
}

// begin opens this job's run in the vault; nil when an attempt that died has
// closed it already. The run of a job that ended without closing it is closed
// first: since backups of an org run one at a time, nobody else writes it.
func (b *Backup) begin(ctx context.Context, run *job.Run) (*vault.Run, error) {
	started := run.Job()
	runs, err := b.Vault.Runs(ctx, started.OrgID)
	if err != nil {
		return nil, err
	}
	for _, earlier := range runs {
		switch {
		case earlier.JobID == started.ID && earlier.State != "OPEN":
			run.Log(engine.LogInfo, "", "The backup was stored by the attempt before.")
			return nil, nil
		case earlier.JobID != started.ID && earlier.State == "OPEN":
			if err := b.closeAbandoned(ctx, started.OrgID, earlier); err != nil {
				return nil, err
			}
		}
	}
	run.Log(engine.LogInfo, "", "Backup started: %s, %s.", started.Name, modes[started.Operation])
	return b.Vault.BeginRun(ctx, vault.RunSpec{OrgID: started.OrgID, JobID: started.ID, Operation: started.Operation})
}

var modes = map[engine.Operation]string{
	engine.CompositeBackup: "composite", engine.CompositeSyncBackup: "composite & sync", engine.TemplatedBackup: "templated",
}

func (b *Backup) closeAbandoned(ctx context.Context, orgID string, run vault.RunInfo) error {
	abandoned, err := b.Vault.BeginRun(ctx, vault.RunSpec{OrgID: orgID, JobID: run.JobID, Operation: run.Operation})
	if err != nil {
		return err
	}
	_, err = abandoned.ClosePartial(ctx)
	return err
}

func (b *Backup) capture(ctx context.Context, r *capture.Request) (failed int, err error) {
	var settings Settings
	if err := r.Job.Input(&settings); err != nil {
		return 0, err
	}
	var unreadable int
	if settings.TemplateID != "" {
		r.Scope = settings.TemplateID
		unreadable, err = b.branches(ctx, r)
	} else {
		unreadable, err = b.targets(ctx, r, settings.Include)
	}
	if err != nil {
		return unreadable, err
	}
	failed, err = b.Capture.Records(ctx, *r)
	if err != nil || !settings.Include.Metadata {
		return failed + unreadable, err
	}
	failedTypes, err := b.metadata(ctx, r)
	return failed + unreadable + failedTypes, err
}

// metadata takes the org's metadata. That our user may not read it is no
// reason to lose the records.
func (b *Backup) metadata(ctx context.Context, r *capture.Request) (failed int, err error) {
	r.Metadata, err = r.Org.MetadataTypes(ctx)
	if engine.Is(err, engine.KindDenied) {
		return 1, r.Job.MetadataType("All types", "").Fail(ctx, err)
	}
	if err != nil {
		return 0, engine.Wrap("list the org's metadata types", err)
	}
	return b.Capture.Metadata(ctx, *r)
}

// conclude stores the backup, and tidies the vault up: many small segments
// become few. That the latter fails is no fault of the backup.
func (b *Backup) conclude(ctx context.Context, r capture.Request, failed int) error {
	if err := b.close(ctx, r, failed); err != nil {
		return err
	}
	_, err := b.Vault.Compact(ctx, r.OrgID, false)
	if err == nil {
		_, err = b.Vault.Collect(ctx, r.OrgID)
	}
	if err != nil && ctx.Err() == nil {
		b.Log.WarnContext(ctx, "the vault was not tidied up after a backup", "org", r.OrgID, "error", err)
		r.Job.Log(engine.LogWarn, "", "The backup is stored. The vault could not be tidied up: the next backup tries again.")
	}
	return nil
}

// close makes what was captured visible: everything when every SObject is
// whole, otherwise only the SObjects that are.
func (b *Backup) close(ctx context.Context, r capture.Request, failed int) error {
	commit := r.Store.Commit
	if failed > 0 {
		commit = r.Store.ClosePartial
	}
	counts, err := commit(ctx)
	if err != nil {
		return errors.Join(err, b.Capture.Disown(ctx, r, err))
	}
	if err := b.Capture.MoveWatermarks(ctx, r); err != nil {
		return err
	}
	if err := b.Capture.Measure(ctx, r, counts); err != nil {
		return err
	}
	records, components := counts.Split(capture.OfMetadata)
	r.Job.Log(engine.LogInfo, "", "Backup stored: %d added, %d changed, %d deleted in %d objects.",
		records.Added, records.Changed, records.Deleted, len(records.Objects))
	if len(components.Objects) > 0 {
		r.Job.Log(engine.LogInfo, "", "Metadata stored: %d components added, %d changed, %d deleted in %d types.",
			components.Added, components.Changed, components.Deleted, len(components.Objects))
	}
	return nil
}

// targets fills in what to read, and writes a completeness line for every
// SObject that cannot be read. It answers how many could not be described.
func (b *Backup) targets(ctx context.Context, r *capture.Request, include Include) (undescribed int, err error) {
	schema, err := b.Capture.Dictionary.Refresh(ctx, r.OrgID, r.Org)
	if err != nil {
		return 0, err
	}
	for i := range schema.Objects {
		name := schema.Objects[i].Name
		progress := r.Job.Object(name)
		if reason := include.leavesOut(describe.Classify(&schema.Objects[i])); reason != "" {
			if err := progress.Finish(ctx, job.ObjectCounts{Reason: reason}); err != nil {
				return 0, err
			}
			continue
		}
		readable, err := readable(ctx, progress, &schema.Objects[i], schema.Failed[name])
		if err != nil {
			return 0, err
		}
		if readable {
			r.Targets = append(r.Targets, capture.Target{Name: name})
		}
	}
	r.Job.Log(engine.LogInfo, "", "The org shows %d objects; %d can be read.", len(schema.Objects), len(r.Targets))
	return len(schema.Failed), b.count(ctx, r)
}

func readable(ctx context.Context, progress *job.ObjectProgress, o *engine.SObject, failure error) (bool, error) {
	if failure != nil {
		return false, progress.Fail(ctx, engine.Wrap("describe "+o.Name, failure))
	}
	if ok, reason := describe.Readable(o); !ok {
		return false, progress.Finish(ctx, job.ObjectCounts{Reason: reason})
	}
	return true, progress.Queue(ctx)
}

// count asks the org how many records of each SObject it counts itself.
func (b *Backup) count(ctx context.Context, r *capture.Request) error {
	names := make([]string, len(r.Targets))
	for i := range r.Targets {
		names[i] = r.Targets[i].Name
	}
	counts, err := r.Org.Count(ctx, names)
	if err != nil {
		return engine.Wrap("count the org's records", err)
	}
	for i := range r.Targets {
		if n, ok := counts[names[i]]; ok {
			r.Targets[i].Expected = &n
		}
	}
	return nil
}
