// Package files shows the files of a record as backups have them: those linked
// to it (ContentDocumentLink), its attachments and its notes, the newest stored
// version of each, and opens their content. It reads the vault alone, so it
// answers for files, and for records, that the org no longer has.
package files

import (
	"cmp"
	"context"
	"encoding/base64"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/sobject"
)

// Files is the room's face.
type Files struct {
	DB    *ent.Client
	Vault *vault.Vault
}

// State says whether a file is still where it was.
type State string

// The states of a file.
const (
	Present  State = "PRESENT"  // linked to the record in the org
	Deleted  State = "DELETED"  // it, or its link to the record, is not in the org any more
	Archived State = "ARCHIVED" // an archive of ours deleted it
)

// ContentState says whether a version's content can be had.
type ContentState string

// The states of content.
const (
	Stored ContentState = "STORED"
	Unread ContentState = "UNREAD" // not yet: the next backup asks for it again
	None   ContentState = "NONE"   // it is kept outside of Salesforce
)

// File is a file of a record, in its newest stored version.
type File struct {
	OrgID      string
	ID         string // of that version: what Open takes
	ObjectName string // ContentVersion, Attachment or Note
	RecordID   string
	Title      string
	Extension  string // without the dot
	Bytes      int64
	CapturedAt time.Time
	State      State
	Content    *Content
	DocumentID string // of a ContentVersion: whose sharing says who may read it
	OwnerID    string
	Private    bool // an attachment or a note for its owner alone
}

// Query asks for a page of a record's files.
type Query struct {
	OrgID    string
	LinkedTo engine.RecordID
	First    int
	After    string // a page's EndCursor, empty for the first page
}

// Page is some of a record's files, the newest first. EndCursor is empty on the
// last page.
type Page struct {
	Files     []File
	EndCursor string
	Total     int
}

// List answers the record's files, which may be none. KindNotFound, code
// RECORD_NOT_STORED, when no backup has seen the record or a file of it.
func (f *Files) List(ctx context.Context, q Query) (*Page, error) {
	all, err := f.linked(ctx, q.OrgID, q.LinkedTo)
	if err == nil && len(all) == 0 {
		err = f.seen(ctx, q.OrgID, q.LinkedTo)
	}
	if err != nil {
		return nil, err
	}
	page := &Page{Total: len(all)}
	if q.After != "" {
		if all, err = after(all, q.After); err != nil {
			return nil, err
		}
	}
	if len(all) > q.First {
		all, page.EndCursor = all[:q.First], all[q.First-1].Cursor()
	}
	page.Files = all
	return page, nil
}

// seen is an error for a record that is not stored.
func (f *Files) seen(ctx context.Context, orgID string, record engine.RecordID) error {
	objects, err := f.DB.SObject.Query().Where(sobject.OrgID(orgID), sobject.KeyPrefix(string(record[:3]))).All(ctx)
	if err != nil {
		return engine.Wrap("find the record's object", err)
	}
	for _, object := range objects {
		if versions, err := f.Vault.History(ctx, orgID, object.Name, string(record)); err != nil || len(versions) > 0 {
			return err
		}
	}
	return &engine.Error{
		Kind: engine.KindNotFound, Code: "RECORD_NOT_STORED", Org: orgID, Record: string(record),
		Message: "No version of the record " + string(record) + " is stored. Check the id, and that a backup has run since the record was made.",
	}
}

// Cursor is the file's place among the record's.
func (f *File) Cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(f.CapturedAt.UnixMicro(), 10) + " " + f.RecordID))
}

func after(all []File, cursor string) ([]File, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	stamp, record, _ := strings.Cut(string(text), " ")
	micros, bad := strconv.ParseInt(stamp, 10, 64)
	if err != nil || bad != nil {
		return nil, engine.E(engine.KindInvalid, "MALFORMED_CURSOR", "This is not a cursor of a record's files: give a page's endCursor.")
	}
	last := File{CapturedAt: time.UnixMicro(micros), RecordID: record}
	return slices.DeleteFunc(all, func(f File) bool { return newestFirst(&f, &last) <= 0 }), nil
}

func newestFirst(a, b *File) int {
	return cmp.Or(b.CapturedAt.Compare(a.CapturedAt), strings.Compare(a.RecordID, b.RecordID))
}

// Find is one of the record's files by its id. KindNotFound, FILE_NOT_FOUND,
// when it is not one of them.
func (f *Files) Find(ctx context.Context, orgID string, linkedTo engine.RecordID, fileID string) (*File, error) {
	all, err := f.linked(ctx, orgID, linkedTo)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID == fileID {
			return &all[i], nil
		}
	}
	return nil, notFound(orgID)
}

func notFound(orgID string) error {
	return &engine.Error{Kind: engine.KindNotFound, Code: "FILE_NOT_FOUND", Org: orgID, Message: "There is no such file: look at the record's files again."}
}

