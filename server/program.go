package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/secrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/files"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/orgs"
	"github.com/holdfast-backup/holdfast/engine/restore"
	"github.com/holdfast-backup/holdfast/engine/retain"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/templates"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/graph"
	"github.com/holdfast-backup/holdfast/server/auth"
	"github.com/holdfast-backup/holdfast/server/config"
	"github.com/holdfast-backup/holdfast/server/timemachine"
	"github.com/holdfast-backup/holdfast/server/web"
)

const (
	stopGrace         = 10 * time.Second
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute

	triesPerMinute = 10 // sign-ups, sign-ins and refreshes of one address
	triesAtOnce    = 20

	orgAnswers = time.Minute // to what somebody waits for
)

// Main is the whole program: what `holdfast serve` runs, and what the tests
// start, is this.
type Main struct {
	Config config.Config
	Log    *slog.Logger
	// Clock is the time of the schedules and of the orgs' quotas, nil for the machine's, and SchedulePoll how
	// often they look for what is due, 0 for the default.
	Clock        func() time.Time
	SchedulePoll time.Duration

	listener net.Listener
	// closers end what Run began, the last first.
	closers []func() error
}

// Run opens everything and serves. It returns as soon as the server answers,
// or with what keeps it from doing so; in both cases Close ends it. ctx bounds
// the start only.
func (m *Main) Run(ctx context.Context) error {
	stdlog.SetOutput(io.Discard) // gqlgen's transports print request bodies there
	store, err := m.open(ctx)
	if err != nil {
		return errors.Join(err, m.Close())
	}
	if err := m.listen(ctx); err != nil {
		return errors.Join(err, m.Close())
	}
	site, err := m.wire(ctx, store)
	if err != nil {
		return errors.Join(err, m.Close())
	}
	m.serve(site)
	return nil
}

// URL is where the server answers on this machine.
func (m *Main) URL() string { return "http://" + m.listener.Addr().String() }

// Close ends streams and requests, lets running jobs come to a stop, and
// closes what they used.
func (m *Main) Close() error {
	var errs []error
	for len(m.closers) > 0 {
		last := len(m.closers) - 1
		errs = append(errs, m.closers[last]())
		m.closers = m.closers[:last]
	}
	return errors.Join(errs...)
}

func (m *Main) onClose(end func() error) { m.closers = append(m.closers, end) }

// store is what the server keeps its data in.
type store struct {
	db     *database.DB
	bucket *blob.Bucket
	keeper *secrets.Keeper
}

func (m *Main) open(ctx context.Context) (s store, err error) {
	if s.keeper, err = m.Config.OpenKeeper(ctx); err != nil {
		return s, err
	}
	m.onClose(s.keeper.Close)
	if s.bucket, err = m.Config.OpenBucket(ctx); err != nil {
		return s, err
	}
	m.onClose(s.bucket.Close)
	if s.db, err = database.Open(ctx, m.Config.DatabaseURL()); err != nil {
		return s, err
	}
	m.onClose(s.db.Close)
	return s, nil
}

