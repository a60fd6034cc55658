package simorg

import (
	"bytes"
	"fmt"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// Running is the org as Apex sees it that runs for a user: inside the org, past
// its APIs and their limits. Each answer is of the moment it is asked for.
type Running struct {
	org    *Org
	userID string
}

// DescribedObject is a DescribeSObjectResult for the running user.
type DescribedObject struct {
	Name, Label            string
	Accessible, Updateable bool
	Fields                 []DescribedField // in the schema's order, those that the user may not read too
}

// DescribedField is a DescribeFieldResult for the running user.
type DescribedField struct {
	Name, Label                       string
	Accessible, Updateable, NameField bool
}

// RecordAccess is a row of UserRecordAccess.
type RecordAccess struct{ HasReadAccess, HasEditAccess bool }

// RunAs answers the org as Apex sees it for an active user, named by username.
func (o *Org) RunAs(username string) (*Running, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	p := o.personByName(username)
	if p == nil || p.Inactive {
		return nil, fmt.Errorf("the org has no active user %s", username)
	}
	return &Running{org: o, userID: p.id}, nil
}

// UserID is UserInfo.getUserId().
func (r *Running) UserID() string { return r.userID }

// OrganizationID is UserInfo.getOrganizationId().
func (r *Running) OrganizationID() string { return r.org.orgID }

// Describe is Id.getSobjectType().getDescribe() of a record's id; found is false
// for an id of no SObject.
func (r *Running) Describe(recordID string) (described DescribedObject, found bool) {
	r.org.mu.RLock()
	defer r.org.mu.RUnlock()
	obj := r.org.schema().ByPrefix(recordID)
	if obj == nil {
		return described, false
	}
	p := r.org.users[r.userID]
	described = DescribedObject{
		Name: obj.Name, Label: obj.Label(), Accessible: p.seesObject(obj) && obj.Can("queryable"),
		Updateable: p.seesObject(obj) && obj.Can("updateable") && !p.readOnlyObject(obj),
	}
	for _, f := range obj.Fields {
		described.Fields = append(described.Fields, p.describedField(obj, f))
	}
	return described, true
}

func (p *person) describedField(obj *schema.Object, f *schema.Field) DescribedField {
	mine := p.field(obj, f)
	seen := mine != nil && p.seesObject(obj)
	return DescribedField{
		Name: f.Name, Label: f.Label, NameField: f.NameField,
		Accessible: seen, Updateable: seen && mine.Updateable && !p.readOnlyObject(obj),
	}
}

// RecordAccess is what UserRecordAccess says of records, by their ids.
func (r *Running) RecordAccess(ids []string) map[string]RecordAccess {
	r.org.mu.RLock()
	defer r.org.mu.RUnlock()
	rows := make(map[string]RecordAccess, len(ids))
	for _, id := range ids {
		read, edit, _ := r.org.access(r.org.users[r.userID], id)
		rows[id] = RecordAccess{HasReadAccess: read, HasEditAccess: edit}
	}
	return rows
}

// Exists says whether a query in system mode, past the user's sharing, finds
// the record.
func (r *Running) Exists(recordID string) bool {
	r.org.mu.RLock()
	defer r.org.mu.RUnlock()
	obj := r.org.schema().ByPrefix(recordID)
	if obj == nil {
		return false
	}
	record := r.org.tables[obj.Name].Get(recordID)
	return record != nil && record.State == store.Live
}

// CheckPermission is FeatureManagement.checkPermission: a custom permission,
// through any of the user's permission sets.
func (r *Running) CheckPermission(name string) bool {
	r.org.mu.RLock()
	defer r.org.mu.RUnlock()
	return r.org.holds(r.userID, name)
}

// Label is a custom label of the org; empty when there is none.
func (r *Running) Label(name string) string {
	r.org.meta.mu.Lock()
	defer r.org.meta.mu.Unlock()
	for _, c := range r.org.meta.components {
		if c.typ.name != "CustomLabels" {
			continue
		}
		document, err := parseXML(bytes.NewReader(c.body))
		if err != nil || len(document.children) == 0 {
			continue
		}
		for _, label := range document.children[0].children {
			if label.child("fullName").text == name {
				return label.child("value").text
			}
		}
	}
	return ""
}

// ReadID reads an id of 15 or 18 characters and answers it with 18.
func ReadID(text string) (id string, valid bool) { return readID(text) }