// linked finds all files of a record, the newest first.
func (f *Files) linked(ctx context.Context, orgID string, record engine.RecordID) ([]File, error) {
	var all []File
	links, err := f.pointing(ctx, orgID, lookup{"ContentDocumentLink", "LinkedEntityId"}, record)
	if err != nil {
		return nil, err
	}
	for i := range links {
		file, err := f.document(ctx, orgID, &links[i])
		if err != nil {
			return nil, err
		}
		if file != nil {
			all = append(all, *file)
		}
	}
	for _, object := range []string{"Attachment", "Note"} {
		found, err := f.pointing(ctx, orgID, lookup{object, "ParentId"}, record)
		if err != nil {
			return nil, err
		}
		for i := range found {
			all = append(all, describe(orgID, &found[i]))
		}
	}
	slices.SortFunc(all, func(a, b File) int {
		return cmp.Or(newestFirst(&a, &b), -strings.Compare(string(a.State), string(b.State))) // PRESENT first: it may be linked anew
	})
	return slices.CompactFunc(all, func(a, b File) bool { return a.RecordID == b.RecordID }), nil
}

// lookup is a field that refers to other records.
type lookup struct{ object, field string }

// pointing are the newest versions of an SObject's records whose lookup names
// the record, deleted ones too.
func (f *Files) pointing(ctx context.Context, orgID string, by lookup, record engine.RecordID) ([]vault.Version, error) {
	reading := vault.Reading{IncludeDeleted: true, Filter: &vault.Filter{
		Fields: []string{by.field}, Match: func(values [][]byte) bool { return string(values[0]) == string(record) },
	}}
	var found []vault.Version
	for version, err := range f.Vault.AsOf(ctx, vault.Point{OrgID: orgID}, by.object, reading) {
		if err != nil {
			return nil, err
		}
		found = append(found, version.Clone())
	}
	return found, nil
}

// document is the file behind a link: its newest published version, in the
// worst state of link, document and version. Nil when no backup has seen it.
func (f *Files) document(ctx context.Context, orgID string, link *vault.Version) (*File, error) {
	document, err := f.newest(ctx, orgID, "ContentDocument", string(link.Value("ContentDocumentId")))
	if document == nil || err != nil {
		return nil, err
	}
	version, err := f.newest(ctx, orgID, "ContentVersion", string(document.Value("LatestPublishedVersionId")))
	if version == nil || err != nil {
		return nil, err
	}
	file := describe(orgID, version)
	for _, v := range []*vault.Version{document, link} {
		if state := stateOf(v); state != Present && file.State != Archived {
			file.State = state
		}
	}
	return &file, nil
}

func (f *Files) newest(ctx context.Context, orgID, object, id string) (*vault.Version, error) {
	if id == "" {
		return nil, nil
	}
	versions, err := f.Vault.History(ctx, orgID, object, id)
	if err != nil || len(versions) == 0 {
		return nil, err
	}
	return &versions[len(versions)-1], nil
}

func stateOf(v *vault.Version) State {
	switch v.Tombstone {
	case engine.NotDeleted:
		return Present
	case engine.Archived:
		return Archived
	}
	return Deleted
}

// describe reads what a version says of its file.
func describe(orgID string, v *vault.Version) File {
	file := File{
		OrgID: orgID, ID: v.ID(), ObjectName: v.Object, RecordID: string(v.RecordID), Title: string(v.Value("Title")), Extension: string(v.Value("FileExtension")),
		CapturedAt: v.CapturedAt, State: stateOf(v), Content: ContentOf(orgID, v),
		DocumentID: string(v.Value("ContentDocumentId")), OwnerID: string(v.Value("OwnerId")), Private: string(v.Value("IsPrivate")) == "true",
	}
	if v.Object == "Note" {
		file.Extension, file.Bytes = "txt", int64(len(v.Value("Body")))
		file.Content = &Content{OrgID: orgID, VersionID: file.ID, Bytes: file.Bytes, State: Stored}
		return file
	}
	if name := string(v.Value("Name")); file.Title == "" {
		file.Title, file.Extension = strings.TrimSuffix(name, path.Ext(name)), strings.TrimPrefix(path.Ext(name), ".")
	}
	if file.Content == nil { // captured before content was
		file.Content = &Content{OrgID: orgID, VersionID: file.ID, State: Unread}
	}
	if file.Bytes = file.Content.Bytes; file.Content.State != Stored {
		file.Bytes = sizeOf(v)
	}
	return file
}

// sizeOf is the content's size by its record.
func sizeOf(v *vault.Version) int64 {
	for _, name := range []string{"ContentSize", "BodyLength", "LogFileLength"} {
		if size, err := strconv.ParseInt(string(v.Value(name)), 10, 64); err == nil {
			return size
		}
	}
	return 0
}

// Content is what a version says of its content.
type Content struct {
	OrgID     string
	VersionID string // what Open takes
	Bytes     int64  // stored
	State     ContentState
	ref       vault.FileRef
}

// ContentOf is nil for a version of an SObject whose records have no content.
func ContentOf(orgID string, v *vault.Version) *Content {
	value, ok := v.File()
	if !ok {
		return nil
	}
	c := &Content{OrgID: orgID, VersionID: v.ID(), State: Unread}
	if value == vault.NoFile {
		c.State = None
	}
	if ref, named := vault.ParseFileRef(value); named {
		c.Bytes, c.State, c.ref = ref.Size, Stored, ref
	}
	return c
}
