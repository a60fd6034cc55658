package schema

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Apply brings an object to what its metadata says: it makes a custom object
// that is new, and adds or replaces the fields that are listed. Validation rules
// and record types are left to the org.
func (c *Catalogue) Apply(name string, m *CustomObject, at time.Time) error {
	o := c.Get(name)
	if o == nil {
		if m.Label == "" {
			return fmt.Errorf("entity type %s does not exist: a new object needs a label", name)
		}
		o = c.create(name, m)
	}
	o.relabel(m)
	for i := range m.Fields {
		if err := c.ApplyField(o, &m.Fields[i]); err != nil {
			return err
		}
	}
	for _, index := range m.Indexes {
		o.IndexFields = nil
		for _, f := range index.Fields {
			o.IndexFields = append(o.IndexFields, f.Name)
		}
	}
	c.companions(o, m)
	o.ModifiedAt = at
	return nil
}

func (o *Object) relabel(m *CustomObject) {
	if m.Label != "" {
		o.Set("label", m.Label)
	}
	if m.PluralLabel != "" {
		o.Set("labelPlural", m.PluralLabel)
	}
}

func (c *Catalogue) companions(o *Object, m *CustomObject) {
	private := m.SharingModel == "Private" || m.SharingModel == "Read"
	for kind, wanted := range map[string]bool{"History": m.EnableHistory, "Feed": m.EnableFeeds, "Share": private} {
		name := strings.TrimSuffix(o.Name, "__c") + "__" + kind
		if wanted && strings.HasSuffix(o.Name, "__c") && c.Get(name) == nil {
			c.companion(o, kind)
		}
	}
	if m.EnableFeeds {
		o.Set("feedEnabled", true)
	}
	if m.EnableActivities {
		c.join(o, map[string]string{"Task": "WhatId", "Event": "WhatId"}, map[string]string{"Task": "Tasks", "Event": "Events"})
	}
}

// join lets references of standard objects point at a custom one.
func (c *Catalogue) join(o *Object, fields, relationships map[string]string) {
	for object, field := range fields {
		child := c.Get(object)
		if child == nil {
			continue
		}
		f := child.Field(field)
		if f == nil || f.References(o.Name) {
			continue
		}
		twin := *f
		twin.ReferenceTo = append(slices.Clone(f.ReferenceTo), o.Name)
		child.Add(&twin)
		c.Relate(o.Name, ChildRelationship{ChildSObject: child.Name, Field: f.Name, CascadeDelete: true, RelationshipName: ptr(relationships[object])})
	}
}

// create makes the bare custom object that the name's suffix asks for.
func (c *Catalogue) create(name string, m *CustomObject) *Object {
	o := NewObject(name, c.nextPrefix(name))
	o.Set("custom", true)
	switch {
	case strings.HasSuffix(name, "__mdt"):
		o.metadataType()
	case strings.HasSuffix(name, "__b"):
		o.bigObject()
	case strings.HasSuffix(name, "__e"):
		o.Set("queryable", false, "updateable", false, "deletable", false, "undeletable", false, "replicateable", false)
		o.Add(systemField("ReplayId", "string", "Replay ID"))
		o.tailFields("created", false, false)
	case m.CustomSettingsType != "":
		o.customSetting(m.CustomSettingsType)
	default:
		o.customObject(m)
	}
	c.Put(o)
	if !strings.HasSuffix(name, "__c") || m.CustomSettingsType != "" {
		return o
	}
	c.join(o, map[string]string{"Attachment": "ParentId", "Note": "ParentId", "ContentDocumentLink": "LinkedEntityId"},
		map[string]string{"Attachment": "Attachments", "Note": "Notes", "ContentDocumentLink": "ContentDocumentLinks"})
	return o
}

// nextPrefix is a free key prefix of the kind of object.
func (c *Catalogue) nextPrefix(name string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	first := "a"
	for suffix, letter := range map[string]string{"__mdt": "m", "__e": "e", "__b": "I", "__x": "x"} {
		if strings.HasSuffix(name, suffix) {
			first = letter
		}
	}
	for n := range 62 * 62 {
		if prefix := first + string(digits[n/62]) + string(digits[n%62]); c.prefix[prefix] == nil {
			return prefix
		}
	}
	return ""
}

func (o *Object) customObject(m *CustomObject) {
	o.Set("feedEnabled", m.EnableFeeds)
	o.systemFields("full")
	if m.SharingModel != "ControlledByParent" {
		owner := NewField("OwnerId", "reference", 18, 0).Reference("Owner", "Group", "User")
		owner.Nillable, owner.DefaultedOnCreate, owner.Permissionable = false, true, false
		o.Add(owner)
	}
	o.nameField(m.NameField)
	o.tailFields("full", true, false)
}

