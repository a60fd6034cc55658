package simorg

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// beforeSave is what the platform derives or demands of its own objects
// (reference §8.8); nil for the others.
func beforeSave(object string) func(*change) error {
	switch object {
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
	case "Attachment":
		return sizeOfBody
	case "Document":
		return document
	case "ContentVersion":
		return contentVersion
	case "ContentDocumentLink":
		return contentLink
	case "FeedComment":
		return feedComment
	case "SetupEntityAccess":
		return entityAccess
	case "PermissionSetAssignment":
		return activeAssignment
	}
	return nil
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
	case "FeedItem":
		return feedItemSaved
	}
	return nil
}

func (c *change) standardBefore() error {
	c.assignByRule()
	if f := beforeSave(c.obj.Name); f != nil {
		return f(c)
	}
	return nil
}

func (c *change) standardAfter() error {
	if err := c.trackHistory(); err != nil {
		return err
	}
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
	for name, value := range map[string]string{
		"CommunityNickname": c.get("Alias"), "TimeZoneSidKey": "Europe/Helsinki",
		"LocaleSidKey": "en_US", "EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US", "ProfileId": c.o.adminProfile,
	} {
		if c.get(name) == "" {
			c.set(name, value)
		}
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
	obj := t.o.schema().ByPrefix(id)
	if obj == nil || obj.Field("AccountId") == nil {
		return ""
	}
	r := t.o.table(obj.Name).Get(id)
	if r == nil {
		return ""
	}
	return r.Get(obj.Field("AccountId").Col)
}

// agreement is an Order or a Contract: it starts as a draft, and is activated
// by an update of Status alone.
func agreement(c *change) error {
	active := strings.EqualFold(c.get("Status"), "Activated")
	wasActive := c.was("StatusCode") == "Activated"
	switch {
	case c.old == nil && active:
		return invalidRow("FAILED_ACTIVATION", []string{"Status"}, "Choose a valid %s status and save your changes. Ask your admin for details.", strings.ToLower(c.obj.Label()))
	case wasActive && !active:
		return invalidRow("INVALID_STATUS", []string{"Status"}, "An activated %s cannot go back to draft.", strings.ToLower(c.obj.Label()))
	case active && len(c.given) > 1 || wasActive && len(c.given) > 0 && !c.system:
		return invalidRow("FAILED_ACTIVATION", []string{"Status"}, "Status must be the only field in the update that activates, and an activated %s is read-only.", strings.ToLower(c.obj.Label()))
	}
	c.set("StatusCode", "Draft")
	if active {
		c.set("StatusCode", "Activated")
		c.set("ActivatedDate", formatStamp(c.stamp))
		c.set("ActivatedById", c.user.id)
	} else if strings.HasPrefix(c.get("Status"), "In Approval") {
		c.set("StatusCode", "InApproval")
	}
	if start, err := time.Parse("2006-01-02", c.get("StartDate")); err == nil && c.get("ContractTerm") != "" {
		c.set("EndDate", start.AddDate(0, int(parseNumber(c.get("ContractTerm"))), -1).Format("2006-01-02"))
	}
	return nil
}

// priceEntry demands the standard price before any other.
func priceEntry(c *change) error {
	product := c.get("Product2Id")
	if p := c.o.table("Product2").Get(product); p != nil {
		products := c.o.schema().Get("Product2")
		c.set("Name", p.Get(products.Field("Name").Col))
		c.set("ProductCode", p.Get(products.Field("ProductCode").Col))
	}
	standard, pays := c.standardPrice(product)
	if c.old == nil && c.get("Pricebook2Id") != c.o.standardPricebook && standard == nil {
		return invalidRow("STANDARD_PRICE_NOT_DEFINED", nil, "No standard price defined for this product")
	}
	if c.get("UseStandardPrice") == "true" && standard != nil {
		c.set("UnitPrice", pays)
	}
	return c.onlyEntry(product)
}

// standardPrice is the product's entry in the standard price book.
func (c *change) standardPrice(product string) (*store.Record, string) {
	table := c.o.table("PricebookEntry")
	table.Index(c.obj.Field("Product2Id").Col)
	for _, r := range table.Find(c.obj.Field("Product2Id").Col, product) {
		if r.State == store.Live && r.Get(c.obj.Field("Pricebook2Id").Col) == c.o.standardPricebook {
			return r, r.Get(c.obj.Field("UnitPrice").Col)
		}
	}
	return nil, ""
}

func (c *change) onlyEntry(product string) error {
	for _, r := range c.o.table("PricebookEntry").Find(c.obj.Field("Product2Id").Col, product) {
		if r.State == store.Live && r.ID != c.id && r.Get(c.obj.Field("Pricebook2Id").Col) == c.get("Pricebook2Id") {
			return invalidRow("DUPLICATE_VALUE", nil, "This price definition already exists in this price book")
		}
	}
	return nil
}

func lineItem(c *change) error {
	if c.get("PricebookEntryId") == "" && c.get("Product2Id") == "" {
		return invalidRow("REQUIRED_FIELD_MISSING", []string{"PricebookEntryId"}, "Required fields are missing: [PricebookEntryId]")
	}
	entries := c.o.schema().Get("PricebookEntry")
	if r := c.o.table("PricebookEntry").Get(c.get("PricebookEntryId")); r != nil {
		c.set("Product2Id", r.Get(entries.Field("Product2Id").Col))
		c.set("ListPrice", r.Get(entries.Field("UnitPrice").Col))
		c.set("Name", r.Get(entries.Field("Name").Col))
		c.set("ProductCode", r.Get(entries.Field("ProductCode").Col))
	}
	quantity := parseNumber(c.get("Quantity"))
	switch {
	case c.gave("UnitPrice") && c.gave("TotalPrice") && c.get("UnitPrice") != "" && c.get("TotalPrice") != "":
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"TotalPrice"}, "Specify either the unit price or the total price, not both")
	case c.gave("TotalPrice") && quantity != 0:
		c.set("UnitPrice", formatDouble(parseNumber(c.get("TotalPrice"))/quantity))
	case c.get("UnitPrice") == "":
		return invalidRow("REQUIRED_FIELD_MISSING", []string{"UnitPrice"}, "Required fields are missing: [UnitPrice]")
	default:
		c.set("TotalPrice", formatDouble(parseNumber(c.get("UnitPrice"))*quantity))
	}
	return nil
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
	c.setBool("HasResponded", c.get("Status") == "Responded")
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

