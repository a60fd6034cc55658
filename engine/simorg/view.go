package simorg

import (
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// administrator is what a user with no Permissions of their own may do.
var administrator = []string{
	"ApiEnabled", "ViewAllData", "ModifyAllData", "QueryAllFiles", "ManageInteraction", "CustomizeApplication",
	"ModifyMetadata", "ViewSetup", "ManageUsers", "AuthorApex", "CreateAuditFields", "UpdateWithInactiveOwners",
	"BulkApiHardDelete", "ViewEncryptedData", "EditTask", "EditEvent",
}

func newPerson(u User) *person {
	granted := u.Permissions
	if granted == nil {
		granted = administrator
	}
	return &person{
		User: u, permissions: setOf(granted, false), hiddenObjects: setOf(u.HiddenObjects, true),
		hiddenFields: setOf(u.HiddenFields, true), readOnlyFields: setOf(u.ReadOnlyFields, true),
	}
}

func setOf(list []string, lower bool) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, s := range list {
		if lower {
			s = strings.ToLower(s)
		}
		set[s] = true
	}
	return set
}

// may says whether the user has a permission.
func (p *person) may(permission string) bool { return p.permissions[permission] }

// seesObject says whether the object is there for the user; a companion hides
// with its parent.
func (p *person) seesObject(obj *schema.Object) bool {
	if p.hiddenObjects[strings.ToLower(obj.Name)] {
		return false
	}
	_, parent := obj.Associate()
	return parent == "" || !p.hiddenObjects[strings.ToLower(parent)]
}

// field is a field as the user sees it: nil when hidden, an altered copy when
// their permissions change what they may write. A recorded describe already says
// what the recorded user may.
func (p *person) field(obj *schema.Object, f *schema.Field) *schema.Field {
	if len(p.hiddenFields)+len(p.readOnlyFields) > 0 {
		key := strings.ToLower(obj.Name + "." + f.Name)
		if p.hiddenFields[key] {
			return nil
		}
		if p.readOnlyFields[key] {
			frozen := *f
			frozen.Createable, frozen.Updateable = false, false
			return &frozen
		}
	}
	if !f.Createable && auditFields[f.Name] && !obj.Recorded && p.may("CreateAuditFields") && auditable(obj) {
		settable := *f
		settable.Createable = true
		return &settable
	}
	return f
}

// view is field for one object.
func (p *person) view(obj *schema.Object) schema.View {
	return func(f *schema.Field) *schema.Field { return p.field(obj, f) }
}

var auditFields = map[string]bool{"CreatedById": true, "CreatedDate": true, "LastModifiedById": true, "LastModifiedDate": true}

// auditObjects are the standard objects whose audit fields may be set (reference §8.9).
var auditObjects = []string{
	"Account", "Attachment", "CampaignMember", "Case", "CaseComment", "Contact", "ContentVersion",
	"Contract", "Event", "Idea", "IdeaComment", "Lead", "Opportunity", "Question", "Task", "Vote",
}

func auditable(obj *schema.Object) bool {
	return strings.HasSuffix(obj.Name, "__c") && !obj.Can("customSetting") || slices.Contains(auditObjects, obj.Name)
}

// seesRecord says whether the record is shared with the user.
func (o *Org) seesRecord(p *person, obj *schema.Object, r *store.Record) bool {
	if files[obj.Name] && !p.may("QueryAllFiles") && !o.seesFile(p, obj, r) {
		return false
	}
	if !p.OwnRecordsOnly || p.may("ViewAllData") {
		return true
	}
	owner := obj.Field("OwnerId")
	return owner == nil || r.Get(owner.Col) == p.id
}

// files are the objects that View All Data alone does not open.
var files = map[string]bool{"ContentDocument": true, "ContentVersion": true}

// seesFile says whether a file is the user's own, or linked to them or to a
// record that they see.
func (o *Org) seesFile(p *person, obj *schema.Object, r *store.Record) bool {
	if r.Get(obj.Field("OwnerId").Col) == p.id {
		return true
	}
	id := r.ID
	if obj.Name == "ContentVersion" {
		id = r.Get(obj.Field("ContentDocumentId").Col)
	}
	seen := false
	links := o.schema().Get("ContentDocumentLink")
	document, entity := links.Field("ContentDocumentId").Col, links.Field("LinkedEntityId").Col
	o.tables[links.Name].Where(document, id, func(l *store.Record) bool {
		if l.State == store.Live {
			at := l.Get(entity)
			target := o.ofID(at)
			seen = seen || at == p.id
			if target != nil && target.Name != "User" && p.seesObject(target) {
				record := o.tables[target.Name].Get(at)
				seen = seen || record != nil && o.seesRecord(p, target, record)
			}
		}
		return !seen
	})
	return seen
}

// object finds the SObject that a request names, if the user may see it.
func (c *call) object(name string) (*schema.Object, error) {
	obj := c.org.schema().Get(name)
	if obj == nil || !c.session.user.seesObject(obj) {
		return nil, notFound()
	}
	return obj, nil
}
