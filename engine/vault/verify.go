package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultfile"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

// Problem is something that does not verify: which blob, and where in it.
// First and Last are the ids of the records that may be affected, where known.
type Problem struct {
	Blob        string
	Object      string
	Block       int // -1 when it is not about one block
	First, Last string
	Text        string
}

// String is one line.
func (p Problem) String() string {
	if p.Block < 0 {
		return p.Blob + ": " + p.Text
	}
	return fmt.Sprintf("%s: block %d of %s, records %s to %s: %s", p.Blob, p.Block, p.Object, p.First, p.Last, p.Text)
}

// VerifyReport is what Verify read and found.
type VerifyReport struct {
	Segments, Files  int
	Blocks, Versions int64
	Bytes            int64
	Problems         []Problem
}

// Verify reads an org's whole vault again: every blob against its hash, every
// seal, every value, every count and bloom against what the manifest says. What
// is wrong is in the report; an error means that it could not be read at all.
func (v *Vault) Verify(ctx context.Context, orgID string) (VerifyReport, error) {
	defer v.drain.begin(orgID)()
	k := &verifier{v: v, ctx: ctx}
	if err := k.run(orgID); err != nil {
		return k.report, fault("verify", orgID, err)
	}
	return k.report, nil
}

type verifier struct {
	v      *Vault
	ctx    context.Context //nolint:containedctx // lives as long as one Verify
	report VerifyReport
}

func (k *verifier) run(orgID string) error {
	if _, err := tenantOf(k.ctx); err != nil {
		return err
	}
	segments, err := k.v.db.VaultSegment.Query().Where(vaultsegment.OrgID(orgID), vaultsegment.StateNEQ(vaultsegment.StateDEAD)).
		WithSections().Order(ent.Asc(vaultsegment.FieldID)).All(k.ctx)
	if err != nil {
		return err
	}
	for _, s := range segments {
		k.segment(s)
		if k.ctx.Err() != nil {
			return k.ctx.Err()
		}
	}
	files, err := k.v.db.VaultFile.Query().Where(vaultfile.OrgID(orgID)).All(k.ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := k.file(f); err != nil {
			k.note(f.ID, err)
		}
		k.report.Files++
	}
	if err := k.named(orgID); err != nil {
		k.note("files", err)
	}
	return k.ctx.Err()
}

// named checks that every file that a version names is there; whether it can
// be read was seen before.
func (k *verifier) named(orgID string) error {
	asked := map[string]string{} // by hash, the SObject
	check := func() error {
		known, err := k.v.db.VaultFile.Query().Where(vaultfile.OrgID(orgID), vaultfile.HashIn(slices.Collect(maps.Keys(asked))...)).Select(vaultfile.FieldHash).Strings(k.ctx)
		for _, hash := range known {
			delete(asked, hash)
		}
		for hash, object := range asked {
			k.report.Problems = append(k.report.Problems, Problem{Blob: "file " + hash, Object: object, Block: -1, Text: "a version of " + object + " names it, but it is not there"})
		}
		clear(asked)
		return err
	}
	err := k.v.named(k.ctx, orgID, func(object string, ref FileRef) error {
		if asked[ref.Hash] = object; len(asked) < 500 {
			return nil
		}
		return check()
	})
	return errors.Join(err, check())
}

// note adds a problem, with the place that err names.
func (k *verifier) note(blob string, err error) {
	p := Problem{Blob: blob, Block: -1, Text: err.Error()}
	var damage *segment.Error
	if errors.As(err, &damage) {
		p.Text = damage.Part + ": " + damage.Err.Error()
		if damage.Part == "block" {
			p.Block, p.Object, p.First, p.Last = damage.Block, damage.Object, string(damage.First), string(damage.Last)
		}
	}
	k.report.Problems = append(k.report.Problems, p)
}

func (k *verifier) segment(s *ent.VaultSegment) {
	k.report.Segments++
	k.report.Bytes += s.Size
	if err := k.blob(s); err != nil {
		k.note(s.ID, err)
	}
	r, err := segment.Open(k.ctx, blobSource{b: k.v.blobs, key: segmentKey(s.OrgID, s.ID)}, segment.Opening{
		ID: s.ID, Size: s.Size, Trailer: s.Trailer,
		Key: func(epoch uint32) ([]byte, error) { return k.v.keys.key(k.ctx, s.OrgID, epoch) },
	})
	if err == nil {
		err = r.VerifyHeader(k.ctx)
	}
	if err != nil {
		k.note(s.ID, err)
		return
	}
	if len(r.Sections()) != len(s.Edges.Sections) {
		k.note(s.ID, fmt.Errorf("it holds %d SObjects, the manifest says %d", len(r.Sections()), len(s.Edges.Sections)))
	}
	for _, row := range s.Edges.Sections {
		k.section(r, row)
	}
}

