package templates_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/soql"
	"github.com/holdfast-backup/holdfast/engine/templates"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	"github.com/holdfast-backup/holdfast/ent/org"
	"github.com/holdfast-backup/holdfast/ent/template"
)

// recordedOrg answers with a real org's describes; of most SObjects only the
// global describe was recorded.
type recordedOrg struct {
	engine.Org
	objects []engine.SObject
}

func (o recordedOrg) OpenOrg(context.Context, string) (engine.Org, error) { return o, nil }

func (o recordedOrg) DescribeGlobal(context.Context) ([]engine.SObject, error) { return o.objects, nil }

func (o recordedOrg) Describe(_ context.Context, requests []engine.DescribeRequest) ([]engine.DescribeResult, error) {
	results := make([]engine.DescribeResult, len(requests))
	for i, r := range requests {
		at := slices.IndexFunc(o.objects, func(s engine.SObject) bool { return s.Name == r.Object })
		results[i] = engine.DescribeResult{Object: r.Object, SObject: &o.objects[at], AsOf: time.Now()}
	}
	return results, nil
}

func recorded(t *testing.T) recordedOrg {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "shared", "data", "describe")
	raw, err := os.ReadFile(filepath.Join(folder, "Global.json"))
	if err != nil {
		t.Skip("the recorded describes are not beside this clone")
	}
	var global struct{ SObjects []engine.SObject }
	check(t, json.Unmarshal(raw, &global))
	for i, o := range global.SObjects {
		if raw, err := os.ReadFile(filepath.Join(folder, o.Name+".json")); err == nil {
			check(t, json.Unmarshal(raw, &global.SObjects[i]))
		}
	}
	return recordedOrg{objects: global.SObjects}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// room is templates on a fresh database with the recorded org.
func room(t *testing.T, db *database.DB) (context.Context, *templates.Templates, *ent.Org) {
	t.Helper()
	made := db.Client.Tenant.Create().SetName("acme").SetSlug("acme").SaveX(engine.AsSystem(t.Context()))
	ctx := engine.WithViewer(t.Context(), engine.Viewer{Tenant: made.ID, Role: engine.RoleAdmin})
	o := db.Client.Org.Create().SetTenantID(made.ID).SetName("prod").SetType(org.TypePRODUCTION).SetFlow(engine.FlowRefreshToken).
		SetLoginURL("https://login.salesforce.com").SetClientID("c").SaveX(ctx)
	return ctx, &templates.Templates{DB: db, Orgs: recorded(t), Dictionary: capture.Dictionary{DB: db.Client}}, o
}

func TestAnArchiveTakesItsDependents(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, room, o := room(t, db)
		in := templates.CreateInput{OrgID: o.ID, Name: "Old contacts", Type: template.TypeARCHIVE, Objects: []templates.ObjectInput{{Path: "contact"}}}
		made, err := room.Create(ctx, in)
		check(t, err)
		tree, err := room.Tree(ctx, made)
		check(t, err)
		var restricted, blockers []string
		cascade := 0
		for _, child := range tree {
			way, direct := strings.CutPrefix(child.Path, "Contact/")
			if child.Dependence == nil != (child.Path == "Contact") {
				t.Errorf("%s is marked %v", child.Path, child.Dependence)
			}
			switch {
			case !direct || strings.Contains(way, "/"):
			case *child.Dependence == "RESTRICTED":
				restricted = append(restricted, way)
			default:
				cascade++
			}
			if child.Blocker && direct && !strings.Contains(way, "/") {
				blockers = append(blockers, way)
			}
		}
		slices.Sort(restricted)
		want := "AuthorizationFormConsent.ConsentGiverId Case.ContactId CommSubscriptionConsent.ConsentGiverId Contract.CustomerSignedId " +
			"Order.BillToContactId Order.CustomerAuthorizedById Order.ShipToContactId ServiceContract.ContactId User.ContactId"
		if got := strings.Join(restricted, " "); got != want {
			t.Errorf("restricted: %s", got)
		}
		if !slices.Equal(blockers, []string{"User.ContactId"}) || cascade < 10 {
			t.Errorf("blockers %v, %d cascading", blockers, cascade)
		}
		in.Type, in.Name = template.TypeBACKUP, "Contacts"
		made, err = room.Create(ctx, in)
		check(t, err)
		if tree, err = room.Tree(ctx, made); err != nil || len(tree) != 1 {
			t.Errorf("a backup template grew by itself: %v %v", tree, err)
		}
	})
}

