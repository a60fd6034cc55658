package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/engine/simorg/timemachine"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// harnessCommand is what Time Machine's browser tests drive: the demo's world on
// free ports, with switches for what a test cannot bring about over public APIs.
type harnessCommand struct {
	Files   string   `help:"Folder of the record page's files." type:"existingdir" required:""`
	Source  []string `help:"SFDX source to add to the org." type:"existingdir"`
	Records int      `help:"Records that the org has besides the demo's."`
}

// harnessAddresses is the line that the command prints when all is up.
type harnessAddresses struct {
	Page    string         `json:"page"`
	Control string         `json:"control"`
	Org     harnessAddress `json:"org"`
	Server  harnessAddress `json:"server"`
	OrgID   string         `json:"orgId"` // in Holdfast
}

type harnessAddress struct {
	URL   string `json:"url"`
	Token string `json:"token"` // of the integration user, of the administrator
}

// Run serves until its standard input ends.
func (c harnessCommand) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	w, err := newWorld(ctx, onFreePorts, log)
	if err == nil {
		err = c.serve(ctx, w)
	}
	return errors.Join(err, w.close())
}

func (c harnessCommand) serve(ctx context.Context, w *world) error {
	for _, folder := range c.Source {
		if err := w.org.LoadSource(os.DirFS(folder)); err != nil {
			return err
		}
	}
	if err := w.org.Seed(simorg.BusinessOrg(c.Records)); err != nil {
		return err
	}
	faults := &harnessFaults{world: w}
	page, err := w.page(ctx, os.DirFS(c.Files), timemachine.Config{Now: faults.now, Transport: faults})
	if err != nil {
		return err
	}
	addresses := harnessAddresses{
		Page: w.pageURL(), Org: harnessAddress{w.orgURL, w.session.Token()}, Server: harnessAddress{w.server.URL(), w.api.Token}, OrgID: w.orgID,
	}
	w.servePage(page)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	control := &http.Server{Handler: faults.handler(), ReadHeaderTimeout: readHeaderTimeout}
	go func() { _ = control.Serve(listener) }() // ends with Close
	addresses.Control = "http://" + listener.Addr().String()
	if err := json.NewEncoder(os.Stdout).Encode(addresses); err != nil {
		return errors.Join(err, control.Close())
	}
	<-ctx.Done()
	return control.Close()
}

// harnessFaults are the switches.
type harnessFaults struct {
	world *world
	down  atomic.Bool  // the org's callouts find nobody
	late  atomic.Int64 // seconds that the org's clock is behind
}

func (f *harnessFaults) now() time.Time {
	return time.Now().Add(-time.Duration(f.late.Load()) * time.Second)
}

// RoundTrip carries the org's callouts.
func (f *harnessFaults) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.down.Load() {
		return nil, errors.New("connection refused")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// handler takes the switches as they are to stand, and records to purge.
func (f *harnessFaults) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var order struct {
			Down   bool
			Late   int64
			Slow   int64 // milliseconds that the org takes for a write
			Purge  []string
			Object string
		}
		err := json.NewDecoder(r.Body).Decode(&order)
		f.down.Store(order.Down)
		f.late.Store(order.Late)
		f.world.org.SetFaults()
		if order.Slow > 0 {
			f.world.org.SetFaults(simorg.Fault{Method: http.MethodPatch, Kind: simorg.Slow, Delay: time.Duration(order.Slow) * time.Millisecond})
		}
		if err == nil && len(order.Purge) > 0 {
			err = f.purge(r.Context(), order.Object, order.Purge)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

// purge forgets records as another node would, which has the same vault open.
func (f *harnessFaults) purge(ctx context.Context, object string, ids []string) error {
	node := &Main{Config: f.world.server.Config, Log: f.world.server.Log}
	s, err := node.open(ctx)
	defer func() { _ = node.Close() }()
	if err != nil {
		return err
	}
	versions, err := vault.Open(vault.Config{DB: s.db.Client, Bucket: s.bucket, Keeper: s.keeper, Log: node.Log})
	if err != nil {
		return err
	}
	org, err := s.db.Client.Org.Query().Only(engine.AsSystem(ctx))
	if err != nil {
		return err
	}
	_, err = versions.Purge(engine.AsWorker(ctx, org.TenantID), vault.PurgeSpec{OrgID: org.ID, Object: object, Records: ids})
	return err
}
