package simorg_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// referenceRows are the rows of the platform reference's §14: object, key
// prefix (- where it gives none), calls, and what a create needs. A star marks
// what the platform fills in all the same; after + stands what a rule of the
// object demands beyond describe.
const referenceRows = `
Account 001 CUDNMR Name
Contact 003 CUDNMR LastName
Lead 00Q CUDNMR LastName,Company
Opportunity 006 CUDNR Name,StageName,CloseDate
OpportunityLineItem 00k CUDR OpportunityId,Quantity +PricebookEntryId,UnitPrice
OpportunityLineItemSchedule 00o CUDR OpportunityLineItemId,ScheduleDate,Type +Quantity
OpportunityContactRole 00K CUDR OpportunityId,ContactId
OpportunityCompetitor 00J CUDR OpportunityId
OpportunityTeamMember 00q CUDR OpportunityId,UserId
OpportunitySplit 049 CUDR OpportunityId,SplitOwnerId,SplitPercentage
Partner 00I CDR AccountToId +AccountFromId
AccountPartner 00I CD AccountToId,AccountFromId
OpportunityPartner 00I CD AccountToId,OpportunityId
OpportunityHistory - R
OpportunityFieldHistory - R
Campaign 701 CUDNR Name
CampaignMember 00v CUDR CampaignId +ContactId
CampaignMemberStatus 01Y CUDR CampaignId,Label
Case 500 CUDNR
CaseComment 00a CUDNR ParentId
CaseContactRole 03j CUDR CasesId,ContactId
CaseTeamMember - CUDR ParentId,MemberId,TeamRoleId
CaseSolution 010 CDR CaseId,SolutionId
CaseMilestone 555 U
EmailMessage 02s CUDNR
EmailMessageRelation 0CZ CUDR EmailMessageId,RelationType +RelationAddress
Task 00T CUDNR
Event 00U CUDNR +DurationInMinutes,ActivityDateTime
EventRelation 0RE CUDR EventId,RelationId
TaskRelation 0RT CDR TaskId,RelationId
Product2 01t CUDNR Name
Pricebook2 01s CUDNR Name
PricebookEntry 01u CUDR Pricebook2Id,Product2Id,UnitPrice
Quote 0Q0 CUDNR Name,OpportunityId
QuoteLineItem 0QL CUDNR QuoteId,PricebookEntryId,Product2Id*,Quantity,UnitPrice
QuoteDocument 0QD CUDNR QuoteId +ContentVersionDocumentId
Order 801 CUDNR EffectiveDate,Status +AccountId
OrderItem 802 CUDR OrderId,Quantity
Contract 800 CUDNR AccountId
ContractContactRole 02a CUDR ContractId,ContactId
Asset 02i CUDNR Name +AccountId
AssetRelationship 1AR CUDNR AssetId,RelatedAssetId
ServiceContract 810 CUDNR Name
ContractLineItem 811 CUDNR ServiceContractId,PricebookEntryId,Quantity,UnitPrice
Entitlement 550 CUDNR Name,AccountId
EntitlementContact 0E7 CDNR EntitlementId,ContactId
WorkOrder 0WO CUDNR
WorkOrderLineItem 1WL CUDNR WorkOrderId
ServiceAppointment 08p CUDNR ParentRecordId,EarliestStartTime,DueDate
ServiceResource 0Hn CUR Name
ServiceTerritory 0Hh CUDNR Name,OperatingHoursId
WorkType 08q CUDNR Name,EstimatedDuration
OperatingHours 0OH CUDNR Name,TimeZone
Location 131 CUDNR Name,LocationType
Individual 0PK CUDNMR LastName
ContactPointEmail 9Vl CUDNR EmailAddress
ContactPointPhone 0Ow CUDNR TelephoneNumber
ContactPointAddress - CUDNR
Solution 501 CUDNR SolutionName,Status
Idea 087 CUDNR CommunityId,Title
Vote 083 CUDR ParentId,Type
KnowledgeArticleVersion ka0 -
Knowledge__kav ka0 CUD Title,UrlName,Language
LinkedArticle 1WK CUDNR LinkedEntityId,KnowledgeArticleId
ContentDocument 069 UDN
ContentVersion 068 CU +PathOnClient,VersionData
ContentDocumentLink 06A CUD ContentDocumentId,LinkedEntityId
ContentNote 069 CUD Title,Content
ContentWorkspace 058 CUD Name
ContentFolder 07H CUDNR Name,ParentContentFolderId
Attachment 00P CUDNR ParentId,Name,Body
Note 002 CUDNR ParentId,Title
Document 015 CUDNR FolderId,Name
Folder 00l CUDR Name,AccessType,Type,DeveloperName
EmailTemplate 00X CUDR Name,DeveloperName,FolderId,TemplateType
FeedItem 0D5 CUDR ParentId
FeedComment 0D7 CUDR FeedItemId,CommentBody
CollaborationGroup 0F9 CUD Name,CollaborationType
Topic 0TO CUD Name
TopicAssignment 0FT CD TopicId,EntityId
EntitySubscription 0E8 CDR ParentId,SubscriberId
User 005 CUR Username,LastName,Email,Alias,ProfileId,TimeZoneSidKey,LocaleSidKey,LanguageLocaleKey,EmailEncodingKey
UserRole 00E CUDR Name
Group 00G CUDR Name,Type
GroupMember 011 CDR GroupId,UserOrGroupId
QueueSobject 03g CDR QueueId,SobjectType
Profile 00e CUDR Name
PermissionSet 0PS CUD Name,Label
PermissionSetAssignment 0Pa CUD AssigneeId,PermissionSetId
RecordType 012 CUR DeveloperName,Name,SobjectType
StaticResource 081 CUDR Name,ContentType,CacheControl
BusinessHours 01m CUR Name,TimeZoneSidKey
Holiday 0C0 CUD Name
Territory2 0MI CUD Name,DeveloperName,Territory2ModelId,Territory2TypeId,AccountAccessLevel,OpportunityAccessLevel,CaseAccessLevel,ContactAccessLevel
ObjectTerritory2Association - CUD ObjectId,Territory2Id
AccountShare 00r CUD AccountId,UserOrGroupId,AccountAccessLevel,OpportunityAccessLevel
OpportunityShare 00t CUD OpportunityId,UserOrGroupId,OpportunityAccessLevel
AccountContactRelation 07k CUDR AccountId,ContactId
AccountContactRole 02Z CUDR AccountId,ContactId
AccountTeamMember 01M CUDR AccountId,UserId
QuickText 574 CUDNR Name,Message
Macro 0JZ CUDR Name
LiveChatTranscript 570 CUDNR LiveChatVisitorId
SocialPost 0ST CUDNR Name
SocialPersona 0SP CUDNR Name,ParentId,Provider
DatedConversionRate 04w CUD IsoCode,ConversionRate,StartDate
CurrencyType 01L CU IsoCode,ConversionRate
`

