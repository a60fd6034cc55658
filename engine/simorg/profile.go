package simorg

import (
	"bytes"
	"encoding/xml"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

// concern is what a part of a profile is about: the component that an element
// of it names, and its metadata type.
type concern struct{ element, typ string }

// profileConcerns are the parts of a profile that a retrieve gives out only
// with the component they are about. Everything else is always in it.
var profileConcerns = map[string]concern{
	"applicationVisibilities":    {"application", "CustomApplication"},
	"classAccesses":              {"apexClass", "ApexClass"},
	"customMetadataTypeAccesses": {"name", "CustomObject"},
	"customPermissions":          {"name", "CustomPermission"},
	"customSettingAccesses":      {"name", "CustomObject"},
	"fieldPermissions":           {"field", "CustomField"},
	"flowAccesses":               {"flow", "Flow"},
	"layoutAssignments":          {"layout", "Layout"},
	"objectPermissions":          {"object", "CustomObject"},
	"pageAccesses":               {"apexPage", "ApexPage"},
	"recordTypeVisibilities":     {"recordType", "RecordType"},
	"tabVisibilities":            {"tab", "CustomTab"},
}

// company are the components of one retrieve.
type company map[string]bool

// has reports whether the retrieve names a component, or the object it is part of.
func (c company) has(typ, name string) bool {
	object, _, part := strings.Cut(name, ".")
	return c[componentID(typ, name)] || part && c[componentID("CustomObject", object)]
}

// sparse is a profile as a retrieve gives it out: nothing about components that
// are not in the same retrieve. A permission set is whole (since version 40).
func (c company) sparse(profile []byte) []byte {
	document, err := parseXML(bytes.NewReader(profile))
	if err != nil || len(document.children) == 0 {
		return profile
	}
	root := trimmed(document.children[0])
	kept := el(root.name)
	for _, part := range root.children {
		about, limited := profileConcerns[part.name]
		if !limited || c.has(about.typ, part.child(about.element).text) {
			kept.add(part)
		}
	}
	var text bytes.Buffer
	kept.write(&text)
	return []byte(xml.Header + strings.Replace(text.String(), "<"+root.name, "<"+root.name+` xmlns="`+schema.Namespace+`"`, 1))
}