func (o *Object) nameField(m *NameField) {
	f := NewField("Name", "string", 80, 0)
	f.NameField, f.IDLookup, f.Permissionable = true, true, false
	f.DefaultedOnCreate = true
	f.Label = labelOf(o.Name) + " Name"
	if m != nil {
		f.Label = m.Label
		if m.Type == "AutoNumber" {
			f.ReadOnly()
			f.AutoNumber, f.Nillable, f.NumberFormat = true, false, orDefault(m.DisplayFormat, "{0}")
		}
	}
	o.Add(f)
}

func orDefault(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func (o *Object) customSetting(kind string) {
	o.Set("customSetting", true, "triggerable", false, "layoutable", false, "searchable", false, "undeletable", false)
	o.systemFields("nodelete")
	name := NewField("Name", "string", 38, 0)
	name.NameField, name.IDLookup = true, true
	o.Add(name)
	if kind == "Hierarchy" {
		owner := NewField("SetupOwnerId", "reference", 18, 0).Reference("SetupOwner", "Organization", "Profile", "User")
		owner.Nillable, owner.DefaultedOnCreate, owner.Updateable = false, true, false
		o.Add(owner)
	}
	o.tailFields("nodelete", false, false)
}

func (o *Object) metadataType() {
	o.Set("createable", false, "updateable", false, "deletable", false, "undeletable", false, "replicateable", false,
		"triggerable", false, "searchable", false)
	o.Add(systemField("Id", "id", "Custom Metadata Record ID"))
	for _, name := range []string{"DeveloperName", "MasterLabel", "Language", "NamespacePrefix", "Label", "QualifiedApiName"} {
		f := NewField(name, "string", 40, 0).ReadOnly()
		f.NameField = name == "MasterLabel"
		o.Add(f)
	}
	o.Add(systemField("SystemModstamp", "datetime", "System Modstamp"))
}

func (o *Object) bigObject() {
	o.Set("updateable", false, "deletable", false, "undeletable", false, "replicateable", false, "triggerable", false,
		"searchable", false, "mruEnabled", false)
	o.Add(systemField("Id", "id", "Record ID"))
	o.tailFields("created", false, false)
}

// fieldTypes are the API types of metadata types.
var fieldTypes = map[string]string{
	"Text": "string", "TextArea": "textarea", "LongTextArea": "textarea", "Html": "textarea", "EncryptedText": "encryptedstring",
	"Number": "double", "Currency": "currency", "Percent": "percent", "Checkbox": "boolean", "Date": "date", "DateTime": "datetime",
	"Time": "time", "Email": "email", "Phone": "phone", "Url": "url", "Picklist": "picklist", "MultiselectPicklist": "multipicklist",
	"Lookup": "reference", "MasterDetail": "reference", "Hierarchy": "reference", "AutoNumber": "string", "Summary": "double",
	"Location": "location", "MetadataRelationship": "reference",
}

// ApplyField adds or replaces one field of an object.
func (c *Catalogue) ApplyField(o *Object, m *CustomField) error {
	typ, known := fieldTypes[m.Type]
	if !known {
		return fmt.Errorf("field %s.%s: type %q is not known", o.Name, m.FullName, m.Type)
	}
	f := NewField(m.FullName, typ, m.size(), m.Scale)
	f.Custom, f.Meta = true, m
	if m.Label != "" {
		f.Label = m.Label
	}
	f.ExternalID, f.Unique, f.CaseSensitive, f.IDLookup = m.ExternalID, m.Unique, m.CaseSensitive, m.ExternalID || m.Unique
	f.Tracked = m.TrackHistory
	f.Nillable = f.Nillable && !m.Required
	if m.InlineHelpText != "" {
		f.InlineHelpText = ptr(m.InlineHelpText)
	}
	f.picklist(m)
	f.defaultTo(m.DefaultValue)
	if err := c.special(o, f, m); err != nil {
		return err
	}
	o.Add(f)
	if typ == "location" {
		o.coordinates(f)
	}
	return nil
}

// size is the describe's length or precision.
func (m *CustomField) size() int {
	switch m.Type {
	case "Number", "Currency", "Percent", "Summary":
		if m.Precision == 0 {
			return 18
		}
		return m.Precision
	case "Email":
		return 80
	case "Phone":
		return 40
	case "Picklist", "TextArea", "Url":
		return 255
	case "MultiselectPicklist":
		return 4099
	case "AutoNumber":
		return 30
	case "LongTextArea", "Html":
		if m.Length == 0 {
			return 32768
		}
	}
	if m.Length == 0 {
		return 255
	}
	return m.Length
}

func (f *Field) picklist(m *CustomField) {
	if m.ValueSet == nil || m.ValueSet.Definition == nil {
		return
	}
	f.RestrictedPicklist = m.ValueSet.Restricted
	for _, v := range m.ValueSet.Definition.Values {
		label := orDefault(v.Label, v.FullName)
		f.PicklistValues = append(f.PicklistValues, PicklistValue{Active: v.IsActive == nil || *v.IsActive, DefaultValue: v.Default, Label: label, Value: v.FullName})
		if v.Default {
			f.DefaultValue, f.DefaultedOnCreate = v.FullName, true
		}
	}
}

// defaultTo takes a constant default; a formula is kept as one.
func (f *Field) defaultTo(text string) {
	switch {
	case text == "":
	case f.Type == "boolean":
		f.DefaultValue = strings.EqualFold(text, "true")
	default:
		f.DefaultValueFormula, f.DefaultedOnCreate = ptr(text), true
	}
}

// special does what only some types need.
func (c *Catalogue) special(o *Object, f *Field, m *CustomField) error {
	switch {
	case m.Type == "Html":
		f.HTMLFormatted, f.ExtraTypeInfo = true, ptr("richtextarea")
	case m.Type == "AutoNumber":
		f.ReadOnly()
		f.AutoNumber, f.NumberFormat = true, orDefault(m.DisplayFormat, "{0}")
		f.Nillable = false
	case m.Type == "Summary":
		return c.summary(f, m)
	case m.Formula != "":
		f.ReadOnly()
		f.Calculated, f.Formula, f.CalculatedFormula = true, m.Formula, ptr(m.Formula)
		f.FormulaTreatNullNumberAsZero = m.FormulaTreatBlanksAs == "BlankAsZero"
	case f.Type == "reference":
		return c.reference(o, f, m)
	}
	return nil
}

func (c *Catalogue) reference(o *Object, f *Field, m *CustomField) error {
	target := c.Get(m.ReferenceTo)
	if target == nil && m.ReferenceTo != o.Name {
		return fmt.Errorf("field %s.%s: referenceTo value of %q does not resolve to a valid sObject type", o.Name, m.FullName, m.ReferenceTo)
	}
	f.Reference(strings.TrimSuffix(m.FullName, "__c")+"__r", m.ReferenceTo)
	if m.LookupFilter != nil && m.LookupFilter.Active && !m.LookupFilter.IsOptional {
		f.LookupFilter, f.LookupFilterMessage = conditions(m.LookupFilter.FilterItems, f), m.LookupFilter.ErrorMessage
		f.FilteredLookupInfo = map[string]any{"controllingFields": []string{}, "dependent": false, "optionalFilter": false}
	}
	switch {
	case m.Type == "MasterDetail":
		order := 0
		if m.RelationshipOrder != nil {
			order = *m.RelationshipOrder
		}
		f.RelationshipOrder, f.CascadeDelete, f.Nillable, f.Updateable = ptr(order), true, false, m.Reparentable
		f.WriteRequiresMasterRead = m.WriteRequiresRead
		o.Remove("OwnerId")
	case m.DeleteConstraint == "Restrict" || m.Required && m.DeleteConstraint == "":
		f.RestrictedDelete = true
	case m.DeleteConstraint == "Cascade":
		f.CascadeDelete = true
	}
	relationship := ""
	if m.RelationshipName != "" {
		relationship = m.RelationshipName + "__r"
	}
	child := ChildRelationship{ChildSObject: o.Name, Field: f.Name, CascadeDelete: f.CascadeDelete, RestrictedDelete: f.RestrictedDelete}
	if relationship != "" {
		child.RelationshipName = ptr(relationship)
	}
	c.Relate(m.ReferenceTo, child)
	return nil
}

func (c *Catalogue) summary(f *Field, m *CustomField) error {
	child, key, valid := strings.Cut(m.SummaryForeignKey, ".")
	if !valid {
		return fmt.Errorf("field %s: summaryForeignKey %q names no field", f.Name, m.SummaryForeignKey)
	}
	_, of, _ := strings.Cut(m.SummarizedField, ".")
	f.ReadOnly()
	f.Calculated = true
	if o := c.Get(child); o != nil && o.Field(of) != nil {
		f.Type, f.Scale = o.Field(of).Type, o.Field(of).Scale
	}
	for i, item := range m.SummaryFilterItems {
		if _, field, deep := strings.Cut(item.Field, "."); deep {
			m.SummaryFilterItems[i].Field = field
		}
	}
	f.RollUp = &RollUp{Operation: m.SummaryOperation, Child: child, Reference: key, Field: of, Filter: conditions(m.SummaryFilterItems, nil)}
	return nil
}

// coordinates adds the two components of a location.
func (o *Object) coordinates(f *Field) {
	base := strings.TrimSuffix(f.Name, "__c")
	for _, name := range []string{"Latitude", "Longitude"} {
		part := NewField(base+"__"+name+"__s", "double", 18, 15)
		part.Custom, part.CompoundFieldName = true, ptr(f.Name)
		part.Label = f.Label + " (" + name + ")"
		o.Add(part)
	}
}

// conditions turns filter items into a formula. Items of a lookup filter name
// the target as Object.Field, which the formula reaches through the reference.
func conditions(items []FilterItem, via *Field) string {
	var terms []string
	for _, item := range items {
		left := item.Field
		if _, field, deep := strings.Cut(item.Field, "."); deep && via != nil && !strings.HasPrefix(item.Field, "$Source.") {
			left = *via.RelationshipName + "." + field
		}
		left = strings.TrimPrefix(left, "$Source.")
		right := literal(item.Value)
		if item.ValueField != "" {
			right = strings.TrimPrefix(item.ValueField, "$Source.")
		}
		terms = append(terms, comparison(left, item.Operation, right))
	}
	if len(terms) == 0 {
		return ""
	}
	return "AND(" + strings.Join(terms, ", ") + ")"
}

func literal(value string) string {
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return value
	}
	switch strings.ToLower(value) {
	case "true", "false":
		return value
	case "":
		return "NULL"
	}
	return strconv.Quote(value)
}

