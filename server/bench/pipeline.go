package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/orgs"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent/database"
)

// pipeline is the rooms of a backup, as the server makes them, on SQLite and a
// vault in a folder.
type pipeline struct {
	ctx     context.Context //nolint:containedctx // the bench's tenant
	orgID   string
	orgs    *orgs.Orgs
	queue   *job.Queue
	backups *backup.Backup
	closers []func()
}

func newPipeline(ctx context.Context, folder, orgURL string) (*pipeline, error) {
	db, err := database.Open(ctx, filepath.Join(folder, "holdfast.db"))
	if err != nil {
		return nil, err
	}
	bucket, err := vault.OpenBucket(ctx, "file://"+filepath.Join(folder, "vault"))
	if err != nil {
		return nil, err
	}
	tenant, err := db.Client.Tenant.Create().SetName("bench").SetSlug("bench").Save(engine.AsSystem(ctx))
	if err != nil {
		return nil, err
	}
	silent, keeper := slog.New(slog.DiscardHandler), localsecrets.NewKeeper([32]byte{1})
	versions, err := vault.Open(vault.Config{DB: db.Client, Bucket: bucket, Keeper: keeper})
	if err != nil {
		return nil, err
	}
	p := &pipeline{ctx: engine.AsWorker(ctx, tenant.ID), queue: job.New(db, job.Settings{Logger: silent})}
	p.orgs = orgs.New(orgs.Config{
		DB: db.Client, Keeper: keeper, Jobs: p.queue, Opener: salesforce.New(salesforce.Options{}), CallbackURL: "https://bench.example/",
		SalesforceHosts: []string{strings.TrimPrefix(orgURL, "http://")}, Clock: time.Now, Log: silent,
	})
	p.backups = &backup.Backup{
		DB: db.Client, Vault: versions, Queue: p.queue, Orgs: p.orgs, Log: silent,
		Capture: &capture.Capture{DB: db.Client, Dictionary: capture.Dictionary{DB: db.Client}, Vault: versions},
	}
	p.queue.Register(engine.CompositeBackup, p.backups)
	p.run()
	p.closers = append(p.closers, func() { _ = bucket.Close() }, func() { _ = db.Close() })
	return p, p.connect(orgURL)
}

// run works on jobs until close.
func (p *pipeline) run() {
	ctx, stop := context.WithCancel(p.ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = p.queue.Run(ctx) })
	p.closers = append(p.closers, func() {
		stop()
		running.Wait()
	})
}

func (p *pipeline) close() {
	for _, end := range p.closers {
		end()
	}
}

func (p *pipeline) connect(orgURL string) error {
	connected, err := p.orgs.Connect(p.ctx, orgs.ConnectInput{
		Name: "Bench", Type: "SANDBOX", Flow: engine.FlowClientCredentials, LoginURL: orgURL, ClientID: clientID, ClientSecret: clientSecret,
	})
	if err == nil {
		p.orgID = connected.Org.ID
	}
	return err
}

// backup runs one to its end; it must complete.
func (p *pipeline) backup() error {
	started, err := p.backups.Start(p.ctx, backup.StartInput{OrgID: p.orgID})
	if err != nil {
		return err
	}
	snapshots, err := p.queue.Progress(p.ctx, started.ID)
	if err != nil {
		return err
	}
	var last job.Snapshot
	for last = range snapshots {
	}
	if last.Job == nil || last.Job.State != engine.JobCompleted {
		return fmt.Errorf("the backup ended as %+v", last.Job)
	}
	return nil
}

// reader reads one SObject with the product's client, and keeps nothing.
type reader struct {
	org     engine.Org
	request engine.ReadRequest
}

func (p *pipeline) reader(ctx context.Context, object string) (*reader, error) {
	org, err := p.orgs.OpenOrg(p.ctx, p.orgID)
	if err != nil {
		return nil, err
	}
	described, err := org.Describe(ctx, []engine.DescribeRequest{{Object: object}})
	if err != nil {
		return nil, err
	}
	o := described[0].SObject
	return &reader{org, engine.ReadRequest{Object: *o, Fields: describe.Names(describe.Kept(o)), Expect: 1 << 20}}, nil
}

// read times the reading of the rows, from the first page's request on: the
// job's own preparation is the org's work.
func (r *reader) read(ctx context.Context) (took time.Duration, err error) {
	rows, err := r.org.Read(ctx, r.request)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	from := time.Now()
	for {
		if _, err := rows.Next(ctx); errors.Is(err, io.EOF) {
			return time.Since(from), nil
		} else if err != nil {
			return 0, err
		}
	}
}
