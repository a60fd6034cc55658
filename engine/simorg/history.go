package simorg

import (
	"slices"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// TrackHistory makes changes of the fields write rows of the object's History
// companion, as field history tracking does.
func (o *Org) TrackHistory(object string, fields ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.reshape(func(c *schema.Catalogue) error {
		obj := c.Get(object)
		for _, name := range fields {
			if f := obj.Field(name); f != nil {
				tracked := *f
				tracked.Tracked = true
				obj.Add(&tracked)
			}
		}
		return nil
	})
}

// trackHistory writes a History row for each tracked field that changed.
func (c *change) trackHistory() error {
	if c.old == nil {
		return nil
	}
	for _, f := range c.obj.Fields {
		if !f.Tracked || c.old[f.Col] == c.new[f.Col] {
			continue
		}
		history, parent := c.o.companion(c.obj, "History")
		if history == nil {
			return nil
		}
		c.systemRow(history, input{parent: c.id, "Field": f.Name, "DataType": f.Type, "OldValue": clip(c.old[f.Col]), "NewValue": clip(c.new[f.Col])})
	}
	return nil
}

// clipRunes is what a History row holds of a value.
const clipRunes = 255

// clip cuts a value to that.
func clip(s string) string {
	runes := []rune(s)
	return string(runes[:min(len(runes), clipRunes)])
}

// systemRow stores a row of a companion, which no rule and no trigger sees.
func (t *tx) systemRow(obj *schema.Object, in input) {
	values := make([]string, obj.Cols())
	for name, v := range in {
		if f := obj.Field(name); f != nil {
			values[f.Col], _ = v.(string)
		}
	}
	for name, v := range map[string]string{"CreatedDate": formatStamp(t.stamp), "CreatedById": t.user.id} {
		if f := obj.Field(name); f != nil {
			values[f.Col] = v
		}
	}
	t.put(obj, &store.Record{ID: t.o.nextID(prefixOf(obj)), Stamp: t.stamp}, values)
}

// companion finds an object's History, Feed or Share object and the field that
// names the parent.
func (o *Org) companion(of *schema.Object, kind string) (*schema.Object, string) {
	for _, obj := range o.schema().All() {
		if k, parent := obj.Associate(); k != kind || parent != of.Name {
			continue
		}
		i := slices.IndexFunc(obj.Fields, func(f *schema.Field) bool { return f.References(of.Name) && f.Name != "CreatedById" })
		if i >= 0 {
			return obj, obj.Fields[i].Name
		}
	}
	return nil, ""
}