// referenceChildren are its notable children (and those of §8.5): parent, then
// Object.Field:flags, c cascades, r restricts, - is a plain lookup.
const referenceChildren = `
Account Contact.AccountId:c Opportunity.AccountId:c Asset.AccountId:c Case.AccountId:r Contract.AccountId:cr Order.AccountId:cr Entitlement.AccountId:cr ServiceContract.AccountId:r AccountContactRelation.AccountId:c AccountContactRole.AccountId:c AccountTeamMember.AccountId:c Account.ParentId:- AccountPartner.AccountFromId:c Partner.AccountToId:c OpportunityPartner.AccountToId:c ContactPointEmail.ParentId:c ContactPointAddress.ParentId:c ServiceResource.AccountId:r WorkOrder.AccountId:- ServiceAppointment.AccountId:-
Contact Case.ContactId:r OpportunityContactRole.ContactId:c CampaignMember.ContactId:c AccountContactRelation.ContactId:c AccountContactRole.ContactId:c CaseContactRole.ContactId:c ContractContactRole.ContactId:c EntitlementContact.ContactId:c CaseTeamMember.MemberId:c EmailMessageRelation.RelationId:c EventRelation.RelationId:c SocialPersona.ParentId:c User.ContactId:r Contract.CustomerSignedId:r Order.BillToContactId:r ServiceContract.ContactId:r Contact.ReportsToId:-
Lead CampaignMember.LeadId:c EmailMessageRelation.RelationId:c EventRelation.RelationId:c
Opportunity OpportunityLineItem.OpportunityId:c OpportunityContactRole.OpportunityId:c OpportunityTeamMember.OpportunityId:c OpportunitySplit.OpportunityId:c OpportunityCompetitor.OpportunityId:c OpportunityPartner.OpportunityId:c OpportunityHistory.OpportunityId:c OpportunityFieldHistory.OpportunityId:c Quote.OpportunityId:c Lead.ConvertedOpportunityId:- Order.OpportunityId:-
OpportunityLineItem OpportunityLineItemSchedule.OpportunityLineItemId:c QuoteLineItem.OpportunityLineItemId:-
Campaign CampaignMember.CampaignId:c CampaignMemberStatus.CampaignId:c Campaign.ParentId:- Opportunity.CampaignId:-
Case CaseComment.ParentId:c EmailMessage.ParentId:c CaseTeamMember.ParentId:c CaseContactRole.CasesId:c CaseSolution.CaseId:c CaseMilestone.CaseId:c Case.ParentId:- WorkOrder.CaseId:- EmailMessage.RelatedToId:-
EmailMessage EmailMessageRelation.EmailMessageId:c
Event EventRelation.EventId:c
Product2 PricebookEntry.Product2Id:c LinkedArticle.LinkedEntityId:c OpportunityLineItem.Product2Id:- OrderItem.Product2Id:- QuoteLineItem.Product2Id:- Asset.Product2Id:- Case.ProductId:-
Pricebook2 PricebookEntry.Pricebook2Id:c Opportunity.Pricebook2Id:- Order.Pricebook2Id:- Quote.Pricebook2Id:- Contract.Pricebook2Id:- ServiceContract.Pricebook2Id:- WorkOrder.Pricebook2Id:-
PricebookEntry OpportunityLineItem.PricebookEntryId:- OrderItem.PricebookEntryId:- QuoteLineItem.PricebookEntryId:- ContractLineItem.PricebookEntryId:- WorkOrderLineItem.PricebookEntryId:-
Quote QuoteLineItem.QuoteId:c QuoteDocument.QuoteId:c Opportunity.SyncedQuoteId:- Order.QuoteId:-
Order OrderItem.OrderId:c Order.OriginalOrderId:- WorkOrderLineItem.OrderId:-
QuoteLineItem OrderItem.QuoteLineItemId:-
Contract ContractContactRole.ContractId:c Order.ContractId:c Opportunity.ContractId:- Quote.ContractId:-
Asset AssetRelationship.AssetId:c Asset.ParentId:- Asset.RootAssetId:- Case.AssetId:- Entitlement.AssetId:- ContractLineItem.AssetId:- WorkOrder.AssetId:-
ServiceContract ContractLineItem.ServiceContractId:c Entitlement.ServiceContractId:- WorkOrder.ServiceContractId:-
ContractLineItem Entitlement.ContractLineItemId:-
Entitlement EntitlementContact.EntitlementId:c Case.EntitlementId:- WorkOrder.EntitlementId:-
WorkOrder WorkOrderLineItem.WorkOrderId:c ServiceAppointment.ParentRecordId:c LinkedArticle.LinkedEntityId:c WorkOrder.ParentWorkOrderId:-
WorkOrderLineItem ServiceAppointment.ParentRecordId:c
OperatingHours Account.OperatingHoursId:-
Location Location.ParentLocationId:-
Individual ContactPointEmail.ParentId:c ContactPointPhone.ParentId:c ContactPointAddress.ParentId:c Contact.IndividualId:- Lead.IndividualId:-
Solution CaseSolution.SolutionId:c Vote.ParentId:c
Idea Vote.ParentId:c
ContentDocument ContentVersion.ContentDocumentId:c ContentDocumentLink.ContentDocumentId:c
ContentWorkspace ContentDocument.ParentId:c
FeedItem FeedComment.FeedItemId:c
UserRole User.UserRoleId:-
Group QueueSobject.QueueId:c GroupMember.GroupId:c
`

