package vault

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultobject"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
	"github.com/holdfast-backup/holdfast/ent/vaultrunobject"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

// RunSpec names a run: the writing of one job.
type RunSpec struct {
	OrgID     string
	JobID     string
	Operation engine.Operation
}

// ObjectCounts is what a run stored of one SObject. Live is how many records
// are alive after it; Bytes is what the new segments take.
type ObjectCounts struct {
	Versions, Added, Changed, Deleted, Bytes, Live int64
}

func (c *ObjectCounts) add(o ObjectCounts) {
	c.Versions += o.Versions
	c.Added += o.Added
	c.Changed += o.Changed
	c.Deleted += o.Deleted
	c.Bytes += o.Bytes
	c.Live += o.Live
}

// RunCounts is what a whole run stored.
type RunCounts struct {
	ObjectCounts
	Objects map[string]ObjectCounts
}

// Split parts the counts by the names of their objects.
func (c RunCounts) Split(belongs func(object string) bool) (others, those RunCounts) {
	others.Objects, those.Objects = map[string]ObjectCounts{}, map[string]ObjectCounts{}
	for name, o := range c.Objects {
		part := &others
		if belongs(name) {
			part = &those
		}
		part.Objects[name] = o
		part.add(o)
	}
	return others, those
}

// Run is one job's writing into an org's vault. Its methods may be called from
// several goroutines, one Writer an SObject. Nothing of it is visible to
// readers before Commit or ClosePartial.
type Run struct {
	v       *Vault
	ref     orgRef
	row     *ent.VaultRun
	mu      sync.Mutex
	seq     uint64 // the last one taken
	objects map[string]*runObject
	before  map[string]int64 // records alive before the run
	bundle  []*Writer        // finished, not yet durable
	pending int              // bytes in the bundle
}

// runObject is what the run knows of an SObject. The counts are of what is
// durable; live is a difference.
type runObject struct {
	checkpoint []byte
	finished   bool
	counts     ObjectCounts
	writer     *Writer
}

// BeginRun opens a run, or the open one of the same job again (whoever held it
// before is refused from then on). While another job's run is open it is
// KindConflict.
func (v *Vault) BeginRun(ctx context.Context, spec RunSpec) (*Run, error) {
	ref, err := refOf(ctx, spec.OrgID)
	if err != nil {
		return nil, err
	}
	if _, _, err := v.keys.current(ctx, spec.OrgID); err != nil {
		return nil, fault("begin run", spec.OrgID, err)
	}
	run := &Run{v: v, ref: ref, objects: map[string]*runObject{}, before: map[string]int64{}}
	err = v.change(ctx, spec.OrgID, func(tx *ent.Tx) error {
		row, err := openRun(ctx, tx, spec)
		if err != nil {
			return err
		}
		if row != nil {
			run.row, err = tx.VaultRun.UpdateOne(row).AddAttempt(1).Save(ctx)
			return err
		}
		run.row, err = createRun(ctx, tx, ref, spec)
		return err
	})
	if err != nil {
		return nil, fault("begin run", spec.OrgID, err)
	}
	run.seq = run.row.LastSeq
	return run, fault("begin run", spec.OrgID, run.recall(ctx))
}

