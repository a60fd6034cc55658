package simorg_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// TestQuirks has a sub-test for each of §14's restore quirks that is behaviour
// and that the checklist's rows do not show.
func TestQuirks(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(*maker){
		"a campaign brings its member statuses": campaignStatuses,
		"team members":                          teamMembers,
		"splits":                                splits,
		"partners are mirrored":                 partners,
		"the stage history":                     stageHistory,
		"products make the amount":              productsMakeAmount,
		"a used price is archived":              usedPrice,
		"quotes":                                quotes,
		"orders":                                orders,
		"one primary contact":                   onePrimary,
		"emails":                                emails,
		"notes are files":                       notesAreFiles,
		"articles":                              articles,
		"votes":                                 votes,
		"shares by hand":                        shares,
		"contacts of several accounts":          sharedContacts,
		"assets":                                assets,
		"feeds":                                 feeds,
		"individuals merge":                     individualsMerge,
		"milestones are made by processes":      milestones,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *simorg.Config) {
				c.SharedContacts = name == "contacts of several accounts"
				c.Users = append(c.Users, simorg.User{Username: "bo@test.example", LastName: "Bo"})
			})
			check(&maker{world: w, known: map[string]*seenObject{}})
		})
	}
}

// one is the only record of a query.
func (w *world) one(soql string) map[string]any {
	w.Helper()
	got := w.query(soql)
	if got.TotalSize != 1 {
		w.Fatalf("%s: %d records", soql, got.TotalSize)
	}
	return got.Records[0]
}

// shows compares one field of a record.
func (w *world) shows(object, id, field string, want any) {
	w.Helper()
	expect(w, object+"."+field, w.one("SELECT " + field + " FROM " + object + " WHERE Id = '" + id + "'")[field], want)
}

func campaignStatuses(m *maker) {
	campaign := m.make("Campaign")
	expect(m, "statuses", m.count("SELECT COUNT() FROM CampaignMemberStatus WHERE CampaignId = '"+campaign+"' AND Label IN ('Sent','Responded')"), 2)
	m.refused("POST", "/sobjects/CampaignMemberStatus", map[string]any{"CampaignId": campaign, "Label": "sent"}, 400, "DUPLICATE_VALUE")
	lead := m.make("Lead")
	member := map[string]any{"CampaignId": campaign, "LeadId": lead, "Status": "Came"}
	m.refused("POST", "/sobjects/CampaignMember", member, 400, "FIELD_INTEGRITY_EXCEPTION")
	m.create("CampaignMemberStatus", map[string]any{"CampaignId": campaign, "Label": "Came", "HasResponded": true})
	id := m.create("CampaignMember", member)
	m.shows("CampaignMember", id, "HasResponded", true)
	m.shows("Campaign", campaign, "NumberOfLeads", 1.0)
	m.must("DELETE", "/sobjects/CampaignMember/"+id, nil, nil)
	m.shows("Campaign", campaign, "NumberOfLeads", 0.0)
}

func teamMembers(m *maker) {
	bo := m.first("User WHERE LastName = 'Bo'")
	for object, parent := range map[string]string{"AccountTeamMember": "Account", "OpportunityTeamMember": "Opportunity"} {
		in := map[string]any{parent + "Id": m.make(parent), "UserId": bo, "TeamMemberRole": "Sales Rep"}
		id := m.create(object, in)
		in["TeamMemberRole"] = "Sales Manager"
		expect(m, object+" again is", m.create(object, in), id)
		m.shows(object, id, "TeamMemberRole", "Sales Manager")
		m.must("DELETE", "/sobjects/"+object+"/"+id, nil, nil)
		inBin := m.queryAll("SELECT Id FROM " + object + " WHERE IsDeleted = true").TotalSize
		expect(m, object+" in the bin", inBin, map[string]int{"AccountTeamMember": 0, "OpportunityTeamMember": 1}[object])
		if again := m.create(object, in); again == id {
			m.Errorf("%s: an id was used twice", object)
		}
	}
}

