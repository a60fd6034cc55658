package simorg

import (
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// run lists the records of a selection, in order, its OFFSET and LIMIT applied.
func (s *selection) run() ([]*store.Record, error) {
	want := -1
	if s.query.Limit != nil {
		want = *s.query.Limit
		if s.query.Offset != nil {
			want += *s.query.Offset
		}
	}
	walk, ordered := s.access()
	var rows []*store.Record
	var failed error
	walk(func(rec *store.Record) bool {
		take, err := s.matches(rec)
		if err != nil {
			failed = err
			return false
		}
		if take {
			rows = append(rows, rec)
		}
		return !ordered || want < 0 || len(rows) < want
	})
	if failed != nil {
		return nil, failed
	}
	if ordered {
		return s.cut(rows), nil
	}
	return s.arrange(rows), nil
}

// arrange sorts and cuts.
func (s *selection) arrange(rows []*store.Record) []*store.Record {
	if len(s.query.OrderBy) > 0 {
		slices.SortStableFunc(rows, func(a, b *store.Record) int { return s.order.Compare(&probe{s, a}, &probe{s, b}) })
	}
	return s.cut(rows)
}

func (s *selection) cut(rows []*store.Record) []*store.Record {
	if s.query.Offset != nil {
		rows = rows[min(*s.query.Offset, len(rows)):]
	}
	if s.query.Limit != nil {
		rows = rows[:min(*s.query.Limit, len(rows))]
	}
	return rows
}

type walker func(yield func(*store.Record) bool)

// access chooses how to reach the records: by id, by an indexed column, along
// SystemModstamp, or along the ids. The second result says that the records
// come in the order the query asks for.
func (s *selection) access() (walker, bool) {
	table := s.engine.org.tables[s.obj.Name]
	terms := conjuncts(s.query.Where)
	if list, found := s.named(table, terms); found {
		return func(yield func(*store.Record) bool) {
			for _, r := range list {
				if !yield(r) {
					return
				}
			}
		}, s.orderIs("Id") || len(s.query.OrderBy) == 0
	}
	low := keyBound(s.query.Where, key{})
	if (low.stamp > 0 || s.orderIs("SystemModstamp", "Id")) && !s.orderIs("Id") && s.sorted(table) {
		return func(yield func(*store.Record) bool) { table.Since(low.stamp, low.after, yield) }, s.orderIs("SystemModstamp", "Id") || len(s.query.OrderBy) == 0
	}
	after := idBound(terms)
	return func(yield func(*store.Record) bool) { table.After(after, yield) }, s.orderIs("Id") || len(s.query.OrderBy) == 0
}

// sorted makes the table ready for Since; without the write lock it can only
// say that it is not.
func (s *selection) sorted(table *store.Table) bool {
	if !table.NeedsSort() {
		return true
	}
	if !s.engine.indexing {
		s.engine.missing = true
		return false
	}
	table.Sort()
	return true
}

// orderIs says whether ORDER BY is exactly these fields, ascending.
func (s *selection) orderIs(fields ...string) bool {
	if len(s.query.OrderBy) != len(fields) {
		return false
	}
	for i, o := range s.query.OrderBy {
		f, isField := o.By.(soql.Field)
		if !isField || o.Descending || o.NullsLast || len(f.Path) != 1 || !strings.EqualFold(f.Path[0], fields[i]) {
			return false
		}
	}
	return true
}

// conjuncts are the terms that must all hold.
func conjuncts(c soql.Condition) []soql.Condition {
	if and, is := c.(soql.And); is {
		var all []soql.Condition
		for _, term := range and.Terms {
			all = append(all, conjuncts(term)...)
		}
		return all
	}
	if c == nil {
		return nil
	}
	return []soql.Condition{c}
}

// named lists the records that a term names by id or by an indexed column.
func (s *selection) named(table *store.Table, terms []soql.Condition) ([]*store.Record, bool) {
	var best []*store.Record
	found := false
	for _, term := range terms {
		f, values := s.equalities(term)
		if f == nil || len(values) > 5000 {
			continue
		}
		list, usable := s.engine.lookUp(table, f, values)
		if usable && (!found || len(list) < len(best)) {
			best, found = list, true
		}
	}
	return best, found
}

// equalities reads "field = 'x'" and "field IN ('x', …)" of the object itself.
func (s *selection) equalities(term soql.Condition) (*schema.Field, []string) {
	var left soql.Expr
	var literals []soql.Literal
	switch term := term.(type) {
	case soql.Comparison:
		if term.Op != soql.Equal {
			return nil, nil
		}
		left, literals = term.Left, []soql.Literal{term.Right}
	case soql.Membership:
		if term.Op != soql.In {
			return nil, nil
		}
		left, literals = term.Left, term.Values
		if term.Query != nil {
			return s.semiJoinIDs(left, term.Query)
		}
	}
	path, isField := left.(soql.Field)
	if !isField || len(path.Path) != 1 {
		return nil, nil
	}
	values := make([]string, 0, len(literals))
	for _, l := range literals {
		if l.Kind != soql.StringLiteral || l.Text == "" {
			return nil, nil
		}
		values = append(values, l.Text)
	}
	return s.obj.Field(path.Path[0]), values
}

func (s *selection) semiJoinIDs(left soql.Expr, q *soql.Query) (*schema.Field, []string) {
	path, isField := left.(soql.Field)
	if !isField || len(path.Path) != 1 {
		return nil, nil
	}
	found, err := s.engine.semiJoin(q)
	if err != nil {
		return nil, nil
	}
	values := make([]string, 0, len(found))
	for _, v := range found {
		if v.Text != "" {
			values = append(values, v.Text)
		}
	}
	return s.obj.Field(path.Path[0]), values
}

// lookUp finds records by the values of a field worth an index.
func (e *engine) lookUp(table *store.Table, f *schema.Field, values []string) ([]*store.Record, bool) {
	var list []*store.Record
	switch {
	case f.From == schema.RecordID:
		for _, v := range values {
			if id, valid := readID(v); valid {
				if r := table.Get(id); r != nil {
					list = append(list, r)
				}
			}
		}
	case f.Type == "reference" || f.ExternalID || f.Unique || f.IDLookup:
		if !e.index(table, f.Col) {
			return nil, false
		}
		for _, v := range values {
			if id, valid := readID(v); valid && f.Type == "reference" {
				v = id
			}
			list = append(list, table.Find(f.Col, v)...)
		}
	default:
		return nil, false
	}
	slices.SortFunc(list, func(a, b *store.Record) int { return strings.Compare(a.ID, b.ID) })
	return slices.Compact(list), true
}

// index builds an index if the lock allows, and says whether it is there.
func (e *engine) index(table *store.Table, col int) bool {
	if table.HasIndex(col) {
		return true
	}
	if !e.indexing {
		e.missing = true
		return false
	}
	table.Index(col)
	return true
}

// childRows lists the rows that point at a parent, by index where there is one.
func (e *engine) childRows(rel schema.ChildRelationship, parent string) []*store.Record {
	obj := e.org.schema().Get(rel.ChildSObject)
	table, f := e.org.tables[obj.Name], obj.Field(rel.Field)
	if f == nil {
		return nil
	}
	if e.index(table, f.Col) {
		return table.Find(f.Col, parent)
	}
	return nil
}

// semiJoin answers the sub-select of IN and NOT IN.
func (e *engine) semiJoin(q *soql.Query) ([]soql.Value, error) {
	obj := e.org.schema().Get(q.From)
	s, err := e.compile(obj, q)
	if err != nil {
		return nil, err
	}
	rows, err := s.run()
	if err != nil {
		return nil, err
	}
	values := make([]soql.Value, 0, len(rows))
	for _, r := range rows {
		if v := s.value(s.outputs[0].column, r); v.Type != soql.Null {
			values = append(values, v)
		}
	}
	return values, nil
}
