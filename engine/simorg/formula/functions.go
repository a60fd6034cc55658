package formula

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// function is one of the language's functions; max < 0 takes any number.
type function struct {
	min, max int
	run      func(Env, []node) (Value, error)
}

// functions is filled by init, since IF and its like evaluate lazily.
var functions map[string]function

func init() {
	functions = map[string]function{
		"AND": {1, -1, every(true)}, "OR": {1, -1, every(false)},
		"IF": {2, 3, runIf}, "CASE": {3, -1, runCase},
		"ISCHANGED": {1, 1, isChanged}, "PRIORVALUE": {1, 1, priorValue},
		"ISNEW":   {0, 0, func(e Env, _ []node) (Value, error) { return boolean(e.IsNew()), nil }},
		"TODAY":   {0, 0, func(e Env, _ []node) (Value, error) { return DateValue(day(e.Now())), nil }},
		"NOW":     {0, 0, func(e Env, _ []node) (Value, error) { return DateTimeValue(e.Now()), nil }},
		"NOT":     strict(1, 1, func(a []Value) (Value, error) { return boolean(!a[0].Bool), nil }),
		"ISBLANK": strict(1, 1, func(a []Value) (Value, error) { return boolean(a[0].blank()), nil }),
		"ISNULL":  strict(1, 1, func(a []Value) (Value, error) { return boolean(a[0].blank()), nil }),
		"BLANKVALUE": strict(2, 2, func(a []Value) (Value, error) {
			if a[0].blank() {
				return a[1], nil
			}
			return a[0], nil
		}),
		"ISPICKVAL": strict(2, 2, func(a []Value) (Value, error) { return boolean(a[0].Text == a[1].Text), nil }),
		"INCLUDES":  strict(2, 2, includes),
		"LEN":       strict(1, 1, func(a []Value) (Value, error) { return number(float64(len([]rune(a[0].Text)))), nil }),
		"TEXT":      strict(1, 1, func(a []Value) (Value, error) { return text(a[0].spell()), nil }),
		"VALUE":     strict(1, 1, toNumber),
		"REGEX":     strict(2, 2, matches),
		"CONTAINS":  strict(2, 2, func(a []Value) (Value, error) { return boolean(strings.Contains(a[0].Text, a[1].Text)), nil }),
		"BEGINS":    strict(2, 2, func(a []Value) (Value, error) { return boolean(strings.HasPrefix(a[0].Text, a[1].Text)), nil }),
		"UPPER":     strict(1, 2, func(a []Value) (Value, error) { return text(strings.ToUpper(a[0].Text)), nil }),
		"LOWER":     strict(1, 2, func(a []Value) (Value, error) { return text(strings.ToLower(a[0].Text)), nil }),
		"TRIM":      strict(1, 1, func(a []Value) (Value, error) { return text(strings.TrimSpace(a[0].Text)), nil }),
		"LEFT":      strict(2, 2, func(a []Value) (Value, error) { return text(slice(a[0].Text, 0, int(a[1].Number))), nil }),
		"RIGHT": strict(2, 2, func(a []Value) (Value, error) {
			n := len([]rune(a[0].Text))
			return text(slice(a[0].Text, n-int(a[1].Number), n)), nil
		}),
		"MID": strict(3, 3, func(a []Value) (Value, error) {
			from := int(a[1].Number) - 1
			return text(slice(a[0].Text, from, from+int(a[2].Number))), nil
		}),
		"SUBSTITUTE": strict(3, 3, func(a []Value) (Value, error) { return text(strings.ReplaceAll(a[0].Text, a[1].Text, a[2].Text)), nil }),
		"ABS":        numeric(math.Abs), "CEILING": numeric(math.Ceil), "FLOOR": numeric(math.Floor), "SQRT": numeric(math.Sqrt),
		"ROUND": strict(2, 2, func(a []Value) (Value, error) {
			p := math.Pow10(int(a[1].Number))
			return number(math.Round(a[0].Number*p) / p), nil
		}),
		"MOD":       strict(2, 2, func(a []Value) (Value, error) { return number(math.Mod(a[0].Number, a[1].Number)), nil }),
		"MAX":       strict(1, -1, extreme(1)),
		"MIN":       strict(1, -1, extreme(-1)),
		"DATE":      strict(3, 3, makeDate),
		"DATEVALUE": strict(1, 1, dateValue),
		"YEAR":      strict(1, 1, func(a []Value) (Value, error) { return number(float64(a[0].Time.Year())), nil }),
		"MONTH":     strict(1, 1, func(a []Value) (Value, error) { return number(float64(a[0].Time.Month())), nil }),
		"DAY":       strict(1, 1, func(a []Value) (Value, error) { return number(float64(a[0].Time.Day())), nil }),
		"HYPERLINK": strict(2, 3, func(a []Value) (Value, error) {
			return text(`<a href="` + a[0].Text + `">` + a[1].Text + "</a>"), nil
		}),
	}
}

// strict evaluates every argument first.
func strict(lowest, highest int, run func([]Value) (Value, error)) function {
	return function{lowest, highest, func(env Env, args []node) (Value, error) {
		values := make([]Value, len(args))
		for i, a := range args {
			v, err := a.eval(env)
			if err != nil {
				return Value{}, err
			}
			values[i] = v
		}
		return run(values)
	}}
}

func numeric(f func(float64) float64) function {
	return strict(1, 1, func(a []Value) (Value, error) {
		if a[0].Kind == Null {
			return Value{}, nil
		}
		return number(f(a[0].Number)), nil
	})
}

// every is AND (want true) or OR (want false): it stops at the first argument
// that decides.
func every(want bool) func(Env, []node) (Value, error) {
	return func(env Env, args []node) (Value, error) {
		for _, a := range args {
			v, err := a.eval(env)
			if err != nil || v.Bool != want {
				return boolean(!want), err
			}
		}
		return boolean(want), nil
	}
}

