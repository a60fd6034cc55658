package simorg

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

// beforeSave is what the platform derives or demands of its own objects
// (reference §8.8); nil for the others.
func beforeSave(object string) func(*change) error {
	switch object {
	case "Individual":
		return personName
	case "OpportunitySplit":
		return teamSplit
	case "Partner", "AccountPartner", "OpportunityPartner":
		return partner
	case "CampaignMemberStatus":
		return memberStatus
	case "Knowledge__kav":
		return article
	case "TopicAssignment":
		return topicAssignment
	case "ContentNote":
		return note
	case "StaticResource":
		return namedResource
	case "Territory2":
		return territory
	case "EmailMessage":
		return email
	case "EmailMessageRelation":
		return emailRelation
	case "WorkOrder", "WorkOrderLineItem":
		return work
	case "ServiceAppointment":
		return appointment
	case "CaseMilestone":
		return milestone
	case "OpportunityLineItemSchedule":
		return schedule
	case "Quote":
		return quote
	case "QuoteLineItem":
		return quoteLine
	case "QuoteDocument":
		return quoteDocument
	case "OrderItem":
		return orderItem
	case "ContractLineItem":
		return contractLine
	case "Asset":
		return asset
	case "Account":
		return account
	case "Contact":
		return contactBefore
	case "Lead":
		return lead
	case "User":
		return user
	case "Opportunity":
		return opportunity
	case "Case":
		return caseRecord
	case "Task":
		return task
	case "Event":
		return event
	case "Contract", "Order":
		return agreement
	case "PricebookEntry":
		return priceEntry
	case "OpportunityLineItem":
		return lineItem
	case "CampaignMember":
		return campaignMember
	case "Attachment", "Document", "ContentVersion", "ContentDocumentLink":
		return beforeFileSave(object)
	case "FeedComment":
		return feedComment
	case "SetupEntityAccess":
		return entityAccess
	case "PermissionSetAssignment":
		return activeAssignment
	}
	return nil
}

func beforeFileSave(object string) func(*change) error {
	return map[string]func(*change) error{
		"Attachment": sizeOfBody, "Document": document, "ContentVersion": contentVersion, "ContentDocumentLink": contentLink,
	}[object]
}

// afterSave is the effect on other records.
func afterSave(object string) func(*change) error {
	switch object {
	case "ContentVersion":
		return contentVersionSaved
	case "Case":
		return caseSaved
	case "Account":
		return personSaved
	case "User":
		return userSaved
	case "Campaign":
		return campaignSaved
	case "Opportunity":
		return opportunitySaved
	case "OpportunityContactRole":
		return primaryRole
	case "Contact":
		return (*change).relateContact
	case "Partner", "AccountPartner", "OpportunityPartner":
		return partnerSaved
	case "ContentWorkspace":
		return librarySaved
	}
	return nil
}

func (c *change) standardBefore() error {
	c.assignByRule()
	if kind, _ := c.obj.Associate(); kind == "Share" {
		return share(c)
	}
	if f := beforeSave(c.obj.Name); f != nil {
		return f(c)
	}
	return nil
}

func (c *change) standardAfter() error {
	if err := c.trackHistory(); err != nil {
		return err
	}
	c.twinSaved()
	if f := afterSave(c.obj.Name); f != nil {
		return f(c)
	}
	return nil
}

// assignByRule runs the active assignment rule on a new record, unless the
// request said not to.
func (c *change) assignByRule() {
	if c.old != nil || c.system || !c.opts.autoAssign {
		return
	}
	for _, rule := range c.o.auto.assignments {
		if !rule.Inactive && strings.EqualFold(rule.Object, c.obj.Name) {
			c.set("OwnerId", rule.Owner)
		}
	}
}

func (c *change) setBool(name string, b bool) {
	if b {
		c.set(name, "true")
	} else {
		c.set(name, "")
	}
}

func account(c *change) error {
	person, err := personAccount(c)
	if err != nil || !person {
		return err
	}
	return personName(c)
}

