package vaulttest

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// Shape is how a generated object looks: Wide is a contact with custom fields,
// Narrow a task or event.
type Shape int

// The shapes.
const (
	Wide Shape = iota
	Narrow
)

// Generator makes an object of records whose state is a pure function of
// record and revision, so that a test knows the truth without keeping it.
type Generator struct {
	Records int
	Columns int
	Shape   Shape
	schema  vault.Schema
	kinds   []columnKind
}

type columnKind struct {
	kind  int
	fill  float64    // how often a record has a value
	group [4]float64 // how the record type scales that
	size  int
}

const (
	kindPicklist = iota
	kindText
	kindNumber
	kindDate
	kindStamp
	kindReference
	kindFlag
	kindMemo
	kindEmail
	kindPhone
	kindSelf
	kindModstamp
	kindOwner
	kindName
)

// NewGenerator describes an object of so many records and columns.
func NewGenerator(shape Shape, records, columns int) *Generator {
	g := &Generator{Records: records, Columns: columns, Shape: shape, schema: vault.Schema{Object: "Generated__c"}}
	g.column("Id", "id", columnKind{kind: kindSelf, fill: 1}, false)
	g.column("Name", "string", columnKind{kind: kindName, fill: 1}, true)
	g.column("OwnerId", "reference", columnKind{kind: kindOwner, fill: 1}, true)
	g.column("SystemModstamp", "datetime", columnKind{kind: kindModstamp, fill: 1}, false)
	g.column("LastModifiedDate", "datetime", columnKind{kind: kindModstamp, fill: 1}, false)
	g.column("CreatedDate", "datetime", columnKind{kind: kindStamp, fill: 1}, false)
	g.column("Email", "email", columnKind{kind: kindEmail, fill: 0.8}, true)
	g.column("Phone", "phone", columnKind{kind: kindPhone, fill: 0.6}, true)
	g.column("AccountId", "reference", columnKind{kind: kindReference, fill: 0.9}, false)
	g.column("IsDeleted", "boolean", columnKind{kind: kindFlag, fill: 1}, false)
	for i := len(g.kinds); i < columns; i++ {
		g.custom(i)
	}
	return g
}

func (g *Generator) column(name, kind string, c columnKind, hot bool) {
	if c.group == [4]float64{} {
		c.group = [4]float64{1, 1, 1, 1}
	}
	g.kinds = append(g.kinds, c)
	g.schema.Fields = append(g.schema.Fields, vault.SchemaField{Name: name, Type: kind, Hot: hot})
}

func (g *Generator) custom(i int) {
	types := [...]string{"picklist", "string", "double", "date", "datetime", "reference", "boolean", "textarea"}
	weights := [...]int{0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 6, 0, 1, 2, 7}
	kind := weights[i%len(weights)]
	r := rng(uint64(i)*977 + 13)
	c := columnKind{kind: kind, fill: 0.2 + 0.5*r.float(), size: 4 + r.below(24)}
	if kind == kindMemo {
		c.fill = 0.25
	}
	for j := range c.group {
		c.group[j] = [...]float64{0.05, 0.3, 1, 1.2}[r.below(4)]
	}
	g.column(fmt.Sprintf("Custom_%d__c", i), types[kind], c, false)
}

// Schema of the object.
func (g *Generator) Schema() vault.Schema { return g.schema }

// rng is a small deterministic generator (splitmix64).
type rng uint64

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (r *rng) below(n int) int { return int(r.next() % uint64(n)) }

func (r *rng) float() float64 { return float64(r.next()>>11) / (1 << 53) }

// zipf favours small numbers.
func (r *rng) zipf(n int) int {
	return min(n-1, int(math.Exp(r.float()*math.Log(float64(n)))-0.5))
}

// ID of a record: 18 characters, ascending with its number.
func (g *Generator) ID(record int) string {
	id := "a01Qy0000" + base62(uint64(record)*3+700, 6)
	return id + engine.IDChecksum(id)
}

func base62(n uint64, width int) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	b := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		b[i] = digits[n%62]
		n /= 62
	}
	return string(b)
}

// State is a record at a revision: its row, with slices that Values reuse.
type State struct {
	row  vault.Row
	text []byte
	ends []int
}

var epoch = time.Date(2024, 3, 1, 6, 0, 0, 0, time.UTC)

const stamp = "2006-01-02T15:04:05.000Z"

// Row makes the record's state after so many edits; edited is when the last
// one was. It is valid until the next call with the same State.
func (g *Generator) Row(s *State, record, revision int, edited time.Time) vault.Row {
	s.text, s.ends = s.text[:0], s.ends[:0]
	base := rng(record + 1)
	group := base.below(4)
	for i := range g.kinds {
		c := &g.kinds[i]
		seed := rng(uint64(record)<<20 ^ uint64(i)<<8 ^ uint64(g.edits(record, i, revision)))
		if seed.float() < c.fill*c.group[group] || c.fill == 1 {
			s.text = g.value(s.text, c, &seed, moment{record, edited})
		}
		s.ends = append(s.ends, len(s.text))
	}
	s.row.Values = s.row.Values[:0]
	at := 0
	for _, end := range s.ends {
		s.row.Values = append(s.row.Values, s.text[at:end:end])
		at = end
	}
	s.row.ID = append(s.row.ID[:0], g.ID(record)...)
	s.row.Modstamp = s.row.Values[3]
	return s.row
}

