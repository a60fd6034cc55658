// Package schema is what a simulated org knows about its SObjects: fields,
// child relationships and flags exactly as a describe prints them, plus what a
// describe hides (formulas, roll-ups, lookup filters). It reads three sources:
// its own table of standard objects, recorded describe JSON, and SFDX source.
package schema

import (
	"slices"
	"strings"
	"time"
)

// Object is one SObject type. Its exported arrays are printed by its describe
// as they stand.
type Object struct {
	Name      string
	KeyPrefix string
	// Attrs are the scalar attributes of the describe, by their JSON names. A
	// recorded describe keeps exactly the keys that were recorded.
	Attrs map[string]any
	// Listed is the describeGlobal entry where it was recorded apart.
	Listed      map[string]any
	Fields      []*Field
	Children    []ChildRelationship
	RecordTypes []RecordType
	Scopes      []Scope
	// Recorded says that the describe was recorded: what the platform would
	// derive (child relationships of generated companions) is not added to it.
	Recorded bool
	// ModifiedAt is when the describe last changed (Last-Modified).
	ModifiedAt time.Time
	// Traits are words that steer the org and are not printed: virtual (only a
	// sub-select reads it), filtered (a query needs a filter), nobulk, binless
	// (a delete is for good), binless=alone (one that does not cascade is), extra
	// (not there in an org without add-ons).
	Traits []string
	// IndexFields are the key of a big object, in order.
	IndexFields []string
	// Pair are the fields of which no two rows may be alike: an insert of the
	// same again updates the row there is.
	Pair []string
	// Needs are the fields (or paths) one of which a query must filter by.
	Needs []string

	byName  map[string]*Field
	nextCol int
}

// Field is one field: its describe attributes and, unprinted, how it works.
type Field struct {
	Aggregatable                 bool            `json:"aggregatable"`
	AIPredictionField            bool            `json:"aiPredictionField"`
	AutoNumber                   bool            `json:"autoNumber"`
	ByteLength                   int             `json:"byteLength"`
	Calculated                   bool            `json:"calculated"`
	CalculatedFormula            *string         `json:"calculatedFormula"`
	CascadeDelete                bool            `json:"cascadeDelete"`
	CaseSensitive                bool            `json:"caseSensitive"`
	CompoundFieldName            *string         `json:"compoundFieldName"`
	ControllerName               *string         `json:"controllerName"`
	Createable                   bool            `json:"createable"`
	Custom                       bool            `json:"custom"`
	DefaultValue                 any             `json:"defaultValue"`
	DefaultValueFormula          *string         `json:"defaultValueFormula"`
	DefaultedOnCreate            bool            `json:"defaultedOnCreate"`
	DependentPicklist            bool            `json:"dependentPicklist"`
	DeprecatedAndHidden          bool            `json:"deprecatedAndHidden"`
	Digits                       int             `json:"digits"`
	DisplayLocationInDecimal     bool            `json:"displayLocationInDecimal"`
	Encrypted                    bool            `json:"encrypted"`
	ExternalID                   bool            `json:"externalId"`
	ExtraTypeInfo                *string         `json:"extraTypeInfo"`
	Filterable                   bool            `json:"filterable"`
	FilteredLookupInfo           any             `json:"filteredLookupInfo"`
	FormulaTreatNullNumberAsZero bool            `json:"formulaTreatNullNumberAsZero"`
	Groupable                    bool            `json:"groupable"`
	HighScaleNumber              bool            `json:"highScaleNumber"`
	HTMLFormatted                bool            `json:"htmlFormatted"`
	IDLookup                     bool            `json:"idLookup"`
	InlineHelpText               *string         `json:"inlineHelpText"`
	Label                        string          `json:"label"`
	Length                       int             `json:"length"`
	Mask                         *string         `json:"mask"`
	MaskType                     *string         `json:"maskType"`
	Name                         string          `json:"name"`
	NameField                    bool            `json:"nameField"`
	NamePointing                 bool            `json:"namePointing"`
	Nillable                     bool            `json:"nillable"`
	Permissionable               bool            `json:"permissionable"`
	PicklistValues               []PicklistValue `json:"picklistValues"`
	PolymorphicForeignKey        bool            `json:"polymorphicForeignKey"`
	Precision                    int             `json:"precision"`
	QueryByDistance              bool            `json:"queryByDistance"`
	ReferenceTargetField         *string         `json:"referenceTargetField"`
	ReferenceTo                  []string        `json:"referenceTo"`
	RelationshipName             *string         `json:"relationshipName"`
	RelationshipOrder            *int            `json:"relationshipOrder"`
	RestrictedDelete             bool            `json:"restrictedDelete"`
	RestrictedPicklist           bool            `json:"restrictedPicklist"`
	Scale                        int             `json:"scale"`
	SearchPrefilterable          bool            `json:"searchPrefilterable"`
	SoapType                     string          `json:"soapType"`
	Sortable                     bool            `json:"sortable"`
	Type                         string          `json:"type"`
	Unique                       bool            `json:"unique"`
	Updateable                   bool            `json:"updateable"`
	WriteRequiresMasterRead      bool            `json:"writeRequiresMasterRead"`

	// Col is where a record keeps the value; it is never reused.
	Col int `json:"-"`
	// From is where the value comes from.
	From Source `json:"-"`
	// Formula computes the value on every read; RollUp is kept up by writes.
	Formula string  `json:"-"`
	RollUp  *RollUp `json:"-"`
	// NumberFormat is how an auto-number is spelled ("C-{0000}").
	NumberFormat string `json:"-"`
	// LookupFilter is a formula over the record that a reference must satisfy.
	LookupFilter, LookupFilterMessage string `json:"-"`
	// Meta is the metadata that a deployed field was made of.
	Meta *CustomField `json:"-"`
	// Extra fields are not there in an org without add-ons.
	Extra bool `json:"-"`
	// Tracked makes changes write a row of the History companion.
	Tracked bool `json:"-"`
}

