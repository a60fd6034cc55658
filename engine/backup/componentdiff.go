package backup

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/capture"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// readableText is the largest file that is shown as text; what is larger, or is
// no text, has its link.
const readableText = 256 << 10

// FileText is a file's text, nil when it is too large or no text.
func (b *Backup) FileText(ctx context.Context, f *ComponentFile) (*string, error) {
	if f.Size > readableText {
		return nil, nil
	}
	content, err := b.open(ctx, f)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(content)
	if err != nil || !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		return nil, err
	}
	text := string(raw)
	return &text, nil
}

// MetadataDifference is the components of one metadata type that differ between
// two backups. They are read when asked for.
type MetadataDifference struct {
	Name string
	comparison
}

// ComponentDifference is one component that differs. The side on which there
// is none is nil.
type ComponentDifference struct {
	Key           string // by which components are in order
	FullName      string
	Change        engine.Change
	Before, After *Component
}

// Components returns at most limit components that differ, by key, beginning
// after one.
func (m MetadataDifference) Components(ctx context.Context, after string, limit int) ([]ComponentDifference, error) {
	var found []ComponentDifference
	for entry, err := range m.vault.Diff(ctx, m.from, m.to, m.object, vault.Reading{After: []byte(after)}) {
		if err != nil {
			return nil, err
		}
		if len(found) == limit {
			break
		}
		d := ComponentDifference{Key: string(entry.RecordID), Change: entry.Change}
		if entry.Change != engine.Added {
			d.Before = m.listed(entry.Before)
			d.FullName = d.Before.FullName()
		}
		if entry.Change != engine.Deleted {
			d.After = m.listed(entry.After)
			d.FullName = d.After.FullName()
		}
		found = append(found, d)
	}
	return found, nil
}

// listed is a version without its content.
func (m MetadataDifference) listed(version *vault.Version) *Component {
	bare := *version
	bare.Values = slices.Clone(version.Values)
	for i := range bare.Fields {
		if bare.Fields[i].Name == capture.FieldContent {
			bare.Values[i] = nil
		}
	}
	kept := bare.Clone()
	return &Component{m.to.OrgID, m.Name, &kept}
}

// DifferingFiles are a component's files that differ.
func (b *Backup) DifferingFiles(ctx context.Context, d *ComponentDifference) ([]FileComparison, error) {
	return b.compareFiles(ctx, d.Before, d.After)
}

// FileComparison is a file that two versions of a component have differently;
// the side that does not have it is nil.
type FileComparison struct {
	Name          string
	Change        engine.Change
	Before, After *ComponentFile
}

// CompareComponents tells which files differ from a version of the component to
// c. KindNotFound when the version is none of it.
func (b *Backup) CompareComponents(ctx context.Context, c *Component, versionID string) ([]FileComparison, error) {
	version, err := b.Vault.Version(ctx, c.OrgID, versionID)
	if err == nil && (version.Object != c.Object || !bytes.Equal(version.RecordID, c.RecordID)) {
		_, err = b.Vault.Version(ctx, c.OrgID, "") // in the words for one that is not there
	}
	if err != nil {
		return nil, err
	}
	return b.compareFiles(ctx, &Component{c.OrgID, c.Type, &version}, c)
}

// compareFiles compares two versions of a component, of which one may be nil.
func (b *Backup) compareFiles(ctx context.Context, old, now *Component) ([]FileComparison, error) {
	before, err := b.ComponentFiles(ctx, old)
	if err != nil {
		return nil, err
	}
	after, err := b.ComponentFiles(ctx, now)
	if err != nil {
		return nil, err
	}
	return b.differing(ctx, before, after)
}

func (b *Backup) differing(ctx context.Context, before, after []ComponentFile) ([]FileComparison, error) {
	var all []FileComparison
	for i := range before {
		all = append(all, FileComparison{Name: before[i].Name, Change: engine.Deleted, Before: &before[i]})
	}
	for i := range after {
		at := slices.IndexFunc(all, func(f FileComparison) bool { return f.Name == after[i].Name })
		if at < 0 {
			all = append(all, FileComparison{Name: after[i].Name, Change: engine.Added, After: &after[i]})
			continue
		}
		all[at].Change, all[at].After = engine.Changed, &after[i]
	}
	slices.SortFunc(all, func(x, y FileComparison) int { return cmp.Compare(x.Name, y.Name) })
	var failed error
	all = slices.DeleteFunc(all, func(f FileComparison) bool {
		same, err := b.sameFiles(ctx, f)
		failed = errors.Join(failed, err)
		return same
	})
	return all, failed
}

// sameFiles compares byte by byte, without either in memory.
func (b *Backup) sameFiles(ctx context.Context, f FileComparison) (bool, error) {
	if f.Change != engine.Changed || f.Before.Size != f.After.Size {
		return false, nil
	}
	one, err := b.open(ctx, f.Before)
	if err != nil {
		return false, err
	}
	two, err := b.open(ctx, f.After)
	if err != nil {
		return false, err
	}
	x, y := bufio.NewReader(one), bufio.NewReader(two)
	for range f.Before.Size {
		a, err1 := x.ReadByte()
		b, err2 := y.ReadByte()
		if err := errors.Join(err1, err2); err != nil || a != b {
			return false, err
		}
	}
	return true, nil
}
