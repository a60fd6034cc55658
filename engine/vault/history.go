package vault

import (
	"bytes"
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

// History returns every version of a record, the oldest first; none when the
// vault has not seen it.
func (v *Vault) History(ctx context.Context, orgID, object, recordID string) ([]Version, error) {
	defer v.drain.begin(orgID)()
	vw, err := v.view(ctx, orgID)
	if err != nil {
		return nil, fault("read history", orgID, err)
	}
	versions, err := v.history(ctx, vw, object, []byte(recordID))
	return versions, v.readFault(ctx, "read history", orgID, err)
}

// Version returns one version by its ID.
func (v *Vault) Version(ctx context.Context, orgID, versionID string) (Version, error) {
	object, record, seq, ok := parseVersionID(versionID)
	if ok {
		versions, err := v.History(ctx, orgID, object, string(record))
		if err != nil {
			return Version{}, err
		}
		for i := range versions {
			if versions[i].Seq == seq {
				return versions[i], nil
			}
		}
		vw, err := v.view(ctx, orgID)
		if err != nil {
			return Version{}, fault("read history", orgID, err)
		}
		if r := vw.run(seq); r != nil && r.DroppedAt != nil {
			return Version{}, &engine.Error{
				Kind: engine.KindNotFound, Code: "VERSION_DROPPED", Org: orgID,
				Message: "This version is not kept any more: this org's retention has dropped its backup. Take one that the record's history still has.",
			}
		}
	}
	return Version{}, &engine.Error{
		Kind: engine.KindNotFound, Code: "VERSION_NOT_FOUND", Org: orgID,
		Message: "There is no such version: take its id from the record's history.",
	}
}

func (v *Vault) history(ctx context.Context, vw *view, object string, id []byte) ([]Version, error) {
	all, err := v.sections(ctx, vw, object)
	if err != nil {
		return nil, err
	}
	sections, err := v.holding(ctx, all, id)
	if err != nil || len(sections) == 0 {
		return nil, err
	}
	found := make([][]Version, len(sections))
	fields := unionFields(sections)
	read := func(ctx context.Context, i int) (err error) {
		found[i], err = sections[i].versions(ctx, id, fields)
		return err
	}
	if len(sections) == 1 {
		err = read(ctx, 0)
	} else {
		group, ctx := errgroup.WithContext(ctx)
		for i := range sections {
			group.Go(func() error { return read(ctx, i) })
		}
		err = group.Wait()
	}
	if err != nil {
		return nil, err
	}
	versions := slices.Concat(found...)
	slices.SortFunc(versions, func(a, b Version) int { return int(a.Seq) - int(b.Seq) })
	for i := range versions {
		versions[i].Object = object
		vw.attribute(&versions[i])
		switch {
		case versions[i].Values != nil:
		case i > 0:
			versions[i].Values = versions[i-1].Values
		default:
			versions[i].Values = make([][]byte, len(fields))
		}
	}
	return versions, nil
}

// holding opens the sections that may hold id.
func (v *Vault) holding(ctx context.Context, all []section, id []byte) ([]openSection, error) {
	hash := segment.HashID(id)
	var out []openSection
	for _, s := range all {
		if !s.overlaps(id) {
			continue
		}
		r, err := v.reader(ctx, s.segment)
		if err != nil {
			return nil, err
		}
		sec, ok := r.Section(s.Object)
		if ok && r.MayHoldHash(sec, hash) {
			out = append(out, openSection{section: s, r: r, s: sec})
		}
	}
	return out, nil
}

// versions reads the versions of id in one segment. Values stay nil on a bare
// tombstone.
func (s *openSection) versions(ctx context.Context, id []byte, fields []SchemaField) ([]Version, error) {
	from, end := s.r.Seek(s.s, id), s.s.First+s.s.Blocks
	to := from
	for to < end {
		if first, _ := s.r.BlockIDs(to); bytes.Compare(first, id) > 0 {
			break
		}
		to++
	}
	c := s.r.Cursor(from, to, 0)
	defer c.Release()
	places := columnsOf(s.s.Fields, fields)
	var out []Version
	for {
		more, err := c.Next(ctx)
		if err != nil || !more {
			return out, err
		}
		for row, last := c.Find(id); row < last; row++ {
			ver, err := copyVersion(c, row, places)
			if at := absentAt(s.s.Fields); err == nil && at >= 0 && ver.Values != nil {
				var absent []byte
				absent, err = c.Value(at, row)
				blank(absent, fields, ver.Values)
			}
			if err != nil {
				return nil, err
			}
			ver.Fields = fields
			out = append(out, ver)
		}
	}
}

// copyVersion copies a row out of the cursor's block.
func copyVersion(c *segment.Cursor, row int, places [][]int) (Version, error) {
	op := c.Op(row)
	stamp, err := c.Modstamp(row)
	if err != nil {
		return Version{}, err
	}
	v := Version{RecordID: bytes.Clone(c.ID(row)), Seq: c.Seq(row), Change: op.Change(), Tombstone: op.Tombstone(), Modstamp: bytes.Clone(stamp)}
	if op.Bare() {
		return v, nil
	}
	v.Values = make([][]byte, len(places))
	text := []byte{}
	for i := range places {
		value, err := valueAt(c, row, places[i])
		if err != nil {
			return v, err
		}
		if places[i] != nil {
			at := len(text)
			text = append(text, value...)
			v.Values[i] = text[at:len(text):len(text)]
		}
	}
	return v, nil
}

// valueAt is a field's value, whichever of its columns holds it.
func valueAt(c *segment.Cursor, row int, places []int) ([]byte, error) {
	for _, at := range places {
		if value, err := c.Value(at, row); err != nil || len(value) > 0 {
			return value, err
		}
	}
	return nil, nil
}
