package backup

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/jobobject"
)

// MetadataTotals are what a backup did with metadata, and what there is of it.
type MetadataTotals struct {
	Types                                      int
	Components, Added, Changed, Deleted, Bytes int64
}

// MetadataTotals sums a job's metadata types up.
func (b *Backup) MetadataTotals(ctx context.Context, j *ent.Job) (*MetadataTotals, error) {
	types, err := j.QueryObjects().Where(jobobject.KindEQ(engine.MetadataObject)).All(ctx)
	if err != nil {
		return nil, engine.Wrap("list metadata types", err)
	}
	totals := &MetadataTotals{Types: len(types)}
	for _, t := range types {
		totals.Components += t.Stored
		totals.Added += t.Added
		totals.Changed += t.Changed
		totals.Deleted += t.Deleted
		totals.Bytes += t.Bytes
	}
	return totals, nil
}

// Component is a metadata component as one version has it (F98). The version of
// a list holds its properties, not its content.
type Component struct {
	OrgID string
	Type  string
	*vault.Version
}

// ComponentID is Salesforce's id of it, empty when it has none.
func (c *Component) ComponentID() string { return string(c.Value(capture.FieldComponentID)) }

// FullName names it among its type.
func (c *Component) FullName() string { return string(c.Value(capture.FieldFullName)) }

// FileName is its path in a package.
func (c *Component) FileName() string { return string(c.Value(capture.FieldFileName)) }

// CreatedByID is the user who made it.
func (c *Component) CreatedByID() string { return string(c.Value(capture.FieldCreatedByID)) }

// CreatedByName is that user's name.
func (c *Component) CreatedByName() string { return string(c.Value(capture.FieldCreatedByName)) }

// LastModifiedByID is the user who changed it last.
func (c *Component) LastModifiedByID() string { return string(c.Value(capture.FieldModifiedByID)) }

// LastModifiedByName is that user's name.
func (c *Component) LastModifiedByName() string { return string(c.Value(capture.FieldModifiedByName)) }

// ManageableState is unmanaged, installed and so on.
func (c *Component) ManageableState() string { return string(c.Value(capture.FieldManageableState)) }

// Namespace is that of its package, empty for none.
func (c *Component) Namespace() string { return string(c.Value(capture.FieldNamespace)) }

// Name is its own, without the folder that it lies in.
func (c *Component) Name() string { return c.FullName()[strings.LastIndexByte(c.FullName(), '/')+1:] }

// CreatedAt is when it was made, nil when the org does not tell.
func (c *Component) CreatedAt() *time.Time { return c.date(capture.FieldCreatedDate) }

// LastModifiedAt is when it was changed last, nil when the org does not tell.
func (c *Component) LastModifiedAt() *time.Time { return c.date(capture.FieldModifiedDate) }

func (c *Component) date(field string) *time.Time {
	at, err := time.Parse(time.RFC3339, string(c.Value(field)))
	if err != nil {
		return nil
	}
	return &at
}

// ComponentQuery asks for a type's components: those that are alive as of a
// backup or, with a change, those that it did that to.
type ComponentQuery struct {
	Job    *ent.Job
	Type   string
	Change engine.Change
	Search string // part of the full name or the id
	After  string // only components with a greater key
	Limit  int
}

// properties are all that a list reads: everything but the content.
var properties = []string{
	capture.FieldFullName, capture.FieldFileName, capture.FieldComponentID, capture.FieldCreatedByID, capture.FieldCreatedByName,
	capture.FieldCreatedDate, capture.FieldModifiedByID, capture.FieldModifiedByName, capture.FieldModifiedDate, capture.FieldManageableState,
	capture.FieldNamespace, capture.FieldSize,
}

// Components lists components by key. A job that has stored nothing has none.
func (b *Backup) Components(ctx context.Context, q ComponentQuery) ([]Component, error) {
	point, object := vault.Point{OrgID: q.Job.OrgID, JobID: q.Job.ID}, capture.MetadataObject(q.Type)
	reading := vault.Reading{Fields: properties, IncludeDeleted: q.Change != ""}
	if q.After != "" {
		reading.After = []byte(q.After)
	}
	versions := b.Vault.AsOf(ctx, point, object, reading)
	if q.Change != "" {
		versions = b.Vault.Touched(ctx, point, object, q.Change, reading)
	}
	page := []Component{}
	for version, err := range b.whole(ctx, q.Job.OrgID, versions) {
		if err != nil {
			return nil, err
		}
		if !contains(string(version.Value(capture.FieldFullName)), q.Search) && !contains(string(version.Value(capture.FieldComponentID)), q.Search) {
			continue
		}
		kept := version.Clone()
		if page = append(page, Component{q.Job.OrgID, q.Type, &kept}); len(page) == q.Limit {
			break
		}
	}
	return page, nil
}

