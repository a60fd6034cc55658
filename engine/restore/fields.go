package restore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/diff"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
)

// fieldGone is a field that only old versions have.
const fieldGone describe.NotRestorable = "FIELD_GONE"

// FieldsInput asks to write fields of one record back from its versions.
type FieldsInput struct {
	OrgID          string `json:"-"`
	ObjectName     string
	RecordID       string
	Fields         []FieldFromVersion
	IdempotencyKey string `json:"-"`
	// AskedBy is the user of the org who asked through Time Machine, by id and
	// name; empty when one of ours did.
	AskedBy, AskedByName string `json:",omitempty"`
}

// FieldFromVersion names a field and the version to take its value from.
type FieldFromVersion struct{ Name, VersionID string }

// FieldOutcome is what became of one field.
type FieldOutcome struct {
	Name    string
	Outcome Outcome
	Code    string // the org's status code when it refused
	Message string
}

// Outcome says how a field's restore ended.
type Outcome string

// The outcomes.
const (
	Restored  Outcome = "RESTORED"  // written, and read back as the version has it
	Unchanged Outcome = "UNCHANGED" // it had the version's value already
	Refused   Outcome = "REFUSED"   // the org did not take it
	Differs   Outcome = "DIFFERS"   // written, but the org made something else of it
)

// StartFields checks the request and enqueues the restore. It waits for no job
// but another restore of the same record.
func (r *Restore) StartFields(ctx context.Context, in FieldsInput) (*ent.Job, error) {
	history, err := r.Record(ctx, in.OrgID, in.ObjectName, in.RecordID)
	if err != nil {
		return nil, err
	}
	if _, err := wanted(history, in.Fields); err != nil {
		return nil, err
	}
	in.ObjectName, in.RecordID = history.Object.Name, string(history.RecordID)
	return r.Queue.Enqueue(ctx, job.Spec{
		OrgID: in.OrgID, Operation: engine.TimeMachineRestore, Name: "Restore of " + in.ObjectName + " " + in.RecordID, Description: in.askedBy(),
		Input: in, SerialKey: in.OrgID + "/record/" + in.RecordID, IdempotencyKey: in.IdempotencyKey,
	})
}

func (in *FieldsInput) askedBy() string {
	if in.AskedBy == "" {
		return ""
	}
	return "Asked for in Salesforce by " + in.AskedByName + " (" + in.AskedBy + ")."
}

// wanted is the values to write by field name, each checked.
func wanted(h *RecordHistory, fields []FieldFromVersion) (diff.Column, error) {
	if len(fields) == 0 {
		return nil, fieldError("NO_FIELDS", "fields", "Choose at least one field to restore.")
	}
	values := diff.Column{}
	for _, f := range fields {
		described, ok := h.Object.Field(f.Name)
		if !ok {
			return nil, fieldError("UNKNOWN_FIELD", f.Name, h.Object.Name+" has no field “"+f.Name+"”.")
		}
		if _, twice := values[described.Name]; twice {
			return nil, fieldError("FIELD_TWICE", f.Name, "The field “"+described.Name+"” is chosen twice: take it from one version.")
		}
		if reason := describe.RestorableInPlace(described); reason != describe.Restorable {
			return nil, fieldError("FIELD_NOT_RESTORABLE", f.Name, "“"+described.Name+"” cannot be restored in place. "+reason.Sentence())
		}
		version, err := h.version(f.VersionID)
		if err != nil {
			return nil, err
		}
		value, ok := columnOf(version)[described.Name]
		if !ok {
			return nil, fieldError("FIELD_NOT_IN_VERSION", f.Name, "That version has no “"+described.Name+"”: the field did not exist or was not visible then.")
		}
		values[described.Name] = value
	}
	return values, nil
}

// Work writes the fields. An attempt after a crash knows from its checkpoint
// which fields the last one was about to write.
func (r *Restore) Work(ctx context.Context, run *job.Run) error {
	in := FieldsInput{OrgID: run.Job().OrgID}
	if err := run.Input(&in); err != nil {
		return err
	}
	history, err := r.Record(ctx, in.OrgID, in.ObjectName, in.RecordID)
	if err != nil {
		return err
	}
	want, err := wanted(history, in.Fields)
	if err != nil {
		return err
	}
	t := &inPlace{Restore: r, run: run, history: history, want: want, outcomes: map[string]FieldOutcome{}}
	progress := run.Object(history.Object.Name)
	if err := progress.Start(ctx); err != nil {
		return err
	}
	if err := t.apply(ctx); err != nil {
		return err
	}
	if err := t.report(ctx); err != nil {
		return err
	}
	return t.conclude(ctx, progress)
}

