package vault

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaulthead"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
	"github.com/holdfast-backup/holdfast/ent/vaultsection"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

// change runs do in one transaction that also raises the org's generation. The
// head's row is locked first, so an org's manifest changes one at a time.
func (v *Vault) change(ctx context.Context, orgID string, do func(tx *ent.Tx) error) error {
	tx, err := v.db.Tx(ctx)
	if err != nil {
		return err
	}
	if err = v.raise(ctx, tx, orgID); err == nil {
		err = do(tx)
	}
	if err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// raise locks the head. On SQLite it also sees to it that what the transaction
// deletes is overwritten.
func (v *Vault) raise(ctx context.Context, tx *ent.Tx, orgID string) error {
	kind := ""
	n, err := tx.VaultHead.Update().
		Where(vaulthead.OrgID(orgID), func(s *sql.Selector) { kind = s.Dialect() }).AddGeneration(1).Save(ctx)
	if err != nil {
		return err
	}
	if kind == dialect.SQLite {
		if _, err := tx.ExecContext(ctx, "PRAGMA secure_delete=ON"); err != nil {
			return err
		}
	}
	if n > 0 {
		return nil
	}
	tenant, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	return tx.VaultHead.Create().SetTenantID(tenant).SetOrgID(orgID).Exec(ctx)
}

// generation is 0 for an org without a vault, or of another tenant.
func (v *Vault) generation(ctx context.Context, orgID string) (int64, error) {
	if _, err := tenantOf(ctx); err != nil {
		return 0, err
	}
	head, err := v.db.VaultHead.Query().Where(vaulthead.OrgID(orgID)).Only(ctx)
	if ent.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return head.Generation, nil
}

// section is an SObject's part of one segment, as the manifest knows it.
type section struct {
	segment *ent.VaultSegment
	*ent.VaultSection
}

func (s *section) overlaps(id []byte) bool {
	return bytes.Compare(s.MinID, id) <= 0 && bytes.Compare(id, s.MaxID) <= 0
}

// view is what one generation of an org's manifest says; it never changes.
type view struct {
	org        string
	generation int64
	runs       []*ent.VaultRun // closed, by sequence
	mu         sync.Mutex
	objects    map[string][]section // live, by least id; loaded as they are asked for
}

// views keeps the newest view of each org.
type views struct {
	mu  sync.Mutex
	all map[orgRef]*view
}

// view returns the org's present manifest.
func (v *Vault) view(ctx context.Context, orgID string) (*view, error) {
	ref, err := refOf(ctx, orgID)
	if err != nil {
		return nil, err
	}
	generation, err := v.generation(ctx, orgID)
	if err != nil {
		return nil, err
	}
	v.views.mu.Lock()
	known := v.views.all[ref]
	v.views.mu.Unlock()
	if known != nil && known.generation == generation {
		return known, nil
	}
	fresh := &view{org: orgID, generation: generation, objects: map[string][]section{}}
	fresh.runs, err = v.db.VaultRun.Query().
		Where(vaultrun.OrgID(orgID), vaultrun.StateNEQ(vaultrun.StateOPEN)).Order(ent.Asc(vaultrun.FieldLastSeq, vaultrun.FieldClosedAt)).All(ctx)
	if err != nil {
		return nil, err
	}
	v.views.mu.Lock()
	v.views.all[ref] = fresh
	v.views.mu.Unlock()
	return fresh, nil
}

// sections of an object that readers see.
func (v *Vault) sections(ctx context.Context, vw *view, object string) ([]section, error) {
	vw.mu.Lock()
	defer vw.mu.Unlock()
	if s, ok := vw.objects[object]; ok {
		return s, nil
	}
	s, err := v.querySections(ctx, vw.org, object, "")
	if err == nil {
		vw.objects[object] = s
	}
	return s, err
}

// querySections finds the live sections of an object and those of an open run.
func (v *Vault) querySections(ctx context.Context, orgID, object, openRun string) ([]section, error) {
	readable := vaultsegment.StateEQ(vaultsegment.StateLIVE)
	if openRun != "" {
		readable = vaultsegment.Or(readable, vaultsegment.And(vaultsegment.StateEQ(vaultsegment.StateOPEN), vaultsegment.RunID(openRun)))
	}
	rows, err := v.db.VaultSection.Query().
		Where(vaultsection.OrgID(orgID), vaultsection.Object(object), vaultsection.HasSegmentWith(readable)).
		WithSegment().All(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]section, 0, len(rows))
	for _, row := range rows {
		all = append(all, section{row.Edges.Segment, row})
	}
	slices.SortFunc(all, func(a, b section) int { return bytes.Compare(a.MinID, b.MinID) })
	return all, nil
}

