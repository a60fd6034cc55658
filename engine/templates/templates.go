// Package templates keeps what a templated backup or archive takes: trees of
// SObjects by relationship, each with a filter. One SObject may stand on several
// paths. An archive's tree grows by the dependents that would be lost, or would
// refuse, when their parent is deleted.
package templates

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/soql"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/schedule"
	"github.com/holdfast-backup/holdfast/ent/sobject"
	"github.com/holdfast-backup/holdfast/ent/template"
	"github.com/holdfast-backup/holdfast/ent/templateobject"
)

// Templates is the room's face.
type Templates struct {
	DB         *database.DB
	Orgs       engine.Connector
	Dictionary capture.Dictionary
}

// CreateInput is a new template. Its type stays what it is.
type CreateInput struct {
	OrgID       string
	Name        string
	Description string
	Type        template.Type
	Objects     []ObjectInput
}

// UpdateInput changes what is not nil. Objects replace the whole tree.
type UpdateInput struct {
	TemplateID  string
	Name        *string
	Description *string
	Objects     []ObjectInput
}

// ObjectInput is an SObject in the tree. Path is the way to it from a root:
// Account, or Account/Contact.AccountId/Case.ContactId.
type ObjectInput struct {
	Path   string
	Filter *soql.Given
	Retain bool
}

// Create makes a template; what is wrong with it is told all at once.
func (t *Templates) Create(ctx context.Context, in CreateInput) (made *ent.Template, err error) {
	tree, err := t.plan(ctx, in.OrgID, in.Type, in.Objects)
	if err != nil {
		return nil, err
	}
	err = t.DB.InTx(ctx, func(tx *ent.Tx) error {
		made, err = tx.Template.Create().SetTenantID(tenant(ctx)).SetOrgID(in.OrgID).SetName(strings.TrimSpace(in.Name)).
			SetDescription(in.Description).SetType(in.Type).Save(ctx)
		if err != nil {
			return named(in.Name, err)
		}
		return save(ctx, tx, made.ID, tree)
	})
	return made, err
}

// Update changes a template. Backups that run keep to what it was.
func (t *Templates) Update(ctx context.Context, in UpdateInput) (changed *ent.Template, err error) {
	known, err := t.get(ctx, in.TemplateID)
	if err != nil {
		return nil, err
	}
	var tree []*object
	if in.Objects != nil {
		if tree, err = t.plan(ctx, known.OrgID, known.Type, in.Objects); err != nil {
			return nil, err
		}
	}
	err = t.DB.InTx(ctx, func(tx *ent.Tx) error {
		name := strings.TrimSpace(*cmp.Or(in.Name, &known.Name))
		if changed, err = tx.Template.UpdateOneID(known.ID).SetName(name).SetNillableDescription(in.Description).Save(ctx); err != nil {
			return named(name, err)
		}
		if tree == nil {
			return nil
		}
		if _, err := tx.TemplateObject.Delete().Where(templateobject.TemplateID(known.ID)).Exec(ctx); err != nil {
			return err
		}
		return save(ctx, tx, known.ID, tree)
	})
	return changed, err
}

// Delete removes a template that no schedule uses.
func (t *Templates) Delete(ctx context.Context, id string) error {
	known, err := t.get(ctx, id)
	if err != nil {
		return err
	}
	user, err := t.DB.Client.Schedule.Query().Where(schedule.TemplateID(id)).First(ctx)
	switch {
	case err == nil:
		return engine.E(engine.KindConflict, "TEMPLATE_IN_USE", "The schedule “%s” uses “%s”: delete the schedule first.", user.Name, known.Name)
	case !ent.IsNotFound(err):
		return engine.Wrap("look for the template's schedules", err)
	}
	return engine.Wrap("delete the template", t.DB.Client.Template.DeleteOne(known).Exec(ctx))
}

func (t *Templates) get(ctx context.Context, id string) (*ent.Template, error) {
	known, err := t.DB.Client.Template.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, engine.E(engine.KindNotFound, "NOT_FOUND", "There is no template “%s”: check the id.", id)
	}
	return known, engine.Wrap("load the template", err)
}

func save(ctx context.Context, tx *ent.Tx, id string, tree []*object) error {
	rows := make([]*ent.TemplateObjectCreate, len(tree))
	for i, o := range tree {
		rows[i] = tx.TemplateObject.Create().SetTenantID(tenant(ctx)).SetTemplateID(id).SetPosition(i).SetPath(o.path).
			SetObject(o.describe.Name).SetField(o.field).SetCondition(o.condition).SetRetain(o.retain).SetBlocker(o.blocker)
		if o.dependence != "" {
			rows[i].SetDependence(templateobject.Dependence(o.dependence))
		}
		if o.given == nil || o.given.Empty() {
			continue
		}
		filter, err := json.Marshal(o.given)
		if err != nil {
			return engine.Wrap("encode a filter", err)
		}
		rows[i].SetFilter(filter)
	}
	return tx.TemplateObject.CreateBulk(rows...).Exec(ctx)
}

// named tells that a name is taken or missing.
func named(name string, err error) error {
	switch {
	case ent.IsConstraintError(err):
		return &engine.Error{Kind: engine.KindConflict, Code: "NAME_TAKEN", Field: "name", Message: "A template of this org is called “" + name + "” already: choose another name."}
	case ent.IsValidationError(err):
		return &engine.Error{Kind: engine.KindInvalid, Code: "INVALID_INPUT", Field: "name", Message: "Give the template a name of 1 to 255 characters and a description of at most 2,000."}
	}
	return err
}

func tenant(ctx context.Context) string {
	v, _ := engine.ViewerFrom(ctx)
	return v.Tenant
}

// ready makes sure that the org's schema is known, though no backup has run.
func (t *Templates) ready(ctx context.Context, orgID string) error {
	if _, err := t.DB.Client.Org.Get(ctx, orgID); err != nil {
		if ent.IsNotFound(err) {
			return engine.E(engine.KindNotFound, "NOT_FOUND", "There is no org “%s”: check the id.", orgID)
		}
		return engine.Wrap("load the org", err)
	}
	known, err := t.DB.Client.SObject.Query().Where(sobject.OrgID(orgID)).Exist(ctx)
	if err != nil || known {
		return engine.Wrap("look into the dictionary", err)
	}
	org, err := t.Orgs.OpenOrg(ctx, orgID)
	if err != nil {
		return err
	}
	_, err = t.Dictionary.Refresh(ctx, orgID, org)
	return err
}
