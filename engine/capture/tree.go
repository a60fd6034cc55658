package capture

import (
	"context"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// Branch is an SObject in a template's tree. Path names the way to it from a
// root: Account/Contact.AccountId. Field is its lookup to its parent, "" at a
// root; Condition narrows it, "" for all records.
type Branch struct{ Path, Object, Field, Condition string }

// parent is the path of the branch above, "" at a root.
func (b Branch) parent() string {
	if at := strings.LastIndexByte(b.Path, '/'); at >= 0 {
		return b.Path[:at]
	}
	return ""
}

// Selection is how a branch's records are asked for: by Where alone, which then
// says the parents' conditions too, or, where no condition can say them (a
// lookup to several SObjects, too many levels), by Where and the ids of the
// Parents' records.
type Selection struct {
	Branch
	Object  *engine.SObject
	Where   string
	Parents *Selection
	// Timeless: a record cannot begin to belong without being modified.
	Timeless bool

	condition soql.Condition
}

// Select says how to ask for each branch of a tree, by path; failed are those
// that the org's schema no longer allows, with what hangs on them.
func (d Dictionary) Select(ctx context.Context, orgID string, tree []Branch) (selections map[string]*Selection, failed map[string]error) {
	s := selector{known: d.Memo(ctx, orgID), selections: map[string]*Selection{}}
	failed = map[string]error{}
	for _, branch := range tree {
		selection, err := s.selectBranch(branch, failed[branch.parent()] != nil)
		if err != nil {
			failed[branch.Path] = err
		} else {
			s.selections[branch.Path] = selection
		}
	}
	return s.selections, failed
}

type selector struct {
	known      *Memo
	selections map[string]*Selection
}

func (s *selector) selectBranch(b Branch, orphan bool) (*Selection, error) {
	if orphan {
		return nil, gone(b, "RELATIONSHIP_GONE", "%s is not read, because its parent in the template cannot be.", b.Path)
	}
	object, err := s.known.SObject(b.Object)
	if err != nil {
		return nil, err
	}
	own, err := soql.Given{SOQL: b.Condition}.Condition(object.Name, s.known.Schema())
	if err != nil {
		return nil, err
	}
	selection := &Selection{Branch: b, Object: object, condition: own}
	if parent := b.parent(); parent != "" {
		if err := selection.hang(s.selections[parent]); err != nil {
			return nil, err
		}
	}
	if selection.condition != nil {
		selection.Where = selection.condition.String()
	}
	selection.Timeless = selection.Parents == nil && soql.Timeless(selection.condition, object)
	return selection, nil
}

// hang adds what ties the selection to its parent's records.
func (s *Selection) hang(parent *Selection) error {
	lookup, ok := s.Object.Field(s.Field)
	if !ok || parent == nil || !slices.Contains(lookup.ReferenceTo, parent.Object.Name) {
		return gone(s.Branch, "RELATIONSHIP_GONE", "%s no longer points at its parent by %s: the org's schema has changed. Edit the template.", s.Path, s.Field)
	}
	if len(lookup.ReferenceTo) > 1 || parent.Parents != nil || lookup.RelationshipName == "" || soql.PathLevels(parent.condition) >= soql.MaxPathLevels {
		s.Parents = parent
		return nil
	}
	terms := []soql.Condition{soql.Comparison{
		Left: soql.Field{Path: []string{lookup.Name}}, Op: soql.NotEqual, Right: soql.Literal{Kind: soql.NullLiteral},
	}}
	if parent.condition != nil {
		terms = append(terms, soql.Below(parent.condition, lookup.RelationshipName))
	}
	if s.condition != nil {
		terms = append(terms, s.condition)
	}
	s.condition = soql.And{Terms: terms}
	if len(terms) == 1 {
		s.condition = terms[0]
	}
	return nil
}

func gone(b Branch, code, format string, args ...any) error {
	err := engine.E(engine.KindInvalid, code, format, args...)
	err.Object, err.Field = b.Object, b.Field
	return err
}

// Targets are what a capture of the selections reads: one for each SObject, in
// the order in which they first appear, however many paths lead to it.
func Targets(selections []*Selection) []Target {
	var targets []Target
	place := map[string]int{}
	for _, s := range selections {
		at, ok := place[s.Object.Name]
		if !ok {
			at = len(targets)
			place[s.Object.Name] = at
			targets = append(targets, Target{Name: s.Object.Name})
		}
		targets[at].Selections = append(targets[at].Selections, s)
	}
	return targets
}

// narrowed is what selections leave of their SObject: records that match where
// (none when nothing is asked for so), and those below the parents.
func narrowed(selections []*Selection) (where string, all bool, below []*Selection) {
	var conditions []string
	for _, s := range selections {
		switch {
		case s.Parents != nil:
			below = append(below, s)
		case s.Where == "":
			return "", true, nil
		default:
			conditions = append(conditions, s.Where)
		}
	}
	if len(conditions) > 1 {
		return "(" + strings.Join(conditions, ") OR (") + ")", false, below
	}
	return strings.Join(conditions, ""), false, below
}

// Memo is the dictionary for one call: each describe is loaded once.
type Memo struct {
	ctx     context.Context //nolint:containedctx // it lives for one call
	orgID   string
	d       Dictionary
	objects map[string]*engine.SObject
	errs    map[string]error
}

// Memo remembers what is looked up until it is let go.
func (d Dictionary) Memo(ctx context.Context, orgID string) *Memo {
	return &Memo{ctx: ctx, orgID: orgID, d: d, objects: map[string]*engine.SObject{}, errs: map[string]error{}}
}

// SObject is Dictionary.SObject.
func (m *Memo) SObject(name string) (*engine.SObject, error) {
	key := strings.ToLower(name)
	if m.objects[key] == nil && m.errs[key] == nil {
		m.objects[key], m.errs[key] = m.d.SObject(m.ctx, m.orgID, name)
	}
	return m.objects[key], m.errs[key]
}

// Lookup is a describe.Lookup.
func (m *Memo) Lookup(name string) *engine.SObject {
	object, _ := m.SObject(name)
	return object
}

// Schema is what filters are checked against.
func (m *Memo) Schema() soql.Schema {
	return soql.Describes(func(name string) (*engine.SObject, bool) {
		object, err := m.SObject(name)
		return object, err == nil
	})
}