func splits(m *maker) {
	opportunity, bo, me := m.make("Opportunity"), m.first("User WHERE LastName = 'Bo'"), m.first("User WHERE LastName = 'Admin'")
	half := func(owner string, percent int) map[string]any {
		return map[string]any{"OpportunityId": opportunity, "SplitOwnerId": owner, "SplitPercentage": percent}
	}
	m.create("OpportunitySplit", half(me, 60))
	m.refused("POST", "/sobjects/OpportunitySplit", half(bo, 40), 400, "FIELD_INTEGRITY_EXCEPTION")
	m.create("OpportunityTeamMember", map[string]any{"OpportunityId": opportunity, "UserId": bo})
	m.refused("POST", "/sobjects/OpportunitySplit", half(bo, 41), 400, "FIELD_INTEGRITY_EXCEPTION")
	id := m.create("OpportunitySplit", half(bo, 40))
	expect(m, "its type", m.one("SELECT SplitType.DeveloperName FROM OpportunitySplit WHERE Id = '" + id + "'")["SplitType"].(map[string]any)["DeveloperName"], any("Revenue"))
}

func partners(m *maker) {
	from, to := m.make("Account"), m.make("Account")
	id := m.create("Partner", map[string]any{"AccountFromId": from, "AccountToId": to, "Role": "Broker"})
	mirror := m.one("SELECT Id, AccountFromId, ReversePartnerId FROM Partner WHERE AccountToId = '" + from + "'")
	expect(m, "the mirror's account", mirror["AccountFromId"], any(to))
	expect(m, "the mirror's mirror", mirror["ReversePartnerId"], any(id))
	expect(m, "as account partners", m.count("SELECT COUNT() FROM AccountPartner"), 2)
	m.shows("AccountPartner", id, "Role", "Broker")
	m.refused("PATCH", "/sobjects/Partner/"+id, map[string]any{"Role": "Dealer"}, 400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
	m.must("DELETE", "/sobjects/Partner/"+id, nil, nil)
	expect(m, "after the delete of one", m.count("SELECT COUNT() FROM Partner")+m.count("SELECT COUNT() FROM AccountPartner"), 0)
	opportunity := m.create("Opportunity", map[string]any{"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-05-01", "AccountId": from})
	m.create("OpportunityPartner", map[string]any{"OpportunityId": opportunity, "AccountToId": to})
	expect(m, "an opportunity's partners as partners", m.count("SELECT COUNT() FROM Partner WHERE OpportunityId = '"+opportunity+"'"), 2)
}

func stageHistory(m *maker) {
	id := m.make("Opportunity")
	m.must("PATCH", "/sobjects/Opportunity/"+id, map[string]any{"Amount": 10}, nil)
	m.must("PATCH", "/sobjects/Opportunity/"+id, map[string]any{"Description": "no news"}, nil)
	m.must("PATCH", "/sobjects/Opportunity/"+id, map[string]any{"StageName": "Closed Won"}, nil)
	got := m.query("SELECT StageName, Amount FROM OpportunityHistory WHERE OpportunityId = '" + id + "' ORDER BY Id").Records
	expect(m, "rows", len(got), 3)
	expect(m, "the last", fmt.Sprint(got[2]["StageName"], got[2]["Amount"]), "Closed Won10")
	row := m.first("OpportunityHistory")
	m.refused("DELETE", "/sobjects/OpportunityHistory/"+row, nil, 400, "INVALID_TYPE_FOR_OPERATION")
	m.must("DELETE", "/sobjects/Opportunity/"+id, nil, nil)
	expect(m, "gone with it", m.count("SELECT COUNT() FROM OpportunityHistory"), 0)
}

// entry is a new product's price in the standard price book.
func (m *maker) entry(price int) string {
	return m.create("PricebookEntry", map[string]any{
		"Pricebook2Id": m.first("Pricebook2 WHERE IsStandard = true"), "Product2Id": m.make("Product2"), "UnitPrice": price, "IsActive": true,
	})
}

func productsMakeAmount(m *maker) {
	id := m.create("Opportunity", map[string]any{"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-05-01", "Amount": 7})
	line := map[string]any{"OpportunityId": id, "PricebookEntryId": m.entry(5), "Quantity": 4, "UnitPrice": 5}
	m.refused("POST", "/sobjects/OpportunityLineItem", line, 400, "FIELD_INTEGRITY_EXCEPTION")
	m.must("PATCH", "/sobjects/Opportunity/"+id, map[string]any{"Pricebook2Id": m.first("Pricebook2 WHERE IsStandard = true")}, nil)
	first := m.create("OpportunityLineItem", line)
	m.shows("Opportunity", id, "Amount", 20.0)
	m.must("PATCH", "/sobjects/Opportunity/"+id, map[string]any{"Amount": 1}, nil)
	m.shows("Opportunity", id, "Amount", 20.0)
	delete(line, "UnitPrice")
	line["TotalPrice"] = 10
	m.create("OpportunityLineItem", line)
	m.shows("Opportunity", id, "Amount", 30.0)
	m.must("DELETE", "/sobjects/OpportunityLineItem/"+first, nil, nil)
	m.shows("Opportunity", id, "Amount", 10.0)
	product := m.one("SELECT Product2Id FROM OpportunityLineItem")["Product2Id"].(string)
	m.refused("DELETE", "/sobjects/Product2/"+product, nil, 400, "DELETE_FAILED")
	plain := m.create("Product2", map[string]any{"Name": "Unscheduled"})
	entry := m.create("PricebookEntry", map[string]any{"Pricebook2Id": m.first("Pricebook2"), "Product2Id": plain, "UnitPrice": 1, "IsActive": true})
	unscheduled := m.create("OpportunityLineItem", map[string]any{"OpportunityId": id, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": 1})
	schedule := map[string]any{"OpportunityLineItemId": unscheduled, "Type": "Revenue", "Revenue": 1, "ScheduleDate": "2026-05-01"}
	m.refused("POST", "/sobjects/OpportunityLineItemSchedule", schedule, 400, "FIELD_INTEGRITY_EXCEPTION")
}

func usedPrice(m *maker) {
	line := m.make("OpportunityLineItem")
	entry := m.one("SELECT PricebookEntryId FROM OpportunityLineItem WHERE Id = '" + line + "'")["PricebookEntryId"].(string)
	m.must("DELETE", "/sobjects/PricebookEntry/"+entry, nil, nil)
	expect(m, "hidden", m.count("SELECT COUNT() FROM PricebookEntry WHERE Id = '"+entry+"'"), 0)
	archived := m.queryAll("SELECT IsArchived, IsDeleted, IsActive FROM PricebookEntry WHERE Id = '" + entry + "'").Records[0]
	expect(m, "archived", fmt.Sprint(archived["IsArchived"], archived["IsDeleted"], archived["IsActive"]), "true false false")
	expect(m, "not to be recovered", m.undelete(entry)[0], false)
	m.shows("OpportunityLineItem", line, "PricebookEntryId", entry)
	free := m.entry(1)
	m.must("DELETE", "/sobjects/PricebookEntry/"+free, nil, nil)
	expect(m, "one that nothing used", m.queryAll("SELECT Id FROM PricebookEntry WHERE IsDeleted = true").TotalSize, 1)
}

func quotes(m *maker) {
	line := m.make("QuoteLineItem")
	quote := m.one("SELECT QuoteId, Product2Id, LineNumber FROM QuoteLineItem WHERE Id = '" + line + "'")
	if quote["Product2Id"] == nil || quote["LineNumber"] == nil {
		m.Errorf("the line: %v", quote)
	}
	id := quote["QuoteId"].(string)
	m.shows("Quote", id, "LineItemCount", 1.0)
	opportunity := m.one("SELECT OpportunityId FROM Quote WHERE Id = '" + id + "'")["OpportunityId"].(string)
	m.refused("PATCH", "/sobjects/Quote/"+id, map[string]any{"IsSyncing": true}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
	m.must("PATCH", "/sobjects/Opportunity/"+opportunity, map[string]any{"SyncedQuoteId": id}, nil)
	m.shows("Quote", id, "IsSyncing", true)
	m.must("DELETE", "/sobjects/Opportunity/"+opportunity, nil, nil)
	expect(m, "lines of the bin", m.queryAll("SELECT Id FROM QuoteLineItem WHERE IsDeleted = true").TotalSize, 1)
	expect(m, "it comes back", m.undelete(opportunity)[0], true)
	m.shows("Quote", id, "LineItemCount", 1.0)
}

func orders(m *maker) {
	contract := m.make("Contract")
	order := m.create("Order", map[string]any{"EffectiveDate": "2026-05-01", "Status": "Draft", "ContractId": contract, "Pricebook2Id": m.first("Pricebook2 WHERE IsStandard = true")})
	expect(m, "the account of its contract", m.count("SELECT COUNT() FROM Order WHERE AccountId != null"), 1)
	m.refused("POST", "/sobjects/OrderItem", map[string]any{"OrderId": order, "Quantity": 1}, 400, "REQUIRED_FIELD_MISSING")
	in := map[string]any{"OrderId": order, "Quantity": 2, "UnitPrice": 3, "PricebookEntryId": m.entry(3)}
	first, second := m.create("OrderItem", in), m.create("OrderItem", in)
	m.shows("Order", order, "TotalAmount", 12.0)
	m.must("DELETE", "/sobjects/OrderItem/"+first, nil, nil)
	expect(m, "no bin for one that is deleted alone", m.queryAll("SELECT Id FROM OrderItem WHERE IsDeleted = true").TotalSize, 0)
	m.must("DELETE", "/sobjects/Order/"+order, nil, nil)
	expect(m, "with its order it is in the bin", m.queryAll("SELECT Id FROM OrderItem WHERE IsDeleted = true").TotalSize, 1)
	expect(m, "and comes back", m.undelete(order)[0], true)
	m.shows("OrderItem", second, "TotalPrice", 6.0)
	m.must("PATCH", "/sobjects/Order/"+order, map[string]any{"Status": "Activated"}, nil)
	m.refused("POST", "/sobjects/OrderItem", in, 400, "INSUFFICIENT_ACCESS_OR_READONLY")
	m.refused("PATCH", "/sobjects/OrderItem/"+second, map[string]any{"Quantity": 9}, 400, "INSUFFICIENT_ACCESS_OR_READONLY")
	m.refused("DELETE", "/sobjects/Order/"+order, nil, 400, "DELETE_FAILED")
}

func onePrimary(m *maker) {
	opportunity := m.make("Opportunity")
	role := func() string {
		return m.create("OpportunityContactRole", map[string]any{"OpportunityId": opportunity, "ContactId": m.make("Contact"), "IsPrimary": true})
	}
	first, second := role(), role()
	m.shows("OpportunityContactRole", first, "IsPrimary", false)
	m.shows("OpportunityContactRole", second, "IsPrimary", true)
	m.refused("PATCH", "/sobjects/OpportunityContactRole/"+first, map[string]any{"OpportunityId": m.make("Opportunity")}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE")
}

func emails(m *maker) {
	sent := m.make("EmailMessage")
	m.shows("EmailMessage", sent, "Status", "3")
	m.refused("PATCH", "/sobjects/EmailMessage/"+sent, map[string]any{"Subject": "x"}, 400, "INSUFFICIENT_ACCESS_OR_READONLY")
	m.refused("POST", "/sobjects/EmailMessage", map[string]any{"Status": "1"}, 400, "FIELD_INTEGRITY_EXCEPTION")
	draft := m.create("EmailMessage", map[string]any{"Status": "5"})
	m.must("PATCH", "/sobjects/EmailMessage/"+draft, map[string]any{"Subject": "x"}, nil)
	m.create("EmailMessage", map[string]any{"Status": "1", "ParentId": m.make("Case")})
	contact := m.make("Contact")
	m.create("EmailMessageRelation", map[string]any{"EmailMessageId": sent, "RelationType": "ToAddress", "RelationId": contact})
	m.must("DELETE", "/sobjects/EmailMessage/"+sent, nil, nil)
	expect(m, "relations", m.count("SELECT COUNT() FROM EmailMessageRelation"), 0)
}

func notesAreFiles(m *maker) {
	id := m.create("ContentNote", map[string]any{"Title": "N", "Content": "PGI+aGk8L2I+"})
	document := m.one("SELECT FileType, Title, LatestPublishedVersionId FROM ContentDocument WHERE Id = '" + id + "'")
	expect(m, "the file", fmt.Sprint(document["FileType"], document["Title"]), "SNOTEN")
	_, data := m.do("GET", "/sobjects/ContentVersion/"+document["LatestPublishedVersionId"].(string)+"/VersionData", nil)
	expect(m, "its content", string(data), "<b>hi</b>")
	m.must("PATCH", "/sobjects/ContentNote/"+id, map[string]any{"Title": "M", "Content": "aGk="}, nil)
	expect(m, "versions", m.count("SELECT COUNT() FROM ContentVersion WHERE ContentDocumentId = '"+id+"'"), 2)
	m.shows("ContentDocument", id, "Title", "M")
	m.must("DELETE", "/sobjects/ContentNote/"+id, nil, nil)
	expect(m, "files left", m.count("SELECT COUNT() FROM ContentDocument")+m.count("SELECT COUNT() FROM ContentNote"), 0)
	expect(m, "it comes back", m.undelete(id)[0], true)
	m.shows("ContentNote", id, "TextPreview", "hi")
	m.refused("POST", "/sobjects/ContentDocument", map[string]any{"Title": "T"}, 400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
}

func articles(m *maker) {
	id := m.make("Knowledge__kav")
	m.refused("GET", "/query?q=SELECT+Id+FROM+Knowledge__kav", nil, 400, "MALFORMED_QUERY")
	draft := m.one("SELECT Id, KnowledgeArticleId, ArticleNumber FROM KnowledgeArticleVersion WHERE PublishStatus = 'Draft'")
	expect(m, "the same version", draft["Id"], any(id))
	m.must("PATCH", "/sobjects/Knowledge__kav/"+id, map[string]any{"Title": "New"}, nil)
	m.shows("KnowledgeArticleVersion", id, "Title", "New")
	m.refused("POST", "/sobjects/KnowledgeArticleVersion", map[string]any{"Title": "T"}, 400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
	m.must("DELETE", "/sobjects/Knowledge__kav/"+id, nil, nil)
	expect(m, "versions left", m.count("SELECT COUNT() FROM KnowledgeArticleVersion WHERE PublishStatus = 'Draft'"), 0)
}

func votes(m *maker) {
	vote := m.make("Vote")
	idea := m.one("SELECT ParentId FROM Vote WHERE Id = '" + vote + "'")["ParentId"].(string)
	m.refused("GET", "/query?q=SELECT+Id+FROM+Vote", nil, 400, "MALFORMED_QUERY")
	m.refused("GET", "/query?q=SELECT+Id+FROM+Vote+WHERE+Type='Up'", nil, 400, "MALFORMED_QUERY")
	expect(m, "by parent", m.count("SELECT COUNT() FROM Vote WHERE ParentId = '"+idea+"'"), 1)
	expect(m, "by the parent's type", m.count("SELECT COUNT() FROM Vote WHERE Parent.Type = 'Idea'"), 1)
	_, out := m.do("POST", "/jobs/query", map[string]any{"operation": "query", "query": "SELECT Id FROM Vote"})
	if !strings.Contains(string(out), "Implementation restriction") {
		m.Errorf("in Bulk: %s", out)
	}
}

func shares(m *maker) {
	in := m.fields("AccountShare")
	id := m.create("AccountShare", in)
	m.shows("AccountShare", id, "RowCause", "Manual")
	in["AccountAccessLevel"] = "Edit"
	expect(m, "the same again is", m.create("AccountShare", in), id)
	m.shows("AccountShare", id, "AccountAccessLevel", "Edit")
	in["UserOrGroupId"], in["RowCause"] = m.make("Group"), "Rule"
	m.refused("POST", "/sobjects/AccountShare", in, 400, "FIELD_INTEGRITY_EXCEPTION")
	m.must("DELETE", "/sobjects/AccountShare/"+id, nil, nil)
}

func sharedContacts(m *maker) {
	first, second := m.make("Account"), m.make("Account")
	contact := m.create("Contact", map[string]any{"LastName": "C", "AccountId": first})
	direct := m.one("SELECT AccountId FROM AccountContactRelation WHERE ContactId = '" + contact + "' AND IsDirect = true")
	expect(m, "made by itself", direct["AccountId"], any(first))
	other := m.create("AccountContactRelation", map[string]any{"AccountId": second, "ContactId": contact})
	m.must("PATCH", "/sobjects/Contact/"+contact, map[string]any{"AccountId": second}, nil)
	m.shows("AccountContactRelation", other, "IsDirect", true)
	expect(m, "relations", m.count("SELECT COUNT() FROM AccountContactRelation"), 2)
}

func assets(m *maker) {
	root := m.make("Asset")
	m.shows("Asset", root, "AssetLevel", 1.0)
	account := m.make("Account")
	child := m.create("Asset", map[string]any{"Name": "c", "AccountId": account, "ParentId": root})
	leaf := m.create("Asset", map[string]any{"Name": "l", "AccountId": account, "ParentId": child})
	m.shows("Asset", leaf, "AssetLevel", 3.0)
	m.shows("Asset", leaf, "RootAssetId", root)
}

func feeds(m *maker) {
	account := m.make("Account")
	item := m.create("FeedItem", map[string]any{"ParentId": account, "Body": "hello"})
	m.shows("AccountFeed", item, "Body", "hello")
	m.make("FeedComment")
	m.must("DELETE", "/sobjects/FeedItem/"+item, nil, nil)
	expect(m, "in the feed", m.count("SELECT COUNT() FROM AccountFeed WHERE Id = '"+item+"'"), 0)
	topic := m.make("Topic")
	m.create("TopicAssignment", map[string]any{"TopicId": topic, "EntityId": account})
	expect(m, "the assigned type", m.one("SELECT EntityType FROM TopicAssignment")["EntityType"], any("Account"))
}

func individualsMerge(m *maker) {
	master, loser := m.make("Individual"), m.make("Individual")
	email := m.create("ContactPointEmail", map[string]any{"EmailAddress": "a@b.example", "ParentId": loser})
	out := m.soap(`<urn:merge><urn:request><urn:masterRecord><urn:type>Individual</urn:type><urn:Id>` + master + `</urn:Id></urn:masterRecord><urn:recordToMergeIds>` + loser + `</urn:recordToMergeIds></urn:request></urn:merge>`)
	if !strings.Contains(out, "<success>true") {
		m.Errorf("merge: %s", out)
	}
	m.shows("ContactPointEmail", email, "ParentId", master)
}

func milestones(m *maker) {
	id, err := m.org.SystemRecord("CaseMilestone", map[string]any{"CaseId": m.make("Case"), "MilestoneTypeId": m.first("MilestoneType")})
	if err != nil {
		m.Fatal(err)
	}
	m.must("PATCH", "/sobjects/CaseMilestone/"+id, map[string]any{"CompletionDate": "2026-03-01T10:00:00Z"}, nil)
	m.shows("CaseMilestone", id, "IsCompleted", true)
	m.refused("DELETE", "/sobjects/CaseMilestone/"+id, nil, 400, "INVALID_TYPE_FOR_OPERATION")
}
