package templates

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/soql"
	"github.com/holdfast-backup/holdfast/ent/template"
)

// maxObjects bounds a tree, whose dependents can be many.
const maxObjects = 2000

// object is a place in a tree that is being planned.
type object struct {
	path       string
	parent     *object
	describe   *engine.SObject
	field      string
	given      *soql.Given
	condition  string
	retain     bool
	dependence describe.Dependence
	blocker    bool
	children   []*object
}

// planner checks a tree against the org's schema and lets it grow.
type planner struct {
	known  *capture.Memo
	asked  map[string]bool    // the paths, in lower case
	byPath map[string]*object // those that are placed
	roots  []*object
}

// plan is the tree of what was asked for, parents first. All that is wrong
// comes back joined.
func (t *Templates) plan(ctx context.Context, orgID string, kind template.Type, asked []ObjectInput) ([]*object, error) {
	if err := t.ready(ctx, orgID); err != nil {
		return nil, err
	}
	if len(asked) == 0 {
		return nil, wrong("", "TEMPLATE_EMPTY", "A template names at least one object: choose one.")
	}
	p := planner{known: t.Dictionary.Memo(ctx, orgID), asked: map[string]bool{}, byPath: map[string]*object{}}
	for _, in := range asked {
		p.asked[strings.ToLower(in.Path)] = true
	}
	var problems []error
	for _, in := range sortedByDepth(asked) {
		problems = append(problems, p.add(in))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if kind == template.TypeARCHIVE {
		if err := p.grow(); err != nil {
			return nil, err
		}
	}
	return flatten(p.roots, nil), nil
}

// sortedByDepth puts parents before their children, whatever the order given.
func sortedByDepth(asked []ObjectInput) []ObjectInput {
	sorted := slices.Clone(asked)
	slices.SortStableFunc(sorted, func(a, b ObjectInput) int { return strings.Count(a.Path, "/") - strings.Count(b.Path, "/") })
	return sorted
}

func (p *planner) add(in ObjectInput) error {
	at := strings.LastIndexByte(in.Path, '/')
	if at < 0 {
		return p.place(&object{path: in.Path}, in.Path, in)
	}
	above := strings.ToLower(in.Path[:at])
	parent := p.byPath[above]
	switch {
	case parent == nil && p.asked[above]:
		return nil // what is wrong with the parent is told already
	case parent == nil:
		return wrong(in.Path, "PARENT_MISSING", "%s is kept, but its parent %s is not in the template: add the parent, or remove the child.", in.Path, in.Path[:at])
	}
	name, field, ok := strings.Cut(in.Path[at+1:], ".")
	if !ok {
		return wrong(in.Path, "PATH_INVALID", "“%s” does not say by which lookup it hangs on its parent: write it like %s/Contact.AccountId.", in.Path, parent.path)
	}
	child := relation(parent, name, field)
	if child == nil {
		return wrong(in.Path, "RELATIONSHIP_UNKNOWN", "%s has no child %s by its field %s in this org, or the connected user may not see it: choose one of its children.", parent.describe.Name, name, field)
	}
	return p.place(&object{parent: parent, field: child.Field}, child.ChildSObject, in)
}

func relation(parent *object, name, field string) *engine.ChildRelationship {
	for i, r := range parent.describe.ChildRelationships {
		if strings.EqualFold(r.ChildSObject, name) && strings.EqualFold(r.Field, field) && !r.DeprecatedAndHidden {
			return &parent.describe.ChildRelationships[i]
		}
	}
	return nil
}

// place puts an object that was asked for into the tree.
func (p *planner) place(o *object, name string, in ObjectInput) (err error) {
	if o.describe, err = p.known.SObject(name); engine.Is(err, engine.KindNotFound) {
		return wrong(in.Path, "UNKNOWN_OBJECT", "This org has no object “%s”, or our user may not see it: check its API name.", name)
	} else if err != nil {
		return err
	}
	o.given, o.retain = in.Filter, in.Retain
	if in.Filter != nil {
		c, err := in.Filter.Condition(o.describe.Name, p.known.Schema())
		if err != nil {
			return errors.Join(filterWrong(in.Path, err), p.link(o)) // its children are checked, too
		}
		if c != nil {
			o.condition = c.String()
		}
	}
	return p.link(o)
}

// link names the object's path and puts it below its parent.
func (p *planner) link(o *object) error {
	o.path = o.describe.Name
	if o.parent != nil {
		o.path = o.parent.path + "/" + o.describe.Name + "." + o.field
	}
	key := strings.ToLower(o.path)
	switch {
	case p.byPath[key] != nil:
		return wrong(o.path, "DUPLICATE_PATH", "%s is in the template twice: once is enough.", o.path)
	case len(p.byPath) == maxObjects:
		return wrong(o.path, "TEMPLATE_TOO_LARGE", "With its dependents the template has more than %d objects: split it.", maxObjects)
	case o.parent == nil:
		p.roots = append(p.roots, o)
	default:
		o.parent.children = append(o.parent.children, o)
	}
	p.byPath[key] = o
	return nil
}

// grow adds the dependents of every object, and theirs, a level at a time, and
// marks those that are there already.
func (p *planner) grow() error {
	level := flatten(p.roots, nil)
	for len(level) > 0 {
		var added []*object
		for _, parent := range level {
			grown, err := p.growBelow(parent)
			if err != nil {
				return err
			}
			added = append(added, grown...)
		}
		level = added
	}
	return nil
}

func (p *planner) growBelow(parent *object) (added []*object, err error) {
	if parent.blocker || parent.recurs() {
		return nil, nil
	}
	for _, d := range describe.Dependents(parent.describe, p.known.Lookup) {
		known := p.byPath[strings.ToLower(parent.path+"/"+d.SObject+"."+d.Field)]
		if known == nil {
			child := p.known.Lookup(d.SObject)
			if child == nil { // our user does not see it; its name is all that we know
				child = &engine.SObject{Name: d.SObject}
			}
			known = &object{parent: parent, describe: child, field: d.Field}
			if err := p.link(known); err != nil {
				return nil, err
			}
			added = append(added, known)
		}
		known.dependence, known.blocker = d.Dependence, d.Blocker
		if known.condition != "" {
			return nil, wrong(known.path, "FILTER_ON_DEPENDENT", "%s depends on its parent, so an archive takes all of it, or it would be lost: remove its filter.", known.path)
		}
	}
	return added, nil
}

// recurs reports whether the same relationship stands above already: what hangs
// below has been added there.
func (o *object) recurs() bool {
	for above := o.parent; above != nil; above = above.parent {
		if above.describe.Name == o.describe.Name {
			return true
		}
	}
	return false
}

func flatten(objects, into []*object) []*object {
	for _, o := range objects {
		into = flatten(o.children, append(into, o))
	}
	return into
}

// filterWrong says where in the tree a filter is wrong: the same object may stand there twice.
func filterWrong(path string, err error) error {
	refusal, ok := engine.AsError(err)
	if !ok {
		return err
	}
	placed := *refusal
	placed.Object, placed.Field = path, "objects"
	if strings.Contains(path, "/") {
		placed.Message = path + ": " + placed.Message
	}
	return &placed
}

func wrong(path, code, format string, args ...any) error {
	err := engine.E(engine.KindInvalid, code, format, args...)
	err.Object, err.Field = path, "objects"
	return err
}
