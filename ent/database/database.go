package database

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/lib/pq"

	"github.com/holdfast-backup/holdfast/ent"
	_ "github.com/holdfast-backup/holdfast/ent/runtime" // policies and hooks of the schema
)

// DB is an open, migrated database.
type DB struct {
	Client  *ent.Client // tenant-bound: every call needs a viewer in its context
	SQL     *sql.DB     // the same pool, bare: it knows no tenant
	Dialect string      // dialect.SQLite or dialect.Postgres

	source source
}

// Option changes how Open opens.
type Option func(*source)

// Unsynced gives up surviving a power cut for speed: for tests.
func Unsynced() Option { return func(s *source) { s.unsynced = true } }

// Open opens the database that url names, brings its schema up to date and
// installs the guards. An empty url is data/holdfast.db; a path or a sqlite:
// URL is a SQLite file, which is created with its folder; a postgres:// URL is
// a PostgreSQL database, which must exist.
func Open(ctx context.Context, url string, options ...Option) (*DB, error) {
	src := parse(url)
	for _, option := range options {
		option(&src)
	}
	if src.dialect == dialect.SQLite {
		lowerAllLetters()
		if err := os.MkdirAll(filepath.Dir(src.path), 0o700); err != nil {
			return nil, fmt.Errorf("make the database's folder: %w", err)
		}
	}
	pool, err := src.open()
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := migrate(ctx, pool, src.dialect, Migrations(src.dialect)); err != nil {
		return nil, closing(pool, err)
	}
	client := ent.NewClient(ent.Driver(entsql.OpenDB(src.dialect, pool)))
	client.Use(truncateTimes, newGuard().hook)
	return &DB{Client: client, SQL: pool, Dialect: src.dialect, source: src}, nil
}

// Again opens the same database with a pool of its own, as another node would.
func (db *DB) Again(ctx context.Context) (*DB, error) {
	return Open(ctx, db.source.url, func(s *source) { *s = db.source })
}

// URL is what Open was given. It may hold a password.
func (db *DB) URL() string { return db.source.url }

// Close closes every connection.
func (db *DB) Close() error { return db.Client.Close() }

// Postgres reports whether this is PostgreSQL, the cluster's database.
func (db *DB) Postgres() bool { return db.Dialect == dialect.Postgres }

// Listen opens a connection for PostgreSQL's notifications; event hears how it
// fares. It must not be called on SQLite.
func (db *DB) Listen(event pq.EventCallbackType) *pq.Listener {
	return pq.NewListener(db.source.dsn(), minReconnect, maxReconnect, event)
}

// InTx runs do in one transaction: committed when do returns nil, else rolled back.
func (db *DB) InTx(ctx context.Context, do func(tx *ent.Tx) error) (err error) {
	tx, err := db.Client.Tx(ctx)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			_ = tx.Rollback()
		}
	}()
	if err := do(tx); err != nil {
		return err
	}
	done = true
	return tx.Commit()
}

func closing(pool *sql.DB, err error) error {
	_ = pool.Close()
	return err
}