// Component is one of them by its full name as of a backup, nil when there is none.
func (b *Backup) Component(ctx context.Context, q ComponentQuery, fullName string) (*Component, error) {
	key := capture.ComponentKey(fullName)
	if key == "" {
		return nil, nil
	}
	last := len(key) - 1
	q.After, q.Limit, q.Search = key[:last], 1, ""
	if key[last] > 0 {
		q.After = key[:last] + string([]byte{key[last] - 1, 0xff}) // nothing that is alive is likely to come between
	}
	for {
		page, err := b.Components(ctx, q)
		if err != nil || len(page) == 0 || string(page[0].RecordID) > key {
			return nil, err
		}
		if string(page[0].RecordID) == key {
			return &page[0], nil
		}
		q.After = string(page[0].RecordID)
	}
}

// ComponentVersions are all versions of a component, the newest first.
func (b *Backup) ComponentVersions(ctx context.Context, c *Component) ([]vault.Version, error) {
	versions, err := b.Vault.History(ctx, c.OrgID, c.Object, string(c.RecordID))
	slices.Reverse(versions)
	return versions, err
}

// ComponentFile is a file of a stored component.
type ComponentFile struct {
	capture.PackedFile
	Component *Component
}

// ComponentFiles lists a component's files; none of nil, and where the org did
// not give them out.
func (b *Backup) ComponentFiles(ctx context.Context, c *Component) ([]ComponentFile, error) {
	if c == nil {
		return nil, nil
	}
	packed, err := b.packed(ctx, c)
	if err != nil || packed == nil {
		return nil, err
	}
	size, err := packed.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	list, err := capture.Unpack(packed, size)
	files := make([]ComponentFile, len(list))
	for i := range list {
		files[i] = ComponentFile{list[i], c}
	}
	return files, err
}

// packed opens a component's content, nil when it has none.
func (b *Backup) packed(ctx context.Context, c *Component) (io.ReadSeeker, error) {
	whole, err := b.Vault.Version(ctx, c.OrgID, c.ID())
	if err != nil {
		return nil, err
	}
	if inline := whole.Value(capture.FieldContent); len(inline) > 0 {
		return bytes.NewReader(inline), nil
	}
	ref, named := vault.ParseFileRef(string(whole.Value(capture.FieldContentFile)))
	if !named {
		return nil, nil
	}
	return b.Vault.OpenFile(ctx, c.OrgID, ref.Hash)
}

// OpenComponentFile opens one file of a component's version by its path in a
// package. KindNotFound when there is no such version or no such file in it.
func (b *Backup) OpenComponentFile(ctx context.Context, orgID, versionID, name string) (io.ReadSeeker, error) {
	version, err := b.Vault.Version(ctx, orgID, versionID)
	if err != nil {
		return nil, err
	}
	c := &Component{OrgID: orgID, Version: &version}
	files, err := b.ComponentFiles(ctx, c)
	if err != nil {
		return nil, err
	}
	for i := range files {
		if files[i].Name == name {
			return b.open(ctx, &files[i])
		}
	}
	return nil, engine.E(engine.KindNotFound, "FILE_NOT_FOUND", "The version has no file %s: take one that it lists.", name)
}

func (b *Backup) open(ctx context.Context, f *ComponentFile) (io.ReadSeeker, error) {
	packed, err := b.packed(ctx, f.Component)
	if err != nil {
		return nil, err
	}
	section := &section{packed, f.From, f.Size}
	_, err = section.Seek(0, io.SeekStart)
	return section, err
}

// section is a part of something that can be read and sought in.
type section struct {
	whole      io.ReadSeeker
	from, size int64
}

func (s *section) Read(p []byte) (int, error) {
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if at >= s.size {
		return 0, io.EOF
	}
	return s.whole.Read(p[:min(int64(len(p)), s.size-at)])
}

func (s *section) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		offset += s.from
	case io.SeekEnd:
		offset, whence = offset+s.from+s.size, io.SeekStart
	}
	at, err := s.whole.Seek(offset, whence)
	return at - s.from, err
}
