package simorg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// input is a record as a request gives it, keys in any case.
type input map[string]any

// change is one record being inserted or updated. Values are by column.
type change struct {
	*tx
	obj    *schema.Object
	rec    *store.Record // nil on insert
	id     string        // "" until the insert is stored
	old    []string      // nil on insert
	new    []string
	given  map[int]bool
	blobs  map[string]content // by field name
	system bool               // the platform itself writes: no permission is asked
}

// isNew says whether this is an insert.
func (c *change) isNew() bool { return c.rec == nil }

// get and set read and write the value to be stored, by field name; a field
// that the object lacks is ignored.
func (c *change) get(name string) string {
	if f := c.obj.Field(name); f != nil {
		return c.new[f.Col]
	}
	return ""
}

func (c *change) set(name, value string) {
	if f := c.obj.Field(name); f != nil {
		c.new[f.Col] = value
	}
}

// was is the value before the change.
func (c *change) was(name string) string {
	if f := c.obj.Field(name); f != nil && c.old != nil {
		return c.old[f.Col]
	}
	return ""
}

func (c *change) gave(name string) bool {
	f := c.obj.Field(name)
	return f != nil && c.given[f.Col]
}

// insert stores a new record and returns its id.
func (t *tx) insert(obj *schema.Object, in input) (string, error) {
	if !obj.Can("createable") {
		return "", badRequest("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be inserted: %s", obj.Label())
	}
	if err := t.mayWrite(obj); err != nil {
		return "", err
	}
	if obj.IndexFields != nil {
		return t.insertBig(obj, in)
	}
	if same := t.pairOf(obj, in); same != nil {
		return t.pairAgain(obj, same, in)
	}
	return t.insertAs(&change{tx: t, obj: obj}, in)
}

// systemInsert stores a record that the platform itself makes.
func (t *tx) systemInsert(object string, in input) (string, error) {
	obj := t.o.schema().Get(object)
	if obj == nil {
		return "", fmt.Errorf("the schema has no %s", object)
	}
	return t.insertAs(&change{tx: t, obj: obj, system: true}, in)
}

func (t *tx) insertAs(c *change, in input) (string, error) {
	mark := len(t.undo)
	c.new, c.given, c.blobs = make([]string, c.obj.Cols()), map[int]bool{}, map[string]content{}
	err := c.take(in)
	if err == nil {
		c.defaults()
		err = c.save()
	}
	if err != nil {
		t.rollback(mark)
		return "", err
	}
	return c.id, nil
}

// update changes an existing record.
func (t *tx) update(obj *schema.Object, id string, in input) error {
	r, err := t.find(obj, id)
	if err != nil {
		return err
	}
	if !obj.Can("updateable") {
		return badRequest("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be updated: %s", obj.Label())
	}
	if err := t.mayWrite(obj); err != nil {
		return err
	}
	return t.updateAs(&change{tx: t, obj: obj, rec: r}, in)
}

// systemUpdate changes fields that only the platform writes.
func (t *tx) systemUpdate(obj *schema.Object, r *store.Record, in input) error {
	return t.updateAs(&change{tx: t, obj: obj, rec: r, system: true}, in)
}

func (t *tx) updateAs(c *change, in input) error {
	mark := len(t.undo)
	c.id, c.given, c.blobs = c.rec.ID, map[int]bool{}, map[string]content{}
	c.old = make([]string, c.obj.Cols())
	c.rec.Values(c.old)
	c.new = slices.Clone(c.old)
	err := c.take(in)
	if err == nil {
		err = c.save()
	}
	if err != nil {
		t.rollback(mark)
	}
	return err
}

// find is a live record of the object by its id, in 15 or 18 characters.
func (t *tx) find(obj *schema.Object, id string) (*store.Record, error) {
	full, valid := readID(id)
	if !valid {
		return nil, invalidRow("MALFORMED_ID", []string{"Id"}, "%s ID: id value of incorrect type: %s", obj.Label(), id)
	}
	r := t.o.table(obj.Name).Get(full)
	switch {
	case r == nil && obj.KeyPrefix != "" && full[:3] != obj.KeyPrefix:
		return nil, invalidRow("MALFORMED_ID", []string{"Id"}, "%s ID: id value of incorrect type: %s", obj.Label(), id)
	case r == nil || !t.o.seesRecord(t.user, obj, r):
		return nil, invalidRow("INVALID_CROSS_REFERENCE_KEY", nil, "invalid cross reference id")
	case r.State != store.Live:
		e := refuse(404, "ENTITY_IS_DELETED", "entity is deleted")
		e.Fields = []string{}
		return nil, e
	}
	return r, nil
}

