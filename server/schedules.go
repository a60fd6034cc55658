package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/schedules"
)

// schedules makes the room, which knows operations by their checks only.
func (m *Main) schedules(s store, queue *job.Queue, backups *backup.Backup) *schedules.Schedules {
	check := scheduledBackup(backups)
	clock := m.Clock
	if clock == nil {
		clock = time.Now
	}
	return &schedules.Schedules{
		DB: s.db, Queue: queue, Now: clock, Poll: m.SchedulePoll, Log: m.Log,
		Checks: map[engine.Operation]schedules.Check{engine.CompositeBackup: check, engine.CompositeSyncBackup: check, engine.TemplatedBackup: check},
	}
}

// scheduledBackup makes a backup of what a schedule asks for.
func scheduledBackup(backups *backup.Backup) schedules.Check {
	return func(ctx context.Context, w schedules.Work) (job.Spec, error) {
		in := backup.StartInput{
			OrgID: w.OrgID, TemplateID: w.TemplateID, Sync: w.Operation == engine.CompositeSyncBackup, Name: w.Name, Description: w.Description,
		}
		var settings backup.Settings
		if w.Settings != nil {
			if err := json.Unmarshal(w.Settings, &settings); err != nil {
				return job.Spec{}, engine.Wrap("read the schedule's settings", err)
			}
			in.Include = &settings.Include
		}
		if w.Operation == engine.TemplatedBackup && w.TemplateID == "" {
			return job.Spec{}, &engine.Error{Kind: engine.KindInvalid, Code: "TEMPLATE_NEEDED", Field: "templateId", Message: "A templated backup needs a template: choose one."}
		}
		return backups.Spec(ctx, in)
	}
}

// fire starts scheduled jobs until Close.
func (m *Main) fire(s *schedules.Schedules) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	m.onClose(func() error {
		stop()
		running.Wait()
		return nil
	})
}
