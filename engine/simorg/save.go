package simorg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// defaults fills what a new record leaves open.
func (c *change) defaults() {
	for _, f := range c.obj.Fields {
		if c.given[f.Col] || f.From != schema.Stored {
			continue
		}
		switch d := f.DefaultValue.(type) {
		case string:
			c.new[f.Col] = d
		case bool:
			if d {
				c.new[f.Col] = "true"
			}
		}
		if f.DefaultValueFormula != nil {
			c.new[f.Col] = c.computedDefault(f)
		}
		if f.AutoNumber {
			c.new[f.Col] = c.o.autoNumber(c.obj, f)
		}
	}
	if f := c.obj.Field("OwnerId"); f != nil && c.new[f.Col] == "" && f.Createable {
		c.new[f.Col] = c.user.id
	}
	if f := c.obj.Field("RecordTypeId"); f != nil && !c.given[f.Col] {
		c.new[f.Col] = defaultRecordType(c.obj)
	}
}

// computedDefault is what a field's default formula gives; one that fails gives
// nothing, as there.
func (c *change) computedDefault(f *schema.Field) string {
	compiled, err := c.o.parse(*f.DefaultValueFormula)
	if err != nil {
		return ""
	}
	v, err := compiled.Eval(c.env())
	if err != nil {
		return ""
	}
	return storedText(f, v)
}

func defaultRecordType(obj *schema.Object) string {
	for _, rt := range obj.RecordTypes {
		if rt.DefaultRecordTypeMapping && !rt.Master {
			return rt.RecordTypeID
		}
	}
	return ""
}

// autoNumber is the next number of a field, spelled by its format.
func (o *Org) autoNumber(obj *schema.Object, f *schema.Field) string {
	o.idMu.Lock()
	defer o.idMu.Unlock()
	key := obj.Name + "." + f.Name
	o.counters[key]++
	start, end := strings.IndexByte(f.NumberFormat, '{'), strings.IndexByte(f.NumberFormat, '}')
	if start < 0 || end < start {
		return strconv.FormatUint(o.counters[key], 10)
	}
	return f.NumberFormat[:start] + fmt.Sprintf("%0*d", end-start-1, o.counters[key]) + f.NumberFormat[end+1:]
}

