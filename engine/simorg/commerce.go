package simorg

import (
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// look reads a field of another live record, "" when there is none.
func (t *tx) look(object, id, name string) string {
	obj := t.o.schema().Get(object)
	if obj == nil || obj.Field(name) == nil {
		return ""
	}
	r := t.o.table(object).Get(id)
	if r == nil || r.State != store.Live {
		return ""
	}
	return r.Get(obj.Field(name).Col)
}

// alive lists the live records whose reference points at id.
func (t *tx) alive(object, reference, id string) []row {
	var live []row
	for _, r := range t.o.children(schema.ChildRelationship{ChildSObject: object, Field: reference}, id) {
		if r.rec.State == store.Live {
			live = append(live, r)
		}
	}
	return live
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
	return c.orderAccount()
}

// orderAccount takes an order's account from its contract, or demands one.
func (c *change) orderAccount() error {
	if c.obj.Name != "Order" || c.get("AccountId") != "" || c.system {
		return nil
	}
	if account := c.look("Contract", c.get("ContractId"), "AccountId"); account != "" {
		c.set("AccountId", account)
		return nil
	}
	return missing("AccountId")
}

// missing is the refusal of a record for what a rule of its object demands.
func missing(fields ...string) error {
	return invalidRow("REQUIRED_FIELD_MISSING", fields, "Required fields are missing: [%s]", strings.Join(fields, ", "))
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

// lineUses are the records that price themselves by a price book entry.
var lineUses = []string{"OpportunityLineItem", "OrderItem", "QuoteLineItem", "ContractLineItem", "WorkOrderLineItem"}

// archiveEntry hides a price book entry that is in use instead of deleting it;
// false when nothing uses it.
func (t *tx) archiveEntry(obj *schema.Object, r *store.Record) bool {
	used := false
	for _, line := range lineUses {
		used = used || len(t.alive(line, "PricebookEntryId", r.ID)) > 0
	}
	if !used {
		return false
	}
	v := t.values(row{obj, r})
	v[obj.Field("IsArchived").Col], v[obj.Field("IsActive").Col] = "true", ""
	t.change(obj, r, v, func(r *store.Record) { r.Archived, r.Stamp = true, t.stamp })
	return true
}

// priced takes what a line knows of its price book entry, and refuses one that
// its parent cannot use.
func (c *change) priced(parent, reference string) error {
	entry := c.get("PricebookEntryId")
	if entry == "" {
		return nil
	}
	c.set("Product2Id", c.look("PricebookEntry", entry, "Product2Id"))
	c.set("ListPrice", c.look("PricebookEntry", entry, "UnitPrice"))
	if c.old != nil || c.system {
		return nil
	}
	if c.look("PricebookEntry", entry, "IsActive") != "true" {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"PricebookEntryId"}, "field integrity exception: PricebookEntryId (pricebook entry is inactive)")
	}
	book := c.look(parent, c.get(reference), "Pricebook2Id")
	if book != c.look("PricebookEntry", entry, "Pricebook2Id") && (book != "" || parent == "Opportunity" || parent == "Order") {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"PricebookEntryId"},
			"The pricebook entry is in a different pricebook than the one assigned to the %s, or the %s has no pricebook assigned.", strings.ToLower(parent), strings.ToLower(parent))
	}
	if mine, theirs := c.look(parent, c.get(reference), "CurrencyIsoCode"), c.look("PricebookEntry", entry, "CurrencyIsoCode"); mine != theirs {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"PricebookEntryId"}, "The pricebook entry's currency is not that of the %s.", strings.ToLower(parent))
	}
	c.set("CurrencyIsoCode", c.look(parent, c.get(reference), "CurrencyIsoCode"))
	return nil
}

func lineItem(c *change) error {
	if c.get("PricebookEntryId") == "" && c.get("Product2Id") == "" {
		return missing("PricebookEntryId")
	}
	if err := c.priced("Opportunity", "OpportunityId"); err != nil {
		return err
	}
	if entry := c.get("PricebookEntryId"); entry != "" {
		c.set("Name", c.look("PricebookEntry", entry, "Name"))
		c.set("ProductCode", c.look("PricebookEntry", entry, "ProductCode"))
	}
	quantity := parseNumber(c.get("Quantity"))
	switch {
	case c.gave("UnitPrice") && c.gave("TotalPrice") && c.get("UnitPrice") != "" && c.get("TotalPrice") != "":
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"TotalPrice"}, "Specify either the unit price or the total price, not both")
	case c.gave("TotalPrice") && quantity != 0:
		c.set("UnitPrice", formatDouble(parseNumber(c.get("TotalPrice"))/quantity))
	case c.get("UnitPrice") == "":
		return missing("UnitPrice")
	default:
		c.set("TotalPrice", formatDouble(parseNumber(c.get("UnitPrice"))*quantity))
	}
	return nil
}

