package timemachine

import (
	"slices"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// The sieve drops from an answer what the running user may not know, whatever
// Holdfast sent.

// keep is the text where it may be known.
func keep(text *string, known bool) *string {
	if !known {
		return nil
	}
	return text
}

func (r *rights) stripVersions(answer *versionsAnswer) {
	for i := range answer.Versions {
		v := &answer.Versions[i]
		v.ModifiedAt = keep(v.ModifiedAt, r.mayRead("LastModifiedDate"))
		v.ModifiedByName = keep(v.ModifiedByName, r.mayRead("LastModifiedById"))
	}
}

func (r *rights) stripComparison(answer *comparison) {
	answer.Fields = slices.DeleteFunc(answer.Fields, func(f field) bool { return !r.mayRead(f.Name) })
	for i := range answer.Fields {
		f := &answer.Fields[i]
		f.Label = r.labelOf(f.Name)
		r.markWritable(f)
	}
	r.stripReferences(answer.Fields)
	for i := range answer.Columns {
		c := &answer.Columns[i]
		c.CurrencyIsoCode = keep(c.CurrencyIsoCode, r.mayRead("CurrencyIsoCode"))
		c.ModifiedAt = keep(c.ModifiedAt, r.mayRead("LastModifiedDate"))
		c.ModifiedByName = keep(c.ModifiedByName, r.mayRead("LastModifiedById"))
	}
	answer.CannotRestoreCode = r.cannotRestoreCode()
	answer.CanRestore = answer.CannotRestoreCode == nil
}

func (r *rights) markWritable(f *field) {
	if f.Restorable && !r.mayWrite(f.Name) {
		code, reason := "NO_EDIT_ACCESS", r.user.Label("TimeMachine_ReasonNoEditAccess")
		f.Restorable, f.ReasonCode, f.Reason = false, &code, &reason
	}
}

// stripReferences drops the names of referred records that the user may not
// read.
func (r *rights) stripReferences(fields []field) {
	seen := visible(r.user, referredBy(fields, false))
	for _, id := range visibleThoughGone(r.user, referredBy(fields, true)) {
		seen[id] = true
	}
	for _, f := range fields {
		for i := range f.References {
			if f.Values[i] == nil || !seen[full(*f.Values[i])] {
				f.References[i] = nil
			}
		}
	}
}

// referredBy are the ids of the named references that Holdfast calls deleted,
// or does not, each once.
func referredBy(fields []field, deleted bool) []string {
	var ids []string
	for _, f := range fields {
		for i, named := range f.References {
			if named == nil || named.Deleted != deleted || f.Values[i] == nil {
				continue
			}
			if id := full(*f.Values[i]); id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// full is Id.valueOf.
func full(text string) string {
	id, _ := simorg.ReadID(text)
	return id
}

func (r *rights) stripJob(answer *jobAnswer) {
	answer.Job.Outcomes = slices.DeleteFunc(answer.Job.Outcomes, func(o outcome) bool { return !r.mayRead(o.Name) })
}

func stripDeleted(user *simorg.Running, answer *deletedRecords) {
	answer.Records = slices.DeleteFunc(answer.Records, func(row deletedRecord) bool {
		object, found := user.Describe(row.RecordID)
		return !found || !object.Accessible
	})
	for i := range answer.Records {
		row := &answer.Records[i]
		object, _ := user.Describe(row.RecordID)
		row.ObjectLabel = object.Label
		row.Name = keep(row.Name, nameIsReadable(object))
	}
}

func nameIsReadable(object simorg.DescribedObject) bool {
	for _, f := range object.Fields {
		if f.NameField {
			return object.Accessible && f.Accessible
		}
	}
	return false
}
