package simorg

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

const (
	cursorLife   = 48 * time.Hour
	maxCursors   = 500
	maxKept      = 10_000_000 // rows of all cursors together
	minPageSize  = 200
	maxPageSize  = 2000
	maxPageBytes = 4 << 20 // long text makes a page shorter
)

// cursor is a query's rows, fixed when it ran; their values are read page by page.
type cursor struct {
	id      string
	sel     *selection
	rows    []*store.Record
	total   int
	offset  int // of rows[0] in the whole result
	person  *person
	root    string
	expires time.Time
}

// cursors are the open query results of the org.
type cursors struct {
	mu    sync.Mutex
	byID  map[string]*cursor
	order []string
	next  uint64
	kept  int // rows of all of them
}

func (c *cursors) init() { c.byID = map[string]*cursor{} }

// open keeps a result and gives it its locator.
func (o *Org) openCursor(c *cursor) {
	o.cursors.mu.Lock()
	defer o.cursors.mu.Unlock()
	o.cursors.next++
	c.id = makeID("01g", o.cfg.Pod, o.cursors.next)
	c.expires = o.cfg.Now().Add(cursorLife)
	o.cursors.byID[c.id] = c
	o.cursors.order = append(o.cursors.order, c.id)
	o.cursors.kept += len(c.rows)
	for len(o.cursors.order) > 1 && (len(o.cursors.order) > maxCursors || o.cursors.kept > maxKept) {
		oldest := o.cursors.order[0]
		o.cursors.kept -= len(o.cursors.byID[oldest].rows)
		delete(o.cursors.byID, oldest)
		o.cursors.order = o.cursors.order[1:]
	}
}

// ExpireCursors ends every open query result.
func (o *Org) ExpireCursors() {
	o.cursors.mu.Lock()
	defer o.cursors.mu.Unlock()
	clear(o.cursors.byID)
	o.cursors.order, o.cursors.kept = nil, 0
}

func (o *Org) cursor(id string, p *person) *cursor {
	o.cursors.mu.Lock()
	defer o.cursors.mu.Unlock()
	c := o.cursors.byID[id]
	if c == nil || c.person.id != p.id || o.cfg.Now().After(c.expires) {
		return nil
	}
	return c
}

func runQuery(c *call) (reply, error)    { return c.soql(false) }
func runQueryAll(c *call) (reply, error) { return c.soql(true) }

func (c *call) soql(all bool) (reply, error) {
	values := c.query()
	if plan := values.Get("explain"); plan != "" {
		return c.explain(plan)
	}
	src := values.Get("q")
	if src == "" {
		return reply{}, badRequest("MALFORMED_QUERY", "A query must be given in the parameter q")
	}
	q, err := soql.Parse(src)
	if err != nil {
		return reply{}, err
	}
	if q.AllRows {
		return reply{}, badRequest("MALFORMED_QUERY", "ALL ROWS is not allowed in this context")
	}
	if values.Get("columns") == "true" {
		return c.columns(q, src)
	}
	var body []byte
	err = c.withIndexes(all, func(e *engine) error {
		body, err = c.firstPage(e, q, src)
		return err
	})
	return jsonReply(body), err
}

func jsonReply(body []byte) reply {
	return reply{Status: http.StatusOK, Raw: body, Header: map[string]string{"Content-Type": "application/json;charset=UTF-8"}}
}

// withIndexes runs a query under the read lock, and once more under the write
// lock when it turns out to need an index that is not there.
func (c *call) withIndexes(all bool, run func(*engine) error) error {
	e := &engine{org: c.org, person: c.session.user, all: all, indexing: c.tx != nil}
	if c.tx != nil {
		return run(e)
	}
	c.org.mu.RLock()
	err := run(e)
	c.org.mu.RUnlock()
	if !e.missing {
		return err
	}
	c.org.mu.Lock()
	defer c.org.mu.Unlock()
	e.indexing = true
	return run(e)
}

// explain tells how a query would run.
func (c *call) explain(src string) (reply, error) {
	q, err := soql.Parse(src)
	if err != nil {
		return reply{}, err
	}
	var body map[string]any
	err = c.withIndexes(false, func(e *engine) error {
		s, err := e.prepare(q, src)
		if err != nil {
			return err
		}
		n := c.org.tables[s.obj.Name].LiveLen()
		body = map[string]any{"plans": []any{map[string]any{
			"cardinality": n, "fields": []any{}, "leadingOperationType": "TableScan",
			"relativeCost": 1.0, "sobjectCardinality": n, "sobjectType": s.obj.Name, "notes": []any{},
		}}, "sourceQuery": src}
		return nil
	})
	return reply{Status: http.StatusOK, Body: body}, err
}

func (c *call) firstPage(e *engine, q *soql.Query, src string) ([]byte, error) {
	if c.org.schema().Get(q.From) != nil {
		if rows, computed, err := c.computedRows(e, q); computed || err != nil {
			if err != nil {
				return nil, err
			}
			facts := &factQuery{org: c.org, root: c.root, kind: c.org.schema().Get(q.From).Name, rows: rows, env: &soql.Env{Now: c.org.cfg.Now()}}
			return facts.run(q)
		}
	}
	s, err := e.prepare(q, src)
	if err != nil {
		return nil, err
	}
	if err := s.needsFilter(); err != nil {
		return nil, err
	}
	if aggregates(q) {
		return s.aggregate()
	}
	rows, err := s.run()
	if err != nil {
		return nil, err
	}
	return c.page(&cursor{sel: s, rows: rows, total: len(rows), person: c.session.user, root: c.root}, 0), nil
}

