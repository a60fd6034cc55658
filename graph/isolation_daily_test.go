package graph_test

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/schedules"
)

// daily are the ids of what a tenant's daily life adds to its estate. What a
// probe deletes is its own.
type daily struct{ template, unused, schedule, spare, component string }

var (
	aTemplate = only(func(e estate) string { return e.daily.template })
	aSchedule = only(func(e estate) string { return e.daily.schedule })
)

func init() {
	maps.Copy(idProbes, map[string]probe{
		"Query.template(id)":                         {`query($id: ID!) { template(id: $id) { id org { id } objects { path filter { soql } } } }`, aTemplate},
		"Query.schedule(id)":                         {`query($id: ID!) { schedule(id: $id) { id org { id } template { id } nextRuns { local } settings { template { id } } } }`, aSchedule},
		"Mutation.templateCreate(input.orgId)":       {`mutation($id: ID!) { templateCreate(input: {orgId: $id, name: "probe", type: BACKUP, objects: [{path: "Account"}]}) { template { id } userErrors { code message } } }`, anOrg},
		"Mutation.templateUpdate(input.templateId)":  {`mutation($id: ID!) { templateUpdate(input: {templateId: $id, description: "probe"}) { template { id } userErrors { code message } } }`, aTemplate},
		"Mutation.templateDelete(input.templateId)":  {`mutation($id: ID!) { templateDelete(input: {templateId: $id}) { userErrors { code message } } }`, only(func(e estate) string { return e.daily.unused })},
		"Mutation.templateCountRecords(input.orgId)": {`mutation($id: ID!) { templateCountRecords(input: {orgId: $id, objects: [{path: "Account"}]}) { counts { records } userErrors { code message } } }`, anOrg},
		"Mutation.backupStart(input.templateId)":     {`mutation($org: ID!, $id: ID!) { backupStart(input: {orgId: $org, templateId: $id}) { job { id } userErrors { code message } } }`, aTemplate},
		"Mutation.scheduleCreate(input.orgId)":       {`mutation($id: ID!) { scheduleCreate(input: {orgId: $id, name: "a", recurrence: {frequency: DAILY, at: "04:30", zone: "Etc/UTC"}}) { schedule { id } userErrors { code message } } }`, anOrg},
		"Mutation.scheduleCreate(input.templateId)":  {`mutation($org: ID!, $id: ID!) { scheduleCreate(input: {orgId: $org, templateId: $id, name: "b", recurrence: {frequency: DAILY, at: "04:30", zone: "Etc/UTC"}}) { schedule { id } userErrors { code message } } }`, aTemplate},
		"Mutation.scheduleUpdate(input.scheduleId)":  {`mutation($id: ID!) { scheduleUpdate(input: {scheduleId: $id, description: "probe"}) { schedule { id } userErrors { code message } } }`, aSchedule},
		"Mutation.scheduleDelete(input.scheduleId)":  {`mutation($id: ID!) { scheduleDelete(input: {scheduleId: $id}) { userErrors { code message } } }`, only(func(e estate) string { return e.daily.spare })},
		"Mutation.orgDeletePlan(input.orgId)":        {`mutation($id: ID!) { orgDeletePlan(input: {orgId: $id}) { plan { versions } userErrors { code message } } }`, anOrg},
		"Mutation.orgSettingsUpdate(input.orgId)":    {`mutation($id: ID!) { orgSettingsUpdate(input: {orgId: $id, scheduledArchives: false}) { org { id } userErrors { code message } } }`, anOrg},
	})
	maps.Copy(idProbes, map[string]probe{
		"MetadataComponent.compare(versionId)": {`query($later: ID!, $id: ID!) { job(id: $later) { metadataType(name: "ApexClass") { components { edges { node { fullName
			compare(versionId: $id) { name } } } } } } }`, only(func(e estate) string { return e.daily.component })},
	})
	maps.Copy(cursorProbes, map[string]string{
		"Job.metadataTypes":       `query($after: Cursor, $before: Cursor) { jobs { edges { node { metadataTypes(after: $after, before: $before) { totalCount edges { cursor node { id name } } } } } } }`,
		"MetadataType.components": `query($after: Cursor) { jobs { edges { node { metadataType(name: "ApexClass") { components(after: $after) { edges { cursor node { id fullName job { id } files { text } } } } } } } } }`,
		"MetadataTypeDiff.components": `query($after: Cursor, $job: ID!, $later: ID!) { backupDiff(a: $job, b: $later) { metadataTypes { name
			components(after: $after) { edges { cursor node { fullName before { id } after { id job { id } } files { after { text } } } } } } } }`,
		"MetadataComponent.versions": `query($after: Cursor, $later: ID!) { job(id: $later) { metadataType(name: "ApexClass") { components { edges { node { versions(after: $after) {
			edges { cursor node { id job { id } } } } } } } } } }`,
		"Org.templates": `query($after: Cursor, $before: Cursor) { orgs { edges { node { templates(after: $after, before: $before) { totalCount edges { cursor node { id } } } } } } }`,
		"Org.schedules": `query($after: Cursor, $before: Cursor) { orgs { edges { node { schedules(after: $after, before: $before) { totalCount edges { cursor node { id } } } } } } }`,
	})
}

// furnish gives an estate its templates and schedules.
func (w *world) furnish(e *estate) {
	w.t.Helper()
	template := func(name string) string {
		a := w.ask(e.admin.token, `mutation($org: ID!, $name: String!) { templateCreate(input: {orgId: $org, name: $name, type: BACKUP,
			objects: [{path: "Account", filter: {soql: "Name != null"}}]}) { template { id } userErrors { code message } } }`, map[string]any{"org": e.org, "name": name})
		expectCode(w.t, a, "")
		return a.text("templateCreate", "template", "id")
	}
	schedule := func(name string) string {
		a := w.ask(e.admin.token, `mutation($org: ID!, $name: String!) { scheduleCreate(input: {orgId: $org, name: $name,
			recurrence: {frequency: WEEKLY, weekdays: [MONDAY], at: "04:30", zone: "Asia/Tokyo"}}) { schedule { id } userErrors { code message } } }`, map[string]any{"org": e.org, "name": name})
		expectCode(w.t, a, "")
		return a.text("scheduleCreate", "schedule", "id")
	}
	e.daily = daily{template: template("Accounts"), unused: template("Unused"), schedule: schedule("Mondays"), spare: schedule("Spare")}
}

// newSchedules is the room on the world's queue; nothing fires by itself.
func (w *world) newSchedules() *schedules.Schedules {
	check := func(ctx context.Context, work schedules.Work) (job.Spec, error) {
		in := backup.StartInput{OrgID: work.OrgID, TemplateID: work.TemplateID, Name: work.Name}
		return w.backup.Spec(ctx, in)
	}
	return &schedules.Schedules{
		DB: w.db, Queue: w.queue, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Checks: map[engine.Operation]schedules.Check{engine.CompositeBackup: check, engine.CompositeSyncBackup: check},
	}
}
