package simorg

import (
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// pairOf finds the live row that already pairs what a new one would; nil when
// the object has no such rule, or there is none.
func (t *tx) pairOf(obj *schema.Object, in input) *store.Record {
	if obj.Pair == nil {
		return nil
	}
	want := make([]string, len(obj.Pair))
	for i, name := range obj.Pair {
		f := obj.Field(name)
		want[i], _ = f.DefaultValue.(string)
		for key, v := range in {
			if strings.EqualFold(key, name) && v != nil {
				want[i], _ = coerce(f, v)
			}
		}
	}
	first := obj.Field(obj.Pair[0])
	table := t.o.table(obj.Name)
	table.Index(first.Col)
	for _, r := range table.Find(first.Col, want[0]) {
		same := r.State == store.Live
		for i, name := range obj.Pair {
			same = same && r.Get(obj.Field(name).Col) == want[i]
		}
		if same {
			return r
		}
	}
	return nil
}

// pairAgain updates the row that an insert would repeat.
func (t *tx) pairAgain(obj *schema.Object, r *store.Record, in input) (string, error) {
	rest := input{}
	for key, v := range in {
		if f := obj.Field(key); f == nil || f.Updateable {
			rest[key] = v
		}
	}
	return r.ID, t.updateAs(&change{tx: t, obj: obj, rec: r}, rest)
}

// share is a row of a Share object: what is not shared by hand is derived.
func share(c *change) error {
	cause := c.get("RowCause")
	if c.isNew() && !c.system && !strings.EqualFold(cause, "Manual") && !strings.HasSuffix(cause, "__c") {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"RowCause"}, "Only rows with the cause Manual, or a reason of one's own, can be inserted: %s", cause)
	}
	return nil
}

// primaryRole leaves an opportunity one primary contact.
func primaryRole(c *change) error {
	if c.get("IsPrimary") != "true" || c.was("IsPrimary") == "true" {
		return nil
	}
	for _, other := range c.alive("OpportunityContactRole", "OpportunityId", c.get("OpportunityId")) {
		if other.rec.ID != c.id && other.rec.Get(c.obj.Field("IsPrimary").Col) == "true" {
			if err := c.systemUpdate(c.obj, other.rec, input{"IsPrimary": false}); err != nil {
				return err
			}
		}
	}
	return nil
}

// teamSplit shares an opportunity among its owner and its team, 100 % at most of a
// type.
func teamSplit(c *change) error {
	if c.get("SplitTypeId") == "" {
		c.set("SplitTypeId", c.o.anyID("OpportunitySplitType"))
	}
	opportunity, owner := c.get("OpportunityId"), c.get("SplitOwnerId")
	if !c.system && owner != c.look("Opportunity", opportunity, "OwnerId") {
		members := c.alive("OpportunityTeamMember", "OpportunityId", opportunity)
		onTeam := false
		for _, m := range members {
			onTeam = onTeam || m.rec.Get(m.obj.Field("UserId").Col) == owner
		}
		if !onTeam {
			return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"SplitOwnerId"}, "The split owner must be on the opportunity team.")
		}
	}
	total := parseNumber(c.get("SplitPercentage"))
	for _, other := range c.alive("OpportunitySplit", "OpportunityId", opportunity) {
		if other.rec.ID != c.id && other.rec.Get(c.obj.Field("SplitTypeId").Col) == c.get("SplitTypeId") {
			total += parseNumber(other.rec.Get(c.obj.Field("SplitPercentage").Col))
		}
	}
	if total > 100 {
		return invalidRow("FIELD_INTEGRITY_EXCEPTION", []string{"SplitPercentage"}, "The percentages of a split type must add up to 100.")
	}
	c.set("SplitAmount", formatDouble(parseNumber(c.look("Opportunity", opportunity, "Amount"))*parseNumber(c.get("SplitPercentage"))/100))
	return nil
}

// anyID is the id of an object's first record.
func (o *Org) anyID(object string) string {
	id := ""
	o.table(object).After("", func(r *store.Record) bool { id = r.ID; return false })
	return id
}

// stageHistory writes the row of the stage history that a change of the money,
// the date or the stage leaves.
func (c *change) stageHistory() {
	changed := c.old == nil
	for _, name := range []string{"StageName", "Amount", "CloseDate", "Probability", "ForecastCategory"} {
		changed = changed || c.get(name) != c.was(name)
	}
	history := c.o.schema().Get("OpportunityHistory")
	if !changed || history == nil {
		return
	}
	in := input{"OpportunityId": c.id}
	for _, name := range []string{"StageName", "Amount", "ExpectedRevenue", "CloseDate", "Probability", "ForecastCategory", "CurrencyIsoCode"} {
		in[name] = c.get(name)
	}
	c.systemRow(history, in)
}

// relateContact keeps the direct relation between a contact and its account,
// which the platform makes where contacts relate to several accounts.
func (c *change) relateContact() error {
	was, is := c.was("AccountId"), c.get("AccountId")
	relations := c.o.schema().Get("AccountContactRelation")
	if !c.o.cfg.SharedContacts || was == is || relations == nil {
		return nil
	}
	for _, r := range c.alive("AccountContactRelation", "ContactId", c.id) {
		switch r.rec.Get(relations.Field("AccountId").Col) {
		case is:
			return c.systemUpdate(relations, r.rec, input{"IsDirect": true})
		case was:
			if err := c.systemUpdate(relations, r.rec, input{"IsDirect": false}); err != nil {
				return err
			}
		}
	}
	if is == "" {
		return nil
	}
	_, err := c.systemInsert("AccountContactRelation", input{"AccountId": is, "ContactId": c.id, "IsDirect": true, "IsActive": true})
	return err
}

// partner mirrors itself: the other side sees the same partnership.
func partnerSaved(c *change) error {
	if c.old != nil || c.get("ReversePartnerId") != "" {
		return nil
	}
	from := c.partnerOf()
	if from == "" { // of an opportunity without an account: there is no other side
		return nil
	}
	in := input{"OpportunityId": c.get("OpportunityId"), "ReversePartnerId": c.id, "AccountToId": from}
	if c.obj.Field("AccountFromId") != nil {
		in["AccountFromId"] = c.get("AccountToId")
	}
	id, err := c.systemInsert(c.obj.Name, in)
	if err != nil {
		return err
	}
	return c.systemUpdate(c.obj, c.rec, input{"ReversePartnerId": id})
}

// partnerOf is the account that the partner is a partner of.
func (c *change) partnerOf() string {
	if from := c.get("AccountFromId"); from != "" {
		return from
	}
	return c.look("Opportunity", c.get("OpportunityId"), "AccountId")
}

func partner(c *change) error {
	if c.partnerOf() == "" && c.obj.Name != "OpportunityPartner" && !c.system {
		return missing("AccountFromId")
	}
	return nil
}
