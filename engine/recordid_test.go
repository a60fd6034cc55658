package engine_test

import (
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
)

func TestParseRecordID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]engine.RecordID{
		"003RO0000035WQg":    "003RO0000035WQgYAM", // salesforce-platform.md §4.1
		"003RO0000035WQgYAM": "003RO0000035WQgYAM",
		"003RO0000035WQgyam": "003RO0000035WQgYAM",
		"012000000000000AAA": "012000000000000AAA",
	} {
		got, err := engine.ParseRecordID(in)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "003", "003RO0000035WQgAAA", "003RO0000035WQ!", "003RO0000035WQgYA", "' OR Name != '"} {
		if _, err := engine.ParseRecordID(in); !engine.Is(err, engine.KindInvalid) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestErrorKeepsItsKindWhenWrapped(t *testing.T) {
	t.Parallel()
	err := engine.Wrap("back up", engine.E(engine.KindLimit, "API_QUOTA_REACHED", "full"))
	if !engine.Is(err, engine.KindLimit) || engine.Wrap("x", nil) != nil || engine.KindOf(nil) != "" {
		t.Error(err)
	}
}
