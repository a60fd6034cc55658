package vault

import (
	"context"
	"slices"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent/vaultobject"
)

// Schema is an SObject and the fields that its rows bring, in their order.
type Schema struct {
	Object string
	Fields []SchemaField
}

// SchemaField is a field as rows bring it; see segment.Field.
type SchemaField = segment.Field

// Row is a record as it is now. Values are canonical text in the order of the
// schema's fields, empty for null. A tombstone may come without values.
type Row struct {
	ID        []byte
	Modstamp  []byte
	Tombstone engine.Tombstone
	Values    [][]byte
}

// maxText is the longest id or modstamp.
const maxText = 255

// Writer takes the rows of one SObject in a run. It serves one goroutine.
type Writer struct {
	run    *Run
	object *runObject
	schema Schema
	arena  arena
	purged purgedSet
	first  bool // nothing of the object is stored but by this run
	done   bool
	handed bool       // an arena was handed over
	back   *Writer    // writes the arena filled before this one
	wrote  chan error // its outcome
	failed error      // it lost rows: only another attempt can go on
}

// Writer begins or goes on with an SObject. It is KindConflict when the object
// is finished or has a Writer already.
func (r *Run) Writer(ctx context.Context, schema Schema) (*Writer, error) {
	purged, err := r.v.purged(ctx, r.row.OrgID, schema.Object)
	if err != nil {
		return nil, fault("begin object", r.row.OrgID, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.objects[schema.Object]
	if o == nil {
		o = &runObject{}
		r.objects[schema.Object] = o
	}
	if o.finished || o.writer != nil {
		return nil, &engine.Error{
			Kind: engine.KindConflict, Code: "VAULT_OBJECT_TAKEN", Org: r.row.OrgID, Object: schema.Object,
			Message: schema.Object + " is being written, or was written, by this run already.",
		}
	}
	o.writer = &Writer{run: r, object: o, schema: schema, purged: purged}
	return o.writer, nil
}

// Put takes a row; its slices are the caller's again on return.
func (w *Writer) Put(ctx context.Context, row Row) error {
	if w.failed != nil {
		return w.failed
	}
	if w.done {
		return w.refuse("VAULT_OBJECT_TAKEN", "%s is finished: it takes no more rows.", w.schema.Object)
	}
	if len(row.ID) == 0 || len(row.ID) > maxText || len(row.Modstamp) > maxText {
		return w.refuse("VAULT_KEY_LENGTH", "A key in the vault has 1 to %d bytes; one of %s has %d.", maxText, w.schema.Object, len(row.ID))
	}
	if len(row.Values) > len(w.schema.Fields) {
		return w.refuse("VAULT_VALUES", "A row of %s has %d values, its schema %d fields.", w.schema.Object, len(row.Values), len(w.schema.Fields))
	}
	if w.purged.holds(row.ID) {
		return nil
	}
	w.arena.add(&row, segment.MakeOp("", row.Tombstone, false))
	most := w.run.v.arena / 2
	if !w.handed {
		most /= 2 // while the first one fills, nothing is written beside it
	}
	if w.arena.size < most {
		return nil
	}
	w.handed = true
	return w.handOver(ctx)
}

// handOver writes the full arena in the background and goes on with another.
func (w *Writer) handOver(ctx context.Context) error {
	spare := w.back
	if err := w.await(); err != nil {
		return err
	}
	w.back, w.wrote = &Writer{run: w.run, object: w.object, schema: w.schema, arena: w.arena}, make(chan error, 1)
	w.arena = arena{}
	if spare != nil {
		w.arena = spare.arena
	}
	go func(back *Writer, wrote chan<- error) { wrote <- back.flush(ctx, nil) }(w.back, w.wrote)
	return nil
}

// await returns when nothing is being written in the background.
func (w *Writer) await() error {
	if w.back != nil {
		w.failed = <-w.wrote
		w.back = nil
	}
	return w.failed
}

func (w *Writer) refuse(code, format string, args ...any) error {
	e := engine.E(engine.KindInvalid, code, format, args...)
	e.Org, e.Object = w.run.row.OrgID, w.schema.Object
	return e
}

// Checkpoint makes every row put so far durable, together with the token.
func (w *Writer) Checkpoint(ctx context.Context, token []byte) error {
	if err := w.await(); err != nil {
		return err
	}
	return w.flush(ctx, &token)
}

// Finish says that the SObject is whole, and leaves a last token. Rows and
// token become durable with the segment they share with others, at the latest
// at Commit.
func (w *Writer) Finish(ctx context.Context, token []byte) (ObjectCounts, error) {
	if err := w.await(); err != nil {
		return ObjectCounts{}, err
	}
	counts, err := w.decide(ctx)
	if err != nil {
		return counts, fault("finish "+w.schema.Object, w.run.row.OrgID, err)
	}
	w.done = true
	r := w.run
	r.mu.Lock()
	defer r.mu.Unlock()
	w.object.counts.add(counts)
	w.object.finished, w.object.checkpoint = true, slices.Clone(token)
	r.bundle = append(r.bundle, w)
	total := r.total(w.schema.Object)
	if r.pending += w.arena.size; r.pending >= bundleBytes {
		err = r.flushBundle(ctx)
	}
	return total, fault("finish "+w.schema.Object, r.row.OrgID, err)
}

// decide drops the rows that say nothing new and gives the others their op.
func (w *Writer) decide(ctx context.Context) (counts ObjectCounts, err error) {
	w.arena.settle()
	sections, err := w.run.v.querySections(ctx, w.run.row.OrgID, w.schema.Object, w.run.row.ID)
	if err != nil || len(w.arena.entries) == 0 {
		return counts, err
	}
	w.first = !slices.ContainsFunc(sections, func(s section) bool { return s.segment.RunID != w.run.row.ID })
	find := w.run.v.newFinder(w.schema, sections)
	judge := comparer{fields: w.schema.Fields, values: make([][]byte, len(w.schema.Fields))}
	kept := make([]entry, 0, len(w.arena.entries))
	var cells []segment.Cell
	for _, e := range w.arena.entries {
		before, err := find.newest(ctx, e.id())
		if err != nil {
			return counts, err
		}
		cells = e.cells(cells[:0])
		change, err := w.change(&e, cells, &before, &judge)
		if err != nil {
			return counts, err
		}
		if change == "" {
			continue
		}
		e.op = segment.MakeOp(change, e.op.Tombstone(), !e.op.Live() && e.bare())
		counts.count(change, before.live(), e.op.Live())
		kept = append(kept, e)
	}
	w.arena.entries = kept
	return counts, nil
}

func (c *ObjectCounts) count(change engine.Change, was, is bool) {
	c.Versions++
	switch change {
	case engine.Added:
		c.Added++
	case engine.Changed:
		c.Changed++
	case engine.Deleted:
		c.Deleted++
	}
	if is && !was {
		c.Live++
	}
	if was && !is {
		c.Live--
	}
}

// change is what a row does to the record as stored, "" for nothing.
func (w *Writer) change(e *entry, cells []segment.Cell, before *predecessor, judge *comparer) (engine.Change, error) {
	bare := !e.op.Live() && e.bare()
	if !before.found() {
		switch {
		case e.op.Live():
			return engine.Added, nil
		case bare: // the deletion of a record never seen leaves nothing to keep
			return "", nil
		}
		return engine.Deleted, nil
	}
	if before.seq >= w.run.row.FirstSeq {
		stamp, err := before.p.cursor.Modstamp(before.row)
		if err != nil || older(e.modstamp(), stamp) {
			return "", err
		}
	}
	switch {
	case e.op.Live() && !before.op.Live():
		return engine.Added, nil
	case before.op.Tombstone() != e.op.Tombstone():
		return engine.Deleted, nil
	case bare:
		return "", nil
	case !before.op.Bare():
		if same, err := judge.same(cells, before); err != nil || same {
			return "", err
		}
	}
	if e.op.Live() {
		return engine.Changed, nil
	}
	return engine.Deleted, nil
}

// Live is how many records of an SObject are alive in the vault now.
func (v *Vault) Live(ctx context.Context, orgID, object string) (int64, error) {
	if _, err := tenantOf(ctx); err != nil {
		return 0, err
	}
	row, err := v.db.VaultObject.Query().Where(vaultobject.OrgID(orgID), vaultobject.Name(object)).All(ctx)
	if err != nil || len(row) == 0 {
		return 0, fault("count "+object, orgID, err)
	}
	return row[0].Live, nil
}

// Object is what the vault holds of one SObject.
type Object struct {
	Name           string
	Live, Versions int64
}

// Objects lists an org's SObjects by name.
func (v *Vault) Objects(ctx context.Context, orgID string) ([]Object, error) {
	if _, err := tenantOf(ctx); err != nil {
		return nil, err
	}
	rows, err := v.db.VaultObject.Query().Where(vaultobject.OrgID(orgID)).Order(vaultobject.ByName()).All(ctx)
	if err != nil {
		return nil, fault("list objects", orgID, err)
	}
	objects := make([]Object, 0, len(rows))
	for _, r := range rows {
		objects = append(objects, Object{Name: r.Name, Live: r.Live, Versions: r.Versions})
	}
	return objects, nil
}
