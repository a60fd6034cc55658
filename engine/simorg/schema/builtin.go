package schema

import (
	"bufio"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The tables say, a line per object or field:
//
//	values NAME A|B            a picklist used by several fields (@NAME)
//	objects NAME A,B           a list of objects used by several references
//	object NAME PREFIX CALLS word… ; Label | Plural
//	  (pair=A,B: a second insert of the same two updates the first; needs=A,B: a
//	  query must filter by one of them; binless: a delete is for good; extra: not
//	  in a lean org)
//	  NAME type(size) word… ; Label
//
// CALLS are the letters of the platform reference §14 (C create, U update, D
// delete, N undelete, M merge, R replicateable, Q query only, - none).
//
//go:embed builtin/*.txt
var tables embed.FS

// Catalogue is the set of objects of one org, by name.
type Catalogue struct {
	objects map[string]*Object // by lower-case name
	order   []string           // lower-case names, in order of appearance
	prefix  map[string]*Object
	pending []relation // relationships whose parent is not there yet
}

// relation is a child relationship and the parent it belongs to.
type relation struct {
	parent string
	child  ChildRelationship
}

// NewCatalogue holds no object.
func NewCatalogue() *Catalogue {
	return &Catalogue{objects: map[string]*Object{}, prefix: map[string]*Object{}}
}

// Standard holds the built-in objects and their companions.
func Standard() (*Catalogue, error) {
	c := NewCatalogue()
	t := &table{Catalogue: c, values: map[string]string{}, objects: map[string]string{}}
	entries, err := tables.ReadDir("builtin")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := tables.ReadFile("builtin/" + e.Name())
		if err != nil {
			return nil, err
		}
		if err := t.load(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
	}
	return c, nil
}

// Trim leaves what an org has without add-ons: no extra object or field, and no
// reference to an object that is not there, where it may point at others.
func (c *Catalogue) Trim() {
	gone := map[string]bool{}
	for _, o := range c.All() {
		if o.Trait("extra") {
			gone[o.Name] = true
			c.Drop(o.Name)
		}
	}
	for _, o := range c.All() {
		for _, f := range slices.Clone(o.Fields) {
			left := slices.DeleteFunc(slices.Clone(f.ReferenceTo), func(name string) bool { return gone[name] })
			switch {
			case f.Extra:
				o.Remove(f.Name)
				c.Unrelate(o.Name, f.Name)
			case len(left) > 0:
				f.ReferenceTo = left
			}
		}
	}
}

// Get finds an object by name, in any case; nil when there is none.
func (c *Catalogue) Get(name string) *Object { return c.objects[strings.ToLower(name)] }

// ByPrefix finds the object that an id's first three characters name: the first
// of those that share a prefix.
func (c *Catalogue) ByPrefix(id string) *Object {
	if len(id) < 3 {
		return nil
	}
	return c.prefix[id[:3]]
}

// All lists the objects in order of appearance.
func (c *Catalogue) All() []*Object {
	all := make([]*Object, len(c.order))
	for i, name := range c.order {
		all[i] = c.objects[name]
	}
	return all
}

// Put adds or replaces an object and connects the child relationships that
// waited for it.
func (c *Catalogue) Put(o *Object) {
	key := strings.ToLower(o.Name)
	if _, known := c.objects[key]; !known {
		c.order = append(c.order, key)
	}
	c.objects[key] = o
	if first := c.prefix[o.KeyPrefix]; o.KeyPrefix != "" && (first == nil || strings.EqualFold(first.Name, o.Name)) {
		c.prefix[o.KeyPrefix] = o
	}
	for _, r := range c.pending {
		if strings.EqualFold(r.parent, o.Name) && (!o.Recorded || strings.HasSuffix(r.child.Field, "__c")) {
			o.SetChild(r.child)
		}
	}
}

// Drop removes an object and what refers to it.
func (c *Catalogue) Drop(name string) {
	key := strings.ToLower(name)
	o := c.objects[key]
	if o == nil {
		return
	}
	delete(c.objects, key)
	if c.prefix[o.KeyPrefix] == o {
		delete(c.prefix, o.KeyPrefix)
	}
	c.order = slices.DeleteFunc(c.order, func(n string) bool { return n == key })
	c.pending = slices.DeleteFunc(c.pending, func(r relation) bool { return r.child.ChildSObject == o.Name })
	for _, parent := range c.objects {
		parent.Children = slices.DeleteFunc(parent.Children, func(ch ChildRelationship) bool { return ch.ChildSObject == o.Name })
	}
}

// Relate records that child points at parent, now or once parent appears.
func (c *Catalogue) Relate(parent string, child ChildRelationship) {
	c.pending = slices.DeleteFunc(c.pending, func(r relation) bool {
		return strings.EqualFold(r.parent, parent) && r.child.ChildSObject == child.ChildSObject && r.child.Field == child.Field
	})
	c.pending = append(c.pending, relation{parent, child})
	if o := c.Get(parent); o != nil {
		o.SetChild(child)
	}
}

// Unrelate forgets every relationship of a child's field.
func (c *Catalogue) Unrelate(child, field string) {
	c.pending = slices.DeleteFunc(c.pending, func(r relation) bool {
		return r.child.ChildSObject == child && r.child.Field == field
	})
	for _, o := range c.objects {
		o.DropChild(child, field)
	}
}

// table is the state of reading the tables, in the order of their names.
type table struct {
	*Catalogue
	values  map[string]string
	objects map[string]string
	object  *Object
	words   []string
}

func (t *table) load(text string) error {
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		if err := t.line(lines.Text()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	t.finish()
	return lines.Err()
}

func (t *table) line(line string) error {
	head, label, _ := strings.Cut(line, " ; ")
	words := strings.Fields(head)
	switch {
	case len(words) == 0 || words[0] == "#":
		return nil
	case words[0] == "values":
		t.values[words[1]] = words[2]
		return nil
	case words[0] == "objects":
		t.objects[words[1]] = words[2]
		return nil
	case words[0] == "object":
		t.finish()
		return t.begin(words[1:], label)
	}
	return t.field(words, label)
}

func (t *table) begin(words []string, label string) error {
	if len(words) < 3 {
		return fmt.Errorf("an object needs a name, a prefix and its calls: %v", words)
	}
	prefix := words[1]
	if prefix == "-" {
		prefix = ""
	}
	o := NewObject(words[0], prefix)
	single, plural, _ := strings.Cut(label, " | ")
	o.Set("label", single, "labelPlural", plural)
	o.calls(words[2])
	t.object, t.words = o, words[3:]
	o.Pair, o.Needs = t.names("pair"), t.names("needs")
	o.systemFields(t.system())
	return nil
}

// system is the word after sys=, "full" when there is none.
func (t *table) system() string {
	if kind := t.names("sys"); kind != nil {
		return kind[0]
	}
	return "full"
}

// names are those listed after key=, nil when there are none.
func (t *table) names(key string) []string {
	for _, w := range t.words {
		if list, ok := strings.CutPrefix(w, key+"="); ok {
			return strings.Split(list, ",")
		}
	}
	return nil
}

func (o *Object) calls(letters string) {
	for attr, letter := range map[string]string{
		"createable": "C", "updateable": "U", "deletable": "D",
		"undeletable": "N", "mergeable": "M", "replicateable": "R",
	} {
		o.Set(attr, strings.Contains(letters, letter))
	}
	if letters == "Q" {
		o.Set("retrieveable", false, "layoutable", false, "searchable", false, "triggerable", false)
	}
}

// finish closes the object that is being read: tail fields, scopes, companions.
func (t *table) finish() {
	o := t.object
	if o == nil {
		return
	}
	t.object = nil
	has := func(word string) bool { return slices.Contains(t.words, word) }
	o.tailFields(t.system(), has("viewed"), has("activity"))
	o.Set("feedEnabled", has("feed"), "virtual", has("virtual"), "filtered", has("filtered"), "nobulk", has("nobulk"),
		"binless", has("binless"), "binless=alone", has("binless=alone"), "extra", has("extra"))
	o.hide("virtual", "filtered", "nobulk", "binless", "binless=alone", "extra")
	if has("virtual") {
		o.Set("queryable", false)
	}
	t.Put(o)
	for _, kind := range []string{"History", "Feed", "Share"} {
		if word := strings.ToLower(kind); has(word) {
			k := t.companion(o, kind)
			if o.Trait("extra") || slices.Contains(t.names("extra"), word) {
				k.Traits = append(k.Traits, "extra")
			}
		}
	}
}

func (t *table) field(words []string, label string) error {
	if t.object == nil {
		return fmt.Errorf("a field before any object: %v", words)
	}
	typ, args, _ := strings.Cut(strings.TrimSuffix(words[1], ")"), "(")
	var f *Field
	if typ == "ref" {
		f = NewField(words[0], "reference", 18, 0).Reference("", t.list(args)...)
	} else {
		size, scale, _ := strings.Cut(args, ",")
		n, _ := strconv.Atoi(size)
		s, _ := strconv.Atoi(scale)
		f = NewField(words[0], typ, n, s)
	}
	f.Label = label
	t.object.Add(f)
	for _, w := range words[2:] {
		if err := t.word(f, w); err != nil {
			return err
		}
	}
	if typ == "ref" && !strings.Contains(strings.Join(words, " "), "kids=") {
		t.plain(f)
	}
	return nil
}

// plain tells the targets of a reference that names no relationship about it:
// deleting one empties the reference.
func (t *table) plain(f *Field) {
	for _, target := range f.ReferenceTo {
		t.kids(f, target+":-")
	}
}

// list spells out a comma list in which @name stands for several.
func (t *table) list(args string) []string {
	var all []string
	for _, name := range strings.Split(args, ",") {
		if set, ok := strings.CutPrefix(name, "@"); ok {
			all = append(all, strings.Split(t.objects[set], ",")...)
		} else {
			all = append(all, name)
		}
	}
	return all
}

func (t *table) word(f *Field, word string) error {
	key, arg, _ := strings.Cut(word, "=")
	switch key {
	case "ro":
		f.ReadOnly()
	case "co":
		f.Updateable = false
	case "uo":
		f.Createable = false
	case "req":
		f.Nillable = false
	case "def":
		f.DefaultedOnCreate = true
	case "name":
		f.NameField = true
	case "idlookup":
		f.IDLookup = true
	case "auto":
		f.AutoNumber, f.NumberFormat = true, "{00000000}"
	case "unique":
		f.Unique = true
	case "restricted":
		f.RestrictedPicklist = true
	case "nofilter":
		f.Filterable, f.Sortable, f.Groupable = false, false, false
	case "in":
		f.CompoundFieldName = ptr(arg)
	case "rel":
		f.RelationshipName = ptr(arg)
	case "info":
		f.ExtraTypeInfo = ptr(arg)
	case "values":
		t.picklist(f, arg)
	case "extra":
		f.Extra = true
	case "sum":
		part := strings.SplitN(arg, ",", 5)
		f.RollUp = &RollUp{Operation: part[0], Child: part[1], Reference: part[2], Field: part[3], Filter: part[4]}
	case "kids":
		t.kids(f, arg)
	default:
		return fmt.Errorf("field %s: unknown word %q", f.Name, word)
	}
	return nil
}

func (t *table) picklist(f *Field, list string) {
	if name, ok := strings.CutPrefix(list, "@"); ok {
		list = t.values[name]
	}
	for _, v := range strings.Split(strings.ReplaceAll(list, "_", " "), "|") {
		value, isDefault := strings.CutPrefix(v, "*")
		f.PicklistValues = append(f.PicklistValues, PicklistValue{Active: true, DefaultValue: isDefault, Label: value, Value: value})
		if isDefault {
			f.DefaultValue = value
		}
	}
}

// kids reads "Parent:RelationshipName:flags"; "-" is no name, c cascades, r restricts.
func (t *table) kids(f *Field, arg string) {
	part := strings.Split(arg, ":")
	child := ChildRelationship{ChildSObject: t.object.Name, Field: f.Name}
	if part[1] != "-" {
		child.RelationshipName = ptr(part[1])
	}
	if len(part) > 2 {
		child.CascadeDelete = strings.Contains(part[2], "c")
		child.RestrictedDelete = strings.Contains(part[2], "r")
	}
	parents := t.list(part[0])
	for _, p := range parents {
		if p == t.object.Name {
			t.object.SetChild(child)
			continue
		}
		t.Relate(p, child)
	}
}

// Clone copies the catalogue so that a deploy may change the copy: objects are
// copied, fields are shared until they are replaced.
func (c *Catalogue) Clone() *Catalogue {
	n := &Catalogue{
		objects: make(map[string]*Object, len(c.objects)), prefix: maps.Clone(c.prefix),
		order: slices.Clone(c.order), pending: slices.Clone(c.pending),
	}
	for key, o := range c.objects {
		twin := *o
		twin.Attrs, twin.byName = maps.Clone(o.Attrs), maps.Clone(o.byName)
		twin.Fields, twin.Children, twin.RecordTypes = slices.Clone(o.Fields), slices.Clone(o.Children), slices.Clone(o.RecordTypes)
		n.objects[key] = &twin
		if c.prefix[o.KeyPrefix] == o {
			n.prefix[o.KeyPrefix] = &twin
		}
	}
	return n
}