// reader opens a segment, or returns it from memory.
func (v *Vault) reader(ctx context.Context, s *ent.VaultSegment) (*segment.Reader, error) {
	if r := v.cache.get(s.ID); r != nil {
		return r, nil
	}
	src := blobSource{b: v.blobs, key: segmentKey(s.OrgID, s.ID)}
	r, err := segment.Open(ctx, src, segment.Opening{
		ID: s.ID, Size: s.Size, Trailer: s.Trailer,
		Key: func(epoch uint32) ([]byte, error) { return v.keys.key(ctx, s.OrgID, epoch) },
	})
	if err != nil {
		return nil, err
	}
	v.cache.put(r)
	return r, nil
}

// Point names a moment of an org's vault: the end of a job's run, the last run
// closed at or before a time, or a sequence; with none of them, the present.
type Point struct {
	OrgID string
	JobID string
	Time  time.Time
	Seq   uint64
}

// present says that the point is the newest one, which is never dropped.
func (p Point) present() bool { return p.JobID == "" && p.Time.IsZero() && p.Seq == 0 }

// seq resolves a point to the last sequence it includes. KindNotFound, code
// POINT_DROPPED, for one that retention has dropped.
func (vw *view) seq(p Point) (uint64, error) {
	switch {
	case p.JobID != "":
		for _, r := range slices.Backward(vw.runs) {
			if r.JobID == p.JobID {
				return r.LastSeq, vw.stands(r)
			}
		}
		return 0, &engine.Error{
			Kind: engine.KindNotFound, Code: "BACKUP_NOT_FOUND", Org: p.OrgID,
			Message: "That job has stored nothing to read back: choose a finished backup of this org.",
		}
	case !p.Time.IsZero():
		var last *ent.VaultRun
		for _, r := range vw.runs {
			if !r.ClosedAt.After(p.Time) {
				last = r
			}
		}
		if last == nil {
			return 0, nil
		}
		return last.LastSeq, vw.stands(last)
	case p.Seq != 0:
		return p.Seq, vw.within(p.Seq)
	case len(vw.runs) == 0:
		return 0, nil
	}
	return vw.runs[len(vw.runs)-1].LastSeq, nil
}

// within fails for a sequence that is not the end of a run that is kept, once
// anything was dropped: versions that only it shows may be gone.
func (vw *view) within(seq uint64) error {
	var dropped *ent.VaultRun
	for _, r := range vw.runs {
		switch {
		case r.DroppedAt != nil:
			dropped = r
		case r.LastSeq == seq:
			return nil
		}
	}
	if dropped == nil || seq > vw.runs[len(vw.runs)-1].LastSeq {
		return nil
	}
	if r := vw.run(seq); r != nil {
		dropped = r
	}
	return vw.dropped(dropped)
}

func (vw *view) stands(r *ent.VaultRun) error {
	if r.DroppedAt == nil {
		return nil
	}
	return vw.dropped(r)
}

// dropped says that a point is not kept, and which ones near it are.
func (vw *view) dropped(r *ent.VaultRun) error {
	const form = "2006-01-02 15:04:05 MST"
	var before, after *ent.VaultRun
	for _, o := range vw.runs {
		switch {
		case o.DroppedAt != nil:
		case o.LastSeq <= r.LastSeq:
			before = o
		case after == nil:
			after = o
		}
	}
	near := ""
	for _, o := range []*ent.VaultRun{before, after} {
		if o != nil && near != "" {
			near += " and "
		}
		if o != nil {
			near += o.ClosedAt.UTC().Format(form)
		}
	}
	return &engine.Error{
		Kind: engine.KindNotFound, Code: "POINT_DROPPED", Org: vw.org,
		Message: fmt.Sprintf("The backup of %s is not kept any more: this org's retention has dropped it. The nearest that are kept: %s.", r.ClosedAt.UTC().Format(form), near),
	}
}

// run finds the run that took a sequence.
func (vw *view) run(seq uint64) *ent.VaultRun {
	i := sort.Search(len(vw.runs), func(i int) bool { return vw.runs[i].LastSeq >= seq })
	if i < len(vw.runs) && vw.runs[i].FirstSeq <= seq {
		return vw.runs[i]
	}
	return nil
}