func TestWhatIsWrongWithATemplate(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, room, o := room(t, db)
		soqlText := func(text string) *soql.Given { return &soql.Given{SOQL: text} }
		form := func(field, operator, value string) *soql.Given {
			return &soql.Given{Conditions: []soql.FilterCondition{{Field: field, Operator: soql.FilterOperator(operator), Values: []string{value}}}}
		}
		for name, test := range map[string]struct {
			kind    template.Type
			objects []templates.ObjectInput
			code    string
			says    string
		}{
			"nothing":            {"BACKUP", nil, "TEMPLATE_EMPTY", "at least one"},
			"unknown object":     {"BACKUP", []templates.ObjectInput{{Path: "Acount"}}, "UNKNOWN_OBJECT", "Acount"},
			"parent missing":     {"BACKUP", []templates.ObjectInput{{Path: "Account/Contact.AccountId"}}, "PARENT_MISSING", "Account"},
			"no such lookup":     {"BACKUP", []templates.ObjectInput{{Path: "Account"}, {Path: "Account/Contact.OwnerId"}}, "RELATIONSHIP_UNKNOWN", "OwnerId"},
			"no lookup named":    {"BACKUP", []templates.ObjectInput{{Path: "Account"}, {Path: "Account/Contact"}}, "PATH_INVALID", "Contact"},
			"twice":              {"BACKUP", []templates.ObjectInput{{Path: "Account"}, {Path: "account"}}, "DUPLICATE_PATH", "Account"},
			"unknown field":      {"BACKUP", []templates.ObjectInput{{Path: "Account", Filter: soqlText("Title__c = 'x'")}}, "FILTER_SOQL", "Title__c"},
			"another clause":     {"BACKUP", []templates.ObjectInput{{Path: "Account", Filter: soqlText("Name = 'x' ORDER BY Name")}}, "FILTER_SOQL", "ORDER"},
			"injection":          {"BACKUP", []templates.ObjectInput{{Path: "Account", Filter: soqlText("Name = 'x') OR (Name != null")}}, "FILTER_SOQL", "character 11"},
			"sub-select":         {"BACKUP", []templates.ObjectInput{{Path: "Contact", Filter: soqlText("AccountId IN (SELECT Id FROM Account)")}}, "FILTER_SUBSELECT", "AccountId"},
			"wrong type":         {"BACKUP", []templates.ObjectInput{{Path: "Account", Filter: form("CreatedDate", "LESS_THAN", "soon")}}, "FILTER_CONDITION", "CreatedDate"},
			"unknown operator":   {"BACKUP", []templates.ObjectInput{{Path: "Account", Filter: form("Name", "RESEMBLES", "x")}}, "FILTER_CONDITION", "RESEMBLES"},
			"filtered dependent": {"ARCHIVE", []templates.ObjectInput{{Path: "Contact"}, {Path: "Contact/Case.ContactId", Filter: soqlText("IsClosed = true")}}, "FILTER_ON_DEPENDENT", "Case"},
		} {
			_, err := room.Create(ctx, templates.CreateInput{OrgID: o.ID, Name: name, Type: test.kind, Objects: test.objects})
			e, ok := engine.AsError(err)
			if !ok || e.Code != test.code || !strings.Contains(e.Message, test.says) {
				t.Errorf("%s: %v, want %s with %q", name, err, test.code, test.says)
			}
		}
		if n := db.Client.Template.Query().CountX(ctx); n != 0 {
			t.Errorf("%d templates were made of bad input", n)
		}
	})
}

func TestAQuoteInAValueStaysAValue(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx, room, o := room(t, db)
		evil := `O'Neil' OR Name != '`
		made, err := room.Create(ctx, templates.CreateInput{OrgID: o.ID, Name: "Quotes", Type: template.TypeBACKUP, Objects: []templates.ObjectInput{
			{Path: "Account", Filter: &soql.Given{Conditions: []soql.FilterCondition{{Field: "Name", Operator: soql.FilterEquals, Values: []string{evil}}}}},
		}})
		check(t, err)
		tree, err := room.Tree(ctx, made)
		check(t, err)
		f := tree[0].Filter
		if want := `Name = 'O\'Neil\' OR Name != \''`; f.SOQL != want || f.Conditions[0].Values[0] != evil {
			t.Errorf("%v, want %s", f, want)
		}
	})
}
