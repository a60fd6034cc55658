package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"time"

	"github.com/holdfast-backup/holdfast/server/demo"
)

const smokeLimit = time.Minute

type smokeCommand struct{}

// Run drives the main job end to end over HTTP and WebSocket, on free ports,
// and checks it against the org's own answers.
func (smokeCommand) Run(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, smokeLimit)
	defer stop()
	began := time.Now()
	w, err := newWorld(ctx, onFreePorts, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	s := &smoke{world: w}
	if err == nil {
		err = s.run(ctx)
	}
	if err := errors.Join(err, w.close()); err != nil {
		return fmt.Errorf("smoke failed: %w", err)
	}
	fmt.Printf("smoke ok: %d records stored in %d backups, %d log lines live, %d versions compared, 1 field restored and read back, %.1f s\n",
		s.records, s.backups, s.lines, s.versions, time.Since(began).Seconds())
	return nil
}

// smoke is one drive through the main job.
type smoke struct {
	*world
	records, backups int64
	lines, versions  int
}

func (s *smoke) run(ctx context.Context) error {
	if err := s.watchedBackup(ctx); err != nil {
		return fmt.Errorf("watch a backup live: %w", err)
	}
	rounds, err := demo.Rounds()
	if err != nil {
		return err
	}
	for _, round := range rounds {
		if err := s.session.Edit(ctx, round); err != nil {
			return err
		}
		job, err := s.api.Backup(ctx, s.orgID, round.Title)
		if err != nil {
			return err
		}
		s.count(job)
	}
	if err := s.compareAndRestore(ctx, "Account1"); err != nil {
		return fmt.Errorf("compare and restore: %w", err)
	}
	return nil
}

func (s *smoke) count(job demo.Job) {
	s.backups++
	s.records += job.Records
}

// watchedBackup follows a backup's log over WebSocket from its first line to
// its last.
func (s *smoke) watchedBackup(ctx context.Context) error {
	id, err := s.api.StartBackup(ctx, s.orgID, "First backup")
	if err != nil {
		return err
	}
	lines, err := s.api.Follow(ctx, id)
	if err != nil {
		return err
	}
	for i, line := range lines {
		if line.Seq != int64(i+1) {
			return fmt.Errorf("line %d came as number %d", i+1, line.Seq)
		}
	}
	job, err := s.api.Wait(ctx, id)
	if err != nil {
		return err
	}
	if job.Added == 0 || len(lines) == 0 {
		return fmt.Errorf("the first backup stored %d records and logged %d lines", job.Added, len(lines))
	}
	s.lines = len(lines)
	s.count(job)
	return nil
}

// compareAndRestore takes the Description that a mail merge has overwritten
// back from an earlier version, and asks the org itself what it has then.
func (s *smoke) compareAndRestore(ctx context.Context, reference string) error {
	recordID := s.session.ID(reference)
	before, err := s.session.Get(ctx, reference)
	if err != nil {
		return err
	}
	history, err := s.api.History(ctx, s.orgID, s.session.Object(reference), recordID)
	if err != nil {
		return err
	}
	s.versions = len(history)
	good := history[len(history)-2]
	if err := s.api.RestoreField(ctx, demo.FieldRestore{OrgID: s.orgID, Object: s.session.Object(reference), RecordID: recordID, Field: "Description", VersionID: good.ID}); err != nil {
		return err
	}
	after, err := s.session.Get(ctx, reference)
	if err != nil {
		return err
	}
	return checkOnly(before, after, "Description", good.Values["Description"])
}

// checkOnly fails unless field now has the value and nothing else has changed
// but what Salesforce stamps.
func checkOnly(before, after map[string]any, field string, want any) error {
	if after[field] != want || before[field] == want {
		return errors.New("the org does not have the version's " + field)
	}
	stamps := map[string]bool{field: true, "LastModifiedDate": true, "LastModifiedById": true, "SystemModstamp": true, "attributes": true}
	for name := range before {
		if !stamps[name] && !reflect.DeepEqual(before[name], after[name]) {
			return errors.New("the restore has changed " + name + " too")
		}
	}
	return nil
}
