package simorg

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/formula"
	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

// Event is the moment of a save at which a trigger runs.
type Event string

// The moments a trigger may name.
const (
	BeforeInsert  Event = "BeforeInsert"
	BeforeUpdate  Event = "BeforeUpdate"
	BeforeDelete  Event = "BeforeDelete"
	AfterInsert   Event = "AfterInsert"
	AfterUpdate   Event = "AfterUpdate"
	AfterDelete   Event = "AfterDelete"
	AfterUndelete Event = "AfterUndelete"
)

// maxTriggerDepth is how deep triggers may set each other off.
const maxTriggerDepth = 16

// Trigger is an Apex trigger written in Go. Kind "" is a trigger; a flow or a
// workflow rule is the same thing under another switch.
type Trigger struct {
	Kind, Name, Object string
	Events             []Event
	// Run does the trigger's work; the error is what addError or an exception says.
	Run func(*TriggerRow) error
	// Inactive is the switch that the Tooling and Metadata APIs flip.
	Inactive bool
}

// The kinds of Trigger beside Apex.
const (
	FlowKind     = "Flow"
	WorkflowKind = "WorkflowRule"
)

// ValidationRule refuses a record for which Condition, a formula, is true.
type ValidationRule struct {
	Object, Name, Condition, Message, Field string
	Inactive                                bool

	compiled *formula.Formula
}

// DuplicateRule finds records that are alike in all of Match (fields). Block
// refuses always, otherwise the duplicate-rule header may let it pass.
type DuplicateRule struct {
	Object, Name string
	Match        []string
	Block        bool
	Inactive     bool
}

// AssignmentRule gives new records of the object (Case, Lead) to Owner, a user
// or a queue id, unless Sforce-Auto-Assign says FALSE.
type AssignmentRule struct {
	Object, Name, Owner string
	Inactive            bool
}

// automation is everything that acts on a save by itself.
type automation struct {
	triggers    []*Trigger
	validation  []*ValidationRule
	dupes       []*DuplicateRule
	assignments []*AssignmentRule
	locks       map[string]bool // ids locked by an approval
	rowLocks    map[string]int  // ids whose lock somebody holds, and for how many tries
	late        []*lateRecord
	holding     []hold
	ids         map[string]string // tooling ids of the above
}

func newAutomation() *automation {
	return &automation{locks: map[string]bool{}, rowLocks: map[string]int{}, ids: map[string]string{}}
}

// AddTrigger installs a trigger, a flow or a workflow rule.
func (o *Org) AddTrigger(t Trigger) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.auto.triggers = append(o.auto.triggers, &t)
}

// AddValidationRule installs a rule; its formula must be sound.
func (o *Org) AddValidationRule(r ValidationRule) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.addValidationRule(&r)
}

func (o *Org) addValidationRule(r *ValidationRule) error {
	if err := r.compile(); err != nil {
		return err
	}
	o.auto.validation = slices.DeleteFunc(o.auto.validation, func(old *ValidationRule) bool {
		return old.Object == r.Object && old.Name == r.Name
	})
	o.auto.validation = append(o.auto.validation, r)
	return nil
}

// compile reads the rule's formula.
func (r *ValidationRule) compile() error {
	compiled, err := formula.Parse(r.Condition)
	if err != nil {
		return fmt.Errorf("validation rule %s.%s: %w", r.Object, r.Name, err)
	}
	r.compiled = compiled
	return nil
}

// AddDuplicateRule installs a duplicate rule.
func (o *Org) AddDuplicateRule(r DuplicateRule) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.auto.dupes = append(o.auto.dupes, &r)
}

// AddAssignmentRule installs an assignment rule.
func (o *Org) AddAssignmentRule(r AssignmentRule) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.auto.assignments = append(o.auto.assignments, &r)
}

// LockRecord locks a record as a pending approval does, or lets it go again.
func (o *Org) LockRecord(id string, locked bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.auto.locks[id] = locked
}

// HoldRowLock makes the next tries to write a record (or a child of it) fail
// with UNABLE_TO_LOCK_ROW.
func (o *Org) HoldRowLock(id string, tries int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.auto.rowLocks[id] = tries
}

func (a *automation) locked(id string) error {
	if a.locks[id] {
		return invalidRow("ENTITY_IS_LOCKED", nil, "the entity is locked for editing")
	}
	return nil
}

