package simorg

import (
	"path"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// twin is the object in which a record shows a second time, under the same id:
// a post in its parent's feed, a partner among the partners of the account, an
// article version among the versions of every type, a note as a file.
func (o *Org) twin(r row) *schema.Object {
	name := ""
	switch r.obj.Name {
	case "FeedItem":
		if parent := o.ofID(r.rec.Get(r.obj.Field("ParentId").Col)); parent != nil {
			feed, _ := o.companion(parent, "Feed")
			return feed
		}
	case "Knowledge__kav":
		name = "KnowledgeArticleVersion"
	case "Partner":
		if name = "AccountPartner"; r.rec.Get(r.obj.Field("OpportunityId").Col) != "" {
			name = "OpportunityPartner"
		}
	case "AccountPartner", "OpportunityPartner":
		name = "Partner"
	case "ContentDocument":
		name = "ContentNote"
	}
	return o.schema().Get(name)
}

// twinSaved keeps a record's twin in step.
func (c *change) twinSaved() {
	other := c.o.twin(row{c.obj, c.rec})
	if other == nil || c.obj.Name == "ContentDocument" {
		return
	}
	values := make([]string, other.Cols())
	for _, f := range other.Fields {
		if mine := c.obj.Field(f.Name); mine != nil && f.From == schema.Stored {
			values[f.Col] = c.rec.Get(mine.Col)
		}
	}
	if r := c.o.table(other.Name).Get(c.id); r != nil {
		c.change(other, r, values, func(r *store.Record) { r.Stamp = c.stamp })
		return
	}
	c.put(other, &store.Record{ID: c.id, Stamp: c.stamp}, values)
}

// article is a version of a knowledge article: a new one is a draft, of an
// article of its own; an archived one stays as it is.
func article(c *change) error {
	if !c.isNew() {
		if c.was("PublishStatus") == "Archived" && !c.system {
			return invalidRow("INSUFFICIENT_ACCESS_OR_READONLY", nil, "An archived version of an article cannot be changed.")
		}
		return nil
	}
	if c.system {
		return nil
	}
	for _, needed := range []string{"Title", "UrlName", "Language"} {
		if c.get(needed) == "" {
			return missing(needed)
		}
	}
	id, err := c.systemInsert("KnowledgeArticle", input{"MasterLanguage": c.get("Language")})
	if err != nil {
		return err
	}
	c.set("KnowledgeArticleId", id)
	c.set("ArticleNumber", c.look("KnowledgeArticle", id, "ArticleNumber"))
	c.set("PublishStatus", "Draft")
	c.set("IsLatestVersion", "true")
	return nil
}

// feedComment knows the record that its post is about.
func feedComment(c *change) error {
	c.set("ParentId", c.look("FeedItem", c.get("FeedItemId"), "ParentId"))
	return nil
}

// topicAssignment says of which object the assigned record is.
func topicAssignment(c *change) error {
	if obj := c.o.ofID(c.get("EntityId")); obj != nil {
		c.set("EntityType", obj.Name)
		c.set("EntityKeyPrefix", obj.KeyPrefix)
	}
	return nil
}

// note is written as a file: its document is the note, under the same id.
func note(c *change) error {
	data := c.blobs["Content"]
	delete(c.blobs, "Content")
	if c.isNew() && data == nil {
		return missing("Content")
	}
	if c.isNew() || data != nil {
		in := input{"Title": c.get("Title"), "PathOnClient": c.get("Title") + ".snote", "VersionData": data, "OwnerId": c.get("OwnerId")}
		if !c.isNew() {
			in["ContentDocumentId"] = c.id
		}
		version, err := c.systemInsert("ContentVersion", in)
		if err != nil {
			return err
		}
		c.set("LatestPublishedVersionId", version)
		c.id = c.look("ContentVersion", version, "ContentDocumentId")
		c.set("FileType", "SNOTE")
		c.set("ContentSize", c.look("ContentVersion", version, "ContentSize"))
		c.set("TextPreview", preview(data))
		return nil
	}
	documents := c.o.schema().Get("ContentDocument")
	return c.systemUpdate(documents, c.o.table("ContentDocument").Get(c.id), input{"Title": c.get("Title")})
}

// library gets its root folder.
func librarySaved(c *change) error {
	if c.old != nil {
		return nil
	}
	root, err := c.systemInsert("ContentFolder", input{"Name": c.get("Name")})
	if err != nil {
		return err
	}
	return c.systemUpdate(c.obj, c.rec, input{"RootContentFolderId": root})
}

// namedResource has a name that a path could have.
func namedResource(c *change) error {
	if strings.ContainsAny(c.get("Name"), " /") || path.Base(c.get("Name")) != c.get("Name") {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"Name"}, "The name can only contain underscores and alphanumeric characters: %s", c.get("Name"))
	}
	return sizeOfBody(c)
}

// territory belongs to a model that is planned or in force.
func territory(c *change) error {
	state := c.look("Territory2Model", c.get("Territory2ModelId"), "State")
	if !c.system && !slices.Contains([]string{"Planning", "Active"}, state) {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"Territory2ModelId"}, "The territory model is neither in planning nor active.")
	}
	return nil
}

// email is sent unless it is a draft, and then stays as it is.
func email(c *change) error {
	switch {
	case c.isNew() && !c.gave("Status") && c.get("ParentId") != "":
		c.set("Status", "0")
	case c.isNew() && !c.gave("Status"):
		c.set("Status", "3")
	case c.isNew() && !c.system && c.get("ParentId") == "" && c.get("Status") != "3" && c.get("Status") != "5":
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"Status"}, "An email that belongs to no case is a draft (5) or sent (3).")
	case !c.isNew() && !c.system && c.was("Status") == "3":
		return invalidRow("INSUFFICIENT_ACCESS_OR_READONLY", nil, "An email that was sent cannot be changed.")
	}
	return nil
}

func emailRelation(c *change) error {
	if c.get("RelationId") == "" && c.get("RelationAddress") == "" {
		return missing("RelationAddress")
	}
	if obj := c.o.ofID(c.get("RelationId")); obj != nil {
		c.set("RelationObjectType", obj.Name)
	}
	return nil
}

// work turns a duration into minutes and says whether the work is over.
func work(c *change) error {
	if d := c.get("Duration"); d != "" {
		minutes := parseNumber(d)
		if c.get("DurationType") != "Minutes" {
			minutes *= 60
		}
		c.set("DurationInMinutes", formatDouble(minutes))
	}
	c.setBool("IsClosed", slices.Contains([]string{"Completed", "Closed", "Canceled", "Cannot Complete"}, c.get("Status")))
	return nil
}

func appointment(c *change) error {
	parent := c.get("ParentRecordId")
	if c.set("AccountId", c.accountOf(parent)); strings.HasPrefix(parent, "001") {
		c.set("AccountId", parent)
	}
	return work(c)
}

func milestone(c *change) error {
	c.setBool("IsCompleted", c.get("CompletionDate") != "")
	return nil
}
