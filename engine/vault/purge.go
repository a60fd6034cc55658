package vault

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultobject"
	"github.com/holdfast-backup/holdfast/ent/vaultpurged"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
)

// PurgeSpec names records to forget in every version.
type PurgeSpec struct {
	OrgID   string
	JobID   string
	Object  string
	Records []string
}

// PurgeReport is what a purge did. Missing counts ids that the vault did not
// have; they are kept from being stored all the same.
type PurgeReport struct {
	Records, Missing, Versions int64
	Segments                   int // rewritten
	Blocks                     int // of those, re-encoded
}

// Purge forgets records: their versions go from every segment, their ids into
// the suppression list as keyed hashes, and the old blobs, with the content of
// files that only they named, are deleted as soon
// as no read of this process may want them. A read on another node that meets a
// deleted blob fails with KindTransient. While a run is open it is KindConflict.
func (v *Vault) Purge(ctx context.Context, spec PurgeSpec) (PurgeReport, error) {
	p := &purge{rewriting: v.rewritingOf(spec.OrgID), spec: spec}
	for _, id := range spec.Records {
		p.ids = append(p.ids, []byte(id))
	}
	slices.SortFunc(p.ids, bytes.Compare)
	p.ids = slices.CompactFunc(p.ids, bytes.Equal)
	p.live = make([]bool, len(p.ids))
	p.seqs = make([]uint64, len(p.ids))
	if err := p.run(ctx); err != nil {
		return p.report, fault("purge "+spec.Object, spec.OrgID, err)
	}
	return p.report, nil
}

type purge struct {
	rewriting
	spec   PurgeSpec
	ids    [][]byte // ascending
	seqs   []uint64 // of the newest version of each; 0 when there is none
	live   []bool
	report PurgeReport
}

func (p *purge) run(ctx context.Context) (err error) {
	if _, _, err := p.v.keys.current(ctx, p.spec.OrgID); err != nil {
		return err
	}
	end := p.v.drain.begin(p.spec.OrgID)
	defer func() {
		if end != nil {
			end()
		}
	}()
	if err := p.rewriteAll(ctx); err != nil {
		p.abandon(ctx)
		return err
	}
	p.report.Segments, p.report.Blocks = len(p.old), p.blocks
	p.count()
	if err := p.commit(ctx); err != nil {
		p.abandon(ctx)
		return err
	}
	end()
	end = nil
	if err := p.v.drain.wait(ctx, p.spec.OrgID); err != nil {
		return err
	}
	if err := p.v.scrub(ctx, p.spec.OrgID, p.spec.Object); err != nil {
		return err
	}
	if err := p.v.sweepPurged(ctx, p.spec.OrgID, p.files); err != nil {
		return err
	}
	if err := p.v.replaceCopies(ctx, p.spec.OrgID); err != nil {
		return err
	}
	return p.prove(ctx)
}

func (p *purge) rewriteAll(ctx context.Context) error {
	sections, err := p.v.querySections(ctx, p.spec.OrgID, p.spec.Object, "")
	if err != nil {
		return err
	}
	for _, s := range sections {
		r, err := p.v.reader(ctx, s.segment)
		if err != nil {
			return err
		}
		sec, _ := r.Section(s.Object)
		hits := p.hits(r, sec)
		if len(hits) == 0 {
			continue
		}
		found, err := p.find(ctx, r, sec, hits)
		if err != nil || len(found) == 0 {
			if err != nil {
				return err
			}
			continue
		}
		if _, err = p.rewrite(ctx, s.segment, r, found); err != nil {
			return err
		}
	}
	return nil
}

// hits are the blocks that an id may stand in, by the bloom and the index.
func (p *purge) hits(r *segment.Reader, s *segment.Section) map[int]bool {
	blocks := map[int]bool{}
	for _, id := range p.ids {
		if !r.MayHold(s, id) {
			continue
		}
		for n := r.Seek(s, id); n < s.First+s.Blocks; n++ {
			if first, _ := r.BlockIDs(n); bytes.Compare(first, id) > 0 {
				break
			}
			blocks[n] = true
		}
	}
	return blocks
}

