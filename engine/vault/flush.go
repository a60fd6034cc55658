package vault

import (
	"context"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultrunobject"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

// stored is a segment whose blob is durable and that no manifest names yet.
type stored struct {
	id      string
	epoch   uint32
	level   int
	hash    []byte
	summary segment.Summary
	blobs   *blobs
}

// stands fails when the blob is not there any more, as a collection by a clock
// that is a day ahead takes it for an orphan.
func (s *stored) stands(ctx context.Context, orgID string) error {
	found, err := s.blobs.bucket.Exists(ctx, segmentKey(orgID, s.id))
	if err == nil && !found {
		err = &engine.Error{
			Kind: engine.KindTransient, Code: "VAULT_BLOB_GONE", Org: orgID,
			Message: "The blob of new segment " + s.id + " was deleted before the manifest named it; look whether a node's clock is ahead. Nothing is lost: it is written again.",
		}
	}
	return err
}

// createSegment begins a segment of an org under its newest key.
func (v *Vault) createSegment(ctx context.Context, orgID string, level int, size segment.Sizing) (*segmentFile, error) {
	epoch, key, err := v.keys.current(ctx, orgID)
	if err != nil {
		return nil, err
	}
	f := &segmentFile{stored: &stored{id: "seg_" + ulid.Make().String(), epoch: epoch, level: level, blobs: v.blobs}}
	if f.blob, err = v.blobs.create(ctx, segmentKey(orgID, f.id)); err != nil {
		return nil, err
	}
	f.w, err = segment.NewWriter(f.blob, segment.Creation{ID: f.id, Epoch: epoch, Key: key, Sizing: size, Workers: v.workers})
	if err != nil {
		f.blob.Abort()
		return nil, err
	}
	return f, nil
}

// close makes the segment's blob durable. A segment without rows leaves none.
func (f *segmentFile) close() (err error) {
	if f.summary, err = f.w.Close(); err != nil || len(f.summary.Sections) == 0 {
		f.blob.Abort()
		return err
	}
	f.hash = f.blob.hash.Sum(nil)
	return f.blob.Close()
}

// record names a stored segment in the manifest.
func (s *stored) record(ctx context.Context, tx *ent.Tx, ref orgRef, run string) error {
	if err := s.stands(ctx, ref.org); err != nil {
		return err
	}
	state := vaultsegment.StateLIVE
	if run != "" {
		state = vaultsegment.StateOPEN
	}
	err := tx.VaultSegment.Create().SetID(s.id).SetTenantID(ref.tenant).SetOrgID(ref.org).SetRunID(run).SetState(state).
		SetLevel(s.level).SetEpoch(s.epoch).SetSize(s.summary.Size).SetTrailer(s.summary.Trailer).SetHash(s.hash).Exec(ctx)
	if err != nil {
		return err
	}
	rows := make([]*ent.VaultSectionCreate, 0, len(s.summary.Sections))
	for _, sec := range s.summary.Sections {
		rows = append(rows, tx.VaultSection.Create().SetTenantID(ref.tenant).SetSegmentID(s.id).SetOrgID(ref.org).SetObject(sec.Object).
			SetRows(sec.Rows).SetMinID(sec.MinID).SetMaxID(sec.MaxID).SetMinSeq(sec.MinSeq).SetMaxSeq(sec.MaxSeq))
	}
	return tx.VaultSection.CreateBulk(rows...).Exec(ctx)
}

// bytesOf is what an object takes in the segment.
func (s *stored) bytesOf(object string) int64 {
	if s == nil {
		return 0
	}
	for _, sec := range s.summary.Sections {
		if sec.Object == object {
			return sec.Bytes
		}
	}
	return 0
}

// take gives the next sequence to a flush. r.mu is held.
func (r *Run) take() uint64 {
	r.seq++
	return r.seq
}

// flush makes the writer's rows durable; with the token, if there is one.
func (w *Writer) flush(ctx context.Context, token *[]byte) error {
	if w.done {
		return w.refuse("VAULT_OBJECT_TAKEN", "%s is finished: it takes no more rows.", w.schema.Object)
	}
	if err := w.flushRows(ctx, token); err != nil {
		return fault("write "+w.schema.Object, w.run.row.OrgID, err)
	}
	w.arena.reset()
	return nil
}

func (w *Writer) flushRows(ctx context.Context, token *[]byte) error {
	counts, err := w.decide(ctx)
	if err != nil {
		return err
	}
	r := w.run
	r.mu.Lock()
	seq := r.take()
	r.mu.Unlock()
	s, err := r.store(ctx, seq, w)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	after := *w.object
	counts.Bytes = s.bytesOf(w.schema.Object)
	after.counts.add(counts)
	if token != nil {
		after.checkpoint = slices.Clone(*token)
	}
	if err := r.persist(ctx, s, map[string]*runObject{w.schema.Object: &after}); err != nil {
		return err
	}
	w.object.counts, w.object.checkpoint = after.counts, after.checkpoint
	return nil
}

// store writes the writers' rows as one segment, a base one for objects that
// the vault has not seen before; nil when there are none.
func (r *Run) store(ctx context.Context, seq uint64, writers ...*Writer) (*stored, error) {
	if !slices.ContainsFunc(writers, func(w *Writer) bool { return len(w.arena.entries) > 0 }) {
		return nil, nil
	}
	level := baseLevel
	for _, w := range writers {
		if !w.first {
			level = 0
		}
	}
	f, err := r.v.createSegment(ctx, r.row.OrgID, level, segment.Young)
	if err != nil {
		return nil, err
	}
	for _, w := range writers {
		if err := w.fill(f.w, seq); err != nil {
			f.blob.Abort()
			return nil, err
		}
	}
	return f.stored, f.close()
}

// fill adds the writer's rows as a section, block by block.
func (w *Writer) fill(sw *segment.Writer, seq uint64) error {
	if err := sw.Begin(w.schema.Object, w.schema.Fields); err != nil {
		return err
	}
	for rows := w.arena.entries; len(rows) > 0; {
		n, size := 0, 0
		for n < min(len(rows), segment.MaxBlockRows) && size < segment.Young.Block {
			size += len(rows[n].row)
			n++
		}
		block := rows[:n]
		err := sw.AddBlock(n, func(i int, r *segment.Row) {
			e := &block[i]
			r.ID, r.Seq, r.Op, r.Modstamp, r.Cells = e.id(), seq, e.op, e.modstamp(), e.cells(r.Cells[:0])
		})
		if err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// flushBundle makes the finished objects durable in one segment. r.mu is held.
func (r *Run) flushBundle(ctx context.Context) error {
	if len(r.bundle) == 0 {
		return nil
	}
	slices.SortFunc(r.bundle, func(a, b *Writer) int { return strings.Compare(a.schema.Object, b.schema.Object) })
	seq := r.take()
	s, err := r.store(ctx, seq, r.bundle...)
	if err != nil {
		return err
	}
	changed := map[string]*runObject{}
	for _, w := range r.bundle {
		after := *w.object
		after.counts.Bytes += s.bytesOf(w.schema.Object)
		changed[w.schema.Object] = &after
	}
	if err := r.persist(ctx, s, changed); err != nil {
		return err
	}
	for _, w := range r.bundle {
		w.object.counts = changed[w.schema.Object].counts
		w.arena = arena{}
	}
	r.bundle, r.pending = nil, 0
	return nil
}

// persist records a segment, if any, and what it means for its objects, in one
// transaction. r.mu is held.
func (r *Run) persist(ctx context.Context, s *stored, objects map[string]*runObject) error {
	return r.v.change(ctx, r.row.OrgID, func(tx *ent.Tx) error {
		if err := r.fence(ctx, tx, func(u *ent.VaultRunUpdate) { u.SetLastSeq(r.seq) }); err != nil {
			return err
		}
		if s != nil {
			if err := s.record(ctx, tx, r.ref, r.row.ID); err != nil {
				return err
			}
		}
		for name, o := range objects {
			if err := r.saveObject(ctx, tx, name, o); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *Run) saveObject(ctx context.Context, tx *ent.Tx, name string, o *runObject) error {
	n, err := tx.VaultRunObject.Update().Where(vaultrunobject.RunID(r.row.ID), vaultrunobject.Name(name)).
		SetCheckpoint(o.checkpoint).SetFinished(o.finished).SetAdded(o.counts.Added).SetChanged(o.counts.Changed).
		SetDeleted(o.counts.Deleted).SetBytes(o.counts.Bytes).SetLive(o.counts.Live).Save(ctx)
	if err != nil || n > 0 {
		return err
	}
	return tx.VaultRunObject.Create().SetTenantID(r.ref.tenant).SetRunID(r.row.ID).SetName(name).
		SetCheckpoint(o.checkpoint).SetFinished(o.finished).SetAdded(o.counts.Added).SetChanged(o.counts.Changed).
		SetDeleted(o.counts.Deleted).SetBytes(o.counts.Bytes).SetLive(o.counts.Live).Exec(ctx)
}
