package soql

import (
	"strings"
	"time"
)

// dateRange is a date literal such as LAST_N_MONTHS: the units [from, to)
// counted from the current one; n stands for the number that follows it.
type dateRange struct {
	unit     string
	counted  bool // followed by :n
	from, to func(n int) int
}

// dateRanges are the date literals by name.
var dateRanges = func() map[string]dateRange {
	at := func(k int) func(int) int { return func(int) int { return k } }
	all := map[string]dateRange{
		"YESTERDAY":    {unit: "DAY", from: at(-1), to: at(0)},
		"TODAY":        {unit: "DAY", from: at(0), to: at(1)},
		"TOMORROW":     {unit: "DAY", from: at(1), to: at(2)},
		"LAST_90_DAYS": {unit: "DAY", from: at(-90), to: at(1)},
		"NEXT_90_DAYS": {unit: "DAY", from: at(1), to: at(91)},
	}
	for _, unit := range []string{"DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR"} {
		if unit != "DAY" {
			all["LAST_"+unit] = dateRange{unit: unit, from: at(-1), to: at(0)}
			all["THIS_"+unit] = dateRange{unit: unit, from: at(0), to: at(1)}
			all["NEXT_"+unit] = dateRange{unit: unit, from: at(1), to: at(2)}
		}
		lastEnds := at(0)
		if unit == "DAY" {
			lastEnds = at(1) // LAST_N_DAYS alone includes the current unit
		}
		all["LAST_N_"+unit+"S"] = dateRange{unit, true, func(n int) int { return -n }, lastEnds}
		all["NEXT_N_"+unit+"S"] = dateRange{unit, true, at(1), func(n int) int { return n + 1 }}
		all["N_"+unit+"S_AGO"] = dateRange{unit, true, func(n int) int { return -n }, func(n int) int { return 1 - n }}
	}
	return all
}()

// span is the days [from, to) that a date literal names for the running user,
// as midnights in the user's zone.
func (e *Env) span(l Literal) (from, to time.Time) {
	r := dateRanges[l.Text]
	start := e.unitStart(r.unit)
	return e.shift(start, r.unit, r.from(l.N)), e.shift(start, r.unit, r.to(l.N))
}

// unitStart is the midnight that begins the current day, week, … or fiscal year.
func (e *Env) unitStart(unit string) time.Time {
	now := e.Now.In(e.location())
	year, month, day := now.Date()
	switch unit {
	case "WEEK":
		day -= (int(now.Weekday()) - int(e.FirstWeekday) + 7) % 7
	case "MONTH":
		day = 1
	case "QUARTER":
		month, day = month-(month-1)%3, 1
	case "YEAR":
		month, day = time.January, 1
	case "FISCAL_QUARTER":
		month, day = month-(month-e.fiscalStart()+12)%3, 1
	case "FISCAL_YEAR":
		month, day = month-(month-e.fiscalStart()+12)%12, 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, e.location())
}

func (e *Env) shift(t time.Time, unit string, n int) time.Time {
	switch strings.TrimPrefix(unit, "FISCAL_") {
	case "DAY":
		return t.AddDate(0, 0, n)
	case "WEEK":
		return t.AddDate(0, 0, 7*n)
	case "MONTH":
		return t.AddDate(0, n, 0)
	case "QUARTER":
		return t.AddDate(0, 3*n, 0)
	}
	return t.AddDate(n, 0, 0)
}

// dateFunctions compute the date functions on a day or a moment.
var dateFunctions = map[string]func(e *Env, t time.Time) int{
	"CALENDAR_MONTH":   func(_ *Env, t time.Time) int { return int(t.Month()) },
	"CALENDAR_QUARTER": func(_ *Env, t time.Time) int { return (int(t.Month())-1)/3 + 1 },
	"CALENDAR_YEAR":    func(_ *Env, t time.Time) int { return t.Year() },
	"DAY_IN_MONTH":     func(_ *Env, t time.Time) int { return t.Day() },
	"DAY_IN_WEEK":      func(_ *Env, t time.Time) int { return int(t.Weekday()) + 1 },
	"DAY_IN_YEAR":      func(_ *Env, t time.Time) int { return t.YearDay() },
	"HOUR_IN_DAY":      func(_ *Env, t time.Time) int { return t.Hour() },
	"WEEK_IN_MONTH":    func(_ *Env, t time.Time) int { return (t.Day()-1)/7 + 1 },
	"WEEK_IN_YEAR":     func(_ *Env, t time.Time) int { return (t.YearDay()-1)/7 + 1 },
	"FISCAL_MONTH":     func(e *Env, t time.Time) int { return e.fiscalMonth(t) + 1 },
	"FISCAL_QUARTER":   func(e *Env, t time.Time) int { return e.fiscalMonth(t)/3 + 1 },
	"FISCAL_YEAR":      func(e *Env, t time.Time) int { return e.fiscalYear(t) },
}

// fiscalMonth counts from 0.
func (e *Env) fiscalMonth(t time.Time) int { return int(t.Month()-e.fiscalStart()+12) % 12 }

// fiscalYear is named after the calendar year in which it ends.
func (e *Env) fiscalYear(t time.Time) int {
	if start := e.fiscalStart(); start > time.January && t.Month() >= start {
		return t.Year() + 1
	}
	return t.Year()
}
