package main

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/vault"
)

// live is a day of people at work: half a percent of the records change (more of a small org), most
// of them edited; what is deleted lies in the Recycle Bin for a while, or is
// gone at once. Now and then somebody changes the schema.
func (y *year) live(day int) {
	y.t.Helper()
	changes := max(y.records/200, 60)
	hours := 12
	for hour := range hours {
		y.at(midnight(day).Add(time.Duration(hour-12) * time.Hour))
		for n := changes / hours; n > 0; {
			batch := min(n, 1+y.random.IntN(40))
			y.change(batch)
			n -= batch
		}
	}
	y.at(midnight(day).Add(30 * time.Minute))
	if y.random.IntN(3) == 0 {
		y.emptyBin()
	}
	if day > 0 && y.random.IntN(9) == 0 {
		y.reshape()
	}
	y.at(midnight(day).Add(time.Hour)) // describes are dated to the second
}

func (y *year) change(n int) {
	y.t.Helper()
	y.spent.changes += n
	objects := yearObjects()
	object := objects[y.random.IntN(len(objects))]
	switch draw := y.random.IntN(20); {
	case draw < 14:
		y.edit(object, n)
	case draw < 17:
		y.insert(object, n)
	case draw == 19 && len(y.binned[object]) > 0:
		y.undelete(object)
	default:
		if !strings.HasPrefix(object, "Base") {
			y.remove(object, n)
		}
	}
}

func (y *year) edit(object string, n int) {
	y.t.Helper()
	var rows []map[string]any
	for _, id := range y.draw(y.ids[object], n) {
		row := y.values(object)
		row["id"] = id
		rows = append(rows, row)
	}
	y.people.collect("PATCH", object, rows)
}

func (y *year) insert(object string, n int) {
	y.t.Helper()
	var rows []map[string]any
	for range n {
		row := y.values(object)
		row["Name"] = fmt.Sprint("Made ", y.spent.changes, " ", len(rows))
		switch {
		case strings.HasPrefix(object, "Detail"):
			row["Master__c"] = y.one(y.ids[sibling(object, "Master")])
		case strings.HasPrefix(object, "Item"), strings.HasPrefix(object, "Note"):
			row["Base__c"] = y.one(y.ids[sibling(object, "Base")])
		}
		rows = append(rows, row)
	}
	y.ids[object] = append(y.ids[object], y.people.collect("POST", object, rows)...)
}

// sibling is the SObject of another kind in the same group.
func sibling(object, kind string) string { return kind + object[strings.IndexByte(object, '_'):] }

// remove deletes; with a master go its details, which are then no longer there
// to be edited.
func (y *year) remove(object string, n int) {
	y.t.Helper()
	drawn := y.draw(y.ids[object], n)
	y.ids[object] = without(y.ids[object], drawn)
	if !strings.HasPrefix(object, "Master") && y.random.IntN(4) == 0 {
		if !y.people.hardDelete(object, drawn...) {
			y.t.Errorf("hard delete of %d %s: some stayed", len(drawn), object)
		}
		for _, id := range drawn {
			y.gone[id] = true
		}
		return
	}
	y.fresh[object] = append(y.fresh[object], y.people.removeAll(drawn)...)
	if detail := sibling(object, "Detail"); strings.HasPrefix(object, "Master") {
		y.ids[detail] = y.people.ids(detail, false)
	}
}

// emptyBin empties what backups have seen there.
func (y *year) emptyBin() {
	y.t.Helper()
	for object, ids := range y.binned {
		y.people.emptyBinOf(ids)
		delete(y.binned, object)
	}
}

func (y *year) undelete(object string) {
	y.t.Helper()
	id := y.one(y.binned[object])
	y.binned[object] = without(y.binned[object], []string{id})
	if y.people.undelete(id) {
		y.ids[object] = append(y.ids[object], id)
	}
	if detail := sibling(object, "Detail"); strings.HasPrefix(object, "Master") {
		y.ids[detail] = y.people.ids(detail, false)
	}
}