// find marks the rows that hold an id, and notes each id's newest version.
func (p *purge) find(ctx context.Context, r *segment.Reader, s *segment.Section, blocks map[int]bool) (marks, error) {
	found := marks{}
	c := r.Cursor(s.First, s.First+s.Blocks, 0)
	order := make([]int, 0, len(blocks))
	for n := range blocks {
		order = append(order, n)
	}
	slices.Sort(order)
	for _, n := range order {
		c.SkipTo(n)
		if _, err := c.Next(ctx); err != nil {
			return nil, err
		}
		for row := range c.Len() {
			i, ok := slices.BinarySearchFunc(p.ids, c.ID(row), bytes.Compare)
			if !ok {
				continue
			}
			found.add(n, row)
			p.report.Versions++
			if seq := c.Seq(row); seq > p.seqs[i] {
				p.seqs[i], p.live[i] = seq, c.Op(row).Live()
			}
		}
	}
	return found, nil
}

func (p *purge) count() {
	for i := range p.ids {
		if p.seqs[i] == 0 {
			p.report.Missing++
		} else {
			p.report.Records++
		}
	}
}

func (p *purge) gone() (live int64) {
	for _, l := range p.live {
		if l {
			live++
		}
	}
	return live
}

// commit swaps the segments, fills the suppression list and corrects the
// counts in one transaction.
func (p *purge) commit(ctx context.Context) error {
	ref, err := refOf(ctx, p.spec.OrgID)
	if err != nil {
		return err
	}
	mac, err := p.v.keys.hash(ctx, p.spec.OrgID, idHashPurpose+p.spec.Object)
	if err != nil {
		return err
	}
	return p.v.change(ctx, p.spec.OrgID, func(tx *ent.Tx) error {
		busy, err := tx.VaultRun.Query().Where(vaultrun.OrgID(ref.org), vaultrun.StateEQ(vaultrun.StateOPEN)).Exist(ctx)
		if err == nil {
			err = p.replace(ctx, tx, ref)
		}
		if err == nil && busy || err == errOvertaken { //nolint:errorlint // our own, never wrapped
			err = p.busy()
		}
		if err != nil {
			return err
		}
		for _, id := range p.ids {
			err := tx.VaultPurged.Create().SetTenantID(ref.tenant).SetOrgID(ref.org).SetObject(p.spec.Object).SetHash(hashOf(mac, id)).SetJobID(p.spec.JobID).
				OnConflictColumns(vaultpurged.FieldOrgID, vaultpurged.FieldObject, vaultpurged.FieldHash).Ignore().Exec(ctx)
			if err != nil {
				return err
			}
		}
		return tx.VaultObject.Update().Where(vaultobject.OrgID(ref.org), vaultobject.Name(p.spec.Object)).
			AddLive(-p.gone()).AddVersions(-p.report.Versions).Exec(ctx)
	})
}

func (p *purge) busy() error {
	return &engine.Error{
		Kind: engine.KindConflict, Code: "VAULT_BUSY", Org: p.spec.OrgID, Object: p.spec.Object,
		Message: "The org's vault is being written: purge again when its backup or compaction has ended. Nothing was purged.",
	}
}

// prove looks every id up again.
func (p *purge) prove(ctx context.Context) error {
	sections, err := p.v.querySections(ctx, p.spec.OrgID, p.spec.Object, "")
	if err != nil {
		return err
	}
	find := p.v.newFinder(Schema{Object: p.spec.Object}, sections)
	for _, id := range p.ids {
		found, err := find.newest(ctx, id)
		if err != nil {
			return err
		}
		if found.found() {
			return &engine.Error{
				Kind: engine.KindInternal, Code: "PURGE_INCOMPLETE", Org: p.spec.OrgID, Object: p.spec.Object,
				Message: fmt.Sprintf("A purged record of %s is still in segment %s: run the purge again and report this.", p.spec.Object, found.p.segment.ID),
			}
		}
	}
	return nil
}
