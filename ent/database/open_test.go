package database_test

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

func TestTimesRoundTripInMicroseconds(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := engine.AsSystem(t.Context())
		at := time.Date(2026, 3, 1, 2, 3, 4, 123456789, time.FixedZone("", 3600))
		tenant := db.Client.Tenant.Create().SetName("Acme").SetSlug("acme").SetCreatedAt(at).SaveX(ctx)
		got := db.Client.Tenant.GetX(ctx, tenant.ID).CreatedAt
		if want := at.UTC().Truncate(time.Microsecond); got != want || tenant.CreatedAt != want {
			t.Errorf("written %v, returned %v, read %v", want, tenant.CreatedAt, got)
		}
	})
}

// TestSQLiteLowersAllLetters: whoever searches without regard to case finds
// names in any language.
func TestSQLiteLowersAllLetters(t *testing.T) {
	t.Parallel()
	var got string
	err := databasetest.SQLite(t).SQL.QueryRowContext(t.Context(), `SELECT lower('ÜBER Łódź ΣΊΣΥΦΟΣ') || coalesce(lower(NULL), '-') || lower(5)`).Scan(&got)
	if want := strings.ToLower("ÜBER Łódź ΣΊΣΥΦΟΣ") + "-5"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}
