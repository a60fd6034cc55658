package simorg

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // users' time zones must be known wherever the binary runs

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// displayed takes toLabel, FORMAT and convertCurrency off an expression, and
// tells which of the first two there was.
func displayed(e soql.Expr) (inner soql.Expr, show string) {
	for {
		call, is := e.(soql.Call)
		if !is || len(call.Args) != 1 || !slices.Contains([]string{"toLabel", "FORMAT", "convertCurrency"}, call.Func) {
			return e, show
		}
		if call.Func != "convertCurrency" {
			show = call.Func
		}
		e = call.Args[0]
	}
}

// zone is the time zone of a user, by their record; a lock must be held.
func (o *Org) zone(p *person) *time.Location {
	users := o.schema().Get("User")
	if p == nil || users == nil {
		return time.UTC
	}
	r, key := o.tables["User"].Get(p.id), users.Field("TimeZoneSidKey")
	if r == nil || key == nil {
		return time.UTC
	}
	zone, err := time.LoadLocation(r.Get(key.Col))
	if err != nil {
		return time.UTC
	}
	return zone
}

// locale formats values for one reader, as the locale en_US has it: the
// platform's documents show no other.
type locale struct{ zone *time.Location }

// show is a stored value as toLabel or FORMAT shows it.
func (l locale) show(how string, f *schema.Field, text, currency string) string {
	if how == "toLabel" {
		values := strings.Split(text, ";")
		if f.Type != "multipicklist" {
			values = []string{text}
		}
		for i, v := range values {
			values[i] = labelOf(f, v)
		}
		return strings.Join(values, ";")
	}
	switch f.Type {
	case "int", "double", "percent", "currency":
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return text
		}
		return numberText(f, n, currency)
	case "date", "datetime", "time":
		return l.moment(f.Type, text)
	}
	return text
}

// numberText is a number with its field's decimals, in groups of three digits.
func numberText(f *schema.Field, n float64, currency string) string {
	digits := strconv.FormatFloat(math.Abs(n), 'f', f.Scale, 64)
	whole, decimals, _ := strings.Cut(digits, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if decimals != "" {
		whole += "." + decimals
	}
	switch f.Type {
	case "currency":
		whole = currency + whole
	case "percent":
		whole += "%"
	}
	if n < 0 {
		return "-" + whole
	}
	return whole
}

func (l locale) moment(kind, text string) string {
	in, out := map[string]string{"date": "2006-01-02", "datetime": stampLayout, "time": "15:04:05.000Z"}[kind],
		map[string]string{"date": "1/2/2006", "datetime": "1/2/2006, 3:04 PM", "time": "3:04 PM"}[kind]
	at, err := time.Parse(in, text)
	if err != nil {
		return text
	}
	if kind == "datetime" {
		at = at.In(l.zone)
	}
	return at.Format(out)
}

// currencySign stands before an amount: the sign of a single-currency org, the
// record's code where there are several.
func currencySign(code string) string {
	if code == "" {
		return "$"
	}
	return code + " "
}

func currencyOf(obj *schema.Object, r *store.Record) string {
	if code := obj.Field("CurrencyIsoCode"); code != nil {
		return currencySign(r.Get(code.Col))
	}
	return currencySign("")
}

// formatAggregate is FORMAT round an aggregate or a key: formatted as the field
// it is of; a count has none and is a whole number.
func (s *selection) formatAggregate(e soql.Expr, v soql.Value) string {
	f := &schema.Field{Type: "int"}
	of := e
	if call, is := e.(soql.Call); is && len(call.Args) == 1 && call.Aggregate() && !strings.HasPrefix(call.Func, "COUNT") {
		of, _ = displayed(call.Args[0])
	}
	if path, is := of.(soql.Field); is {
		if known := s.column(path.Path).field; known != nil {
			f = known
		}
	}
	text := strings.Trim(string(s.printAggregate(nil, e, v)), `"`)
	if v.Type == soql.DateTime {
		text = v.Time().Format(stampLayout)
	}
	code := ""
	if known := s.engine.org.cfg.Currencies; len(known) > 0 {
		code = known[0] // aggregates are in the org's currency
	}
	return locale{s.env.Location}.show("FORMAT", f, text, currencySign(code))
}
