package capture

import (
	"context"
	"errors"
	"iter"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// reconcile compares the ids of the org's live records with the vault's as of
// the last finished run. Complete says that what this attempt has read already
// is all that lives; otherwise the org is asked for its ids.
func (r *reading) reconcile(ctx context.Context, writer *vault.Writer, complete bool) (err error) {
	org := r.seen
	if !complete {
		org = &idSet{}
		defer func() { err = errors.Join(err, org.Close()) }()
		if err := r.inventory(ctx, org); err != nil {
			return err
		}
	}
	sorted := differences{reading: r, ctx: ctx, writer: writer}
	c := comparison{org: org.Sorted(), vault: texts(r.vault.LiveIDs(ctx, vault.Point{OrgID: r.OrgID}, r.Name)), complete: complete, seen: none}
	if !complete {
		c.seen = r.seen.Sorted()
	}
	if err := c.run(&sorted); err != nil {
		return err
	}
	r.Job.Log(engine.LogInfo, r.Name, "Compared %s with the vault: %d records live in the org, %d were deleted for good, %d had been missed.",
		r.Name, sorted.alive, sorted.hard, sorted.missed)
	return nil
}

// inventory asks the org for the id of every live record.
func (r *reading) inventory(ctx context.Context, into *idSet) error {
	request := engine.ReadRequest{Object: *r.object, Fields: []string{"Id"}, Expect: -1}
	if describe.KeepsDeleted(r.object) {
		request.Where = "IsDeleted = false"
	}
	if r.Expected != nil {
		request.Expect = *r.Expected
	}
	var failed error
	err := readIDs(ctx, r.Org, request, func(id string, _ error) bool {
		failed = into.Add([]byte(id))
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// differences are settled a page at a time: the org is asked for each record by
// its id, because what lives may have changed since the inventory was taken.
type differences struct {
	*reading
	ctx     context.Context //nolint:containedctx // it lives for one comparison
	writer  *vault.Writer
	missing []string // in the vault, not in the org's inventory
	extra   []string // the other way round

	alive, hard, missed int64
}

func (d *differences) gone(id string) error {
	if d.missing = append(d.missing, id); len(d.missing) < idsAtOnce {
		return nil
	}
	return d.settleMissing()
}

func (d *differences) unknown(id string) error {
	if d.extra = append(d.extra, id); len(d.extra) < idsAtOnce {
		return nil
	}
	return d.settleExtra()
}

// settleMissing marks what the org does not have, not even in its Recycle Bin.
func (d *differences) settleMissing() error {
	if len(d.missing) == 0 {
		return nil
	}
	found, err := d.copyIDs(d.ctx, d.missing, "", d.writer)
	if err != nil {
		return err
	}
	for _, id := range d.missing {
		if found[id] {
			continue
		}
		d.hard++
		if err := d.writer.Put(d.ctx, vault.Row{ID: []byte(id), Tombstone: engine.HardDelete}); err != nil {
			return err
		}
	}
	d.missing = d.missing[:0]
	return nil
}

// settleExtra reads what the vault should have had.
func (d *differences) settleExtra() error {
	if len(d.extra) == 0 {
		return nil
	}
	found, err := d.copyIDs(d.ctx, d.extra, "", d.writer)
	d.missed += int64(len(found))
	d.extra = d.extra[:0]
	return err
}

// comparison walks three ascending streams of ids side by side. Seen is what
// the vault will have after this run anyway.
type comparison struct {
	org, vault, seen iter.Seq2[string, error]
	complete         bool // seen is the same as org
}

func (c comparison) run(d *differences) error {
	streams := make([]*stream, 3)
	for i, ids := range []iter.Seq2[string, error]{c.org, c.vault, c.seen} {
		next, stop := iter.Pull2(ids)
		defer stop()
		streams[i] = &stream{next: next}
		streams[i].step()
	}
	org, stored, seen := streams[0], streams[1], streams[2]
	for org.ok || stored.ok {
		err := errors.Join(org.err, stored.err, seen.err)
		switch {
		case err != nil:
		case !org.ok || stored.ok && stored.id < org.id:
			err = d.gone(stored.id)
			stored.step()
		default:
			d.alive++
			seen.reach(org.id)
			if !c.complete && !stored.at(org.id) && !seen.at(org.id) {
				err = d.unknown(org.id)
			}
			if stored.at(org.id) {
				stored.step()
			}
			org.step()
		}
		if err != nil {
			return err
		}
	}
	if err := errors.Join(org.err, stored.err, seen.err); err != nil {
		return err
	}
	return errors.Join(d.settleMissing(), d.settleExtra())
}

// stream is one of them, at its head.
type stream struct {
	next func() (string, error, bool)
	id   string
	ok   bool
	err  error
}

func (s *stream) step() { s.id, s.err, s.ok = s.next() }

func (s *stream) at(id string) bool { return s.ok && s.id == id }

// reach steps over what is less than id.
func (s *stream) reach(id string) {
	for s.ok && s.err == nil && s.id < id {
		s.step()
	}
}

// texts are a stream's ids as strings.
func texts(ids iter.Seq2[[]byte, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for id, err := range ids {
			if !yield(string(id), err) {
				return
			}
		}
	}
}

func none(func(string, error) bool) {}
