package simorg

import (
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// enableFeatures shapes the schema for the features the org is configured with.
func (o *Org) enableFeatures(c *schema.Catalogue) {
	if o.cfg.PersonAccounts {
		o.enablePersonAccounts(c)
	}
	if len(o.cfg.Currencies) > 0 {
		o.enableCurrencies(c)
		return
	}
	for _, name := range []string{"CurrencyType", "DatedConversionRate"} {
		c.Drop(name)
	}
}

// personFields are the fields of Contact that a person account shows with
// Person before their names; custom ones it shows with __pc after them.
var personFields = strings.Fields("Email MobilePhone HomePhone OtherPhone AssistantPhone AssistantName Title Department LeadSource Birthdate")

// enablePersonAccounts gives Account its person half (reference §8.8).
func (o *Org) enablePersonAccounts(c *schema.Catalogue) {
	account := c.Get("Account")
	if account == nil {
		return
	}
	for _, f := range []*schema.Field{
		schema.NewField("LastName", "string", 80, 0), schema.NewField("FirstName", "string", 40, 0),
		schema.NewField("IsPersonAccount", "boolean", 0, 0).ReadOnly(),
		schema.NewField("PersonContactId", "reference", 18, 0).Reference("PersonContact", "Contact").ReadOnly(),
	} {
		account.Add(f)
	}
	account.Field("Name").Nillable = true
	contact := c.Get("Contact")
	for _, name := range personFields {
		personHalf(account, contact.Field(name), "Person"+name)
	}
	contact.Add(schema.NewField("IsPersonAccount", "boolean", 0, 0).ReadOnly())
	account.RecordTypes = append(account.RecordTypes, schema.RecordType{
		Active: true, Available: true, DeveloperName: "PersonAccount",
		Name: "Person Account", RecordTypeID: o.nextID("012"), URLs: map[string]string{},
	})
}

// personHalf shows a field of Contact as one of Account.
func personHalf(account *schema.Object, f *schema.Field, name string) {
	if f == nil || f.From != schema.Stored || f.Type == "reference" {
		return
	}
	twin := *f
	twin.Name = name
	account.Add(&twin)
}

// personCustom keeps Account's __pc fields in step with Contact's custom ones.
func (o *Org) personCustom(c *schema.Catalogue) {
	account, contact := c.Get("Account"), c.Get("Contact")
	if !o.cfg.PersonAccounts || account == nil || contact == nil {
		return
	}
	for _, f := range slices.Clone(account.Fields) {
		if name, is := strings.CutSuffix(f.Name, "__pc"); is && contact.Field(name+"__c") == nil {
			account.Remove(f.Name)
		}
	}
	for _, f := range contact.Fields {
		if name, is := strings.CutSuffix(f.Name, "__c"); is {
			personHalf(account, f, name+"__pc")
		}
	}
}

// personAccount makes the name of a person account, and says whether it is one.
func personAccount(c *change) (bool, error) {
	if !c.o.cfg.PersonAccounts {
		return false, nil
	}
	person := c.was("IsPersonAccount") == "true" || c.old == nil && c.get("LastName") != ""
	switch {
	case person && c.gave("Name") && !c.system:
		return true, invalidRow("INVALID_FIELD_FOR_INSERT_UPDATE", []string{"Name"}, "Account: bad field names on insert/update call: Name")
	case !person && c.get("Name") == "":
		return false, invalidRow("REQUIRED_FIELD_MISSING", []string{"Name"}, "Required fields are missing: [Name]")
	}
	c.setBool("IsPersonAccount", person)
	return person, nil
}

// personSaved makes or follows up the contact half of a person account.
func personSaved(c *change) error {
	if !c.o.cfg.PersonAccounts || c.get("IsPersonAccount") != "true" {
		return nil
	}
	half := input{"LastName": c.get("LastName"), "FirstName": c.get("FirstName"), "AccountId": c.id, "IsPersonAccount": "true"}
	contacts := c.o.schema().Get("Contact")
	for _, name := range personFields {
		if c.obj.Field("Person"+name) != nil {
			half[name] = c.get("Person" + name)
		}
	}
	for _, f := range c.obj.Fields {
		if name, is := strings.CutSuffix(f.Name, "__pc"); is {
			half[name+"__c"] = c.get(f.Name)
		}
	}
	if r := c.o.table("Contact").Get(c.get("PersonContactId")); r != nil && r.State == store.Live {
		return c.systemUpdate(contacts, r, half)
	}
	id, err := c.systemInsert("Contact", half)
	if err != nil {
		return err
	}
	v := c.values(row{c.obj, c.rec})
	v[c.obj.Field("PersonContactId").Col] = id
	c.change(c.obj, c.rec, v, nil)
	return nil
}

// contactBefore refuses a second contact on a person account.
func contactBefore(c *change) error {
	if c.o.cfg.PersonAccounts && !c.system && c.old == nil {
		accounts := c.o.schema().Get("Account")
		if r := c.o.table("Account").Get(c.get("AccountId")); r != nil && r.Get(accounts.Field("IsPersonAccount").Col) == "true" {
			return invalidRow("INVALID_PERSON_ACCOUNT_OPERATION", []string{"AccountId"}, "A contact cannot be related to a person account")
		}
	}
	return personName(c)
}

// enableCurrencies gives every object that people own or that holds money its
// CurrencyIsoCode.
func (o *Org) enableCurrencies(c *schema.Catalogue) {
	for _, obj := range c.All() {
		if kind, _ := obj.Associate(); kind == "" && obj.Can("createable") && holdsMoney(obj) {
			o.addCurrency(obj)
		}
	}
}

func holdsMoney(obj *schema.Object) bool {
	if obj.Field("OwnerId") != nil && obj.Field("IsDeleted") != nil {
		return true
	}
	for _, f := range obj.Fields {
		if f.Type == "currency" {
			return true
		}
	}
	return strings.HasSuffix(obj.Name, "__c")
}

func (o *Org) addCurrency(obj *schema.Object) {
	if obj.Field("CurrencyIsoCode") != nil {
		return
	}
	f := schema.NewField("CurrencyIsoCode", "picklist", 3, 0)
	f.RestrictedPicklist, f.DefaultedOnCreate, f.DefaultValue, f.Label = true, true, o.cfg.Currencies[0], "Currency ISO Code"
	for i, code := range o.cfg.Currencies {
		f.PicklistValues = append(f.PicklistValues, schema.PicklistValue{Active: true, DefaultValue: i == 0, Label: code, Value: code})
	}
	obj.Add(f)
}

// currencyRecords are the CurrencyType rows of the org's birth.
func (t *tx) currencyRecords() {
	for i, code := range t.o.cfg.Currencies {
		t.birth("CurrencyType", t.o.nextID("01L"), input{"IsoCode": code, "ConversionRate": "1.0", "IsActive": "true", "IsCorporate": yes(i == 0)})
	}
}
