package simorg

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/store"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// maxGroups is how many groups one query may have.
const maxGroups = 2000

// aggregates says whether a query answers groups or a count, not records.
func aggregates(q *soql.Query) bool {
	if len(q.GroupBy) > 0 {
		return true
	}
	return slices.ContainsFunc(q.Select, func(item soql.SelectItem) bool {
		s, is := item.(soql.Selection)
		inner, _ := displayed(s.Expr)
		call, isCall := inner.(soql.Call)
		return is && isCall && call.Aggregate()
	})
}

// countsRows says whether a query asks for COUNT() alone.
func countsRows(q *soql.Query) bool {
	item, is := q.Select[0].(soql.Selection)
	return is && len(q.GroupBy) == 0 && item.Expr.String() == "COUNT()"
}

// aggregate answers COUNT() and GROUP BY.
func (s *selection) aggregate() ([]byte, error) {
	if countsRows(s.query) {
		return s.count()
	}
	if err := s.groupable(); err != nil {
		return nil, err
	}
	rows, err := s.matching()
	if err != nil {
		return nil, err
	}
	return s.grouped(func(yield func(soql.Record) bool) {
		for _, r := range rows {
			if !yield(&probe{s, r}) {
				return
			}
		}
	})
}

// grouped answers the groups of rows.
func (s *selection) grouped(rows iter.Seq[soql.Record]) ([]byte, error) {
	q := s.query
	groups, err := s.groups(rows)
	if err != nil {
		return nil, err
	}
	if groups, err = s.having(groups); err != nil {
		return nil, err
	}
	order, err := soql.CompileOrder(q, s.env)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return order.Compare(a, b) })
	if q.Offset != nil {
		groups = groups[min(*q.Offset, len(groups)):]
	}
	if q.Limit != nil {
		groups = groups[:min(*q.Limit, len(groups))]
	}
	if len(groups) > maxGroups {
		return nil, badRequest("EXCEEDED_ID_LIMIT", "Aggregate query has too many rows for direct assignment, use FOR loop")
	}
	return s.printGroups(groups), nil
}

// groupable holds a query to the describe: what is grouped must be groupable,
// what is aggregated must be aggregatable.
func (s *selection) groupable() error {
	for _, e := range s.query.GroupBy {
		if f, is := e.(soql.Field); is {
			if c := s.column(f.Path); c.field != nil && !c.field.Groupable {
				return badRequest("MALFORMED_QUERY", "field '%s' can not be grouped in a query call", f)
			}
		}
	}
	for _, item := range s.query.Select {
		sel, is := item.(soql.Selection)
		inner, _ := displayed(sel.Expr)
		call, isCall := inner.(soql.Call)
		if !is || !isCall || !call.Aggregate() || len(call.Args) != 1 {
			continue
		}
		if f, is := call.Args[0].(soql.Field); is {
			if c := s.column(f.Path); c.field != nil && !c.field.Aggregatable {
				return badRequest("MALFORMED_QUERY", "field %s does not support aggregate operator %s", f, call.Func)
			}
		}
	}
	return nil
}

func (s *selection) count() ([]byte, error) {
	n, limit := 0, -1
	if s.query.Limit != nil {
		limit = *s.query.Limit
	}
	var failed error
	walk, _ := s.access()
	walk(func(r *store.Record) bool {
		take, err := s.matches(r)
		if failed = err; take {
			n++
		}
		return err == nil && n != limit
	})
	return []byte(fmt.Sprintf(`{"totalSize":%d,"done":true,"records":[]}`, n)), failed
}

// matching lists every record the condition accepts, in no order.
func (s *selection) matching() ([]*store.Record, error) {
	var rows []*store.Record
	var failed error
	walk, _ := s.access()
	walk(func(r *store.Record) bool {
		take, err := s.matches(r)
		if failed = err; take {
			rows = append(rows, r)
		}
		return err == nil
	})
	return rows, failed
}

func (s *selection) getters(exprs []soql.Expr) ([]*soql.Getter, error) {
	list := make([]*soql.Getter, len(exprs))
	for i, e := range exprs {
		g, err := soql.CompileExpr(e, s.env)
		if err != nil {
			return nil, err
		}
		list[i] = g
	}
	return list, nil
}

