package backup

import (
	"context"
	"maps"
	"slices"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/templateobject"
)

// branches fills in what the template of r's scope names. It answers how many
// SObjects cannot be read as the org's schema is now.
func (b *Backup) branches(ctx context.Context, r *capture.Request) (unreadable int, err error) {
	rows, err := b.DB.TemplateObject.Query().Where(templateobject.TemplateID(r.Scope)).Order(templateobject.ByPosition()).All(ctx)
	if err != nil {
		return 0, engine.Wrap("load the template", err)
	}
	if len(rows) == 0 {
		return 0, engine.E(engine.KindNotFound, "TEMPLATE_GONE", "The template of this backup was deleted: choose another one.")
	}
	schema, err := b.Capture.Dictionary.Refresh(ctx, r.OrgID, r.Org)
	if err != nil {
		return 0, err
	}
	template, err := b.DB.Template.Get(ctx, r.Scope)
	if err != nil {
		return 0, engine.Wrap("load the template", err)
	}
	failed := b.selectBranches(ctx, r, rows)
	for name, err := range failed {
		failed[name] = inTemplate(template.Name, err)
	}
	r.Targets = slices.DeleteFunc(r.Targets, func(t capture.Target) bool {
		failure := schema.Failed[t.Name]
		if failure != nil {
			failed[t.Name] = failure
		}
		return failed[t.Name] != nil
	})
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		if err := r.Job.Object(name).Fail(ctx, failed[name]); err != nil {
			return 0, err
		}
	}
	for _, target := range r.Targets {
		if err := r.Job.Object(target.Name).Queue(ctx); err != nil {
			return 0, err
		}
	}
	r.Job.Log(engine.LogInfo, "", "The template names %d objects on %d paths.", len(r.Targets)+len(failed), len(rows))
	return len(failed), b.count(ctx, r)
}

// inTemplate says which template must be mended.
func inTemplate(name string, err error) error {
	refusal, ok := engine.AsError(err)
	if !ok {
		return err
	}
	named := *refusal
	named.Message = "Template “" + name + "”: " + refusal.Message
	return &named
}

// selectBranches sets the targets and answers the SObjects that failed: one of
// whose paths is broken is not read at all, or it would seem whole.
func (b *Backup) selectBranches(ctx context.Context, r *capture.Request, rows []*ent.TemplateObject) map[string]error {
	tree := make([]capture.Branch, len(rows))
	for i, row := range rows {
		tree[i] = capture.Branch{Path: row.Path, Object: row.Object, Field: row.Field, Condition: row.Condition}
	}
	selections, broken := b.Capture.Dictionary.Select(ctx, r.OrgID, tree)
	failed := map[string]error{}
	var chosen []*capture.Selection
	for _, branch := range tree {
		if err := broken[branch.Path]; err != nil {
			failed[branch.Object] = err
		} else {
			chosen = append(chosen, selections[branch.Path])
		}
	}
	r.Targets = capture.Targets(chosen)
	return failed
}
