package job

import (
	"strconv"
	"time"

	"github.com/holdfast-backup/holdfast/ent/database"
)

// sqliteNow is the clock in the text form in which times are stored.
const sqliteNow = "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')"

// speech is what the queue's SQL says differently on each database. Leases are
// measured by the database's clock, never by a node's.
type speech struct {
	now       string
	share     string // appended to a SELECT: nobody may change the row until we commit
	skipTaken string // appended to a claim's SELECT: rows that another node is claiming
}

func speechOf(db *database.DB) speech {
	if db.Postgres() {
		return speech{now: "clock_timestamp()", share: " FOR SHARE", skipTaken: " FOR UPDATE SKIP LOCKED"}
	}
	return speech{now: sqliteNow}
}

// in is the moment d from now.
func (s speech) in(d time.Duration) string {
	seconds := strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
	if s.now == sqliteNow {
		return "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now', '" + seconds + " seconds')"
	}
	return "clock_timestamp() + interval '" + seconds + " seconds'"
}
