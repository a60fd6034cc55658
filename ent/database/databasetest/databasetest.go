// Package databasetest gives a test an empty, migrated database of its own, on
// SQLite and on a PostgreSQL server that it starts: one server per test binary,
// one copy of a migrated template per test.
package databasetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/scratch"
)

// Each runs test on both databases, as subtests SQLite and PostgreSQL.
func Each(t *testing.T, test func(t *testing.T, db *database.DB)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// Either opens a new database for a test to which it does not matter whose:
// SQLite, or PostgreSQL in short tests, which the race detector runs, as SQLite
// in pure Go is 30 times slower under it.
func Either(t testing.TB) *database.DB {
	t.Helper()
	if testing.Short() {
		return Postgres(t)
	}
	return SQLite(t)
}

// SQLite opens a new database in a temporary folder.
func SQLite(t testing.TB) *database.DB {
	t.Helper()
	template, err := sqliteTemplate(t.Context())
	if err != nil {
		t.Fatalf("prepare SQLite: %v", err)
	}
	path := filepath.Join(t.TempDir(), "holdfast.db")
	if err := os.WriteFile(path, template, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

// Postgres opens a new database on the test binary's own server. Where
// PostgreSQL is not installed it skips the test, or fails it when CI=true.
func Postgres(t testing.TB) *database.DB {
	t.Helper()
	server, err := postgresServer(t.Context())
	if errors.Is(err, scratch.ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("prepare PostgreSQL: %v", err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := server.Exec(t.Context(), "postgres", "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	after := context.WithoutCancel(t.Context())
	t.Cleanup(func() { _ = server.Exec(after, "postgres", "DROP DATABASE "+name+" WITH (FORCE)") })
	return open(t, server.URL(name))
}

// Again opens db's database a second time, as another node would.
func Again(t testing.TB, db *database.DB) *database.DB {
	t.Helper()
	again, err := db.Again(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Close() })
	return again
}

const template = "template_holdfast"

var databases atomic.Int64

func open(t testing.TB, url string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), url, database.Unsynced())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// templates are made once per test binary.
var templates struct {
	sync.Mutex
	sqlite []byte
	server *scratch.Server
}

// sqliteTemplate is the file of a migrated, empty database.
func sqliteTemplate(ctx context.Context) ([]byte, error) {
	templates.Lock()
	defer templates.Unlock()
	if templates.sqlite != nil {
		return templates.sqlite, nil
	}
	dir, err := os.MkdirTemp("", "holdfast-sqlite-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "template.db")
	if err := prepare(ctx, path); err != nil {
		return nil, err
	}
	templates.sqlite, err = os.ReadFile(path)
	return templates.sqlite, err
}

// postgresServer is the test binary's server, with the template database.
func postgresServer(ctx context.Context) (*scratch.Server, error) {
	templates.Lock()
	defer templates.Unlock()
	if templates.server != nil {
		return templates.server, nil
	}
	server, err := scratch.Start(ctx)
	if err != nil {
		return nil, err
	}
	if err := server.Exec(ctx, "postgres", "CREATE DATABASE "+template); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	if err := prepare(ctx, server.URL(template)); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	templates.server = server
	return server, nil
}

// prepare migrates a database and lets go of it.
func prepare(ctx context.Context, url string) error {
	db, err := database.Open(ctx, url, database.Unsynced())
	if err != nil {
		return err
	}
	return db.Close()
}
