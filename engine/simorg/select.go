package simorg

import (
	"strings"
	"sync"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// selection is a query ready to run: its object, what it prints, which records
// it takes, and in what order.
type selection struct {
	engine  *engine
	obj     *schema.Object
	query   *soql.Query
	outputs []output
	columns []*column // of the condition's and the order's refs, by slot
	env     *soql.Env
	where   *soql.Program
	order   *soql.Ordering
	all     bool // deleted and archived rows too
}

// engine runs queries for one person.
type engine struct {
	org    *Org
	person *person
	all    bool
	// indexing says that the write lock is held, so that indexes may be built.
	indexing bool
	paging   sync.Mutex
	// missing are the indexes that a run without the lock would have needed.
	missing bool
}

// prepare checks a query and makes it ready.
func (e *engine) prepare(q *soql.Query, src string) (*selection, error) {
	if err := soql.ValidateQuery(q, seen{e.org, e.person}, src); err != nil {
		return nil, err
	}
	obj := e.org.schema().Get(q.From)
	if !obj.Can("queryable") || obj.Trait("virtual") {
		return nil, badRequest("INVALID_TYPE_FOR_OPERATION", "entity type %s does not support query", obj.Name)
	}
	s, err := e.compile(obj, q)
	if err == nil {
		err = s.followsIndex()
	}
	if err == nil {
		err = s.subset()
	}
	return s, err
}

func (e *engine) compile(obj *schema.Object, q *soql.Query) (*selection, error) {
	s := &selection{engine: e, obj: obj, query: q, all: e.all || q.AllRows}
	s.env = &soql.Env{Now: e.org.cfg.Now(), Location: e.org.zone(e.person), SemiJoin: e.semiJoin, Bind: s.bind, Display: s.display}
	var err error
	if s.where, err = soql.Compile(q.Where, s.env); err != nil {
		return nil, err
	}
	if aggregates(q) {
		return s, nil
	}
	if s.order, err = soql.CompileOrder(q, s.env); err != nil {
		return nil, err
	}
	s.outputs, err = s.list(q.Select)
	return s, err
}

// display computes toLabel: the label of a picklist value.
func (s *selection) display(call soql.Call, v soql.Value) soql.Value {
	f, isField := call.Args[0].(soql.Field)
	if !isField || call.Func != "toLabel" {
		return v
	}
	if c := s.column(f.Path); c.field != nil {
		return soql.TextValue(labelOf(c.field, v.Text))
	}
	return v
}

func labelOf(f *schema.Field, value string) string {
	for _, p := range f.PicklistValues {
		if p.Value == value {
			return p.Label
		}
	}
	return value
}

// bind numbers the columns that conditions and orders ask for.
func (s *selection) bind(e soql.Expr) (int, error) {
	f, isField := e.(soql.Field)
	if !isField {
		return 0, nil // an aggregate: a group answers for it by its text
	}
	s.columns = append(s.columns, s.column(f.Path))
	return len(s.columns) - 1, nil
}

// column resolves a path that was validated.
func (s *selection) column(path []string) *column {
	c, obj := &column{name: path[len(path)-1]}, s.obj
	for _, relationship := range path[:len(path)-1] {
		var step *schema.Field
		if obj != nil {
			step = lookup(obj, relationship)
		}
		if step == nil {
			return c
		}
		c.steps = append(c.steps, step)
		obj = nil
		if len(step.ReferenceTo) == 1 {
			obj = s.engine.org.schema().Get(step.ReferenceTo[0])
		}
	}
	switch {
	case obj != nil:
		c.field = obj.Field(c.name)
	case strings.EqualFold(c.name, "Type"):
		c.field = typeField
	}
	return c
}

// probe is a record as the query language reads it.
type probe struct {
	s   *selection
	rec *store.Record
}

// Value reads a column.
func (p *probe) Value(ref *soql.Ref) soql.Value { return p.s.value(p.s.columns[ref.Slot], p.rec) }

func (s *selection) value(c *column, rec *store.Record) soql.Value {
	f, obj, r := s.engine.org.resolve(c, s.obj, rec)
	if f == nil {
		return soql.Value{}
	}
	switch f.From {
	case schema.RecordID:
		return soql.Value{Type: soql.ID, Text: r.ID}
	case schema.Modstamp:
		return soql.Value{Type: soql.DateTime, Number: float64(r.Stamp)}
	case schema.Deleted:
		return soql.BoolValue(r.State != store.Live)
	}
	text := s.engine.org.text(obj, f, r)
	if f.Type == "boolean" {
		return soql.BoolValue(text == "true")
	}
	return soql.ValueOf(soql.TypeFor(f.Type, f.CaseSensitive), text)
}

// matches says whether the selection takes a record.
func (s *selection) matches(rec *store.Record) (bool, error) {
	switch {
	case rec.State == store.Gone, rec.State != store.Live && !s.all, rec.Archived && !s.all:
		return false, nil
	case !s.engine.org.seesRecord(s.engine.person, s.obj, rec):
		return false, nil
	}
	return s.where.Match(&probe{s, rec})
}

// list turns a select list into outputs, parents nested where they are first named.
func (s *selection) list(items []soql.SelectItem) ([]output, error) {
	var outs []output
	for _, item := range items {
		switch item := item.(type) {
		case soql.Selection:
			if err := s.add(&outs, item); err != nil {
				return nil, err
			}
		case soql.FieldSet:
			s.addSet(&outs, item.Set)
		case soql.TypeOf:
			outs = append(outs, s.typeOf(item))
		case soql.Children:
			child, err := s.childOutput(item.Query)
			if err != nil {
				return nil, err
			}
			outs = append(outs, output{key: child.key, children: child})
		}
	}
	return outs, nil
}

func (s *selection) add(outs *[]output, item soql.Selection) error {
	e, show := displayed(item.Expr)
	f, isField := e.(soql.Field)
	if !isField {
		return badRequest("MALFORMED_QUERY", "%s cannot be selected here", item)
	}
	if item.Alias != "" && e == item.Expr {
		return badRequest("MALFORMED_QUERY", "only aggregate expressions use field aliasing")
	}
	return s.addPath(outs, s.obj, f.Path, naming{item.Alias, show})
}

// naming is what a selected field is called, and how it is shown.
type naming struct{ alias, show string }

// addPath puts a path into the outputs of the object, nesting parents.
func (s *selection) addPath(outs *[]output, obj *schema.Object, path []string, as naming) error {
	if len(path) == 1 {
		out := output{key: path[0], column: &column{name: path[0], show: as.show}}
		if obj == nil && strings.EqualFold(path[0], "Type") {
			out.key, out.column.field = "Type", typeField
		} else if obj != nil && obj.Field(path[0]) != nil {
			f := obj.Field(path[0])
			out.key, out.column.field = f.Name, f
		}
		if as.alias != "" {
			out.key = as.alias
		}
		for _, other := range *outs {
			if other.column != nil && strings.EqualFold(other.key, out.key) {
				return badRequest("INVALID_FIELD", "duplicate field selected: %s", out.key)
			}
		}
		*outs = append(*outs, out)
		return nil
	}
	parent, target := s.parentOutput(outs, obj, path[0])
	if parent == nil {
		return badRequest("INVALID_FIELD", "Didn't understand relationship '%s' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.", path[0])
	}
	return s.addPath(&parent.outputs, target, path[1:], as)
}

// parentOutput finds or starts the nested record of a relationship.
func (s *selection) parentOutput(outs *[]output, obj *schema.Object, relationship string) (*parentOutput, *schema.Object) {
	if obj == nil {
		return nil, nil
	}
	via := lookup(obj, relationship)
	if via == nil {
		return nil, nil
	}
	var target *schema.Object
	if len(via.ReferenceTo) == 1 {
		target = s.engine.org.schema().Get(via.ReferenceTo[0])
	}
	for _, out := range *outs {
		if out.parent != nil && out.parent.via == via {
			return out.parent, target
		}
	}
	parent := &parentOutput{via: via}
	*outs = append(*outs, output{key: *via.RelationshipName, parent: parent})
	return parent, target
}

func (s *selection) addSet(outs *[]output, set string) {
	for _, f := range s.obj.Fields {
		custom := f.Custom || strings.HasSuffix(f.Name, "__c")
		if set == "CUSTOM" && !custom || set == "STANDARD" && custom || s.engine.person.field(s.obj, f) == nil {
			continue
		}
		*outs = append(*outs, output{key: f.Name, column: &column{field: f}})
	}
}

func (s *selection) typeOf(item soql.TypeOf) output {
	via := lookup(s.obj, item.Relationship.String())
	parent := &parentOutput{via: via, byType: map[string][]output{}}
	branch := func(name string, fields []soql.Field) {
		target := s.engine.org.schema().Get(name)
		var outs []output
		for _, f := range fields {
			_ = s.addPath(&outs, target, f.Path, naming{})
		}
		parent.byType[strings.ToLower(name)] = outs
	}
	for _, w := range item.When {
		branch(w.Object, w.Fields)
	}
	branch("", item.Else)
	return output{key: *via.RelationshipName, parent: parent}
}

// childOutput plans a sub-select.
func (s *selection) childOutput(q *soql.Query) (*childOutput, error) {
	rel := s.obj.Child(q.From)
	obj := s.engine.org.schema().Get(rel.ChildSObject)
	plan, err := s.engine.compile(obj, q)
	if err != nil {
		return nil, err
	}
	plan.all = s.all
	link := *rel
	return &childOutput{key: *rel.RelationshipName, plan: plan, rows: func(parent string) ([]*store.Record, error) {
		return plan.of(link, parent)
	}}, nil
}

// of lists the rows of a child relationship that a sub-select takes.
func (s *selection) of(rel schema.ChildRelationship, parent string) ([]*store.Record, error) {
	var rows []*store.Record
	for _, child := range s.engine.childRows(rel, parent) {
		take, err := s.matches(child)
		if err != nil {
			return nil, err
		}
		if take {
			rows = append(rows, child)
		}
	}
	return s.arrange(rows), nil
}
