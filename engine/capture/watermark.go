package capture

import (
	"context"
	"encoding/json"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
	entwatermark "github.com/holdfast-backup/holdfast/ent/watermark"
)

// CompositeScope is whose watermarks a composite backup moves.
const CompositeScope = "composite"

// watermark is up to where an SObject was read, and which fields were.
type watermark struct {
	Stamp       time.Time
	Fingerprint string
}

func (c *Capture) watermarks(ctx context.Context, orgID, scope string) (map[string]watermark, error) {
	rows, err := c.DB.Watermark.Query().Where(entwatermark.OrgID(orgID), entwatermark.Scope(scope)).All(ctx)
	if err != nil {
		return nil, engine.Wrap("load the watermarks", err)
	}
	marks := make(map[string]watermark, len(rows))
	for _, row := range rows {
		marks[row.Object] = watermark{Stamp: row.Stamp, Fingerprint: row.FieldsHash}
	}
	return marks, nil
}

// MoveWatermarks records, after the run's commit, up to where each whole
// SObject and metadata type was read. Dying before it only means reading more
// the next time.
func (c *Capture) MoveWatermarks(ctx context.Context, r Request) error {
	var rows []*ent.WatermarkCreate
	for _, name := range r.objects() {
		if _, whole := r.Store.Finished(name); !whole {
			continue
		}
		var read token
		if err := json.Unmarshal(r.Store.Checkpoint(name), &read); err != nil {
			return engine.Wrap("read the checkpoint of "+name, err)
		}
		if read.Began.IsZero() {
			continue // there is a reason to read it in full again
		}
		rows = append(rows, c.DB.Watermark.Create().SetOrgID(r.OrgID).SetScope(r.Scope).SetObject(name).
			SetStamp(read.Began.UTC().Truncate(time.Microsecond)).SetFieldsHash(read.Fingerprint))
	}
	if len(rows) == 0 {
		return nil
	}
	err := c.DB.Watermark.CreateBulk(rows...).
		OnConflictColumns(entwatermark.FieldOrgID, entwatermark.FieldScope, entwatermark.FieldObject).UpdateNewValues().Exec(ctx)
	return engine.Wrap("move the watermarks", err)
}

// Measure writes down what each object takes in the vault, once the run is
// closed: what small ones share is written only then.
func (c *Capture) Measure(ctx context.Context, r Request, counts vault.RunCounts) error {
	sizes := map[*job.ObjectProgress]int64{}
	for i := range r.Targets {
		name := r.Targets[i].Name
		stored, whole := counts.Objects[name]
		if !whole || stored.Bytes == 0 {
			continue
		}
		var read token
		if err := json.Unmarshal(r.Store.Checkpoint(name), &read); err != nil {
			return engine.Wrap("read the checkpoint of "+name, err)
		}
		sizes[r.Job.Object(name)] = stored.Bytes + read.Files.Bytes
	}
	for i := range r.Metadata {
		if size := counts.Objects[MetadataObject(r.Metadata[i].Name)].Bytes; size > 0 {
			sizes[r.Job.MetadataType(r.Metadata[i].Name, r.Metadata[i].Directory)] = size
		}
	}
	if len(sizes) == 0 {
		return nil
	}
	return r.Job.Measure(ctx, sizes)
}

// Disown takes back what the job tells of objects that could not be stored, as
// the run could not be closed.
func (c *Capture) Disown(ctx context.Context, r Request, cause error) error {
	unstored, alive := r.Store.Unstored(), map[*job.ObjectProgress]int64{}
	for i := range r.Targets {
		if n, lost := unstored[r.Targets[i].Name]; lost {
			alive[r.Job.Object(r.Targets[i].Name)] = n
		}
	}
	for i := range r.Metadata {
		if n, lost := unstored[MetadataObject(r.Metadata[i].Name)]; lost {
			alive[r.Job.MetadataType(r.Metadata[i].Name, r.Metadata[i].Directory)] = n
		}
	}
	return r.Job.Lose(ctx, alive, cause)
}