// aggregateCalls finds every aggregate of SELECT, HAVING and ORDER BY.
func (s *selection) aggregateCalls() (map[string]soql.Call, map[string]*soql.Getter, error) {
	calls, args := map[string]soql.Call{}, map[string]*soql.Getter{}
	add := func(e soql.Expr) error {
		call, is := e.(soql.Call)
		if !is || !call.Aggregate() {
			return nil
		}
		text := strings.ToUpper(call.String())
		calls[text] = call
		if len(call.Args) == 0 {
			return nil
		}
		g, err := soql.CompileExpr(call.Args[0], s.env)
		args[text] = g
		return err
	}
	for _, item := range s.query.Select {
		if sel, is := item.(soql.Selection); is {
			inner, _ := displayed(sel.Expr)
			if err := add(inner); err != nil {
				return nil, nil, err
			}
		}
	}
	for leaf := range soql.Leaves(s.query.Having) {
		switch leaf := leaf.(type) {
		case soql.Comparison:
			if err := add(leaf.Left); err != nil {
				return nil, nil, err
			}
		case soql.Membership:
			if err := add(leaf.Left); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, o := range s.query.OrderBy {
		if err := add(o.By); err != nil {
			return nil, nil, err
		}
	}
	return calls, args, nil
}

func (s *selection) having(groups []*group) ([]*group, error) {
	program, err := soql.CompileHaving(s.query, s.env)
	if err != nil {
		return nil, err
	}
	var kept []*group
	for _, g := range groups {
		take, err := program.Match(g)
		if err != nil {
			return nil, err
		}
		if take {
			kept = append(kept, g)
		}
	}
	return kept, nil
}

func (s *selection) printGroups(groups []*group) []byte {
	buf := []byte(`{"totalSize":`)
	buf = strconv.AppendInt(buf, int64(len(groups)), 10)
	buf = append(buf, `,"done":true,"records":[`...)
	for i, g := range groups {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, `{"attributes":{"type":"AggregateResult"}`...)
		unnamed := 0
		for _, item := range s.query.Select {
			sel, is := item.(soql.Selection)
			if !is {
				continue
			}
			name := sel.Alias
			if f, isField := sel.Expr.(soql.Field); name == "" && isField {
				name = f.Path[len(f.Path)-1]
			}
			if name == "" {
				name = "expr" + strconv.Itoa(unnamed)
				unnamed++
			}
			buf = append(buf, ',')
			buf = appendString(buf, name)
			buf = append(buf, ':')
			buf = s.printShown(buf, sel.Expr, g)
		}
		buf = append(buf, '}')
	}
	return append(buf, `]}`...)
}

// printShown prints what SELECT shows of a group: FORMAT makes text of it.
func (s *selection) printShown(buf []byte, e soql.Expr, g *group) []byte {
	inner, show := displayed(e)
	if v := g.values[strings.ToUpper(inner.String())]; show == "FORMAT" && v.Type != soql.Null {
		return appendString(buf, s.formatAggregate(inner, v))
	}
	if call, is := inner.(soql.Call); is && call.Aggregate() {
		e = inner
	}
	return s.printAggregate(buf, e, g.values[strings.ToUpper(e.String())])
}

// printAggregate prints a group's value as the type it is of.
func (s *selection) printAggregate(buf []byte, e soql.Expr, v soql.Value) []byte {
	switch v.Type {
	case soql.Null:
		return append(buf, "null"...)
	case soql.Bool:
		return strconv.AppendBool(buf, v.Number != 0)
	case soql.Number:
		if s.whole(e) {
			return strconv.AppendInt(buf, int64(v.Number), 10)
		}
		return append(buf, formatDouble(v.Number)...)
	case soql.Date:
		return appendString(buf, v.Time().Format("2006-01-02"))
	case soql.DateTime:
		return appendString(buf, v.Time().Format("2006-01-02T15:04:05.000+0000"))
	case soql.TimeOfDay:
		return appendString(buf, formatStamp(int64(v.Number))[11:])
	}
	return appendString(buf, v.Text)
}

// whole says whether an aggregate of the expression is a whole number.
func (s *selection) whole(e soql.Expr) bool {
	switch e := e.(type) {
	case soql.Call:
		switch e.Func {
		case "SUM", "MIN", "MAX":
			return s.whole(e.Args[0])
		}
		return e.Func != "AVG"
	case soql.Field:
		c := s.column(e.Path)
		return c.field != nil && c.field.Type == "int"
	}
	return false
}
