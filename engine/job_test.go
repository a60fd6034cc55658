package engine_test

import (
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

// TestLogLine: F102.
func TestLogLine(t *testing.T) {
	t.Parallel()
	for want, at := range map[string]time.Time{
		"[1/4/2027, 12:00:09 AM] [warn] 100 % of “it”":  time.Date(2027, 1, 4, 0, 0, 9, 999e6, time.UTC),
		"[12/31/2026, 1:05:00 PM] [warn] 100 % of “it”": time.Date(2026, 12, 31, 14, 5, 0, 0, time.FixedZone("", 3600)),
	} {
		if got := engine.LogLine(at, engine.LogWarn, "100 % of “it”"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
