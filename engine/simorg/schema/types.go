package schema

import "strings"

// NewField makes a field of the type with the describe attributes that the
// platform derives from it. Size is the length of a text, the digits of an int,
// or the precision of a number; scale only counts for numbers.
func NewField(name, typ string, size, scale int) *Field {
	f := &Field{
		Name: name, Label: labelOf(name), Type: typ, Custom: strings.HasSuffix(name, "__c"),
		Createable: true, Updateable: true, Nillable: true, Permissionable: true,
		Filterable: true, Sortable: true, Groupable: true, Aggregatable: true,
		PicklistValues: []PicklistValue{}, ReferenceTo: []string{}, SoapType: "xsd:string",
	}
	shape(f, size, scale)
	return f
}

// shape sets what follows from the type.
func shape(f *Field, size, scale int) {
	switch f.Type {
	case "double", "currency", "percent":
		f.SoapType, f.Precision, f.Scale, f.Groupable = "xsd:double", size, scale, false
	case "int":
		f.SoapType, f.Digits = "xsd:int", size
	case "boolean":
		f.SoapType, f.DefaultValue, f.DefaultedOnCreate = "xsd:boolean", false, true
		f.Nillable, f.Aggregatable = false, false
	case "date":
		f.SoapType = "xsd:date"
	case "datetime":
		f.SoapType, f.Groupable = "xsd:dateTime", false
	case "time":
		f.SoapType = "xsd:time"
	case "id", "reference":
		f.SoapType, f.Length, f.ByteLength = "tns:ID", 18, 18
	case "address", "location":
		f.SoapType = "urn:" + f.Type
		f.Createable, f.Updateable, f.Sortable, f.Groupable, f.Aggregatable = false, false, false, false, false
		f.QueryByDistance = true
	case "base64":
		f.SoapType = "xsd:base64Binary"
		f.Filterable, f.Sortable, f.Groupable, f.Aggregatable = false, false, false, false
	case "textarea":
		f.Length, f.ByteLength = size, 3*size
		if size > 255 {
			f.Filterable, f.Sortable, f.Groupable, f.Aggregatable = false, false, false, false
		}
		f.ExtraTypeInfo = ptr("plaintextarea")
	case "multipicklist":
		f.Length, f.ByteLength = size, 3*size
		f.Sortable, f.Groupable, f.Aggregatable = false, false, false
	default:
		f.Length, f.ByteLength = size, 3*size
	}
}

// labelOf spells an API name the way the platform labels it: words, "ID".
func labelOf(name string) string {
	base := strings.TrimSuffix(name, "__c")
	if base != name {
		return strings.ReplaceAll(base, "_", " ")
	}
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' && (name[i-1] < 'A' || name[i-1] > 'Z') {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	if s, ok := strings.CutSuffix(b.String(), " Id"); ok {
		return s + " ID"
	}
	return b.String()
}

// NewObject makes an object with every describe attribute at its usual value.
func NewObject(name, prefix string) *Object {
	master := RecordType{
		Active: true, Available: true, DefaultRecordTypeMapping: true, DeveloperName: "Master", Master: true,
		Name: "Master", RecordTypeID: MasterRecordType, URLs: map[string]string{},
	}
	return &Object{
		Name: name, KeyPrefix: prefix, RecordTypes: []RecordType{master}, Children: []ChildRelationship{},
		Scopes: []Scope{{"All " + name, "everything"}, {"My " + name, "mine"}},
		Attrs: map[string]any{
			"activateable": false, "associateEntityType": nil, "associateParentEntity": nil, "createable": true,
			"custom": strings.HasSuffix(name, "__c"), "customSetting": false, "deepCloneable": false, "deletable": true,
			"deprecatedAndHidden": false, "feedEnabled": false, "hasSubtypes": false, "isInterface": false, "isSubtype": false,
			"keyPrefix": orNil(prefix), "label": name, "labelPlural": name, "layoutable": true, "mergeable": false,
			"mruEnabled": true, "name": name, "queryable": true, "replicateable": true, "retrieveable": true,
			"searchable": true, "triggerable": true, "undeletable": true, "updateable": true,
			"compactLayoutable": true, "defaultImplementation": nil, "extendedBy": nil, "extendsInterfaces": nil,
			"implementedBy": nil, "implementsInterfaces": nil, "listviewable": nil, "lookupLayoutable": nil,
			"networkScopeFieldName": nil, "searchLayoutable": true, "sobjectDescribeOption": "FULL",
		},
	}
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Set puts describe attributes, given as name and value in turn.
func (o *Object) Set(pairs ...any) {
	for i := 0; i+1 < len(pairs); i += 2 {
		o.Attrs[pairs[i].(string)] = pairs[i+1]
	}
}

// Reference makes a field a lookup. More than one target makes it polymorphic.
func (f *Field) Reference(relationship string, targets ...string) *Field {
	f.ReferenceTo, f.RelationshipName = targets, nil
	if relationship != "" {
		f.RelationshipName = ptr(relationship)
	}
	f.NamePointing, f.PolymorphicForeignKey = len(targets) > 1, len(targets) > 1
	return f
}

// ReadOnly takes a field out of everybody's hands.
func (f *Field) ReadOnly() *Field {
	f.Createable, f.Updateable = false, false
	return f
}