// edits counts how many of the record's revisions changed a column: each
// changes about three custom ones.
func (g *Generator) edits(record, column, revision int) int {
	if column < 10 {
		return 0
	}
	last := 0
	for rev := 1; rev <= revision; rev++ {
		r := rng(uint64(record)*31 + uint64(rev)*1000003)
		for range 3 {
			if 10+r.below(g.Columns-10) == column {
				last = rev
			}
		}
	}
	return last
}

// moment is a record as it was last edited.
type moment struct {
	record int
	edited time.Time
}

func (g *Generator) value(b []byte, c *columnKind, r *rng, m moment) []byte {
	switch c.kind {
	case kindSelf:
		return append(b, g.ID(m.record)...)
	case kindModstamp:
		return m.edited.AppendFormat(b, stamp)
	case kindStamp:
		return epoch.Add(-time.Duration(r.below(200_000_000))*time.Second).AppendFormat(b, stamp)
	case kindDate:
		return epoch.AddDate(0, 0, -r.below(3000)).AppendFormat(b, "2006-01-02")
	case kindReference:
		id := "001Qy0000" + base62(uint64(r.zipf(50_000))*7, 6)
		return append(append(b, id...), engine.IDChecksum(id)...)
	case kindOwner:
		id := "005Qy0000" + base62(uint64(r.zipf(60))*11, 6)
		return append(append(b, id...), engine.IDChecksum(id)...)
	case kindFlag:
		return append(b, [...]string{"false", "false", "false", "true"}[r.below(4)]...)
	case kindNumber:
		return strconv.AppendFloat(b, float64(r.zipf(2_000_000))/100, 'f', 2, 64)
	case kindPicklist:
		return append(b, words[(r.zipf(12)+c.size*5)%len(words)]...)
	case kindPhone:
		return fmt.Appendf(b, "+49 %d %d", 30+r.below(900), 100000+r.below(9_000_000))
	case kindEmail:
		return fmt.Appendf(b, "%s.%s%d@%s.example", words[r.below(len(words))], words[r.below(len(words))], r.below(999), words[r.zipf(len(words))])
	case kindName:
		return fmt.Appendf(b, "%s %s", names[r.zipf(len(names))], words[r.below(len(words))])
	case kindMemo:
		return memo(b, r, 10+r.below(36))
	}
	return memo(b, r, 1+c.size/10)
}

func memo(b []byte, r *rng, n int) []byte {
	for i := range n {
		if i > 0 {
			b = append(b, " "...)
		}
		switch b = append(b, words[r.zipf(len(words))]...); r.below(24) {
		case 0:
			b = append(b, "\n"...)
		case 1:
			b = append(b, " \"so\""...)
		case 2:
			b = strconv.AppendInt(append(b, ' '), int64(r.below(100000)), 10)
		}
	}
	return b
}

var names = [...]string{"Ada", "Grace", "Jürgen", "Zoë", "Łukasz", "María", "佐藤", "Олена", "Ahmed", "Mei", "Noah", "Olivia", "Liam", "Emma", "Priya", "Thabo"}

var words = func() (w [600]string) {
	syllables := [...]string{"ka", "ro", "mi", "ten", "sul", "var", "ne", "lo", "ship", "dor", "qui", "zen", "ba", "fel", "ü", "gra"}
	for i := range w {
		r := rng(i * 7919)
		for range 1 + r.below(3) {
			w[i] += syllables[r.below(len(syllables))]
		}
		w[i] += strconv.Itoa(i % 7)[:i%2]
	}
	return w
}()

// AppendCSV writes a row as Bulk API 2.0 does: every cell quoted, null empty.
func AppendCSV(b []byte, values [][]byte) []byte {
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		for _, c := range v {
			if c == '"' {
				b = append(b, '"')
			}
			b = append(b, c)
		}
		b = append(b, '"')
	}
	return append(b, '\n')
}

// Edited lists the records that a day changes: a tenth, a half or two per cent
// of them by weekday, half of them among the busiest twentieth.
func (g *Generator) Edited(day int) []int {
	r := rng(day * 65537)
	share := [...]float64{0.001, 0.005, 0.005, 0.005, 0.001, 0.02, 0.001}[day%7]
	n := max(1, int(share*float64(g.Records)*0.92))
	seen := map[int]bool{}
	for len(seen) < n {
		record := r.below(g.Records)
		if len(seen)%2 == 0 {
			record = r.below(max(1, g.Records/20)) * 20 % g.Records
		}
		if seen[record] && n > g.Records/30 {
			n--
		}
		seen[record] = true
	}
	list := make([]int, 0, n)
	for record := range seen {
		list = append(list, record)
	}
	return list
}