func comparison(left, operation, right string) string {
	op := map[string]string{"equals": "=", "notEqual": "<>", "lessThan": "<", "greaterThan": ">", "lessOrEqual": "<=", "greaterOrEqual": ">="}[operation]
	switch {
	case op != "":
		return left + " " + op + " " + right
	case operation == "contains":
		return "CONTAINS(" + left + ", " + right + ")"
	case operation == "startsWith":
		return "BEGINS(" + left + ", " + right + ")"
	case operation == "notContain":
		return "NOT(CONTAINS(" + left + ", " + right + "))"
	}
	return "INCLUDES(" + left + ", " + right + ")"
}

// Export spells an object as the Metadata API does.
func (o *Object) Export() *CustomObject {
	m := &CustomObject{DeploymentStatus: "Deployed", Label: o.Label()}
	m.PluralLabel, _ = o.Attrs["labelPlural"].(string)
	if strings.HasSuffix(o.Name, "__c") {
		m.SharingModel = "ReadWrite"
		if o.Field("OwnerId") == nil {
			m.SharingModel = "ControlledByParent"
		}
		if f := o.NameField(); f != nil {
			m.NameField = &NameField{Label: f.Label, Type: "Text"}
			if f.AutoNumber {
				m.NameField.Type, m.NameField.DisplayFormat = "AutoNumber", f.NumberFormat
			}
		}
	}
	for _, f := range o.Fields {
		if f.Custom && !strings.HasSuffix(f.Name, "__s") {
			m.Fields = append(m.Fields, *f.export())
		}
	}
	return m
}

