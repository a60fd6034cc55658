package files

import (
	"context"
	"io"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// Download is a content to read and to seek in; its context ends it.
type Download struct {
	io.ReadSeeker
	Name string // to save it under
	Size int64
	Hash string // the same for the same content of an org; empty when it is not known
}

// Open opens the content that a version names. KindNotFound, FILE_NOT_FOUND,
// when there is no such version or it has no content; KindConflict,
// FILE_NOT_STORED, when its content is not in the vault.
func (f *Files) Open(ctx context.Context, orgID, versionID string) (*Download, error) {
	version, err := f.Vault.Version(ctx, orgID, versionID)
	if engine.Is(err, engine.KindNotFound) {
		return nil, notFound(orgID)
	}
	if err != nil {
		return nil, err
	}
	file := describe(orgID, &version)
	switch c := ContentOf(orgID, &version); {
	case version.Object == "Note":
		return &Download{ReadSeeker: strings.NewReader(string(version.Value("Body"))), Name: file.name(), Size: file.Bytes, Hash: versionID}, nil
	case c == nil:
		return nil, notFound(orgID)
	case c.State != Stored:
		return nil, notStored(orgID, c.State)
	default:
		return f.open(ctx, orgID, c.ref, file.name())
	}
}

func (f *Files) open(ctx context.Context, orgID string, ref vault.FileRef, name string) (*Download, error) {
	content, err := f.Vault.OpenFile(ctx, orgID, ref.Hash)
	if err != nil {
		return nil, err
	}
	return &Download{ReadSeeker: content, Name: name, Size: content.Size(), Hash: ref.Hash}, nil
}

func notStored(orgID string, state ContentState) error {
	message := "The content of this file is not stored yet: the backup that saw it could not read it. Look at that job's log, and run another backup."
	if state == None {
		message = "This file is a link: its content is kept outside of Salesforce, so there is none to give back."
	}
	return &engine.Error{Kind: engine.KindConflict, Code: "FILE_NOT_STORED", Org: orgID, Message: message}
}

// name is what to save the file under: no folders, nothing that a shell or a
// file system would take for something else.
func (f *File) name() string {
	name := f.Title
	if f.Extension != "" && !strings.HasSuffix(strings.ToLower(name), "."+strings.ToLower(f.Extension)) {
		name += "." + f.Extension
	}
	clean := strings.TrimLeft(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.TrimSpace(name)), ".")
	if clean == "" {
		return f.RecordID
	}
	return clean
}