// personName composes Name of its parts.
func personName(c *change) error {
	last := c.obj.Field("LastName")
	if last == nil || c.obj.Field("Name") == nil {
		return nil
	}
	parts := []string{c.get("FirstName"), c.get("LastName")}
	c.set("Name", strings.TrimSpace(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")))
	return nil
}

func lead(c *change) error {
	if c.old != nil && c.was("IsConverted") == "true" && !c.user.may("ModifyAllData") {
		return invalidRow("CANNOT_UPDATE_CONVERTED_LEAD", nil, "cannot reference converted lead")
	}
	return personName(c)
}

func user(c *change) error {
	if c.get("CommunityNickname") == "" {
		c.set("CommunityNickname", c.get("Alias"))
	}
	return personName(c)
}

// stage is what an opportunity's stage says of it.
type stage struct {
	probability      string
	closed, won      bool
	category, listed string
}

var stages = map[string]stage{
	"prospecting": {"10.0", false, false, "Pipeline", "Pipeline"}, "qualification": {"10.0", false, false, "Pipeline", "Pipeline"},
	"needs analysis": {"20.0", false, false, "Pipeline", "Pipeline"}, "value proposition": {"50.0", false, false, "Pipeline", "Pipeline"},
	"id. decision makers": {"60.0", false, false, "Pipeline", "Pipeline"}, "perception analysis": {"70.0", false, false, "Pipeline", "Pipeline"},
	"proposal/price quote": {"75.0", false, false, "Pipeline", "Pipeline"}, "negotiation/review": {"90.0", false, false, "Pipeline", "Pipeline"},
	"closed won": {"100.0", true, true, "Closed", "Closed"}, "closed lost": {"0.0", true, false, "Omitted", "Omitted"},
}

func opportunity(c *change) error {
	if !c.system && c.was("HasOpportunityLineItem") == "true" {
		c.set("Amount", c.was("Amount"))
	}
	s, known := stages[strings.ToLower(c.get("StageName"))]
	if !known {
		s = stage{probability: "0.0", category: "Pipeline", listed: "Pipeline"}
	}
	moved := c.get("StageName") != c.was("StageName")
	if moved && !c.gave("Probability") {
		c.set("Probability", s.probability)
	}
	if moved && !c.gave("ForecastCategoryName") {
		c.set("ForecastCategoryName", s.listed)
	}
	if moved && c.old != nil {
		c.set("LastStageChangeDate", formatStamp(c.stamp))
	}
	c.set("ForecastCategory", s.category)
	c.setBool("IsClosed", s.closed)
	c.setBool("IsWon", s.won)
	if amount := c.get("Amount"); amount != "" {
		c.set("ExpectedRevenue", formatDouble(parseNumber(amount)*parseNumber(c.get("Probability"))/100))
	} else {
		c.set("ExpectedRevenue", "")
	}
	if t, err := time.Parse("2006-01-02", c.get("CloseDate")); err == nil {
		quarter := (int(t.Month())-1)/3 + 1
		c.set("FiscalYear", t.Format("2006"))
		c.set("FiscalQuarter", string(rune('0'+quarter)))
		c.set("Fiscal", t.Format("2006")+" "+string(rune('0'+quarter)))
	}
	return nil
}

func caseRecord(c *change) error {
	closed := strings.HasPrefix(strings.ToLower(c.get("Status")), "closed")
	c.setBool("IsClosed", closed)
	switch {
	case closed && c.get("ClosedDate") == "":
		c.set("ClosedDate", formatStamp(c.stamp))
	case !closed:
		c.set("ClosedDate", "")
	}
	return nil
}

// caseSaved turns the write-only Comments into a CaseComment.
func caseSaved(c *change) error {
	text := c.get("Comments")
	if text == "" || !c.gave("Comments") || c.o.schema().Get("CaseComment") == nil {
		return nil
	}
	v := slices.Clone(c.new)
	v[c.obj.Field("Comments").Col] = ""
	c.change(c.obj, c.rec, v, nil)
	_, err := c.systemInsert("CaseComment", input{"ParentId": c.id, "CommentBody": text})
	return err
}

func task(c *change) error {
	closed := strings.EqualFold(c.get("Status"), "Completed")
	c.setBool("IsClosed", closed)
	c.setBool("IsHighPriority", strings.EqualFold(c.get("Priority"), "High"))
	if closed && c.get("CompletedDateTime") == "" {
		c.set("CompletedDateTime", formatStamp(c.stamp))
	}
	return activity(c)
}

func event(c *change) error {
	start := c.get("StartDateTime")
	if start == "" {
		start = c.get("ActivityDateTime")
	}
	if start == "" && c.get("ActivityDate") == "" {
		return invalidRow("REQUIRED_FIELD_MISSING", []string{"ActivityDateTime"}, "Required fields are missing: [ActivityDateTime]")
	}
	if t, err := time.Parse(stampLayout, start); err == nil {
		c.set("StartDateTime", start)
		c.set("ActivityDateTime", start)
		c.set("ActivityDate", t.Format("2006-01-02"))
		end, ended := time.Parse(stampLayout, c.get("EndDateTime"))
		minutes := c.get("DurationInMinutes")
		switch {
		case ended == nil && (minutes == "" || c.gave("EndDateTime")):
			c.set("DurationInMinutes", formatMinutes(end.Sub(t)))
		case minutes != "":
			end = t.Add(time.Duration(parseNumber(minutes)) * time.Minute)
		default:
			return invalidRow("REQUIRED_FIELD_MISSING", []string{"DurationInMinutes"}, "Required fields are missing: [DurationInMinutes]")
		}
		c.set("EndDateTime", end.Format(stampLayout))
		c.set("EndDate", end.Format("2006-01-02"))
	}
	return activity(c)
}

func formatMinutes(d time.Duration) string {
	text, _ := coerceNumber(&schema.Field{Type: "int"}, formatDouble(d.Minutes()))
	return text
}

// activity fills the account that a task or an event belongs to.
func activity(c *change) error {
	who, what := c.get("WhoId"), c.get("WhatId")
	if strings.HasPrefix(who, "00Q") && what != "" {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"WhatId"}, "A lead cannot be related to another record (WhatId)")
	}
	account := c.accountOf(what)
	if strings.HasPrefix(what, "001") {
		account = what
	}
	if account == "" {
		account = c.accountOf(who)
	}
	c.set("AccountId", account)
	return nil
}

