package simorg

import (
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// keepCustomPermission gives a custom permission its record.
func (o *Org) keepCustomPermission(name string, root *element) {
	o.keepNamed(named{object: "CustomPermission", field: "DeveloperName", name: name}, input{
		"MasterLabel": root.child("label").text, "Description": root.child("description").text, "Language": "en_US",
	})
}

// keepPermissionSet gives a permission set its record, and a row for each
// custom permission that it grants; those it no longer grants are taken back.
func (o *Org) keepPermissionSet(name string, root *element) {
	set := o.keepNamed(named{object: "PermissionSet", field: "Name", name: name}, input{
		"Label": root.child("label").text, "Description": root.child("description").text, "IsCustom": "true",
	})
	access := o.schema().Get("SetupEntityAccess")
	if set == "" || access == nil {
		return
	}
	t := o.begin(o.first, writeOptions{})
	for _, r := range o.find("SetupEntityAccess", "ParentId", set) {
		t.change(access, r, nil, func(r *store.Record) { r.State = store.Gone })
	}
	for _, grant := range root.children {
		if grant.name != "customPermissions" || grant.child("enabled").text != "true" {
			continue
		}
		for _, permission := range o.find("CustomPermission", "DeveloperName", grant.child("name").text) {
			t.birth("SetupEntityAccess", o.nextID("0J0"), input{"ParentId": set, "SetupEntityId": permission.ID, "SetupEntityType": "CustomPermission"})
		}
	}
}

// named is a setup record by the value of its naming field.
type named struct{ object, field, name string }

// keepNamed makes a setup record or changes the one of that name, and answers
// its id; empty in an org without that SObject.
func (o *Org) keepNamed(n named, in input) string {
	obj := o.schema().Get(n.object)
	if obj == nil {
		return ""
	}
	in[n.field] = n.name
	t := o.begin(o.first, writeOptions{})
	if found := o.find(n.object, n.field, n.name); len(found) > 0 {
		values := t.values(row{obj, found[0]})
		for field, v := range in {
			values[obj.Field(field).Col], _ = v.(string)
		}
		t.change(obj, found[0], values, func(r *store.Record) { r.Stamp = t.stamp })
		return found[0].ID
	}
	id := o.nextID(prefixOf(obj))
	t.birth(n.object, id, in)
	return id
}

// find is the live records of an object whose field has a value; setup records
// are few.
func (o *Org) find(object, field, value string) []*store.Record {
	var found []*store.Record
	obj := o.schema().Get(object)
	if obj == nil {
		return nil
	}
	o.tables[object].Where(obj.Field(field).Col, value, func(r *store.Record) bool {
		if r.State == store.Live {
			found = append(found, r)
		}
		return true
	})
	return found
}

// entityAccess tells the type of what a permission set opens.
func entityAccess(c *change) error {
	if obj := c.o.schema().ByPrefix(c.get("SetupEntityId")); obj != nil {
		c.set("SetupEntityType", obj.Name)
	}
	return nil
}

// activeAssignment: an assignment without an end is active.
func activeAssignment(c *change) error {
	c.set("IsActive", "true")
	return nil
}

// holds says whether one of a user's permission sets, their profile's own
// among them, grants a custom permission.
func (o *Org) holds(userID, permission string) bool {
	assignment, access := o.schema().Get("PermissionSetAssignment"), o.schema().Get("SetupEntityAccess")
	if assignment == nil || access == nil {
		return false
	}
	sets := map[string]bool{}
	for _, r := range o.find("PermissionSetAssignment", "AssigneeId", userID) {
		sets[r.Get(assignment.Field("PermissionSetId").Col)] = true
	}
	for _, p := range o.find("CustomPermission", "DeveloperName", permission) {
		for _, r := range o.find("SetupEntityAccess", "SetupEntityId", p.ID) {
			if sets[r.Get(access.Field("ParentId").Col)] {
				return true
			}
		}
	}
	return false
}
