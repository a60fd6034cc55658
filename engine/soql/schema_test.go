package soql_test

import (
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

func field(name, kind string) engine.Field {
	return engine.Field{Name: name, Type: kind, Filterable: true, Sortable: true}
}

func lookupField(name, relationship string, to ...string) engine.Field {
	f := field(name, "reference")
	f.RelationshipName, f.ReferenceTo = relationship, to
	return f
}

// objects is a small org.
var objects = []engine.SObject{
	{
		Name: "Account",
		Fields: []engine.Field{
			field("Id", "id"), field("Name", "string"), field("Type", "picklist"), field("AnnualRevenue", "currency"),
			field("NumberOfEmployees", "int"), field("IsDeleted", "boolean"), field("CreatedDate", "datetime"), field("SLA_Ends__c", "date"),
			field("Opens__c", "time"),
			{Name: "Description", Type: "textarea"},
			{Name: "Colours__c", Type: "multipicklist", Filterable: true},
			{Name: "Code__c", Type: "string", CaseSensitive: true, Filterable: true, Sortable: true},
			field("BillingAddress", "address"), lookupField("OwnerId", "Owner", "User"), lookupField("ParentId", "Parent", "Account"),
		},
		ChildRelationships: []engine.ChildRelationship{{ChildSObject: "Contact", Field: "AccountId", RelationshipName: "Contacts"}},
	},
	{
		Name: "Contact",
		Fields: []engine.Field{
			field("Id", "id"), field("LastName", "string"), field("Email", "email"), lookupField("AccountId", "Account", "Account"),
		},
	},
	{Name: "User", Fields: []engine.Field{field("Id", "id"), field("Name", "string"), field("Username", "string")}},
	{Name: "Opportunity", Fields: []engine.Field{field("Id", "id"), field("Amount", "currency"), lookupField("AccountId", "Account", "Account")}},
	{Name: "Task", Fields: []engine.Field{
		field("Id", "id"), field("Subject", "combobox"), field("AccountId", "reference"), lookupField("WhatId", "What", "Account", "Opportunity"),
	}},
}

var org = soql.Describes(func(name string) (*engine.SObject, bool) {
	for i := range objects {
		if strings.EqualFold(objects[i].Name, name) {
			return &objects[i], true
		}
	}
	return nil, false
})
