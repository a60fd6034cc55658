package retention_test

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/vault/retention"
)

func points(t *testing.T, stamps ...string) (all []retention.Point) {
	t.Helper()
	for _, s := range stamps {
		s, hold, _ := strings.Cut(s, "!")
		at, err := time.Parse("2006-01-02T15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, retention.Point{ID: s, At: at, Hold: hold})
	}
	return all
}

func TestApply(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct {
		name   string
		policy retention.Policy
		points []string
		kept   string
	}{
		{"nothing to judge", retention.Policy{Days: 1}, nil, ""},
		{"no rule", retention.Policy{}, []string{"2026-01-01T10:00", "2026-01-02T10:00"}, "2026-01-02T10:00 2026-01-01T10:00"},
		{"the last of each day", retention.Policy{Days: 2}, []string{"2026-01-01T10:00", "2026-01-02T10:00", "2026-01-02T12:00", "2026-01-03T09:00"}, "2026-01-03T09:00 2026-01-02T12:00"},
		{"days without a point do not count", retention.Policy{Days: 2}, []string{"2025-06-01T10:00", "2026-01-02T10:00"}, "2026-01-02T10:00 2025-06-01T10:00"},
		{"at least the newest", retention.Policy{Years: 1}, []string{"2026-01-01T10:00", "2026-01-01T11:00"}, "2026-01-01T11:00"},
		{"a hold", retention.Policy{Days: 1}, []string{"2020-01-01T10:00!case 7", "2026-01-01T11:00"}, "2026-01-01T11:00 2020-01-01T10:00"},
		{"weeks begin on Monday", retention.Policy{Weeks: 2}, []string{"2026-01-04T10:00", "2026-01-05T10:00", "2026-01-06T10:00"}, "2026-01-06T10:00 2026-01-04T10:00"},
		{"the year of an ISO week", retention.Policy{Weeks: 3}, []string{"2025-12-31T10:00", "2026-01-01T10:00"}, "2026-01-01T10:00"},
		{"midnight in the zone", retention.Policy{Days: 1, Zone: berlin}, []string{"2026-01-01T22:30", "2026-01-01T23:30"}, "2026-01-01T23:30"},
		{"units add up", retention.Policy{Days: 1, Months: 2, Years: 2}, []string{"2024-05-01T10:00", "2025-11-30T10:00", "2025-12-31T10:00", "2026-01-05T10:00", "2026-01-06T10:00"}, "2026-01-06T10:00 2025-12-31T10:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var kept []string
			for _, v := range retention.Apply(tt.policy, points(t, tt.points...)) {
				if len(v.Reasons) == 0 {
					t.Errorf("%s has no reason", v.ID)
				}
				if v.Keep {
					kept = append(kept, v.ID)
				}
			}
			if got := strings.Join(kept, " "); got != tt.kept {
				t.Errorf("kept %s, want %s", got, tt.kept)
			}
		})
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	verdicts := retention.Apply(retention.Policy{Days: 1, Months: 1}, points(t, "2026-01-01T10:00", "2026-01-02T10:00!audit"))
	got := strings.Join(verdicts[0].Reasons, "; ")
	if want := "on hold: audit; the newest is always kept; the last of day 2026-01-02, 1 of 1; the last of month 2026-01, 1 of 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if verdicts[1].Keep || !strings.Contains(verdicts[1].Reasons[0], "day and month") {
		t.Errorf("got %+v", verdicts[1])
	}
}
