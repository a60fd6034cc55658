package simorg

import (
	"bytes"
	"encoding/base64"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// maxAttachment is the API's limit for an attachment's body.
const maxAttachment = 25 << 20

// assignBlob takes a base64 field: text of a JSON body, or bytes of a multipart one.
func (c *change) assignBlob(f *schema.Field, value any) error {
	var data content
	switch v := value.(type) {
	case nil:
		return nil
	case content:
		data = v
	case []byte:
		data = bytes.NewReader(v)
	case string:
		decoded, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			return badRequest("INVALID_BASE64_BINARY", "%s: the value is not base64", f.Name)
		}
		data = bytes.NewReader(decoded)
	default:
		return badRequest("JSON_PARSER_ERROR", "%s: the value is not base64", f.Name)
	}
	c.blobs[f.Name] = data
	c.new[f.Col], c.given[f.Col] = strconv.FormatInt(data.Size(), 10), true
	return nil
}

func blobKey(id, field string) string { return id + "/" + field }

// storeBlobs keeps the bytes once the record has its id.
func (c *change) storeBlobs() error {
	for name, data := range c.blobs {
		key := blobKey(c.id, name)
		before, had := c.o.blobs[key]
		c.o.blobs[key] = data
		c.undo = append(c.undo, func() {
			if delete(c.o.blobs, key); had {
				c.o.blobs[key] = before
			}
		})
	}
	return nil
}

func sizeOfBody(c *change) error {
	if data, given := c.blobs["Body"]; given {
		if data.Size() > maxAttachment {
			return invalidRow("MAXIMUM_SIZE_OF_ATTACHMENT", []string{"Body"}, "The attachment is larger than 25 MB")
		}
		c.set("BodyLength", strconv.FormatInt(data.Size(), 10))
	}
	return nil
}

func document(c *change) error {
	if c.get("DeveloperName") == "" {
		c.set("DeveloperName", strings.ReplaceAll(c.get("Name"), " ", "_"))
	}
	if c.get("AuthorId") == "" {
		c.set("AuthorId", c.user.id)
	}
	return sizeOfBody(c)
}

// contentVersion derives what the platform knows of a file's version.
func contentVersion(c *change) error {
	data, given := c.blobs["VersionData"]
	if c.old == nil {
		if !given && c.get("ContentUrl") == "" && !c.system {
			return invalidRow("REQUIRED_FIELD_MISSING", []string{"VersionData"}, "Required fields are missing: [VersionData]")
		}
		if c.get("PathOnClient") == "" && c.get("ContentUrl") == "" {
			return invalidRow("REQUIRED_FIELD_MISSING", []string{"PathOnClient"}, "Required fields are missing: [PathOnClient]")
		}
	} else if c.get("IsLatest") != "true" && !c.system {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", nil, "Only the latest version of a file can be updated")
	}
	if given {
		c.set("Checksum", checksum(data))
		c.set("ContentSize", strconv.FormatInt(data.Size(), 10))
	}
	ext := strings.TrimPrefix(path.Ext(c.get("PathOnClient")), ".")
	c.set("FileExtension", ext)
	c.set("FileType", fileType(ext))
	if c.get("Title") == "" {
		c.set("Title", strings.TrimSuffix(path.Base(c.get("PathOnClient")), path.Ext(c.get("PathOnClient"))))
	}
	if c.get("ContentUrl") != "" {
		c.set("ContentLocation", "E")
		c.set("FileType", "LINK")
	}
	c.set("ContentModifiedDate", formatStamp(c.stamp))
	c.set("ContentModifiedById", c.user.id)
	if c.old == nil {
		return c.contentDocument()
	}
	return nil
}

func fileType(ext string) string {
	switch e := strings.ToUpper(ext); e {
	case "":
		return "UNKNOWN"
	case "TXT":
		return "TEXT"
	case "JPEG":
		return "JPG"
	case "DOCX":
		return "WORD_X"
	case "XLSX":
		return "EXCEL_X"
	case "PPTX":
		return "POWER_POINT_X"
	default:
		return e
	}
}

// contentDocument makes the document of a first version, or appends to one.
func (c *change) contentDocument() error {
	c.set("IsLatest", "true")
	c.set("VersionNumber", "1")
	document := c.get("ContentDocumentId")
	if document == "" {
		id, err := c.systemInsert("ContentDocument", input{
			"Title": c.get("Title"), "OwnerId": c.get("OwnerId"),
			"ContentSize": c.get("ContentSize"), "FileType": c.get("FileType"), "FileExtension": c.get("FileExtension"),
			"ContentModifiedDate": formatStamp(c.stamp),
		})
		c.set("ContentDocumentId", id)
		return err
	}
	versions := c.versionsOf(document)
	for _, v := range versions {
		values := c.values(row{c.obj, v})
		values[c.obj.Field("IsLatest").Col] = ""
		c.change(c.obj, v, values, func(r *store.Record) { r.Stamp = c.stamp })
	}
	c.set("VersionNumber", strconv.Itoa(len(versions)+1))
	return nil
}

func (c *change) versionsOf(document string) []*store.Record {
	table, col := c.o.table("ContentVersion"), c.obj.Field("ContentDocumentId").Col
	table.Index(col)
	return slices.DeleteFunc(table.Find(col, document), func(r *store.Record) bool { return r.State != store.Live })
}

// contentVersionSaved points the document at its newest version and, for a new
// file, links it to its owner and to where it was published first.
func contentVersionSaved(c *change) error {
	documents := c.o.schema().Get("ContentDocument")
	r := c.o.table("ContentDocument").Get(c.get("ContentDocumentId"))
	if r == nil || c.get("IsLatest") != "true" {
		return nil
	}
	if err := c.systemUpdate(documents, r, input{
		"LatestPublishedVersionId": c.id, "Title": c.get("Title"), "ContentSize": c.get("ContentSize"),
		"FileType": c.get("FileType"), "FileExtension": c.get("FileExtension"), "ContentModifiedDate": formatStamp(c.stamp),
	}); err != nil {
		return err
	}
	if c.old != nil || c.get("VersionNumber") != "1" {
		return nil
	}
	links := []input{{"ContentDocumentId": r.ID, "LinkedEntityId": c.get("OwnerId"), "ShareType": "I", "Visibility": "AllUsers"}}
	if at := c.get("FirstPublishLocationId"); at != "" && at != c.get("OwnerId") {
		links = append(links, input{"ContentDocumentId": r.ID, "LinkedEntityId": at, "ShareType": "V", "Visibility": "AllUsers"})
	}
	for _, link := range links {
		if _, err := c.systemInsert("ContentDocumentLink", link); err != nil {
			return err
		}
	}
	return nil
}

// contentLink refuses a second link between the same two.
func contentLink(c *change) error {
	table, col := c.o.table("ContentDocumentLink"), c.obj.Field("ContentDocumentId").Col
	table.Index(col)
	for _, r := range table.Find(col, c.get("ContentDocumentId")) {
		if r.State == store.Live && r.ID != c.id && r.Get(c.obj.Field("LinkedEntityId").Col) == c.get("LinkedEntityId") {
			return invalidRow("DUPLICATE_VALUE", []string{"LinkedEntityId"}, "%s is already linked with the entity %s", c.get("ContentDocumentId"), c.get("LinkedEntityId"))
		}
	}
	return nil
}

// blob finds the bytes of a record's base64 field.
func (o *Org) blob(obj *schema.Object, r *store.Record, f *schema.Field) (content, bool) {
	data, found := o.blobs[blobKey(r.ID, f.Name)]
	return data, found
}
