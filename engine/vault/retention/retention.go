// Package retention decides which points in time to keep: a pure function that
// gives a reason for each one kept and each one dropped. It deletes nothing.
package retention

import (
	"fmt"
	"slices"
	"time"
)

// Policy says what to keep: the last point of each of the last so many days,
// weeks (from Monday), months and years that have one. The newest point is
// always kept. With all numbers zero everything is kept.
type Policy struct {
	Days, Weeks, Months, Years int
	Zone                       *time.Location // whose days; UTC when nil
}

// Point is a moment to keep or to drop.
type Point struct {
	ID   string
	At   time.Time
	Hold string // why it may not be dropped, such as a legal hold; empty when it may
}

// Verdict is what becomes of a point, and why. A point that is dropped has one
// reason, one that is kept as many as hold.
type Verdict struct {
	Point
	Keep    bool
	Reasons []string
}

// unit is a span of the calendar.
type unit struct {
	name  string
	count int
	of    func(time.Time) string // names the span that a moment is in
}

func (p Policy) units() []unit {
	return []unit{
		{"day", p.Days, func(t time.Time) string { return t.Format("2006-01-02") }},
		{"week", p.Weeks, func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprintf("%04d-W%02d", y, w) }},
		{"month", p.Months, func(t time.Time) string { return t.Format("2006-01") }},
		{"year", p.Years, func(t time.Time) string { return t.Format("2006") }},
	}
}

// Apply judges the points, the newest first; points of one moment keep their order.
func Apply(policy Policy, points []Point) []Verdict {
	verdicts := make([]Verdict, len(points))
	for i, p := range points {
		verdicts[i].Point = p
	}
	slices.SortStableFunc(verdicts, func(a, b Verdict) int { return b.At.Compare(a.At) })
	for i := range verdicts {
		verdicts[i].hold(i == 0, policy.everything())
	}
	zone := policy.Zone
	if zone == nil {
		zone = time.UTC
	}
	for _, u := range policy.units() {
		u.keep(verdicts, zone)
	}
	for i := range verdicts {
		if v := &verdicts[i]; !v.Keep {
			v.Reasons = []string{"no rule keeps it: a later point stands for its " + policy.named() + ", or it is older than the rules reach"}
		}
	}
	return verdicts
}

func (p Policy) everything() bool { return p.Days+p.Weeks+p.Months+p.Years == 0 }

// named lists the units that the policy counts.
func (p Policy) named() (list string) {
	for _, u := range p.units() {
		if u.count == 0 {
			continue
		}
		if list != "" {
			list += " and "
		}
		list += u.name
	}
	return list
}

func (v *Verdict) because(format string, args ...any) {
	v.Keep = true
	v.Reasons = append(v.Reasons, fmt.Sprintf(format, args...))
}

// hold keeps what no rule may drop.
func (v *Verdict) hold(newest, everything bool) {
	if v.Hold != "" {
		v.because("on hold: %s", v.Hold)
	}
	if newest {
		v.because("the newest is always kept")
	}
	if everything {
		v.because("no rule drops anything")
	}
}

// keep keeps the last point of each of the newest spans that have one.
func (u unit) keep(newestFirst []Verdict, zone *time.Location) {
	last := ""
	for i, n := 0, 0; i < len(newestFirst) && n < u.count; i++ {
		v := &newestFirst[i]
		if span := u.of(v.At.In(zone)); span != last {
			last = span
			n++
			v.because("the last of %s %s, %d of %d", u.name, span, n, u.count)
		}
	}
}
