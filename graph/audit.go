package graph

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

// auditor writes every mutation down, whoever it was and however it ended.
type auditor struct{ *Resolver }

// field is a gqlgen field middleware; only the root fields of a mutation are deeds.
func (a auditor) field(ctx context.Context, next graphql.Resolver) (any, error) {
	fc := graphql.GetFieldContext(ctx)
	if fc.Object != "Mutation" {
		return next(ctx)
	}
	ctx, actor := identity.WithActor(ctx)
	result, err := next(ctx)
	deed := describe(fc.Field, graphql.GetOperationContext(ctx).Variables)
	deed.Outcome = outcome(result, err)
	deed.Target = cmp.Or(deed.Target, made(result))
	if failed := a.Rooms.Identity.Record(ctx, *actor, deed); failed != nil {
		a.Log.ErrorContext(ctx, "mutation is missing from the audit trail", "action", deed.Action, "target", deed.Target, "error", failed)
	}
	return result, err
}

// auditNames are the inputs whose values name things. No other value of an
// input is ever written down.
var auditNames = []string{
	"name", "objectName", "recordId", "email", "role", "organizationName", "flow", "loginUrl", "fingerprint",
	"days", "weeks", "months", "years", "zone", "reason",
}

// describe says what was asked for: the first id in the input is the target.
func describe(field graphql.CollectedField, variables map[string]any) identity.Deed {
	deed := identity.Deed{Action: field.Name, Details: map[string]string{}}
	argument := field.Arguments.ForName("input")
	if argument == nil || argument.Value.Definition == nil {
		return deed
	}
	values, _ := field.ArgumentMap(variables)["input"].(map[string]any)
	for _, definition := range argument.Value.Definition.Fields {
		value, _ := values[definition.Name].(string)
		if isID(definition.Type) && deed.Target == "" {
			deed.Target = value
		}
		if number, ok := values[definition.Name].(int64); ok {
			value = strconv.FormatInt(number, 10)
		}
		if value != "" && slices.Contains(auditNames, definition.Name) {
			deed.Details[definition.Name] = value
		}
	}
	return deed
}

// made is the id of the thing that a payload returns.
func made(payload any) string {
	v := reflect.Indirect(reflect.ValueOf(payload))
	if v.Kind() != reflect.Struct {
		return ""
	}
	for _, field := range v.Fields() {
		if thing := reflect.Indirect(field); thing.Kind() == reflect.Struct {
			if id := thing.FieldByName("ID"); id.IsValid() && id.Kind() == reflect.String {
				return id.String()
			}
		}
	}
	return ""
}

func isID(t *ast.Type) bool { return t.NamedType == "ID" }

func outcome(result any, err error) string {
	if err != nil {
		if e := asEngineError(err); e != nil {
			return code(e)
		}
		return codeInternal
	}
	if payload, ok := result.(generated.Payload); ok && len(payload.GetUserErrors()) > 0 {
		return payload.GetUserErrors()[0].Code
	}
	return "OK"
}

func auditDetails(details map[string]string) []generated.AuditDetail {
	list := make([]generated.AuditDetail, 0, len(details))
	for _, name := range slices.Sorted(maps.Keys(details)) {
		list = append(list, generated.AuditDetail{Name: name, Value: details[name]})
	}
	return list
}
