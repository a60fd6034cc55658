package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/server/demo"
)

// TestFilesSurviveBeingKilled kills the server with -9 while it reads a file's
// content: after the restart every file has one version, which opens as it is
// in the org.
func TestFilesSurviveBeingKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	org, err := newOrg("")
	if err != nil {
		t.Fatal(err)
	}
	wire := &tripwire{org: org}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Body") {
			wire.ServeHTTP(w, r)
			return
		}
		org.ServeHTTP(w, r)
	}))
	defer server.Close()
	people, err := demo.LogIn(t.Context(), demo.Credentials{LoginURL: server.URL, ClientID: demoClientID, ClientSecret: demoClientSecret})
	if err != nil {
		t.Fatal(err)
	}
	const files = 150
	round := demo.Round{Steps: []demo.Step{{Insert: "Account", As: "Acme", Set: map[string]any{"Name": "Acme"}}}}
	for n := range files {
		round.Steps = append(round.Steps, demo.Step{Insert: "Attachment", As: fmt.Sprintf("File%d", n), Set: map[string]any{
			"Name": "file.txt", "ParentId": "@Acme", "Body": base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "content %d", n)),
		}})
	}
	if err := people.Edit(t.Context(), round); err != nil {
		t.Fatal(err)
	}
	onEachDatabase(t, func(t *testing.T, databaseURL string) {
		for _, call := range []int64{1, 100, files} {
			if databaseURL != "" {
				databaseURL = postgresURL(t)
			}
			v := newVictim(t, server.URL, databaseURL, brief)
			survive(t, v, wire, call)
			for n := range files {
				if got, want := v.content(t, people.ID(fmt.Sprintf("File%d", n))), fmt.Sprintf("content %d", n); got != want {
					t.Fatalf("killed at file %d: %q is stored, want %q", call, got, want)
				}
			}
			v.kill()
		}
	})
}

// content is what the one version of an attachment opens.
func (v *victim) content(t *testing.T, record string) string {
	t.Helper()
	var answer struct {
		Org struct {
			Record struct {
				Versions struct {
					Edges []struct {
						Node struct {
							Content struct{ Link struct{ Path string } }
						}
					}
				}
			}
		}
	}
	const query = `query($org: ID!, $id: SalesforceId!) { org(id: $org) { record(objectName: "Attachment", recordId: $id) { versions { edges { node { content { link { path } } } } } } } }`
	if err := v.api.Do(t.Context(), query, map[string]any{"org": v.orgID, "id": record}, &answer); err != nil {
		t.Fatal(err)
	}
	edges := answer.Org.Record.Versions.Edges
	if len(edges) != 1 {
		t.Fatalf("%s has %d versions", record, len(edges))
	}
	res, err := http.Get(v.url + edges[0].Node.Content.Link.Path) //nolint:noctx // a probe
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
