package main

import (
	"net/http"
	"slices"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// TestFilesOfARecord are those that the user may read, and a link opens one
// once.
func TestFilesOfARecord(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		a, _ := deployed(t, url, simorg.User{})
		must(t, a.session.Edit(t.Context(), demo.Round{Title: "files", Steps: []demo.Step{
			{Insert: "ContentVersion", As: "Offer", Set: map[string]any{"Title": "Offer", "PathOnClient": "offer.txt", "FirstPublishLocationId": "@" + spoiltAccount, "VersionData": "VGVuIGFudmlscy4="}},
			{Insert: "Attachment", As: "Letter", Set: map[string]any{"Name": "letter.txt", "ParentId": "@" + spoiltAccount, "Body": "RGVhciBBY21lLA=="}},
			{Insert: "Attachment", As: "Secret", Set: map[string]any{"Name": "secret.txt", "ParentId": "@" + spoiltAccount, "IsPrivate": true, "Body": "RGVhciBBY21lLA=="}},
			{Insert: "Note", As: "Memo", Set: map[string]any{"Title": "Memo", "ParentId": "@" + spoiltAccount, "Body": "Call back."}},
		}}))
		a.back(t)
		must(t, a.session.Edit(t.Context(), demo.Round{Title: "delete", Steps: []demo.Step{{Delete: []string{"Memo"}}}}))
		a.back(t)
		a.sees(t, "Offer", "letter")

		seer := a.as(simorg.User{Username: "seer@example.com"})
		seer.grant("Time_Machine_View_Deleted")
		seer.sees(t, "Memo", "Offer", "letter")
		a.as(simorg.User{Username: "blind@example.com", HiddenObjects: []string{"ContentVersion"}}).sees(t, "letter")
		a.as(simorg.User{Username: "nameless@example.com", HiddenFields: []string{"Attachment.Name"}}).sees(t, "Offer")

		for id, title := range a.listed(t) {
			var link struct{ URL string }
			a.ask("file-link", map[string]any{"fileId": id}).into(t, &link)
			got := a.fetch(link.URL)
			if want := map[string]string{"letter": "Dear Acme,", "Offer": "Ten anvils."}[title]; got.status != http.StatusOK || got.text != want || got.header.Get("Content-Disposition") == "" {
				t.Errorf("%s: %d %q %v", title, got.status, got.text, got.header)
			}
			if again := a.fetch(link.URL); again.status != http.StatusForbidden {
				t.Errorf("the link opens twice: %d", again.status)
			}
		}
		for id, title := range seer.listed(t) {
			if title == "Memo" {
				if got := a.ask("file-link", map[string]any{"fileId": id}).code(); got != "404 FILE_NOT_FOUND" {
					t.Errorf("a deleted note without the permission: %s", got)
				}
			}
		}
		if got := a.ask("file-link", map[string]any{"fileId": "nonsense"}).code(); got != "404 FILE_NOT_FOUND" {
			t.Errorf("no file: %s", got)
		}
	})
}

// as is the org's Apex at work for another user.
func (a *apex) as(user simorg.User) *apex {
	other := *a
	user.LastName, user.Profile, user.Permissions = user.Username, user.Username, []string{"ApiEnabled"}
	other.user = a.org.AddUser(user)
	return &other
}

// listed are the titles of the record's files by their ids, page by page.
func (a *apex) listed(t *testing.T) map[string]string {
	t.Helper()
	titles := map[string]string{}
	for after, more := any(nil), true; more; {
		var page struct {
			Files     []struct{ ID, Title string }
			EndCursor *string
		}
		a.ask("files", map[string]any{"first": 1, "after": after}).into(t, &page)
		for _, f := range page.Files {
			titles[f.ID] = f.Title
		}
		if more = page.EndCursor != nil; more {
			after = *page.EndCursor
		}
	}
	return titles
}

func (a *apex) sees(t *testing.T, want ...string) {
	t.Helper()
	var titles []string
	for _, title := range a.listed(t) {
		titles = append(titles, title)
	}
	slices.Sort(titles)
	if !slices.Equal(titles, want) {
		t.Errorf("sees %q, want %q", titles, want)
	}
}

func (a *apex) fetch(address string) answered {
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, address, nil)
	must(a.t, err)
	return a.sent(request)
}
