package salesforce

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
)

const (
	// mostAddress keeps address and headers under the platform's 16,384 bytes.
	mostAddress = 14_000
	// keysetRoom is what the keyset's own condition, order and limit may take.
	keysetRoom = 600
	// unstableTries is how often a page is read whose parts disagree.
	unstableTries = 5
)

// keyset walks the rows of one SObject in the order of (stamp, Id), or of Id
// alone, a page per query. It implements engine.Rows.
type keyset struct {
	*read
	stamped bool // a bounded read
	keys    []column
	parts   [][]column // the fields, in as many queries as the address allows
	common  int        // leading cells that all parts have: the keys, and the witness
	cells   []cell     // where each of the request's columns is found

	pageRows int             // most rows of a page
	limit    int             // of the next page's query
	last     *keysetPosition // the key of the last row returned
	pages    []*page         // of each part
	rows     int             // that all of them have
	next     int
	final    bool
	row      [][]byte
}

// cell is a place in the row of a part.
type cell struct{ part, at int }

// keysetPosition is the key of a row that was returned.
type keysetPosition struct {
	Stamp string `json:"stamp,omitempty"`
	ID    string `json:"id"`
}

func newKeyset(r *read, from *keysetPosition) (*keyset, error) {
	k := &keyset{read: r, stamped: r.request.StampField != "", last: from, row: make([][]byte, len(r.columns)), pageRows: r.org.options.PageRows}
	k.limit = k.pageRows
	names := []string{"Id"}
	if k.stamped {
		names = []string{r.request.StampField, "Id"}
	}
	keys, err := columnsOf(&r.request.Object, names)
	if err != nil {
		return nil, &engine.Error{
			Kind: engine.KindInvalid, Code: "NOT_QUERYABLE", Object: r.object(), Err: err,
			Message: r.object() + " has no Id to read it by over REST, and Salesforce's Bulk API does not offer it. It is left out.",
		}
	}
	k.keys = keys
	if !k.fits(1) && !k.fits(len(r.columns)) {
		return nil, &engine.Error{
			Kind: engine.KindLimit, Code: "QUERY_TOO_LONG", Object: r.object(),
			Message: "The condition on " + r.object() + " is too long for Salesforce: shorten the filter.",
		}
	}
	for n := 1; !k.fits(n); n++ { // fits leaves the fields dealt out
	}
	return k, nil
}

// fits deals the fields out to n queries and reports whether each of them then
// fits into an address.
func (k *keyset) fits(n int) bool {
	k.split(n)
	return k.longest()+keysetRoom <= mostAddress
}

// split deals the fields out to n queries. The keys go with each of them, and
// of several also the witness, which tells whether they saw the same state.
func (k *keyset) split(n int) {
	common := k.keys
	if witness, ok := k.witness(); n > 1 && ok && !slices.Contains(common, witness) {
		common = append(slices.Clone(common), witness)
	}
	var rest []column
	for _, c := range k.columns {
		if !slices.Contains(common, c) && !slices.Contains(rest, c) {
			rest = append(rest, c)
		}
	}
	k.parts, k.common = make([][]column, n), len(common)
	for i := range k.parts {
		k.parts[i] = slices.Concat(common, rest[i*len(rest)/n:(i+1)*len(rest)/n])
	}
	k.cells = make([]cell, len(k.columns))
	for i, c := range k.columns {
		for part, columns := range k.parts {
			if at := slices.Index(columns, c); at >= 0 {
				k.cells[i] = cell{part, at}
				break
			}
		}
	}
}

// witness is the field that changes whenever the record does.
func (k *keyset) witness() (column, bool) {
	for _, name := range []string{"SystemModstamp", "LastModifiedDate"} {
		if c, err := columnsOf(&k.request.Object, []string{name}); err == nil {
			return c[0], true
		}
	}
	return column{}, false
}

func (k *keyset) longest() int {
	longest := 0
	for i := range k.parts {
		longest = max(longest, len(k.org.query(everyone, k.selection(i).String())))
	}
	return longest
}

// selection is the query of one part for the page after last.
func (k *keyset) selection(part int) selection {
	s := selection{object: k.object(), where: bounds(k.request), limit: strconv.Itoa(k.limit)}
	for _, c := range k.parts[part] {
		s.fields = append(s.fields, c.name)
	}
	for _, c := range k.keys {
		s.order = append(s.order, c.name)
	}
	switch {
	case k.last == nil:
	case k.stamped:
		stamp := k.keys[0].name
		s.where = append(s.where, stamp+" >= "+k.last.Stamp,
			"("+stamp+" > "+k.last.Stamp+" OR Id > "+quote(k.last.ID)+")")
	default:
		s.where = append(s.where, "Id > "+quote(k.last.ID))
	}
	return s
}

