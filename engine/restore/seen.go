package restore

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// noEditAccess is a field that the user may only read.
const noEditAccess describe.NotRestorable = "NO_EDIT_ACCESS"

// SeenVersion is what a user is told of a version without its values.
// ModifiedAt and ModifiedBy are empty where the user may not read them, or
// nobody knows them.
type SeenVersion struct {
	*vault.Version
	ModifiedAt *time.Time
	ModifiedBy string
}

// SeenPage is a page of versions, the newest first; After is where the next
// one starts, empty at the end.
type SeenPage struct {
	Versions []SeenVersion
	After    string
}

// SeenVersions lists the versions of the user's record.
func (r *Restore) SeenVersions(ctx context.Context, rights *Rights, first int, after string) (*SeenPage, error) {
	history, err := r.historyOf(ctx, rights)
	if err != nil {
		return nil, err
	}
	versions := history.Versions
	if after != "" {
		seq, err := strconv.ParseUint(after, 10, 64)
		if err != nil {
			return nil, fieldError("BAD_REQUEST", "after", "“after” is not the end of a page of this list: ask for its first page.")
		}
		for len(versions) > 0 && versions[0].Seq >= seq {
			versions = versions[1:]
		}
	}
	page := &SeenPage{}
	if len(versions) > first {
		versions = versions[:first]
		page.After = strconv.FormatUint(versions[first-1].Seq, 10)
	}
	page.Versions, err = r.seen(ctx, rights, pointersTo(versions))
	return page, err
}

func pointersTo(versions []vault.Version) []*vault.Version {
	all := make([]*vault.Version, len(versions))
	for i := range versions {
		all[i] = &versions[i]
	}
	return all
}

func (r *Restore) historyOf(ctx context.Context, rights *Rights) (*RecordHistory, error) {
	return r.history(ctx, rights.OrgID, rights.Object, rights.RecordID)
}

// seen says when and by whom the versions were modified.
func (r *Restore) seen(ctx context.Context, rights *Rights, versions []*vault.Version) ([]SeenVersion, error) {
	names, err := r.names(ctx, rights.OrgID, rights.authors(versions))
	return rights.seen(versions, names), err
}

// authors are who modified the versions, as far as the user may know.
func (a *Rights) authors(versions []*vault.Version) []string {
	authors := make([]string, len(versions))
	for i, v := range versions {
		if a.MayRead("LastModifiedById") {
			authors[i] = string(v.Value("LastModifiedById"))
		}
	}
	return authors
}

// seen are the versions with what the user may know of them; names has their
// authors'.
func (a *Rights) seen(versions []*vault.Version, names map[string]Reference) []SeenVersion {
	seen, authors := make([]SeenVersion, len(versions)), a.authors(versions)
	for i, v := range versions {
		seen[i].Version, seen[i].ModifiedBy = v, names[authors[i]].Name
		if a.MayRead("LastModifiedDate") {
			seen[i].ModifiedAt = moment(v.Value("LastModifiedDate"))
		}
	}
	return seen
}

// moment reads a datetime in its canonical text; nil for anything else.
func moment(text []byte) *time.Time {
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return nil
	}
	at = at.UTC()
	return &at
}

// SeenComparison is a comparison as a user may see it.
type SeenComparison struct {
	Columns []SeenColumn
	Fields  []SeenField
}

// SeenColumn is one side: Version is nil for the current record.
type SeenColumn struct {
	Version  *SeenVersion
	Missing  bool
	Currency string // empty where the org has one currency, or the user may not read it
}

// SeenField is a field across the columns; References, for a field that refers
// to other records, has what is known of each, nil where it is nothing or the
// user may not know it.
type SeenField struct {
	ComparedField
	References []*Reference
}

// Reference is a record that another refers to.
type Reference struct {
	Name    string
	Deleted bool

	object string
}

// SeenCompare is Compare for a user: fields that they may not read are not
// there, and fields that they may not edit cannot be restored.
func (r *Restore) SeenCompare(ctx context.Context, rights *Rights, options CompareOptions) (*SeenComparison, error) {
	history, err := r.historyOf(ctx, rights)
	if err != nil {
		return nil, err
	}
	all, err := r.Compare(ctx, history, options)
	if err != nil {
		return nil, err
	}
	c := &SeenComparison{}
	for _, field := range all.Fields {
		if rights.MayRead(field.Name) {
			c.Fields = append(c.Fields, SeenField{ComparedField: rights.limit(field)})
		}
	}
	versions := versionsOf(all.Columns)
	names, err := r.names(ctx, rights.OrgID, append(rights.authors(versions), referredTo(c.Fields)...))
	if err != nil {
		return nil, err
	}
	c.Columns = seenColumns(all.Columns, rights.seen(versions, names))
	if f := slices.IndexFunc(all.Fields, func(f ComparedField) bool { return f.Name == "CurrencyIsoCode" }); f >= 0 && rights.MayRead("CurrencyIsoCode") {
		for i, value := range all.Fields[f].Values {
			c.Columns[i].Currency = textOf(value)
		}
	}
	return c, r.addReferences(ctx, rights, c.Fields, names)
}

