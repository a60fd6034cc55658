package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

// Version is a record as one job captured it. Values stand in the order of
// Fields, empty for null and nil where the field was not read; a tombstone that came without values shows those of
// the version before it. From an iterator, RecordID, Modstamp and Values are
// valid until the next step: Clone keeps them.
type Version struct {
	Object     string
	RecordID   []byte
	Seq        uint64
	Change     engine.Change
	Tombstone  engine.Tombstone
	Modstamp   []byte
	Fields     []SchemaField
	Values     [][]byte
	JobID      string
	RunID      string
	CapturedAt time.Time
}

// ID names the version for as long as it is stored, through compaction and
// rotation. It is opaque to users; it holds the object, the record and the
// sequence, no value.
func (v *Version) ID() string {
	b := binary.AppendUvarint(nil, v.Seq)
	b = append(append(b, v.Object...), 0)
	return base64.RawURLEncoding.EncodeToString(append(b, v.RecordID...))
}

func parseVersionID(id string) (object string, record []byte, seq uint64, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return "", nil, 0, false
	}
	seq, n := binary.Uvarint(b)
	if n <= 0 {
		return "", nil, 0, false
	}
	name, record, ok := bytes.Cut(b[n:], []byte{0})
	return string(name), record, seq, ok && len(name) > 0 && len(record) > 0
}

// Live reports whether the record exists in this version.
func (v *Version) Live() bool { return v.Tombstone == engine.NotDeleted }

// Value is a field's text by name, empty for null or a field not read.
func (v *Version) Value(field string) []byte {
	for i := range v.Fields {
		if v.Fields[i].Name == field {
			return v.Values[i]
		}
	}
	return nil
}

// Clone copies what the iterator would reuse.
func (v *Version) Clone() Version {
	c := *v
	c.RecordID, c.Modstamp = bytes.Clone(v.RecordID), bytes.Clone(v.Modstamp)
	c.Values = make([][]byte, len(v.Values))
	for i, value := range v.Values {
		c.Values[i] = bytes.Clone(value)
	}
	return c
}

// attribute says which run captured the version.
func (vw *view) attribute(v *Version) {
	if r := vw.run(v.Seq); r != nil {
		v.JobID, v.RunID, v.CapturedAt = r.JobID, r.ID, *r.ClosedAt
	}
}

// unionFields lists every field of the sections, the newest section's first.
// Fields of one name are one, whatever types they had.
func unionFields(sections []openSection) []SchemaField {
	byAge := slices.Clone(sections)
	slices.SortStableFunc(byAge, func(a, b openSection) int {
		if a.s.MaxSeq > b.s.MaxSeq {
			return -1
		}
		return 1
	})
	var fields []SchemaField
	seen := map[string]bool{}
	for _, s := range byAge {
		for _, f := range s.s.Fields {
			if !seen[f.Name] && f != absentField {
				seen[f.Name] = true
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// openSection is a section with its segment opened.
type openSection struct {
	section
	r *segment.Reader
	s *segment.Section
}

// columnsOf finds where each wanted field stands in a section: more than one
// place where a field changed its type.
func columnsOf(stored []segment.Field, wanted []SchemaField) [][]int {
	index := make(map[string]int, len(wanted))
	for i := range wanted {
		index[wanted[i].Name] = i
	}
	places := make([][]int, len(wanted))
	flat := make([]int, len(stored))
	for at := range stored {
		flat[at] = at
		if i, ok := index[stored[at].Name]; ok && places[i] == nil {
			places[i] = flat[at : at+1 : at+1]
		} else if ok {
			places[i] = append(places[i], at)
		}
	}
	return places
}
