package restore

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// DeletedRecord is a record that is deleted and referred to another one while
// it lived. Name is empty where the user may not read it.
type DeletedRecord struct {
	ObjectName, ObjectLabel string
	RecordID                string
	Name                    string
	DeletedAt               time.Time
	Tombstone               engine.Tombstone
}

// DeletedPage is a page of them, the last deleted first; After is where the
// next one starts, empty at the end.
type DeletedPage struct {
	Records []DeletedRecord
	After   string
}

// DeletedRelated lists the deleted records that referred to the user's record.
// It reads every child SObject of the vault once, and holds one page of them.
func (r *Restore) DeletedRelated(ctx context.Context, rights *Rights, first int, after string) (*DeletedPage, error) {
	if err := rights.requireViewDeleted(); err != nil {
		return nil, err
	}
	search := deletedSearch{limit: first + 1}
	if after != "" {
		var ok bool
		if search.after, ok = parsePlace(after); !ok {
			return nil, fieldError("BAD_REQUEST", "after", "“after” is not the end of a page of this list: ask for its first page.")
		}
	}
	for object, fields := range childFields(rights.Object) {
		if err := r.searchDeleted(ctx, rights, &search, object, fields); err != nil {
			return nil, err
		}
	}
	page := &DeletedPage{Records: search.found}
	if len(page.Records) > first {
		page.Records = page.Records[:first]
		page.After = placeOf(&page.Records[first-1])
	}
	return page, nil
}

// childFields are the fields that refer to an object, by the SObject they are of.
func childFields(o *engine.SObject) map[string][]string {
	fields := map[string][]string{}
	for _, child := range o.ChildRelationships {
		if !child.DeprecatedAndHidden && child.Field != "" {
			fields[child.ChildSObject] = append(fields[child.ChildSObject], child.Field)
		}
	}
	return fields
}

// deletedSearch keeps the last deleted, in order, up to its limit.
type deletedSearch struct {
	limit int
	after *DeletedRecord // only what comes after it
	found []DeletedRecord
}

func (s *deletedSearch) add(d DeletedRecord) {
	if s.after != nil && lastDeletedFirst(d, *s.after) <= 0 {
		return
	}
	at, twice := slices.BinarySearchFunc(s.found, d, lastDeletedFirst)
	if twice || at == s.limit {
		return
	}
	s.found = slices.Insert(s.found, at, d)
	s.found = s.found[:min(len(s.found), s.limit)]
}

func lastDeletedFirst(a, b DeletedRecord) int {
	return cmp.Or(b.DeletedAt.Compare(a.DeletedAt), strings.Compare(a.RecordID, b.RecordID))
}

// searchDeleted reads one SObject as it stands now, deleted records included.
// What the user may not read of it is left out.
func (r *Restore) searchDeleted(ctx context.Context, rights *Rights, search *deletedSearch, object string, fields []string) error { //nolint:revive // what, for whom, where
	described, err := r.Dictionary.SObject(ctx, rights.OrgID, object)
	if engine.Is(err, engine.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	name := describe.NameField(described)
	reading := vault.Reading{
		Fields: []string{name}, IncludeDeleted: true,
		Filter: &vault.Filter{Fields: fields, Match: func(values [][]byte) bool {
			return slices.ContainsFunc(values, func(v []byte) bool { return string(v) == string(rights.RecordID) })
		}},
	}
	var access map[string]engine.Access
	for version, err := range r.Vault.AsOf(ctx, vault.Point{OrgID: rights.OrgID}, object, reading) {
		if err != nil {
			return err
		}
		if version.Live() {
			continue
		}
		if access == nil {
			if access, err = r.Access.fieldsOf(ctx, rights.Asker, object); err != nil {
				return err
			}
			if !mayReadAny(access) {
				return nil
			}
		}
		search.add(deletedRecord(described, version, fieldAccess(described, access, name).Read))
	}
	return nil
}

func deletedRecord(o *engine.SObject, v *vault.Version, named bool) DeletedRecord {
	d := DeletedRecord{ObjectName: o.Name, ObjectLabel: o.Label, RecordID: string(v.RecordID), Tombstone: v.Tombstone, DeletedAt: v.CapturedAt.UTC()}
	if at := moment(v.Modstamp); at != nil && v.Tombstone == engine.SoftDelete {
		d.DeletedAt = *at
	}
	if named && len(v.Values) > 0 {
		d.Name = string(v.Values[0])
	}
	return d
}

// A place in the list is a moment in microseconds and an id.

func placeOf(d *DeletedRecord) string {
	return strconv.FormatInt(d.DeletedAt.UnixMicro(), 36) + "-" + d.RecordID
}

func parsePlace(text string) (*DeletedRecord, bool) {
	moment, id, found := strings.Cut(text, "-")
	micro, err := strconv.ParseInt(moment, 36, 64)
	return &DeletedRecord{DeletedAt: time.UnixMicro(micro).UTC(), RecordID: id}, found && err == nil
}