// take reads the input into the change.
func (c *change) take(in input) error {
	var frozen []string
	for _, key := range sortedKeys(in) {
		if strings.EqualFold(key, "attributes") {
			continue
		}
		if strings.EqualFold(key, "Id") {
			if c.isNew() && in[key] != nil {
				return badRequest("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
			}
			continue
		}
		f := c.field(key)
		value := in[key]
		if f == nil {
			if f, value = c.related(key, value); f == nil {
				if err, refused := value.(error); refused {
					return err
				}
				return badRequest("INVALID_FIELD", "No such column '%s' on sobject of type %s", key, c.obj.Name)
			}
		}
		if !c.system && (c.isNew() && !f.Createable || !c.isNew() && !f.Updateable) {
			frozen = append(frozen, f.Name)
			continue
		}
		if err := c.assign(f, value); err != nil {
			return err
		}
	}
	if frozen != nil {
		return invalidRow("INVALID_FIELD_FOR_INSERT_UPDATE", frozen, "Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", strings.Join(frozen, ", "))
	}
	return nil
}

// field finds a field by name as the user sees it.
func (c *change) field(name string) *schema.Field {
	f := c.obj.Field(name)
	if f == nil || c.system {
		return f
	}
	return c.user.field(c.obj, f)
}

func (c *change) assign(f *schema.Field, value any) error {
	if f.Type == "base64" {
		return c.assignBlob(f, value)
	}
	text, err := coerce(f, value)
	if err != nil {
		return err
	}
	c.new[f.Col], c.given[f.Col] = text, true
	return nil
}

func sortedKeys(in input) []string {
	keys := make([]string, 0, len(in))
	for k := range in {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// related reads a reference by external id ("Account": {"Ext__c": "A-1"}); the
// second result is then the id, or the refusal when the first is nil.
func (c *change) related(key string, value any) (*schema.Field, any) {
	by, isObject := value.(map[string]any)
	if !isObject {
		return nil, nil
	}
	for _, f := range c.obj.Fields {
		if f.RelationshipName == nil || !strings.EqualFold(*f.RelationshipName, key) {
			continue
		}
		id, err := c.lookUp(f, by)
		if err != nil {
			return nil, err
		}
		return f, id
	}
	return nil, nil
}

// lookUp finds the record that {"Ext__c": "A-1"} or {"attributes":…, …} names.
func (c *change) lookUp(f *schema.Field, by map[string]any) (string, error) {
	target := f.ReferenceTo[0]
	if a, ok := by["attributes"].(map[string]any); ok {
		if name, ok := a["type"].(string); ok {
			target = name
		}
	}
	obj := c.o.schema().Get(target)
	if obj == nil || !f.References(target) {
		return "", badRequest("INVALID_FIELD", "%s does not refer to %s", f.Name, target)
	}
	for name, v := range by {
		key := obj.Field(name)
		if key == nil {
			continue
		}
		text, err := coerce(key, v)
		if err != nil {
			return "", err
		}
		found, err := c.byKey(obj, key, text)
		if err != nil {
			return "", err
		}
		if found == nil {
			return "", invalidRow("INVALID_FIELD", nil, "Foreign key external ID: %s not found for field %s in entity %s", strings.ToLower(text), name, obj.Name)
		}
		return found.ID, nil
	}
	return "", badRequest("INVALID_FIELD", "no external id was given for %s", f.Name)
}

// byKey finds the one live record whose external id (or Id) is the value; nil
// when there is none.
func (t *tx) byKey(obj *schema.Object, key *schema.Field, value string) (*store.Record, error) {
	table := t.o.table(obj.Name)
	if key.From == schema.RecordID {
		if r := table.Get(value); r != nil && r.State == store.Live {
			return r, nil
		}
		return nil, nil
	}
	if !key.ExternalID && !key.IDLookup {
		return nil, refuse(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: %s", key.Name)
	}
	table.Index(key.Col)
	var found *store.Record
	for _, r := range table.Find(key.Col, value) {
		if r.State != store.Live || key.CaseSensitive && r.Get(key.Col) != value {
			continue
		}
		if found != nil {
			return nil, invalidRow("DUPLICATE_EXTERNAL_ID", nil, "%s: more than one record found for external id field: [%s, %s]", key.Name, found.ID, r.ID)
		}
		found = r
	}
	return found, nil
}
