package soql

import "fmt"

// Program is a condition ready to be evaluated on many records, by several
// goroutines at a time. Date literals keep the meaning of its Env's now.
type Program struct {
	node node
	refs []*Ref
}

// node is one compiled condition.
type node interface {
	match(Record) (bool, error)
}

// Compile prepares a condition; a nil one holds for every record. It asks
// env.SemiJoin for sub-selects and env.Bind for the paths.
func Compile(c Condition, env *Env) (*Program, error) {
	return compileWith(&compiler{env: env}, c)
}

// CompileHaving prepares a query's HAVING for records that are groups: they
// answer for aggregates and for the expressions of GROUP BY.
func CompileHaving(q *Query, env *Env) (*Program, error) {
	keys := map[string]bool{}
	for _, g := range q.GroupBy {
		keys[fold(g.String())] = true
	}
	return compileWith(&compiler{env: env, keys: keys}, q.Having)
}

// Match evaluates a condition once. To evaluate it often, Compile it.
func Match(c Condition, r Record, env *Env) (bool, error) {
	p, err := Compile(c, env)
	if err != nil {
		return false, err
	}
	return p.Match(r)
}

// Match evaluates the condition on one record. The error is a *SyntaxError: a
// literal or an operator does not suit the type of the record's value.
func (p *Program) Match(r Record) (bool, error) { return p.node.match(r) }

// Refs are the distinct values the program asks for.
func (p *Program) Refs() []*Ref { return p.refs }

// Getter computes one expression of a record.
type Getter struct{ operand operand }

// CompileExpr prepares an expression, such as a key of GROUP BY.
func CompileExpr(e Expr, env *Env) (*Getter, error) {
	o, err := (&compiler{env: env}).operand(e)
	return &Getter{o}, err
}

// Value computes the expression.
func (g *Getter) Value(r Record) Value { return g.operand.value(r) }

type compiler struct {
	env  *Env
	refs []*Ref
	keys map[string]bool // of groups; nil where records are records
}

func compileWith(c *compiler, condition Condition) (*Program, error) {
	if condition == nil {
		return &Program{node: andNode(nil)}, nil
	}
	n, err := c.node(condition)
	if err != nil {
		return nil, err
	}
	return &Program{node: n, refs: c.refs}, nil
}

func (c *compiler) node(condition Condition) (node, error) {
	switch condition := condition.(type) {
	case And:
		nodes, err := c.nodes(condition.Terms)
		return andNode(nodes), err
	case Or:
		nodes, err := c.nodes(condition.Terms)
		return orNode(nodes), err
	case Not:
		n, err := c.node(condition.Term)
		return notNode{n}, err
	case Comparison:
		return c.comparison(condition)
	case Membership:
		return c.membership(condition)
	}
	return nil, fmt.Errorf("soql: unknown condition %T", condition)
}

func (c *compiler) nodes(terms []Condition) ([]node, error) {
	nodes := make([]node, len(terms))
	for i, term := range terms {
		n, err := c.node(term)
		if err != nil {
			return nil, err
		}
		nodes[i] = n
	}
	return nodes, nil
}

type (
	andNode []node
	orNode  []node
	notNode struct{ node node }
)

func (n andNode) match(r Record) (bool, error) {
	for _, term := range n {
		if ok, err := term.match(r); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (n orNode) match(r Record) (bool, error) {
	for _, term := range n {
		if ok, err := term.match(r); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (n notNode) match(r Record) (bool, error) {
	ok, err := n.node.match(r)
	return !ok && err == nil, err
}

// operand computes one side of a comparison.
type operand interface {
	value(Record) Value
}

func (r *Ref) value(record Record) Value { return record.Value(r) }

// computed is a function of the language over another operand.
type computed struct {
	inner   operand
	compute func(Value) Value
}

func (c computed) value(r Record) Value { return c.compute(c.inner.value(r)) }

func (c *compiler) operand(e Expr) (operand, error) {
	call, ok := e.(Call)
	if !ok || c.keys[fold(e.String())] || hasAggregate(e) {
		return c.ref(e)
	}
	if len(call.Args) != 1 {
		return nil, fmt.Errorf("soql: %s takes one argument", call.Func)
	}
	inner, err := c.operand(call.Args[0])
	if err != nil {
		return nil, err
	}
	return computed{inner, c.env.function(call)}, nil
}

// ref returns the program's one Ref of an expression.
func (c *compiler) ref(e Expr) (*Ref, error) {
	name := fold(e.String())
	for _, r := range c.refs {
		if fold(r.Expr.String()) == name {
			return r, nil
		}
	}
	ref := &Ref{Expr: e, Slot: len(c.refs)}
	if f, ok := e.(Field); ok {
		ref.Path = f.Path
	}
	if c.env.Bind != nil {
		slot, err := c.env.Bind(e)
		if err != nil {
			return nil, err
		}
		ref.Slot = slot
	}
	c.refs = append(c.refs, ref)
	return ref, nil
}

// function is the computation of a call that is not an aggregate.
func (e *Env) function(call Call) func(Value) Value {
	if compute, ok := dateFunctions[call.Func]; ok {
		return onTime(func(v Value) Value { return NumberValue(float64(compute(e, v.Time()))) })
	}
	switch {
	case call.Func == "DAY_ONLY":
		return onTime(func(v Value) Value { return DateValue(v.Time()) })
	case call.Func == "convertTimezone":
		return onTime(e.local)
	case e.Display != nil:
		return func(v Value) Value { return e.Display(call, v) }
	}
	return func(v Value) Value { return v }
}

func onTime(compute func(Value) Value) func(Value) Value {
	return func(v Value) Value {
		if v.Type != Date && v.Type != DateTime {
			return Value{}
		}
		return compute(v)
	}
}

// local shifts a moment so that its UTC clock shows the running user's time.
func (e *Env) local(v Value) Value {
	if v.Type == DateTime {
		_, offset := v.Time().In(e.location()).Zone()
		v.Number += float64(offset) * 1000
	}
	return v
}
