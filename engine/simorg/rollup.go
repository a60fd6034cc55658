package simorg

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/formula"
	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

func parseNumber(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

// rollUps brings the summaries of the record's masters up to date, before and
// after a change of master.
func (c *change) rollUps() error {
	if err := c.rollUpParents(row{c.obj, c.rec}); err != nil {
		return err
	}
	for _, f := range c.obj.Fields {
		if f.Type == "reference" && c.old != nil && c.old[f.Col] != c.new[f.Col] && c.old[f.Col] != "" {
			if err := c.rollUpParent(c.obj, f, c.old[f.Col]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) rollUpParents(r row) error {
	if r.obj.Name == "OpportunityLineItem" {
		if err := t.sumProducts(r.rec.Get(r.obj.Field("OpportunityId").Col)); err != nil {
			return err
		}
	}
	for _, f := range r.obj.Fields {
		if f.Type != "reference" || f.From != schema.Stored {
			continue
		}
		if id := r.rec.Get(f.Col); id != "" {
			if err := t.rollUpParent(r.obj, f, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// rollUpParent recomputes the parent's summaries over one reference. A value
// that changes is stored with a new SystemModstamp, unless the org is configured
// otherwise; nobody's triggers run.
func (t *tx) rollUpParent(child *schema.Object, ref *schema.Field, id string) error {
	parent := t.o.ofID(id)
	if parent == nil {
		return nil
	}
	r := t.o.table(parent.Name).Get(id)
	if r == nil || r.State != store.Live {
		return nil
	}
	for _, f := range parent.Fields {
		if f.RollUp == nil || f.RollUp.Child != child.Name || f.RollUp.Reference != ref.Name {
			continue
		}
		value, err := t.summarise(f, child, ref, id)
		if err != nil {
			return err
		}
		if value != r.Get(f.Col) {
			v := t.values(row{parent, r})
			v[f.Col] = value
			t.change(parent, r, v, func(r *store.Record) {
				if !t.o.cfg.SilentRollUps {
					r.Stamp = t.stamp
				}
			})
		}
	}
	return nil
}

// summarise computes one summary over the live children that its filter takes.
func (t *tx) summarise(f *schema.Field, child *schema.Object, ref *schema.Field, id string) (string, error) {
	table := t.o.table(child.Name)
	table.Index(ref.Col)
	var filter *formula.Formula
	if f.RollUp.Filter != "" {
		var err error
		if filter, err = t.o.parse(f.RollUp.Filter); err != nil {
			return "", err
		}
	}
	of := child.Field(f.RollUp.Field)
	var values []string
	for _, r := range table.Find(ref.Col, id) {
		if r.State != store.Live || !t.o.passes(filter, child, r) {
			continue
		}
		text := ""
		if of != nil {
			text = t.o.text(child, of, r)
		}
		if text != "" || f.RollUp.Operation == "count" {
			values = append(values, text)
		}
	}
	return total(f, values)
}

// total adds up, or picks the least or the greatest, of numbers or of dates.
func total(f *schema.Field, values []string) (string, error) {
	sum := 0.0
	switch f.RollUp.Operation {
	case "count":
		sum = float64(len(values))
	case "sum":
		for _, v := range values {
			sum += parseNumber(v)
		}
	default:
		if len(values) == 0 {
			return "", nil
		}
		compare := func(a, b string) int { return cmp.Compare(parseNumber(a), parseNumber(b)) }
		if f.Type == "date" || f.Type == "datetime" {
			compare = strings.Compare
		}
		if f.RollUp.Operation == "min" {
			return slices.MinFunc(values, compare), nil
		}
		return slices.MaxFunc(values, compare), nil
	}
	return coerceNumber(f, strconv.FormatFloat(sum, 'g', -1, 64))
}

func (o *Org) passes(filter *formula.Formula, obj *schema.Object, r *store.Record) bool {
	if filter == nil {
		return true
	}
	v := make([]string, obj.Cols())
	r.Values(v)
	holds, err := filter.True(&formulaEnv{o: o, obj: obj, values: v, id: r.ID, rec: r, now: o.cfg.Now()})
	return err == nil && holds
}