// PicklistValue is one entry of a picklist, active or not.
type PicklistValue struct {
	Active       bool    `json:"active"`
	DefaultValue bool    `json:"defaultValue"`
	Label        string  `json:"label"`
	ValidFor     *string `json:"validFor"`
	Value        string  `json:"value"`
}

// ChildRelationship is how a parent sees one reference field of a child. Its
// two delete flags govern deletes; the child's own flags do not.
type ChildRelationship struct {
	CascadeDelete       bool     `json:"cascadeDelete"`
	ChildSObject        string   `json:"childSObject"`
	DeprecatedAndHidden bool     `json:"deprecatedAndHidden"`
	Field               string   `json:"field"`
	JunctionIDListNames []string `json:"junctionIdListNames"`
	JunctionReferenceTo []string `json:"junctionReferenceTo"`
	RelationshipName    *string  `json:"relationshipName"`
	RestrictedDelete    bool     `json:"restrictedDelete"`
}

// RecordType is an entry of recordTypeInfos.
type RecordType struct {
	Active                   bool              `json:"active"`
	Available                bool              `json:"available"`
	DefaultRecordTypeMapping bool              `json:"defaultRecordTypeMapping"`
	DeveloperName            string            `json:"developerName"`
	Master                   bool              `json:"master"`
	Name                     string            `json:"name"`
	RecordTypeID             string            `json:"recordTypeId"`
	URLs                     map[string]string `json:"urls"`
}

// Scope is a supported USING SCOPE.
type Scope struct {
	Label string `json:"label"`
	Name  string `json:"name"`
}

// RollUp is a roll-up summary: Operation (count, sum, min, max) over Field of
// the child rows whose Reference points here, where Filter (a formula) holds.
type RollUp struct {
	Operation, Child, Reference, Field, Filter string
}

// Source is where a field's value comes from.
type Source uint8

// The sources of values. All but Stored are known without reading the record.
const (
	Stored   Source = iota
	RecordID        // Id
	Modstamp        // SystemModstamp
	Deleted         // IsDeleted
	Computed        // a formula
	Composed        // an address or a location, of its component fields
	TypeName        // the object's own name, behind a polymorphic lookup
)

