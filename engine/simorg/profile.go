package simorg

import (
	"bytes"
	"encoding/xml"
	"slices"
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

// profileKeys names the parts of a profile that are about no component.
var profileKeys = map[string]string{
	"categoryGroupVisibilities": "dataCategoryGroup", "externalDataSourceAccesses": "externalDataSource",
	"profileActionOverrides": "actionName", "userPermissions": "name",
}

// profileKey is what a part of a profile is about; "" where all elements of its
// name are one setting.
func profileKey(part *element) string {
	key := part.child(profileKeys[part.name]).text
	if part.name == "layoutAssignments" {
		object, _, _ := strings.Cut(part.child("layout").text, "-")
		key = object + " " + part.child("recordType").text
	} else if about, is := profileConcerns[part.name]; is {
		key = part.child(about.element).text
	}
	return strings.ToLower(key)
}

// overlaid is a profile after a deploy: what the deployed file names is as it
// says, everything else stays.
func overlaid(old []byte, deployed *element) []byte {
	document, err := parseXML(bytes.NewReader(old))
	if err != nil || len(document.children) == 0 {
		return deployed.file()
	}
	type setting struct{ element, key string }
	said := map[setting]bool{}
	for _, part := range trimmed(deployed).children {
		said[setting{part.name, profileKey(part)}] = true
	}
	whole := el(deployed.name, deployed.children...)
	for _, part := range trimmed(document.children[0]).children {
		if !said[setting{part.name, profileKey(part)}] {
			whole.add(part)
		}
	}
	slices.SortStableFunc(whole.children, func(a, b *element) int { return strings.Compare(a.name, b.name) })
	return whole.file()
}

// file is a component's element as a file of its own.
func (e *element) file() []byte {
	var text bytes.Buffer
	e.write(&text)
	return []byte(xml.Header + strings.Replace(text.String(), "<"+e.name, "<"+e.name+` xmlns="`+schema.Namespace+`"`, 1))
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
	return kept.file()
}