// sumProducts keeps an opportunity's amount at what its products add up to;
// without products it is what people said.
func (t *tx) sumProducts(id string) error {
	opportunities := t.o.schema().Get("Opportunity")
	r := t.o.table("Opportunity").Get(id)
	if opportunities == nil || opportunities.Field("HasOpportunityLineItem") == nil || r == nil || r.State != store.Live {
		return nil
	}
	lines := t.alive("OpportunityLineItem", "OpportunityId", id)
	in := input{"HasOpportunityLineItem": len(lines) > 0}
	if len(lines) > 0 {
		amount, quantity := 0.0, 0.0
		for _, line := range lines {
			amount += parseNumber(line.rec.Get(line.obj.Field("TotalPrice").Col))
			quantity += parseNumber(line.rec.Get(line.obj.Field("Quantity").Col))
		}
		in["Amount"], in["TotalOpportunityQuantity"] = formatDouble(amount), formatDouble(quantity)
	}
	return t.systemUpdate(opportunities, r, in)
}

// schedule wants what its type is about, of a product that is scheduled so.
func schedule(c *change) error {
	line := c.get("OpportunityLineItemId")
	product := c.look("OpportunityLineItem", line, "Product2Id")
	for _, kind := range []string{"Quantity", "Revenue"} {
		if c.get("Type") != kind && c.get("Type") != "Both" {
			continue
		}
		if c.get(kind) == "" {
			return missing(kind)
		}
		if !c.system && c.look("Product2", product, "CanUse"+kind+"Schedule") != "true" {
			return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"Type"}, "%s schedules are not enabled on the product", kind)
		}
	}
	return nil
}

func quote(c *change) error {
	c.set("AccountId", c.look("Opportunity", c.get("OpportunityId"), "AccountId"))
	if c.isNew() && !c.gave("Pricebook2Id") {
		c.set("Pricebook2Id", c.look("Opportunity", c.get("OpportunityId"), "Pricebook2Id"))
	}
	return nil
}

func quoteLine(c *change) error {
	if err := c.priced("Quote", "QuoteId"); err != nil {
		return err
	}
	c.set("TotalPrice", formatDouble(parseNumber(c.get("UnitPrice"))*parseNumber(c.get("Quantity"))*(1-parseNumber(c.get("Discount"))/100)))
	return nil
}

func quoteDocument(c *change) error {
	if c.isNew() && !c.hasContent("Document") && c.get("ContentVersionDocumentId") == "" {
		return missing("ContentVersionDocumentId")
	}
	c.set("Name", "Quote_"+c.look("Quote", c.get("QuoteId"), "QuoteNumber")+"_V"+strconv.Itoa(1+len(c.alive("QuoteDocument", "QuoteId", c.get("QuoteId"))))+".pdf")
	return nil
}

// syncQuote moves the mark of the quote that an opportunity is in step with.
func (c *change) syncQuote() error {
	was, is := c.was("SyncedQuoteId"), c.get("SyncedQuoteId")
	quotes := c.o.schema().Get("Quote")
	if was == is || quotes == nil {
		return nil
	}
	for id, syncing := range map[string]bool{was: false, is: true} {
		if r := c.o.table("Quote").Get(id); r != nil && r.State == store.Live {
			if err := c.systemUpdate(quotes, r, input{"IsSyncing": syncing}); err != nil {
				return err
			}
		}
	}
	return nil
}

// orderItem is a line of an order: one in force takes no more, and one with a
// price book prices its lines by it.
func orderItem(c *change) error {
	order := c.get("OrderId")
	if c.look("Order", order, "StatusCode") == "Activated" && !c.system {
		return invalidRow("INSUFFICIENT_ACCESS_OR_READONLY", []string{"OrderId"}, "The products of an activated order are read-only.")
	}
	if c.look("Order", order, "Pricebook2Id") != "" && !c.system {
		for _, name := range []string{"PricebookEntryId", "UnitPrice"} {
			if c.get(name) == "" {
				return missing(name)
			}
		}
	}
	if err := c.priced("Order", "OrderId"); err != nil {
		return err
	}
	c.set("TotalPrice", formatDouble(parseNumber(c.get("UnitPrice"))*parseNumber(c.get("Quantity"))))
	return nil
}

func contractLine(c *change) error { return c.priced("ServiceContract", "ServiceContractId") }

// asset belongs to somebody, and knows the root of its tree.
func asset(c *change) error {
	if c.get("AccountId") == "" && c.get("ContactId") == "" && !c.system {
		return missing("AccountId")
	}
	parent := c.get("ParentId")
	root, level := c.look("Asset", parent, "RootAssetId"), c.look("Asset", parent, "AssetLevel")
	if parent == "" {
		c.set("AssetLevel", "1")
		c.set("RootAssetId", "")
		return nil
	}
	if root == "" {
		root = parent
	}
	c.set("RootAssetId", root)
	c.set("AssetLevel", strconv.Itoa(1+int(max(parseNumber(level), 1))))
	return nil
}