// save runs the platform's order of execution: system validation, before
// triggers, required fields, validation rules, duplicate rules, the write, and
// what follows from it.
func (c *change) save() error {
	c.audit()
	for _, step := range []func() error{
		c.locks, c.references, c.standardBefore, c.triggersBefore, c.required, c.unique,
		c.lookupFilters, c.validationRules, c.duplicates, c.store, c.standardAfter, c.triggersAfter, c.rollUps,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// audit sets who and when, unless the user may and did say so.
func (c *change) audit() {
	now, user := formatStamp(c.stamp), c.user.id
	put := func(name, value string) {
		if f := c.obj.Field(name); f != nil && !(c.isNew() && c.given[f.Col] && c.new[f.Col] != "") {
			c.new[f.Col] = value
		}
	}
	if c.isNew() {
		put("CreatedDate", now)
		put("CreatedById", user)
	}
	put("LastModifiedDate", now)
	put("LastModifiedById", user)
}

// required refuses a record that lacks what describe says it needs.
func (c *change) required() error {
	var missing []string
	for _, f := range c.obj.Fields {
		if f.From != schema.Stored || c.new[f.Col] != "" || f.Nillable || f.Type == "boolean" || f.AutoNumber {
			continue
		}
		if c.isNew() && f.Createable && !f.DefaultedOnCreate || !c.isNew() && f.Updateable && c.given[f.Col] {
			missing = append(missing, f.Name)
		}
	}
	if c.system || missing == nil {
		return nil
	}
	return invalidRow("REQUIRED_FIELD_MISSING", missing, "Required fields are missing: [%s]", strings.Join(missing, ", "))
}

// references refuses ids that point nowhere, at the wrong kind, or at the bin.
func (c *change) references() error {
	for _, f := range c.obj.Fields {
		if f.Type != "reference" || c.new[f.Col] == "" || c.old != nil && c.new[f.Col] == c.old[f.Col] {
			continue
		}
		if err := c.reference(f, c.new[f.Col]); err != nil {
			return err
		}
	}
	return nil
}

func (c *change) reference(f *schema.Field, id string) error {
	target := c.o.referred(f, id)
	if f.Name == "RecordTypeId" {
		return c.recordType(f, id)
	}
	if target == nil || !f.References(target.Name) {
		if target != nil && len(f.ReferenceTo) > 0 {
			return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{f.Name}, "%s: id value of incorrect type: %s", f.Label, id)
		}
		return invalidRow("INVALID_CROSS_REFERENCE_KEY", []string{f.Name}, "invalid cross reference id")
	}
	r := c.o.table(target.Name).Get(id)
	switch {
	case r == nil || !c.system && (!c.user.seesObject(target) || !c.o.seesRecord(c.user, target, r)):
		return invalidRow("INVALID_CROSS_REFERENCE_KEY", []string{f.Name}, "invalid cross reference id")
	case r.State != store.Live:
		return invalidRow("ENTITY_IS_DELETED", []string{f.Name}, "entity is deleted")
	case f.Name == "OwnerId" && target.Name == "User":
		return c.owner(target, r)
	}
	return nil
}

// owner refuses an inactive owner, unless the user may keep records with one.
func (c *change) owner(users *schema.Object, r *store.Record) error {
	if c.system || r.Get(users.Field("IsActive").Col) == "true" || c.user.may("UpdateWithInactiveOwners") {
		return nil
	}
	return invalidRow("INACTIVE_OWNER_OR_USER", []string{"OwnerId"}, "operation performed with inactive user [%s] as owner of %s", r.ID[:15], strings.ToLower(c.obj.Label()))
}

func (c *change) recordType(f *schema.Field, id string) error {
	valid := slices.ContainsFunc(c.obj.RecordTypes, func(rt schema.RecordType) bool {
		return rt.RecordTypeID == id && rt.Active && rt.Available
	})
	if valid || id == schema.MasterRecordType {
		if id == schema.MasterRecordType {
			c.new[f.Col] = ""
		}
		return nil
	}
	return invalidRow("INVALID_CROSS_REFERENCE_KEY", []string{f.Name}, "Record Type ID: this ID value isn't valid for the user: %s", id)
}

// unique refuses a value that another live record has.
func (c *change) unique() error {
	for _, f := range c.obj.Fields {
		value := c.new[f.Col]
		if !f.Unique || value == "" || c.old != nil && value == c.old[f.Col] {
			continue
		}
		table := c.o.table(c.obj.Name)
		table.Index(f.Col)
		for _, r := range table.Find(f.Col, value) {
			if r.ID == c.id || r.State != store.Live || f.CaseSensitive && r.Get(f.Col) != value {
				continue
			}
			return invalidRow("DUPLICATE_VALUE", []string{f.Name}, "duplicate value found: %s duplicates value on record with id: %s", f.Name, r.ID[:15])
		}
	}
	return nil
}

// store writes the record.
func (c *change) store() error {
	if !c.isNew() {
		if !c.holdUpdate() {
			c.change(c.obj, c.rec, c.new, func(r *store.Record) { r.Stamp = c.stamp })
		}
		return c.storeBlobs()
	}
	if c.id == "" { // a note has that of its document
		c.id = c.o.nextID(prefixOf(c.obj))
	}
	c.rec = &store.Record{ID: c.id, Stamp: c.stamp}
	c.put(c.obj, c.rec, c.new)
	c.hideInsert()
	return c.storeBlobs()
}

// noPrefix begins the ids of objects that have no key prefix.
const noPrefix = "02c"

func prefixOf(obj *schema.Object) string {
	if obj.KeyPrefix != "" {
		return obj.KeyPrefix
	}
	return noPrefix
}

// ofID is the object that an id belongs to; nil when none has it.
func (o *Org) ofID(id string) *schema.Object {
	if obj := o.schema().ByPrefix(id); obj != nil || !strings.HasPrefix(id, noPrefix) {
		return obj
	}
	for _, obj := range o.schema().All() {
		if obj.KeyPrefix == "" && o.table(obj.Name).Get(id) != nil {
			return obj
		}
	}
	return nil
}

// referred is the object that a reference's value belongs to: of those that
// share a prefix, the one the reference may point at.
func (o *Org) referred(f *schema.Field, id string) *schema.Object {
	obj := o.ofID(id)
	if obj == nil || f.References(obj.Name) {
		return obj
	}
	for _, name := range f.ReferenceTo {
		if other := o.schema().Get(name); other != nil && other.KeyPrefix == obj.KeyPrefix && o.table(name).Get(id) != nil {
			return other
		}
	}
	return obj
}
