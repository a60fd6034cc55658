package simorg

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/soql"
)

// group is one row of an aggregate query.
type group struct {
	keys   []soql.Value
	rolled uint                  // the keys that the row is a subtotal over, a bit each
	places []int                 // where each key's value came first, for subtotals
	values map[string]soql.Value // by the folded text of an expression
	totals map[string]*soql.Accumulator
}

// Value answers HAVING and ORDER BY.
func (g *group) Value(ref *soql.Ref) soql.Value { return g.values[strings.ToUpper(ref.Expr.String())] }

// grouping sorts rows into groups.
type grouping struct {
	keys    []*soql.Getter
	calls   map[string]soql.Call
	args    map[string]*soql.Getter
	subsets []uint // the rolled-up keys of each kind of row
	byKey   map[string]*group
	order   []*group
	seen    []map[string]int // per key: the places of its values
}

// groups sorts rows into groups and adds up their aggregates.
func (s *selection) groups(rows iter.Seq[soql.Record]) ([]*group, error) {
	keys, err := s.getters(s.query.GroupBy)
	if err != nil {
		return nil, err
	}
	calls, args, err := s.aggregateCalls()
	if err != nil {
		return nil, err
	}
	g := &grouping{keys: keys, calls: calls, args: args, subsets: rolledUp(s.query), byKey: map[string]*group{}}
	for range keys {
		g.seen = append(g.seen, map[string]int{})
	}
	for r := range rows {
		g.add(r)
	}
	if len(g.order) == 0 && len(keys) == 0 {
		g.start(&group{})
	}
	if s.query.Rollup != soql.PlainGroups {
		slices.SortFunc(g.order, func(a, b *group) int { return slices.Compare(a.places, b.places) })
	}
	return g.order, s.fill(g.order)
}

// rolledUp lists which keys each kind of row is a subtotal over: none; with
// ROLLUP the last, the last two and so on; with CUBE every choice of them.
func rolledUp(q *soql.Query) []uint {
	all := uint(1)<<len(q.GroupBy) - 1
	sets := []uint{0}
	switch q.Rollup {
	case soql.RollupRows:
		for i := range q.GroupBy {
			sets = append(sets, all&^(1<<(len(q.GroupBy)-1-i)-1))
		}
	case soql.CubeRows:
		for set := uint(1); set <= all; set++ {
			sets = append(sets, set)
		}
	}
	return sets
}

// add counts a row in its group and in every subtotal it belongs to.
func (g *grouping) add(r soql.Record) {
	values, ids, places := make([]soql.Value, len(g.keys)), make([]string, len(g.keys)), make([]int, len(g.keys))
	for i, k := range g.keys {
		v := k.Value(r)
		values[i], ids[i] = v, fmt.Sprintf("%d|%s|%v", v.Type, strings.ToLower(v.Text), v.Number)
		place, known := g.seen[i][ids[i]]
		if !known {
			place = len(g.seen[i])
			g.seen[i][ids[i]] = place
		}
		places[i] = place
	}
	added := make(map[string]soql.Value, len(g.calls))
	for text := range g.calls {
		added[text] = soql.NumberValue(1)
		if g.args[text] != nil {
			added[text] = g.args[text].Value(r)
		}
	}
	for _, rolled := range g.subsets {
		row := &group{keys: slices.Clone(values), rolled: rolled, places: slices.Clone(places)}
		id := fmt.Sprint(rolled)
		for i := range values {
			if rolled&(1<<i) != 0 {
				row.keys[i], row.places[i] = soql.Value{}, math.MaxInt
				continue
			}
			id += "\x00" + ids[i]
		}
		if g.byKey[id] == nil {
			g.byKey[id] = row
			g.start(row)
		}
		for text, total := range g.byKey[id].totals {
			total.Add(added[text])
		}
	}
}

func (g *grouping) start(row *group) {
	row.totals = make(map[string]*soql.Accumulator, len(g.calls))
	for text, call := range g.calls {
		row.totals[text], _ = soql.NewAccumulator(call)
	}
	g.order = append(g.order, row)
}

// fill makes the groups answer for their keys and totals, for whether a key is
// rolled up, and for what SELECT shows of a key.
func (s *selection) fill(groups []*group) error {
	shown, err := s.shownKeys()
	if err != nil {
		return err
	}
	for _, g := range groups {
		g.values = make(map[string]soql.Value, 2*len(g.keys)+len(g.totals))
		for i, e := range s.query.GroupBy {
			key := strings.ToUpper(e.String())
			g.values[key] = g.keys[i]
			g.values["GROUPING("+key+")"] = soql.NumberValue(float64(g.rolled >> i & 1))
		}
		for text, total := range g.totals {
			g.values[text] = total.Value()
		}
		for text, getter := range shown {
			g.values[text] = getter.Value(g)
		}
	}
	return nil
}

// shownKeys are the display functions of SELECT over a key, as toLabel(Type).
func (s *selection) shownKeys() (map[string]*soql.Getter, error) {
	shown := map[string]*soql.Getter{}
	for _, item := range s.query.Select {
		sel, is := item.(soql.Selection)
		if !is {
			continue
		}
		call, isCall := sel.Expr.(soql.Call)
		if !isCall || s.isKey(call) || !s.showsKey(call) {
			continue
		}
		getter, err := soql.CompileExpr(call, s.env)
		if err != nil {
			return nil, err
		}
		shown[strings.ToUpper(call.String())] = getter
	}
	return shown, nil
}

func (s *selection) isKey(e soql.Expr) bool {
	return slices.ContainsFunc(s.query.GroupBy, func(key soql.Expr) bool { return strings.EqualFold(key.String(), e.String()) })
}

// showsKey says whether an expression is a key, or display functions round one.
func (s *selection) showsKey(e soql.Expr) bool {
	call, is := e.(soql.Call)
	return s.isKey(e) || is && len(call.Args) == 1 && !call.Aggregate() && call.Func != "GROUPING" && s.showsKey(call.Args[0])
}