// openRun finds the job's open run; another job's is a conflict.
func openRun(ctx context.Context, tx *ent.Tx, spec RunSpec) (*ent.VaultRun, error) {
	row, err := tx.VaultRun.Query().Where(vaultrun.OrgID(spec.OrgID), vaultrun.StateEQ(vaultrun.StateOPEN)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	if err != nil || row.JobID == spec.JobID {
		return row, err
	}
	return nil, &engine.Error{
		Kind: engine.KindConflict, Code: "VAULT_BUSY", Org: spec.OrgID,
		Message: fmt.Sprintf("Job %s is still writing into this org's vault: wait for it, or close its run first.", row.JobID),
	}
}

func createRun(ctx context.Context, tx *ent.Tx, ref orgRef, spec RunSpec) (*ent.VaultRun, error) {
	last := uint64(0)
	newest, err := tx.VaultRun.Query().Where(vaultrun.OrgID(spec.OrgID)).Order(ent.Desc(vaultrun.FieldLastSeq)).First(ctx)
	switch {
	case err == nil:
		last = newest.LastSeq
	case !ent.IsNotFound(err):
		return nil, err
	}
	return tx.VaultRun.Create().SetTenantID(ref.tenant).SetOrgID(spec.OrgID).SetJobID(spec.JobID).SetOperation(spec.Operation).
		SetFirstSeq(last + 1).SetLastSeq(last).Save(ctx)
}

// recall loads what an earlier attempt made durable.
func (r *Run) recall(ctx context.Context) error {
	rows, err := r.v.db.VaultRunObject.Query().Where(vaultrunobject.RunID(r.row.ID)).All(ctx)
	if err != nil {
		return err
	}
	known, err := r.v.Objects(ctx, r.row.OrgID)
	if err != nil {
		return err
	}
	for _, o := range known {
		r.before[o.Name] = o.Live
	}
	for _, row := range rows {
		r.objects[row.Name] = &runObject{checkpoint: row.Checkpoint, finished: row.Finished, counts: countsOf(row)}
	}
	return nil
}

func countsOf(row *ent.VaultRunObject) ObjectCounts {
	return ObjectCounts{
		Versions: row.Added + row.Changed + row.Deleted, Added: row.Added, Changed: row.Changed,
		Deleted: row.Deleted, Bytes: row.Bytes, Live: row.Live,
	}
}

// ID is the run's own.
func (r *Run) ID() string { return r.row.ID }

// Checkpoint is the token last made durable for an SObject, nil when none was.
func (r *Run) Checkpoint(object string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.objects[object]; o != nil {
		return o.checkpoint
	}
	return nil
}

// Finished reports whether an SObject is whole, by this attempt or an earlier.
func (r *Run) Finished(object string) (ObjectCounts, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.objects[object]
	if o == nil || !o.finished {
		return ObjectCounts{}, false
	}
	return r.total(object), true
}

// total is an object's counts with the records alive after it.
func (r *Run) total(object string) ObjectCounts {
	c := r.objects[object].counts
	c.Live += r.before[object]
	return c
}

// fence makes the transaction fail when another attempt has taken the run.
func (r *Run) fence(ctx context.Context, tx *ent.Tx, change func(*ent.VaultRunUpdate)) error {
	update := tx.VaultRun.Update().Where(vaultrun.ID(r.row.ID), vaultrun.StateEQ(vaultrun.StateOPEN), vaultrun.Attempt(r.row.Attempt))
	change(update)
	n, err := update.Save(ctx)
	if err == nil && n == 0 {
		err = &engine.Error{
			Kind: engine.KindConflict, Code: "VAULT_RUN_LOST", Org: r.row.OrgID,
			Message: fmt.Sprintf("The run of job %s was closed or taken over by another node: leave it to that one.", r.row.JobID),
		}
	}
	return err
}

// Commit makes the run's versions visible to readers. Every SObject that was
// begun must be finished.
func (r *Run) Commit(ctx context.Context) (RunCounts, error) {
	if name := r.unfinished(); name != "" {
		return RunCounts{}, &engine.Error{
			Kind: engine.KindConflict, Code: "VAULT_UNFINISHED", Org: r.row.OrgID, Object: name,
			Message: name + " was begun but not finished: finish it, or close the run as partial.",
		}
	}
	return r.close(ctx, vaultrun.StateCOMMITTED)
}

func (r *Run) unfinished() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, o := range r.objects {
		if !o.finished {
			return name
		}
	}
	return ""
}

// ClosePartial keeps the SObjects that are whole, makes them visible, and
// drops what was stored of the others.
func (r *Run) ClosePartial(ctx context.Context) (RunCounts, error) {
	return r.close(ctx, vaultrun.StatePARTIAL)
}

// Unstored are the finished objects of which nothing is durable yet, as they
// share a segment that is written last, each with its records alive in the
// vault before this run. When closing the run fails, these are lost with it.
func (r *Run) Unstored() map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	alive := map[string]int64{}
	for _, w := range r.bundle {
		alive[w.schema.Object] = r.before[w.schema.Object]
	}
	return alive
}

// rest returns when no writer is busy in the background. What an unfinished
// one has failed at does not matter: its object is dropped.
func (r *Run) rest() {
	r.mu.Lock()
	objects := slices.Collect(maps.Values(r.objects))
	r.mu.Unlock()
	for _, o := range objects {
		if o.writer != nil {
			_ = o.writer.await()
		}
	}
}