// locks refuses a write to a locked record, or below a parent whose row
// somebody else holds.
func (c *change) locks() error {
	if !c.isNew() {
		if err := c.o.auto.locked(c.id); err != nil {
			return err
		}
	}
	if len(c.o.auto.rowLocks) == 0 {
		return nil
	}
	held := []string{c.id}
	for _, f := range c.obj.Fields {
		if f.Type == "reference" && f.From == schema.Stored {
			held = append(held, c.new[f.Col])
		}
	}
	for _, id := range held {
		if c.o.auto.rowLocks[id] > 0 {
			c.o.auto.rowLocks[id]--
			return invalidRow("UNABLE_TO_LOCK_ROW", nil, "unable to obtain exclusive access to this record or 1 records: %s", id)
		}
	}
	return nil
}

func (c *change) triggersBefore() error { return c.triggers(BeforeInsert, BeforeUpdate) }
func (c *change) triggersAfter() error  { return c.triggers(AfterInsert, AfterUpdate) }

func (c *change) triggers(onInsert, onUpdate Event) error {
	event := onUpdate
	if c.old == nil {
		event = onInsert
	}
	return c.o.auto.run(&TriggerRow{change: c, Event: event})
}

// fire runs the triggers of a delete or an undelete.
func (a *automation) fire(t *tx, r row, event Event) error {
	values := t.values(r)
	return a.run(&TriggerRow{change: &change{tx: t, obj: r.obj, id: r.rec.ID, old: values, new: slices.Clone(values)}, Event: event})
}

func (a *automation) run(row *TriggerRow) error {
	for _, trigger := range a.triggers {
		if trigger.Inactive || !strings.EqualFold(trigger.Object, row.obj.Name) || !slices.Contains(trigger.Events, row.Event) {
			continue
		}
		row.depth++
		err := row.runOne(trigger)
		row.depth--
		if err != nil {
			return err
		}
	}
	return nil
}

// ValidationError is what a trigger returns for Apex's addError: the text goes to the
// user as it stands.
type ValidationError string

func (e ValidationError) Error() string { return string(e) }

func (row *TriggerRow) runOne(t *Trigger) error {
	if row.depth > maxTriggerDepth {
		return badRequest("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "%s: maximum trigger depth exceeded", t.Name)
	}
	err := t.Run(row)
	if err == nil {
		return nil
	}
	if text, custom := errors.AsType[ValidationError](err); custom {
		return invalidRow("FIELD_CUSTOM_VALIDATION_EXCEPTION", nil, "%s", string(text))
	}
	if t.Kind == FlowKind {
		return invalidRow("CANNOT_EXECUTE_FLOW_TRIGGER", nil, "We can't save this record because the “%s” process failed. Give your Salesforce admin these details. %v", t.Name, err)
	}
	return invalidRow("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", nil, "%s: execution of %s\n\ncaused by: %v\n\n()", t.Name, row.Event, err)
}

// TriggerRow is the record a trigger runs on, and the org around it.
type TriggerRow struct {
	*change
	Event Event
}

// ID is the record's id, "" before it is inserted.
func (row *TriggerRow) ID() string { return row.id }

// Get is the value about to be, or just, written; Old what was there before.
func (row *TriggerRow) Get(field string) string { return row.get(field) }

// Old is the value before the change.
func (row *TriggerRow) Old(field string) string { return row.was(field) }

// Set changes the record itself; it only has an effect in a before trigger.
func (row *TriggerRow) Set(field, value string) { row.set(field, value) }

// Insert writes another record in the same transaction.
func (row *TriggerRow) Insert(object string, fields map[string]any) (string, error) {
	return row.systemInsert(object, fields)
}

// Update changes another record in the same transaction.
func (row *TriggerRow) Update(object, id string, fields map[string]any) error {
	obj := row.o.schema().Get(object)
	if obj == nil {
		return fmt.Errorf("the schema has no %s", object)
	}
	rec, err := row.find(obj, id)
	if err != nil {
		return err
	}
	return row.systemUpdate(obj, rec, fields)
}

// Delete deletes another record in the same transaction.
func (row *TriggerRow) Delete(object, id string) error {
	obj := row.o.schema().Get(object)
	if obj == nil {
		return fmt.Errorf("the schema has no %s", object)
	}
	return row.delete(obj, id)
}
