package timemachine

import (
	"context"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/restore"
)

const maxPage = 200

// page is how the operations that list ask for a part.
type page struct {
	First *int    `json:"first"`
	After *string `json:"after"`
}

// of reads and checks a page.
func pageOf(q request) (first int, after string, err error) {
	var p page
	if err := decode(q.body, &p); err != nil {
		return 0, "", err
	}
	switch {
	case p.First == nil:
		first = 50
	case *p.First < 1 || *p.First > maxPage:
		return 0, "", badRequest("first", "“first” is 1 to 200.")
	default:
		first = *p.First
	}
	if p.After != nil {
		after = *p.After
	}
	return first, after, nil
}

// version is a version on the wire.
type version struct {
	ID             string            `json:"id"`
	CapturedAt     string            `json:"capturedAt"`
	ModifiedAt     *string           `json:"modifiedAt"`
	ModifiedByName *string           `json:"modifiedByName"`
	Tombstone      *engine.Tombstone `json:"tombstone"`
}

func wireVersion(v *restore.SeenVersion) version {
	out := version{ID: v.ID(), CapturedAt: instant(v.CapturedAt), ModifiedByName: optional(v.ModifiedBy)}
	if v.ModifiedAt != nil {
		out.ModifiedAt = optional(instant(*v.ModifiedAt))
	}
	if !v.Live() {
		out.Tombstone = &v.Tombstone
	}
	return out
}

func (h *Handler) versions(ctx context.Context, q request) (any, error) {
	first, after, err := pageOf(q)
	if err != nil {
		return nil, err
	}
	rights, err := h.Restore.RightsOf(ctx, q.asker)
	if err != nil {
		return nil, err
	}
	seen, err := h.Restore.SeenVersions(ctx, rights, first, after)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Versions  []version `json:"versions"`
		EndCursor *string   `json:"endCursor"`
	}{make([]version, len(seen.Versions)), optional(seen.After)}
	for i := range seen.Versions {
		answer.Versions[i] = wireVersion(&seen.Versions[i])
	}
	return answer, nil
}

// column is one side of a comparison on the wire: the current record has a
// readAt, the others what their version has.
type column struct {
	VersionID       *string           `json:"versionId"`
	ReadAt          *string           `json:"readAt,omitempty"`
	CapturedAt      *string           `json:"capturedAt,omitempty"`
	ModifiedAt      *string           `json:"modifiedAt"`
	ModifiedByName  *string           `json:"modifiedByName"`
	Missing         bool              `json:"missing"`
	Tombstone       *engine.Tombstone `json:"tombstone"`
	CurrencyIsoCode *string           `json:"currencyIsoCode"`
}

type field struct {
	Name       string       `json:"name"`
	Label      string       `json:"label"`
	Type       string       `json:"type"`
	Identical  bool         `json:"identical"`
	Restorable bool         `json:"restorable"`
	ReasonCode *string      `json:"reasonCode"`
	Reason     *string      `json:"reason"`
	Values     []*string    `json:"values"`
	Absent     []int        `json:"absent"`
	References []*reference `json:"references"`
}

type reference struct {
	Name    string `json:"name"`
	Deleted bool   `json:"deleted"`
}

func (h *Handler) compare(ctx context.Context, q request) (any, error) {
	var in struct {
		VersionIDs    []string `json:"versionIds"`
		HideIdentical bool     `json:"hideIdentical"`
	}
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	rights, err := h.Restore.RightsOf(ctx, q.asker)
	if err != nil {
		return nil, err
	}
	readAt := h.Now()
	seen, err := h.Restore.SeenCompare(ctx, rights, restore.CompareOptions{VersionIDs: in.VersionIDs, HideIdentical: in.HideIdentical})
	if err != nil {
		return nil, err
	}
	answer := struct {
		Columns []column `json:"columns"`
		Fields  []field  `json:"fields"`
	}{make([]column, len(seen.Columns)), make([]field, len(seen.Fields))}
	for i := range seen.Columns {
		answer.Columns[i] = wireColumn(&seen.Columns[i], readAt)
	}
	for i := range seen.Fields {
		answer.Fields[i] = wireField(&seen.Fields[i])
	}
	return answer, nil
}

func wireColumn(c *restore.SeenColumn, readAt time.Time) column {
	out := column{Missing: c.Missing, CurrencyIsoCode: optional(c.Currency)}
	if c.Version == nil {
		out.ReadAt = optional(instant(readAt))
		return out
	}
	v := wireVersion(c.Version)
	out.VersionID, out.CapturedAt, out.ModifiedAt, out.ModifiedByName, out.Tombstone = &v.ID, &v.CapturedAt, v.ModifiedAt, v.ModifiedByName, v.Tombstone
	return out
}

func wireField(f *restore.SeenField) field {
	out := field{
		Name: f.Name, Label: f.Label, Type: f.Type, Identical: f.Identical, Restorable: f.Restorable,
		ReasonCode: optional(string(f.ReasonCode)), Reason: optional(f.Reason), Values: f.Values, Absent: f.Absent,
	}
	if out.Absent == nil {
		out.Absent = []int{}
	}
	for _, known := range f.References {
		var r *reference
		if known != nil {
			r = &reference{known.Name, known.Deleted}
		}
		out.References = append(out.References, r)
	}
	return out
}

func instant(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// optional is null for an empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