// metadataTypes are the metadata types of API types, where one tells the other.
var metadataTypes = map[string]string{
	"string": "Text", "textarea": "LongTextArea", "double": "Number", "currency": "Currency", "percent": "Percent", "boolean": "Checkbox",
	"date": "Date", "datetime": "DateTime", "time": "Time", "email": "Email", "phone": "Phone", "url": "Url", "picklist": "Picklist",
	"multipicklist": "MultiselectPicklist", "reference": "Lookup", "location": "Location", "encryptedstring": "EncryptedText", "int": "Number",
}

// export spells a field: as it was deployed, or as its describe tells.
func (f *Field) export() *CustomField {
	if f.Meta != nil {
		return f.Meta
	}
	m := &CustomField{
		FullName: f.Name, Label: f.Label, Type: metadataTypes[f.Type], Length: f.Length, Precision: f.Precision, Scale: f.Scale,
		ExternalID: f.ExternalID, Unique: f.Unique, Required: !f.Nillable && f.Type != "boolean",
	}
	if f.Type == "reference" && len(f.ReferenceTo) > 0 {
		m.ReferenceTo, m.Length = f.ReferenceTo[0], 0
	}
	return m
}

func sortedNames[T any](m map[string]T) []string {
	return slices.Sorted(maps.Keys(m))
}