// accountOf is the AccountId of a record, "" when it has none.
func (t *tx) accountOf(id string) string {
	obj := t.o.ofID(id)
	if obj == nil || obj.Field("AccountId") == nil {
		return ""
	}
	r := t.o.table(obj.Name).Get(id)
	if r == nil {
		return ""
	}
	return r.Get(obj.Field("AccountId").Col)
}

func campaignMember(c *change) error {
	given := 0
	for _, name := range []string{"LeadId", "ContactId", "AccountId"} {
		if c.get(name) != "" {
			given++
		}
	}
	if given != 1 {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", nil, "A campaign member is exactly one of a lead, a contact and an account")
	}
	responded, known := c.get("Status") == "Responded", c.system || c.get("Status") == ""
	for _, status := range c.alive("CampaignMemberStatus", "CampaignId", c.get("CampaignId")) {
		if strings.EqualFold(status.rec.Get(status.obj.Field("Label").Col), c.get("Status")) {
			known, responded = true, status.rec.Get(status.obj.Field("HasResponded").Col) == "true"
		}
	}
	if !known && (c.isNew() || c.gave("Status")) {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"Status"}, "%s is no member status of the campaign", c.get("Status"))
	}
	c.setBool("HasResponded", responded)
	return nil
}

// campaignSaved gives a new campaign its two default member statuses.
func campaignSaved(c *change) error {
	if c.old != nil || c.o.schema().Get("CampaignMemberStatus") == nil {
		return nil
	}
	for i, label := range []string{"Sent", "Responded"} {
		if _, err := c.systemInsert("CampaignMemberStatus", input{
			"CampaignId": c.id, "Label": label, "SortOrder": strconv.Itoa(i + 1),
			"IsDefault": i == 0, "HasResponded": i == 1,
		}); err != nil {
			return err
		}
	}
	return nil
}

// memberStatus is one of its label in its campaign.
func memberStatus(c *change) error {
	for _, other := range c.alive("CampaignMemberStatus", "CampaignId", c.get("CampaignId")) {
		if other.rec.ID != c.id && strings.EqualFold(other.rec.Get(c.obj.Field("Label").Col), c.get("Label")) {
			return invalidRow("DUPLICATE_VALUE", []string{"Label"}, "duplicate value found: Label duplicates value on record with id: %s", other.rec.ID[:15])
		}
	}
	return nil
}

// opportunitySaved makes the primary contact role that ContactId asks for, and
// keeps the stage history and the mark of the synced quote.
func opportunitySaved(c *change) error {
	c.stageHistory()
	if err := c.syncQuote(); err != nil {
		return err
	}
	if c.old != nil || c.get("ContactId") == "" {
		return nil
	}
	_, err := c.systemInsert("OpportunityContactRole", input{"OpportunityId": c.id, "ContactId": c.get("ContactId"), "IsPrimary": true})
	return err
}
