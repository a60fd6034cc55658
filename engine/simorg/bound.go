package simorg

import (
	"cmp"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/soql"
)

// key is a place in the order of (SystemModstamp, Id): records at the stamp or
// later, and at the stamp only those after the id.
type key struct {
	stamp int64
	after string
}

func (k key) less(other key) bool {
	return cmp.Or(cmp.Compare(k.stamp, other.stamp), cmp.Compare(k.after, other.after)) < 0
}

// keyBound is a lower bound of the records that a condition accepts, given that
// they lie at or beyond low. It makes the keyset page
// "SystemModstamp >= t AND (SystemModstamp > t OR Id > 'x')" start where it should.
func keyBound(c soql.Condition, low key) key {
	switch c := c.(type) {
	case soql.And:
		for range 2 { // an id counts once the stamp beside it is known
			for _, term := range c.Terms {
				if b := keyBound(term, low); low.less(b) {
					low = b
				}
			}
		}
	case soql.Or:
		var least *key
		for _, term := range c.Terms {
			if b := keyBound(term, low); least == nil || b.less(*least) {
				least = &b
			}
		}
		if least != nil && low.less(*least) {
			return *least
		}
	case soql.Comparison:
		return leafBound(c, low)
	}
	return low
}

func leafBound(c soql.Comparison, low key) key {
	switch {
	case isField(c.Left, "SystemModstamp") && c.Right.Kind == soql.DateTimeLiteral:
		t, err := c.Right.Time()
		if err != nil {
			return low
		}
		switch c.Op {
		case soql.Greater:
			return key{t.UnixMilli() + 1, ""}
		case soql.GreaterOrEqual, soql.Equal:
			return key{t.UnixMilli(), ""}
		}
	case isField(c.Left, "Id") && c.Op == soql.Greater && low.stamp > 0:
		if id, valid := readID(c.Right.Text); valid {
			return key{low.stamp, id}
		}
	}
	return low
}

func isField(e soql.Expr, name string) bool { return isPath(e, []string{name}) }

// isPath: e is the field that path leads to, whatever the case.
func isPath(e soql.Expr, path []string) bool {
	f, is := e.(soql.Field)
	return is && slices.EqualFunc(f.Path, path, strings.EqualFold)
}

// idBound is the id after which a scan along the ids may start.
func idBound(terms []soql.Condition) string {
	after := ""
	for _, term := range terms {
		c, is := term.(soql.Comparison)
		if !is || !isField(c.Left, "Id") {
			continue
		}
		id, valid := readID(c.Right.Text)
		switch {
		case !valid:
		case c.Op == soql.Greater:
			after = max(after, id)
		case c.Op == soql.GreaterOrEqual:
			after = max(after, id[:14]) // the id itself still counts
		}
	}
	return after
}
