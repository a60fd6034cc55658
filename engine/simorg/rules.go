package simorg

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/formula"
	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// formulaEnv lets a formula read a record: the values given, and by its path
// what they point at.
type formulaEnv struct {
	o       *Org
	obj     *schema.Object
	values  []string
	old     []string // nil where nothing changes
	isNew   bool
	id      string
	rec     *store.Record
	now     time.Time
	nesting int
}

// maxNesting bounds formulas that read formulas.
const maxNesting = 10

func (e *formulaEnv) IsNew() bool    { return e.isNew }
func (e *formulaEnv) Now() time.Time { return e.now }

func (e *formulaEnv) Field(path string) (formula.Value, error) { return e.read(e.values, path) }

func (e *formulaEnv) Prior(path string) (formula.Value, error) {
	if e.old == nil {
		return e.read(e.values, path)
	}
	return e.read(e.old, path)
}

func (e *formulaEnv) read(values []string, path string) (formula.Value, error) {
	head, rest, deep := strings.Cut(path, ".")
	if deep {
		return e.follow(values, head, rest)
	}
	f := e.obj.Field(head)
	if f == nil {
		return formula.Value{}, fmt.Errorf("field %s does not exist", path)
	}
	switch f.From {
	case schema.RecordID:
		return formula.TextValue(e.id), nil
	case schema.Computed:
		return e.compute(f, values)
	case schema.Modstamp, schema.Deleted, schema.Composed:
		return formula.Value{}, nil
	}
	return formulaValue(f, values[f.Col]), nil
}

func (e *formulaEnv) compute(f *schema.Field, values []string) (formula.Value, error) {
	if e.nesting >= maxNesting {
		return formula.Value{}, fmt.Errorf("formula %s refers to itself", f.Name)
	}
	compiled, err := e.o.parse(f.Formula)
	if err != nil {
		return formula.Value{}, err
	}
	inner := *e
	inner.values, inner.nesting = values, e.nesting+1
	return compiled.Eval(&inner)
}

// follow reads across a lookup; a blank lookup gives a blank.
func (e *formulaEnv) follow(values []string, head, rest string) (formula.Value, error) {
	for _, f := range e.obj.Fields {
		if f.RelationshipName == nil || !strings.EqualFold(*f.RelationshipName, head) {
			continue
		}
		id := values[f.Col]
		target := e.o.ofID(id)
		if id == "" || target == nil {
			return formula.Value{}, nil
		}
		r := e.o.tables[target.Name].Get(id)
		if r == nil {
			return formula.Value{}, nil
		}
		v := make([]string, target.Cols())
		r.Values(v)
		next := formulaEnv{o: e.o, obj: target, values: v, id: id, now: e.now, nesting: e.nesting}
		return next.Field(rest)
	}
	return formula.Value{}, fmt.Errorf("field %s.%s does not exist", head, rest)
}

func formulaValue(f *schema.Field, text string) formula.Value {
	if f.Type == "boolean" {
		return formula.BoolValue(text == "true")
	}
	if text == "" {
		return formula.Value{}
	}
	switch f.Type {
	case "int", "double", "currency", "percent":
		return formula.NumberValue(parseNumber(text))
	case "date":
		if t, err := time.Parse("2006-01-02", text); err == nil {
			return formula.DateValue(t)
		}
	case "datetime":
		if t, err := time.Parse(stampLayout, text); err == nil {
			return formula.DateTimeValue(t)
		}
	}
	return formula.TextValue(text)
}

// parse reads a formula once and keeps it.
func (o *Org) parse(source string) (*formula.Formula, error) {
	if known, found := o.formulas.Load(source); found {
		return known.(*formula.Formula), nil
	}
	compiled, err := formula.Parse(source)
	if err == nil {
		o.formulas.Store(source, compiled)
	}
	return compiled, err
}

// computed is the text of a formula field; an error shows as null.
func (o *Org) computed(obj *schema.Object, f *schema.Field, r *store.Record) string {
	v := make([]string, obj.Cols())
	r.Values(v)
	env := formulaEnv{o: o, obj: obj, values: v, id: r.ID, rec: r, now: o.cfg.Now()}
	value, err := env.compute(f, v)
	if err != nil {
		return ""
	}
	return storedText(f, value)
}

