package simorg

import (
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// row is a record and the object it belongs to.
type row struct {
	obj *schema.Object
	rec *store.Record
}

// maxCascade is how many rows one delete may take along.
const maxCascade = 100_000

// remove is a delete on its way: what goes and what is only let go.
type remove struct {
	*tx
	gone   []row
	member map[string]bool // ids in gone
	cut    []nulledLink
}

// nulledLink is a lookup that a delete emptied and an undelete may fill again.
type nulledLink struct {
	row   row
	field *schema.Field
	to    string
}

// delete puts a record and what hangs on it into the Recycle Bin.
func (t *tx) delete(obj *schema.Object, id string) error {
	r, err := t.find(obj, id)
	if err != nil {
		return err
	}
	if !obj.Can("deletable") {
		return badRequest("INVALID_TYPE_FOR_OPERATION", "entity type %s does not support delete", obj.Name)
	}
	if err := t.mayWrite(obj); err != nil {
		return err
	}
	if obj.Name == "PricebookEntry" && t.archiveEntry(obj, r) {
		return nil
	}
	if obj.Name == "ContentNote" {
		obj, r = t.o.schema().Get("ContentDocument"), t.o.table("ContentDocument").Get(r.ID)
	}
	if err := t.refuseDelete(obj, r); err != nil {
		return err
	}
	mark := len(t.undo)
	if err := t.deleteRow(row{obj, r}); err != nil {
		t.rollback(mark)
		return err
	}
	return nil
}

func (t *tx) deleteRow(root row) error {
	if err := t.o.auto.fire(t, root, BeforeDelete); err != nil {
		return err
	}
	d := &remove{tx: t, member: map[string]bool{}}
	d.gather(root)
	if err := d.blocked(); err != nil {
		return err
	}
	if len(d.gone) > maxCascade {
		return badRequest("DELETE_OPERATION_TOO_LARGE", "delete operation too large: more than %d cascaded records", maxCascade)
	}
	for _, g := range d.gone {
		d.bin(g, root.rec.ID)
	}
	for _, link := range d.cut {
		d.clear(link)
	}
	t.o.keepCuts(t, root.rec.ID, d.cut)
	for _, g := range d.gone {
		if err := t.rollUpParents(g); err != nil {
			return err
		}
	}
	return t.o.auto.fire(t, root, AfterDelete)
}

// gather collects what cascades from the row, the row first.
func (d *remove) gather(r row) {
	d.gone, d.member[r.rec.ID] = append(d.gone, r), true
	for _, rel := range r.obj.Children {
		if !rel.CascadeDelete || len(d.gone) > maxCascade {
			continue
		}
		for _, child := range d.o.children(rel, r.rec.ID) {
			if child.rec.State == store.Live && !d.member[child.rec.ID] && !(rel.RestrictedDelete && activated(child)) {
				d.gather(child)
			}
		}
	}
}

// activated says whether an order or a contract is in force.
func activated(r row) bool {
	f := r.obj.Field("StatusCode")
	return f != nil && r.rec.Get(f.Col) == "Activated"
}

// children lists the rows of a relationship that point at the parent.
func (o *Org) children(rel schema.ChildRelationship, parent string) []row {
	obj := o.schema().Get(rel.ChildSObject)
	if obj == nil {
		return nil
	}
	f := obj.Field(rel.Field)
	table := o.tables[obj.Name]
	if f == nil || table == nil || table.Len() == 0 {
		return nil
	}
	table.Index(f.Col)
	found := table.Find(f.Col, parent)
	rows := make([]row, len(found))
	for i, r := range found {
		rows[i] = row{obj, r}
	}
	return rows
}

// blocked refuses the delete when a restricting child would be left behind; on
// the way it notes the lookups that will be emptied.
func (d *remove) blocked() error {
	for _, g := range d.gone {
		for _, rel := range g.obj.Children {
			var names []string
			for _, child := range d.o.children(rel, g.rec.ID) {
				if child.rec.State != store.Live || d.member[child.rec.ID] {
					continue
				}
				f := child.obj.Field(rel.Field)
				if rel.RestrictedDelete || !f.Nillable {
					names = append(names, d.o.title(child))
				} else if f.From == schema.Stored {
					d.cut = append(d.cut, nulledLink{child, f, g.rec.ID})
				}
			}
			if names != nil {
				return d.refusal(g, rel, names)
			}
		}
	}
	return nil
}

func (d *remove) refusal(g row, rel schema.ChildRelationship, names []string) error {
	child := d.o.schema().Get(rel.ChildSObject)
	plural, _ := child.Attrs["labelPlural"].(string)
	if len(names) > 5 {
		names = names[:5]
	}
	return invalidRow("DELETE_FAILED", nil, "Your attempt to delete %s could not be completed because it is associated with the following %s.: %s\n",
		d.o.title(g), strings.ToLower(plural), strings.Join(names, ", "))
}

// title is what a record is called in messages.
func (o *Org) title(r row) string {
	if f := r.obj.NameField(); f != nil {
		if name := r.rec.Get(f.Col); name != "" {
			return name
		}
	}
	return r.rec.ID
}

// bin moves a row to the Recycle Bin, or out of the org when it has none.
func (d *remove) bin(g row, root string) {
	table := d.o.table(g.obj.Name)
	if other := d.o.twin(g); other != nil {
		if r := d.o.table(other.Name).Get(g.rec.ID); r != nil && r.State == store.Live {
			defer d.bin(row{other, r}, root)
		}
	}
	if g.obj.Field("IsDeleted") == nil || g.obj.Trait("binless") || g.obj.Trait("binless=alone") && g.rec.ID == root {
		before, values := g.rec.Snapshot(), d.values(g)
		table.Remove(g.rec)
		d.undo = append(d.undo, func() { d.o.putBack(g, before, values) })
	} else {
		d.change(g.obj, g.rec, nil, func(r *store.Record) {
			r.State, r.DeletedAt, r.Stamp = store.Binned, d.stamp, d.stamp
			if r.ID != root {
				r.Under = root
			}
		})
	}
	d.o.logDelete(d.tx, g)
}

// putBack undoes the removal of a row that has no Recycle Bin.
func (o *Org) putBack(g row, before store.Image, values []string) {
	g.rec.State = store.Live
	o.table(g.obj.Name).Insert(g.rec, values)
	o.table(g.obj.Name).Restore(g.rec, before)
}

// values is the record's values by column.
func (t *tx) values(r row) []string {
	v := make([]string, r.obj.Cols())
	r.rec.Values(v)
	return v
}

// clear empties a lookup; the platform does so without a new SystemModstamp.
func (d *remove) clear(link nulledLink) {
	v := d.values(link.row)
	v[link.field.Col] = ""
	d.change(link.row.obj, link.row.rec, v, nil)
}

// deletion is an entry of the delete log, which getDeleted reads.
type deletion struct {
	object, id string
	at         int64
}

// bins is what the org remembers of deletes.
type bins struct {
	log   []deletion
	rows  []row // in the bin or purged, oldest first
	under map[string][]row
	cuts  map[string][]nulledLink // by the id whose delete made them
}

func (o *Org) logDelete(t *tx, g row) {
	b := &o.bins
	nlog, nrows := len(b.log), len(b.rows)
	b.log = append(b.log, deletion{g.obj.Name, g.rec.ID, t.stamp})
	if g.rec.State == store.Binned {
		b.rows = append(b.rows, g)
	}
	root := g.rec.Under
	if root != "" {
		b.under[root] = append(b.under[root], g)
	}
	t.undo = append(t.undo, func() {
		b.log, b.rows = b.log[:nlog], b.rows[:nrows]
		if list := b.under[root]; root != "" && len(list) > 0 {
			b.under[root] = list[:len(list)-1]
		}
	})
}

func (o *Org) keepCuts(t *tx, id string, cuts []nulledLink) {
	if cuts == nil {
		return
	}
	o.bins.cuts[id] = cuts
	t.undo = append(t.undo, func() { delete(o.bins.cuts, id) })
}

// refuseDelete is what a few objects' own rules forbid.
func (t *tx) refuseDelete(obj *schema.Object, r *store.Record) error {
	if activated(row{obj, r}) {
		return invalidRow("DELETE_FAILED", nil, "You cannot delete an activated %s.", strings.ToLower(obj.Label()))
	}
	if f := obj.Field("IsStandard"); obj.Name == "Pricebook2" && r.Get(f.Col) == "true" {
		return invalidRow("DELETE_FAILED", nil, "The standard price book cannot be deleted.")
	}
	if obj.Name == "Product2" {
		for _, line := range lineUses[:3] {
			if used := t.alive(line, "Product2Id", r.ID); len(used) > 0 {
				return invalidRow("DELETE_FAILED", nil, "Your attempt to delete %s could not be completed because it is used by %s.", t.o.title(row{obj, r}), strings.ToLower(used[0].obj.Label()))
			}
		}
	}
	return t.o.auto.locked(r.ID)
}

// relinked are the standard lookups that an undelete fills again (reference §8.2).
var relinked = []string{"Account.ParentId", "Case.ParentId", "Contact.ReportsToId", "Asset.Product2Id", "Quote.OpportunityId"}

func (l nulledLink) relinks() bool {
	return l.field.Custom || slices.Contains(relinked, l.row.obj.Name+"."+l.field.Name)
}
