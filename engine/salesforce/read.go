package salesforce

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// position is where a read can go on, as it travels inside Rows.Position. A
// read is of one way from its beginning to its end, so only one part is set.
type position struct {
	Keyset *keysetPosition `json:"keyset,omitempty"`
	Bulk   *bulkPosition   `json:"bulk,omitempty"`
}

func (p position) encode() []byte {
	text, _ := json.Marshal(p) // strings and numbers only: cannot fail
	return text
}

// Read streams the records that the request selects, by the cheapest way that
// the SObject allows.
func (o *org) Read(ctx context.Context, request engine.ReadRequest) (engine.Rows, error) {
	columns, err := columnsOf(&request.Object, request.Fields)
	if err != nil {
		return nil, err
	}
	if err := queryable(request); err != nil {
		return nil, err
	}
	var at position
	if len(request.Resume) > 0 {
		if err := json.Unmarshal(request.Resume, &at); err != nil {
			return nil, engine.E(engine.KindInvalid, "POSITION_INVALID", "The position to resume %s from is not one of ours: read it from the start.", request.Object.Name)
		}
	}
	rows, err := o.start(ctx, &read{org: o, request: request, columns: columns}, at)
	if err != nil {
		return nil, err // and not a nil stream of some type
	}
	return rows, nil
}

func (o *org) start(ctx context.Context, r *read, at position) (engine.Rows, error) {
	switch {
	case at.Keyset != nil:
		return newKeyset(r, at.Keyset)
	case at.Bulk != nil || r.isLarge():
		return o.readLarge(ctx, r, at.Bulk)
	}
	return o.readSmall(ctx, r)
}

// readLarge reads by Bulk, unless the SObject turns out to be refused there.
func (o *org) readLarge(ctx context.Context, r *read, from *bulkPosition) (engine.Rows, error) {
	rows, err := o.readBulk(ctx, r, from)
	if !refusesBulk(err) {
		return rows, err
	}
	o.noBulk.Store(r.object(), true)
	o.options.Log.InfoContext(ctx, "salesforce: Bulk refuses the SObject, reading it over REST", "object", r.object(), "why", err.Error())
	return newKeyset(r, nil)
}

// readSmall reads over REST. Counts are approximate and leave much out, so the
// first page also tells whether there are too many rows for that.
func (o *org) readSmall(ctx context.Context, r *read) (engine.Rows, error) {
	k, err := newKeyset(r, nil)
	if !r.bulkMay() {
		return k, err
	}
	if err != nil {
		return o.readLarge(ctx, r, nil) // no Id to go by, or a condition too long for an address
	}
	k.limit = int(o.options.SmallRead) + 1
	err = k.turn(ctx)
	if refusal, ok := refused(err); ok && tooMuchForREST[refusal.Code] || err == nil && k.pages[0].total > o.options.SmallRead {
		return o.readLarge(ctx, r, nil)
	}
	return k, err
}

var tooMuchForREST = set("QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG", "OPERATION_TOO_LARGE")

// read is what the ways of reading share.
type read struct {
	org     *org
	request engine.ReadRequest
	columns []column
}

func (r *read) object() string { return r.request.Object.Name }
func (r *read) doing() string  { return "read " + r.object() }

// names are the columns' names in the platform's spelling.
func (r *read) names() []string {
	names := make([]string, len(r.columns))
	for i, c := range r.columns {
		names[i] = c.name
	}
	return names
}

// queryable refuses what no query can answer, so that the caller reports it.
func queryable(r engine.ReadRequest) error {
	name := r.Object.Name
	var reason string
	switch {
	case !r.Object.Queryable:
		reason = "its description says that it cannot be queried"
	case virtualObjects[name]:
		reason = "its rows exist only under a parent record"
	case filteredObjects[name] && r.Where == "":
		reason = "it is only readable with a filter on a parent's id"
	case strings.HasSuffix(name, "__b") && r.StampField != "":
		reason = "a big object is only readable by its index"
	default:
		return nil
	}
	return &engine.Error{
		Kind: engine.KindInvalid, Code: "NOT_QUERYABLE", Object: name,
		Message: "Salesforce does not let " + name + " be read as a whole: " + reason + ". It is left out.",
	}
}

// bulkMay reports whether Bulk is a way to read this. A bounded read is ordered,
// which Bulk is not.
func (r *read) bulkMay() bool {
	_, refuses := r.org.noBulk.Load(r.object())
	return !refuses && r.request.StampField == "" && !notInBulk[r.object()] && !strings.HasSuffix(r.object(), "__mdt")
}

// isLarge reports whether Bulk is the way from the start: for many rows and for
// big objects.
func (r *read) isLarge() bool {
	return r.bulkMay() && (r.request.Expect > r.org.options.SmallRead || strings.HasSuffix(r.object(), "__b"))
}

// refusesBulk recognises the refusals that mean the SObject or the query, not
// the moment (salesforce-platform.md §6.1).
func refusesBulk(err error) bool {
	r, ok := refused(err)
	if !ok {
		return false
	}
	switch r.Code {
	case "INVALIDENTITY", "FEATURENOTENABLED", "FeatureNotEnabled", "QUERY_TOO_COMPLICATED", bulkJobFailed:
		return true
	}
	return r.says("not supported by the Bulk API") || r.says("does not support query") ||
		r.says("Implementation restriction") || r.says("not supported in Bulk Query")
}

// The lists below are defaults (§2.5); what they miss shows at run time.

var notInBulk = set(
	"AcceptedEventRelation", "DeclinedEventRelation", "UndecidedEventRelation", "EventWhoRelation", "TaskWhoRelation",
	"RecentlyViewed", "FieldSecurityClassification", "PartnerRole", "TaskPriority", "CaseStatus", "ContractStatus",
	"OrderStatus", "SolutionStatus", "TaskStatus", "ServiceAppointmentStatus", "ShiftStatus", "WorkOrderStatus",
	"WorkOrderLineItemStatus", "WorkStepStatus")

var virtualObjects = set(
	"ActivityHistory", "OpenActivity", "AttachedContentDocument", "AttachedContentNote", "CombinedAttachment",
	"NoteAndAttachment", "OwnedContentDocument", "FolderedContentDocument", "LookedUpFromActivity",
	"ProcessInstanceHistory", "EmailStatus", "OutgoingEmail", "OutgoingEmailRelation", "Name", "AggregateResult",
	"ContentBody", "FeedLike", "FeedSignal", "FeedTrackedChange", "ListViewChartInstance", "DataType",
	"QuoteTemplateRichTextData")

var filteredObjects = set(
	"ContentHubItem", "Vote", "IdeaComment", "CollaborationGroupRecord", "ContentFolderMember", "ContentFolderItem",
	"Announcement", "AppTabMember", "NetworkUserHistoryRecent", "RecordActionHistory", "FieldHistoryArchive",
	"FlowVersionView", "FlowVariableView", "FlowTestView", "DatacloudDandBCompany", "FlexQueueItem", "FieldDefinition",
	"EntityParticle", "PicklistValueInfo", "RelationshipInfo", "RelationshipDomain", "SearchLayout",
	"OwnerChangeOptionInfo", "UserRecordAccess", "UserEntityAccess", "UserFieldAccess", "SiteDetail", "PlatformAction",
	"DataStatistics", "IconDefinition", "ColorDefinition", "RelatedListDefinition", "RelatedListColumnDefinition",
	"ApexTypeImplementor")

func set(names ...string) map[string]bool {
	s := make(map[string]bool, len(names))
	for _, name := range names {
		s[name] = true
	}
	return s
}
