package simorg

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// text is a JSON value as text, "" for null.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return fmt.Sprint(v)
}

// computedRows are the rows of the data API's setup views; ok is false for
// objects that have records.
func (c *call) computedRows(e *engine, q *soql.Query) (rows []fact, ok bool, err error) {
	switch strings.ToLower(q.From) {
	case "userrecordaccess":
		rows, err = c.recordAccess(e, q)
	case "userfieldaccess":
		rows, err = c.fieldAccess(q)
	case "userpermissionaccess":
		row := fact{"Id": c.session.user.id, "LastCacheUpdate": formatREST(c.org.cfg.Now())}
		for _, f := range e.org.schema().Get("UserPermissionAccess").Fields {
			if name, is := strings.CutPrefix(f.Name, "Permissions"); is {
				row[f.Name] = c.session.user.may(name)
			}
		}
		rows = []fact{row}
	case "flowdefinitionview":
		rows = c.org.flowViews()
	case "entitydefinition":
		rows = c.org.entityFacts()
	case "duplicaterule":
		for _, r := range c.org.auto.dupes {
			rows = append(rows, fact{
				"Id": c.org.toolingID("0Bm", r.Object+"."+r.Name), "DeveloperName": r.Name, "MasterLabel": r.Name,
				"SobjectType": r.Object, "IsActive": !r.Inactive, "NamespacePrefix": nil,
			})
		}
	case "assignmentrule":
		for _, r := range c.org.auto.assignments {
			rows = append(rows, fact{"Id": c.org.toolingID("01Q", r.Object+"."+r.Name), "Name": r.Name, "SobjectType": r.Object, "Active": !r.Inactive})
		}
	default:
		return nil, false, nil
	}
	return rows, true, err
}

// flowViews lists the flows with their one version.
func (o *Org) flowViews() []fact {
	var rows []fact
	for _, t := range o.auto.triggers {
		if t.Kind != FlowKind {
			continue
		}
		version, active, status := o.toolingID("301", t.Name), any(nil), "Obsolete"
		if !t.Inactive {
			active, status = version, "Active"
		}
		kind := "RecordAfterSave"
		for _, e := range t.Events {
			if e == BeforeInsert || e == BeforeUpdate {
				kind = "RecordBeforeSave"
			}
		}
		rows = append(rows, fact{
			"Id": o.toolingID("300", t.Name), "DurableId": o.toolingID("300", t.Name), "ApiName": t.Name, "Label": t.Name,
			"ProcessType": "AutoLaunchedFlow", "TriggerType": kind, "NamespacePrefix": nil, "ActiveVersionId": active, "LatestVersionId": version,
			"IsActive": !t.Inactive, "ManageableState": "unmanaged", "TriggerObjectOrEventId": t.Object, "TriggerObjectOrEvent": o.entityFact(t.Object),
			"Versions": []fact{{"@type": "FlowVersionView", "Id": version, "DurableId": version, "VersionNumber": 1, "Status": status}},
		})
	}
	return rows
}

// asked are the values that a query's condition demands of a field.
func asked(q *soql.Query, path ...string) []string {
	for _, term := range conjuncts(q.Where) {
		switch term := term.(type) {
		case soql.Comparison:
			if isPath(term.Left, path) && term.Op == soql.Equal {
				return []string{term.Right.Text}
			}
		case soql.Membership:
			if isPath(term.Left, path) && term.Op == soql.In && term.Query == nil {
				values := make([]string, len(term.Values))
				for i, v := range term.Values {
					values[i] = v.Text
				}
				return values
			}
		}
	}
	return nil
}

// maxAccess is how many records one UserRecordAccess query may name.
const maxAccess = 200