func runIf(env Env, args []node) (Value, error) {
	condition, err := args[0].eval(env)
	switch {
	case err != nil:
		return Value{}, err
	case condition.Bool:
		return args[1].eval(env)
	case len(args) < 3:
		return Value{}, nil
	}
	return args[2].eval(env)
}

func runCase(env Env, args []node) (Value, error) {
	subject, err := args[0].eval(env)
	if err != nil {
		return Value{}, err
	}
	rest := args[1:]
	for ; len(rest) > 1; rest = rest[2:] {
		v, err := rest[0].eval(env)
		if err != nil {
			return Value{}, err
		}
		if equal(subject, v) {
			return rest[1].eval(env)
		}
	}
	if len(rest) == 0 {
		return Value{}, nil
	}
	return rest[0].eval(env)
}

func path(args []node) (string, error) {
	f, ok := args[0].(fieldNode)
	if !ok {
		return "", fmt.Errorf("ISCHANGED and PRIORVALUE need a field")
	}
	return string(f), nil
}

func isChanged(env Env, args []node) (Value, error) {
	p, err := path(args)
	if err != nil || env.IsNew() {
		return boolean(false), err
	}
	now, err := env.Field(p)
	if err != nil {
		return Value{}, err
	}
	before, err := env.Prior(p)
	return boolean(!equal(now, before)), err
}

func priorValue(env Env, args []node) (Value, error) {
	p, err := path(args)
	if err != nil {
		return Value{}, err
	}
	return env.Prior(p)
}

func includes(a []Value) (Value, error) {
	for v := range strings.SplitSeq(a[0].Text, ";") {
		if v == a[1].Text {
			return boolean(true), nil
		}
	}
	return boolean(false), nil
}

func toNumber(a []Value) (Value, error) {
	if a[0].blank() {
		return Value{}, nil
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(a[0].Text), 64)
	if err != nil {
		return Value{}, fmt.Errorf("VALUE: %q is not a number", a[0].Text)
	}
	return number(n), nil
}

func matches(a []Value) (Value, error) {
	re, err := regexp.Compile("^(?:" + a[1].Text + ")$")
	if err != nil {
		return Value{}, fmt.Errorf("REGEX: %w", err)
	}
	return boolean(re.MatchString(a[0].Text)), nil
}

func slice(s string, from, to int) string {
	runes := []rune(s)
	from, to = max(from, 0), min(to, len(runes))
	if from >= to {
		return ""
	}
	return string(runes[from:to])
}

func extreme(direction float64) func([]Value) (Value, error) {
	return func(a []Value) (Value, error) {
		best := a[0]
		for _, v := range a[1:] {
			if best.Kind == Null || v.Kind != Null && sign(v.Number-best.Number) == direction {
				best = v
			}
		}
		return best, nil
	}
}

func day(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

func makeDate(a []Value) (Value, error) {
	return DateValue(time.Date(int(a[0].Number), time.Month(int(a[1].Number)), int(a[2].Number), 0, 0, 0, 0, time.UTC)), nil
}

func dateValue(a []Value) (Value, error) {
	switch {
	case a[0].blank():
		return Value{}, nil
	case a[0].isTime():
		return DateValue(day(a[0].Time)), nil
	}
	t, err := time.Parse("2006-01-02", a[0].Text)
	if err != nil {
		return Value{}, fmt.Errorf("DATEVALUE: %q is not a date", a[0].Text)
	}
	return DateValue(t), nil
}

// spell is what TEXT makes of a value.
func (v Value) spell() string {
	switch v.Kind {
	case Number:
		return strconv.FormatFloat(v.Number, 'f', -1, 64)
	case Bool:
		return strconv.FormatBool(v.Bool)
	case Date:
		return v.Time.Format("2006-01-02")
	case DateTime:
		return v.Time.UTC().Format("2006-01-02 15:04:05Z")
	}
	return v.Text
}

func arithmetic(op string, l, r Value) (Value, error) {
	switch {
	case op == "&" || op == "+" && (l.Kind == Text || r.Kind == Text):
		return text(l.spell() + r.spell()), nil
	case l.isTime() || r.isTime():
		return shift(op, l, r)
	case l.Kind == Null || r.Kind == Null:
		return Value{}, nil
	case l.Kind != Number || r.Kind != Number:
		return Value{}, fmt.Errorf("%s needs numbers", op)
	}
	switch op {
	case "+":
		return number(l.Number + r.Number), nil
	case "-":
		return number(l.Number - r.Number), nil
	case "*":
		return number(l.Number * r.Number), nil
	case "/":
		if r.Number == 0 {
			return Value{}, fmt.Errorf("division by zero")
		}
		return number(l.Number / r.Number), nil
	case "^":
		return number(math.Pow(l.Number, r.Number)), nil
	}
	return Value{}, fmt.Errorf("unknown operator %s", op)
}

// shift adds days to a day or a moment, or counts the days between two.
func shift(op string, l, r Value) (Value, error) {
	switch {
	case l.Kind == Null || r.Kind == Null:
		return Value{}, nil
	case l.isTime() && r.isTime() && op == "-":
		return number(l.Time.Sub(r.Time).Hours() / 24), nil
	case l.isTime() && r.Kind == Number && (op == "+" || op == "-"):
		days := r.Number
		if op == "-" {
			days = -days
		}
		l.Time = l.Time.Add(time.Duration(days * 24 * float64(time.Hour)))
		return l, nil
	case op == "+" && l.Kind == Number:
		return shift(op, r, l)
	}
	return Value{}, fmt.Errorf("%s cannot work on dates here", op)
}
