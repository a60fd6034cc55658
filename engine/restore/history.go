// Package restore gives records back. This slice of it is Time Machine: a
// record's versions, their comparison with what the org has now, and the
// restore in place of fields that people may set.
//
// A restore in place writes only the fields asked for that differ, reads the
// record back, and reports per field. It never inserts, deletes or re-parents.
package restore

import (
	"context"
	"slices"

	"gocloud.dev/secrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/diff"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
)

// maxCompared is how many versions stand beside the current record (F165).
const maxCompared = 4

// Restore is the room's face.
type Restore struct {
	DB         *ent.Client
	Vault      *vault.Vault
	Queue      *job.Queue
	Orgs       engine.Connector
	Access     *Access // what the users of an org may do there
	Dictionary capture.Dictionary
	Keeper     *secrets.Keeper
}

// RecordHistory is one record and every version of it that the vault keeps,
// the newest first.
type RecordHistory struct {
	OrgID    string
	Object   *engine.SObject
	RecordID engine.RecordID
	Versions []vault.Version
}

// Record finds a record by what the vault knows of it. KindNotFound, code
// UNKNOWN_OBJECT or RECORD_NOT_STORED, when it knows nothing.
func (r *Restore) Record(ctx context.Context, orgID, objectName, recordID string) (*RecordHistory, error) {
	id, err := engine.ParseRecordID(recordID)
	if err != nil {
		return nil, err
	}
	object, err := r.Dictionary.SObject(ctx, orgID, objectName)
	if err != nil {
		return nil, err
	}
	return r.history(ctx, orgID, object, id)
}

func (r *Restore) history(ctx context.Context, orgID string, object *engine.SObject, id engine.RecordID) (*RecordHistory, error) {
	versions, err := r.Vault.History(ctx, orgID, object.Name, string(id))
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return nil, &engine.Error{
			Kind: engine.KindNotFound, Code: "RECORD_NOT_STORED", Org: orgID, Object: object.Name, Record: string(id),
			Message: "No version of " + object.Name + " " + string(id) + " is stored. Check the id, and that a backup has run since the record was made.",
		}
	}
	slices.Reverse(versions)
	return &RecordHistory{OrgID: orgID, Object: object, RecordID: id, Versions: versions}, nil
}

func (h *RecordHistory) version(id string) (*vault.Version, error) {
	for i := range h.Versions {
		if h.Versions[i].ID() == id {
			return &h.Versions[i], nil
		}
	}
	return nil, &engine.Error{
		Kind: engine.KindNotFound, Code: "VERSION_NOT_FOUND", Object: h.Object.Name, Record: string(h.RecordID),
		Message: "There is no such version of " + h.Object.Name + " " + string(h.RecordID) + ": take one of its own versions.",
	}
}

// Comparison is a record side by side: the org's current record first, then
// the chosen versions in the order they were asked for.
type Comparison struct {
	Columns []ComparisonColumn
	Fields  []ComparedField
}

// ComparisonColumn is one side: Version is nil for the current record, whose
// Missing says that the org no longer has it.
type ComparisonColumn struct {
	Version *vault.Version
	Missing bool
}

// ComparedField is one field across the columns; a value is nil when the field
// is null, or was not there.
type ComparedField struct {
	Name       string
	Label      string
	Type       string
	Identical  bool
	Restorable bool
	Reason     string
	ReasonCode describe.NotRestorable
	Values     []*string
	Absent     []int // the columns, from 1, whose version does not have the field
}

// CompareOptions narrow a comparison.
type CompareOptions struct {
	VersionIDs     []string
	HideIdentical  bool
	IncludeDerived bool
}

// Compare sets up to four versions of a record beside what the org has now.
func (r *Restore) Compare(ctx context.Context, h *RecordHistory, options CompareOptions) (*Comparison, error) {
	if len(options.VersionIDs) == 0 || len(options.VersionIDs) > maxCompared {
		return nil, &engine.Error{
			Kind: engine.KindInvalid, Code: "TOO_MANY_VERSIONS", Field: "versionIds",
			Message: "Choose one to four versions to compare with the current record.",
		}
	}
	versions := make([]*vault.Version, len(options.VersionIDs))
	for i, id := range options.VersionIDs {
		version, err := h.version(id)
		if err != nil {
			return nil, err
		}
		versions[i] = version
	}
	current, err := r.current(ctx, h, describe.Kept(h.Object))
	if err != nil {
		return nil, err
	}
	return compared(h, current, versions, options), nil
}

// current reads the record as the org has it now.
func (r *Restore) current(ctx context.Context, h *RecordHistory, fields []engine.Field) (diff.Column, error) {
	org, err := r.Orgs.OpenOrg(ctx, h.OrgID)
	if err != nil {
		return nil, err
	}
	names := describe.Names(fields)
	records, err := org.Retrieve(ctx, engine.RetrieveRequest{Object: *h.Object, Fields: names, IDs: []engine.RecordID{h.RecordID}})
	if err != nil {
		return nil, err
	}
	if len(records) != 1 || !records[0].Found {
		return nil, nil
	}
	column := make(diff.Column, len(names))
	for i, name := range names {
		column[name] = records[0].Values[i]
	}
	if column["IsDeleted"] == "true" {
		return nil, nil
	}
	return column, nil
}

func compared(h *RecordHistory, current diff.Column, versions []*vault.Version, options CompareOptions) *Comparison {
	c := &Comparison{Columns: []ComparisonColumn{{Missing: current == nil}}}
	columns := []diff.Column{current}
	for _, version := range versions {
		c.Columns = append(c.Columns, ComparisonColumn{Version: version})
		columns = append(columns, columnOf(version))
	}
	if current == nil {
		columns[0] = diff.Column{}
	}
	for _, line := range diff.Compare(fieldNames(h.Object, columns), columns, options.HideIdentical) {
		if field := describeField(h.Object, line); options.IncludeDerived || field.ReasonCode != describe.Formula {
			c.Fields = append(c.Fields, field)
		}
	}
	return c
}

// columnOf leaves out what names a file's content: it is no field of the org's.
func columnOf(version *vault.Version) diff.Column {
	column := make(diff.Column, len(version.Fields))
	for i, f := range version.Fields {
		if version.Values[i] != nil && f.Type != vault.FileField {
			column[f.Name] = string(version.Values[i])
		}
	}
	return column
}

// fieldNames lists the SObject's fields in its own order, then those that only
// old versions have.
func fieldNames(o *engine.SObject, columns []diff.Column) []string {
	names := describe.Names(describe.Kept(o))
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		seen[name] = true
	}
	var gone []string
	for _, column := range columns {
		for name := range column {
			if !seen[name] {
				seen[name] = true
				gone = append(gone, name)
			}
		}
	}
	return append(names, sorted(gone)...)
}

func describeField(o *engine.SObject, line diff.Field) ComparedField {
	field := ComparedField{Name: line.Name, Label: line.Name, Identical: line.Identical, Values: make([]*string, len(line.Values))}
	for i, value := range line.Values {
		if line.Present[i] && value != "" {
			field.Values[i] = &value
		}
		if i > 0 && !line.Present[i] {
			field.Absent = append(field.Absent, i)
		}
	}
	described, ok := o.Field(line.Name)
	if !ok {
		field.ReasonCode, field.Reason = fieldGone, "The org no longer has this field, or the connected user cannot see it."
		return field
	}
	field.Label, field.Type = described.Label, described.Type
	field.ReasonCode = describe.RestorableInPlace(described)
	field.Reason, field.Restorable = field.ReasonCode.Sentence(), field.ReasonCode == describe.Restorable
	return field
}
