package soql

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// Given is a filter as somebody gave it: as a form, or as the text of a WHERE
// clause without the word. Empty, it lets everything pass.
type Given struct {
	SOQL       string            `json:"soql,omitempty"`
	Conditions []FilterCondition `json:"conditions,omitempty"`
	Logic      string            `json:"logic,omitempty"`
}

// Empty reports whether nothing is left out.
func (g Given) Empty() bool { return strings.TrimSpace(g.SOQL) == "" && len(g.Conditions) == 0 }

// Condition is the filter, checked against the SObject; nil when it is empty.
// Sub-selects are refused: what is given here narrows one SObject, and is also
// asked of records that are stored. The error is an *engine.Error that says what
// is wrong and where.
func (g Given) Condition(object string, schema Schema) (Condition, error) {
	text := strings.TrimSpace(g.SOQL)
	switch {
	case text == "":
		return Filter{Conditions: g.Conditions, Logic: g.Logic}.Condition(object, schema)
	case len(g.Conditions) > 0:
		return nil, engine.E(engine.KindInvalid, "FILTER_TWICE", "The filter on %s is given both as conditions and as SOQL: give one of the two.", object)
	}
	c, err := ParseCondition(text)
	if err != nil {
		return nil, refuseText(object, err)
	}
	for leaf := range Leaves(c) {
		if m, ok := leaf.(Membership); ok && m.Query != nil {
			return nil, engine.E(engine.KindInvalid, "FILTER_SUBSELECT", "The filter on %s holds a sub-select (%s IN (SELECT …)), which a filter may not: "+
				"name the related record's fields (Account.Name = 'Acme'), or add the other object to the template.", object, m.Left)
		}
	}
	for field := range ConditionFields(c) {
		if _, err := ResolveField(field, object, schema); isUnseen(err) {
			return nil, refuseText(object, ErrorAt(text, field.Pos, CodeInvalidField, unseen(object, field)))
		}
	}
	if err := Validate(c, object, schema, text); err != nil {
		return nil, refuseText(object, err)
	}
	return c, nil
}

// isUnseen: the org says the same of a field that is not there and of one that
// the connected user may not see.
func isUnseen(err error) bool {
	var syntax *SyntaxError
	return errors.As(err, &syntax) && syntax.Code == CodeInvalidField
}

func unseen(object string, field Field) string {
	return fmt.Sprintf("%s has no field %s, or the connected user may not see it: give that user read access to the field (field-level security), or take it out of the filter", object, field)
}

func refuseText(object string, err error) error {
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	refusal := engine.E(engine.KindInvalid, "FILTER_SOQL", "The filter on %s is wrong at line %d, character %d: %s.",
		object, max(syntax.Row, 1), max(syntax.Column, 1), strings.TrimSuffix(syntax.Detail, "."))
	refusal.Object = object
	return refusal
}

// Below is a condition on a parent as its child asks it: Industry = 'x' of an
// account is Account.Industry = 'x' of a contact.
func Below(c Condition, relationships ...string) Condition {
	return conditionWith(c, func(path []string) []string { return append(slices.Clone(relationships), path...) })
}

// PathLevels is how many relationships a condition follows at most.
func PathLevels(c Condition) int {
	levels := 0
	for field := range ConditionFields(c) {
		levels = max(levels, len(field.Path)-1)
	}
	return levels
}

// MaxPathLevels is how many the platform lets it follow.
const MaxPathLevels = maxPathLevels

// Timeless reports whether a record passes the condition by its own stored
// fields alone, so that it cannot begin to pass without being modified.
func Timeless(c Condition, object *engine.SObject) bool {
	for leaf := range Leaves(c) {
		field, ok := leftOf(leaf).(Field)
		if !ok || len(field.Path) != 1 {
			return false
		}
		f, ok := object.Field(field.Path[0])
		if !ok || f.Calculated {
			return false
		}
		if literals := literalsOf(leaf); slices.ContainsFunc(literals, func(l Literal) bool { return l.Kind == RangeLiteral }) {
			return false
		}
	}
	return true
}

func literalsOf(leaf Condition) []Literal {
	switch leaf := leaf.(type) {
	case Comparison:
		return []Literal{leaf.Right}
	case Membership:
		return leaf.Values
	}
	return nil
}
