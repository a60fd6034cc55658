package vault

import (
	"context"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

// FileField is the type of a field that names a file's content: its value is
// FileRef's text, NoFile, or empty while the content is not stored. What no
// stored version names is swept away.
const FileField = "file"

// NoFile is the value of a FileField whose record has no content to store.
const NoFile = "none"

// String is how a version names the content: its hash and its size.
func (r FileRef) String() string { return r.Hash + ":" + strconv.FormatInt(r.Size, 10) }

// ParseFileRef reads a FileField's value; ok is false for one that names nothing.
func ParseFileRef(text string) (ref FileRef, ok bool) {
	hash, size, ok := strings.Cut(text, ":")
	n, err := strconv.ParseInt(size, 10, 64)
	return FileRef{Hash: hash, Size: n}, ok && err == nil && hash != ""
}

// File is the value of the version's FileField; ok says that it has one.
func (v *Version) File() (value string, ok bool) {
	for i := range v.Fields {
		if v.Fields[i].Type == FileField {
			return string(v.Values[i]), true
		}
	}
	return "", false
}

// Stored reads values of records as the vault has them now, this run's own
// included: by id, nil where there is no version. A deleted record's are its last.
func (r *Run) Stored(ctx context.Context, object string, ids [][]byte, fields []string) (map[string][]string, error) {
	sections, err := r.v.querySections(ctx, r.row.OrgID, object, r.row.ID)
	if err != nil || len(sections) == 0 {
		return nil, fault("read "+object, r.row.OrgID, err)
	}
	defer r.v.drain.begin(r.row.OrgID)()
	find := r.v.newFinder(Schema{Object: object}, sections)
	found := make(map[string][]string, len(ids))
	for _, id := range ids {
		p, err := find.newest(ctx, id)
		if err == nil && p.found() && !p.op.Bare() {
			found[string(id)], err = p.values(fields)
		}
		if err != nil {
			return nil, fault("read "+object, r.row.OrgID, err)
		}
	}
	return found, nil
}

// values reads fields of a stored version by name.
func (p *predecessor) values(fields []string) ([]string, error) {
	values := make([]string, len(fields))
	for i, places := range columnsOf(p.p.s.Fields, namedFields(fields)) {
		if len(places) > 0 {
			value, err := valueAt(p.p.cursor, p.row, places)
			if err != nil {
				return nil, err
			}
			values[i] = string(value)
		}
	}
	return values, nil
}

// filesIn are the columns of a section that name files.
func filesIn(s *segment.Section) (columns []int) {
	for i := range s.Fields {
		if s.Fields[i].Type == FileField {
			columns = append(columns, i)
		}
	}
	return columns
}
