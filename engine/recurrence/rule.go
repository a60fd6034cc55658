package recurrence

import (
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // zones must be known wherever the binary runs

	"github.com/holdfast-backup/holdfast/engine"
)

// Frequency is the unit that a rule counts.
type Frequency string

// The frequencies.
const (
	Daily   Frequency = "DAILY"
	Weekly  Frequency = "WEEKLY"
	Monthly Frequency = "MONTHLY"
)

// Occurrence picks one of a month's five or so Mondays.
type Occurrence string

// The occurrences.
const (
	First Occurrence = "FIRST"
	Last  Occurrence = "LAST"
)

// The bounds of Rule.Every.
const (
	maxDays   = 365
	maxWeeks  = 4
	maxMonths = 12
)

// The years that Rule.Start may lie in: beyond them days cannot be counted from
// it, or nothing would ever run.
const (
	firstYear = 1900
	lastYear  = 2199
)

// Rule says when a schedule runs. Weekly needs Weekdays; monthly needs either
// DayOfMonth, or Occurrence with one weekday. The other fields stay empty.
type Rule struct {
	Frequency  Frequency      `json:"frequency"`
	Every      int            `json:"every"` // that many days, weeks (1–4) or months
	Weekdays   []time.Weekday `json:"weekdays,omitempty"`
	DayOfMonth int            `json:"dayOfMonth,omitempty"` // 1–31
	Occurrence Occurrence     `json:"occurrence,omitempty"`
	At         Clock          `json:"at"`
	Zone       string         `json:"zone"`  // IANA, such as America/Los_Angeles
	Start      Date           `json:"start"` // nothing runs before this day
}

// Clock is a time of day; as text it is 04:30.
type Clock struct{ Hour, Minute int }

// Date is a day of the calendar; as text it is 2026-01-05.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is t's day in t's zone.
func DateOf(t time.Time) Date {
	year, month, day := t.Date()
	return Date{year, month, day}
}

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// MarshalText writes 2026-01-05.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 2026-01-05.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return invalid("start", "“%s” is not a date: write it like 2026-01-05.", text)
	}
	*d = DateOf(t)
	return nil
}

// midnight is the day on a calendar without zones, as UTC.
func (d Date) midnight() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", c.Hour, c.Minute) }

// MarshalText writes 04:30.
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads 04:30.
func (c *Clock) UnmarshalText(text []byte) error {
	t, err := time.Parse("15:04", string(text))
	if err != nil {
		return invalid("at", "“%s” is not a time of day: write it like 04:30 or 16:30.", text)
	}
	*c = Clock{t.Hour(), t.Minute()}
	return nil
}

// Validate returns an *engine.Error for the first thing that is wrong with the
// rule; its Field is the JSON name of the field to change.
func (r Rule) Validate() error {
	var err error
	switch r.Frequency {
	case Daily:
		err = r.validateDaily()
	case Weekly:
		err = r.validateWeekly()
	case Monthly:
		err = r.validateMonthly()
	default:
		err = invalid("frequency", "Choose whether the schedule runs daily, weekly or monthly.")
	}
	if err != nil {
		return err
	}
	return r.validateTime()
}

func (r Rule) validateDaily() error {
	switch {
	case r.Every < 1 || r.Every > maxDays:
		return invalid("every", "A daily schedule runs every 1 to %d days, not every %d.", maxDays, r.Every)
	case len(r.Weekdays) > 0 || r.DayOfMonth != 0 || r.Occurrence != "":
		return invalid("frequency", "A daily schedule has no weekdays and no day of the month: remove them, or choose weekly or monthly.")
	}
	return nil
}

func (r Rule) validateWeekly() error {
	switch {
	case r.Every < 1 || r.Every > maxWeeks:
		return invalid("every", "A weekly schedule runs every 1 to %d weeks, not every %d.", maxWeeks, r.Every)
	case len(r.Weekdays) == 0:
		return invalid("weekdays", "Choose at least one weekday for a weekly schedule.")
	case r.DayOfMonth != 0 || r.Occurrence != "":
		return invalid("frequency", "A weekly schedule has no day of the month: remove it, or choose monthly.")
	}
	return r.validateWeekdays()
}

func (r Rule) validateMonthly() error {
	switch {
	case r.Every < 1 || r.Every > maxMonths:
		return invalid("every", "A monthly schedule runs every 1 to %d months, not every %d.", maxMonths, r.Every)
	case r.Occurrence == "" && len(r.Weekdays) > 0:
		return invalid("occurrence", "Choose whether a monthly schedule runs on the first or the last of that weekday.")
	case r.Occurrence == "" && (r.DayOfMonth < 1 || r.DayOfMonth > 31):
		return invalid("dayOfMonth", "Choose a day from 1 to 31, or the first or last of a weekday, for a monthly schedule.")
	case r.Occurrence == "":
		return nil
	case r.Occurrence != First && r.Occurrence != Last:
		return invalid("occurrence", "A monthly schedule runs on the FIRST or the LAST of a weekday, not the %s.", r.Occurrence)
	case r.DayOfMonth != 0:
		return invalid("dayOfMonth", "A monthly schedule has either a day of the month or the first or last of a weekday: remove one.")
	case len(r.Weekdays) != 1:
		return invalid("weekdays", "Choose one weekday for a monthly schedule on its first or last occurrence.")
	}
	return r.validateWeekdays()
}

func (r Rule) validateWeekdays() error {
	sorted := slices.Sorted(slices.Values(r.Weekdays))
	switch {
	case sorted[0] < time.Sunday || sorted[len(sorted)-1] > time.Saturday:
		return invalid("weekdays", "Weekdays are numbered 0 (Sunday) to 6 (Saturday).")
	case len(slices.Compact(sorted)) != len(r.Weekdays):
		return invalid("weekdays", "A weekday is chosen twice: choose each once.")
	}
	return nil
}

func (r Rule) validateTime() error {
	switch {
	case r.At.Hour < 0 || r.At.Hour > 23 || r.At.Minute < 0 || r.At.Minute > 59:
		return invalid("at", "Choose a time from 00:00 to 23:59, not %s.", r.At)
	case r.Start == Date{} || DateOf(r.Start.midnight()) != r.Start:
		return invalid("start", "Choose the day from which the schedule runs; %s is none.", r.Start)
	case r.Start.Year < firstYear || r.Start.Year > lastYear:
		return invalid("start", "A schedule starts in a year from %d to %d, not on %s.", firstYear, lastYear, r.Start)
	}
	if _, ok := r.location(); !ok {
		return invalid("zone", "“%s” is not a time zone: choose one such as America/Los_Angeles or Etc/UTC.", r.Zone)
	}
	return nil
}

// location refuses the names that mean whatever machine this is.
func (r Rule) location() (*time.Location, bool) {
	if r.Zone == "" || r.Zone == "Local" {
		return nil, false
	}
	zone, err := time.LoadLocation(r.Zone)
	return zone, err == nil
}

func invalid(field, format string, args ...any) error {
	err := engine.E(engine.KindInvalid, "SCHEDULE_INVALID", format, args...)
	err.Field = field
	return err
}
