package main

import (
	"context"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/files"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/graph"
)

// file opens the content that a link names, for whoever has the link.
func file(people *identity.Service, stored *files.Files) func(ctx context.Context, token string) (*files.Download, error) {
	return func(ctx context.Context, token string) (*files.Download, error) {
		link, err := people.OpenLink(graph.FileLink, token)
		if err != nil {
			return nil, err
		}
		orgID, version, _ := strings.Cut(link.ID, "/")
		return stored.Open(engine.WithViewer(ctx, engine.Viewer{Tenant: link.Tenant, Role: engine.RoleViewer}), orgID, version)
	}
}
