package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// TestDeletedRelatedRecords are for who may see deleted ones, with the names
// that they may read, the last deleted first.
func TestDeletedRelatedRecords(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		a, _ := deployed(t, url, simorg.User{HiddenObjects: []string{"Opportunity"}})
		must(t, a.session.Edit(t.Context(), demo.Round{Title: "insert", Steps: []demo.Step{
			{Insert: "Contact", As: "One", Set: map[string]any{"LastName": "One", "AccountId": "@" + spoiltAccount}},
			{Insert: "Contact", As: "Two", Set: map[string]any{"LastName": "Two", "AccountId": "@" + spoiltAccount}},
			{Insert: "Contact", As: "Alive", Set: map[string]any{"LastName": "Alive", "AccountId": "@" + spoiltAccount}},
		}}))
		a.back(t)
		must(t, a.session.Edit(t.Context(), demo.Round{Title: "delete", Steps: []demo.Step{{Delete: []string{"One", "Two"}}}}))
		a.back(t)
		if got := a.ask("deleted-related", nil).code(); got != "403 NO_DELETED_ACCESS" {
			t.Errorf("without the permission: %s", got)
		}
		a.key = keyPair
		seer := *a
		seer.user = a.org.AddUser(simorg.User{Username: "seer@example.com", LastName: "Seer", Profile: "Seer", Permissions: []string{"ApiEnabled"}})
		seer.grant("Time_Machine_View_Deleted")
		type page struct {
			Records   []struct{ ObjectName, Name, Tombstone, RecordID string }
			EndCursor *string
		}
		var names []string
		for after, more := any(nil), true; more; {
			var p page
			seer.ask("deleted-related", map[string]any{"first": 1, "after": after}).into(t, &p)
			for _, r := range p.Records {
				names = append(names, r.ObjectName+" "+r.Name+" "+r.Tombstone)
			}
			if more = p.EndCursor != nil; more {
				after = *p.EndCursor
			}
		}
		slices.Sort(names)
		if want := []string{"Contact One SOFT", "Contact Two SOFT"}; !slices.Equal(names, want) {
			t.Errorf("%q, want %q", names, want)
		}
		blind := *a
		blind.user = a.org.AddUser(simorg.User{Username: "blind@example.com", LastName: "Blind", Profile: "Blind", Permissions: []string{"ApiEnabled"}, HiddenObjects: []string{"Contact"}})
		blind.grant("Time_Machine_View_Deleted")
		if got := blind.ask("deleted-related", nil); strings.Contains(got.text, "Contact") {
			t.Errorf("who may not read contacts sees %s", got.text)
		}
		nameless := *a
		nameless.user = a.org.AddUser(simorg.User{Username: "nameless@example.com", LastName: "N", Profile: "N", Permissions: []string{"ApiEnabled"}, HiddenFields: []string{"Contact.Name"}})
		nameless.grant("Time_Machine_View_Deleted")
		if got := nameless.ask("deleted-related", nil); !strings.Contains(got.text, "Contact") || strings.Contains(got.text, "One") {
			t.Errorf("who may not read names sees %s", got.text)
		}
	})
}

// TestADeletedRecordsName is told beside its id to who may see deleted records,
// if they may read the names of its kind.
func TestADeletedRecordsName(t *testing.T) {
	t.Parallel()
	a, _ := deployed(t, "", simorg.User{})
	must(t, a.session.Edit(t.Context(), demo.Round{Title: "parent", Steps: []demo.Step{
		{Insert: "Account", As: "Parent", Set: map[string]any{"Name": "Bygone"}}, {Update: spoiltAccount, Set: map[string]any{"ParentId": "@Parent"}},
	}}))
	a.back(t)
	must(t, a.session.Edit(t.Context(), demo.Round{Title: "orphan", Steps: []demo.Step{{Update: spoiltAccount, Set: map[string]any{"ParentId": nil}}, {Delete: []string{"Parent"}}}}))
	a.back(t)
	versions, err := a.api.History(t.Context(), a.orgID, "Account", a.record)
	must(t, err)
	parentOf := func(who *apex) (id, name string) {
		var c comparison
		got := who.ask("compare", map[string]any{"versionIds": versionIDs(versions)[:2], "readableFields": []string{"Id", "Name", "ParentId"}})
		got.into(t, &c)
		f := c.field("ParentId")
		if known := f.References[2]; known != nil && known.Deleted {
			name = known.Name
		}
		if name == "" && strings.Contains(got.text, "Bygone") {
			t.Errorf("the name crosses the wire: %s", got.text)
		}
		return *f.Values[2], name
	}
	seer := a.as(simorg.User{Username: "seer@example.com"})
	seer.grant("Time_Machine_View_Deleted")
	nameless := a.as(simorg.User{Username: "nameless@example.com", HiddenFields: []string{"Account.Name"}})
	nameless.grant("Time_Machine_View_Deleted")
	for who, want := range map[*apex]string{seer: "Bygone", a: "", nameless: ""} {
		if id, name := parentOf(who); id != a.session.ID("Parent") || name != want {
			t.Errorf("%s is told %q of %s, want %q", who.user, name, id, want)
		}
	}
}
