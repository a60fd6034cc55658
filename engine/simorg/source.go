package simorg

import (
	"bytes"
	"io/fs"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

// LoadSource adds the objects, fields, validation rules and record types of an
// SFDX project's source to the org.
func (o *Org) LoadSource(dir fs.FS) error {
	source, err := schema.ReadSource(dir)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	err = o.reshape(func(c *schema.Catalogue) error {
		if err := c.ApplySource(source, o.cfg.Now().UTC().Truncate(time.Second)); err != nil {
			return err
		}
		for name, m := range source.Objects {
			obj := c.Get(name)
			if err := o.applyRules(obj, m); err != nil {
				return err
			}
			if len(o.cfg.Currencies) > 0 && holdsMoney(obj) && !obj.Can("customSetting") {
				o.addCurrency(obj)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return o.loadFiles(dir)
}

// loadFiles keeps the components that are files: classes, flows, layouts.
func (o *Org) loadFiles(dir fs.FS) error {
	files := map[string][]byte{}
	err := fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "node_modules":
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		if at := packagePath(name); at != "" {
			if files[at], err = fs.ReadFile(dir, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range sortedMapKeys(files) {
		t, fullName, meta := typeOfPath(name)
		if meta {
			continue
		}
		root := &element{}
		if document, err := parseXML(bytes.NewReader(files[name])); err == nil && len(document.children) > 0 {
			root = document.children[0]
		}
		o.keepComponent(component{typ: t, fullName: fullName, body: files[name], meta: files[name+"-meta.xml"]}, root)
	}
	return nil
}

// packagePath is where a source file stands in a package: SFDX source puts
// -meta.xml behind components that are nothing but XML.
func packagePath(name string) string {
	part := strings.Split(name, "/")
	for i := range part {
		at := strings.Join(part[i:], "/")
		t, _, meta := typeOfPath(at)
		switch {
		case t == nil || t.name == "CustomObject" || len(part) == i+1:
			continue
		case meta && !t.metaFile:
			return strings.TrimSuffix(at, "-meta.xml")
		}
		return at
	}
	return ""
}

// applyRules brings an object's validation rules and record types in.
func (o *Org) applyRules(obj *schema.Object, m *schema.CustomObject) error {
	for _, r := range m.ValidationRules {
		rule := &ValidationRule{
			Object: obj.Name, Name: r.FullName, Condition: r.ErrorConditionFormula, Message: r.ErrorMessage,
			Field: r.ErrorDisplayField, Inactive: !r.Active,
		}
		if err := o.addValidationRule(rule); err != nil {
			return err
		}
	}
	for _, rt := range m.RecordTypes {
		o.addRecordType(obj, rt)
	}
	return nil
}

// addRecordType adds or changes a record type and returns its id.
func (o *Org) addRecordType(obj *schema.Object, m schema.RecordTypeMetadata) string {
	for i, known := range obj.RecordTypes {
		if known.DeveloperName == m.FullName {
			obj.RecordTypes[i].Active, obj.RecordTypes[i].Name = m.Active, m.Label
			return known.RecordTypeID
		}
	}
	id := o.nextID("012")
	obj.RecordTypes = append(obj.RecordTypes, schema.RecordType{
		Active: m.Active, Available: true, DeveloperName: m.FullName, Name: m.Label,
		RecordTypeID: id, URLs: map[string]string{},
	})
	if obj.Field("RecordTypeId") == nil {
		f := schema.NewField("RecordTypeId", "reference", 18, 0).Reference("RecordType", "RecordType")
		obj.Add(f)
	}
	return id
}