// needsFilter refuses a query that the object only answers with a filter.
func (s *selection) needsFilter() error {
	if s.obj.Needs == nil || s.filteredBy(s.obj.Needs...) || s.obj.Name == "ContentDocumentLink" && s.engine.person.may("QueryAllFiles") {
		return nil
	}
	return badRequest("MALFORMED_QUERY", "Implementation restriction: %s requires a filter by %s, using the equals operator or multiple values with the IN operator.", s.obj.Name, strings.Join(s.obj.Needs, " or "))
}

// filteredBy says whether one of the fields or paths is compared with given values.
func (s *selection) filteredBy(names ...string) bool {
	for _, term := range conjuncts(s.query.Where) {
		var left soql.Expr
		switch term := term.(type) {
		case soql.Comparison:
			if term.Op == soql.Equal {
				left = term.Left
			}
		case soql.Membership:
			if term.Op == soql.In {
				left = term.Left
			}
		}
		if f, is := left.(soql.Field); is && listed(strings.Join(names, ","), strings.Join(f.Path, ".")) {
			return true
		}
	}
	return false
}

// pageSize is what Sforce-Query-Options asks for, within the platform's bounds.
func (c *call) pageSize() int {
	for option := range strings.SplitSeq(c.r.Header.Get("Sforce-Query-Options"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(option), "=")
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && strings.EqualFold(strings.TrimSpace(name), "batchSize") {
			return min(max(n, minPageSize), maxPageSize)
		}
	}
	return min(c.org.cfg.MaxRows, maxPageSize)
}

// page prints one page of a result, keeping the rest under a locator.
func (c *call) page(cur *cursor, offset int) []byte {
	from := offset - cur.offset
	size := c.pageSize()
	rows := cur.rows[min(from, len(cur.rows)):]
	p := &printer{org: c.org, person: c.session.user, root: c.root, nested: c.keepNested, budget: size, locale: locale{cur.sel.env.Location}}
	buf := make([]byte, 0, 256*min(len(rows), size)+128)
	buf = append(buf, `{"totalSize":`...)
	buf = strconv.AppendInt(buf, int64(cur.total), 10)
	mark := len(buf)
	var records []byte
	shown, printed := 0, 0
	for _, r := range rows {
		if shown == size || shown > 0 && (p.budget <= 0 || len(records) > maxPageBytes) {
			break
		}
		shown++
		p.budget--
		if take, err := cur.sel.stillThere(r); err != nil || !take {
			continue
		}
		if printed > 0 {
			records = append(records, ',')
		}
		records = p.record(records, cur.sel.obj, r, cur.sel.outputs)
		printed++
	}
	done := shown == len(rows)
	buf = append(buf[:mark], `,"done":`...)
	buf = strconv.AppendBool(buf, done)
	if !done {
		if cur.id == "" {
			c.org.openCursor(cur)
		}
		buf = append(buf, `,"nextRecordsUrl":"`+c.locator(cur, offset+shown)+`"`...)
	}
	buf = append(buf, `,"records":[`...)
	buf = append(buf, records...)
	return append(buf, `]}`...)
}

func (c *call) locator(cur *cursor, offset int) string {
	return c.root + "/query/" + cur.id + "-" + strconv.Itoa(offset)
}

// keepNested keeps the rest of a sub-select's rows.
func (c *call) keepNested(sel *selection, rest []*store.Record, total int) string {
	cur := &cursor{sel: sel, rows: rest, total: total, offset: total - len(rest), person: c.session.user, root: c.root}
	c.org.openCursor(cur)
	return c.locator(cur, cur.offset)
}

// stillThere drops rows that were deleted since the query ran.
func (s *selection) stillThere(r *store.Record) (bool, error) {
	return r.State == store.Live || s.all && r.State != store.Gone, nil
}

func nextPage(c *call) (reply, error) {
	id, offset, found := strings.Cut(c.path("locator"), "-")
	n, err := strconv.Atoi(offset)
	cur := c.org.cursor(id, c.session.user)
	if !found || err != nil || cur == nil || n < cur.offset {
		return reply{}, badRequest("INVALID_QUERY_LOCATOR", "invalid query locator")
	}
	var body []byte
	cur.sel.engine.paging.Lock() // a result and its sub-selects share one engine
	defer cur.sel.engine.paging.Unlock()
	_ = c.withIndexes(cur.sel.all, func(e *engine) error {
		cur.sel.engine.indexing, cur.sel.engine.missing = e.indexing, false
		body = c.page(cur, n)
		e.missing = cur.sel.engine.missing
		return nil
	})
	return jsonReply(body), nil
}

// relatedRows answers /sobjects/X/{id}/{relationship}.
func (c *call) relatedRows(rel *schema.ChildRelationship, parent string) (reply, error) {
	obj, err := c.object(rel.ChildSObject)
	if err != nil {
		return reply{}, err
	}
	e := &engine{org: c.org, person: c.session.user}
	s, err := e.compile(obj, &soql.Query{From: obj.Name, Select: []soql.SelectItem{soql.FieldSet{Set: "ALL"}}})
	if err != nil {
		return reply{}, err
	}
	var rows []*store.Record
	col := obj.Field(rel.Field).Col
	c.org.tables[obj.Name].After("", func(r *store.Record) bool {
		if r.State == store.Live && r.Get(col) == parent && c.org.seesRecord(c.session.user, obj, r) {
			rows = append(rows, r)
		}
		return true
	})
	return jsonReply(c.page(&cursor{sel: s, rows: rows, total: len(rows), person: c.session.user, root: c.root}, 0)), nil
}
