package backup

import (
	"context"
	"iter"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
)

// Touched is a record that a job stored a version of.
type Touched struct {
	RecordID     string
	Change       engine.Change
	Name         string
	Owner        string
	LastModified string
	Version      *vault.Version
}

// TouchedQuery asks for records that a job touched. An empty change means
// every change, an empty text every record.
type TouchedQuery struct {
	Job    *ent.Job
	Object string
	Change engine.Change
	Search string // part of the name or the id
	After  string // only records with a greater id
	Limit  int
}

// Touched lists what a job did to an SObject's records, by id. A job that has
// stored nothing touched none.
func (b *Backup) Touched(ctx context.Context, q TouchedQuery) ([]Touched, error) {
	nameField := ""
	if object, err := b.Capture.Dictionary.SObject(ctx, q.Job.OrgID, q.Object); err == nil {
		nameField = describe.NameField(object)
	}
	page := []Touched{}
	reading := vault.Reading{IncludeDeleted: true, After: []byte(q.After)}
	if q.After == "" {
		reading.After = nil
	}
	versions := b.Vault.Touched(ctx, vault.Point{OrgID: q.Job.OrgID, JobID: q.Job.ID}, q.Object, q.Change, reading)
	for version, err := range b.whole(ctx, q.Job.OrgID, versions) {
		if err != nil {
			return nil, err
		}
		name := string(version.Value(nameField))
		if !contains(name, q.Search) && !contains(string(version.RecordID), q.Search) {
			continue
		}
		kept := version.Clone()
		page = append(page, Touched{
			RecordID: string(kept.RecordID), Change: kept.Change, Name: name, Owner: string(kept.Value("OwnerId")),
			LastModified: string(kept.Modstamp), Version: &kept,
		})
		if len(page) == q.Limit {
			break
		}
	}
	return page, nil
}

// whole goes through versions, each with values; there are none of a job that
// has stored nothing.
func (b *Backup) whole(ctx context.Context, orgID string, versions iter.Seq2[*vault.Version, error]) iter.Seq2[*vault.Version, error] {
	return func(yield func(*vault.Version, error) bool) {
		for version, err := range versions {
			if e, ok := engine.AsError(err); ok && e.Code == "BACKUP_NOT_FOUND" {
				return
			}
			if err == nil {
				version, err = b.withValues(ctx, orgID, version)
			}
			if !yield(version, err) || err != nil {
				return
			}
		}
	}
}

// withValues gives a tombstone that came without values those of the version before it.
func (b *Backup) withValues(ctx context.Context, orgID string, version *vault.Version) (*vault.Version, error) {
	if version.Tombstone != engine.HardDelete {
		return version, nil
	}
	whole, err := b.Vault.Version(ctx, orgID, version.ID())
	return &whole, err
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
