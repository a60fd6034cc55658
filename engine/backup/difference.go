package backup

import (
	"context"
	"fmt"
	"slices"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
	entjob "github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/jobobject"
)

// Difference is what changed in an org from one backup to a later one.
type Difference struct {
	From, To *ent.Job
	// Objects are the SObjects of which anything was stored after From, by name.
	Objects []ObjectDifference
	// MetadataTypes are the metadata types of which anything was stored after
	// From, by name.
	MetadataTypes []MetadataDifference
}

// ObjectDifference is the records of one SObject that differ. They are read
// when asked for.
type ObjectDifference struct {
	Name string
	comparison
}

// comparison compares what the vault holds under a name at two points.
type comparison struct {
	vault    *vault.Vault
	object   string
	from, to vault.Point
}

// DifferenceCounts are how many records differ, by what happened to them.
type DifferenceCounts struct{ Added, Changed, Deleted int64 }

// RecordDifference is one record that differs, and its fields that do.
type RecordDifference struct {
	RecordID string
	Change   engine.Change
	Fields   []FieldDifference
}

// FieldDifference is a field's text in the earlier and in the later backup,
// empty for null.
type FieldDifference struct{ Name, Before, After string }

// Diff compares two backups of one org, the earlier one first.
func (b *Backup) Diff(ctx context.Context, fromID, toID string) (*Difference, error) {
	from, err := b.stored(ctx, fromID)
	if err != nil {
		return nil, err
	}
	to, err := b.stored(ctx, toID)
	if err != nil {
		return nil, err
	}
	switch {
	case from.OrgID != to.OrgID:
		return nil, engine.E(engine.KindInvalid, "BACKUPS_OF_TWO_ORGS", "The two backups are of different orgs: choose two of the same.")
	case from.Number > to.Number:
		return nil, engine.E(engine.KindInvalid, "BACKUPS_REVERSED", "Backup #%d is later than #%d: give the earlier one first.", from.Number, to.Number)
	}
	d := &Difference{From: from, To: to}
	objects, err := b.storedBetween(ctx, d, engine.RecordsObject)
	if err != nil {
		return nil, err
	}
	for _, name := range objects {
		d.Objects = append(d.Objects, ObjectDifference{Name: name, comparison: b.comparison(d, name)})
	}
	types, err := b.storedBetween(ctx, d, engine.MetadataObject)
	if err != nil {
		return nil, err
	}
	for _, name := range types {
		d.MetadataTypes = append(d.MetadataTypes, MetadataDifference{Name: name, comparison: b.comparison(d, capture.MetadataObject(name))})
	}
	return d, nil
}

// storedBetween names the objects of a kind of which a job after the earlier
// backup stored anything.
func (b *Backup) storedBetween(ctx context.Context, d *Difference, kind engine.JobObjectKind) ([]string, error) {
	names, err := b.DB.JobObject.Query().
		Where(jobobject.KindEQ(kind), jobobject.RecordsGT(0), jobobject.HasJobWith(entjob.OrgID(d.To.OrgID), entjob.NumberGT(d.From.Number), entjob.NumberLTE(d.To.Number))).
		GroupBy(jobobject.FieldName).Strings(ctx)
	slices.Sort(names)
	return names, engine.Wrap("list the objects between two backups", err)
}

func (b *Backup) comparison(d *Difference, object string) comparison {
	return comparison{
		vault: b.Vault, object: object, from: vault.Point{OrgID: d.From.OrgID, JobID: d.From.ID}, to: vault.Point{OrgID: d.To.OrgID, JobID: d.To.ID},
	}
}

// stored is a job of the viewer's that has left something in the vault.
func (b *Backup) stored(ctx context.Context, id string) (*ent.Job, error) {
	j, err := b.DB.Job.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, engine.E(engine.KindNotFound, "BACKUP_NOT_FOUND", "There is no backup %s: check the id.", id)
	}
	if err != nil {
		return nil, engine.Wrap("load backup", err)
	}
	err = b.Vault.Kept(ctx, vault.Point{OrgID: j.OrgID, JobID: id})
	if e, ok := engine.AsError(err); ok && e.Code == "BACKUP_NOT_FOUND" {
		e.Message = fmt.Sprintf("Job #%d has stored nothing to compare: choose a finished backup.", j.Number)
	}
	return j, err
}

// Counts counts the records that differ; their values are not read, so one
// that changed there and back counts as changed.
func (c comparison) Counts(ctx context.Context) (counts DifferenceCounts, err error) {
	for entry, err := range c.vault.Diff(ctx, c.from, c.to, c.object, vault.Reading{IDsOnly: true}) {
		if err != nil {
			return counts, err
		}
		switch entry.Change {
		case engine.Added:
			counts.Added++
		case engine.Changed:
			counts.Changed++
		case engine.Deleted:
			counts.Deleted++
		}
	}
	return counts, nil
}

// Records returns at most limit records that differ, by id, beginning after one.
func (o ObjectDifference) Records(ctx context.Context, after string, limit int) ([]RecordDifference, error) {
	var records []RecordDifference
	for entry, err := range o.vault.Diff(ctx, o.from, o.to, o.object, vault.Reading{After: []byte(after)}) {
		if err != nil {
			return nil, err
		}
		if len(records) == limit {
			break
		}
		records = append(records, RecordDifference{RecordID: string(entry.RecordID), Change: entry.Change, Fields: differingFields(entry)})
	}
	return records, nil
}

// differingFields leaves out derived fields: they follow others.
func differingFields(entry *vault.DiffEntry) []FieldDifference {
	side := entry.After
	if entry.Change == engine.Deleted {
		side = entry.Before
	}
	var fields []FieldDifference
	for i, f := range side.Fields {
		before, after := string(valueAt(entry.Before, i)), string(valueAt(entry.After, i))
		if entry.Change == engine.Deleted {
			after = ""
		}
		if before != after && !f.Derived {
			fields = append(fields, FieldDifference{Name: f.Name, Before: before, After: after})
		}
	}
	return fields
}

func valueAt(v *vault.Version, i int) []byte {
	if i < len(v.Values) {
		return v.Values[i]
	}
	return nil
}
