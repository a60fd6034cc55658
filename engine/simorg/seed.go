package simorg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// Population is how many records of each object Seed makes, parents before
// their children. The same Population on the same org gives the same records.
type Population struct {
	Counts []Count
	Random uint64
	// Years is how far back the records were made (3).
	Years int
}

// Count is a number of records of one object.
type Count struct {
	Object string
	N      int
}

// BusinessOrg is a population of n records in the proportions of a sales and
// service org.
func BusinessOrg(n int) Population {
	share := func(percent int) int { return n * percent / 100 }
	return Population{Random: 1, Counts: []Count{
		{"Account", share(10)},
		{"Contact", share(22)},
		{"Lead", share(12)},
		{"Opportunity", share(12)},
		{"Case", share(16)},
		{"Task", share(20)},
		{"Event", n - share(10) - share(22) - share(12) - share(12) - share(16) - share(20)},
	}}
}

// seeder makes records past the rules of a save, but with what the platform
// derives of each.
type seeder struct {
	*tx
	random *rand.Rand
	years  int
	ids    map[string][]string // live ids by object
	serial int
}

// Seed fills the org with records of realistic shapes: skewed parents (a few
// accounts have most of the children), sparse fields, long and short texts,
// letters beyond ASCII, quotes and line breaks, spread over years.
func (o *Org) Seed(p Population) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	setDefault(&p.Years, 3)
	s := &seeder{tx: o.begin(o.first, writeOptions{}), random: rand.New(rand.NewPCG(p.Random, 7)), years: p.Years, ids: map[string][]string{}}
	for _, obj := range o.schema().All() {
		o.tables[obj.Name].After("", func(r *store.Record) bool {
			if r.State == store.Live {
				s.ids[obj.Name] = append(s.ids[obj.Name], r.ID)
			}
			return true
		})
	}
	for _, c := range p.Counts {
		obj := o.schema().Get(c.Object)
		if obj == nil {
			return fmt.Errorf("the schema has no %s", c.Object)
		}
		if err := s.fill(obj, c.N); err != nil {
			return err
		}
	}
	return nil
}

func (s *seeder) fill(obj *schema.Object, n int) error {
	table := s.o.table(obj.Name)
	for range n {
		c := &change{tx: s.tx, obj: obj, new: make([]string, obj.Cols()), given: map[int]bool{}, system: true}
		c.defaults()
		s.values(c)
		created, modified := s.dates()
		for name, v := range map[string]string{
			"CreatedDate": formatStamp(created), "LastModifiedDate": formatStamp(modified),
			"CreatedById": s.user.id, "LastModifiedById": s.user.id,
		} {
			c.set(name, v)
		}
		if f := beforeSave(obj.Name); f != nil {
			if err := f(c); err != nil {
				return fmt.Errorf("seeding %s: %w", obj.Name, err)
			}
		}
		r := &store.Record{ID: s.o.nextID(prefixOf(obj)), Stamp: modified}
		table.Insert(r, c.new)
		s.ids[obj.Name] = append(s.ids[obj.Name], r.ID)
	}
	return nil
}

// dates are when a record was made and last changed: most in the last months.
func (s *seeder) dates() (created, modified int64) {
	span := float64(s.years) * 365 * 24 * float64(time.Hour/time.Millisecond)
	age := math.Pow(s.random.Float64(), 2) * span
	created = (s.stamp - int64(age)) / 1000 * 1000
	return created, (s.stamp - int64(age*s.random.Float64())) / 1000 * 1000
}

// values fills the fields that a person could have filled.
func (s *seeder) values(c *change) {
	s.serial++
	for _, f := range c.obj.Fields {
		if !f.Createable || f.From != schema.Stored || c.new[f.Col] != "" && f.Type != "picklist" || f.Name == "Comments" {
			continue
		}
		needed := f.RequiredOnCreate() || f.NameField || f.Name == "FirstName" || strings.HasSuffix(f.Name, "DateTime") && c.obj.Name == "Event"
		if !needed && s.random.Float64() > fillRate(f) {
			continue
		}
		c.new[f.Col] = s.value(f)
	}
	if c.obj.Name == "Event" {
		c.set("EndDateTime", "")
		c.set("DurationInMinutes", strconv.Itoa(15*(1+s.random.IntN(8))))
	}
	if strings.HasPrefix(c.get("WhoId"), "00Q") {
		c.set("WhatId", "")
	}
}

// fillRate is how often a field that need not be filled is.
func fillRate(f *schema.Field) float64 {
	switch {
	case f.Type == "reference":
		return 0.85
	case f.Type == "picklist" || f.Name == "Email" || f.Name == "Phone":
		return 0.7
	case f.Type == "textarea" && f.Length > 255:
		return 0.35
	case f.Type == "base64" || f.Custom:
		return 0.6
	case strings.HasPrefix(f.Name, "Other") || strings.HasPrefix(f.Name, "Shipping") || strings.HasPrefix(f.Name, "Recurrence"):
		return 0.1
	}
	return 0.3
}

