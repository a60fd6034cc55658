package capture

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// The fields of a component in the vault.
const (
	FieldFullName        = "FullName"
	FieldFileName        = "FileName"
	FieldComponentID     = "Id"
	FieldCreatedByID     = "CreatedById"
	FieldCreatedByName   = "CreatedByName"
	FieldCreatedDate     = "CreatedDate"
	FieldModifiedByID    = "LastModifiedById"
	FieldModifiedByName  = "LastModifiedByName"
	FieldModifiedDate    = "LastModifiedDate"
	FieldManageableState = "ManageableState"
	FieldNamespace       = "NamespacePrefix"
	FieldSize            = "Size"        // of its packed files, in bytes
	FieldContent         = "Content"     // its packed files, unless they are large
	FieldContentFile     = "ContentFile" // those of a large one: a file of the vault
)

// inlineContent is what a component's files may take to be a value of its
// version: a hundred thousand blobs of a few hundred bytes would help nobody.
const inlineContent = 256 << 10

// MetadataObject is under which name the vault keeps a metadata type's
// components; no SObject has such a name.
func MetadataObject(typ string) string { return metadataPrefix + typ }

// OfMetadata reports whether an object of the vault is a metadata type.
func OfMetadata(object string) bool { return strings.HasPrefix(object, metadataPrefix) }

const metadataPrefix = "metadata/"

// componentSchema: a component's content, name and id make a new version of it.
// Who touched it when does not by itself.
func componentSchema(typ string) vault.Schema {
	schema := vault.Schema{Object: MetadataObject(typ)}
	derived := []string{FieldCreatedByID, FieldCreatedByName, FieldCreatedDate, FieldModifiedByID, FieldModifiedByName, FieldModifiedDate}
	for _, name := range []string{
		FieldFullName, FieldFileName, FieldComponentID, FieldCreatedByID, FieldCreatedByName, FieldCreatedDate, FieldModifiedByID,
		FieldModifiedByName, FieldModifiedDate, FieldManageableState, FieldNamespace, FieldSize, FieldContent,
	} {
		schema.Fields = append(schema.Fields, vault.SchemaField{Name: name, Type: "string", Hot: name != FieldContent, Derived: slices.Contains(derived, name)})
	}
	schema.Fields = append(schema.Fields, vault.SchemaField{Name: FieldContentFile, Type: vault.FileField, Hot: true})
	return schema
}

const maxKey = 255 // bytes of a key in the vault

// ComponentKey is a component's key in the vault: its full name, or the begin of
// one that is too long and the hash of the whole.
func ComponentKey(fullName string) string {
	if len(fullName) <= maxKey {
		return fullName
	}
	sum := sha256.Sum256([]byte(fullName))
	hash := hex.EncodeToString(sum[:])
	return fullName[:maxKey-len(hash)] + hash
}

// content is a component's files, packed.
type content struct {
	inline []byte
	large  vault.FileRef
	size   int64
}

// componentRow is a component as the vault takes it.
func componentRow(c *engine.Component, has content) vault.Row {
	size := ""
	if has.size > 0 {
		size = strconv.FormatInt(has.size, 10)
	}
	row := vault.Row{ID: []byte(ComponentKey(c.FullName)), Modstamp: []byte(componentTime(c.ModifiedAt))}
	for _, text := range []string{
		c.FullName, c.FileName, c.ID, c.CreatedByID, c.CreatedByName, componentTime(c.CreatedAt), c.ModifiedByID,
		c.ModifiedByName, componentTime(c.ModifiedAt), c.ManageableState, c.Namespace, size,
	} {
		row.Values = append(row.Values, []byte(text))
	}
	named := ""
	if has.large.Hash != "" {
		named = has.large.String()
	}
	row.Values = append(row.Values, has.inline, []byte(named))
	return row
}

func componentTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}

