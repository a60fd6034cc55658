package describe

import (
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// Dependence is what a delete of the parent does to a child.
type Dependence string

// The dependences. Where a describe declares both, the org refuses the delete
// while such a child is active, so RESTRICTED is what counts.
const (
	Restricted Dependence = "RESTRICTED" // the org refuses to delete the parent
	Cascade    Dependence = "CASCADE"    // the child is deleted with its parent
)

// Dependent is a child that an archive of its parent must take along, because
// deleting the parent is refused over it or deletes it too.
type Dependent struct {
	SObject          string
	Field            string
	RelationshipName string
	Dependence       Dependence
	// Blocker: it cannot be deleted either (User), so while such a record
	// exists its parent cannot be archived.
	Blocker bool
}

// Lookup finds the global describe of an SObject; nil when the connected user
// does not see it.
type Lookup func(name string) *engine.SObject

// Dependents lists the dependents of a parent by its own childRelationships.
// Children that follow their parent by themselves, the virtual ones and its
// History, Feed and Share, are left out: the include boxes capture them.
func Dependents(parent *engine.SObject, lookup Lookup) []Dependent {
	var dependents []Dependent
	for _, r := range parent.ChildRelationships {
		if !r.CascadeDelete && !r.RestrictedDelete || r.DeprecatedAndHidden || virtual[r.ChildSObject] {
			continue
		}
		child := lookup(r.ChildSObject)
		if followsParent(parent.Name, r.ChildSObject, child) {
			continue
		}
		d := Dependent{SObject: r.ChildSObject, Field: r.Field, RelationshipName: r.RelationshipName, Dependence: Cascade}
		if r.RestrictedDelete {
			d.Dependence = Restricted
		}
		d.Blocker = d.Dependence == Restricted && child != nil && !child.Deletable
		dependents = append(dependents, d)
	}
	return dependents
}

// followsParent goes by the child's describe, or, when the user does not see
// it, by the names that the platform forms for companions.
func followsParent(parent, name string, child *engine.SObject) bool {
	if child == nil {
		switch strings.TrimPrefix(name, parent) {
		case "Feed", "History", "Share", "ChangeEvent":
			return true
		}
		child = &engine.SObject{Name: name}
	}
	switch Classify(child) {
	case History, Feed, Share, Event:
		return true
	}
	return false
}
