// Package schedules runs operations again and again by a rule: the two system
// schedules that every org has, and those that its people make. It is a room of
// its own, beside job, because it knows operations by their settings, which the
// queue does not.
//
// No node leads. Each looks for schedules that are due, and moves one on by
// compare-and-set in the transaction that enqueues its job: whoever is second
// changes nothing. Runs that were missed while no server ran are made up for
// once, not each.
package schedules

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/recurrence"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	entorg "github.com/holdfast-backup/holdfast/ent/org"
	"github.com/holdfast-backup/holdfast/ent/schedule"
)

// Work is what a schedule does: an operation with its settings. Settings is
// the operation's own job input.
type Work struct {
	OrgID       string
	Operation   engine.Operation
	TemplateID  string
	Name        string
	Description string
	Settings    json.RawMessage
}

// Check turns work into a job, or says what is wrong with it. Each operation
// that can be scheduled has one.
type Check func(ctx context.Context, w Work) (job.Spec, error)

// Schedules is the room's face.
type Schedules struct {
	DB     *database.DB
	Queue  *job.Queue
	Checks map[engine.Operation]Check
	Now    func() time.Time
	Poll   time.Duration // how often to look for what is due
	Log    *slog.Logger
}

// CreateInput is a new schedule of a user's.
type CreateInput struct {
	Work
	Rule    recurrence.Rule
	Enabled bool
}

// UpdateInput changes what is not nil.
type UpdateInput struct {
	ScheduleID  string
	Name        *string
	Description *string
	Settings    json.RawMessage
	Rule        *recurrence.Rule
	Enabled     *bool
}

// Create makes a user's schedule; its first run is the rule's next.
func (s *Schedules) Create(ctx context.Context, in CreateInput) (*ent.Schedule, error) {
	in.Name = strings.TrimSpace(in.Name)
	spec, err := s.check(ctx, in.Work)
	if err != nil {
		return nil, err
	}
	if err := in.Rule.Validate(); err != nil {
		return nil, err
	}
	return s.insert(ctx, in, spec, false)
}

func (s *Schedules) insert(ctx context.Context, in CreateInput, spec job.Spec, system bool) (*ent.Schedule, error) {
	rule, input, err := encode(in.Rule, spec.Input)
	if err != nil {
		return nil, err
	}
	v, _ := engine.ViewerFrom(ctx)
	create := s.DB.Client.Schedule.Create().SetTenantID(v.Tenant).SetOrgID(in.OrgID).SetOperation(spec.Operation).SetName(spec.Name).
		SetDescription(in.Description).SetRule(rule).SetInput(input).SetEnabled(in.Enabled).SetSystem(system)
	if in.TemplateID != "" {
		create.SetTemplateID(in.TemplateID)
	}
	if in.Enabled {
		create.SetNextRunAt(in.Rule.Next(s.Now()))
	}
	made, err := create.Save(ctx)
	return made, told(spec.Name, err)
}

// Update changes a schedule. A system schedule keeps its name and its kind of
// recurrence; a templated one its template.
func (s *Schedules) Update(ctx context.Context, in UpdateInput) (*ent.Schedule, error) {
	known, err := s.get(ctx, in.ScheduleID)
	if err != nil {
		return nil, err
	}
	rule, err := RuleOf(known)
	if err != nil {
		return nil, err
	}
	if in.Rule != nil {
		rule = *in.Rule
	}
	if err := permitted(known, in, rule); err != nil {
		return nil, err
	}
	spec, err := s.check(ctx, changed(known, in))
	if err != nil {
		return nil, err
	}
	text, input, err := encode(rule, spec.Input)
	if err != nil {
		return nil, err
	}
	enabled := known.Enabled
	if in.Enabled != nil {
		enabled = *in.Enabled
	}
	update := known.Update().SetName(spec.Name).SetNillableDescription(in.Description).SetRule(text).SetInput(input).SetEnabled(enabled)
	if enabled {
		update.SetNextRunAt(rule.Next(s.Now()))
	} else {
		update.ClearNextRunAt()
	}
	saved, err := update.Save(ctx)
	return saved, told(spec.Name, err)
}

// changed is a schedule's work as it will be.
func changed(known *ent.Schedule, in UpdateInput) Work {
	w := workOf(known)
	if in.Name != nil {
		w.Name = strings.TrimSpace(*in.Name)
	}
	if in.Settings != nil {
		w.Settings = in.Settings
	}
	return w
}

func workOf(known *ent.Schedule) Work {
	w := Work{OrgID: known.OrgID, Operation: known.Operation, Name: known.Name, Description: known.Description, Settings: known.Input}
	if known.TemplateID != nil {
		w.TemplateID = *known.TemplateID
	}
	return w
}

// permitted refuses what a system schedule may not become (F43, F44).
func permitted(known *ent.Schedule, in UpdateInput, rule recurrence.Rule) error {
	if err := rule.Validate(); err != nil {
		return err
	}
	switch {
	case !known.System:
		return nil
	case in.Name != nil && strings.TrimSpace(*in.Name) != known.Name:
		return invalid("name", "SYSTEM_SCHEDULE", "“%s” is a system schedule: it keeps its name.", known.Name)
	case in.Enabled != nil && !*in.Enabled:
		return invalid("enabled", "SYSTEM_SCHEDULE", "“%s” is a system schedule: switch all scheduled backups of the org off instead.", known.Name)
	case known.Operation == engine.CompositeBackup && (rule.Frequency != recurrence.Daily || rule.Every != 1):
		return invalid("recurrence.frequency", "SYSTEM_SCHEDULE", "“%s” runs every day: only its time can change.", known.Name)
	case known.Operation == engine.CompositeSyncBackup && rule.Frequency == recurrence.Daily:
		return invalid("recurrence.frequency", "SYSTEM_SCHEDULE", "“%s” runs monthly or weekly, because it reads the id of every record.", known.Name)
	}
	return nil
}

