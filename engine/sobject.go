package engine

import "strings"

// SObject is a Salesforce object type as a describe gives it; the JSON names
// are the platform's (REST sObject Describe). From a global describe, Fields
// and ChildRelationships are empty.
type SObject struct {
	Name                  string              `json:"name"`
	Label                 string              `json:"label"`
	LabelPlural           string              `json:"labelPlural"`
	KeyPrefix             string              `json:"keyPrefix"`
	AssociateEntityType   string              `json:"associateEntityType"`
	AssociateParentEntity string              `json:"associateParentEntity"`
	Custom                bool                `json:"custom"`
	CustomSetting         bool                `json:"customSetting"`
	DeprecatedAndHidden   bool                `json:"deprecatedAndHidden"`
	Createable            bool                `json:"createable"`
	Updateable            bool                `json:"updateable"`
	Deletable             bool                `json:"deletable"`
	Undeletable           bool                `json:"undeletable"`
	Mergeable             bool                `json:"mergeable"`
	Queryable             bool                `json:"queryable"`
	Replicateable         bool                `json:"replicateable"`
	Retrieveable          bool                `json:"retrieveable"`
	Searchable            bool                `json:"searchable"`
	Triggerable           bool                `json:"triggerable"`
	Fields                []Field             `json:"fields"`
	ChildRelationships    []ChildRelationship `json:"childRelationships"`
}

// Field is one field of an SObject as its describe gives it.
type Field struct {
	Name                    string          `json:"name"`
	Label                   string          `json:"label"`
	Type                    string          `json:"type"`
	SoapType                string          `json:"soapType"`
	Length                  int             `json:"length"`
	Precision               int             `json:"precision"`
	Scale                   int             `json:"scale"`
	Digits                  int             `json:"digits"`
	Custom                  bool            `json:"custom"`
	Createable              bool            `json:"createable"`
	Updateable              bool            `json:"updateable"`
	Nillable                bool            `json:"nillable"`
	Calculated              bool            `json:"calculated"`
	CalculatedFormula       string          `json:"calculatedFormula"`
	AutoNumber              bool            `json:"autoNumber"`
	DefaultedOnCreate       bool            `json:"defaultedOnCreate"`
	ExternalID              bool            `json:"externalId"`
	IDLookup                bool            `json:"idLookup"`
	Unique                  bool            `json:"unique"`
	CaseSensitive           bool            `json:"caseSensitive"`
	NameField               bool            `json:"nameField"`
	NamePointing            bool            `json:"namePointing"`
	Filterable              bool            `json:"filterable"`
	Sortable                bool            `json:"sortable"`
	Encrypted               bool            `json:"encrypted"`
	HTMLFormatted           bool            `json:"htmlFormatted"`
	DeprecatedAndHidden     bool            `json:"deprecatedAndHidden"`
	RestrictedPicklist      bool            `json:"restrictedPicklist"`
	CascadeDelete           bool            `json:"cascadeDelete"`
	RestrictedDelete        bool            `json:"restrictedDelete"`
	CompoundFieldName       string          `json:"compoundFieldName"`
	RelationshipName        string          `json:"relationshipName"`
	RelationshipOrder       *int            `json:"relationshipOrder"`
	ReferenceTo             []string        `json:"referenceTo"`
	PicklistValues          []PicklistValue `json:"picklistValues"`
	PolymorphicForeignKey   bool            `json:"polymorphicForeignKey"`
	WriteRequiresMasterRead bool            `json:"writeRequiresMasterRead"`
}

// PicklistValue is one entry of a picklist, active or not.
type PicklistValue struct {
	Value   string `json:"value"`
	Label   string `json:"label"`
	Active  bool   `json:"active"`
	Default bool   `json:"defaultValue"`
}

// ChildRelationship says that ChildSObject.Field points at this SObject, and
// what a delete of the parent does. The delete flags are meaningful here only,
// never on the child's field (salesforce-platform.md §2.3).
type ChildRelationship struct {
	ChildSObject        string `json:"childSObject"`
	Field               string `json:"field"`
	RelationshipName    string `json:"relationshipName"`
	CascadeDelete       bool   `json:"cascadeDelete"`
	RestrictedDelete    bool   `json:"restrictedDelete"`
	DeprecatedAndHidden bool   `json:"deprecatedAndHidden"`
}

// Field returns the field of that name, whatever its case.
func (o *SObject) Field(name string) (*Field, bool) {
	for i := range o.Fields { // mostly the case is right, which is quicker to see
		if o.Fields[i].Name == name {
			return &o.Fields[i], true
		}
	}
	for i := range o.Fields {
		if strings.EqualFold(o.Fields[i].Name, name) {
			return &o.Fields[i], true
		}
	}
	return nil, false
}
