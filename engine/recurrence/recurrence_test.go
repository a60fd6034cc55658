package recurrence_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/recurrence"
)

const losAngeles = "America/Los_Angeles"

func date(s string) (d recurrence.Date) {
	if err := d.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return d
}

func clock(s string) (c recurrence.Clock) {
	if err := c.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return c
}

func daily(every int, at, zone, start string) recurrence.Rule {
	return recurrence.Rule{Frequency: recurrence.Daily, Every: every, At: clock(at), Zone: zone, Start: date(start)}
}

func weekly(every int, start string, days ...time.Weekday) recurrence.Rule {
	return recurrence.Rule{Frequency: recurrence.Weekly, Every: every, Weekdays: days, At: clock("04:30"), Zone: losAngeles, Start: date(start)}
}

func monthly(day int, start string) recurrence.Rule {
	return recurrence.Rule{Frequency: recurrence.Monthly, Every: 1, DayOfMonth: day, At: clock("11:00"), Zone: "Etc/UTC", Start: date(start)}
}

func onWeekday(o recurrence.Occurrence, day time.Weekday) recurrence.Rule {
	return recurrence.Rule{
		Frequency: recurrence.Monthly, Every: 1, Occurrence: o, Weekdays: []time.Weekday{day},
		At: clock("11:00"), Zone: "Etc/UTC", Start: date("2026-01-01"),
	}
}

