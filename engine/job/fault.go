package job

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"slices"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/holdfast-backup/holdfast/engine"
)

// passes reports whether a failure may be over at the next attempt: the
// operation said so, or our own database was out of reach.
func passes(err error) bool {
	if _, ok := engine.AsError(err); ok {
		return engine.Is(err, engine.KindTransient)
	}
	return databaseAway(err)
}

// awayClasses of PostgreSQL's codes: connection, rollback, resources, operator intervention.
var awayClasses = []pqerror.Class{"08", "40", "53", "57"}

// awayCodes of SQLite's: locked, or its disk fails.
var awayCodes = []int{sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL}

func databaseAway(err error) bool {
	var network net.Error
	var pg *pq.Error
	var lite *sqlite.Error
	switch {
	case errors.As(err, &pg):
		return slices.Contains(awayClasses, pg.Code.Class())
	case errors.As(err, &lite):
		return slices.Contains(awayCodes, lite.Code()&0xff) // without the extended part
	case errors.Is(err, context.DeadlineExceeded):
		return false // a net.Error too, but the worker's own
	}
	return errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

func isUniqueViolation(err error) bool {
	var pg *pq.Error
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}