// inPlace is one restore in place under way.
type inPlace struct {
	*Restore
	run      *job.Run
	history  *RecordHistory
	want     diff.Column
	outcomes map[string]FieldOutcome
}

func (t *inPlace) names() []string {
	names := make([]string, 0, len(t.want))
	for name := range t.want {
		names = append(names, name)
	}
	return sorted(names)
}

func (t *inPlace) apply(ctx context.Context) error {
	have, err := t.readCurrent(ctx)
	if err != nil {
		return err
	}
	var begun []string
	if saved := t.run.Checkpoint(); len(saved) > 0 {
		if err := json.Unmarshal(saved, &begun); err != nil {
			return engine.Wrap("read the checkpoint", err)
		}
	}
	write := diff.Changed(t.names(), have, t.want)
	for _, name := range t.names() {
		switch {
		case slices.Contains(write, name):
		case slices.Contains(begun, name):
			t.outcomes[name] = FieldOutcome{Name: name, Outcome: Restored}
		default:
			t.outcomes[name] = FieldOutcome{Name: name, Outcome: Unchanged}
		}
	}
	if len(write) == 0 {
		return nil
	}
	intent, err := json.Marshal(append(begun, write...))
	if err != nil {
		return engine.Wrap("encode the checkpoint", err)
	}
	if err := t.run.SaveCheckpoint(ctx, intent); err != nil {
		return err
	}
	return t.write(ctx, write)
}

func (t *inPlace) readCurrent(ctx context.Context) (diff.Column, error) {
	return t.currentOf(ctx, t.history, t.want)
}

// write sends the fields; when the org refuses some by name, the others are
// sent without them. Then the record is read back.
func (t *inPlace) write(ctx context.Context, names []string) error {
	org, err := t.Orgs.OpenOrg(ctx, t.history.OrgID)
	if err != nil {
		return err
	}
	for len(names) > 0 {
		refused, err := t.send(ctx, org, names)
		if err != nil {
			return err
		}
		if len(refused) == 0 {
			return t.readBack(ctx, names)
		}
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(refused, name) })
	}
	return nil
}

// send answers which of the fields the org refused: all of them when it does
// not say which.
func (t *inPlace) send(ctx context.Context, org engine.Org, names []string) (refused []string, err error) {
	row := engine.WriteRow{ID: t.history.RecordID, Values: map[string]string{}}
	for _, name := range names {
		row.Values[name] = t.want[name]
	}
	results, err := org.Update(ctx, engine.WriteRequest{Object: *t.history.Object, Rows: []engine.WriteRow{row}})
	if err != nil {
		return nil, err
	}
	if results[0].OK {
		return nil, nil
	}
	for _, failure := range results[0].Errors {
		for _, name := range blamed(names, failure.Fields) {
			t.outcomes[name] = FieldOutcome{Name: name, Outcome: Refused, Code: failure.Code, Message: failure.Message}
			refused = append(refused, name)
		}
	}
	return refused, nil
}

func blamed(names, fields []string) []string {
	var blamed []string
	for _, name := range names {
		if slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(f, name) }) {
			blamed = append(blamed, name)
		}
	}
	if len(blamed) == 0 {
		return names
	}
	return blamed
}

func (t *inPlace) readBack(ctx context.Context, names []string) error {
	have, err := t.readCurrent(ctx)
	if err != nil {
		return err
	}
	differ := diff.Changed(names, have, t.want)
	for _, name := range names {
		t.outcomes[name] = FieldOutcome{Name: name, Outcome: Restored}
		if slices.Contains(differ, name) {
			t.outcomes[name] = FieldOutcome{
				Name: name, Outcome: Differs, Code: "READ_BACK_DIFFERS",
				Message: "The org took the value but answers another one: a trigger, flow or rule of the org has changed it.",
			}
		}
	}
	return nil
}

func fieldError(code, field, message string) error {
	return &engine.Error{Kind: engine.KindInvalid, Code: code, Field: field, Message: message}
}