// reshape adds a field, converts one, or removes one.
func (y *year) reshape() {
	y.t.Helper()
	objects := yearObjects()
	object, field := objects[y.random.IntN(len(objects))], fmt.Sprintf("Extra_%d__c", y.random.IntN(2))
	name := object + "." + field
	if y.extra[name] != "" && y.random.IntN(2) == 0 {
		y.people.dropField(object, field)
		delete(y.extra, name)
		return
	}
	y.extra[name] = []string{"text", "area", "number"}[y.random.IntN(3)]
	y.people.putField(object, field, definitions[y.extra[name]])
}

// values are new ones for some of an object's fields.
func (y *year) values(object string) map[string]any {
	all := map[string]func() any{
		"Text__c":   func() any { return fmt.Sprint(texts[y.random.IntN(len(texts))], " ", y.random.IntN(1e6)) },
		"Amount__c": func() any { return float64(y.random.IntN(1e8)) / 100 },
		"Due__c":    func() any { return y.clock.Now().AddDate(0, 0, y.random.IntN(900)-450).Format("2006-01-02") },
		"At__c": func() any {
			return y.clock.Now().Add(-time.Duration(y.random.IntN(1e6)) * time.Second).Format(time.RFC3339)
		},
		"Done__c": func() any { return y.random.IntN(2) == 0 },
	}
	if strings.HasPrefix(object, "Note") {
		all["Long__c"] = func() any {
			return strings.TrimSpace(strings.Repeat(texts[y.random.IntN(len(texts))]+" ", 1+y.random.IntN(20)))
		}
	}
	for field, kind := range y.extraOf(object) {
		all[field] = func() any { return extraText(y.random, kind) }
	}
	chosen := map[string]any{}
	for name, value := range all {
		if y.random.IntN(2) == 0 {
			chosen[name] = value()
		}
	}
	if len(chosen) == 0 {
		chosen["Amount__c"] = all["Amount__c"]()
	}
	return chosen
}

func (y *year) extraOf(object string) map[string]string {
	fields := map[string]string{}
	for n := range 2 {
		field := fmt.Sprintf("Extra_%d__c", n)
		if kind := y.extra[object+"."+field]; kind != "" {
			fields[field] = kind
		}
	}
	return fields
}

func extraText(random *rand.Rand, kind string) any {
	if kind == "number" {
		return random.IntN(1000)
	}
	return fmt.Sprint(random.IntN(1000), []string{"", " apples"}[random.IntN(2)])
}

func (y *year) one(ids []string) string { return ids[y.random.IntN(len(ids))] }

// draw takes up to n different ids, and leaves a few.
func (y *year) draw(ids []string, n int) []string {
	drawn := map[string]bool{}
	var list []string
	for range min(n, len(ids)-5) {
		if id := y.one(ids); !drawn[id] {
			drawn[id] = true
			list = append(list, id)
		}
	}
	return list
}

func without(ids, gone []string) []string {
	drop := map[string]bool{}
	for _, id := range gone {
		drop[id] = true
	}
	return slices.DeleteFunc(ids, func(id string) bool { return drop[id] })
}

// unlike is where the vault is not what the org was.
type unlike struct {
	told   []string
	unseen int // alive in the vault, and deleted for good since the last synchronisation
}

func (t *truth) unlike(stored iter.Seq2[*vault.Version, error], gone map[string]bool) (u unlike) {
	found := 0
	for v, err := range stored {
		if err != nil {
			u.told = append(u.told, err.Error())
			return u
		}
		id := string(v.RecordID)
		want, alive := t.digests[id]
		switch {
		case !alive && gone[id]:
			u.unseen++
		case !alive:
			u.told = append(u.told, id+" is not in the org")
		default:
			found++
			if digest(t.fields, func(i int) string { return string(v.Value(t.fields[i])) }) != want {
				u.told = append(u.told, id+" has other values")
			}
		}
	}
	if found < len(t.digests) {
		u.told = append(u.told, fmt.Sprint(len(t.digests)-found, " records are missing"))
	}
	return u
}
