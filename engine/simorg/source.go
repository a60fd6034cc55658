package simorg

import (
	"io/fs"
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
	return o.reshape(func(c *schema.Catalogue) error {
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
}

// applyRules brings an object's validation rules and record types in.
func (o *Org) applyRules(obj *schema.Object, m *schema.CustomObject) error {
	for _, r := range m.ValidationRules {
		rule := &ValidationRule{Object: obj.Name, Name: r.FullName, Condition: r.ErrorConditionFormula, Message: r.ErrorMessage,
			Field: r.ErrorDisplayField, Inactive: !r.Active}
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
	obj.RecordTypes = append(obj.RecordTypes, schema.RecordType{Active: m.Active, Available: true, DeveloperName: m.FullName, Name: m.Label,
		RecordTypeID: id, URLs: map[string]string{}})
	if obj.Field("RecordTypeId") == nil {
		f := schema.NewField("RecordTypeId", "reference", 18, 0).Reference("RecordType", "RecordType")
		obj.Add(f)
	}
	return id
}
