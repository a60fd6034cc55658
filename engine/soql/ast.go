package soql

// Pos is a byte offset in the source; what was not parsed has none and is 0.
type Pos int

// Query is one SELECT, whole or inside another.
type Query struct {
	Select  []SelectItem
	From    string // an SObject, or in a child sub-select a child relationship
	FromPos Pos
	Alias   string // the paths below no longer carry it
	Scope   string // USING SCOPE
	Where   Condition
	With    string // SECURITY_ENFORCED, USER_MODE or SYSTEM_MODE
	GroupBy []Expr
	Rollup  Rollup
	Having  Condition
	OrderBy []Order
	Limit   *int
	Offset  *int
	AllRows bool
	For     []string // VIEW, REFERENCE, UPDATE
	Update  []string // TRACKING, VIEWSTAT
}

// Rollup says which subtotals GROUP BY adds.
type Rollup string

// The kinds of grouping.
const (
	PlainGroups Rollup = ""
	RollupRows  Rollup = "ROLLUP"
	CubeRows    Rollup = "CUBE"
)

// Order is one key of ORDER BY.
type Order struct {
	By         Expr
	Descending bool
	NullsLast  bool
}

// SelectItem is one column of a query: Selection, Children, FieldSet or TypeOf.
type SelectItem interface {
	String() string
	isSelectItem()
}

// Selection is an expression with its alias. COUNT() is a Call without Args.
type Selection struct {
	Expr  Expr
	Alias string
}

// Children is a sub-select over a child relationship.
type Children struct{ Query *Query }

// FieldSet is FIELDS(ALL), FIELDS(CUSTOM) or FIELDS(STANDARD).
type FieldSet struct {
	Set string // ALL, CUSTOM or STANDARD
	Pos Pos
}

// TypeOf selects fields by what a polymorphic relationship points at.
type TypeOf struct {
	Relationship Field
	When         []TypeOfBranch
	Else         []Field
}

// TypeOfBranch is one WHEN … THEN ….
type TypeOfBranch struct {
	Object string
	Fields []Field
}

func (Selection) isSelectItem() {}
func (Children) isSelectItem()  {}
func (FieldSet) isSelectItem()  {}
func (TypeOf) isSelectItem()    {}

// Expr is a Field or a Call.
type Expr interface {
	String() string
	At() Pos
	isExpr()
}

// Field is a path: parent relationships, then a field.
type Field struct {
	Path []string
	Pos  Pos
}

// Call is a function of the language over other expressions. Func is spelled
// as the platform's documentation does (COUNT_DISTINCT, toLabel).
type Call struct {
	Func string
	Args []Expr
	Pos  Pos
}

func (Field) isExpr() {}
func (Call) isExpr()  {}

// At is where the path begins.
func (f Field) At() Pos { return f.Pos }

// At is where the function's name begins.
func (c Call) At() Pos { return c.Pos }

// Aggregate reports whether the function makes one value of many records.
func (c Call) Aggregate() bool { return functions[fold(c.Func)].kind == aggregateFunc }

// Condition is And, Or, Not, Comparison or Membership.
type Condition interface {
	String() string
	isCondition()
}

// And holds when all of its two or more Terms do.
type And struct{ Terms []Condition }

// Or holds when one of its two or more Terms does.
type Or struct{ Terms []Condition }

// Not holds when Term does not.
type Not struct{ Term Condition }

// Comparison compares an expression with one literal: = != < <= > >= LIKE.
type Comparison struct {
	Left  Expr
	Op    Operator
	Right Literal
}

// Membership compares an expression with a set: IN, NOT IN, INCLUDES, EXCLUDES.
// Query, of a semi-join or anti-join, takes the place of Values.
type Membership struct {
	Left   Expr
	Op     Operator
	Values []Literal
	Query  *Query
}

func (And) isCondition()        {}
func (Or) isCondition()         {}
func (Not) isCondition()        {}
func (Comparison) isCondition() {}
func (Membership) isCondition() {}

// Operator is a comparison as SOQL writes it.
type Operator string

// The operators.
const (
	Equal          Operator = "="
	NotEqual       Operator = "!="
	Less           Operator = "<"
	LessOrEqual    Operator = "<="
	Greater        Operator = ">"
	GreaterOrEqual Operator = ">="
	Like           Operator = "LIKE"
	In             Operator = "IN"
	NotIn          Operator = "NOT IN"
	Includes       Operator = "INCLUDES"
	Excludes       Operator = "EXCLUDES"
)

// Literal is a constant. Text is a string's content (escapes resolved, but for a
// LIKE pattern's own: \% \_ and \\, as [EscapeLike] writes them), the digits of a
// number, a boolean in lower case, a date, datetime or time as written, a
// currency such as USD5000, or a date literal's name in capitals (LAST_N_DAYS),
// whose number is N.
type Literal struct {
	Kind LiteralKind
	Text string
	N    int
	Pos  Pos
}

// LiteralKind is a constant's type.
type LiteralKind string

// The kinds of literal.
const (
	NullLiteral     LiteralKind = "null"
	StringLiteral   LiteralKind = "string"
	NumberLiteral   LiteralKind = "number"
	BoolLiteral     LiteralKind = "boolean"
	DateLiteral     LiteralKind = "date"
	DateTimeLiteral LiteralKind = "datetime"
	TimeLiteral     LiteralKind = "time"
	RangeLiteral    LiteralKind = "date literal" // TODAY, LAST_N_DAYS:n: a span of time
	CurrencyLiteral LiteralKind = "currency"
)
