package capture_test

import (
	"context"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	"github.com/holdfast-backup/holdfast/ent/org"
)

// schemaOrg has a schema and nothing else.
type schemaOrg struct {
	engine.Org
	objects map[string]*engine.SObject
}

func (o schemaOrg) DescribeGlobal(context.Context) (list []engine.SObject, _ error) {
	for _, object := range o.objects {
		list = append(list, *object)
	}
	return list, nil
}

func (o schemaOrg) Describe(_ context.Context, requests []engine.DescribeRequest) ([]engine.DescribeResult, error) {
	results := make([]engine.DescribeResult, len(requests))
	for i, r := range requests {
		results[i] = engine.DescribeResult{Object: r.Object, SObject: o.objects[r.Object], AsOf: time.Now()}
	}
	return results, nil
}

func object(name string, fields ...engine.Field) *engine.SObject {
	text := engine.Field{Name: "Name", Type: "string", Filterable: true}
	return &engine.SObject{Name: name, Queryable: true, Fields: append(fields, engine.Field{Name: "Id", Type: "id", Filterable: true}, text)}
}

func lookup(name, relationship string, to ...string) engine.Field {
	return engine.Field{Name: name, Type: "reference", Filterable: true, RelationshipName: relationship, ReferenceTo: to}
}

func TestHowBranchesAreAskedFor(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		made := db.Client.Tenant.Create().SetName("acme").SetSlug("acme").SaveX(engine.AsSystem(t.Context()))
		ctx := engine.WithViewer(t.Context(), engine.Viewer{Tenant: made.ID, Role: engine.RoleAdmin})
		o := db.Client.Org.Create().SetTenantID(made.ID).SetName("prod").SetType(org.TypePRODUCTION).SetFlow(engine.FlowRefreshToken).
			SetLoginURL("https://login.salesforce.com").SetClientID("c").SaveX(ctx)
		dictionary := capture.Dictionary{DB: db.Client}
		_, err := dictionary.Refresh(ctx, o.ID, schemaOrg{objects: map[string]*engine.SObject{
			"Account": object("Account"), "Contact": object("Contact", lookup("AccountId", "Account", "Account")),
			"Case": object("Case", lookup("ContactId", "Contact", "Contact")), "Task": object("Task", lookup("WhatId", "What", "Account", "Case")),
		}})
		if err != nil {
			t.Fatal(err)
		}
		tree := []capture.Branch{
			{Path: "Account", Object: "Account", Condition: "Name = 'x'"},
			{Path: "Account/Contact.AccountId", Object: "Contact", Field: "AccountId"},
			{Path: "Account/Contact.AccountId/Case.ContactId", Object: "Case", Field: "ContactId", Condition: "Name != null"},
			{Path: "Account/Task.WhatId", Object: "Task", Field: "WhatId"},
			{Path: "Account/Case.AccountId", Object: "Case", Field: "AccountId"},
			{Path: "Account/Case.AccountId/Task.WhatId", Object: "Task", Field: "WhatId"},
			{Path: "Contact", Object: "Contact", Condition: "Colour__c = 'red'"},
		}
		selections, failed := dictionary.Select(ctx, o.ID, tree)
		for path, want := range map[string]string{
			"Account":                   "Name = 'x'",
			"Account/Contact.AccountId": "AccountId != null AND Account.Name = 'x'",
			"Account/Contact.AccountId/Case.ContactId": "ContactId != null AND (Contact.AccountId != null AND Contact.Account.Name = 'x') AND Name != null",
			"Account/Task.WhatId":                      "",
		} {
			if s := selections[path]; s == nil || s.Where != want {
				t.Errorf("%s: %+v (%v), want %s", path, s, failed[path], want)
			}
		}
		if s := selections["Account/Task.WhatId"]; s == nil || s.Parents != selections["Account"] || s.Timeless {
			t.Errorf("a lookup to several objects: %+v", s)
		}
		for path, code := range map[string]string{
			"Account/Case.AccountId": "RELATIONSHIP_GONE", "Account/Case.AccountId/Task.WhatId": "RELATIONSHIP_GONE", "Contact": "FILTER_SOQL",
		} {
			if e, ok := engine.AsError(failed[path]); !ok || e.Code != code {
				t.Errorf("%s: %v, want %s", path, failed[path], code)
			}
		}
	})
}
