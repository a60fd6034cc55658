package recurrence

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Preview says the rule in plain language, "" if it is not valid.
func (r Rule) Preview() string {
	if r.Validate() != nil {
		return ""
	}
	return fmt.Sprintf("%s at %s, starting %s (%s)", r.every(), r.At.Label(), r.Start.midnight().Format("Jan 2, 2006"), r.Zone)
}

func (r Rule) every() string {
	switch r.Frequency {
	case Weekly:
		return units(r.Every, "week") + " on " + r.weekdayNames()
	case Monthly:
		return units(r.Every, "month") + " on " + r.monthDay()
	}
	return units(r.Every, "day")
}

func units(n int, unit string) string {
	if n == 1 {
		return "Every " + unit
	}
	return fmt.Sprintf("Every %d %ss", n, unit)
}

func (r Rule) weekdayNames() string {
	names := make([]string, len(r.Weekdays))
	for i, day := range slices.Sorted(slices.Values(r.Weekdays)) {
		names[i] = day.String()
	}
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

func (r Rule) monthDay() string {
	switch {
	case r.Occurrence != "":
		return "the " + strings.ToLower(string(r.Occurrence)) + " " + r.Weekdays[0].String()
	case r.DayOfMonth == 31:
		return "its last day"
	case r.DayOfMonth > 28:
		return fmt.Sprintf("day %d (or its last day, if earlier)", r.DayOfMonth)
	}
	return fmt.Sprintf("day %d", r.DayOfMonth)
}

// Label is the time as people read it: 4:30 AM.
func (c Clock) Label() string {
	return time.Date(0, 1, 1, c.Hour, c.Minute, 0, 0, time.UTC).Format("3:04 PM")
}

// Offset is the distance of t's zone from Greenwich at that moment: GMT-7, GMT+5:30.
func Offset(t time.Time) string {
	_, seconds := t.Zone()
	sign := "+"
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	hours, minutes := seconds/3600, seconds/60%60
	switch {
	case seconds == 0:
		return "GMT"
	case minutes == 0:
		return fmt.Sprintf("GMT%s%d", sign, hours)
	}
	return fmt.Sprintf("GMT%s%d:%02d", sign, hours, minutes)
}
