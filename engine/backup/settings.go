package backup

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/template"
)

// Include says which kinds of SObjects, and whether the org's metadata, a
// composite backup takes beside the data, which it always takes (F33). A
// templated one has the box of the metadata alone (F35).
type Include struct {
	Metadata       bool `json:"metadata"`
	BigObjects     bool `json:"bigObjects"`
	Binary         bool `json:"binary"`
	Tag            bool `json:"tag"`
	History        bool `json:"history"`
	Feed           bool `json:"feed"`
	Share          bool `json:"share"`
	CustomMetadata bool `json:"customMetadata"`
}

// DefaultInclude is everything but metadata (F34).
func DefaultInclude() Include {
	return Include{BigObjects: true, Binary: true, Tag: true, History: true, Feed: true, Share: true, CustomMetadata: true}
}

// onlyMetadata reports that no other box was touched (F35).
func (i Include) onlyMetadata() bool {
	others := Include{Metadata: i.Metadata}
	if i == others { // as a templated backup keeps them
		return true
	}
	others = DefaultInclude()
	others.Metadata = i.Metadata
	return i == others
}

// leavesOut says why SObjects of a class are not taken, "" when they are.
func (i Include) leavesOut(class describe.Class) string {
	box, taken := "", true
	switch class {
	case describe.BigObject:
		box, taken = "big objects", i.BigObjects
	case describe.Binary:
		box, taken = "binary objects", i.Binary
	case describe.Tag:
		box, taken = "tag objects", i.Tag
	case describe.History:
		box, taken = "history objects", i.History
	case describe.Feed:
		box, taken = "feed objects", i.Feed
	case describe.Share:
		box, taken = "share objects", i.Share
	case describe.CustomMetadata:
		box, taken = "custom metadata types", i.CustomMetadata
	}
	if taken {
		return ""
	}
	return "This backup does not include " + box + "."
}

// Settings are what a backup's job keeps of how it was asked for (F99).
type Settings struct {
	TemplateID string  `json:"templateId,omitempty"`
	Include    Include `json:"include"`
}

// SettingsOf reads them back; false for a job that is no backup.
func SettingsOf(j *ent.Job) (s Settings, ok bool, err error) {
	if job.ClassOf(j.Operation) != job.Capture || len(j.Input) == 0 {
		return s, false, nil
	}
	err = json.Unmarshal(j.Input, &s)
	return s, err == nil, engine.Wrap("read the job's settings", err)
}

// Spec is the job that a request stands for, checked: what Start enqueues now
// and a schedule later.
func (b *Backup) Spec(ctx context.Context, in StartInput) (job.Spec, error) {
	spec := job.Spec{
		OrgID: in.OrgID, Operation: engine.CompositeBackup, Name: strings.TrimSpace(in.Name), Description: in.Description, IdempotencyKey: in.IdempotencyKey,
	}
	settings := Settings{TemplateID: in.TemplateID, Include: DefaultInclude()}
	title := "Composite backup"
	if in.Sync {
		spec.Operation, title = engine.CompositeSyncBackup, "Composite & Sync backup"
	}
	if in.Include != nil {
		settings.Include = *in.Include
	}
	if in.TemplateID != "" {
		chosen, err := b.template(ctx, in)
		if err != nil {
			return spec, err
		}
		spec.Operation, title, settings.Include = engine.TemplatedBackup, chosen.Name, Include{Metadata: settings.Include.Metadata}
		spec.UniqueKey = string(engine.TemplatedBackup) + "/" + chosen.ID
	}
	if spec.Name == "" {
		spec.Name = title
	}
	spec.Input = settings
	return spec, nil
}

// template is the one that was asked for, if a backup can be made of it.
func (b *Backup) template(ctx context.Context, in StartInput) (*ent.Template, error) {
	chosen, err := b.DB.Template.Query().Where(template.ID(in.TemplateID), template.OrgID(in.OrgID)).Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil, &engine.Error{Kind: engine.KindNotFound, Code: "NOT_FOUND", Field: "templateId", Message: "There is no template “" + in.TemplateID + "” of this org: check the id."}
	case err != nil:
		return nil, engine.Wrap("load the template", err)
	case chosen.Type != template.TypeBACKUP:
		return nil, invalid("templateId", "NOT_A_BACKUP_TEMPLATE", "“"+chosen.Name+"” is an archive template: choose a backup template.")
	case in.Sync:
		return nil, invalid("sync", "SYNC_NEEDS_COMPOSITE", "A templated backup does not synchronise: run a Composite & Sync backup for that.")
	case in.Include != nil && !in.Include.onlyMetadata():
		return nil, invalid("include", "INCLUDE_NEEDS_COMPOSITE", "A templated backup takes what its template names: its only include box is metadata.")
	}
	return chosen, nil
}

func invalid(field, code, message string) error {
	return &engine.Error{Kind: engine.KindInvalid, Code: code, Field: field, Message: message}
}
