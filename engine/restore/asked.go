package restore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/diff"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
)

const maxKey = 200 // characters of an idempotency key

// ChosenField is a field to restore and its current value as the user was
// shown it, nil for none.
type ChosenField struct {
	FieldFromVersion
	Seen *string
}

// AskedRestore is a restore that a user of the org has asked for.
type AskedRestore struct {
	Job     *ent.Job
	Fields  int // asked for
	Outcome []FieldOutcome
}

// StartAsked checks a user's rights anew and that the record is still as they
// saw it, and enqueues the restore. The codes are those of RightsOf and
// StartFields, and RECORD_DELETED, NO_RESTORE_PERMISSION,
// NO_RECORD_EDIT_ACCESS, NO_FIELD_EDIT_ACCESS and CURRENT_CHANGED.
func (r *Restore) StartAsked(ctx context.Context, rights *Rights, fields []ChosenField, key string) (*AskedRestore, error) {
	if key == "" || len(key) > maxKey {
		return nil, fieldError("BAD_REQUEST", "idempotencyKey", "“idempotencyKey” is 1 to 200 characters.")
	}
	if err := rights.mayRestore(fields); err != nil {
		return nil, err
	}
	in := FieldsInput{
		OrgID: rights.OrgID, ObjectName: rights.Object.Name, RecordID: string(rights.RecordID), AskedBy: string(rights.User), AskedByName: rights.Name,
		IdempotencyKey: strings.Join([]string{"time-machine", rights.OrgID, string(rights.User), string(rights.RecordID), key}, "/"),
	}
	for _, f := range fields {
		in.Fields = append(in.Fields, f.FieldFromVersion)
	}
	known, err := r.DB.Job.Query().Where(entjob.IdempotencyKey(in.IdempotencyKey)).Only(ctx)
	if err == nil {
		return r.asked(ctx, rights, known)
	}
	if !ent.IsNotFound(err) {
		return nil, engine.Wrap("look for the same request", err)
	}
	if err := r.refuseChanged(ctx, rights, fields); err != nil {
		return nil, err
	}
	started, err := r.StartFields(ctx, in)
	if err != nil {
		return nil, err
	}
	return r.asked(ctx, rights, started)
}

func (a *Rights) mayRestore(fields []ChosenField) error {
	switch {
	case a.Gone:
		return recordDeleted(a.Object.Name, string(a.RecordID))
	case !a.holds(permissionRestore):
		return engine.E(engine.KindDenied, "NO_RESTORE_PERMISSION", "You may compare but not restore. Ask your administrator for the permission set “Time Machine: restore”.")
	case !a.edit:
		return engine.E(engine.KindDenied, "NO_RECORD_EDIT_ACCESS", "You may read this record but not edit it, so you cannot restore its fields. Ask its owner or your administrator.")
	}
	for _, f := range fields {
		if described, ok := a.Object.Field(f.Name); ok && !a.mayEdit(described.Name) {
			return &engine.Error{
				Kind: engine.KindDenied, Code: "NO_FIELD_EDIT_ACCESS", Field: f.Name,
				Message: "You may not edit the field “" + f.Name + "”, so you cannot restore it. Ask your administrator for edit access to it.",
			}
		}
	}
	return nil
}

// refuseChanged reads the record and compares what the user was shown.
func (r *Restore) refuseChanged(ctx context.Context, rights *Rights, fields []ChosenField) error {
	history, err := r.historyOf(ctx, rights)
	if err != nil {
		return err
	}
	chosen := make([]FieldFromVersion, len(fields))
	for i := range fields {
		chosen[i] = fields[i].FieldFromVersion
	}
	want, err := wanted(history, chosen)
	if err != nil {
		return err
	}
	have, err := r.currentOf(ctx, history, want)
	if err != nil {
		return err
	}
	for _, f := range fields {
		described, _ := history.Object.Field(f.Name) // wanted has found it
		seen := ""
		if f.Seen != nil {
			seen = *f.Seen
		}
		if have[described.Name] != seen {
			return &engine.Error{
				Kind: engine.KindConflict, Code: "CURRENT_CHANGED", Field: described.Name,
				Message: "“" + described.Label + "” has changed in Salesforce since you compared, so nothing was restored. Compare again, and decide anew.",
			}
		}
	}
	return nil
}

// currentOf reads the fields of want as the org has them now; RECORD_DELETED
// when it no longer has the record.
func (r *Restore) currentOf(ctx context.Context, h *RecordHistory, want diff.Column) (diff.Column, error) {
	var fields []engine.Field
	for i := range h.Object.Fields {
		if _, wanted := want[h.Object.Fields[i].Name]; wanted || h.Object.Fields[i].Name == "IsDeleted" {
			fields = append(fields, h.Object.Fields[i])
		}
	}
	have, err := r.current(ctx, h, fields)
	if err == nil && have == nil {
		err = recordDeleted(h.Object.Name, string(h.RecordID))
	}
	return have, err
}

func recordDeleted(object, id string) error {
	return &engine.Error{
		Kind: engine.KindConflict, Code: "RECORD_DELETED", Object: object, Record: id,
		Message: object + " " + id + " has been deleted in the org. Bring it back from the Recycle Bin, or restore the record, then restore its fields.",
	}
}

// Asked is a restore of this record that this user has asked for; KindNotFound,
// JOB_NOT_FOUND, for any other job.
func (r *Restore) Asked(ctx context.Context, rights *Rights, jobID string) (*AskedRestore, error) {
	job, err := r.DB.Job.Query().Where(entjob.ID(jobID), entjob.OrgID(rights.OrgID), entjob.OperationEQ(engine.TimeMachineRestore)).Only(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return nil, engine.Wrap("load the job", err)
	}
	if job == nil {
		return nil, noAskedJob()
	}
	return r.asked(ctx, rights, job)
}

func (r *Restore) asked(ctx context.Context, rights *Rights, job *ent.Job) (*AskedRestore, error) {
	var in FieldsInput
	if err := json.Unmarshal(job.Input, &in); err != nil {
		return nil, engine.Wrap("read the job's input", err)
	}
	if in.AskedBy != string(rights.User) || in.RecordID != string(rights.RecordID) {
		return nil, noAskedJob()
	}
	outcomes, err := r.Report(ctx, job)
	asked := &AskedRestore{Job: job, Fields: len(in.Fields), Outcome: outcomes}
	return asked, err
}

// Done is how many fields have been dealt with.
func (a *AskedRestore) Done() int { return len(a.Outcome) }

// Shown are the outcomes of fields that the user may read, once there are all.
func (a *AskedRestore) Shown(rights *Rights) []FieldOutcome {
	if !a.Job.State.Finished() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.Outcome), func(o FieldOutcome) bool { return !rights.MayRead(o.Name) })
}

// FieldsDone is how many of a restore's fields have been dealt with, of how many.
func (r *Restore) FieldsDone(ctx context.Context, job *ent.Job) (done, total int, err error) {
	var in FieldsInput
	if err := json.Unmarshal(job.Input, &in); err != nil {
		return 0, 0, engine.Wrap("read the job's input", err)
	}
	outcomes, err := r.Report(ctx, job)
	return len(outcomes), len(in.Fields), err
}

func noAskedJob() error {
	return engine.E(engine.KindNotFound, "JOB_NOT_FOUND", "You have started no such restore of this record.")
}
