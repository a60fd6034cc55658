package simorg

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// column is where a value is read: a field, behind zero or more lookups. After
// a polymorphic lookup the field is looked up by name, record by record.
type column struct {
	steps []*schema.Field
	field *schema.Field
	name  string // where field is nil
	show  string // toLabel or FORMAT
}

// output is one key of a printed record: a column, a parent with keys of its
// own, or a sub-select.
type output struct {
	key      string
	column   *column
	parent   *parentOutput
	children *childOutput
}

// parentOutput is a nested parent record.
type parentOutput struct {
	via     *schema.Field
	outputs []output
	// byType replaces outputs by the target's name (TYPEOF); "" is ELSE.
	byType map[string][]output
}

// childOutput is a nested sub-select, planned once for all parents.
type childOutput struct {
	key  string
	rows func(parent string) ([]*store.Record, error)
	plan *selection
}

// printer writes records as JSON for one person.
type printer struct {
	org    *Org
	person *person
	root   string
	// nested, if set, keeps the rest of a sub-select's rows and says where.
	nested func(sel *selection, rest []*store.Record, total int) string
	// budget is how many child rows a page may still print.
	budget int
	locale locale
	epochs bool // moments as milliseconds since 1970
}

// record appends a record as a JSON object.
func (p *printer) record(buf []byte, obj *schema.Object, r *store.Record, outputs []output) []byte {
	buf = append(buf, `{"attributes":{"type":"`...)
	buf = append(buf, obj.Name...)
	buf = append(buf, `","url":"`...)
	buf = append(buf, p.root...)
	buf = append(buf, "/sobjects/"...)
	buf = append(buf, obj.Name...)
	buf = append(buf, '/')
	buf = append(buf, r.ID...)
	buf = append(buf, `"}`...)
	for _, out := range outputs {
		buf = append(buf, ',', '"')
		buf = append(buf, out.key...)
		buf = append(buf, '"', ':')
		switch {
		case out.column != nil:
			buf = p.value(buf, obj, r, out.column)
		case out.parent != nil:
			buf = p.parent(buf, r, out.parent)
		default:
			buf = p.children(buf, r, out.children)
		}
	}
	return append(buf, '}')
}

func (p *printer) value(buf []byte, obj *schema.Object, r *store.Record, c *column) []byte {
	f, obj, r := p.org.resolve(c, obj, r)
	if f == nil {
		return append(buf, "null"...)
	}
	if f.Type == "base64" {
		return p.blobURL(buf, obj, r, f)
	}
	if f.From == schema.Composed {
		return p.org.composed(buf, obj, f, r)
	}
	text := p.org.text(obj, f, r)
	if c.show != "" && text != "" {
		return appendString(buf, p.locale.show(c.show, f, text, currencyOf(obj, r)))
	}
	if p.epochs && f.Type == "datetime" && text != "" {
		return append(buf, epoch(text)...)
	}
	return appendValue(buf, f, text)
}

// blobURL is how REST prints a base64 field: where its bytes are.
func (p *printer) blobURL(buf []byte, obj *schema.Object, r *store.Record, f *schema.Field) []byte {
	if _, found := p.org.blob(obj, r, f); !found {
		return append(buf, "null"...)
	}
	return append(buf, `"`+p.root+"/sobjects/"+obj.Name+"/"+r.ID+"/"+f.Name+`"`...)
}

func (p *printer) parent(buf []byte, r *store.Record, out *parentOutput) []byte {
	obj, target := p.org.target(out.via, r)
	if target == nil {
		return append(buf, "null"...)
	}
	outputs := out.outputs
	if out.byType != nil {
		var listed bool
		if outputs, listed = out.byType[strings.ToLower(obj.Name)]; !listed {
			outputs = out.byType[""]
		}
	}
	return p.record(buf, obj, target, outputs)
}

func (p *printer) children(buf []byte, r *store.Record, out *childOutput) []byte {
	rows, err := out.rows(r.ID)
	if err != nil || len(rows) == 0 {
		return append(buf, "null"...)
	}
	shown := rows
	if p.nested != nil && len(rows) > max(p.budget, 1) {
		shown = rows[:max(p.budget, 1)]
	}
	p.budget -= len(shown)
	buf = append(buf, `{"totalSize":`...)
	buf = strconv.AppendInt(buf, int64(len(rows)), 10)
	buf = append(buf, `,"done":`...)
	buf = strconv.AppendBool(buf, len(shown) == len(rows))
	if len(shown) < len(rows) {
		buf = append(buf, `,"nextRecordsUrl":"`+p.nested(out.plan, rows[len(shown):], len(rows))+`"`...)
	}
	buf = append(buf, `,"records":[`...)
	for i, child := range shown {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = p.record(buf, out.plan.obj, child, out.plan.outputs)
	}
	return append(buf, `]}`...)
}