// seenObject is a describe as the tests read it.
type seenObject struct {
	KeyPrefix                                                                           *string
	Createable, Updateable, Deletable, Undeletable, Mergeable, Replicateable, Queryable bool
	Fields                                                                              []seenField
	ChildRelationships                                                                  []struct {
		ChildSObject, Field             string
		CascadeDelete, RestrictedDelete bool
	}
}

type seenField struct {
	Name, Type                                          string
	Createable, Updateable, Nillable, DefaultedOnCreate bool
	ReferenceTo                                         []string
	PicklistValues                                      []struct{ Value string }
}

func (f *seenField) required() bool {
	return f.Createable && !f.Nillable && !f.DefaultedOnCreate && f.Type != "boolean"
}

func (d *seenObject) field(name string) *seenField {
	i := slices.IndexFunc(d.Fields, func(f seenField) bool { return f.Name == name })
	if i < 0 {
		return &seenField{}
	}
	return &d.Fields[i]
}

// maker makes records of any object, their parents first.
type maker struct {
	*world
	serial int
	known  map[string]*seenObject
}

func (m *maker) describe(object string) *seenObject {
	m.Helper()
	if m.known[object] == nil {
		d := &seenObject{}
		m.must("GET", "/sobjects/"+object+"/describe", nil, d)
		m.known[object] = d
	}
	return m.known[object]
}

