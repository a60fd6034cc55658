package schema

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// globalKeys are the attributes that describeGlobal prints of every object.
var globalKeys = []string{
	"activateable", "associateEntityType", "associateParentEntity", "createable", "custom", "customSetting",
	"deepCloneable", "deletable", "deprecatedAndHidden", "feedEnabled", "hasSubtypes", "isInterface", "isSubtype",
	"keyPrefix", "label", "labelPlural", "layoutable", "mergeable", "mruEnabled", "name", "queryable",
	"replicateable", "retrieveable", "searchable", "triggerable", "undeletable", "updateable",
}

// Entry is the object's entry of describeGlobal. Path is the REST root
// ("/services/data/v66.0").
func (o *Object) Entry(root string) map[string]any {
	from := o.Attrs
	if o.Listed != nil {
		from = o.Listed
	}
	entry := make(map[string]any, len(globalKeys)+1)
	for _, key := range globalKeys {
		if v, ok := from[key]; ok || o.Listed == nil {
			entry[key] = v
		}
	}
	base := root + "/sobjects/" + o.Name
	entry["urls"] = map[string]string{"sobject": base, "describe": base + "/describe", "rowTemplate": base + "/{ID}"}
	return entry
}

// View decides what a user sees of a field: the field itself, an altered copy,
// or nil when it is hidden.
type View func(*Field) *Field

// Describe is the object's full describe as the user of the view sees it.
func (o *Object) Describe(root string, view View) map[string]any {
	d := make(map[string]any, len(o.Attrs)+10)
	for k, v := range o.Attrs {
		d[k] = v
	}
	fields := make([]*Field, 0, len(o.Fields))
	for _, f := range o.Fields {
		if seen := view(f); seen != nil {
			fields = append(fields, seen)
		}
	}
	base := root + "/sobjects/" + o.Name
	d["fields"], d["childRelationships"], d["recordTypeInfos"], d["supportedScopes"] = fields, o.Children, o.RecordTypes, o.Scopes
	if _, ok := d["actionOverrides"]; !ok {
		d["actionOverrides"], d["namedLayoutInfos"] = []any{}, []any{}
	}
	d["urls"] = map[string]string{
		"sobject": base, "describe": base + "/describe", "rowTemplate": base + "/{ID}",
		"layouts": base + "/describe/layouts", "compactLayouts": base + "/describe/compactLayouts",
	}
	return d
}

// LoadDescribe reads every *.json of the folder: describes of single objects,
// and describeGlobal answers. A describe replaces what was known of its object.
func (c *Catalogue) LoadDescribe(dir fs.FS) error {
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		return err
	}
	for _, pass := range []bool{false, true} {
		for _, name := range names {
			data, err := fs.ReadFile(dir, name)
			if err != nil {
				return err
			}
			if err := c.loadJSON(data, pass); err != nil {
				return fmt.Errorf("%s: %w", path.Base(name), err)
			}
		}
	}
	return nil
}

// recording is a describe or a describeGlobal answer, whichever was recorded.
type recording struct {
	Name     string              `json:"name"`
	SObjects []map[string]any    `json:"sobjects"`
	Fields   []*Field            `json:"fields"`
	Children []ChildRelationship `json:"childRelationships"`
	Types    []RecordType        `json:"recordTypeInfos"`
	Scopes   []Scope             `json:"supportedScopes"`
}

// loadJSON reads one recording; globals are read in a pass of their own, after
// the describes.
func (c *Catalogue) loadJSON(data []byte, globals bool) error {
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	if (r.SObjects != nil) != globals {
		return nil
	}
	for _, entry := range r.SObjects {
		c.list(entry)
	}
	if r.Fields == nil {
		return nil
	}
	attrs := map[string]any{}
	if err := json.Unmarshal(data, &attrs); err != nil {
		return err
	}
	for _, array := range []string{"fields", "childRelationships", "recordTypeInfos", "supportedScopes", "urls"} {
		delete(attrs, array)
	}
	c.putRecorded(r, attrs)
	return nil
}

func (c *Catalogue) putRecorded(r recording, attrs map[string]any) {
	prefix, _ := attrs["keyPrefix"].(string)
	o := &Object{
		Name: r.Name, KeyPrefix: prefix, Attrs: attrs, Children: r.Children, RecordTypes: r.Types,
		Scopes: r.Scopes, Recorded: true,
	}
	built := c.Get(r.Name)
	if built != nil {
		o.Traits = built.Traits
	}
	for _, f := range r.Fields {
		o.Add(f)
		if built != nil {
			o.inherit(f, built.Field(f.Name))
		}
	}
	c.Put(o)
	for _, f := range o.Fields {
		if f.Custom {
			c.relateField(o, f, "")
		}
	}
}

// inherit keeps what a describe does not tell and the table knows.
func (o *Object) inherit(f, known *Field) {
	if known != nil {
		f.NumberFormat, f.Tracked = known.NumberFormat, known.Tracked
	}
	if f.AutoNumber && f.NumberFormat == "" {
		f.NumberFormat = "{00000000}"
	}
}

// relateField tells the parents of a reference about it, unless they were
// recorded with it.
func (c *Catalogue) relateField(o *Object, f *Field, relationship string) {
	for _, parent := range f.ReferenceTo {
		if p := c.Get(parent); p != nil && p.Recorded {
			continue
		}
		child := ChildRelationship{ChildSObject: o.Name, Field: f.Name, CascadeDelete: f.CascadeDelete, RestrictedDelete: f.RestrictedDelete}
		if relationship != "" {
			child.RelationshipName = ptr(relationship)
		}
		c.Relate(parent, child)
	}
}

// list keeps a describeGlobal entry; an object known only from it gets the
// fields that its kind always has.
func (c *Catalogue) list(entry map[string]any) {
	name, _ := entry["name"].(string)
	listed := map[string]any{}
	for _, key := range globalKeys {
		if v, ok := entry[key]; ok {
			listed[key] = v
		}
	}
	if o := c.Get(name); o != nil {
		o.Listed = listed
		return
	}
	prefix, _ := listed["keyPrefix"].(string)
	o := NewObject(name, prefix)
	for k, v := range listed {
		o.Attrs[k] = v
	}
	o.Listed = listed
	kind, parent := o.Associate()
	if p := c.Get(parent); p != nil && (kind == "History" || kind == "Feed" || kind == "Share") {
		o.Add(companionID())
		o.companionFields(kind, strings.TrimSuffix(parent, "__c")+"Id", p)
	} else {
		sys := "nodelete"
		if o.Can("undeletable") {
			sys = "full"
		}
		o.systemFields(sys)
		o.tailFields(sys, false, false)
	}
	c.Put(o)
}