// resolve follows a column's lookups; field is nil when one is blank.
func (o *Org) resolve(c *column, obj *schema.Object, r *store.Record) (*schema.Field, *schema.Object, *store.Record) {
	for _, step := range c.steps {
		if obj, r = o.target(step, r); r == nil {
			return nil, nil, nil
		}
	}
	if c.field != nil {
		return c.field, obj, r
	}
	if f := obj.Field(c.name); f != nil || !strings.EqualFold(c.name, "Name") {
		return f, obj, r
	}
	return obj.NameField(), obj, r
}

// typeField is the Type of what a polymorphic lookup points at.
var typeField = &schema.Field{Name: "Type", Type: "string", From: schema.TypeName}

// target is the record that a reference field points at.
func (o *Org) target(f *schema.Field, r *store.Record) (*schema.Object, *store.Record) {
	id := r.Get(f.Col)
	if id == "" {
		return nil, nil
	}
	obj := o.referred(f, id)
	if obj == nil || o.tables[obj.Name] == nil {
		return nil, nil
	}
	target := o.tables[obj.Name].Get(id)
	if target == nil || target.State == store.Gone {
		return nil, nil
	}
	return obj, target
}

// text is the stored text of a field, computed where it is not stored; "" is
// null, but false for a boolean.
func (o *Org) text(obj *schema.Object, f *schema.Field, r *store.Record) string {
	switch f.From {
	case schema.RecordID:
		return r.ID
	case schema.TypeName:
		return obj.Name
	case schema.Modstamp:
		return formatStamp(r.Stamp)
	case schema.Deleted:
		return yes(r.State != store.Live)
	case schema.Computed:
		return o.computed(obj, f, r)
	case schema.Composed:
		return string(o.composed(nil, obj, f, r))
	}
	return r.Get(f.Col)
}

// appendValue prints a stored text as the JSON of its type.
func appendValue(buf []byte, f *schema.Field, text string) []byte {
	switch f.Type {
	case "boolean":
		return strconv.AppendBool(buf, text == "true")
	case "int", "double", "currency", "percent", "long":
		if text == "" {
			return append(buf, "null"...)
		}
		return append(buf, text...)
	}
	if text == "" {
		return append(buf, "null"...)
	}
	return appendString(buf, restText(f, text))
}

// appendString prints a JSON string; plain text takes the short way.
func appendString(buf []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			quoted := encode(s, false)
			return append(buf, quoted...)
		}
	}
	buf = append(buf, '"')
	buf = append(buf, s...)
	return append(buf, '"')
}

// composed prints an address or a location of its components; null when all
// of them are.
func (o *Org) composed(buf []byte, obj *schema.Object, f *schema.Field, r *store.Record) []byte {
	parts := map[string]any{}
	if f.Type == "address" {
		parts = map[string]any{
			"city": nil, "country": nil, "geocodeAccuracy": nil, "latitude": nil, "longitude": nil,
			"postalCode": nil, "state": nil, "street": nil,
		}
	}
	blank := true
	for _, part := range obj.Fields {
		if part.CompoundFieldName == nil || *part.CompoundFieldName != f.Name {
			continue
		}
		if text := r.Get(part.Col); text != "" {
			blank = false
			parts[componentKey(part, f)] = json.RawMessage(appendValue(nil, part, text))
		}
	}
	if blank {
		return append(buf, "null"...)
	}
	return append(buf, encode(parts, false)...)
}

// componentKey is what a compound calls a component: BillingPostalCode is
// postalCode, Geo__Latitude__s is latitude.
func componentKey(part, compound *schema.Field) string {
	name := strings.TrimSuffix(part.Name, "__s")
	prefix := strings.TrimSuffix(strings.TrimSuffix(compound.Name, "Address"), "__c")
	name = strings.TrimPrefix(strings.TrimPrefix(name, prefix), "__")
	return strings.ToLower(name[:1]) + name[1:]
}
