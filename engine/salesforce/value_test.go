package salesforce

import (
	"encoding/json"
	"math/big"
	"testing"
	"time"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ fieldType, value, want string }{
		{"currency", "300.0", "300"},
		{"currency", "300", "300"},
		{"double", "3E2", "300"},
		{"double", "3.0e+02", "300"},
		{"double", "-0.0", "0"},
		{"double", "0", "0"},
		{"double", "007", "7"},
		{"double", ".5", "0.5"},
		{"double", "5.", "5"},
		{"double", "1.50", "1.5"},
		{"double", "-12.3400", "-12.34"},
		{"double", "1E-7", "0.0000001"},
		{"double", "1.25E-3", "0.00125"},
		{"double", "12345678901234567890.12345", "12345678901234567890.12345"},
		{"double", "1.7976931348623157E18", "1797693134862315700"},
		{"percent", "0.10", "0.1"},
		{"int", "42", "42"},
		{"long", "9223372036854775807", "9223372036854775807"},
		{"double", "1E9999", "1E9999"},
		{"double", "twelve", "twelve"},
		{"double", "-", "-"},
		{"boolean", "TRUE", "true"},
		{"boolean", "false", "false"},
		{"datetime", "2026-01-31T10:15:30.000+0000", "2026-01-31T10:15:30.000Z"},
		{"datetime", "2026-01-31T10:15:30.123Z", "2026-01-31T10:15:30.123Z"},
		{"datetime", "2026-01-31T10:15:30Z", "2026-01-31T10:15:30.000Z"},
		{"datetime", "2026-01-31T12:15:30.000+02:00", "2026-01-31T10:15:30.000Z"},
		{"datetime", "2026-01-31T12:15:30+0200", "2026-01-31T10:15:30.000Z"},
		{"datetime", "yesterday", "yesterday"},
		{"date", "2026-01-31", "2026-01-31"},
		{"time", "13:45:00.000Z", "13:45:00.000Z"},
		{"time", "13:45:00Z", "13:45:00.000Z"},
		{"time", "13:45:00", "13:45:00.000Z"},
		{"id", "001D000000IqhSL", "001D000000IqhSLIAZ"},
		{"reference", "001D000000IqhSLIAZ", "001D000000IqhSLIAZ"},
		{"reference", "CustomerContact", "CustomerContact"},
		{"anyType", "2026-01-31T10:15:30.000+0000", "2026-01-31T10:15:30.000Z"},
		{"anyType", "300.0", "300.0"},
		{"multipicklist", "a;b", "a;b"},
		{"string", " 300.0 ", " 300.0 "},
		{"string", "2026-01-31T10:15:30.000+0000", "2026-01-31T10:15:30.000+0000"},
		{"textarea", "a\r\n\"b\"\t", "a\r\n\"b\"\t"},
		{"double", "", ""},
		{"datetime", "", ""},
	} {
		t.Run(test.fieldType+" "+test.value, func(t *testing.T) {
			t.Parallel()
			if got := string(Canonical(test.fieldType, []byte(test.value))); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzCanonicalNumber checks the spelling against exact rational arithmetic.
func FuzzCanonicalNumber(f *testing.F) {
	for _, seed := range []string{"300.0", "-3E2", "1e-400", "0.000", "00012.500", "+7", "1.7976931348623157E308", "1e401"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			t.Skip()
		}
		got := string(Canonical("double", []byte(text)))
		if again := string(Canonical("double", []byte(got))); again != got {
			t.Fatalf("%q becomes %q and then %q", text, got, again)
		}
		if !json.Valid([]byte(text)) || len(text) > 500 || got == text {
			return
		}
		want, ok1 := new(big.Rat).SetString(text)
		value, ok2 := new(big.Rat).SetString(got)
		if ok1 != ok2 || ok1 && want.Cmp(value) != 0 {
			t.Fatalf("%q became %q, another value", text, got)
		}
	})
}

// FuzzCanonicalDatetime checks that a datetime keeps its instant.
func FuzzCanonicalDatetime(f *testing.F) {
	for _, seed := range []string{"2026-01-31T10:15:30.000+0000", "2026-01-31T23:59:59.999-11:30", "2026-02-29T00:00:00Z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := time.Parse(time.RFC3339, text)
		if err != nil || want.Nanosecond()%int(time.Millisecond) != 0 || want.UTC().Year() > 9999 || want.UTC().Year() < 0 {
			t.Skip()
		}
		got, err := time.Parse(canonicalDatetimeLayout, string(Canonical("datetime", []byte(text))))
		if err != nil || !got.Equal(want) {
			t.Fatalf("%q became %q (%v)", text, got, err)
		}
	})
}