// Delete removes a user's schedule at once. Jobs that it has started go on.
func (s *Schedules) Delete(ctx context.Context, id string) error {
	known, err := s.get(ctx, id)
	if err != nil {
		return err
	}
	if known.System {
		return engine.E(engine.KindConflict, "SYSTEM_SCHEDULE", "“%s” is a system schedule and cannot be deleted: switch the org's scheduled backups off instead.", known.Name)
	}
	return engine.Wrap("delete the schedule", s.DB.Client.Schedule.DeleteOne(known).Exec(ctx))
}

func (s *Schedules) get(ctx context.Context, id string) (*ent.Schedule, error) {
	known, err := s.DB.Client.Schedule.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, engine.E(engine.KindNotFound, "NOT_FOUND", "There is no schedule “%s”: check the id.", id)
	}
	return known, engine.Wrap("load the schedule", err)
}

func (s *Schedules) check(ctx context.Context, w Work) (job.Spec, error) {
	check := s.Checks[w.Operation]
	if check == nil {
		return job.Spec{}, invalid("operation", "NOT_SCHEDULABLE", "%s cannot be scheduled: choose a backup.", w.Operation)
	}
	org, err := s.DB.Client.Org.Get(ctx, w.OrgID)
	switch {
	case ent.IsNotFound(err):
		return job.Spec{}, engine.E(engine.KindNotFound, "NOT_FOUND", "There is no org “%s”: check the id.", w.OrgID)
	case err != nil:
		return job.Spec{}, engine.Wrap("load the org", err)
	case w.Operation == engine.TemplatedArchive && !org.ScheduledArchives:
		return job.Spec{}, engine.E(engine.KindConflict, "SCHEDULED_ARCHIVES_OFF", "Scheduled archives are switched off for “%s”: switch them on in its settings.", org.Name)
	}
	return check(ctx, w)
}

// RuleOf reads a schedule's rule back.
func RuleOf(known *ent.Schedule) (r recurrence.Rule, err error) {
	return r, engine.Wrap("read the schedule's rule", json.Unmarshal(known.Rule, &r))
}

func encode(rule recurrence.Rule, input any) (ruleText, inputText []byte, err error) {
	if ruleText, err = json.Marshal(rule); err == nil {
		inputText, err = json.Marshal(input)
	}
	return ruleText, inputText, engine.Wrap("encode a schedule", err)
}

func told(name string, err error) error {
	switch {
	case ent.IsConstraintError(err):
		return &engine.Error{Kind: engine.KindConflict, Code: "NAME_TAKEN", Field: "name", Message: "A schedule of this org is called “" + name + "” already: choose another name."}
	case ent.IsValidationError(err):
		return invalid("name", "INVALID_INPUT", "Give the schedule a name of 1 to 255 characters and a description of at most 2,000.")
	}
	return engine.Wrap("save the schedule", err)
}

func invalid(field, code, format string, args ...any) error {
	err := engine.E(engine.KindInvalid, code, format, args...)
	err.Field = field
	return err
}

// The system schedules (F42).
const (
	compositeName = "Default Composite"
	syncName      = "Default Composite & Sync"
	compositeHour = 10
	syncHour      = 11
)

// EnsureSystem gives an org its two system schedules, if it has not got them:
// a backup every day, a synchronising one on the first of each month.
func (s *Schedules) EnsureSystem(ctx context.Context, orgID string) error {
	today := recurrence.DateOf(s.Now().UTC())
	daily := recurrence.Rule{Frequency: recurrence.Daily, Every: 1, At: recurrence.Clock{Hour: compositeHour}, Zone: "Etc/UTC", Start: today}
	monthly := recurrence.Rule{Frequency: recurrence.Monthly, Every: 1, DayOfMonth: 1, At: recurrence.Clock{Hour: syncHour}, Zone: "Etc/UTC", Start: today}
	for _, in := range []CreateInput{
		{Work: Work{OrgID: orgID, Operation: engine.CompositeBackup, Name: compositeName}, Rule: daily, Enabled: true},
		{Work: Work{OrgID: orgID, Operation: engine.CompositeSyncBackup, Name: syncName}, Rule: monthly, Enabled: true},
	} {
		known, err := s.DB.Client.Schedule.Query().Where(schedule.OrgID(orgID), schedule.System(true), schedule.OperationEQ(in.Operation)).Exist(ctx)
		if err != nil || known {
			if err != nil {
				return engine.Wrap("look for the system schedules", err)
			}
			continue
		}
		spec, err := s.check(ctx, in.Work)
		if err != nil {
			return err
		}
		if _, err := s.insert(ctx, in, spec, true); err != nil && !engine.Is(err, engine.KindConflict) {
			return err
		}
	}
	return nil
}

// ensureAll makes up for orgs whose connecting died before they got theirs.
func (s *Schedules) ensureAll(ctx context.Context) error {
	orgs, err := s.DB.Client.Org.Query().Where(entorg.StateEQ(entorg.StateCONNECTED), entorg.Not(entorg.HasSchedulesWith(schedule.System(true)))).All(engine.AsSystem(ctx))
	if err != nil {
		return engine.Wrap("look for orgs without schedules", err)
	}
	for _, org := range orgs {
		if err := s.EnsureSystem(engine.AsWorker(ctx, org.TenantID), org.ID); err != nil {
			return err
		}
	}
	return nil
}
