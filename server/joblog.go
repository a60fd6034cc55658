package main

import (
	"context"
	"io"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/graph"
)

// jobLog writes the log that a link names, for whoever has the link.
func jobLog(people *identity.Service, queue *job.Queue) func(ctx context.Context, w io.Writer, token string) error {
	return func(ctx context.Context, w io.Writer, token string) error {
		link, err := people.OpenLink(graph.JobLogLink, token)
		if err != nil {
			return err
		}
		return queue.WriteCSV(engine.WithViewer(ctx, engine.Viewer{Tenant: link.Tenant, Role: engine.RoleViewer}), w, link.ID)
	}
}
