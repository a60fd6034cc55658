package capture

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

const (
	// typesAtOnce are listed together: what is listed is in memory.
	typesAtOnce = 24
	// componentsAtOnce are retrieved together, and durable after.
	componentsAtOnce = 5000
	// metadataFormat names what a component's version is made of: when that
	// changes, everything is retrieved anew.
	metadataFormat = "metadata/1"
	// namedProblems is how many components that a type lacks the log names.
	namedProblems = 20
)

// undated are the types whose dates say nothing of all that is in their files:
// what they hold changes without them. So do all types with parts, such as
// CustomObject, and what the org gives no date. These are always retrieved.
var undated = []string{
	"Profile", "PermissionSet", "PermissionSetGroup", "MutingPermissionSet", "CustomObjectTranslation", "Translations",
	"Settings", "StandardValueSet", "Layout",
}

// Metadata takes every component of r's metadata types: what is new, what has
// changed by its date, and what has no date to go by; all of it for a
// synchronisation. What the org no longer lists gets its tombstone. It answers
// how many types failed; err is set only when the whole capture must stop.
func (c *Capture) Metadata(ctx context.Context, r Request) (failed int, err error) {
	began, marks, err := c.outset(ctx, r)
	if err != nil {
		return 0, err
	}
	r.Job.Log(engine.LogInfo, "", "Metadata: the org has %d types.", len(r.Metadata))
	all := make([]*typeReading, len(r.Metadata))
	for i, typ := range r.Metadata {
		all[i] = &typeReading{Request: &r, typ: typ, vault: c.Vault, mark: marks[MetadataObject(typ.Name)], began: began, progress: r.Job.MetadataType(typ.Name, typ.Directory)}
		if err := all[i].progress.Queue(ctx); err != nil {
			return 0, err
		}
	}
	for part := range slices.Chunk(all, typesAtOnce) {
		err := readTypes(ctx, part)
		for _, t := range part {
			if t.failed {
				failed++
			}
		}
		if err != nil {
			return failed, err
		}
	}
	return failed, nil
}

// readTypes lists types, finds out what is new and retrieves it.
func readTypes(ctx context.Context, types []*typeReading) error {
	kinds := make([]engine.MetadataType, len(types))
	for i, t := range types {
		kinds[i] = t.typ
	}
	lists, err := types[0].Org.ListMetadata(ctx, kinds)
	if err != nil {
		return engine.Wrap("list the org's metadata", err)
	}
	var batch []*typePart
	size := 0
	for i, t := range types {
		t.progress.AddCalls(lists[i].Calls)
		if err := t.settle(ctx, t.prepare(ctx, lists[i])); err != nil {
			return err
		}
		lists[i].Components = nil
		for rest := t.todo; len(rest) > 0; {
			if size == componentsAtOnce {
				if err := retrieveParts(ctx, batch); err != nil {
					return err
				}
				batch, size = nil, 0
			}
			n := min(len(rest), componentsAtOnce-size)
			batch, size, rest = append(batch, &typePart{t, rest[:n]}), size+n, rest[n:]
		}
	}
	return retrieveParts(ctx, batch)
}

// typePart is some of a type's components, in the order of their keys; what is
// stored is taken off.
type typePart struct {
	*typeReading
	components []engine.Component
}

// retrieveParts stores a batch. When that fails, each type is tried by itself:
// one that fails leaves the others whole.
func retrieveParts(ctx context.Context, parts []*typePart) error {
	parts = slices.DeleteFunc(parts, func(p *typePart) bool { return p.failed || len(p.components) == 0 })
	if len(parts) == 0 {
		return nil
	}
	err := storeParts(ctx, parts)
	switch {
	case err == nil:
		return nil
	case stopsAll(ctx, err) != nil || len(parts) == 1:
		return parts[0].settle(ctx, err)
	}
	for _, p := range parts {
		if err := retrieveParts(ctx, []*typePart{p}); err != nil {
			return err
		}
	}
	return nil
}

