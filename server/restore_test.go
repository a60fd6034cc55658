package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// spoiltAccount has no child that would forbid its deletion.
const spoiltAccount = "Account63"

// spoilt is a world whose account was backed up once before and once after an
// edit of four fields.
func spoilt(t *testing.T, databaseURL string) (w *world, versions []demo.Version) {
	t.Helper()
	w = connected(t, databaseURL)
	return w, w.spoil(t, "spoilt")
}

// spoil loads the org, and edits the account between two backups.
func (w *world) spoil(t *testing.T, word string) []demo.Version {
	t.Helper()
	ctx := t.Context()
	must(t, w.load(ctx))
	w.back(t)
	must(t, w.session.Edit(ctx, demo.Round{Title: "edit", Steps: []demo.Step{{Update: spoiltAccount, Set: map[string]any{
		"Description": word, "Phone": word, "Website": word + ".example.com", "Rating": "Cold",
	}}}}))
	w.back(t)
	versions, err := w.api.History(ctx, w.orgID, "Account", w.session.ID(spoiltAccount))
	must(t, err)
	return versions
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) back(t *testing.T) {
	t.Helper()
	_, err := w.api.Backup(t.Context(), w.orgID, "backup")
	must(t, err)
}

// ended is how a restore of fields ended: the job, and the outcome per field.
type ended struct {
	State         string
	Error         *struct{ Code string }
	FieldOutcomes []struct{ Name, Outcome, Code string }
}

func (w *world) restoreFields(t *testing.T, versionID string, fields ...string) ended {
	t.Helper()
	var from []map[string]any
	for _, name := range fields {
		from = append(from, map[string]any{"name": name, "versionId": versionID})
	}
	var started struct {
		RecordFieldsRestore struct{ Job struct{ ID string } }
	}
	must(t, w.api.Do(t.Context(), `mutation($input: RecordFieldsRestoreInput!) { recordFieldsRestore(input: $input) { job { id } userErrors { code message } } }`,
		map[string]any{"input": map[string]any{"orgId": w.orgID, "objectName": "Account", "recordId": w.session.ID(spoiltAccount), "fields": from}}, &started))
	_, _ = w.api.Wait(t.Context(), started.RecordFieldsRestore.Job.ID) // how it ended is what the tests look at
	var answer struct{ Job ended }
	must(t, w.api.Do(t.Context(), `query($id: ID!) { job(id: $id) { state error { code } fieldOutcomes { name outcome code } } }`,
		map[string]any{"id": started.RecordFieldsRestore.Job.ID}, &answer))
	return answer.Job
}

func (e ended) outcomes() string {
	var parts []string
	for _, o := range e.FieldOutcomes {
		parts = append(parts, strings.TrimSpace(o.Name+" "+o.Outcome+" "+o.Code))
	}
	return e.State + ": " + strings.Join(parts, ", ")
}

// TestARefusedFieldLeavesTheOthersRestored: the org refuses one of three
// values; the other two are written and nothing else is.
func TestARefusedFieldLeavesTheOthersRestored(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		w, versions := spoilt(t, url)
		must(t, w.org.AddValidationRule(simorg.ValidationRule{
			Object: "Account", Name: "Keep_Phone", Condition: `ISCHANGED(Phone)`, Field: "Phone", Message: "The phone stays.",
		}))
		before, err := w.session.Get(t.Context(), spoiltAccount)
		must(t, err)
		got := w.restoreFields(t, versions[1].ID, "Description", "Phone", "Website").outcomes()
		want := "COMPLETED_WITH_ERRORS: Description RESTORED, Phone REFUSED FIELD_CUSTOM_VALIDATION_EXCEPTION, Website RESTORED"
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		after, err := w.session.Get(t.Context(), spoiltAccount)
		must(t, err)
		changed := changedFields(before, after)
		if want := []string{"Description", "Website"}; !slices.Equal(changed, want) {
			t.Errorf("the org changed %v, want %v", changed, want)
		}
		if again := w.restoreFields(t, versions[1].ID, "Description", "Phone").outcomes(); again != "COMPLETED_WITH_ERRORS: Description UNCHANGED, Phone REFUSED FIELD_CUSTOM_VALIDATION_EXCEPTION" {
			t.Errorf("a second restore: %s", again)
		}
	})
}

// changedFields leaves out what Salesforce stamps: by the second, so that it
// may or may not have moved.
func changedFields(before, after map[string]any) []string {
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if name == "LastModifiedDate" || name == "SystemModstamp" {
			continue
		}
		a, aText := before[name].(string)
		b, bText := after[name].(string)
		if aText != bText || a != b {
			changed = append(changed, name)
		}
	}
	return changed
}

// TestADeletedRecordIsNotRestoredInPlace: the job fails with the way out, and
// the comparison says that the record is gone.
func TestADeletedRecordIsNotRestoredInPlace(t *testing.T) {
	t.Parallel()
	w, versions := spoilt(t, "")
	must(t, w.session.Edit(t.Context(), demo.Round{Title: "delete", Steps: []demo.Step{{Delete: []string{spoiltAccount}}}}))
	if got := w.restoreFields(t, versions[1].ID, "Phone"); got.State != "FAILED" || got.Error == nil || got.Error.Code != "RECORD_DELETED" {
		t.Errorf("the restore ended %+v", got)
	}
}

// TestBackupsOfAnOrgQueueUp: one runs, one waits, a further one is refused;
// the same idempotency key answers the same job.
func TestBackupsOfAnOrgQueueUp(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		w := connected(t, url)
		must(t, w.load(t.Context()))
		w.org.SetFaults(simorg.Fault{Path: "/sobjects/", Nth: 1, Kind: simorg.Slow, Delay: 3 * time.Second})
		first, err := w.api.StartBackup(t.Context(), w.orgID, "first")
		must(t, err)
		eventually(t, "the first backup runs", func() bool { return w.state(t.Context(), first) == "IN_PROGRESS" })
		second, err := w.api.StartBackup(t.Context(), w.orgID, "second")
		must(t, err)
		if _, err := w.api.StartBackup(t.Context(), w.orgID, "third"); err == nil || !strings.Contains(err.Error(), "JOB_ALREADY_QUEUED") {
			t.Errorf("a third backup: %v", err)
		}
		if state := w.state(t.Context(), second); state != "QUEUED" {
			t.Errorf("the second backup is %s", state)
		}
		for _, id := range []string{first, second} {
			if _, err := w.api.Wait(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	})
}

func (w *world) state(ctx context.Context, jobID string) string {
	var answer struct{ Job struct{ State string } }
	if err := w.api.Do(ctx, `query($id: ID!) { job(id: $id) { state } }`, map[string]any{"id": jobID}, &answer); err != nil {
		return err.Error()
	}
	return answer.Job.State
}
