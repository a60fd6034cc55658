// Package describe reads meaning out of a Salesforce describe: what class an
// SObject is of, whether and how its records can be read, which fields are
// kept, searched, derived or restorable. It decides from the describe's flags;
// names only break ties that the flags leave open. It is pure.
package describe

import (
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// Class is what kind of rows an SObject has. The include boxes of a backup
// (F33) switch classes on and off.
type Class string

// The classes.
const (
	Data           Class = "DATA"
	CustomSetting  Class = "CUSTOM_SETTING"
	CustomMetadata Class = "CUSTOM_METADATA"
	BigObject      Class = "BIG_OBJECT"
	Binary         Class = "BINARY"
	History        Class = "HISTORY"
	Feed           Class = "FEED"
	Share          Class = "SHARE"
	Tag            Class = "TAG"
	External       Class = "EXTERNAL"
	Event          Class = "EVENT" // platform and change events: nothing is stored in the org
	Setup          Class = "SETUP" // views over the org's setup, not records
)

var suffixClasses = []struct {
	suffix string
	class  Class
}{
	{"__mdt", CustomMetadata},
	{"__b", BigObject},
	{"__x", External},
	{"__e", Event},
	{"__ChangeEvent", Event},
	{"__History", History},
	{"__Feed", Feed},
	{"__Share", Share},
	{"__Tag", Tag},
}

// Classify says which class o is of (salesforce-platform.md §2.4).
func Classify(o *engine.SObject) Class {
	if class, ok := associatedClass(o); ok {
		return class
	}
	for _, s := range suffixClasses {
		if strings.HasSuffix(o.Name, s.suffix) {
			return s.class
		}
	}
	switch {
	case o.CustomSetting:
		return CustomSetting
	case isBinary(o):
		return Binary
	case strings.HasSuffix(o.Name, "Tag") && !o.Custom && o.AssociateParentEntity != "":
		return Tag
	}
	return Data
}

func associatedClass(o *engine.SObject) (Class, bool) {
	switch o.AssociateEntityType {
	case "History":
		return History, true
	case "Feed":
		return Feed, true
	case "Share":
		return Share, true
	case "Tag":
		return Tag, true
	case "ChangeEvent":
		return Event, true
	}
	return "", false
}

// isBinary: a content field makes an SObject binary; before its full describe
// is known, the platform's file objects are known by name.
func isBinary(o *engine.SObject) bool {
	for i := range o.Fields {
		if o.Fields[i].Type == "base64" {
			return true
		}
	}
	switch o.Name {
	case "Attachment", "Document", "ContentVersion", "StaticResource":
		return true
	}
	return false
}

// Objects the platform answers only as a sub-query of a parent, or only under
// a filter, though their describe says queryable (salesforce-platform.md §2.5).
var (
	virtual = nameSet(`ActivityHistory OpenActivity AttachedContentDocument AttachedContentNote CombinedAttachment
		NoteAndAttachment OwnedContentDocument FolderedContentDocument LookedUpFromActivity ProcessInstanceHistory EmailStatus
		OutgoingEmail OutgoingEmailRelation Name AggregateResult ContentBody FeedLike FeedSignal FeedTrackedChange
		ListViewChartInstance DataType QuoteTemplateRichTextData`)
	filterOnly = nameSet(`ContentHubItem Vote IdeaComment CollaborationGroupRecord ContentFolderMember
		ContentFolderItem Announcement AppTabMember NetworkUserHistoryRecent RecordActionHistory FieldHistoryArchive
		FlowVersionView FlowVariableView FlowTestView DatacloudDandBCompany FlexQueueItem UserRecordAccess`)
	setupViews = nameSet(`FieldDefinition EntityDefinition EntityParticle PicklistValueInfo RelationshipInfo RelationshipDomain SearchLayout
		OwnerChangeOptionInfo UserEntityAccess UserFieldAccess UserPermissionAccess SiteDetail PlatformAction DataStatistics
		IconDefinition ColorDefinition RelatedListDefinition RelatedListColumnDefinition ApexTypeImplementor`)
)

func nameSet(names string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(names) {
		set[name] = true
	}
	return set
}

// Readable reports whether o's records can be read as a whole; reason says, in
// a sentence for the completeness line, why not.
func Readable(o *engine.SObject) (ok bool, reason string) {
	switch {
	case Classify(o) == Event:
		return false, "Events are not stored in the org, so there is nothing to back up."
	case Classify(o) == External:
		return false, "Its data lives outside Salesforce."
	case virtual[o.Name]:
		return false, "Salesforce answers it only below its parent records, which are backed up themselves."
	case setupViews[o.Name]:
		return false, "It is a view of the org's setup; the setup is kept as metadata."
	case filterOnly[o.Name]:
		return false, "Salesforce answers it only under a filter on its parent."
	case !o.Queryable:
		return false, "Salesforce does not let it be queried."
	}
	return true, ""
}
