package describe

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// maxHotFields bounds the fields that the vault keeps beside the id for search.
const maxHotFields = 12

// Kept lists the fields whose values a backup stores: all but compounds, whose
// components are stored, and binary content, which is stored as files.
func Kept(o *engine.SObject) []engine.Field {
	var kept []engine.Field
	for _, f := range o.Fields {
		if !isCompound(&f) && f.Type != "base64" && !f.DeprecatedAndHidden {
			kept = append(kept, f)
		}
	}
	return kept
}

// Content names an SObject's binary field, and those that tell the content's
// size and its MD5; empty where it has none.
func Content(o *engine.SObject) (field, size, checksum string) {
	for i := range o.Fields {
		if o.Fields[i].Type == "base64" && !o.Fields[i].DeprecatedAndHidden {
			field = o.Fields[i].Name
			break
		}
	}
	if field == "" {
		return "", "", ""
	}
	for _, name := range []string{"ContentSize", "BodyLength", "LogFileLength", "ContentLength"} {
		if _, ok := o.Field(name); ok && size == "" {
			size = name
		}
	}
	if _, ok := o.Field("Checksum"); ok {
		checksum = "Checksum"
	}
	return field, size, checksum
}

// Names lists the fields' names, in order.
func Names(fields []engine.Field) []string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	return names
}

// Fingerprint changes whenever a field is added, dropped or converted.
func Fingerprint(fields []engine.Field) string {
	lines := make([]string, len(fields))
	for i := range fields {
		lines[i] = fields[i].Name + " " + fields[i].Type
	}
	slices.Sort(lines)
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Join(lines, "\n")))
	return strconv.FormatUint(h.Sum64(), 36)
}

// Derived reports whether the platform computes f, so that a change of it alone
// is no new version: formulas, roll-ups, and the reader's own last look.
func Derived(f *engine.Field) bool {
	return f.Calculated || f.Name == "LastViewedDate" || f.Name == "LastReferencedDate"
}

// Hot lists the names of the fields people search records by: the name,
// emails, phones, external ids, the owner, and lookups to several SObjects (what
// a file or a task is about), at most twelve.
func Hot(o *engine.SObject) []string {
	ranks := []func(*engine.Field) bool{
		func(f *engine.Field) bool { return f.NameField },
		func(f *engine.Field) bool { return f.Name == "OwnerId" },
		func(f *engine.Field) bool { return f.ExternalID || f.Unique && f.Type != "id" },
		func(f *engine.Field) bool { return f.Type == "email" },
		func(f *engine.Field) bool { return f.Type == "phone" },
		func(f *engine.Field) bool { return f.Type == "reference" && len(f.ReferenceTo) > 1 },
	}
	var hot []string
	for _, matches := range ranks {
		for i := range o.Fields {
			f := &o.Fields[i]
			if len(hot) < maxHotFields && matches(f) && !isCompound(f) && !slices.Contains(hot, f.Name) {
				hot = append(hot, f.Name)
			}
		}
	}
	return hot
}

// StampField is the field that tells when a record last changed, "" when the
// SObject has none and must be read in full each time (§5.2).
func StampField(o *engine.SObject) string {
	for _, name := range []string{"SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime"} {
		if f, ok := o.Field(name); ok && f.Filterable {
			if name == "CreatedDate" && Classify(o) != History && o.Updateable {
				return ""
			}
			return name
		}
	}
	return ""
}

// NameField is the field that shows a record to people, "" when there is none.
func NameField(o *engine.SObject) string {
	for i := range o.Fields {
		if o.Fields[i].NameField {
			return o.Fields[i].Name
		}
	}
	return ""
}

// KeepsDeleted reports whether deleted records stay readable in a Recycle Bin.
func KeepsDeleted(o *engine.SObject) bool {
	_, ok := o.Field("IsDeleted")
	return ok
}

// isCompound: addresses and locations are made of component fields. A person's
// Name is made of components too but is text of its own, and kept.
func isCompound(f *engine.Field) bool { return f.Type == "address" || f.Type == "location" }

// NotRestorable says why a field cannot be restored in place.
type NotRestorable string

// The reasons; empty means that the field can be restored.
const (
	Restorable       NotRestorable = ""
	RecordIdentifier NotRestorable = "RECORD_ID"
	Reference        NotRestorable = "REFERENCE"
	Formula          NotRestorable = "FORMULA"
	AutoNumber       NotRestorable = "AUTO_NUMBER"
	Audit            NotRestorable = "AUDIT_FIELD"
	Compound         NotRestorable = "COMPOUND"
	BinaryContent    NotRestorable = "BINARY"
	ReadOnly         NotRestorable = "READ_ONLY"
)

var auditFields = nameSet("CreatedById CreatedDate LastModifiedById LastModifiedDate SystemModstamp")

// RestorableInPlace says whether Time Machine may write f on an existing
// record (F168: non-reference, updateable, not derived), and why not.
func RestorableInPlace(f *engine.Field) NotRestorable {
	switch {
	case f.Type == "id":
		return RecordIdentifier
	case auditFields[f.Name]:
		return Audit
	case f.Type == "reference":
		return Reference
	case f.AutoNumber:
		return AutoNumber
	case f.Calculated:
		return Formula
	case isCompound(f):
		return Compound
	case f.Type == "base64":
		return BinaryContent
	case !f.Updateable:
		return ReadOnly
	}
	return Restorable
}

// Sentence explains the reason to a person.
func (r NotRestorable) Sentence() string {
	return map[NotRestorable]string{
		RecordIdentifier: "A record keeps its id.",
		Reference:        "A lookup is not restored in place: restore it with its related record.",
		Formula:          "Salesforce calculates it.",
		AutoNumber:       "Salesforce numbers it.",
		Audit:            "Salesforce stamps it.",
		Compound:         "It is made of other fields: restore those.",
		BinaryContent:    "It is a file's content: restore the file.",
		ReadOnly:         "The connected user may not update it.",
	}[r]
}
