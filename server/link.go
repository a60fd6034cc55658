package main

import (
	"context"
	"io"
	"path"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/files"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/graph"
	"github.com/holdfast-backup/holdfast/server/web"
)

// signedLinks open what the API's signed links name, for whoever has the link.
type signedLinks struct{ people *identity.Service }

// open answers the id of a link and a context that may read what is its tenant's.
func (l signedLinks) open(ctx context.Context, kind, token string) (viewing context.Context, id string, err error) {
	link, err := l.people.OpenLink(kind, token)
	return engine.WithViewer(ctx, engine.Viewer{Tenant: link.Tenant, Role: engine.RoleViewer}), link.ID, err
}

// jobLog writes a job's log.
func (l signedLinks) jobLog(queue *job.Queue) func(ctx context.Context, w io.Writer, token string) error {
	return func(ctx context.Context, w io.Writer, token string) error {
		viewing, id, err := l.open(ctx, graph.JobLogLink, token)
		if err != nil {
			return err
		}
		return queue.WriteCSV(viewing, w, id)
	}
}

// file opens the content of a file of records.
func (l signedLinks) file(stored *files.Files) web.OpenFile {
	return func(ctx context.Context, token string) (*files.Download, error) {
		viewing, id, err := l.open(ctx, graph.FileLink, token)
		if err != nil {
			return nil, err
		}
		orgID, version, _ := strings.Cut(id, "/")
		return stored.Open(viewing, orgID, version)
	}
}

// metadataFile opens the file of a metadata component.
func (l signedLinks) metadataFile(backups *backup.Backup) web.OpenFile {
	return func(ctx context.Context, token string) (*files.Download, error) {
		viewing, id, err := l.open(ctx, graph.MetadataFileLink, token)
		if err != nil {
			return nil, err
		}
		part := append(strings.SplitN(id, "/", 3), "", "")
		content, err := backups.OpenComponentFile(viewing, part[0], part[1], part[2])
		return &files.Download{ReadSeeker: content, Name: path.Base(part[2])}, err
	}
}