// storeFiles packs files into a value or, when they are large, into a file of
// the vault: for each file the length of its name, its name, its size (uvarints)
// and its bytes.
func storeFiles(ctx context.Context, v *vault.Vault, orgID string, files []engine.ComponentFile) (content, error) {
	p := &filePacker{files: files}
	size := p.size()
	if size > inlineContent {
		ref, err := v.PutFile(ctx, orgID, p)
		return content{large: ref, size: size}, errors.Join(err, p.close())
	}
	packed := bytes.NewBuffer(make([]byte, 0, size))
	_, err := packed.ReadFrom(p)
	return content{inline: packed.Bytes(), size: size}, errors.Join(err, p.close())
}

// filePacker reads as its files, packed.
type filePacker struct {
	files []engine.ComponentFile
	head  []byte
	open  io.ReadCloser
	left  int64 // of the open file
}

func (p *filePacker) size() (size int64) {
	for i := range p.files {
		size += int64(len(fileHead(&p.files[i]))) + p.files[i].Size
	}
	return size
}

func fileHead(f *engine.ComponentFile) []byte {
	b := binary.AppendUvarint(nil, uint64(len(f.Name)))
	return binary.AppendUvarint(append(b, f.Name...), uint64(f.Size))
}

func (p *filePacker) Read(into []byte) (n int, err error) {
	for {
		switch {
		case len(p.head) > 0:
			n = copy(into, p.head)
			p.head = p.head[n:]
			return n, nil
		case p.open != nil:
			n, err = p.open.Read(into)
			p.left -= int64(n)
			if errors.Is(err, io.EOF) && p.left == 0 {
				err = p.close()
			}
			if err != nil || p.left < 0 {
				return n, damaged(err)
			}
			if n > 0 {
				return n, nil
			}
		case len(p.files) == 0:
			return 0, io.EOF
		default:
			f := &p.files[0]
			p.files = p.files[1:]
			p.head, p.left = fileHead(f), f.Size
			if p.open, err = f.Open(); err != nil {
				return 0, damaged(err)
			}
		}
	}
}

func (p *filePacker) close() (err error) {
	if p.open != nil {
		err = p.open.Close()
		p.open = nil
	}
	return err
}

func damaged(cause error) error {
	if _, known := engine.AsError(cause); known {
		return cause
	}
	return &engine.Error{
		Kind: engine.KindTransient, Code: "METADATA_DAMAGED", Err: cmp.Or(cause, io.ErrUnexpectedEOF),
		Message: "What Salesforce sent of a component does not add up: back the metadata up again.",
	}
}

// PackedFile is a file of a stored component: its place in the packed content.
type PackedFile struct {
	Name string
	Size int64
	From int64
}

var errPacked = &engine.Error{
	Kind: engine.KindCorrupt, Code: "VAULT_DAMAGED", Message: "The stored files of a component cannot be told apart: run “holdfast vault verify”.",
}

// Unpack lists the files of packed content without reading their bytes.
func Unpack(packed io.ReadSeeker, size int64) (files []PackedFile, err error) {
	for at := int64(0); at < size; {
		if _, err := packed.Seek(at, io.SeekStart); err != nil {
			return nil, err
		}
		head := &counted{in: bufio.NewReader(io.LimitReader(packed, 64<<10))}
		length, err1 := binary.ReadUvarint(head)
		if err1 != nil || length > 32<<10 {
			return nil, errPacked
		}
		name := make([]byte, length)
		_, err2 := io.ReadFull(head, name)
		bytes, err3 := binary.ReadUvarint(head)
		at += head.n
		if err2 != nil || err3 != nil || bytes > uint64(size) || at+int64(bytes) > size {
			return nil, errPacked
		}
		files = append(files, PackedFile{Name: string(name), Size: int64(bytes), From: at})
		at += int64(bytes)
	}
	return files, nil
}

// counted counts what was read of a stream.
type counted struct {
	in *bufio.Reader
	n  int64
}

func (c *counted) ReadByte() (byte, error) {
	c.n++
	return c.in.ReadByte()
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}
