package database

import (
	"database/sql"
	"net/url"
	"strings"
	"time"

	"entgo.io/ent/dialect"
)

const (
	defaultPath   = "data/holdfast.db"
	sqliteConns   = 8  // readers beside the one writer that SQLite allows
	postgresConns = 20 // a node's share of the server's max_connections
	minReconnect  = 10 * time.Millisecond
	maxReconnect  = 5 * time.Second
)

// source is where a database is and how to open it.
type source struct {
	url      string
	dialect  string
	path     string // of a SQLite file
	unsynced bool
}

func parse(address string) source {
	if strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://") {
		return source{url: address, dialect: dialect.Postgres}
	}
	path := strings.TrimPrefix(strings.TrimPrefix(address, "sqlite:"), "//")
	if path == "" {
		path = defaultPath
	}
	return source{url: address, dialect: dialect.SQLite, path: path}
}

func (s source) open() (*sql.DB, error) {
	driver, conns := "sqlite", sqliteConns
	if s.dialect == dialect.Postgres {
		driver, conns = "postgres", postgresConns
	}
	pool, err := sql.Open(driver, s.dsn())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return pool, nil
}

func (s source) dsn() string {
	if s.dialect == dialect.Postgres {
		return s.postgresDSN()
	}
	return s.sqliteDSN()
}

// sqliteDSN survives a power cut (FULL: in WAL mode NORMAL may lose the last
// commits), takes the write lock when a transaction begins instead of failing
// in its middle, and stores times as text that sorts.
func (s source) sqliteDSN() string {
	sync := "FULL"
	if s.unsynced {
		sync = "OFF"
	}
	query := url.Values{
		"_pragma":      {"busy_timeout(10000)", "foreign_keys(1)", "journal_mode(WAL)", "synchronous(" + sync + ")"},
		"_txlock":      {"immediate"},
		"_time_format": {"sqlite"},
		"_timezone":    {"UTC"},
	}
	return "file:" + (&url.URL{Path: s.path}).EscapedPath() + "?" + query.Encode()
}

func (s source) postgresDSN() string {
	u, err := url.Parse(s.url)
	if err != nil {
		return s.url // the driver tells what is wrong with it
	}
	query := u.Query()
	query.Set("timezone", "UTC")
	u.RawQuery = query.Encode()
	return u.String()
}
