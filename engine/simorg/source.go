package simorg

import (
	"fmt"
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
	if err := o.schema.ApplySource(source, o.cfg.Now().UTC().Truncate(time.Second)); err != nil {
		return err
	}
	for name, m := range source.Objects {
		if err := o.applyRules(name, m); err != nil {
			return err
		}
	}
	if len(o.cfg.Currencies) > 0 {
		for name := range source.Objects {
			if obj := o.schema.Get(name); holdsMoney(obj) && !obj.Can("customSetting") {
				o.addCurrency(obj)
			}
		}
	}
	o.touchSchema()
	return o.addRecordTypes()
}

// applyRules brings an object's validation rules and record types in.
func (o *Org) applyRules(object string, m *schema.CustomObject) error {
	obj := o.schema.Get(object)
	if obj == nil {
		return fmt.Errorf("entity type %s does not exist", object)
	}
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

func (o *Org) addRecordType(obj *schema.Object, m schema.RecordTypeMetadata) {
	for i, known := range obj.RecordTypes {
		if known.DeveloperName == m.FullName {
			obj.RecordTypes[i].Active, obj.RecordTypes[i].Name = m.Active, m.Label
			return
		}
	}
	obj.RecordTypes = append(obj.RecordTypes, schema.RecordType{Active: m.Active, Available: true, DeveloperName: m.FullName, Name: m.Label,
		RecordTypeID: o.nextID("012"), URLs: map[string]string{}})
	if obj.Field("RecordTypeId") == nil {
		f := schema.NewField("RecordTypeId", "reference", 18, 0).Reference("RecordType", "RecordType")
		obj.Add(f)
	}
}
