package templates

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/soql"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/templateobject"
)

// Object is a place in a template's tree.
type Object struct {
	Path, Object, Field              string
	Filter                           *Filter // nil: every record
	Retain                           bool
	Dependence                       *describe.Dependence // nil: somebody chose it
	Blocker                          bool
	AddedChildren, AvailableChildren int
}

// Filter is what an object was narrowed to, in both forms. Conditions are nil
// when no form can show it.
type Filter struct {
	GivenAs    FilterForm
	SOQL       string
	Conditions []soql.FilterCondition
	Logic      string
}

// FilterForm is how a filter was given.
type FilterForm string

// The forms.
const (
	AsConditions FilterForm = "CONDITIONS"
	AsSOQL       FilterForm = "SOQL"
)

// Tree lists a template's objects, parents first.
func (t *Templates) Tree(ctx context.Context, of *ent.Template) ([]Object, error) {
	rows, err := t.DB.Client.TemplateObject.Query().Where(templateobject.TemplateID(of.ID)).Order(templateobject.ByPosition()).All(ctx)
	if err != nil {
		return nil, engine.Wrap("load the template", err)
	}
	known := t.Dictionary.Memo(ctx, of.OrgID)
	tree, place := make([]Object, len(rows)), map[string]int{}
	for i, row := range rows {
		filter, err := filterOf(row)
		if err != nil {
			return nil, err
		}
		tree[i] = Object{Path: row.Path, Object: row.Object, Field: row.Field, Filter: filter, Retain: row.Retain, Blocker: row.Blocker}
		if row.Dependence != nil {
			dependence := describe.Dependence(*row.Dependence)
			tree[i].Dependence = &dependence
		}
		if parent := known.Lookup(row.Object); parent != nil {
			tree[i].AvailableChildren = len(children(parent, known))
		}
		place[row.Path] = i
		if at := strings.LastIndexByte(row.Path, '/'); at >= 0 {
			tree[place[row.Path[:at]]].AddedChildren++
		}
	}
	return tree, nil
}

// filterOf reads a filter back; nil when there is none.
func filterOf(row *ent.TemplateObject) (*Filter, error) {
	if row.Condition == "" {
		return nil, nil //nolint:nilnil // no filter is not an error
	}
	var given soql.Given
	if err := json.Unmarshal(row.Filter, &given); err != nil {
		return nil, engine.Wrap("read a filter", err)
	}
	if given.SOQL == "" {
		return &Filter{GivenAs: AsConditions, SOQL: row.Condition, Conditions: given.Conditions, Logic: cmp.Or(strings.TrimSpace(given.Logic), "all")}, nil
	}
	condition, err := soql.ParseCondition(given.SOQL)
	if err != nil {
		return nil, engine.Wrap("parse a stored filter", err)
	}
	form, _ := soql.FilterFrom(condition)
	return &Filter{GivenAs: AsSOQL, SOQL: given.SOQL, Conditions: form.Conditions, Logic: form.Logic}, nil
}
