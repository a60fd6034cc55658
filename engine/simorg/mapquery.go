package simorg

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/soql"
)

// fact is a row that the org computes: setup that is queried as if it were
// records. Values are text, booleans, ints, nil, facts (a parent) or lists of
// facts (children).
type fact map[string]any

// get finds a value by its name in any case.
func (f fact) get(name string) (string, any, bool) {
	if v, found := f[name]; found {
		return name, v, true
	}
	for key, v := range f {
		if strings.EqualFold(key, name) {
			return key, v, true
		}
	}
	return "", nil, false
}

// path follows parents.
func (f fact) path(path []string) (any, bool) {
	for i, name := range path {
		_, v, found := f.get(name)
		if !found {
			return nil, false
		}
		if i == len(path)-1 {
			return v, true
		}
		parent, is := v.(fact)
		if !is {
			return nil, true
		}
		f = parent
	}
	return nil, false
}

// Value answers the query language.
func (f fact) Value(ref *soql.Ref) soql.Value {
	v, _ := f.path(ref.Path)
	switch v := v.(type) {
	case string:
		if id, valid := readID(v); valid && len(v) == 18 && id == v {
			return soql.Value{Type: soql.ID, Text: v}
		}
		return soql.TextValue(v)
	case bool:
		return soql.BoolValue(v)
	case int:
		return soql.NumberValue(float64(v))
	}
	return soql.Value{}
}

// factQuery answers a query over computed rows.
type factQuery struct {
	org  *Org
	root string // of the attributes' urls
	kind string
	rows []fact
	env  *soql.Env
}

func (q *factQuery) run(query *soql.Query) ([]byte, error) {
	if aggregates(query) && !countsRows(query) {
		return q.aggregate(query)
	}
	rows, err := q.take(query, q.rows)
	if err != nil {
		return nil, err
	}
	if countsRows(query) {
		return []byte(`{"totalSize":` + strconv.Itoa(len(rows)) + `,"done":true,"records":[]}`), nil
	}
	if len(rows) > 1 && wantsMetadata(query) {
		return nil, badRequest("MALFORMED_QUERY", "When retrieving results with Metadata or FullName fields, the query qualificatio should specify no more than one row for retrieval. Result size: %d", len(rows))
	}
	buf := []byte(`{"size":` + strconv.Itoa(len(rows)) + `,"totalSize":` + strconv.Itoa(len(rows)) +
		`,"done":true,"queryLocator":null,"entityTypeName":"` + q.kind + `","records":[`)
	for i, r := range rows {
		if i > 0 {
			buf = append(buf, ',')
		}
		if buf, err = q.print(buf, query, r, q.kind); err != nil {
			return nil, err
		}
	}
	return append(buf, `]}`...), nil
}

func (q *factQuery) aggregate(query *soql.Query) ([]byte, error) {
	rows, err := q.matching(query, q.rows)
	if err != nil {
		return nil, err
	}
	s := &selection{engine: &engine{org: q.org}, query: query, env: q.env}
	return s.grouped(func(yield func(soql.Record) bool) {
		for _, r := range rows {
			if !yield(r) {
				return
			}
		}
	})
}

func wantsMetadata(q *soql.Query) bool {
	return slices.ContainsFunc(q.Select, func(item soql.SelectItem) bool {
		return strings.EqualFold(item.String(), "Metadata") || strings.EqualFold(item.String(), "FullName")
	})
}

func (q *factQuery) matching(query *soql.Query, rows []fact) (kept []fact, err error) {
	where, err := soql.Compile(query.Where, q.env)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		take, err := where.Match(r)
		if err != nil {
			return nil, err
		}
		if take {
			kept = append(kept, r)
		}
	}
	return kept, nil
}

// take filters, sorts and cuts.
func (q *factQuery) take(query *soql.Query, rows []fact) ([]fact, error) {
	kept, err := q.matching(query, rows)
	if err != nil {
		return nil, err
	}
	order, err := soql.CompileOrder(query, q.env)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(kept, func(a, b fact) int { return order.Compare(a, b) })
	if query.Offset != nil {
		kept = kept[min(*query.Offset, len(kept)):]
	}
	if query.Limit != nil {
		kept = kept[:min(*query.Limit, len(kept))]
	}
	return kept, nil
}

// node is a part of what is selected: parents nested where they are first named.
type factNode struct {
	name     string
	children []*factNode
	query    *soql.Query
}

func (n *factNode) at(name string) *factNode {
	for _, c := range n.children {
		if strings.EqualFold(c.name, name) {
			return c
		}
	}
	c := &factNode{name: name}
	n.children = append(n.children, c)
	return c
}

func (q *factQuery) print(buf []byte, query *soql.Query, r fact, kind string) ([]byte, error) {
	root := &factNode{}
	for _, item := range query.Select {
		switch item := item.(type) {
		case soql.Selection:
			f, is := item.Expr.(soql.Field)
			if !is {
				return nil, badRequest("MALFORMED_QUERY", "%s is not supported here", item)
			}
			at := root
			for _, name := range f.Path {
				at = at.at(name)
			}
		case soql.FieldSet:
			for _, name := range sortedMapKeys(r) {
				if _, nested := r[name].(fact); !nested {
					root.at(name)
				}
			}
		case soql.Children:
			root.at(item.Query.From).query = item.Query
		}
	}
	return q.printNode(buf, root, r, kind)
}

func (q *factQuery) printNode(buf []byte, n *factNode, r fact, kind string) ([]byte, error) {
	id, _ := r["Id"].(string)
	if id == "" {
		id, _ = r["DurableId"].(string)
	}
	buf = append(buf, `{"attributes":{"type":"`+kind+`","url":"`+q.root+"/sobjects/"+kind+"/"+id+`"}`...)
	for _, c := range n.children {
		key, v, found := r.get(c.name)
		if !found {
			return nil, badRequest("INVALID_FIELD", "No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.", c.name, kind)
		}
		buf = append(buf, `,"`+key+`":`...)
		var err error
		if buf, err = q.printValue(buf, c, key, v); err != nil {
			return nil, err
		}
	}
	return append(buf, '}'), nil
}

func (q *factQuery) printValue(buf []byte, n *factNode, key string, v any) ([]byte, error) {
	switch v := v.(type) {
	case fact:
		if len(n.children) > 0 {
			return q.printNode(buf, n, v, kindOf(v, key))
		}
	case []fact:
		if n.query != nil {
			rows, err := q.take(n.query, v)
			if err != nil || len(rows) == 0 {
				return append(buf, "null"...), err
			}
			buf = append(buf, `{"totalSize":`+strconv.Itoa(len(rows))+`,"done":true,"records":[`...)
			for i, r := range rows {
				if i > 0 {
					buf = append(buf, ',')
				}
				if buf, err = q.print(buf, n.query, r, kindOf(r, key)); err != nil {
					return nil, err
				}
			}
			return append(buf, `]}`...), nil
		}
	}
	return append(buf, encode(v, false)...), nil
}

// kindOf is what a nested fact says it is.
func kindOf(f fact, fallback string) string {
	if k, is := f["@type"].(string); is {
		return k
	}
	return fallback
}