// storedText spells a formula's value as the field's type has it.
func storedText(f *schema.Field, v formula.Value) string {
	switch v.Kind {
	case formula.Null:
		return ""
	case formula.Number:
		text, _ := coerceNumber(f, fmt.Sprint(v.Number))
		return text
	case formula.Bool:
		if v.Bool {
			return "true"
		}
		return ""
	case formula.Date:
		return v.Time.Format("2006-01-02")
	case formula.DateTime:
		return v.Time.UTC().Format(stampLayout)
	}
	return v.Text
}

func (c *change) env() *formulaEnv {
	return &formulaEnv{o: c.o, obj: c.obj, values: c.new, old: c.old, isNew: c.old == nil, id: c.id, now: c.now()}
}

// validationRules refuses a record for which an active rule's formula is true.
func (c *change) validationRules() error {
	for _, rule := range c.o.auto.validation {
		if rule.Inactive || c.system || !strings.EqualFold(rule.Object, c.obj.Name) {
			continue
		}
		broken, err := rule.compiled.True(c.env())
		if err != nil {
			return invalidRow("FIELD_CUSTOM_VALIDATION_EXCEPTION", nil, "The validation rule %s could not be evaluated: %v", rule.Name, err)
		}
		if broken {
			var fields []string
			if rule.Field != "" {
				fields = []string{rule.Field}
			}
			return invalidRow("FIELD_CUSTOM_VALIDATION_EXCEPTION", fields, "%s", rule.Message)
		}
	}
	return nil
}

// lookupFilters refuses a reference whose target the field's filter excludes.
func (c *change) lookupFilters() error {
	for _, f := range c.obj.Fields {
		if f.LookupFilter == "" || c.new[f.Col] == "" || c.old != nil && c.new[f.Col] == c.old[f.Col] {
			continue
		}
		compiled, err := c.o.parse(f.LookupFilter)
		if err != nil {
			return fmt.Errorf("lookup filter of %s: %w", f.Name, err)
		}
		if holds, err := compiled.True(c.env()); err != nil || !holds {
			message := f.LookupFilterMessage
			if message == "" {
				message = "Value does not exist or does not match filter criteria."
			}
			return invalidRow("FIELD_FILTER_VALIDATION_EXCEPTION", []string{f.Name}, "%s", message)
		}
	}
	return nil
}

// duplicates runs the duplicate rules: a blocking one always refuses, an
// alerting one unless the request's header lets it pass.
func (c *change) duplicates() error {
	for _, rule := range c.o.auto.dupes {
		if rule.Inactive || c.system || !strings.EqualFold(rule.Object, c.obj.Name) || !rule.Block && c.opts.allowDupes {
			continue
		}
		if !c.touches(rule.Match) {
			continue
		}
		if found := c.alike(rule); found != nil {
			e := invalidRow("DUPLICATES_DETECTED", nil, "Use one of these records?")
			e.Extra = map[string]any{"duplicateResult": map[string]any{
				"allowSave": !rule.Block, "duplicateRule": rule.Name,
				"duplicateRuleEntityType": c.obj.Name, "errorMessage": "Use one of these records?",
				"matchResults": []any{map[string]any{"entityType": c.obj.Name, "matchRecords": []any{map[string]any{
					"matchConfidence": 100.0, "record": map[string]any{"attributes": map[string]any{"type": c.obj.Name}, "Id": found.ID},
				}}}},
			}}
			return e
		}
	}
	return nil
}

// touches says whether the change gives one of the fields another value.
func (c *change) touches(fields []string) bool {
	return c.old == nil || slices.ContainsFunc(fields, func(name string) bool { return c.get(name) != c.was(name) })
}

// alike finds another live record with the same values in all of the rule's fields.
func (c *change) alike(rule *DuplicateRule) *store.Record {
	first := c.obj.Field(rule.Match[0])
	if first == nil || c.new[first.Col] == "" {
		return nil
	}
	table := c.o.table(c.obj.Name)
	table.Index(first.Col)
	for _, r := range table.Find(first.Col, c.new[first.Col]) {
		if r.ID == c.id || r.State != store.Live {
			continue
		}
		same := true
		for _, name := range rule.Match[1:] {
			f := c.obj.Field(name)
			same = same && f != nil && strings.EqualFold(r.Get(f.Col), c.new[f.Col])
		}
		if same {
			return r
		}
	}
	return nil
}