func (s *seeder) value(f *schema.Field) string {
	switch f.Type {
	case "reference":
		return s.parent(f)
	case "picklist", "multipicklist", "combobox":
		if len(f.PicklistValues) == 0 {
			return ""
		}
		return f.PicklistValues[s.skewed(len(f.PicklistValues))].Value
	case "boolean":
		return yes(s.random.Float64() < 0.3)
	case "int":
		return strconv.Itoa(s.skewed(min(int(math.Pow10(min(f.Digits, 5))), 99_999)))
	case "double", "currency", "percent":
		text, _ := coerceNumber(f, strconv.FormatFloat(math.Exp(s.random.Float64()*float64(min(max(f.Precision-f.Scale, 1), 6))), 'f', f.Scale, 64))
		return text
	case "date":
		return time.UnixMilli(s.stamp).AddDate(0, 0, 90-s.random.IntN(365*s.years)).Format("2006-01-02")
	case "datetime":
		return time.UnixMilli(s.stamp - int64(s.random.IntN(365*24*3600))*1000).UTC().Format(stampLayout)
	case "time":
		return fmt.Sprintf("%02d:%02d:00.000Z", s.random.IntN(24), s.random.IntN(60))
	case "email":
		return strings.ToLower(pickWord(s.random, lastNames)) + strconv.Itoa(s.serial) + "@" + strings.ToLower(pickWord(s.random, companies)) + ".example"
	case "phone":
		return fmt.Sprintf("+358 %d %07d", 10+s.random.IntN(80), s.random.IntN(10_000_000))
	case "url":
		return "https://www." + strings.ToLower(pickWord(s.random, companies)) + ".example"
	case "textarea":
		return s.prose(f)
	case "base64":
		return ""
	}
	return s.words(f)
}

// parent picks a record that the reference may point at; the first ones have
// most of the children.
func (s *seeder) parent(f *schema.Field) string {
	if f.Name == "RecordTypeId" {
		return ""
	}
	target := f.ReferenceTo[s.random.IntN(len(f.ReferenceTo))]
	ids := s.ids[target]
	if len(ids) == 0 {
		return ""
	}
	return ids[s.skewed(len(ids))]
}

// skewed is a number below n, small ones far more often.
func (s *seeder) skewed(n int) int {
	return int(math.Pow(s.random.Float64(), 2.2) * float64(n))
}

var (
	firstNames = []string{"Ann", "Ben", "Chloé", "Dmitri", "Eevi", "Fatima", "Günther", "Haruki", "Ioana", "João", "Kaisa", "李", "Mårten", "Noor", "Óscar", "Päivi"}
	lastNames  = []string{"Smith", "Virtanen", "García", "Müller", "O'Neil", "Ivanova", "Tanaka", "Nguyen", "Korhonen", "Rossi", "Kowalski", "Andersson", "Silva", "Haddad", "Jones", "Öberg"}
	companies  = []string{"Acme", "Globex", "Initech", "Umbra", "Northwind", "Polaris", "Kestrel", "Sampo", "Vega", "Fjord", "Lumen", "Tiera"}
	nouns      = []string{"renewal", "delivery", "invoice", "meeting", "prototype", "sensor", "contract", "battery", "install", "survey", "upgrade", "licence", "visit", "offer"}
	verbs      = []string{"call back about", "prepare", "send", "check", "discuss", "repair", "approve", "move", "ship", "explain"}
)

func pickWord(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// words is a short text that suits the field's name.
func (s *seeder) words(f *schema.Field) string {
	var text string
	switch {
	case f.ExternalID || f.Unique:
		text = fmt.Sprintf("X-%08d", s.serial)
	case f.Name == "FirstName":
		text = pickWord(s.random, firstNames)
	case f.Name == "LastName":
		text = pickWord(s.random, lastNames)
	case strings.HasSuffix(f.Name, "City"):
		text = pickWord(s.random, []string{"Helsinki", "Tampere", "München", "Łódź", "São Paulo", "東京", "Oslo", "Austin"})
	case strings.HasSuffix(f.Name, "Country"):
		text = pickWord(s.random, []string{"Finland", "Germany", "Poland", "Brazil", "Japan", "Norway", "USA"})
	case f.Name == "Name" || f.Name == "Company":
		text = pickWord(s.random, companies) + " " + pickWord(s.random, nouns) + " " + strconv.Itoa(s.serial)
	default:
		text = pickWord(s.random, verbs) + " " + pickWord(s.random, nouns)
	}
	runes := []rune(text)
	return string(runes[:min(len(runes), max(f.Length, 1))])
}

// prose is a longer text with quotes and line breaks now and then.
func (s *seeder) prose(f *schema.Field) string {
	var b strings.Builder
	for range 4 + s.skewed(40) {
		b.WriteString(pickWord(s.random, verbs) + " the " + pickWord(s.random, nouns))
		switch s.random.IntN(12) {
		case 0:
			b.WriteString(" of \"" + pickWord(s.random, companies) + "\"")
		case 1:
			b.WriteString(",\n")
		}
		b.WriteByte(' ')
	}
	runes := []rune(strings.TrimSpace(b.String()))
	return strings.TrimSpace(string(runes[:min(len(runes), f.Length)]))
}
