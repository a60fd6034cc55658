// Package formula reads and evaluates the formula language of validation rules,
// formula fields, lookup filters and roll-up filters: literals, fields, the
// operators, and the functions of the function table. It is pure: a record
// answers for its fields through [Env].
package formula

import (
	"fmt"
	"strings"
	"time"
)

// Kind is a value's type.
type Kind uint8

// The kinds of value. Null is a blank of any type.
const (
	Null Kind = iota
	Text
	Number
	Bool
	Date
	DateTime
)

// Value is a formula's value: Text, Number, Bool or Time, by Kind.
type Value struct {
	Kind   Kind
	Text   string
	Number float64
	Bool   bool
	Time   time.Time
}

// Env is the record that a formula is evaluated on.
type Env interface {
	// Field is the value of a field or of a path (Account.Name).
	Field(path string) (Value, error)
	// Prior is the value before the change; on an insert, the value itself.
	Prior(path string) (Value, error)
	// IsNew says that the record is being inserted.
	IsNew() bool
	Now() time.Time
}

// Formula is a parsed formula; it may be evaluated by several goroutines.
type Formula struct {
	source string
	root   node
}

// String is the formula as it was written.
func (f *Formula) String() string { return f.source }

// Eval computes the formula on a record.
func (f *Formula) Eval(env Env) (Value, error) { return f.root.eval(env) }

// True computes a condition; blank is false.
func (f *Formula) True(env Env) (bool, error) {
	v, err := f.Eval(env)
	return v.Bool, err
}

// Fields lists the paths the formula reads, each once.
func (f *Formula) Fields() []string {
	var paths []string
	seen := map[string]bool{}
	walk(f.root, func(n node) {
		if p, ok := n.(fieldNode); ok && !seen[string(p)] {
			seen[string(p)] = true
			paths = append(paths, string(p))
		}
	})
	return paths
}

// node is one part of a parsed formula.
type node interface {
	eval(Env) (Value, error)
}

type (
	literalNode Value
	fieldNode   string
	callNode    struct {
		name string
		fn   function
		args []node
	}
	unaryNode struct {
		op  string
		arg node
	}
	binaryNode struct {
		op          string
		left, right node
	}
)

func walk(n node, visit func(node)) {
	visit(n)
	switch n := n.(type) {
	case callNode:
		for _, a := range n.args {
			walk(a, visit)
		}
	case unaryNode:
		walk(n.arg, visit)
	case binaryNode:
		walk(n.left, visit)
		walk(n.right, visit)
	}
}

func (n literalNode) eval(Env) (Value, error)   { return Value(n), nil }
func (n fieldNode) eval(env Env) (Value, error) { return env.Field(string(n)) }
func (n callNode) eval(env Env) (Value, error)  { return n.fn.run(env, n.args) }

func (n unaryNode) eval(env Env) (Value, error) {
	v, err := n.arg.eval(env)
	if err != nil {
		return Value{}, err
	}
	if n.op == "!" {
		return boolean(!v.Bool), nil
	}
	return number(-v.Number), nil
}

// Constructors of values.
func text(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{Kind: Text, Text: s}
}
func number(n float64) Value { return Value{Kind: Number, Number: n} }
func boolean(b bool) Value   { return Value{Kind: Bool, Bool: b} }

// TextValue is a text; the empty one is blank.
func TextValue(s string) Value { return text(s) }

// NumberValue is a number.
func NumberValue(n float64) Value { return number(n) }

// BoolValue is a boolean.
func BoolValue(b bool) Value { return boolean(b) }

// DateValue is a day.
func DateValue(t time.Time) Value { return Value{Kind: Date, Time: t} }

// DateTimeValue is a moment.
func DateTimeValue(t time.Time) Value { return Value{Kind: DateTime, Time: t} }

func (n binaryNode) eval(env Env) (Value, error) {
	l, err := n.left.eval(env)
	if err != nil {
		return Value{}, err
	}
	if n.op == "&&" && !l.Bool || n.op == "||" && l.Bool {
		return boolean(l.Bool), nil
	}
	r, err := n.right.eval(env)
	if err != nil {
		return Value{}, err
	}
	switch n.op {
	case "&&", "||":
		return boolean(r.Bool), nil
	case "=", "<>":
		return boolean(equal(l, r) == (n.op == "=")), nil
	case "<", "<=", ">", ">=":
		return order(n.op, l, r)
	}
	return arithmetic(n.op, l, r)
}

// equal compares; text does so with its case, and a blank equals "".
func equal(l, r Value) bool {
	if l.Kind == Null || r.Kind == Null {
		return l.blank() && r.blank()
	}
	if l.isTime() && r.isTime() {
		return l.Time.Equal(r.Time)
	}
	return l == r
}

func (v Value) blank() bool  { return v.Kind == Null || v.Kind == Text && v.Text == "" }
func (v Value) isTime() bool { return v.Kind == Date || v.Kind == DateTime }

func order(op string, l, r Value) (Value, error) {
	if l.Kind == Null || r.Kind == Null {
		return boolean(false), nil
	}
	var c int
	switch {
	case l.Kind == Number && r.Kind == Number:
		c = int(sign(l.Number - r.Number))
	case l.isTime() && r.isTime():
		c = l.Time.Compare(r.Time)
	case l.Kind == Text && r.Kind == Text:
		c = strings.Compare(l.Text, r.Text)
	default:
		return Value{}, fmt.Errorf("%s cannot compare these types", op)
	}
	return boolean(map[string]bool{"<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op]), nil
}

func sign(n float64) float64 {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
