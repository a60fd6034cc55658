package formula_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/formula"
)

// record is a record whose fields are values, and what they were before.
type record struct {
	now, before map[string]formula.Value
	isNew       bool
}

func (r record) Field(path string) (formula.Value, error) { return find(r.now, path) }
func (r record) Prior(path string) (formula.Value, error) { return find(r.before, path) }
func (r record) IsNew() bool                              { return r.isNew }
func (r record) Now() time.Time                           { return time.Date(2026, 3, 1, 10, 30, 0, 0, time.UTC) }

func find(values map[string]formula.Value, path string) (formula.Value, error) {
	v, found := values[path]
	if !found {
		return v, fmt.Errorf("field %s does not exist", path)
	}
	return v, nil
}

var sample = record{
	now: map[string]formula.Value{
		"Amount": formula.NumberValue(12.5), "Stage": formula.TextValue("Won"), "Blank": {}, "Phone": formula.TextValue("040 123"),
		"Open": formula.BoolValue(true), "Close": formula.DateValue(time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)), "Account.Name": formula.TextValue("Acme"), "Tags": formula.TextValue("a;b"),
	},
	before: map[string]formula.Value{"Amount": formula.NumberValue(10), "Stage": formula.TextValue("Won")},
}

func TestFormulas(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`1 + 2 * 3`:                                "7",
		`(1 + 2) * 3 ^ 2`:                          "27",
		`-2 + 10 / 4`:                              "0.5",
		`Amount > 10 && Open`:                      "true",
		`OR(Amount < 1, NOT(Open))`:                "false",
		`AND(ISBLANK(Blank), Phone <> "")`:         "true",
		`IF(ISPICKVAL(Stage, "Won"), "y", "n")`:    "y",
		`CASE(Stage, "Lost", 1, "Won", 2, 3)`:      "2",
		`ISCHANGED(Amount)`:                        "true",
		`ISCHANGED(Stage)`:                         "false",
		`PRIORVALUE(Amount)`:                       "10",
		`ISNEW()`:                                  "false",
		`LEN(Phone)`:                               "7",
		`TEXT(Amount) & " €"`:                      "12.5 €",
		`VALUE("3.5") + 1`:                         "4.5",
		`TODAY()`:                                  "2026-03-01",
		`Close - TODAY()`:                          "3",
		`Close + 1`:                                "2026-03-05",
		`REGEX(Phone, "[0-9 ]+")`:                  "true",
		`REGEX(Phone, "[0-9]+")`:                   "false",
		`Account.Name = 'Acme'`:                    "true",
		`Blank + 1`:                                "",
		`Blank = NULL`:                             "true",
		`INCLUDES(Tags, "b")`:                      "true",
		`ROUND(10 / 3, 2)`:                         "3.33",
		`MAX(1, Amount, 3)`:                        "12.5",
		`YEAR(Close) /* a comment */ + 0`:          "2026",
		`UPPER(LEFT(Stage, 1)) & MID(Stage, 2, 9)`: "Won",
		`FALSE || 2 >= 2`:                          "true",
		`"a" & "\"" & 'b'`:                         `a"b`,
	} {
		f, err := formula.Parse(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		v, err := f.Eval(sample)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		spelt, _ := formula.Parse("TEXT(X)")
		text, err := spelt.Eval(record{now: map[string]formula.Value{"X": v}})
		if err != nil || text.Text != want {
			t.Errorf("%s = %q, want %q (%v)", source, text.Text, want, err)
		}
	}
}

func TestFormulasThatFail(t *testing.T) {
	t.Parallel()
	for _, source := range []string{``, `1 +`, `(1`, `NOSUCH(1)`, `IF(1)`, `"open`, `1 2`, `AND()`, `a..b(`, `)`, strings.Repeat("(", 500)} {
		if _, err := formula.Parse(source); err == nil {
			t.Errorf("%q was read", source)
		}
	}
	for _, source := range []string{`Nonesuch = 1`, `1 / 0`, `VALUE("x")`, `REGEX("a", "(")`, `"a" * 2`, `"a" < 1`, `ISCHANGED(1)`} {
		f, err := formula.Parse(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if v, err := f.Eval(sample); err == nil {
			t.Errorf("%s = %+v", source, v)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`AND(ISBLANK(A), B > 1.5)`, `"x" & 'y'`, `IF(a<>b,1,-2^3)`, `/*`, `A.B.C`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		parsed, err := formula.Parse(source)
		if err != nil {
			return
		}
		if parsed.String() != source {
			t.Errorf("String = %q", parsed.String())
		}
		_, _ = parsed.Eval(sample)
		again, err := formula.Parse(parsed.String())
		if err != nil || fmt.Sprint(again.Fields()) != fmt.Sprint(parsed.Fields()) {
			t.Errorf("%q does not read the same twice: %v", source, err)
		}
	})
}
