package soql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// The platform's limits on one query (salesforce-platform.md §4.3).
const (
	maxPathLevels  = 5
	maxChildren    = 20
	maxChildLevels = 5
	maxSemiJoins   = 2
	maxOffset      = 2000
	maxFieldsLimit = 200
)

// Validate checks a condition on an SObject: that its fields exist and may be
// filtered, and that operators and literals suit them. The error is a
// *SyntaxError as the platform would give it; src, the text the condition was
// parsed from, lets it show the place and may be empty.
func Validate(c Condition, object string, schema Schema, src string) error {
	v := &validator{schema, src}
	name, ok := schema.Object(object)
	if !ok {
		return v.result(unknownObject(0, object))
	}
	return v.result(v.where(name, c))
}

// ValidateQuery checks a whole query, its sub-selects and the platform's limits.
func ValidateQuery(q *Query, schema Schema, src string) error {
	v := &validator{schema, src}
	object, ok := schema.Object(q.From)
	if !ok {
		return v.result(unknownObject(q.FromPos, q.From))
	}
	return v.result(v.query(object, q, 1))
}

// ResolveField follows a path from an SObject to its field. The error is a
// *SyntaxError without a place.
func ResolveField(f Field, object string, schema Schema) (FieldInfo, error) {
	v := &validator{schema: schema}
	info, wrong := v.field(object, f)
	return info, v.result(wrong)
}

type validator struct {
	schema Schema
	src    string
}

func (v *validator) result(f *fault) error {
	if f == nil {
		return nil
	}
	return ErrorAt(v.src, f.at, f.code, f.detail)
}

func (v *validator) query(object string, q *Query, level int) *fault {
	if f := v.limits(q, level); f != nil {
		return f
	}
	for _, item := range q.Select {
		if f := v.item(object, item, level); f != nil {
			return f
		}
	}
	for field, clause := range q.Fields() {
		info, f := v.field(object, field)
		if f == nil && clause == OrderByClause && !info.Sortable {
			f = &fault{field.Pos, CodeInvalidField, fmt.Sprintf("field '%s' can not be sorted in a query call", field)}
		}
		if f != nil {
			return f
		}
	}
	return v.where(object, q.Where)
}

func (v *validator) limits(q *Query, level int) *fault {
	children, _ := q.Subqueries()
	switch {
	case level > maxChildLevels:
		return &fault{q.FromPos, CodeMalformed, fmt.Sprintf("SOQL queries are limited to %d levels of parent to child relationships", maxChildLevels)}
	case len(children) > maxChildren:
		return &fault{q.FromPos, CodeMalformed, fmt.Sprintf("SOQL queries are limited to %d parent to child relationships", maxChildren)}
	case q.Offset != nil && *q.Offset > maxOffset:
		return &fault{q.FromPos, "NUMBER_OUTSIDE_VALID_RANGE", fmt.Sprintf("Maximum SOQL offset allowed is %d", maxOffset)}
	case slices.ContainsFunc(q.Select, unbounded) && (q.Limit == nil || *q.Limit > maxFieldsLimit):
		return &fault{q.FromPos, CodeMalformed, fmt.Sprintf("The SOQL FIELDS function must have a LIMIT of at most %d", maxFieldsLimit)}
	}
	return nil
}

// unbounded recognises FIELDS(ALL) and FIELDS(CUSTOM).
func unbounded(item SelectItem) bool {
	set, ok := item.(FieldSet)
	return ok && set.Set != "STANDARD"
}

func (v *validator) item(object string, item SelectItem, level int) *fault {
	switch item := item.(type) {
	case Children:
		child, ok := v.schema.Child(object, item.Query.From)
		if !ok {
			f := unknownRelationship(item.Query.FromPos, item.Query.From, "FROM part of query call")
			f.code = CodeInvalidType
			return f
		}
		return v.query(child, item.Query, level+1)
	case TypeOf:
		return v.typeOf(object, item)
	}
	return nil
}

func (v *validator) typeOf(object string, t TypeOf) *fault {
	if _, ok := v.schema.Parent(object, t.Relationship.String()); !ok {
		return unknownRelationship(t.Relationship.Pos, t.Relationship.String(), "field path")
	}
	for _, branch := range t.When {
		object, ok := v.schema.Object(branch.Object)
		if !ok {
			return unknownObject(t.Relationship.Pos, branch.Object)
		}
		for _, field := range branch.Fields {
			if _, f := v.field(object, field); f != nil {
				return f
			}
		}
	}
	return nil
}

// where checks every leaf of a condition.
func (v *validator) where(object string, c Condition) *fault {
	for leaf := range Leaves(c) {
		if f := v.leaf(object, leaf); f != nil {
			return f
		}
	}
	return v.semiJoins(object, c)
}

