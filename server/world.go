package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/server/config"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// The demo's people. Nothing here is a secret: the world lives on loopback
// until the command ends.
const (
	demoOrganization = "Demo"
	demoEmail        = "admin@example.com"
	demoPassword     = "Holdfast-1"
	demoClientID     = "holdfast-demo"
	demoClientSecret = "holdfast-demo-secret"
	demoUser         = "integration@example.com"
)

// world is a simulated org with data in it, a server, and a tenant that has
// the org connected: what `holdfast demo` shows and `holdfast smoke` drives.
type world struct {
	folder       string
	org          *simorg.Org
	site         *http.Server // the org's
	pageSite     *http.Server // its record page's
	pageListener net.Listener
	orgURL       string
	server       *Main
	session      *demo.Session // a person logged in to the org
	api          *demo.API     // the tenant's administrator
	orgID        string
}

// worldAddresses is where a world listens: the server, and the org's record page.
type worldAddresses struct{ server, page string }

// onFreePorts is for whoever is told the addresses.
var onFreePorts = worldAddresses{server: "127.0.0.1:0", page: "127.0.0.1:0"}

// newWorld starts the org and the server and connects them. The caller closes
// it, even when it fails.
func newWorld(ctx context.Context, at worldAddresses, log *slog.Logger) (w *world, err error) {
	w = &world{}
	if w.pageListener, err = new(net.ListenConfig).Listen(ctx, "tcp", at.page); err != nil {
		return w, err
	}
	if w.folder, err = os.MkdirTemp("", "holdfast-demo-"); err != nil {
		return w, err
	}
	host, err := w.serveOrg(ctx, "")
	if err == nil {
		err = w.load(ctx)
	}
	if err != nil {
		return w, fmt.Errorf("start the simulated org: %w", err)
	}
	w.server = &Main{Log: log, Config: config.Config{
		Data: filepath.Join(w.folder, "data"), Listen: at.server, SalesforceHosts: []string{host},
		TimeMachineOrigins: []string{w.pageURL()}, LogLevel: slog.LevelWarn,
	}}
	if err := w.server.Run(ctx); err != nil {
		return w, err
	}
	return w, w.connect(ctx)
}

// newOrg is the demo's org, without records; an empty id is the default.
func newOrg(id string) (*simorg.Org, error) {
	org, err := simorg.New(simorg.Config{
		Now: time.Now, OrgID: id, OrgName: "Holdfast Demo", Lean: true,
		Users: orgUsers(),
		Apps:  []simorg.App{{ClientID: demoClientID, ClientSecret: demoClientSecret, RunAs: demoUser}},
	})
	if err != nil {
		return nil, err
	}
	return org, org.LoadSource(demo.Schema())
}

// serveOrg starts the org; an empty id is the default.
func (w *world) serveOrg(ctx context.Context, id string) (host string, err error) {
	if w.org, err = newOrg(id); err != nil {
		return "", err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	host = listener.Addr().String()
	w.orgURL = "http://" + host
	w.site = &http.Server{Handler: w.org, ReadHeaderTimeout: readHeaderTimeout}
	go func() { _ = w.site.Serve(listener) }() // ends with Close
	return host, nil
}

// load puts the demo's data into the org.
func (w *world) load(ctx context.Context) (err error) {
	if w.session, err = demo.LogIn(ctx, w.credentials()); err != nil {
		return err
	}
	return w.session.Load(ctx, demo.Data())
}

func (w *world) credentials() demo.Credentials {
	return demo.Credentials{LoginURL: w.orgURL, ClientID: demoClientID, ClientSecret: demoClientSecret}
}

func (w *world) connect(ctx context.Context) (err error) {
	w.api = &demo.API{URL: w.server.URL()}
	if err := w.api.SignUp(ctx, demoOrganization, demoEmail, demoPassword); err != nil {
		return fmt.Errorf("sign up: %w", err)
	}
	if w.orgID, err = w.api.Connect(ctx, "Demo org", w.credentials()); err != nil {
		return fmt.Errorf("connect the org: %w", err)
	}
	return nil
}

// live lets people work in the org, with a backup before and after each of
// their rounds.
func (w *world) live(ctx context.Context, say func(format string, args ...any)) error {
	rounds, err := demo.Rounds()
	if err != nil {
		return err
	}
	title := "First backup"
	for i := 0; ; i++ {
		job, err := w.api.Backup(ctx, w.orgID, title)
		if err != nil {
			return fmt.Errorf("%s: %w", title, err)
		}
		say("  backup %d  %-46s %4d added %4d changed %4d deleted\n", job.Number, title, job.Added, job.Changed, job.Deleted)
		if i == len(rounds) {
			return nil
		}
		if err := w.session.Edit(ctx, rounds[i]); err != nil {
			return err
		}
		title = "After " + rounds[i].Title
	}
}

// close ends both servers and removes their data.
func (w *world) close() error {
	var errs []error
	if w.pageListener != nil {
		_ = w.pageListener.Close() // closed already where the page was served
	}
	if w.pageSite != nil {
		errs = append(errs, w.pageSite.Close())
	}
	if w.server != nil {
		errs = append(errs, w.server.Close())
	}
	if w.site != nil {
		errs = append(errs, w.site.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(w.folder))...)
}