// blob compares length and hash.
func (k *verifier) blob(s *ent.VaultSegment) error {
	r, err := k.v.blobs.bucket.NewReader(k.ctx, segmentKey(s.OrgID, s.ID), nil)
	if err != nil {
		return fmt.Errorf("the blob is missing or cannot be read: %w", err)
	}
	defer func() { _ = r.Close() }()
	h := sha256.New()
	n, err := io.Copy(h, r)
	switch {
	case err != nil:
		return err
	case n != s.Size:
		return fmt.Errorf("it is %d bytes long, the manifest says %d", n, s.Size)
	case !bytes.Equal(h.Sum(nil), s.Hash):
		return errors.New("its hash is not the one in the manifest")
	}
	return nil
}

func (k *verifier) section(r *segment.Reader, row *ent.VaultSection) {
	s, ok := r.Section(row.Object)
	if !ok {
		k.note(r.ID(), fmt.Errorf("the manifest says it holds %s; it does not", row.Object))
		return
	}
	if s.Rows != row.Rows || s.MinSeq != row.MinSeq || s.MaxSeq != row.MaxSeq {
		k.note(r.ID(), fmt.Errorf("%s: its index says %d versions (%d–%d), the manifest %d (%d–%d)", row.Object, s.Rows, s.MinSeq, s.MaxSeq, row.Rows, row.MinSeq, row.MaxSeq))
	}
	check := sectionCheck{r: r, s: s, row: row}
	for n := s.First; n < s.First+s.Blocks; n++ {
		if err := check.block(k.ctx, n); err != nil {
			k.note(r.ID(), err)
		}
		k.report.Blocks++
	}
	k.report.Versions += s.Rows
}

// sectionCheck walks a section's blocks, one cursor each, so that a damaged
// one does not hide the next.
type sectionCheck struct {
	r       *segment.Reader
	s       *segment.Section
	row     *ent.VaultSection
	lastID  []byte
	lastSeq uint64
}

func (c *sectionCheck) block(ctx context.Context, n int) error {
	cur := c.r.Cursor(n, n+1, 0)
	if _, err := cur.Next(ctx); err != nil {
		return err
	}
	if err := cur.LoadAll(); err != nil {
		return err
	}
	first, last := c.r.BlockIDs(n)
	if !bytes.Equal(cur.ID(0), first) || !bytes.Equal(cur.ID(cur.Len()-1), last) {
		return fmt.Errorf("block %d of %s: its ids are not those in the index", n, c.s.Object)
	}
	for i := range cur.Len() {
		if err := c.version(cur.ID(i), cur.Seq(i)); err != nil {
			return fmt.Errorf("block %d of %s: %w", n, c.s.Object, err)
		}
	}
	return nil
}

func (c *sectionCheck) version(id []byte, seq uint64) error {
	order := bytes.Compare(c.lastID, id)
	switch {
	case order > 0 || (order == 0 && c.lastSeq >= seq):
		return fmt.Errorf("record %s is not in order", id)
	case seq < c.s.MinSeq || seq > c.s.MaxSeq || bytes.Compare(id, c.row.MinID) < 0 || bytes.Compare(id, c.row.MaxID) > 0:
		return fmt.Errorf("record %s at %d is outside what the manifest says", id, seq)
	case order < 0 && !c.r.MayHold(c.s, id):
		return fmt.Errorf("the bloom denies record %s", id)
	}
	c.lastID, c.lastSeq = append(c.lastID[:0], id...), seq
	return nil
}

func (k *verifier) file(row *ent.VaultFile) error {
	f, err := k.v.openFile(k.ctx, row)
	if err != nil {
		return err
	}
	mac, err := k.v.keys.hash(k.ctx, row.OrgID, macFiles)
	if err != nil {
		return err
	}
	n, err := io.Copy(mac, f)
	k.report.Bytes += n
	switch {
	case err != nil:
		return err
	case n != row.Size || hex.EncodeToString(mac.Sum(nil)) != row.Hash:
		return errors.New("its content is not what its hash says")
	}
	return nil
}