func (v *validator) leaf(object string, leaf Condition) *fault {
	left := leftOf(leaf)
	name, info, f := v.operand(object, left)
	if f != nil {
		return f
	}
	op, literals := Operator(""), []Literal(nil)
	switch leaf := leaf.(type) {
	case Comparison:
		op, literals = leaf.Op, []Literal{leaf.Right}
	case Membership:
		op, literals = leaf.Op, leaf.Values
	}
	for _, l := range literals {
		f := criterion{name, platformType(info), info.ValueType()}.refuse(op, l.Kind)
		if f == nil {
			f = wrongID(info, l)
		}
		if f != nil {
			f.at = left.At()
			return f
		}
	}
	return nil
}

// operand resolves what a leaf compares; a date function makes a number of its
// field, and an aggregate of HAVING was checked by the parser.
func (v *validator) operand(object string, e Expr) (name string, info FieldInfo, f *fault) {
	if call, ok := e.(Call); ok && len(call.Args) == 1 {
		name, info, f = v.operand(object, call.Args[0])
		return name, call.returns(info), f
	}
	field, ok := e.(Field)
	if !ok {
		return e.String(), FieldInfo{Type: "int", Filterable: true}, nil
	}
	info, f = v.field(object, field)
	switch {
	case f != nil:
	case info.Type == "address" || info.Type == "location":
		f = &fault{field.Pos, CodeInvalidField, "Address fields can only be filtered using Distance expressions"}
	case !info.Filterable:
		f = &fault{field.Pos, CodeInvalidField, fmt.Sprintf("field '%s' can not be filtered in a query call", field)}
	}
	return field.Path[len(field.Path)-1], info, f
}

// returns is what the call makes of a field.
func (c Call) returns(of FieldInfo) FieldInfo {
	switch {
	case c.Func == "DAY_ONLY":
		of.Type = "date"
	case dateFunctions[c.Func] != nil, c.Func == "COUNT", c.Func == "COUNT_DISTINCT", c.Func == "GROUPING":
		of.Type = "int"
	}
	return of
}

// field follows a path to its field.
func (v *validator) field(object string, f Field) (FieldInfo, *fault) {
	parents, name := f.Path[:len(f.Path)-1], f.Path[len(f.Path)-1]
	if len(parents) > maxPathLevels {
		return FieldInfo{}, &fault{f.Pos, CodeMalformed, fmt.Sprintf("SOQL relationship paths are limited to %d levels: %s", maxPathLevels, f)}
	}
	for _, relationship := range parents {
		targets, ok := v.schema.Parent(object, relationship)
		switch {
		case !ok:
			return FieldInfo{}, unknownRelationship(f.Pos, relationship, "field path")
		case len(targets) > 1:
			object = "Name"
		default:
			object = targets[0]
		}
	}
	if info, ok := v.schema.Field(object, name); ok {
		return info, nil
	}
	if object == "Name" {
		if info, ok := nameField(name); ok {
			return info, nil
		}
	}
	return FieldInfo{}, &fault{f.Pos, CodeInvalidField, fmt.Sprintf("No such column '%s' on entity '%s'. "+
		"If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. %s", name, object, seeWSDL)}
}

// nameField describes the fields that every target of a polymorphic
// relationship shares: the platform's entity Name.
func nameField(name string) (FieldInfo, bool) {
	for _, known := range []string{"Name", "Type", "FirstName", "LastName", "Email", "Phone", "Title", "Alias", "Username"} {
		if strings.EqualFold(name, known) {
			return FieldInfo{Name: known, Type: "string", Filterable: true, Sortable: true}, true
		}
	}
	return FieldInfo{Name: "Id", Type: "id", Filterable: true, Sortable: true}, strings.EqualFold(name, "Id")
}

// wrongID refuses text that cannot be a record's id.
func wrongID(info FieldInfo, l Literal) *fault {
	if info.ValueType() != ID || l.Kind != StringLiteral || l.Text == "" {
		return nil
	}
	if _, err := engine.ParseRecordID(l.Text); err == nil {
		return nil
	}
	return &fault{code: CodeFilterOperator, detail: "invalid ID field: " + l.Text}
}

// platformType is the name of a field's type in the platform's messages.
func platformType(info FieldInfo) string {
	switch t := strings.ToLower(info.Type); t {
	case "int", "multipicklist", "id", "reference", "boolean", "picklist", "email", "phone", "url", "textarea":
		return t
	}
	return info.ValueType().String()
}

const seeWSDL = "Please reference your WSDL or the describe call for the appropriate names."

func unknownObject(at Pos, name string) *fault {
	return &fault{at, CodeInvalidType, fmt.Sprintf("sObject type '%s' is not supported. "+
		"If you are attempting to use a custom object, be sure to append the '__c' after the entity name. %s", name, seeWSDL)}
}

func unknownRelationship(at Pos, name, where string) *fault {
	return &fault{at, CodeInvalidField, fmt.Sprintf("Didn't understand relationship '%s' in %s. "+
		"If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. %s", name, where, seeWSDL)}
}