func (c *call) recordAccess(e *engine, q *soql.Query) ([]fact, error) {
	users, records := asked(q, "UserId"), asked(q, "RecordId")
	if len(users) != 1 || len(records) == 0 || len(records) > maxAccess {
		return nil, badRequest("MALFORMED_QUERY", "Can select only RecordId, a maximum of %d record ids and one UserId in the WHERE clause of UserRecordAccess", maxAccess)
	}
	id, _ := readID(users[0])
	p := c.org.users[id]
	var rows []fact
	for _, record := range records {
		full, _ := readID(record)
		row := fact{"RecordId": full, "UserId": id, "Id": full, "MaxAccessLevel": "None"}
		read, edit, remove := c.org.access(p, full)
		row["HasReadAccess"], row["HasEditAccess"], row["HasDeleteAccess"] = read, edit, remove
		row["HasTransferAccess"], row["HasAllAccess"] = remove, remove
		switch {
		case remove:
			row["MaxAccessLevel"] = "All"
		case edit:
			row["MaxAccessLevel"] = "Edit"
		case read:
			row["MaxAccessLevel"] = "Read"
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// access is what a person may do with a record.
func (o *Org) access(p *person, id string) (read, edit, remove bool) {
	obj := o.ofID(id)
	if p == nil || obj == nil || !p.seesObject(obj) || p.Inactive {
		return false, false, false
	}
	r := o.tables[obj.Name].Get(id)
	if r == nil || r.State != store.Live || !o.seesRecord(p, obj, r) {
		return false, false, false
	}
	return true, obj.Can("updateable") && !p.readOnlyObject(obj), obj.Can("deletable") && p.may("ModifyAllData") && !p.readOnlyObject(obj)
}

// readOnlyObject says whether every field is read-only for the person ("Account.*").
func (p *person) readOnlyObject(obj *schema.Object) bool {
	return p.readOnlyFields[strings.ToLower(obj.Name)+".*"]
}

// fieldAccess is what a person may do with the fields of the objects that the
// query asks about, by their id or their name.
func (c *call) fieldAccess(q *soql.Query) ([]fact, error) {
	p := c.session.user
	if users := asked(q, "UserId"); len(users) == 1 {
		id, _ := readID(users[0])
		if other := c.org.users[id]; other != nil {
			p = other
		}
	}
	names := asked(q, "EntityDefinitionId")
	names = append(names, asked(q, "EntityDefinition", "QualifiedApiName")...)
	names = append(names, asked(q, "FieldDefinition", "EntityDefinition", "QualifiedApiName")...)
	for _, definition := range asked(q, "FieldDefinitionId") {
		object, _, _ := strings.Cut(definition, ".")
		names = append(names, object)
	}
	var rows []fact
	for _, name := range names {
		if obj := c.org.schema().Get(name); obj != nil {
			rows = append(rows, c.org.fieldAccess(p, obj)...)
		}
	}
	if len(rows) == 0 {
		return nil, badRequest("MALFORMED_QUERY", "UserFieldAccess needs a filter on EntityDefinitionId or FieldDefinitionId")
	}
	return rows, nil
}

func (o *Org) fieldAccess(p *person, obj *schema.Object) []fact {
	rows := make([]fact, 0, len(obj.Fields))
	entity := o.entityFact(obj.Name)
	for _, f := range obj.Fields {
		mine := p.field(obj, f)
		seen := mine != nil && p.seesObject(obj)
		rows = append(rows, fact{
			"DurableId": obj.Name + "." + f.Name + "." + p.id, "UserId": p.id,
			"FieldDefinitionId": obj.Name + "." + f.Name, "EntityDefinitionId": obj.Name, "EntityDefinition": entity,
			"FieldDefinition": fact{
				"@type": "FieldDefinition", "DurableId": obj.Name + "." + f.Name, "QualifiedApiName": f.Name, "EntityDefinition": entity,
			},
			"IsAccessible": seen, "IsCreatable": seen && mine.Createable, "IsUpdatable": seen && mine.Updateable && !p.readOnlyObject(obj),
		})
	}
	return rows
}
