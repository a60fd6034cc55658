package schema

import "strings"

// systemFields puts the fields that come first: Id and, where the object has a
// Recycle Bin, IsDeleted.
func (o *Object) systemFields(kind string) {
	if kind == "none" {
		id := systemField("Id", "id", "Record ID")
		o.Add(id)
		return
	}
	id := systemField("Id", "id", labelOf(o.Name)+" ID")
	id.IDLookup = true
	o.Add(id)
	if kind == "full" || kind == "nomodified" || kind == "stamp" || kind == "createddelete" {
		o.Add(systemField("IsDeleted", "boolean", "Deleted"))
	}
}

// tailFields puts the audit fields that the kind of object has (reference §5.2).
func (o *Object) tailFields(kind string, viewed, activity bool) {
	add := func(name, typ, label string) *Field {
		f := systemField(name, typ, label)
		o.Add(f)
		return f
	}
	if kind == "full" || kind == "nodelete" || kind == "nomodified" || strings.HasPrefix(kind, "created") {
		add("CreatedDate", "datetime", "Created Date")
		add("CreatedById", "reference", "Created By ID").Reference("CreatedBy", "User")
	}
	if kind == "full" || kind == "nodelete" {
		add("LastModifiedDate", "datetime", "Last Modified Date")
		add("LastModifiedById", "reference", "Last Modified By ID").Reference("LastModifiedBy", "User")
	}
	if kind == "lastmod" {
		add("LastModifiedDate", "datetime", "Last Modified Date")
	}
	if kind != "none" && kind != "created" && kind != "createddelete" && kind != "lastmod" {
		add("SystemModstamp", "datetime", "System Modstamp")
	}
	if activity {
		optional(add("LastActivityDate", "date", "Last Activity"))
	}
	if viewed {
		optional(add("LastViewedDate", "datetime", "Last Viewed Date"))
		optional(add("LastReferencedDate", "datetime", "Last Referenced Date"))
	}
}

func optional(f *Field) { f.Nillable, f.DefaultedOnCreate = true, false }

func systemField(name, typ, label string) *Field {
	f := NewField(name, typ, 18, 0).ReadOnly()
	f.Label, f.Nillable, f.DefaultedOnCreate, f.Permissionable = label, false, true, false
	return f
}

// companion adds the History, Feed or Share object of o.
func (c *Catalogue) companion(o *Object, kind string) *Object {
	name, parentField := o.Name+kind, o.Name+"Id"
	if base, ok := strings.CutSuffix(o.Name, "__c"); ok {
		name, parentField = base+"__"+kind, "ParentId"
	}
	if o.Name == "Opportunity" && kind == "History" {
		name = "OpportunityFieldHistory"
	}
	if kind == "Feed" || kind == "Share" && !classicShares[o.Name] {
		parentField = "ParentId"
	}
	k := NewObject(name, companionPrefix[kind+o.Name])
	k.Set("associateEntityType", kind, "associateParentEntity", o.Name, "custom", false, "mruEnabled", false,
		"label", labelOf(o.Name)+" "+kind, "labelPlural", labelOf(o.Name)+" "+kind, "layoutable", false,
		"triggerable", false, "undeletable", false, "searchable", false, "createable", kind == "Share",
		"updateable", kind == "Share", "deletable", kind != "History", "replicateable", kind != "Share")
	k.Add(companionID())
	child := ChildRelationship{ChildSObject: name, Field: parentField, CascadeDelete: true}
	switch kind {
	case "History":
		child.RelationshipName = ptr("Histories")
	case "Share":
		child.RelationshipName = ptr("Shares")
	case "Feed":
		child.RelationshipName = ptr("Feeds")
	}
	k.companionFields(kind, parentField, o)
	c.Put(k)
	c.Relate(o.Name, child)
	return k
}

func companionID() *Field { return systemField("Id", "id", "Record ID") }

// companionPrefix are the key prefixes of reference §3; the others have none.
var companionPrefix = map[string]string{
	"HistoryAccount": "017", "ShareAccount": "00r", "ShareContact": "03s", "ShareOpportunity": "00t",
	"ShareCase": "01n", "ShareLead": "01o", "ShareCampaign": "08s",
}

func (o *Object) companionFields(kind, parentField string, of *Object) {
	parent := NewField(parentField, "reference", 18, 0).Reference(strings.TrimSuffix(parentField, "Id"), of.Name)
	parent.Nillable, parent.Updateable, parent.Label = false, false, labelOf(parentField)
	text := func(name string, size int) *Field {
		f := NewField(name, "string", size, 0).ReadOnly()
		o.Add(f)
		return f
	}
	switch kind {
	case "History":
		o.Add(systemField("IsDeleted", "boolean", "Deleted"))
		o.Add(parent.ReadOnly())
		o.tailFields("created", false, false)
		text("Field", 255)
		text("DataType", 255)
		text("OldValue", 255)
		text("NewValue", 255)
	case "Feed":
		o.Add(systemField("IsDeleted", "boolean", "Deleted"))
		o.Add(parent.ReadOnly())
		text("Type", 40)
		o.Add(NewField("Title", "string", 255, 0).ReadOnly())
		o.Add(NewField("Body", "textarea", 10000, 0).ReadOnly())
		o.tailFields("full", false, false)
	case "Share":
		o.Add(parent)
		grantee := NewField("UserOrGroupId", "reference", 18, 0).Reference("UserOrGroup", "User", "Group")
		grantee.Nillable, grantee.Updateable = false, false
		o.Add(grantee)
		o.accessLevels(of)
		cause := NewField("RowCause", "picklist", 40, 0)
		cause.DefaultedOnCreate, cause.Updateable, cause.DefaultValue = true, false, "Manual"
		o.Add(cause)
		o.Add(systemField("IsDeleted", "boolean", "Deleted"))
		o.tailFields("lastmod", false, false)
		o.Pair = []string{parentField, "UserOrGroupId", "RowCause"}
	}
}

// classicShares name the parent and the level after it; all others say ParentId
// and AccessLevel.
var classicShares = map[string]bool{
	"Account": true, "Contact": true, "Opportunity": true, "Case": true, "Lead": true, "Campaign": true,
	"Asset": true, "Order": true, "Contract": true, "User": true, "Individual": true,
}

func (o *Object) accessLevels(of *Object) {
	names := []string{"AccessLevel"}
	switch {
	case of.Name == "Account":
		names = []string{"AccountAccessLevel", "OpportunityAccessLevel"}
	case classicShares[of.Name]:
		names = []string{of.Name + "AccessLevel"}
	}
	for _, name := range names {
		level := NewField(name, "picklist", 40, 0)
		level.Nillable = false
		o.Add(level)
	}
}

// hidden are attributes that steer the org and are never printed.
func (o *Object) hide(names ...string) {
	for _, n := range names {
		if b, _ := o.Attrs[n].(bool); b {
			o.Traits = append(o.Traits, n)
		}
		delete(o.Attrs, n)
	}
}
