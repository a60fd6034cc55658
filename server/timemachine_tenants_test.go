package main

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// secret is what the neighbour's records say, and nobody else's.
const secret = "neighbours-only"

// neighbours are two tenants of one server, each with an org and a key of its
// own, in which the same record ids and job operations occur.
func neighbours(t *testing.T, databaseURL string) (mine, theirs *apex, theirVersions []string) {
	t.Helper()
	other := &world{folder: t.TempDir()}
	t.Cleanup(func() { _ = other.close() })
	host, err := other.serveOrg(t.Context(), "00D5g0000000077")
	must(t, err)
	w := connected(t, databaseURL, host)
	w.spoil(t, "spoilt")
	mine = w.deploy(t, keyPair, simorg.User{})
	other.api = &demo.API{URL: w.server.URL()}
	must(t, other.api.SignUp(t.Context(), "Neighbour", "eva@example.net", demoPassword))
	other.orgID, err = other.api.Connect(t.Context(), "Neighbour's org", other.credentials())
	must(t, err)
	versions := other.spoil(t, secret)
	must(t, other.session.Edit(t.Context(), demo.Round{Title: "file", Steps: []demo.Step{
		{Insert: "Attachment", As: "Letter", Set: map[string]any{"Name": secret + ".txt", "ParentId": "@" + spoiltAccount, "Body": "RGVhciBBY21lLA=="}},
		{Insert: "Account", As: "Alone", Set: map[string]any{"Name": secret}},
	}}))
	other.back(t)
	theirs = other.deploy(t, otherKeyPair, simorg.User{})
	asked := *other
	asked.server = w.server // which is closed once
	theirs.world = &asked
	return mine, theirs, versionIDs(versions)
}

// TestAnOrgsKeyOpensNothingOfANeighbour: another tenant's org on the same
// server, asked for by its ids with a key that is pinned, but not there.
func TestAnOrgsKeyOpensNothingOfANeighbour(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		mine, theirs, versions := neighbours(t, url)
		mine.grant("Time_Machine_Restore")
		mine.grant("Time_Machine_View_Deleted")
		theirs.grant("Time_Machine_Restore")
		theirs.grant("Time_Machine_View_Deleted")
		var started askedJob
		theirs.ask("restore", chosen(versions[1], map[string]any{"Phone": secret})).into(t, &started)
		theirs.finished(started.Job.ID)
		var fileID string
		for id := range theirs.listed(t) {
			fileID = id
		}
		named := map[string]map[string]any{
			"versions": nil, "deleted-related": nil, "files": nil, "compare": {"versionIds": versions}, "restore": chosen(versions[1], map[string]any{"Rating": "Cold"}),
			"job": {"jobId": started.Job.ID}, "stream-ticket": {"jobId": started.Job.ID}, "file-link": {"fileId": fileID},
		}
		for operation, more := range named {
			if got := theirs.ask(operation, maps.Clone(more)); got.status != http.StatusOK {
				t.Errorf("the neighbour's own %s: %d %s", operation, got.status, got.text)
			}
			liar := *theirs // their org, signed with our key
			liar.key = mine.key
			if got := liar.ask(operation, maps.Clone(more)); got.code() != "401 TOKEN_INVALID" || strings.Contains(got.text, secret) {
				t.Errorf("%s of their org with our key: %d %s", operation, got.status, got.text)
			}
			stray := *mine // our org, about a record that only theirs has
			stray.record = theirs.session.ID("Alone")
			if got := stray.ask(operation, maps.Clone(more)); got.status == http.StatusOK && operation != "files" && operation != "deleted-related" || strings.Contains(got.text, secret) {
				t.Errorf("%s of their record in our org: %d %s", operation, got.status, got.text)
			}
			if got := mine.ask(operation, maps.Clone(more)); strings.Contains(got.text, secret) || strings.Contains(got.text, started.Job.ID) {
				t.Errorf("our %s with their ids: %d %s", operation, got.status, got.text)
			}
		}
		for operation, want := range map[string]string{"job": "404 JOB_NOT_FOUND", "stream-ticket": "404 JOB_NOT_FOUND", "file-link": "404 FILE_NOT_FOUND"} {
			if got := mine.ask(operation, named[operation]).code(); got != want {
				t.Errorf("our %s with their id: %s, want %s", operation, got, want)
			}
		}
	})
}

// TestAStreamTicketExpires: one that is over and one that is not, of the same
// server's key and for the same job.
func TestAStreamTicketExpires(t *testing.T) {
	t.Parallel()
	a, ids := deployed(t, "", simorg.User{})
	a.grant("Time_Machine_Restore")
	var started askedJob
	a.ask("restore", chosen(ids[1], map[string]any{"Phone": "spoilt"})).into(t, &started)
	a.finished(started.Job.ID)
	var ticket struct{ URL, Ticket string }
	a.ask("stream-ticket", map[string]any{"jobId": started.Job.ID}).into(t, &ticket)
	body, _, _ := strings.Cut(ticket.Ticket, ".")
	text, err := base64.RawURLEncoding.DecodeString(body)
	must(t, err)
	var link identity.Link
	must(t, json.Unmarshal(text, &link))
	if left := time.Until(link.Expires); left > 2*time.Minute {
		t.Errorf("a ticket is good for %s", left)
	}
	node := &Main{Config: a.server.Config, Log: a.server.Log} // another one, with the same keys
	t.Cleanup(func() { _ = node.Close() })
	s, err := node.open(t.Context())
	must(t, err)
	keys, err := identity.OpenKeys(t.Context(), s.db.Client, s.keeper)
	must(t, err)
	people, err := identity.New(s.db.Client, keys, identity.Options{})
	must(t, err)
	link.Expires = time.Now().Add(-time.Second)
	late, err := people.SignLink(link)
	must(t, err)
	got := a.stream(ticket.URL, late)
	if got.code() != "401 TOKEN_EXPIRED" || strings.Contains(got.text, started.Job.ID) || strings.Contains(got.text, "event:") {
		t.Errorf("a ticket that is over: %d %s", got.status, got.text)
	}
	if got := a.stream(ticket.URL, ticket.Ticket); got.status != http.StatusOK {
		t.Errorf("the ticket that is not: %d %s", got.status, got.text)
	}
}
