// Package recurrence says when a schedule runs: daily, weekly on weekdays, or
// monthly, at a time of day in a zone.
//
// A [Rule] is a value that can be stored and compared; it has no clock of its
// own. Its days are counted on the calendar, and only then placed on the clock
// of its zone:
//
//   - A time that the clocks skip (02:30 on a spring-forward night) runs once,
//     as much later as they skip: at 03:30.
//   - A time that comes twice (01:30 on a fall-back night) runs the first time.
//   - A month without the chosen day uses its last day; the preview says so.
//   - "Every 2 weeks" counts weeks from Sunday, beginning with the week of Start.
//
// What to do about runs that were missed is the caller's; [Rule.Due] gives the
// usual answer: run once, then go on.
package recurrence