func storeParts(ctx context.Context, parts []*typePart) error {
	var components []engine.Component
	for _, p := range parts {
		if err := p.start(ctx); err != nil {
			return err
		}
		components = append(components, p.components...)
	}
	at := 0
	counting, calls := engine.CountCalls(ctx)
	batch := handedOver{calls: calls}
	err := parts[0].Org.RetrieveMetadata(counting, components, func(c engine.RetrievedComponent) error {
		for len(parts[at].components) == 0 {
			at++
		}
		batch.reach(parts[at])
		return parts[at].take(ctx, c)
	})
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := p.pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// handedOver tells the types of a batch what it took to get it. Components come
// batch by batch: the calls since the last one were for all types of this one.
type handedOver struct {
	calls      *engine.Calls
	seen, last int64
	to         *typePart
}

func (h *handedOver) reach(p *typePart) {
	made := h.calls.Made()
	if made != h.seen {
		h.seen, h.last, h.to = made, made-h.seen, nil
	}
	if h.to != p {
		h.to = p
		p.progress.AddCalls(h.last)
	}
}

// start says that work on the type begins, once.
func (t *typeReading) start(ctx context.Context) error {
	if t.started {
		return nil
	}
	t.started = true
	return t.progress.Start(ctx)
}

// take stores the next component of the part, and the type when it was the last.
func (p *typePart) take(ctx context.Context, c engine.RetrievedComponent) error {
	if err := p.put(ctx, c); err != nil {
		return err
	}
	p.components = p.components[1:]
	if p.todo = p.todo[1:]; len(p.todo) == 0 {
		return p.finish(ctx)
	}
	return nil
}

// typeReading is the reading of one metadata type.
type typeReading struct {
	*Request
	typ      engine.MetadataType
	vault    *vault.Vault
	mark     watermark
	began    time.Time
	progress *job.ObjectProgress
	writer   *vault.Writer
	token    token
	todo     []engine.Component // still to be retrieved, by key
	listed   int64
	managed  int64 // of those, of packages
	done     int64
	stored   string // the key of the one that was retrieved last
	example  string // what was not given out, and why
	started  bool
	failed   bool
}

// settle writes down that the type has failed, unless everything must stop.
func (t *typeReading) settle(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if stop := stopsAll(ctx, err); stop != nil {
		return stop
	}
	t.failed, t.todo = true, nil
	return t.progress.Fail(ctx, err)
}

// prepare compares what the org lists with what the vault has.
func (t *typeReading) prepare(ctx context.Context, list engine.MetadataList) error {
	if list.Err != nil {
		return list.Err
	}
	for i := range list.Components {
		t.listed++
		if list.Components[i].ManageableState == "installed" {
			t.managed++
		}
	}
	object := MetadataObject(t.typ.Name)
	t.token = token{Began: t.began, Fingerprint: metadataFormat}
	saved := token{}
	if err := json.Unmarshal(t.Store.Checkpoint(object), &saved); err == nil && saved.Fingerprint == metadataFormat {
		t.token = saved
	}
	if counts, whole := t.Store.Finished(object); whole {
		return t.tell(ctx, counts)
	}
	if t.token.Position != nil {
		t.Job.Log(engine.LogInfo, t.typ.Name, "Going on saving %s where the last attempt stopped.", t.typ.Name)
	}
	var err error
	if t.writer, err = t.Store.Writer(ctx, componentSchema(t.typ.Name)); err != nil {
		return err
	}
	slices.SortFunc(list.Components, func(a, b engine.Component) int {
		return cmp.Compare(ComponentKey(a.FullName), ComponentKey(b.FullName))
	})
	if err := t.compare(ctx, list.Components); err != nil {
		return err
	}
	if len(t.todo) == 0 {
		return t.finish(ctx)
	}
	t.Job.Log(engine.LogInfo, t.typ.Name, "Started saving %s: %d components, %d to retrieve.", t.typ.Name, t.listed, len(t.todo))
	return nil
}

// compare walks the org's list and the vault's side by side: what is only in
// the vault is gone, what is to be retrieved is left in todo.
func (t *typeReading) compare(ctx context.Context, listed []engine.Component) error {
	next := 0
	add := func(known bool) {
		c := &listed[next]
		if ComponentKey(c.FullName) > string(t.token.Position) && !(known && t.unchanged(c)) {
			t.todo = append(t.todo, *c)
		}
		next++
	}
	for id, err := range t.vault.LiveIDs(ctx, vault.Point{OrgID: t.OrgID}, MetadataObject(t.typ.Name)) {
		if err != nil {
			return err
		}
		for next < len(listed) && ComponentKey(listed[next].FullName) < string(id) {
			add(false)
		}
		if next < len(listed) && ComponentKey(listed[next].FullName) == string(id) {
			add(true)
			continue
		}
		if err := t.writer.Put(ctx, vault.Row{ID: id, Tombstone: engine.HardDelete}); err != nil {
			return err
		}
	}
	for next < len(listed) {
		add(false)
	}
	return nil
}

// unchanged reports a component whose date says that the vault has it as it is.
func (t *typeReading) unchanged(c *engine.Component) bool {
	return !t.Sync && !t.mark.Stamp.IsZero() && t.mark.Fingerprint == metadataFormat &&
		len(t.typ.Parts) == 0 && !slices.Contains(undated, t.typ.Name) &&
		!c.ModifiedAt.IsZero() && c.ModifiedAt.Before(t.mark.Stamp.Add(-overlap))
}

// put stores a component. What is not given out of a package is stored by its
// name; anything else that is not stays as the vault has it, and is asked for again.
func (t *typeReading) put(ctx context.Context, c engine.RetrievedComponent) error {
	t.done++
	t.stored = ComponentKey(c.FullName)
	t.progress.Progress(t.done)
	if c.Problem != "" && c.ManageableState != "installed" {
		if t.token.Missing++; t.token.Missing <= namedProblems {
			t.Job.Log(engine.LogWarn, t.typ.Name, "%s %s is not stored: %s.", t.typ.Name, c.FullName, c.Problem)
		}
		t.example = c.FullName + ": " + c.Problem
		return nil
	}
	has, err := storeFiles(ctx, t.vault, t.OrgID, c.Files)
	if err != nil {
		return err
	}
	return t.writer.Put(ctx, componentRow(&c.Component, has))
}

// pause makes durable what is stored of a type that is not done.
func (p *typePart) pause(ctx context.Context) error {
	if len(p.todo) == 0 {
		return nil
	}
	return p.checkpoint(ctx)
}

func (t *typeReading) checkpoint(ctx context.Context) error {
	t.token.Position = []byte(t.stored)
	saved, err := json.Marshal(t.token)
	if err != nil {
		return engine.Wrap("encode a checkpoint", err)
	}
	return t.writer.Checkpoint(ctx, saved)
}

// finish says that the type is whole. A component that was not given out keeps
// the watermark where it was.
func (t *typeReading) finish(ctx context.Context) error {
	t.token.Position = nil
	if t.token.Missing > 0 {
		t.token.Began = t.mark.Stamp
	}
	last, err := json.Marshal(t.token)
	if err != nil {
		return engine.Wrap("encode a checkpoint", err)
	}
	counts, err := t.writer.Finish(ctx, last)
	if err != nil {
		return err
	}
	if t.listed > 0 || counts.Versions > 0 {
		t.Job.Log(engine.LogInfo, t.typ.Name, "Finished saving %s: %d added, %d changed, %d deleted, %d alive in the vault.",
			t.typ.Name, counts.Added, counts.Changed, counts.Deleted, counts.Live)
	}
	return t.tell(ctx, counts)
}

// tell writes the type's completeness line.
func (t *typeReading) tell(ctx context.Context, counts vault.ObjectCounts) error {
	return t.progress.Finish(ctx, job.ObjectCounts{
		Records: counts.Versions, Added: counts.Added, Changed: counts.Changed, Deleted: counts.Deleted, Bytes: counts.Bytes,
		Stored: counts.Live, Expected: &t.listed, Reason: t.reason(),
	})
}

func (t *typeReading) reason() string {
	var reasons []string
	if t.token.Missing > 0 {
		reason := fmt.Sprintf("%d components were not given out, and are asked for again next time.", t.token.Missing)
		if t.example != "" {
			reason += " One is " + t.example + "."
		}
		reasons = append(reasons, reason)
	}
	if t.managed > 0 {
		reasons = append(reasons, fmt.Sprintf("%d belong to managed packages: of these Salesforce may give out no more than the names.", t.managed))
	}
	return strings.Join(reasons, " ")
}