// limit takes away what the user may not edit.
func (a *Rights) limit(field ComparedField) ComparedField {
	if field.Restorable && !a.mayEdit(field.Name) {
		field.Restorable, field.ReasonCode = false, noEditAccess
		field.Reason = "You may read this field but not edit it. Ask your administrator for edit access to it."
	}
	return field
}

// versionsOf are the versions that stand beside the current record.
func versionsOf(columns []ComparisonColumn) []*vault.Version {
	var versions []*vault.Version
	for _, column := range columns[1:] {
		versions = append(versions, column.Version)
	}
	return versions
}

func seenColumns(columns []ComparisonColumn, seen []SeenVersion) []SeenColumn {
	out := make([]SeenColumn, len(columns))
	for i, column := range columns {
		out[i].Missing = column.Missing
		if i > 0 {
			out[i].Version = &seen[i-1]
		}
	}
	return out
}

// referredTo are the ids in the fields that refer to records.
func referredTo(fields []SeenField) []string {
	var ids []string
	for _, f := range fields {
		if f.Type == "reference" {
			for _, value := range f.Values {
				ids = append(ids, textOf(value))
			}
		}
	}
	return ids
}

// addReferences names the records that the fields refer to, of those that the
// user may read: Apex looks again.
func (r *Restore) addReferences(ctx context.Context, rights *Rights, fields []SeenField, names map[string]Reference) error {
	referred := map[string]Reference{}
	for _, id := range referredTo(fields) {
		if known, ok := names[id]; ok {
			referred[id] = known
		}
	}
	visible, err := r.visible(ctx, rights, referred)
	if err != nil {
		return err
	}
	for i := range fields {
		if fields[i].Type != "reference" {
			continue
		}
		fields[i].References = make([]*Reference, len(fields[i].Values))
		for j, value := range fields[i].Values {
			if known, ok := names[textOf(value)]; ok && visible[textOf(value)] {
				fields[i].References[j] = &known
			}
		}
	}
	return nil
}

// visible tells which of the records the user may read. The org has no row for
// deleted ones: those are for who may see deleted records, and their object.
func (r *Restore) visible(ctx context.Context, rights *Rights, names map[string]Reference) (map[string]bool, error) {
	visible := make(map[string]bool, len(names))
	var ask []engine.RecordID
	for id, known := range names {
		if !known.Deleted {
			ask = append(ask, engine.RecordID(id))
		} else if rights.holds(permissionViewDeleted) {
			may, err := r.mayReadNames(ctx, rights, known.object)
			if err != nil {
				return nil, err
			}
			visible[id] = may
		}
	}
	slices.Sort(ask)
	access, err := r.Access.recordsOf(ctx, rights.Asker, ask)
	for id, user := range access {
		visible[string(id)] = user.record.Read
	}
	return visible, err
}

// names finds records by id in the vault, whatever they are, and says what
// they are called there. Ids that the vault does not know are left out.
func (r *Restore) names(ctx context.Context, orgID string, ids []string) (map[string]Reference, error) {
	found := map[string]Reference{}
	var asked []engine.RecordID
	prefixes := map[string]bool{}
	for _, text := range ids {
		if id, err := engine.ParseRecordID(text); err == nil && !slices.Contains(asked, id) {
			asked = append(asked, id)
			prefixes[id.KeyPrefix()] = true
		}
	}
	if len(asked) == 0 {
		return found, nil
	}
	objects, err := r.Dictionary.NameFields(ctx, orgID, prefixes)
	if err != nil {
		return nil, err
	}
	for _, id := range asked {
		object, ok := objects[id.KeyPrefix()]
		if !ok || object.NameField == "" {
			continue
		}
		versions, err := r.Vault.History(ctx, orgID, object.Name, string(id))
		if err != nil {
			return nil, err
		}
		if len(versions) > 0 {
			newest := &versions[len(versions)-1]
			found[string(id)] = Reference{Name: string(newest.Value(object.NameField)), Deleted: !newest.Live(), object: object.Name}
		}
	}
	return found, nil
}

func textOf(value *string) string {
	if value == nil {
		return ""
	}
	return strings.TrimSpace(*value)
}
