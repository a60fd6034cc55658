package soql

import (
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// Schema is what a validation needs to know of an org. Names are matched
// whatever their case. What the user may not see does not exist.
type Schema interface {
	// Object returns an SObject's name as it is spelt.
	Object(name string) (string, bool)
	// Field describes a field of an SObject.
	Field(object, name string) (FieldInfo, bool)
	// Parent returns the SObjects that a relationship of object may point at.
	Parent(object, relationship string) ([]string, bool)
	// Child returns the SObject behind a child relationship of object.
	Child(object, relationship string) (string, bool)
}

// FieldInfo is what a validation needs to know of a field. Type is the
// describe's ("picklist", "currency").
type FieldInfo struct {
	Name          string
	Type          string
	CaseSensitive bool
	Filterable    bool
	Sortable      bool
}

// ValueType is how the field's values compare.
func (f FieldInfo) ValueType() Type { return TypeFor(f.Type, f.CaseSensitive) }

// Describes is the Schema that describes give. lookup returns false for an
// SObject that does not exist or is not visible.
func Describes(lookup func(object string) (*engine.SObject, bool)) Schema { return describes(lookup) }

type describes func(string) (*engine.SObject, bool)

func (d describes) Object(name string) (string, bool) {
	o, ok := d(name)
	if !ok {
		return "", false
	}
	return o.Name, true
}

func (d describes) Field(object, name string) (FieldInfo, bool) {
	o, ok := d(object)
	if !ok {
		return FieldInfo{}, false
	}
	f, ok := o.Field(name)
	if !ok {
		return FieldInfo{}, false
	}
	return FieldInfo{f.Name, f.Type, f.CaseSensitive, f.Filterable, f.Sortable}, true
}

func (d describes) Parent(object, relationship string) ([]string, bool) {
	o, ok := d(object)
	if !ok {
		return nil, false
	}
	for _, f := range o.Fields {
		if strings.EqualFold(f.RelationshipName, relationship) {
			return f.ReferenceTo, len(f.ReferenceTo) > 0
		}
	}
	return nil, false
}

func (d describes) Child(object, relationship string) (string, bool) {
	o, ok := d(object)
	if !ok {
		return "", false
	}
	for _, r := range o.ChildRelationships {
		if strings.EqualFold(r.RelationshipName, relationship) {
			return r.ChildSObject, true
		}
	}
	return "", false
}
