package main

import (
	"context"
	"io"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/graph"
)

// metadataFile opens the file of a component that a link names, for whoever
// has the link.
func metadataFile(people *identity.Service, backups *backup.Backup) func(context.Context, string) (string, io.ReadSeeker, error) {
	return func(ctx context.Context, token string) (string, io.ReadSeeker, error) {
		link, err := people.OpenLink(graph.MetadataFileLink, token)
		if err != nil {
			return "", nil, err
		}
		part := append(strings.SplitN(link.ID, "/", 3), "", "")
		content, err := backups.OpenComponentFile(engine.WithViewer(ctx, engine.Viewer{Tenant: link.Tenant, Role: engine.RoleViewer}), part[0], part[1], part[2])
		return part[2], content, err
	}
}
