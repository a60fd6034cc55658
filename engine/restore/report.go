package restore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
)

// report keeps the outcome per field, sealed: an org's message may quote values.
func (t *inPlace) report(ctx context.Context) error {
	outcomes := make([]FieldOutcome, 0, len(t.outcomes))
	for _, name := range t.names() {
		outcomes = append(outcomes, t.outcomes[name])
	}
	plain, err := json.Marshal(outcomes)
	if err != nil {
		return engine.Wrap("encode the report", err)
	}
	sealed, err := t.Keeper.Encrypt(ctx, plain)
	if err != nil {
		return engine.Wrap("seal the report", err)
	}
	return engine.Wrap("save the report", t.DB.Job.UpdateOneID(t.run.Job().ID).SetSealedResult(sealed).Exec(ctx))
}

// Report is the outcome per field of a Time Machine restore; empty while it runs.
func (r *Restore) Report(ctx context.Context, j *ent.Job) ([]FieldOutcome, error) {
	if len(j.SealedResult) == 0 || j.Operation != engine.TimeMachineRestore {
		return nil, nil
	}
	plain, err := r.Keeper.Decrypt(ctx, j.SealedResult)
	if err != nil {
		return nil, engine.Wrap("unseal the report", err)
	}
	var outcomes []FieldOutcome
	return outcomes, engine.Wrap("decode the report", json.Unmarshal(plain, &outcomes))
}

// conclude writes the log, by names only, and the object's outcome.
func (t *inPlace) conclude(ctx context.Context, progress *job.ObjectProgress) error {
	by := map[Outcome][]string{}
	for _, name := range t.names() {
		by[t.outcomes[name].Outcome] = append(by[t.outcomes[name].Outcome], name)
	}
	object, id := t.history.Object.Name, string(t.history.RecordID)
	for _, line := range []struct {
		outcome Outcome
		level   engine.LogLevel
		text    string
	}{
		{Restored, engine.LogInfo, "restored and read back"},
		{Unchanged, engine.LogInfo, "had the version's value already"},
		{Refused, engine.LogError, "refused by the org"},
		{Differs, engine.LogError, "written, but read back different"},
	} {
		if names := by[line.outcome]; len(names) > 0 {
			t.run.Log(line.level, object, "%s %s: %s: %s.", object, id, line.text, strings.Join(names, ", "))
		}
	}
	if failed := len(by[Refused]) + len(by[Differs]); failed > 0 {
		return t.fail(ctx, progress, failed)
	}
	return progress.Finish(ctx, job.ObjectCounts{Records: 1, Changed: min(1, int64(len(by[Restored])))})
}

// fail: with nothing restored the job has failed; otherwise it has errors.
func (t *inPlace) fail(ctx context.Context, progress *job.ObjectProgress, failed int) error {
	cause := &engine.Error{
		Kind: engine.KindInvalid, Code: "FIELDS_NOT_RESTORED", Object: t.history.Object.Name, Record: string(t.history.RecordID),
		Message: "Some fields were not restored as asked. The report says why for each field.",
	}
	if err := progress.Fail(ctx, cause); err != nil {
		return err
	}
	if failed == len(t.want) {
		return cause
	}
	return nil
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
