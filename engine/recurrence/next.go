package recurrence

import (
	"time"

	"github.com/teambition/rrule-go"
)

// Next is the first run after that moment, in the rule's zone; zero if the rule
// is not valid.
func (r Rule) Next(after time.Time) time.Time {
	if next := r.NextN(after, 1); len(next) > 0 {
		return next[0]
	}
	return time.Time{}
}

// NextN are the next n runs after that moment, none if the rule is not valid.
func (r Rule) NextN(after time.Time, n int) []time.Time {
	if r.Validate() != nil {
		return nil
	}
	zone, _ := r.location()
	// Two days earlier, for a clock may be moved by a whole day.
	days, err := r.days(DateOf(after.In(zone).AddDate(0, 0, -2)))
	if err != nil {
		return nil
	}
	var runs []time.Time
	for len(runs) < n {
		day, ok := days()
		if !ok {
			break
		}
		if run := place(day, r.At, zone); run.After(after) {
			runs = append(runs, run)
			after = run
		}
	}
	return runs
}

// Due reports whether a run is due, given when the schedule last ran (or was
// made), and when to look again. Runs missed in between are due once, not each.
func (r Rule) Due(last, now time.Time) (run bool, next time.Time) {
	due := r.Next(last)
	return !due.IsZero() && !due.After(now), r.Next(now)
}

// days lists the rule's days as midnights in UTC, from about that day on.
func (r Rule) days(from Date) (rrule.Next, error) {
	option := rrule.ROption{Dtstart: r.anchor(from.midnight()), Interval: r.Every, Wkst: rrule.SU}
	switch r.Frequency {
	case Daily:
		option.Freq = rrule.DAILY
	case Weekly:
		option.Freq = rrule.WEEKLY
		for _, day := range r.Weekdays {
			option.Byweekday = append(option.Byweekday, weekdays[day])
		}
	case Monthly:
		option.Freq = rrule.MONTHLY
		r.monthly(&option)
	}
	rule, err := rrule.NewRRule(option)
	if err != nil {
		return nil, err
	}
	return rule.Iterator(), nil
}

var weekdays = [...]rrule.Weekday{rrule.SU, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA}

// monthly picks the day; beyond the 28th, the last that the month has up to it.
func (r Rule) monthly(option *rrule.ROption) {
	switch r.Occurrence {
	case First:
		option.Byweekday = []rrule.Weekday{weekdays[r.Weekdays[0]].Nth(1)}
		return
	case Last:
		option.Byweekday = []rrule.Weekday{weekdays[r.Weekdays[0]].Nth(-1)}
		return
	}
	for day := min(r.DayOfMonth, 28); day <= r.DayOfMonth; day++ {
		option.Bymonthday = append(option.Bymonthday, day)
	}
	option.Bysetpos = []int{-1}
}

// anchor is the start of the last whole interval before from, so that looking
// ahead takes no longer after ten years than on the first day.
func (r Rule) anchor(from time.Time) time.Time {
	start := r.Start.midnight()
	if !from.After(start) {
		return start
	}
	const day = 24 * time.Hour
	var anchor time.Time
	switch r.Frequency {
	case Daily:
		whole := int(from.Sub(start)/day) / r.Every * r.Every
		anchor = start.AddDate(0, 0, whole)
	case Weekly:
		sunday := start.AddDate(0, 0, -int(start.Weekday()))
		anchor = sunday.AddDate(0, 0, int(from.Sub(sunday)/day)/(7*r.Every)*7*r.Every)
	case Monthly:
		months := (from.Year()-start.Year())*12 + int(from.Month()-start.Month())
		anchor = time.Date(start.Year(), start.Month()+time.Month(months/r.Every*r.Every), 1, 0, 0, 0, 0, time.UTC)
	}
	if anchor.Before(start) {
		return start
	}
	return anchor
}

// place puts a day and a time on a zone's clock. Of the two offsets that may
// hold that day it takes the one that shows this time, and the earlier one if
// both do (the clocks are put back) or neither (they are put forward).
func place(day time.Time, at Clock, zone *time.Location) time.Time {
	wall := day.Add(time.Duration(at.Hour)*time.Hour + time.Duration(at.Minute)*time.Minute)
	_, before := wall.AddDate(0, 0, -1).In(zone).Zone()
	_, after := wall.AddDate(0, 0, 1).In(zone).Zone()
	early := wall.Add(-time.Duration(before) * time.Second).In(zone)
	late := wall.Add(-time.Duration(after) * time.Second).In(zone)
	if !shows(early, wall) && shows(late, wall) {
		return late
	}
	return early
}

func shows(t, wall time.Time) bool {
	return t.Hour() == wall.Hour() && t.Minute() == wall.Minute() && t.Day() == wall.Day()
}
