package soql

// Ordering sorts records by ORDER BY's keys.
type Ordering struct{ keys []orderKey }

type orderKey struct {
	operand operand
	order   Order
}

// CompileOrder prepares ORDER BY. The keys of a grouped query are answered by
// its groups, as in CompileHaving.
func CompileOrder(q *Query, env *Env) (*Ordering, error) {
	c := &compiler{env: env, keys: map[string]bool{}}
	for _, g := range q.GroupBy {
		c.keys[fold(g.String())] = true
	}
	ordering := &Ordering{}
	for _, o := range q.OrderBy {
		operand, err := c.operand(o.By)
		if err != nil {
			return nil, err
		}
		ordering.keys = append(ordering.keys, orderKey{operand, o})
	}
	return ordering, nil
}

// Compare is negative if a comes before b. Picklists, which the platform sorts
// as they are set up, sort so if the record answers with their rank.
func (o *Ordering) Compare(a, b Record) int {
	for _, key := range o.keys {
		if c := key.order.Compare(key.operand.value(a), key.operand.value(b)); c != 0 {
			return c
		}
	}
	return 0
}

// Compare orders two values of one key: nulls come first, also when descending,
// unless the key says NULLS LAST.
func (o Order) Compare(a, b Value) int {
	c := Compare(a, b)
	switch {
	case a.Type == Null || b.Type == Null:
		if o.NullsLast {
			return -c
		}
		return c
	case o.Descending:
		return -c
	}
	return c
}
