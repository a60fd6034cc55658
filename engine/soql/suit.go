package soql

import "fmt"

// typeSet is a set of types, one bit each.
type typeSet uint16

const anyType = ^typeSet(0)

func (s typeSet) has(t Type) bool { return s&(1<<t) != 0 }

// suitable is the types of value that the operator and every kind of literal suit.
func suitable(op Operator, kinds ...LiteralKind) typeSet {
	var set typeSet
	for t := Null; t <= MultiPicklist; t++ {
		all := t.allows(op)
		for _, kind := range kinds {
			all = all && t.accepts(kind)
		}
		if all {
			set |= 1 << t
		}
	}
	return set
}

// accepts reports whether a value of that type may be compared with the literal.
func (t Type) accepts(kind LiteralKind) bool {
	switch kind {
	case NullLiteral:
		return true
	case StringLiteral:
		return t.textual()
	case NumberLiteral, CurrencyLiteral:
		return t == Number
	case BoolLiteral:
		return t == Bool
	case DateLiteral:
		return t == Date
	case DateTimeLiteral:
		return t == DateTime
	case TimeLiteral:
		return t == TimeOfDay
	}
	return t == Date || t == DateTime
}

// allows reports whether the operator has a meaning for the type.
func (t Type) allows(op Operator) bool {
	switch op {
	case Like:
		return t == Text || t == ExactText
	case Includes, Excludes:
		return t == MultiPicklist
	case Less, LessOrEqual, Greater, GreaterOrEqual:
		return t != Bool && t != MultiPicklist
	}
	return true
}

func (t Type) textual() bool {
	return t == Text || t == ExactText || t == ID || t == MultiPicklist
}

// String is the type as the platform's messages call it.
func (t Type) String() string {
	switch t {
	case Null:
		return "null"
	case Number:
		return "double"
	case Bool:
		return "boolean"
	case Date:
		return "date"
	case DateTime:
		return "dateTime"
	case TimeOfDay:
		return "time"
	case ID:
		return "id"
	case MultiPicklist:
		return "multipicklist"
	}
	return "string"
}

// criterion is what a condition compares: typeName is what the platform calls
// the field's type.
type criterion struct {
	field, typeName string
	valueType       Type
}

// refuse words, as the platform does, why the operator or the literal does not
// suit the field; nil if both do.
func (c criterion) refuse(op Operator, kind LiteralKind) *fault {
	switch t := c.valueType; {
	case !t.allows(op):
		return &fault{code: CodeFilterOperator, detail: "invalid operator on " + c.typeName + " field"}
	case t.accepts(kind):
		return nil
	case t.textual():
		return &fault{code: CodeInvalidField, detail: fmt.Sprintf(
			"value of filter criterion for field '%s' must be of type string and should be enclosed in quotes", c.field)}
	}
	return &fault{code: CodeInvalidField, detail: fmt.Sprintf(
		"value of filter criterion for field '%s' must be of type %s and should not be enclosed in quotes", c.field, c.typeName)}
}

// checkOperand refuses by what a record shows while it is evaluated.
func checkOperand(left Expr, t Type, op Operator, kind LiteralKind) error {
	if f := (criterion{left.String(), t.String(), t}).refuse(op, kind); f != nil {
		return ErrorAt("", 0, f.code, f.detail)
	}
	return nil
}
