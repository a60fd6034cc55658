package simorg

import (
	"fmt"
	"slices"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// RenamePicklistValue renames a value as Setup does: the records that hold it
// hold the new one at once, without a new SystemModstamp and without triggers.
func (o *Org) RenamePicklistValue(object, field, from, to string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.reshape(func(c *schema.Catalogue) error {
		obj := c.Get(object)
		if obj == nil || obj.Field(field) == nil {
			return fmt.Errorf("simorg: there is no field %s.%s", object, field)
		}
		twin := *obj.Field(field)
		f := &twin
		i := slices.IndexFunc(f.PicklistValues, func(v schema.PicklistValue) bool { return v.Value == from })
		if i < 0 {
			return fmt.Errorf("simorg: %s.%s has no value %q", object, field, from)
		}
		f.PicklistValues = slices.Clone(f.PicklistValues)
		f.PicklistValues[i].Value, f.PicklistValues[i].Label = to, to
		obj.Add(f)
		return nil
	})
	if err != nil {
		return err
	}
	obj := o.schema().Get(object)
	o.rewrite(obj, obj.Field(field), func(text string) string {
		if text == from {
			return to
		}
		return text
	})
	return nil
}

// rewrite changes a field's values behind everyone's back.
func (o *Org) rewrite(obj *schema.Object, f *schema.Field, change func(string) string) {
	table := o.table(obj.Name)
	var all []*store.Record
	table.After("", func(r *store.Record) bool {
		all = append(all, r)
		return true
	})
	for _, r := range all {
		v := make([]string, obj.Cols())
		r.Values(v)
		if text := change(v[f.Col]); text != v[f.Col] {
			v[f.Col] = text
			table.Update(r, v, nil)
		}
	}
}
