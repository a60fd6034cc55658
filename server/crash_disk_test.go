package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/vault/vaulttest"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
)

const (
	powerCuts     = 24
	tinyArena     = 4 << 10 // so that a small backup is many segments
	recordsOfALab = 40
	never         = 1 << 40
)

// TestABackupSurvivesAPowerCut cuts the power at many steps of a full backup:
// the bucket loses every write that was not synced, the database keeps what was
// committed. A new node goes on from there, the backup completes, and every
// record is stored once, as the org has it.
func TestABackupSurvivesAPowerCut(t *testing.T) {
	calm := newPowered(t)
	calm.disk.KillAt(never, func() {})
	before := calm.disk.Steps()
	calm.start()
	calm.await()
	total := calm.disk.Steps() - before
	calm.wantEverythingOnce()
	for cut := range powerCuts {
		step := 1 + cut*total*9/10/powerCuts // the count of steps varies a little
		t.Run(fmt.Sprintf("step %d of %d", step, total), func(t *testing.T) {
			p := newPowered(t)
			after := p.cutAt(step)
			after.await()
			after.wantEverythingOnce()
		})
	}
}

// powered is a lab on a disk that can lose power.
type powered struct {
	*lab
	disk  *vaulttest.Disk
	jobID string
}

func newPowered(t *testing.T) *powered {
	t.Helper()
	disk := vaulttest.NewDisk(time.Now)
	p := &powered{lab: newLab(t, labOptions{bucket: disk.Bucket(), arena: tinyArena}), disk: disk}
	stepWith(p.db, disk)
	for _, object := range labObjects {
		var rows []map[string]any
		for i := range recordsOfALab {
			rows = append(rows, map[string]any{"Name": fmt.Sprintf("%s %d “ü”\n", object, i)})
		}
		if object != "Milestone__c" { // a detail needs its master
			p.people.insert(object, rows...)
		}
	}
	return p
}

// stepWith makes every change of the database a step of the disk.
func stepWith(db *database.DB, disk *vaulttest.Disk) {
	db.Client.Use(func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			if err := disk.Step(); err != nil {
				return nil, err
			}
			return next.Mutate(ctx, m)
		})
	})
}

// reopened is a node of its own on the lab's org, with the given database and disk.
func (l *lab) reopened(db *database.DB, disk *vaulttest.Disk) *lab {
	node := &lab{t: l.t, ctx: l.ctx, sim: l.sim, url: l.url, people: l.people, orgID: l.orgID, db: db, finished: make(chan struct{}, 1)}
	node.clock.now = l.clock.Now()
	node.openRooms(labOptions{bucket: disk.Bucket(), arena: tinyArena})
	return node
}

func (p *powered) start() {
	p.t.Helper()
	started, err := p.backups.Start(p.ctx, backup.StartInput{OrgID: p.orgID})
	if err != nil && !errors.Is(err, vaulttest.ErrKilled) {
		p.t.Fatal(err)
	}
	if err == nil {
		p.jobID = started.ID
	}
}

// cutAt cuts the power at a step of a backup, and is the node that comes after.
func (p *powered) cutAt(step int) *powered {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), "killed.db")
	dark := make(chan *vaulttest.Disk, 1)
	p.start() // enqueued before the first step that counts
	p.disk.KillAt(step, func() {
		left := p.disk.AfterCrash(rand.New(rand.NewPCG(uint64(step), 1)))
		if _, err := p.db.SQL.ExecContext(context.WithoutCancel(p.ctx), "VACUUM INTO ?", path); err != nil {
			p.t.Error(err)
		}
		dark <- left
	})
	var left *vaulttest.Disk
	select {
	case left = <-dark:
	case <-p.t.Context().Done():
		p.t.Fatal("the power was never cut")
	}
	p.disk.KillAt(never, func() {}) // the dead node may come to an end, in a world of its own
	db, err := database.Open(p.ctx, path, database.Unsynced())
	p.must(err)
	p.t.Cleanup(func() { _ = db.Close() })
	_, err = db.SQL.ExecContext(p.ctx, "UPDATE tasks SET lease_until = created_at WHERE state = 'RUNNING'") // the dead node's lease is over
	p.must(err)
	return &powered{lab: p.reopened(db, left), disk: left, jobID: p.jobID}
}

func (p *powered) await() {
	p.t.Helper()
	eventually(p.t, "the backup ends", func() bool { return p.db.Client.Job.GetX(p.ctx, p.jobID).State.Finished() })
	if j := p.db.Client.Job.GetX(p.ctx, p.jobID); j.State != engine.JobCompleted {
		p.t.Fatalf("the backup ended %s: %s", j.State, j.ErrorMessage)
	}
}

func (p *powered) wantEverythingOnce() {
	p.t.Helper()
	for _, object := range labObjects {
		org := p.people.state(object)
		if told := differences(p.stored(object, ""), org); len(told) > 0 {
			p.t.Fatalf("%s: %v", object, told)
		}
		for _, id := range slices.Sorted(maps.Keys(org)) {
			versions, err := p.vault.History(p.ctx, p.orgID, object, id)
			p.must(err)
			if len(versions) != 1 {
				p.t.Fatalf("%s %s is stored %d times", object, id, len(versions))
			}
		}
	}
}
