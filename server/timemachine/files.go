package timemachine

import (
	"context"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/files"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/restore"
)

// FilePath is where a browser fetches a file with a link of file-link.
const FilePath = "/time-machine/v1/file/"

const (
	fileLink     = "time-machine-file" // the kind of its links
	fileLinkLife = 2 * time.Minute
)

// file is a file of the record on the wire.
type file struct {
	ID         string      `json:"id"`
	Title      string      `json:"title"`
	Extension  string      `json:"extension"`
	Bytes      int64       `json:"bytes"`
	CapturedAt string      `json:"capturedAt"`
	State      files.State `json:"state"`
}

// files lists what the user may read of the record's files: a page can hold
// fewer than asked for, and its cursor leads on all the same.
func (h *Handler) files(ctx context.Context, q request) (any, error) {
	first, after, err := pageOf(q)
	if err != nil {
		return nil, err
	}
	rights, err := h.Restore.RightsOf(ctx, q.asker)
	if err != nil {
		return nil, err
	}
	found, err := h.Files.List(ctx, files.Query{OrgID: rights.OrgID, LinkedTo: rights.RecordID, First: first, After: after})
	if err != nil {
		return nil, err
	}
	may, err := h.Restore.MayRead(ctx, rights, linked(found.Files))
	if err != nil {
		return nil, err
	}
	answer := struct {
		Files     []file  `json:"files"`
		EndCursor *string `json:"endCursor"`
	}{[]file{}, optional(found.EndCursor)}
	for i, f := range found.Files {
		if may[i] {
			answer.Files = append(answer.Files, file{f.ID, f.Title, f.Extension, f.Bytes, instant(f.CapturedAt), f.State})
		}
	}
	return answer, nil
}

// linked is by what the user's right to each file is told. Attachments and
// notes are shared with their record.
func linked(found []files.File) []restore.Linked {
	all := make([]restore.Linked, len(found))
	for i, f := range found {
		all[i] = restore.Linked{ObjectName: f.ObjectName, Sharing: engine.RecordID(f.DocumentID), Deleted: f.State != files.Present}
		if f.Private {
			all[i].Owner = engine.RecordID(f.OwnerID)
		}
	}
	return all
}

func (h *Handler) fileLink(ctx context.Context, q request) (any, error) {
	var in struct {
		FileID string `json:"fileId"`
	}
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	rights, err := h.Restore.RightsOf(ctx, q.asker)
	if err != nil {
		return nil, err
	}
	found, err := h.Files.Find(ctx, rights.OrgID, rights.RecordID, in.FileID)
	if err != nil {
		return nil, err
	}
	may, err := h.Restore.MayRead(ctx, rights, linked([]files.File{*found}))
	if err != nil {
		return nil, err
	}
	if !may[0] {
		return nil, engine.E(engine.KindNotFound, "FILE_NOT_FOUND", "There is no such file: look at the record's files again.")
	}
	link, err := h.Identity.SignLink(identity.Link{
		Tenant: q.Viewer.Tenant, Kind: fileLink, ID: strings.Join([]string{rights.OrgID, found.ID, random()}, "/"), Expires: h.Now().Add(fileLinkLife),
	})
	return map[string]string{"url": h.Audience + FilePath + link}, err
}

// OpenFile opens what a link of file-link names, once.
func (h *Handler) OpenFile(ctx context.Context, token string) (*files.Download, error) {
	link, err := h.Identity.OpenLink(fileLink, token)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(link.ID, "/")
	ctx = engine.WithViewer(ctx, engine.Viewer{Tenant: link.Tenant, Org: parts[0]})
	fresh, err := h.Identity.Spend(ctx, link.ID, link.Expires)
	if err == nil && !fresh {
		err = engine.E(engine.KindDenied, "LINK_EXPIRED", "This link has been used: open the file again from the record's page.")
	}
	if err != nil {
		return nil, err
	}
	return h.Files.Open(ctx, parts[0], parts[1])
}
