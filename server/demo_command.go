package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/timemachine"
)

type demoCommand struct {
	Listen string `help:"Address to listen on." default:"127.0.0.1:8080"`
	Page   string `help:"Address of the org's record page." default:"127.0.0.1:8081"`
	Files  string `help:"Folder of the record page's files, as make demo builds it." default:"lwc/harness/dist" type:"path"`
}

// Run shows a server with a simulated org and a few days of history, until it
// is told to stop.
func (c demoCommand) Run(ctx context.Context) error {
	fmt.Println("Holdfast demo: a simulated Salesforce org, and a server that backs it up.")
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	w, err := newWorld(ctx, worldAddresses{server: c.Listen, page: c.Page}, log)
	var page string
	if err == nil {
		page, err = c.recordPage(ctx, w)
	}
	if err == nil {
		err = w.live(ctx, func(format string, args ...any) { fmt.Printf(format, args...) })
	}
	if err != nil {
		return errors.Join(err, w.close())
	}
	fmt.Printf(demoGuide, page, w.server.URL(), demoOrganization, demoEmail, demoPassword, w.api.Token,
		w.orgID, w.orgID, w.session.ID("Account1"), w.orgID)
	<-ctx.Done()
	return w.close()
}

// recordPage serves the page where it is built, and says where, or what it
// takes.
func (c demoCommand) recordPage(ctx context.Context, w *world) (string, error) {
	if !c.pageIsBuilt() {
		return "nothing yet: the page is not built; install Node 20 or later with npm, then make demo", nil
	}
	page, err := w.page(ctx, os.DirFS(c.Files), timemachine.Config{Now: time.Now})
	if err != nil {
		return "", err
	}
	w.servePage(page)
	return w.pageURL(), nil
}

func (c demoCommand) pageIsBuilt() bool {
	_, err := os.Stat(filepath.Join(c.Files, "index.html"))
	return err == nil
}

const demoGuide = `
A Salesforce record page with Time Machine, which compares and restores:
Open   %s

The API, in GraphiQL:
Open   %s
Sign in as organization %q, email %q, password %q
or paste this under "Headers":  {"Authorization": "Bearer %s"}

Three queries to paste:

1. What the backups stored
   { jobs(orgId: %q) { edges { node { number name state added changed deleted } } } }

2. The versions of a record that a mail merge has spoilt
   { org(id: %q) { record(objectName: "Account", recordId: %q) {
       versions(first: 4) { edges { node { id capturedAt change } } } } } }

3. How complete the last backup is
   { jobs(orgId: %q, first: 1) { edges { node { objects(first: 100) { edges { node {
       name completeness { expected stored reason } } } } } } } }

Ctrl-C ends the demo; its data is removed.
`
