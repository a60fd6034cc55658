package simorg

import (
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// insertBig stores a row of a big object. A row with the same index is
// replaced: such an insert is idempotent.
func (t *tx) insertBig(obj *schema.Object, in input) (string, error) {
	c := &change{tx: t, obj: obj, new: make([]string, obj.Cols()), given: map[int]bool{}, blobs: map[string]content{}}
	if err := c.take(in); err != nil {
		return "", err
	}
	var missing []string
	for _, name := range obj.IndexFields {
		if c.get(name) == "" {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return "", invalidRow("REQUIRED_FIELD_MISSING", missing, "Required fields are missing: [%s]", strings.Join(missing, ", "))
	}
	c.audit()
	if err := c.references(); err != nil {
		return "", err
	}
	if same := c.sameIndex(); same != nil {
		t.change(obj, same, c.new, func(r *store.Record) { r.Stamp = t.stamp })
		return same.ID, nil
	}
	id := t.o.nextID(prefixOf(obj))
	t.put(obj, &store.Record{ID: id, Stamp: t.stamp}, c.new)
	return id, nil
}

func (c *change) sameIndex() *store.Record {
	first := c.obj.Field(c.obj.IndexFields[0])
	table := c.o.table(c.obj.Name)
	table.Index(first.Col)
	for _, r := range table.Find(first.Col, c.new[first.Col]) {
		if r.State == store.Live && !slices.ContainsFunc(c.obj.IndexFields, func(name string) bool {
			f := c.obj.Field(name)
			return r.Get(f.Col) != c.new[f.Col]
		}) {
			return r
		}
	}
	return nil
}

// followsIndex refuses a condition on a big object that is not its index from
// the left: equalities first, then at most one range, no gap.
func (s *selection) followsIndex() error {
	if s.obj.IndexFields == nil {
		return nil
	}
	place, ranged := 0, false
	for _, term := range conjuncts(s.query.Where) {
		var left soql.Expr
		op := soql.Operator("")
		switch term := term.(type) {
		case soql.Comparison:
			left, op = term.Left, term.Op
		case soql.Membership:
			left, op = term.Left, term.Op
		}
		if left == nil || op == soql.NotEqual || op == soql.Like || op == soql.NotIn || ranged || place >= len(s.obj.IndexFields) ||
			!isField(left, s.obj.IndexFields[place]) {
			return badRequest("BIG_OBJECT_UNSUPPORTED_OPERATION", "Filters on %s must follow its index %s from the left, with = and at most one range at the end", s.obj.Name, strings.Join(s.obj.IndexFields, ", "))
		}
		if ranged = op != soql.Equal; !ranged {
			place++
		}
	}
	return nil
}

// subset refuses what SOQL on a custom metadata type may not say.
func (s *selection) subset() error {
	if strings.HasSuffix(s.obj.Name, "__mdt") && aggregates(s.query) && s.query.Select[0].String() != "COUNT()" {
		return badRequest("MALFORMED_QUERY", "Custom metadata types do not support aggregates")
	}
	return nil
}

// keepMetadataRecord makes or changes the row of a deployed custom metadata
// record ("Type.Record").
func (o *Org) keepMetadataRecord(fullName string, root *element) {
	typ, name, _ := strings.Cut(fullName, ".")
	obj := o.schema().Get(typ + "__mdt")
	if obj == nil {
		return
	}
	values := make([]string, obj.Cols())
	put := func(field, v string) {
		if f := obj.Field(field); f != nil {
			values[f.Col], _ = coerce(f, v)
		}
	}
	for field, v := range map[string]string{
		"DeveloperName": name, "QualifiedApiName": name, "MasterLabel": root.child("label").text,
		"Label": root.child("label").text, "Language": "en_US",
	} {
		put(field, v)
	}
	for _, e := range root.children {
		if e.name == "values" {
			put(e.child("field").text, e.child("value").text)
		}
	}
	t := o.begin(o.first, writeOptions{})
	developer := obj.Field("DeveloperName").Col
	table := o.table(obj.Name)
	table.Index(developer)
	if found := table.Find(developer, name); len(found) > 0 {
		t.change(obj, found[0], values, func(r *store.Record) { r.Stamp = t.stamp })
		return
	}
	t.put(obj, &store.Record{ID: o.nextID(prefixOf(obj)), Stamp: t.stamp}, values)
}
