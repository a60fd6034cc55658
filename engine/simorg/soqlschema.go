package simorg

import (
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// seen is the schema as one person sees it, for the query language.
type seen struct {
	org    *Org
	person *person
}

func (s seen) get(name string) *schema.Object {
	obj := s.org.schema().Get(name)
	if obj == nil || !s.person.seesObject(obj) {
		return nil
	}
	return obj
}

// Object is the SObject's name as it is spelt.
func (s seen) Object(name string) (string, bool) {
	if obj := s.get(name); obj != nil {
		return obj.Name, true
	}
	return "", false
}

func (s seen) field(obj *schema.Object, name string) *schema.Field {
	if f := obj.Field(name); f != nil {
		return s.person.field(obj, f)
	}
	return nil
}

// Field describes a field that the person may see.
func (s seen) Field(object, name string) (soql.FieldInfo, bool) {
	obj := s.get(object)
	if obj == nil {
		return soql.FieldInfo{}, false
	}
	f := s.field(obj, name)
	if f == nil {
		return soql.FieldInfo{}, false
	}
	return soql.FieldInfo{Name: f.Name, Type: f.Type, CaseSensitive: f.CaseSensitive, Filterable: f.Filterable, Sortable: f.Sortable}, true
}

// lookup finds the reference field behind a relationship name.
func lookup(obj *schema.Object, relationship string) *schema.Field {
	for _, f := range obj.Fields {
		if f.RelationshipName != nil && strings.EqualFold(*f.RelationshipName, relationship) {
			return f
		}
	}
	return nil
}

// Parent lists what a relationship may point at.
func (s seen) Parent(object, relationship string) ([]string, bool) {
	obj := s.get(object)
	if obj == nil {
		return nil, false
	}
	f := lookup(obj, relationship)
	if f == nil || len(f.ReferenceTo) == 0 || s.person.field(obj, f) == nil {
		return nil, false
	}
	return f.ReferenceTo, true
}

// Child is the SObject behind a child relationship.
func (s seen) Child(object, relationship string) (string, bool) {
	obj := s.get(object)
	if obj == nil {
		return "", false
	}
	rel := obj.Child(relationship)
	if rel == nil || s.get(rel.ChildSObject) == nil {
		return "", false
	}
	return rel.ChildSObject, true
}