// more is what the rules of an object want beyond describe.
var more = map[string]string{
	"OpportunityLineItem": "PricebookEntryId,UnitPrice", "OpportunityLineItemSchedule": "Quantity", "Partner": "AccountFromId",
	"CampaignMember": "ContactId", "EmailMessageRelation": "RelationAddress", "Event": "DurationInMinutes,ActivityDateTime",
	"QuoteDocument": "ContentVersionDocumentId", "Order": "AccountId", "Asset": "AccountId", "ContentVersion": "PathOnClient,VersionData",
	"Product2": "CanUseQuantitySchedule", "PricebookEntry": "IsActive", "Opportunity": "Pricebook2Id",
}

// fields are what a create of the object needs.
func (m *maker) fields(object string) map[string]any {
	d, in := m.describe(object), map[string]any{}
	for i := range d.Fields {
		f := &d.Fields[i]
		if f.required() || slices.Contains(strings.Split(more[object], ","), f.Name) {
			in[f.Name] = m.value(object, f)
		}
	}
	if object == "QuoteLineItem" {
		in["Product2Id"] = m.query("SELECT Product2Id FROM PricebookEntry WHERE Id = '" + in["PricebookEntryId"].(string) + "'").Records[0]["Product2Id"]
	}
	return in
}

func (m *maker) value(object string, f *seenField) any {
	m.serial++
	switch f.Type {
	case "reference":
		return m.parent(object, f)
	case "picklist":
		if len(f.PicklistValues) > 0 {
			return f.PicklistValues[0].Value
		}
		return map[string]string{"IsoCode": "EUR", "SobjectType": "Case", "TimeZone": "Europe/Oslo"}[f.Name] + map[bool]string{true: "x"}[!slices.Contains([]string{"IsoCode", "SobjectType", "TimeZone"}, f.Name)]
	case "boolean":
		return true
	case "date":
		return "2026-04-01"
	case "datetime":
		return "2026-04-01T10:00:00.000Z"
	case "email":
		return fmt.Sprintf("a%d@test.example", m.serial)
	case "base64":
		return "aGVsbG8="
	case "int", "double", "currency", "percent":
		return 5
	}
	if f.Name == "Username" {
		return fmt.Sprintf("u%d@test.example", m.serial)
	}
	return fmt.Sprintf("n%d", m.serial)
}

// parent makes, or finds, what a reference may point at.
func (m *maker) parent(object string, f *seenField) string {
	switch key := object + "." + f.Name; {
	case key == "ContentFolder.ParentContentFolderId":
		library := m.make("ContentWorkspace")
		return m.query("SELECT RootContentFolderId FROM ContentWorkspace WHERE Id = '" + library + "'").Records[0]["RootContentFolderId"].(string)
	case f.Name == "Pricebook2Id":
		return m.first("Pricebook2 WHERE IsStandard = true")
	case strings.HasSuffix(object, "Share") && f.Name == "UserOrGroupId":
		return m.make("Group")
	case f.Name == "KnowledgeArticleId":
		return m.query("SELECT KnowledgeArticleId FROM Knowledge__kav WHERE Id = '" + m.make("Knowledge__kav") + "'").Records[0]["KnowledgeArticleId"].(string)
	case f.Name == "ContentDocumentId":
		return m.query("SELECT ContentDocumentId FROM ContentVersion WHERE Id = '" + m.make("ContentVersion") + "'").Records[0]["ContentDocumentId"].(string)
	case f.ReferenceTo[0] == "User" || f.ReferenceTo[0] == "Profile" || !m.describe(f.ReferenceTo[0]).Createable:
		return m.first(f.ReferenceTo[0])
	}
	return m.make(f.ReferenceTo[0])
}

func (m *maker) first(from string) string {
	m.Helper()
	return m.query("SELECT Id FROM " + from + " LIMIT 1").Records[0]["Id"].(string)
}

func (m *maker) make(object string) string {
	m.Helper()
	return m.create(object, m.fields(object))
}

func TestReferenceObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *simorg.Config) { c.Currencies = []string{"EUR", "USD"} })
	for _, line := range strings.Split(strings.TrimSpace(referenceRows), "\n") {
		words := strings.Fields(line)
		t.Run(words[0], func(t *testing.T) {
			twin := *w
			twin.T = t
			m := &maker{world: &twin, known: map[string]*seenObject{}}
			m.checkRow(words[0], words[1], words[2], words[3:])
		})
	}
}