func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestNextN(t *testing.T) {
	t.Parallel()
	quarterly := monthly(1, "2026-01-15")
	quarterly.Every = 3
	for _, test := range []struct {
		name  string
		rule  recurrence.Rule
		after string
		want  []string
	}{
		{"daily", daily(1, "10:00", "Europe/Berlin", "2026-01-01"), "2026-01-05T08:59:59Z", []string{"2026-01-05T10:00:00+01:00", "2026-01-06T10:00:00+01:00"}},
		{"strictly after", daily(1, "10:00", "Europe/Berlin", "2026-01-01"), "2026-01-05T09:00:00Z", []string{"2026-01-06T10:00:00+01:00"}},
		{"not before its start", daily(3, "10:00", "Etc/UTC", "2026-01-05"), "2020-01-01T00:00:00Z", []string{"2026-01-05T10:00:00Z", "2026-01-08T10:00:00Z"}},
		{"every 3 days keeps step", daily(3, "10:00", "Etc/UTC", "2026-01-05"), "2036-01-01T00:00:00Z", []string{"2036-01-01T10:00:00Z", "2036-01-04T10:00:00Z"}},
		{"skipped time", daily(1, "02:30", losAngeles, "2026-01-01"), "2026-03-07T12:00:00Z", []string{"2026-03-08T03:30:00-07:00", "2026-03-09T02:30:00-07:00"}},
		{"later on that day", daily(1, "10:00", losAngeles, "2026-01-01"), "2026-03-07T20:00:00Z", []string{"2026-03-08T10:00:00-07:00"}},
		{"doubled time", daily(1, "01:30", losAngeles, "2026-01-01"), "2026-10-31T12:00:00Z", []string{"2026-11-01T01:30:00-07:00", "2026-11-02T01:30:00-08:00"}},
		{"between the two of a doubled time", daily(1, "01:30", losAngeles, "2026-01-01"), "2026-11-01T09:00:00Z", []string{"2026-11-02T01:30:00-08:00"}},
		{"midnight skipped", daily(1, "00:00", "America/Santiago", "2026-01-01"), "2026-09-05T12:00:00Z", []string{"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"}},
		{"half-hour change", daily(1, "02:15", "Australia/Lord_Howe", "2026-01-01"), "2026-10-03T10:00:00Z", []string{"2026-10-04T02:45:00+11:00"}},
		{"a day that Samoa skipped", daily(1, "10:00", "Pacific/Apia", "2011-12-01"), "2011-12-29T00:00:00Z", []string{
			"2011-12-29T10:00:00-10:00", "2011-12-31T10:00:00+14:00", "2012-01-01T10:00:00+14:00",
		}},
		{"every 2 weeks", weekly(2, "2026-01-05", time.Thursday, time.Monday), "2026-01-01T00:00:00Z", []string{
			"2026-01-05T04:30:00-08:00", "2026-01-08T04:30:00-08:00", "2026-01-19T04:30:00-08:00", "2026-01-22T04:30:00-08:00",
		}},
		{"every 4 weeks keeps step", weekly(4, "2026-01-07", time.Monday, time.Friday), "2030-12-20T00:00:00Z", []string{
			"2030-12-30T04:30:00-08:00", "2031-01-03T04:30:00-08:00", "2031-01-27T04:30:00-08:00",
		}},
		{"the first week only from its start", weekly(2, "2026-01-07", time.Monday, time.Friday), "2026-01-01T00:00:00Z", []string{
			"2026-01-09T04:30:00-08:00", "2026-01-19T04:30:00-08:00",
		}},
		{"Sunday begins the week", weekly(2, "2026-01-05", time.Sunday), "2026-01-01T00:00:00Z", []string{"2026-01-18T04:30:00-08:00"}},
		{"day 1", monthly(1, "2026-01-15"), "2026-01-01T00:00:00Z", []string{"2026-02-01T11:00:00Z", "2026-03-01T11:00:00Z"}},
		{"day 31", monthly(31, "2028-01-31"), "2028-01-01T00:00:00Z", []string{
			"2028-01-31T11:00:00Z", "2028-02-29T11:00:00Z", "2028-03-31T11:00:00Z", "2028-04-30T11:00:00Z",
		}},
		{"day 29", monthly(29, "2026-01-31"), "2026-01-31T12:00:00Z", []string{"2026-02-28T11:00:00Z", "2026-03-29T11:00:00Z"}},
		{"every 3 months", quarterly, "2026-05-01T00:00:00Z", []string{"2026-07-01T11:00:00Z", "2026-10-01T11:00:00Z", "2027-01-01T11:00:00Z"}},
		{"first Monday", onWeekday(recurrence.First, time.Monday), "2026-05-31T00:00:00Z", []string{"2026-06-01T11:00:00Z", "2026-07-06T11:00:00Z"}},
		{"last Friday", onWeekday(recurrence.Last, time.Friday), "2026-01-01T00:00:00Z", []string{"2026-01-30T11:00:00Z", "2026-02-27T11:00:00Z"}},
	} {
		runs := test.rule.NextN(moment(t, test.after), len(test.want))
		var got []string
		for _, run := range runs {
			got = append(got, run.Format(time.RFC3339))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

// TestNextProperty: from any moment, runs are strictly later, NextN is Next
// applied again, every run falls on a chosen day from Start on, and a rule that
// starts earlier by whole intervals runs at the same times.
func TestNextProperty(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	zones := []string{losAngeles, "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago", "Etc/UTC"}
	for range 500 {
		rule := weekly(1+random.IntN(4), "2020-02-05", time.Weekday(random.IntN(7)))
		rule.Zone, rule.At = zones[random.IntN(len(zones))], recurrence.Clock{Hour: random.IntN(24), Minute: random.IntN(60)}
		after := time.Date(2019+random.IntN(20), time.Month(random.IntN(12)), random.IntN(30), random.IntN(24), 0, 0, 0, time.UTC)
		runs := rule.NextN(after, 5)
		at := after
		for _, run := range runs {
			if next := rule.Next(at); !next.Equal(run) || !run.After(at) || run.Weekday() != rule.Weekdays[0] {
				t.Fatalf("%+v after %s: %s, then %s", rule, at, next, run)
			}
			at = run
		}
		earlier := rule
		earlier.Start = recurrence.DateOf(time.Date(2020, 2, 5-7*rule.Every, 0, 0, 0, 0, time.UTC))
		if runs[0].Year() > 2020 && !earlier.Next(after).Equal(runs[0]) {
			t.Fatalf("%+v after %s: %s, but from %s: %s", rule, after, runs[0], earlier.Start, earlier.Next(after))
		}
	}
}

func TestDueRunsMissedOnce(t *testing.T) {
	t.Parallel()
	rule := daily(1, "10:00", "Etc/UTC", "2026-01-01")
	for _, test := range []struct {
		last, now string
		run       bool
		next      string
	}{
		{"2026-01-05T10:00:00Z", "2026-01-06T09:59:59Z", false, "2026-01-06T10:00:00Z"},
		{"2026-01-05T10:00:00Z", "2026-01-06T10:00:00Z", true, "2026-01-07T10:00:00Z"},
		{"2026-01-05T10:00:00Z", "2026-01-15T12:00:00Z", true, "2026-01-16T10:00:00Z"},
		{"2026-01-15T12:00:00Z", "2026-01-15T12:00:01Z", false, "2026-01-16T10:00:00Z"},
	} {
		run, next := rule.Due(moment(t, test.last), moment(t, test.now))
		if run != test.run || !next.Equal(moment(t, test.next)) {
			t.Errorf("%s to %s: %v, %s", test.last, test.now, run, next)
		}
	}
	if run, next := (recurrence.Rule{}).Due(time.Time{}, time.Now()); run || !next.IsZero() {
		t.Errorf("an empty rule is due: %v, %v", run, next)
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	everyTwo := daily(2, "16:05", "Europe/London", "2026-01-05")
	for want, rule := range map[string]recurrence.Rule{
		"Every 2 weeks on Monday and Thursday at 4:30 AM, starting Jan 5, 2026 (America/Los_Angeles)":      weekly(2, "2026-01-05", time.Thursday, time.Monday),
		"Every week on Sunday, Monday and Saturday at 4:30 AM, starting Jan 5, 2026 (America/Los_Angeles)": weekly(1, "2026-01-05", time.Saturday, time.Sunday, time.Monday),
		"Every day at 10:00 AM, starting Jan 5, 2026 (Etc/UTC)":                                            daily(1, "10:00", "Etc/UTC", "2026-01-05"),
		"Every 2 days at 4:05 PM, starting Jan 5, 2026 (Europe/London)":                                    everyTwo,
		"Every month on day 1 at 11:00 AM, starting Jan 5, 2026 (Etc/UTC)":                                 monthly(1, "2026-01-05"),
		"Every month on day 30 (or its last day, if earlier) at 11:00 AM, starting Jan 5, 2026 (Etc/UTC)":  monthly(30, "2026-01-05"),
		"Every month on its last day at 11:00 AM, starting Jan 5, 2026 (Etc/UTC)":                          monthly(31, "2026-01-05"),
		"Every month on the last Friday at 11:00 AM, starting Jan 1, 2026 (Etc/UTC)":                       onWeekday(recurrence.Last, time.Friday),
		"": {},
	} {
		if got := rule.Preview(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	change := func(rule recurrence.Rule, change func(*recurrence.Rule)) recurrence.Rule {
		change(&rule)
		return rule
	}
	day := daily(1, "10:00", "Etc/UTC", "2026-01-01")
	for _, test := range []struct {
		rule           recurrence.Rule
		field, message string
	}{
		{recurrence.Rule{}, "frequency", "Choose whether the schedule runs daily, weekly or monthly."},
		{weekly(1, "2026-01-01"), "weekdays", "Choose at least one weekday for a weekly schedule."},
		{weekly(5, "2026-01-01", time.Monday), "every", "A weekly schedule runs every 1 to 4 weeks, not every 5."},
		{weekly(1, "2026-01-01", time.Monday, time.Monday), "weekdays", "A weekday is chosen twice: choose each once."},
		{weekly(1, "2026-01-01", 7), "weekdays", "Weekdays are numbered 0 (Sunday) to 6 (Saturday)."},
		{change(day, func(r *recurrence.Rule) { r.Every = 0 }), "every", "A daily schedule runs every 1 to 365 days, not every 0."},
		{change(day, func(r *recurrence.Rule) { r.DayOfMonth = 3 }), "frequency", "A daily schedule has no weekdays and no day of the month: remove them, or choose weekly or monthly."},
		{monthly(0, "2026-01-01"), "dayOfMonth", "Choose a day from 1 to 31, or the first or last of a weekday, for a monthly schedule."},
		{monthly(32, "2026-01-01"), "dayOfMonth", "Choose a day from 1 to 31, or the first or last of a weekday, for a monthly schedule."},
		{change(onWeekday(recurrence.First, 1), func(r *recurrence.Rule) { r.Weekdays = nil }), "weekdays", "Choose one weekday for a monthly schedule on its first or last occurrence."},
		{change(onWeekday(recurrence.First, 1), func(r *recurrence.Rule) { r.DayOfMonth = 1 }), "dayOfMonth", "A monthly schedule has either a day of the month or the first or last of a weekday: remove one."},
		{change(onWeekday(recurrence.First, 1), func(r *recurrence.Rule) { r.Occurrence = "" }), "occurrence", "Choose whether a monthly schedule runs on the first or the last of that weekday."},
		{onWeekday("THIRD", 1), "occurrence", "A monthly schedule runs on the FIRST or the LAST of a weekday, not the THIRD."},
		{change(day, func(r *recurrence.Rule) { r.At.Hour = 24 }), "at", "Choose a time from 00:00 to 23:59, not 24:00."},
		{change(day, func(r *recurrence.Rule) { r.Zone = "Local" }), "zone", "“Local” is not a time zone: choose one such as America/Los_Angeles or Etc/UTC."},
		{change(day, func(r *recurrence.Rule) { r.Zone = "Mars/Base" }), "zone", "“Mars/Base” is not a time zone: choose one such as America/Los_Angeles or Etc/UTC."},
		{change(day, func(r *recurrence.Rule) { r.Start = recurrence.Date{Year: 2026, Month: 2, Day: 30} }), "start", "Choose the day from which the schedule runs; 2026-02-30 is none."},
		{change(day, func(r *recurrence.Rule) { r.Start.Year = 1 }), "start", "A schedule starts in a year from 1900 to 2199, not on 0001-01-01."},
		{change(day, func(r *recurrence.Rule) { r.Start.Year = 9999 }), "start", "A schedule starts in a year from 1900 to 2199, not on 9999-01-01."},
	} {
		refusal, ok := engine.AsError(test.rule.Validate())
		if !ok || refusal.Field != test.field || refusal.Message != test.message {
			t.Errorf("%+v\n got %v\nwant %s: %s", test.rule, refusal, test.field, test.message)
		}
		if next := test.rule.Next(time.Now()); !next.IsZero() {
			t.Errorf("%+v is not valid and yet runs at %s", test.rule, next)
		}
	}
	for _, rule := range []recurrence.Rule{day, weekly(4, "2026-01-01", 0, 6), monthly(31, "2026-01-01"), onWeekday(recurrence.Last, 0)} {
		if err := rule.Validate(); err != nil {
			t.Errorf("%+v: %v", rule, err)
		}
	}
}

func TestRuleAsJSON(t *testing.T) {
	t.Parallel()
	rule := weekly(2, "2026-01-05", time.Monday)
	text, err := json.Marshal(rule)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"frequency":"WEEKLY","every":2,"weekdays":[1],"at":"04:30","zone":"America/Los_Angeles","start":"2026-01-05"}`
	if string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
	var back recurrence.Rule
	if err := json.Unmarshal(text, &back); err != nil || !cmp.Equal(rule, back) {
		t.Errorf("came back as %+v, %v", back, err)
	}
	for _, wrong := range []string{`{"at":"25:00"}`, `{"start":"5.1.2026"}`} {
		if err := json.Unmarshal([]byte(wrong), &back); err == nil {
			t.Errorf("%s was read", wrong)
		}
	}
}

func TestOffset(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{losAngeles: "GMT-7", "Asia/Kolkata": "GMT+5:30", "Etc/UTC": "GMT", "America/St_Johns": "GMT-2:30"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := recurrence.Offset(time.Date(2025, 7, 8, 12, 0, 0, 0, time.UTC).In(location)); got != want {
			t.Errorf("%s: got %s, want %s", zone, got, want)
		}
	}
}

func ExampleRule_Preview() {
	rule := recurrence.Rule{
		Frequency: recurrence.Monthly, Every: 1, Occurrence: recurrence.First, Weekdays: []time.Weekday{time.Sunday},
		At: recurrence.Clock{Hour: 11}, Zone: "Europe/Berlin", Start: recurrence.Date{Year: 2026, Month: time.January, Day: 5},
	}
	fmt.Println(rule.Preview())
	fmt.Println(rule.Next(time.Date(2026, time.March, 28, 0, 0, 0, 0, time.UTC)).Format("Jan 2, 3:04 PM MST"))
	// Output:
	// Every month on the first Sunday at 11:00 AM, starting Jan 5, 2026 (Europe/Berlin)
	// Apr 5, 11:00 AM CEST
}