// Fields are the request's.
func (k *keyset) Fields() []string { return k.request.Fields }

// Position is after the last row that was returned.
func (k *keyset) Position() []byte {
	if k.last == nil {
		return nil
	}
	return position{Keyset: k.last}.encode()
}

// Close lets go of the page.
func (k *keyset) Close() error {
	k.pages, k.rows, k.next, k.final = nil, 0, 0, true
	return nil
}

// Next returns the next row.
func (k *keyset) Next(ctx context.Context) ([][]byte, error) {
	for k.next == k.rows {
		if k.final {
			return nil, io.EOF
		}
		if err := k.turn(ctx); err != nil {
			return nil, err
		}
	}
	for i, c := range k.cells {
		k.row[i] = k.pages[c.part].row(k.next)[c.at]
	}
	k.last = k.keyOf(k.pages[0].row(k.next))
	k.next++
	return k.row, nil
}

// keyOf takes a row's key from the first cells of a part.
func (k *keyset) keyOf(cells [][]byte) *keysetPosition {
	if !k.stamped {
		return &keysetPosition{ID: string(cells[0])}
	}
	at := &keysetPosition{Stamp: string(cells[0]), ID: string(cells[1])}
	if t, err := time.Parse(canonicalDatetimeLayout, at.Stamp); err == nil {
		at.Stamp = stamp(t)
	}
	return at
}

// turn reads the page after last. A page with fewer rows than asked for is the
// last one, unless the org says that it has merely cut it short.
func (k *keyset) turn(ctx context.Context) error {
	for try := 1; ; try++ {
		pages, err := k.readParts(ctx)
		if r, ok := refused(err); ok && r.Code == "QUERY_TOO_COMPLICATED" && len(k.parts) < len(k.columns) {
			k.split(min(2*len(k.parts), len(k.columns)))
			continue
		}
		if tooLarge(err) && k.pageRows > leastPageRows {
			k.pageRows = max(k.pageRows/2, leastPageRows)
			k.limit = min(k.limit, k.pageRows)
			continue
		}
		if err != nil {
			return err
		}
		rows, done, err := k.agree(pages)
		if err == nil {
			k.pages, k.rows, k.next = pages, rows, 0
			k.final, k.limit = done && rows < k.limit, k.pageRows
			return k.progresses()
		}
		if try == unstableTries {
			return &engine.Error{
				Kind: engine.KindTransient, Code: "PAGE_UNSTABLE", Object: k.object(), Err: err,
				Message: "The records of " + k.object() + " change faster than their fields can be read together: try again at a quieter time.",
			}
		}
		if err := k.org.options.Sleep(ctx, k.org.options.Retry.pause(try)); err != nil {
			return err
		}
	}
}

// progresses guards against a page that would be asked for for ever.
func (k *keyset) progresses() error {
	if k.rows > 0 || k.final {
		return nil
	}
	return &engine.Error{
		Kind: engine.KindTransient, Code: "PAGE_INCOMPLETE", Object: k.object(),
		Message: "Salesforce announced more records of " + k.object() + " than it sent: try again later.",
	}
}

func (k *keyset) readParts(ctx context.Context) ([]*page, error) {
	pages := make([]*page, len(k.parts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fanOut)
	for i := range k.parts {
		group.Go(func() (err error) {
			pages[i], err = k.readPart(ctx, i)
			return err
		})
	}
	return pages, group.Wait()
}

func (k *keyset) readPart(ctx context.Context, part int) (*page, error) {
	var p *page
	c := get(k.org.query(everyone, k.selection(part).String()), k.object(), k.doing())
	c.header = map[string]string{"Sforce-Query-Options": "batchSize=" + strconv.Itoa(k.pageRows)}
	err := k.org.do(ctx, c, func(a answer) error {
		text, err := readAll(a, k.org.options.PageBytes)
		if err != nil {
			return err
		}
		if p, err = parsePage(text, k.parts[part]); err != nil {
			return &broken{err: err}
		}
		return nil
	})
	return p, err
}

var errUnstable = errors.New("the parts of a page saw different states")

// agree checks that all parts saw the same records in the same state, and
// counts the rows that all of them have: the platform may cut any of them short.
func (k *keyset) agree(pages []*page) (rows int, done bool, err error) {
	rows, done = pages[0].len(), true
	for _, p := range pages {
		rows, done = min(rows, p.len()), done && p.done
	}
	for _, p := range pages {
		if done && p.len() != rows {
			return 0, false, errUnstable
		}
		for n := range rows {
			if !slices.EqualFunc(p.row(n)[:k.common], pages[0].row(n)[:k.common], bytes.Equal) {
				return 0, false, errUnstable
			}
		}
	}
	return rows, done, nil
}
