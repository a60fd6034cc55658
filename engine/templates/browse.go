package templates

import (
	"context"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/ent/sobject"
	"github.com/holdfast-backup/holdfast/ent/template"
)

// Child is an SObject that can be added below another.
type Child struct {
	Object     string
	Label      string
	Field      string
	Dependence *describe.Dependence // what a delete of the parent does to it
	Blocker    bool
}

// Children lists what can be added below an SObject, as its describe orders it.
func (t *Templates) Children(ctx context.Context, orgID, name string) ([]Child, error) {
	if err := t.ready(ctx, orgID); err != nil {
		return nil, err
	}
	known := t.Dictionary.Memo(ctx, orgID)
	parent, err := known.SObject(name)
	if err != nil {
		return nil, err
	}
	return children(parent, known), nil
}

func children(parent *engine.SObject, known *capture.Memo) []Child {
	depends := map[string]describe.Dependent{}
	for _, d := range describe.Dependents(parent, known.Lookup) {
		depends[d.SObject+"."+d.Field] = d
	}
	list := []Child{}
	for _, r := range parent.ChildRelationships {
		object := known.Lookup(r.ChildSObject)
		if r.DeprecatedAndHidden || object == nil {
			continue
		}
		child := Child{Object: object.Name, Label: object.Label, Field: r.Field}
		if d, ok := depends[r.ChildSObject+"."+r.Field]; ok {
			child.Dependence, child.Blocker = &d.Dependence, d.Blocker
		}
		list = append(list, child)
	}
	return list
}

// ObjectType is an SObject that a template can name.
type ObjectType struct{ Name, Label, KeyPrefix, Class string }

// Browse finds the SObjects that can be in a template, by name, whose name or
// label contains the text (F58).
func (t *Templates) Browse(ctx context.Context, orgID, search string, limit int) ([]ObjectType, error) {
	if err := t.ready(ctx, orgID); err != nil {
		return nil, err
	}
	list := t.DB.Client.SObject.Query().Where(sobject.OrgID(orgID), sobject.Gone(false), sobject.DescribeNotNil())
	if search != "" {
		list.Where(sobject.Or(sobject.NameContainsFold(search), sobject.LabelContainsFold(search), sobject.LabelContains(search)))
	}
	rows, err := list.Order(sobject.ByName()).Limit(limit).
		Select(sobject.FieldName, sobject.FieldLabel, sobject.FieldKeyPrefix, sobject.FieldClass).All(ctx)
	found := make([]ObjectType, len(rows))
	for i, row := range rows {
		found[i] = ObjectType{row.Name, row.Label, row.KeyPrefix, row.Class}
	}
	return found, engine.Wrap("look into the dictionary", err)
}

// CountInput asks how many records a tree would take (F63).
type CountInput struct {
	OrgID   string
	Objects []ObjectInput
}

// Count is how many records of one path the org has now; nil where no single
// condition says which they are.
type Count struct {
	Path    string
	Object  string
	Records *int64
}

// CountRecords asks the org. Nothing is stored.
func (t *Templates) CountRecords(ctx context.Context, in CountInput) ([]Count, error) {
	tree, err := t.plan(ctx, in.OrgID, template.TypeBACKUP, in.Objects)
	if err != nil {
		return nil, err
	}
	org, err := t.Orgs.OpenOrg(ctx, in.OrgID)
	if err != nil {
		return nil, err
	}
	counter, ok := org.(engine.Counter)
	if !ok {
		return nil, engine.E(engine.KindInternal, "CANNOT_COUNT", "This org cannot be asked for counts.")
	}
	branches := make([]capture.Branch, len(tree))
	for i, o := range tree {
		branches[i] = capture.Branch{Path: o.path, Object: o.describe.Name, Field: o.field, Condition: o.condition}
	}
	selections, failed := t.Dictionary.Select(ctx, in.OrgID, branches)
	counts := make([]Count, len(branches))
	for i, b := range branches {
		counts[i] = Count{Path: b.Path, Object: b.Object}
		if failed[b.Path] != nil {
			return nil, failed[b.Path]
		}
		if s := selections[b.Path]; s.Parents == nil {
			n, err := counter.CountWhere(ctx, b.Object, s.Where)
			if err != nil {
				return nil, err
			}
			counts[i].Records = &n
		}
	}
	return counts, nil
}
