package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// change lets somebody in the org do something.
func (h *history) change() {
	h.changes++
	switch n := h.random.IntN(21); {
	case n < 5:
		h.insert()
	case n < 12:
		h.edit()
	case n < 15:
		h.remove()
	case n < 17:
		h.undelete()
	case n < 18:
		h.purge()
	case n < 20:
		h.insertLate()
	default:
		h.sim.BumpStamps(h.object())
	}
}

func (h *history) object() string { return labObjects[h.random.IntN(len(labObjects))] }

// anyOf draws an id, "" when there is none.
func (h *history) anyOf(object string, binned bool) string {
	ids := h.people.ids(object, binned)
	if len(ids) == 0 {
		return ""
	}
	return ids[h.random.IntN(len(ids))]
}

func (h *history) insert() { h.insertInto(h.object()) }

func (h *history) insertInto(object string) {
	fields := h.fields(object)
	h.serial++
	fields["Name"] = fmt.Sprint("Record ", h.serial)
	if parent := h.anyOf("Project__c", false); parent != "" && (object == "Milestone__c" || h.random.IntN(3) > 0) && object != "Project__c" {
		fields["Project__c"] = parent
	} else if object == "Milestone__c" {
		return // a detail needs a master
	}
	h.people.insert(object, fields)
}

func (h *history) edit() {
	object := h.object()
	if id := h.anyOf(object, false); id != "" {
		fields := h.fields(object)
		if object == "Remark__c" && h.random.IntN(3) == 0 {
			fields["Project__c"] = nil
		}
		if len(fields) > 0 {
			h.people.update(object, id, fields)
		}
	}
}

// fields are new values for some of an object's fields.
func (h *history) fields(object string) map[string]any {
	all := map[string]func() any{"Name": h.word}
	switch object {
	case "Project__c":
		all["Text__c"] = h.text
		all["Amount__c"], all["Count__c"] = h.number, func() any { return h.random.IntN(1e6) - 5e5 }
		all["Done__c"] = func() any { return h.random.IntN(2) == 0 }
		all["Due__c"] = func() any { return h.clock.Now().AddDate(0, 0, h.random.IntN(900)-450).Format("2006-01-02") }
		all["At__c"] = func() any {
			return h.clock.Now().Add(time.Duration(h.random.IntN(1e6)) * time.Second).Format(time.RFC3339)
		}
		all["Mail__c"] = func() any { return fmt.Sprintf("user%d@example.com", h.random.IntN(1000)) }
	case "Milestone__c":
		all["Cost__c"] = h.number
	case "Remark__c":
		all["Text__c"] = h.text
	}
	for name, kind := range h.extra {
		if owner, field, _ := strings.Cut(name, "."); owner == object {
			all[field] = func() any { return h.extraValue(kind) }
		}
	}
	chosen := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(all)) { // in order, so that a seed repeats a history
		switch h.random.IntN(4) {
		case 0, 1:
			chosen[name] = all[name]()
		case 2:
			if name != "Name" && name != "Done__c" && name != "Flag__c" {
				chosen[name] = nil
			}
		}
	}
	return chosen
}

func (h *history) number() any {
	return []any{0, -1.5, 0.01, 1200, 123456789012.34, float64(h.random.IntN(1e8)) / 100}[h.random.IntN(6)]
}

func (h *history) word() any {
	h.serial++
	return fmt.Sprint(texts[h.random.IntN(len(texts)-2)], " ", h.serial)
}

// texts are what exports break on.
var texts = []string{
	"plain", "a \"quoted\" word", "comma, semicolon; end", "=1+1", "Zoë Ünïcödé", "東京 日本語", "😀 emoji 🧵", "'); DROP TABLE", "line 1\nline 2", "first\r\n\r\n\"last\"",
}

func (h *history) text() any {
	text := texts[h.random.IntN(len(texts))]
	if h.random.IntN(12) == 0 {
		text = strings.Repeat(text+" ", 8)
	}
	return strings.TrimSpace(text)
}

// remove deletes, and with a project its milestones; remarks lose their project
// without a new stamp.
func (h *history) remove() {
	object := h.object()
	if id := h.anyOf(object, false); id != "" && h.people.remove(object, id) {
		h.blind.removed = true
		h.unstamped(object)
	}
}

func (h *history) unstamped(object string) {
	if object == "Project__c" {
		h.blind.values["Remark__c"] = true
	}
}

func (h *history) undelete() {
	object := h.object()
	if id := h.anyOf(object, true); id != "" && h.people.undelete(id) {
		h.unstamped(object)
	}
}

// purge empties the Recycle Bin of a record, or deletes one past it.
func (h *history) purge() {
	object := h.object()
	if h.random.IntN(2) == 0 {
		if id := h.anyOf(object, true); id != "" && h.people.emptyBin(id) {
			h.blind.removed = true
		}
		return
	}
	if id := h.anyOf(object, false); id != "" && h.people.hardDelete(object, id) {
		h.blind.ids[object] = true
		if object == "Project__c" {
			h.blind.ids["Milestone__c"] = true
		}
		h.unstamped(object)
	}
}

// insertLate inserts a record that nobody sees yet.
func (h *history) insertLate() {
	if h.blind.held.IsZero() {
		h.blind.held = h.clock.Now()
	}
	h.late++
	h.sim.HoldCommits("Remark__c", 1)
	h.insertInto("Remark__c")
}

// commit lets held records be seen. An incremental backup finds them unless one
// has read beyond their stamps by more than its overlap.
func (h *history) commit() {
	if h.sim.CommitLate() > 0 && h.blind.read.Sub(h.blind.held) >= 10*time.Minute {
		h.blind.ids["Remark__c"] = true
	}
	h.blind.held = time.Time{}
}

// definitions are what a field that comes may be, and become: a text that is no
// number is lost when it becomes one, and a new checkbox is false everywhere.
var definitions = map[string]string{
	"text":   "<n:type>Text</n:type><n:length>40</n:length>",
	"area":   "<n:type>TextArea</n:type>",
	"number": "<n:type>Number</n:type><n:precision>9</n:precision><n:scale>0</n:scale>",
	"flag":   "<n:type>Checkbox</n:type><n:defaultValue>false</n:defaultValue>",
}

// reshape adds a field, converts one, or removes one.
func (h *history) reshape() {
	h.shapes++
	object, field, kind := h.object(), fmt.Sprintf("Extra_%d__c", h.random.IntN(2)), []string{"text", "area", "number"}[h.random.IntN(3)]
	if h.random.IntN(4) == 0 {
		field, kind = "Flag__c", "flag"
	}
	name := object + "." + field
	if h.extra[name] != "" && h.random.IntN(2) == 0 {
		h.people.dropField(object, field)
		delete(h.extra, name)
		return
	}
	h.people.putField(object, field, definitions[kind])
	h.extra[name] = kind
}

// extraValue is a value for a field that reshape has made.
func (h *history) extraValue(kind string) any {
	switch kind {
	case "flag":
		return h.random.IntN(2) == 0
	case "number":
		return h.random.IntN(1000)
	}
	return fmt.Sprint(h.random.IntN(1000), []string{"", " apples"}[h.random.IntN(2)])
}
