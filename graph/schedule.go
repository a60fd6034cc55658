package graph

import (
	"context"
	"encoding/json"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/recurrence"
	"github.com/holdfast-backup/holdfast/engine/schedules"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/predicate"
	"github.com/holdfast-backup/holdfast/ent/schedule"
	"github.com/holdfast-backup/holdfast/ent/template"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

func scheduleConditions(system *bool) []predicate.Schedule {
	if system == nil {
		return nil
	}
	return []predicate.Schedule{schedule.System(*system)}
}

func (r *Resolver) scheduleCreate(ctx context.Context, in generated.ScheduleCreateInput) (*ent.Schedule, error) {
	rule, err := r.rule(*in.Recurrence)
	if err != nil {
		return nil, err
	}
	settings, err := scheduledSettings(in.Include)
	if err != nil {
		return nil, err
	}
	work := schedules.Work{OrgID: in.OrgID, Operation: in.Operation, Name: in.Name, Description: in.Description, Settings: settings}
	if in.TemplateID != nil {
		work.TemplateID = *in.TemplateID
	}
	return r.Rooms.Schedules.Create(ctx, schedules.CreateInput{Work: work, Rule: rule, Enabled: in.Enabled})
}

func (r *Resolver) scheduleUpdate(ctx context.Context, in generated.ScheduleUpdateInput) (*ent.Schedule, error) {
	change := schedules.UpdateInput{ScheduleID: in.ScheduleID, Name: in.Name, Description: in.Description, Enabled: in.Enabled}
	if in.Recurrence != nil {
		rule, err := r.rule(*in.Recurrence)
		if err != nil {
			return nil, err
		}
		change.Rule = &rule
	}
	var err error
	if change.Settings, err = scheduledSettings(in.Include); err != nil {
		return nil, err
	}
	return r.Rooms.Schedules.Update(ctx, change)
}

// scheduledSettings are a backup's with these boxes; nil for its defaults.
func scheduledSettings(include *backup.Include) (json.RawMessage, error) {
	if include == nil {
		return nil, nil
	}
	text, err := json.Marshal(backup.Settings{Include: *include})
	return text, engine.Wrap("encode the schedule's settings", err)
}

func (r *Resolver) rule(in generated.RecurrenceInput) (rule recurrence.Rule, err error) {
	rule = recurrence.Rule{Frequency: in.Frequency, Every: in.Every, Weekdays: in.Weekdays, Zone: in.Zone}
	if in.DayOfMonth != nil {
		rule.DayOfMonth = *in.DayOfMonth
	}
	if in.Occurrence != nil {
		rule.Occurrence = *in.Occurrence
	}
	if err := rule.At.UnmarshalText([]byte(in.At)); err != nil {
		return rule, err
	}
	if in.Start == nil {
		rule.Start = recurrence.DateOf(r.Rooms.Schedules.Now().In(zoneOf(in.Zone)))
		return rule, nil
	}
	return rule, rule.Start.UnmarshalText([]byte(*in.Start))
}

// zoneOf is Greenwich's for a zone that Validate will refuse.
func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

func (r *Resolver) preview(in generated.RecurrenceInput, first int) (*generated.SchedulePreview, error) {
	rule, err := r.rule(in)
	if err == nil {
		err = rule.Validate()
	}
	problems, err := userErrors(err)
	shown := &generated.SchedulePreview{Runs: []generated.ScheduledRun{}, UserErrors: problems}
	if len(problems) == 0 && err == nil {
		shown.Text, shown.Runs = rule.Preview(), r.runs(rule, first)
	}
	return shown, err
}

func (r *Resolver) nextRuns(s *ent.Schedule, first int) ([]generated.ScheduledRun, error) {
	rule, err := schedules.RuleOf(s)
	if err != nil {
		return nil, err
	}
	return r.runs(rule, first), nil
}

func (r *Resolver) runs(rule recurrence.Rule, n int) []generated.ScheduledRun {
	runs := []generated.ScheduledRun{}
	for _, at := range rule.NextN(r.Rooms.Schedules.Now(), n) {
		runs = append(runs, generated.ScheduledRun{At: at, Local: at.Format("Jan 2, 2006 3:04 PM") + " (" + recurrence.Offset(at) + ")"})
	}
	return runs
}

func recurrenceOf(s *ent.Schedule) (*generated.Recurrence, error) {
	rule, err := schedules.RuleOf(s)
	if err != nil {
		return nil, err
	}
	shown := &generated.Recurrence{
		Frequency: rule.Frequency, Every: rule.Every, Weekdays: rule.Weekdays, At: rule.At.String(), Zone: rule.Zone,
		Start: rule.Start.String(), Preview: rule.Preview(),
	}
	if rule.DayOfMonth != 0 {
		shown.DayOfMonth = &rule.DayOfMonth
	}
	if rule.Occurrence != "" {
		shown.Occurrence = &rule.Occurrence
	}
	return shown, nil
}

func (r *Resolver) scheduleSettings(ctx context.Context, s *ent.Schedule) (*generated.BackupSettings, error) {
	var settings backup.Settings
	if err := json.Unmarshal(s.Input, &settings); err != nil {
		return nil, engine.Wrap("read the schedule's settings", err)
	}
	return r.backupSettings(ctx, settings)
}

func (r *Resolver) backupSettings(ctx context.Context, settings backup.Settings) (*generated.BackupSettings, error) {
	shown := &generated.BackupSettings{Include: &settings.Include}
	if settings.TemplateID == "" {
		return shown, nil
	}
	used, err := r.DB.Template.Query().Where(template.ID(settings.TemplateID)).All(ctx)
	if len(used) > 0 {
		shown.Template = used[0]
	}
	return shown, err
}

func usedPercent(a engine.Allowance) float64 {
	if a.Max == 0 {
		return 0
	}
	return 100 * float64(a.Max-a.Remaining) / float64(a.Max)
}