func (r *Run) close(ctx context.Context, state vaultrun.State) (RunCounts, error) {
	r.rest()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.flushBundle(ctx); err != nil {
		return RunCounts{}, fault("close run", r.row.OrgID, err)
	}
	counts := RunCounts{Objects: map[string]ObjectCounts{}}
	err := r.v.change(ctx, r.row.OrgID, func(tx *ent.Tx) error {
		err := r.fence(ctx, tx, func(u *ent.VaultRunUpdate) { u.SetState(state).SetClosedAt(r.v.now()) })
		if err != nil {
			return err
		}
		if err := r.publish(ctx, tx); err != nil {
			return err
		}
		// A token is of no use any more, and it may name records.
		if err := tx.VaultRunObject.Update().Where(vaultrunobject.RunID(r.row.ID)).ClearCheckpoint().Exec(ctx); err != nil {
			return err
		}
		for name, o := range r.objects {
			if !o.finished {
				continue
			}
			if err := r.countObject(ctx, tx, name, o); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return counts, fault("close run", r.row.OrgID, err)
	}
	for name, o := range r.objects {
		if o.finished {
			counts.Objects[name] = r.total(name)
			counts.add(r.total(name))
		}
	}
	if err := r.v.copyManifest(ctx, r.row.OrgID); err != nil { // the run is committed all the same
		r.v.log.Warn("the copy of the manifest beside the data is old", "org", r.row.OrgID, "err", err)
	}
	return counts, nil
}

// publish makes the run's segments live, but those of unfinished SObjects dead.
func (r *Run) publish(ctx context.Context, tx *ent.Tx) error {
	segments, err := tx.VaultSegment.Query().
		Where(vaultsegment.RunID(r.row.ID), vaultsegment.StateEQ(vaultsegment.StateOPEN)).WithSections().All(ctx)
	if err != nil {
		return err
	}
	var live, dead []string
	for _, s := range segments {
		if o := r.objects[s.Edges.Sections[0].Object]; o != nil && o.finished {
			live = append(live, s.ID)
		} else {
			dead = append(dead, s.ID)
		}
	}
	if err := tx.VaultSegment.Update().Where(vaultsegment.IDIn(live...)).SetState(vaultsegment.StateLIVE).Exec(ctx); err != nil {
		return err
	}
	return tx.VaultSegment.Update().Where(vaultsegment.IDIn(dead...)).SetState(vaultsegment.StateDEAD).SetDeadAt(r.v.now()).Exec(ctx)
}

// countObject adds a whole SObject's figures to the org's.
func (r *Run) countObject(ctx context.Context, tx *ent.Tx, name string, o *runObject) error {
	n, err := tx.VaultObject.Update().Where(vaultobject.OrgID(r.row.OrgID), vaultobject.Name(name)).
		AddLive(o.counts.Live).AddVersions(o.counts.Versions).Save(ctx)
	if err != nil || n > 0 {
		return err
	}
	return tx.VaultObject.Create().SetTenantID(r.ref.tenant).SetOrgID(r.row.OrgID).SetName(name).
		SetLive(o.counts.Live).SetVersions(o.counts.Versions).Exec(ctx)
}

// RunInfo is a run as Runs lists it.
type RunInfo struct {
	ID, JobID         string
	Operation         engine.Operation
	State             string // OPEN, COMMITTED, PARTIAL
	FirstSeq, LastSeq uint64
	StartedAt         time.Time
	ClosedAt          time.Time // zero while open
	Hold              string    // why it may not be dropped
	DroppedAt         time.Time // zero while it is kept
}

// Runs lists an org's runs, the oldest first.
func (v *Vault) Runs(ctx context.Context, orgID string) ([]RunInfo, error) {
	if _, err := tenantOf(ctx); err != nil {
		return nil, err
	}
	rows, err := v.db.VaultRun.Query().Where(vaultrun.OrgID(orgID)).Order(ent.Asc(vaultrun.FieldFirstSeq, vaultrun.FieldCreatedAt)).All(ctx)
	if err != nil {
		return nil, fault("list runs", orgID, err)
	}
	infos := make([]RunInfo, 0, len(rows))
	for _, r := range rows {
		info := RunInfo{ID: r.ID, JobID: r.JobID, Operation: r.Operation, State: string(r.State), FirstSeq: r.FirstSeq, LastSeq: r.LastSeq, StartedAt: r.CreatedAt, Hold: r.Hold}
		if r.ClosedAt != nil {
			info.ClosedAt = *r.ClosedAt
		}
		if r.DroppedAt != nil {
			info.DroppedAt = *r.DroppedAt
		}
		infos = append(infos, info)
	}
	return infos, nil
}
