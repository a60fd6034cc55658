package timemachine

import (
	"context"

	"github.com/holdfast-backup/holdfast/engine"
)

// deletedRecord is a deleted record on the wire.
type deletedRecord struct {
	ObjectName  string           `json:"objectName"`
	ObjectLabel string           `json:"objectLabel"`
	RecordID    string           `json:"recordId"`
	Name        *string          `json:"name"`
	DeletedAt   string           `json:"deletedAt"`
	Tombstone   engine.Tombstone `json:"tombstone"`
}

func (h *Handler) deletedRelated(ctx context.Context, q request) (any, error) {
	first, after, err := pageOf(q)
	if err != nil {
		return nil, err
	}
	rights, err := h.Restore.RightsOf(ctx, q.asker)
	if err != nil {
		return nil, err
	}
	found, err := h.Restore.DeletedRelated(ctx, rights, first, after)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Records   []deletedRecord `json:"records"`
		EndCursor *string         `json:"endCursor"`
	}{make([]deletedRecord, len(found.Records)), optional(found.After)}
	for i, d := range found.Records {
		answer.Records[i] = deletedRecord{d.ObjectName, d.ObjectLabel, d.RecordID, optional(d.Name), instant(d.DeletedAt), d.Tombstone}
	}
	return answer, nil
}