// opportunitySaved makes the primary contact role that ContactId asks for.
func opportunitySaved(c *change) error {
	if c.old != nil || c.get("ContactId") == "" {
		return nil
	}
	_, err := c.systemInsert("OpportunityContactRole", input{"OpportunityId": c.id, "ContactId": c.get("ContactId"), "IsPrimary": true})
	return err
}

// feedItemSaved shows a new item in its parent's own feed, under the same id.
func feedItemSaved(c *change) error {
	parent := c.o.schema().ByPrefix(c.get("ParentId"))
	if c.old != nil || parent == nil {
		return nil
	}
	feed, field := c.o.companion(parent, "Feed")
	if feed == nil {
		return nil
	}
	values := make([]string, feed.Cols())
	for name, v := range map[string]string{
		field: c.get("ParentId"), "Type": c.get("Type"), "Title": c.get("Title"), "Body": c.get("Body"),
		"CreatedDate": c.get("CreatedDate"), "CreatedById": c.get("CreatedById"), "LastModifiedDate": c.get("LastModifiedDate"), "LastModifiedById": c.get("LastModifiedById"),
	} {
		if f := feed.Field(name); f != nil {
			values[f.Col] = v
		}
	}
	c.put(feed, &store.Record{ID: c.id, Stamp: c.stamp}, values)
	return nil
}

func feedComment(c *change) error {
	items := c.o.schema().Get("FeedItem")
	if r := c.o.table("FeedItem").Get(c.get("FeedItemId")); r != nil {
		c.set("ParentId", r.Get(items.Field("ParentId").Col))
	}
	return nil
}