func (f *Field) source() Source {
	switch {
	case f.Name == "Id":
		return RecordID
	case f.Name == "SystemModstamp":
		return Modstamp
	case f.Name == "IsDeleted":
		return Deleted
	case f.Formula != "":
		return Computed
	case f.Type == "address" || f.Type == "location":
		return Composed
	}
	return Stored
}

// MasterRecordType is the id of every object's master record type.
const MasterRecordType = "012000000000000AAA"

// Field finds a field by name, in any case; nil when there is none.
func (o *Object) Field(name string) *Field { return o.byName[strings.ToLower(name)] }

// Can reads a boolean attribute of the describe ("createable").
func (o *Object) Can(attr string) bool { b, _ := o.Attrs[attr].(bool); return b }

// NameField is the field that titles a record, nil when there is none.
func (o *Object) NameField() *Field {
	for _, f := range o.Fields {
		if f.NameField {
			return f
		}
	}
	return nil
}

// Cols is how many columns a record of the object may use.
func (o *Object) Cols() int { return o.nextCol }

// Associate names the companion kind (History, Feed, Share) and its parent.
func (o *Object) Associate() (kind, parent string) {
	kind, _ = o.Attrs["associateEntityType"].(string)
	parent, _ = o.Attrs["associateParentEntity"].(string)
	return kind, parent
}

// Add appends a field, or replaces the one of the same name in its place and
// column.
func (o *Object) Add(f *Field) {
	key := strings.ToLower(f.Name)
	f.From = f.source()
	if o.byName == nil {
		o.byName = map[string]*Field{}
	}
	if old := o.byName[key]; old != nil {
		f.Col = old.Col
		o.Fields[slices.Index(o.Fields, old)] = f
	} else {
		f.Col = o.nextCol
		o.nextCol++
		o.Fields = append(o.Fields, f)
	}
	o.byName[key] = f
}

// Remove drops a field; its column is never reused, so old values stay unseen.
func (o *Object) Remove(name string) bool {
	f := o.Field(name)
	if f == nil {
		return false
	}
	delete(o.byName, strings.ToLower(name))
	o.Fields = slices.DeleteFunc(o.Fields, func(x *Field) bool { return x == f })
	return true
}

// References says whether the field may point at the object.
func (f *Field) References(object string) bool {
	return slices.ContainsFunc(f.ReferenceTo, func(t string) bool { return strings.EqualFold(t, object) })
}

// RequiredOnCreate is describe's own rule: not nillable, createable, and not
// defaulted. Booleans are never required.
func (f *Field) RequiredOnCreate() bool {
	return !f.Nillable && f.Createable && !f.DefaultedOnCreate && f.Type != "boolean"
}

// Child finds the relationship that a sub-select names; nil when there is none.
func (o *Object) Child(relationship string) *ChildRelationship {
	for i, c := range o.Children {
		if c.RelationshipName != nil && strings.EqualFold(*c.RelationshipName, relationship) {
			return &o.Children[i]
		}
	}
	return nil
}

// SetChild adds a child relationship, or replaces that of the same field.
func (o *Object) SetChild(c ChildRelationship) {
	if c.JunctionIDListNames == nil {
		c.JunctionIDListNames, c.JunctionReferenceTo = []string{}, []string{}
	}
	for i, old := range o.Children {
		if old.ChildSObject == c.ChildSObject && old.Field == c.Field {
			o.Children[i] = c
			return
		}
	}
	o.Children = append(o.Children, c)
}

// DropChild removes the relationship of a child's field.
func (o *Object) DropChild(object, field string) {
	o.Children = slices.DeleteFunc(o.Children, func(c ChildRelationship) bool {
		return c.ChildSObject == object && c.Field == field
	})
}

func ptr[T any](v T) *T { return &v }

// Label is the object's label.
func (o *Object) Label() string { s, _ := o.Attrs["label"].(string); return s }

// Trait says whether one of the object's Traits is this.
func (o *Object) Trait(name string) bool { return slices.Contains(o.Traits, name) }