// ready says why the server cannot answer at the moment, if so.
func (s store) ready(ctx context.Context) error {
	if err := s.db.SQL.PingContext(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	accessible, err := s.bucket.IsAccessible(ctx)
	if err == nil && !accessible {
		err = errors.New("not accessible")
	}
	if err != nil {
		return fmt.Errorf("bucket: %w", err)
	}
	return nil
}

func (m *Main) listen(ctx context.Context) (err error) {
	m.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", m.Config.Listen)
	if err == nil {
		m.onClose(func() error {
			_ = m.listener.Close() // closed already where the server ran
			return nil
		})
	}
	return err
}

// publicURL is the address under which browsers reach the server.
func (m *Main) publicURL() string {
	if m.Config.PublicURL != "" {
		return strings.TrimSuffix(m.Config.PublicURL, "/")
	}
	return m.URL()
}

// wire makes the rooms and connects them.
func (m *Main) wire(ctx context.Context, s store) (web.Site, error) {
	keys, err := identity.OpenKeys(ctx, s.db.Client, s.keeper)
	if err != nil {
		return web.Site{}, err
	}
	people, err := identity.New(s.db.Client, keys, identity.Options{})
	if err != nil {
		return web.Site{}, err
	}
	rooms, err := m.rooms(s)
	if err != nil {
		return web.Site{}, err
	}
	rooms.Identity = people
	m.work(rooms.Jobs)
	m.fire(rooms.Schedules)
	resolver := &graph.Resolver{Rooms: rooms, DB: s.db.Client, Log: m.Log, Address: m.publicURL()}
	api := graph.NewHandler(resolver, graph.Options{
		Authenticate: people.Authenticate, Throttle: auth.NewThrottle(triesPerMinute, triesAtOnce).Allow, Limits: graph.DefaultLimits, OrgAnswers: orgAnswers,
	})
	signed := signedLinks{people}
	return web.Site{
		GraphQL:      auth.Address(m.Config.BehindProxy, auth.Bearer(people.Authenticate, api)),
		Complete:     rooms.Orgs.Complete,
		JobLog:       signed.jobLog(rooms.Jobs),
		TimeMachine:  m.timeMachine(rooms),
		Ready:        s.ready,
		Log:          m.Log,
		MetadataFile: signed.metadataFile(rooms.Backup),
		File:         signed.file(rooms.Files),
	}, nil
}

// timeMachine answers the orgs' Apex and their pages.
func (m *Main) timeMachine(rooms graph.Rooms) web.TimeMachine {
	h := timemachine.New(timemachine.Config{
		Identity: rooms.Identity, Restore: rooms.Restore, Orgs: rooms.Orgs, Jobs: rooms.Jobs, Files: rooms.Files,
		Audience: m.publicURL(), Origins: m.Config.TimeMachineOrigins, Now: time.Now, Log: m.Log,
	})
	return web.TimeMachine{
		Answer: auth.Address(m.Config.BehindProxy, h), Stream: auth.Address(m.Config.BehindProxy, http.HandlerFunc(h.Stream)),
		File: h.OpenFile,
	}
}

// rooms makes the operations, and says which of them do the jobs.
func (m *Main) rooms(s store) (graph.Rooms, error) {
	versions, err := vault.Open(vault.Config{DB: s.db.Client, Bucket: s.bucket, Keeper: s.keeper, Log: m.Log})
	if err != nil {
		return graph.Rooms{}, err
	}
	queue, dictionary := job.New(s.db, job.Settings{Lease: m.Config.Lease, Logger: m.Log}), capture.Dictionary{DB: s.db.Client}
	connections := orgs.New(orgs.Config{
		DB: s.db.Client, Keeper: s.keeper, Vault: versions, Jobs: queue, Opener: salesforce.New(salesforce.Options{Log: m.Log, Now: m.Clock}), Clock: time.Now, Log: m.Log,
		CallbackURL: m.publicURL() + web.CallbackPath, SalesforceHosts: m.Config.SalesforceHosts,
	})
	backups := &backup.Backup{
		DB: s.db.Client, Vault: versions, Queue: queue, Orgs: connections, Log: m.Log,
		Capture: &capture.Capture{DB: s.db.Client, Dictionary: dictionary, Vault: versions},
	}
	restores := &restore.Restore{
		DB: s.db.Client, Vault: versions, Queue: queue, Orgs: connections, Dictionary: dictionary, Keeper: s.keeper,
		Access: restore.NewAccess(connections, time.Now),
	}
	queue.Register(engine.CompositeBackup, backups)
	queue.Register(engine.TimeMachineRestore, restores)
	times := m.schedules(s, queue, backups)
	connections.OnConnected, connections.OnQuota = times.EnsureSystem, queue.Hurry
	queue.Register(engine.CompositeSyncBackup, backups)
	queue.Register(engine.TemplatedBackup, backups)
	retention := &retain.Retain{DB: s.db.Client, Vault: versions, Queue: queue}
	queue.Register(engine.Retention, retention)
	queue.OnFinished(retention.AfterJob)
	return graph.Rooms{
		Orgs: connections, Jobs: queue, Backup: backups, Restore: restores, Retain: retention, Schedules: times, Files: &files.Files{DB: s.db.Client, Vault: versions},
		Templates: &templates.Templates{DB: s.db, Orgs: connections, Dictionary: dictionary},
	}, nil
}

// work runs jobs until Close.
func (m *Main) work(queue *job.Queue) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := queue.Run(ctx); err != nil {
			m.Log.Error("the job queue has stopped", "error", err)
		}
	})
	m.onClose(func() error {
		stop()
		running.Wait()
		return nil
	})
}

// serve answers until Close, which ends streams at once and lets other
// requests finish.
func (m *Main) serve(site web.Site) {
	stopping := make(chan struct{})
	site.Stopping = stopping
	server := &http.Server{
		Handler: site.Handler(), ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(m.Log.Handler(), slog.LevelWarn),
	}
	go func() {
		if err := server.Serve(m.listener); !errors.Is(err, http.ErrServerClosed) {
			m.Log.Error("the server has stopped", "error", err)
		}
	}()
	m.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
		defer cancel()
		close(stopping)
		return server.Shutdown(ctx)
	})
}
