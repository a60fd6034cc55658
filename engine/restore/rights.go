package restore

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// Asker is a user of an org who asks through its Apex, about one record.
type Asker struct {
	OrgID      string
	User       engine.RecordID
	ObjectName string
	RecordID   engine.RecordID
	// Readable are the fields that the org's Apex found that the user may read;
	// the org is asked for itself, too, and both must allow a field.
	Readable []string
	// Afresh asks the org even for what it said a moment ago.
	Afresh bool
}

// Rights are what a user of an org may do with one record: what they are shown
// of it, and whether they may have it restored.
type Rights struct {
	Asker
	Name   string // the user's
	Object *engine.SObject
	Gone   bool // the org no longer has the record, and the user may see deleted ones

	edit        bool
	permissions []string
	asked       map[string]bool // fields in lower case
	fields      map[string]engine.Access
}

var apiName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)

// RightsOf asks the org what the user may do. The codes are USER_NOT_ACTIVE,
// NO_RECORD_ACCESS and NO_DELETED_ACCESS, and only after them UNKNOWN_OBJECT.
func (r *Restore) RightsOf(ctx context.Context, who Asker) (*Rights, error) {
	if !apiName.MatchString(who.ObjectName) {
		return nil, fieldError("BAD_REQUEST", "objectName", "“objectName” is not the API name of an object.")
	}
	user, fields, err := r.Access.of(ctx, who)
	if err != nil {
		return nil, err
	}
	rights := &Rights{
		Asker: who, Name: user.name, edit: user.record.Edit, permissions: user.permissions,
		asked: lowered(who.Readable), fields: fields,
	}
	rights.Object, err = r.Dictionary.SObject(ctx, who.OrgID, who.ObjectName)
	switch {
	case !user.known || !user.active:
		return nil, engine.E(engine.KindDenied, "USER_NOT_ACTIVE", "You are not active as a user of the org: ask its administrator.")
	case !user.record.Read:
		if rights.Gone, err = r.gone(ctx, rights, err); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	if !rights.mayReadObject() {
		return nil, noRecordAccess()
	}
	return rights, nil
}

// gone tells a record that the org no longer has from one that is not shared
// with the user. unknown is why the dictionary has no such object, if so.
func (r *Restore) gone(ctx context.Context, rights *Rights, unknown error) (bool, error) {
	if engine.Is(unknown, engine.KindNotFound) {
		return false, noRecordAccess()
	}
	if unknown != nil {
		return false, unknown
	}
	org, err := r.Orgs.OpenOrg(ctx, rights.OrgID)
	if err != nil {
		return false, err
	}
	found, err := org.Retrieve(ctx, engine.RetrieveRequest{Object: *rights.Object, Fields: []string{"Id"}, IDs: []engine.RecordID{rights.RecordID}})
	switch {
	case err != nil:
		return false, err
	case len(found) == 1 && found[0].Found:
		return false, noRecordAccess()
	}
	return true, rights.requireViewDeleted()
}

func (a *Rights) holds(permission string) bool { return slices.Contains(a.permissions, permission) }

func (a *Rights) requireViewDeleted() error {
	if a.holds(permissionViewDeleted) {
		return nil
	}
	return engine.E(engine.KindDenied, "NO_DELETED_ACCESS", "You may not see deleted records here. Ask your administrator for the permission set “Time Machine: see deleted records”.")
}

func noRecordAccess() error {
	return engine.E(engine.KindDenied, "NO_RECORD_ACCESS", "You do not have access to this record. Ask its owner or your administrator to share it with you.")
}

// MayRead tells whether the user may read a field of the record: by what Apex
// sent along, and by what the org says to us.
func (a *Rights) MayRead(field string) bool {
	return a.asked[strings.ToLower(field)] && fieldAccess(a.Object, a.fields, field).Read
}

func (a *Rights) mayEdit(field string) bool {
	return a.MayRead(field) && fieldAccess(a.Object, a.fields, field).Edit
}

// fieldAccess is what the org says of a field, or of the compound field that
// it is a component of.
func fieldAccess(o *engine.SObject, fields map[string]engine.Access, name string) engine.Access {
	if access, said := fields[strings.ToLower(name)]; said {
		return access
	}
	if f, ok := o.Field(name); ok && f.CompoundFieldName != "" {
		return fields[strings.ToLower(f.CompoundFieldName)]
	}
	return engine.Access{}
}

// mayReadObject: who may read none of its fields may not read the object.
func (a *Rights) mayReadObject() bool { return mayReadAny(a.fields) }

func mayReadAny(fields map[string]engine.Access) bool {
	for _, access := range fields {
		if access.Read {
			return true
		}
	}
	return false
}

func lowered(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[strings.ToLower(name)] = true
	}
	return set
}