func (m *maker) checkRow(object, prefix, calls string, needs []string) {
	d := m.describe(object)
	got := "-"
	if d.KeyPrefix != nil {
		got = *d.KeyPrefix
	}
	expect(m, "prefix", got, prefix)
	expect(m, "queryable", d.Queryable, true)
	for letter, can := range map[string]bool{
		"C": d.Createable, "U": d.Updateable, "D": d.Deletable, "N": d.Undeletable, "M": d.Mergeable, "R": d.Replicateable,
	} {
		expect(m, letter, can, strings.Contains(calls, letter))
	}
	if !d.Createable {
		if status, _ := m.do("POST", "/sobjects/"+object, map[string]any{}); status != 400 {
			m.Errorf("a create of what cannot be created: %d", status)
		}
		return
	}
	var required, ruled, filled []string
	for _, list := range needs {
		rules, isRule := strings.CutPrefix(list, "+")
		for name := range strings.SplitSeq(rules, ",") {
			name, auto := strings.CutSuffix(name, "*")
			switch {
			case isRule:
				ruled = append(ruled, name)
			case auto:
				filled = append(filled, name)
				fallthrough
			default:
				required = append(required, name)
			}
		}
	}
	m.checkRequired(object, required, append(ruled, required...), filled)
	m.checkLife(object, m.make(object), calls)
}

// checkRequired compares what describe says is required, and sees that a create
// without any of it is refused.
func (m *maker) checkRequired(object string, required, all, filled []string) {
	var described []string
	for i := range m.describe(object).Fields {
		if f := &m.describe(object).Fields[i]; f.required() {
			described = append(described, f.Name)
		}
	}
	slices.Sort(described)
	slices.Sort(required)
	expect(m, "required by describe", strings.Join(described, ","), strings.Join(required, ","))
	for _, name := range all {
		in := m.fields(object)
		if _, there := in[name]; !there {
			m.Errorf("%s is not among what was given", name)
		}
		delete(in, name)
		status, out := m.do("POST", "/sobjects/"+object, in)
		if auto := slices.Contains(filled, name); auto != (status == 201) {
			m.Errorf("a create without %s: %d %s", name, status, out)
		}
	}
}

// checkLife updates, deletes and undeletes the record as the letters say.
func (m *maker) checkLife(object, id, calls string) {
	path := "/sobjects/" + object + "/" + id
	d := m.describe(object)
	i := slices.IndexFunc(d.Fields, func(f seenField) bool {
		return f.Updateable && f.Type != "base64" && (f.Type != "reference" || object == "CaseTeamMember")
	})
	if i >= 0 && object != "EmailMessage" { // one that was sent stays as it is: see TestQuirks
		status, out := m.do("PATCH", path, map[string]any{d.Fields[i].Name: m.value(object, &d.Fields[i])})
		if (status == 204) != strings.Contains(calls, "U") {
			m.Errorf("update of %s: %d %s", d.Fields[i].Name, status, out)
		}
	}
	status, out := m.do("DELETE", path, nil)
	if !strings.Contains(calls, "D") {
		if status != 400 {
			m.Errorf("delete of what cannot be deleted: %d %s", status, out)
		}
		return
	}
	expect(m, "delete "+string(out), status, 204)
	gone, _ := m.do("GET", path, nil)
	expect(m, "the deleted record", gone, 404)
	back := m.undelete(id)[0]
	expect(m, "undelete", back, strings.Contains(calls, "N") || object == "ContentNote") // whose id is a document's
	if back {
		status, _ := m.do("GET", path, nil)
		expect(m, "the record that came back", status, 200)
	}
}

func TestReferenceChildren(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := &maker{world: w, known: map[string]*seenObject{}}
	for _, line := range strings.Split(strings.TrimSpace(referenceChildren), "\n") {
		words := strings.Fields(line)
		flags := map[string]string{}
		for _, r := range m.describe(words[0]).ChildRelationships {
			said := ""
			if r.CascadeDelete {
				said += "c"
			}
			if r.RestrictedDelete {
				said += "r"
			}
			if said == "" {
				said = "-"
			}
			flags[r.ChildSObject+"."+r.Field] = said
		}
		for _, want := range words[1:] {
			child, said, _ := strings.Cut(want, ":")
			if flags[child] != said {
				t.Errorf("%s: %s is %q, want %q", words[0], child, flags[child], said)
			}
			object, field, _ := strings.Cut(child, ".")
			if !slices.Contains(m.describe(object).field(field).ReferenceTo, words[0]) {
				t.Errorf("%s does not refer to %s", child, words[0])
			}
		}
	}
}
