package database

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"entgo.io/ent/dialect"
)

const (
	parents = "CREATE TABLE parents (id text PRIMARY KEY, name text);\nCREATE TABLE children (id text PRIMARY KEY, parent_id text NOT NULL REFERENCES parents (id) ON DELETE CASCADE);"
	// rebuild is what Atlas writes for a changed column on SQLite.
	rebuild = "PRAGMA foreign_keys = off;\nCREATE TABLE new_parents (id text PRIMARY KEY, name text NOT NULL DEFAULT '');\nINSERT INTO new_parents (id, name) SELECT id, IFNULL(name, '') FROM parents;\nDROP TABLE parents;\nALTER TABLE new_parents RENAME TO parents;\nPRAGMA foreign_keys = on;"
)

func folder(files ...string) fstest.MapFS {
	dir := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		dir[files[i]+"_change.sql"] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return dir
}

func pool(t *testing.T) *sql.DB {
	t.Helper()
	db, err := source{dialect: dialect.SQLite, path: filepath.Join(t.TempDir(), "an odd?name#.db"), unsynced: true}.open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func count(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRebuiltParentKeepsItsChildren(t *testing.T) {
	t.Parallel()
	db := pool(t)
	if err := migrate(t.Context(), db, dialect.SQLite, folder("1", parents)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO parents VALUES ('p', NULL); INSERT INTO children VALUES ('c', 'p')"); err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), db, dialect.SQLite, folder("1", parents, "2", rebuild)); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "children"); n != 1 {
		t.Errorf("%d children are left of 1", n)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO children VALUES ('d', 'nobody')"); err == nil {
		t.Error("foreign keys are off after the migration")
	}
}

func TestMigrationThatOrphansIsUndone(t *testing.T) {
	t.Parallel()
	db := pool(t)
	if err := migrate(t.Context(), db, dialect.SQLite, folder("1", parents)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO parents VALUES ('p', NULL); INSERT INTO children VALUES ('c', 'p')"); err != nil {
		t.Fatal(err)
	}
	err := migrate(t.Context(), db, dialect.SQLite, folder("1", parents, "2", "DELETE FROM parents"))
	if err == nil || count(t, db, "parents") != 1 || count(t, db, "schema_migrations") != 1 {
		t.Errorf("error %v, %d parents, %d migrations", err, count(t, db, "parents"), count(t, db, "schema_migrations"))
	}
}

func TestMigrateRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		then fstest.MapFS
		want string
	}{
		{"a changed file", folder("1", parents+" ", "2", "SELECT 1"), "has changed"},
		{"a newer database", folder("1", parents), "newer Holdfast"},
		{"a broken file", folder("1", parents, "2", "SELECT 1", "3", "CREATE TABLE t (id text); nonsense"), "migration 3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := pool(t)
			if err := migrate(t.Context(), db, dialect.SQLite, folder("1", parents, "2", "SELECT 1")); err != nil {
				t.Fatal(err)
			}
			err := migrate(t.Context(), db, dialect.SQLite, test.then)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; want one with %q", err, test.want)
			}
			if n := count(t, db, "sqlite_master WHERE name = 't'"); n != 0 {
				t.Error("half of the broken migration stayed")
			}
		})
	}
}

func TestNodesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "holdfast.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := Open(context.Background(), path, Unsynced())
			if err != nil {
				t.Error(err)
				return
			}
			_ = db.Close()
		})
	}
	wg.Wait()
}

func TestParse(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]source{
		"":                        {dialect: dialect.SQLite, path: "data/holdfast.db"},
		"x/y.db":                  {dialect: dialect.SQLite, path: "x/y.db"},
		"sqlite:x.db":             {dialect: dialect.SQLite, path: "x.db"},
		"sqlite:///var/x.db":      {dialect: dialect.SQLite, path: "/var/x.db"},
		"postgres://h/db":         {dialect: dialect.Postgres},
		"postgresql://u:p@h/db?a": {dialect: dialect.Postgres},
	} {
		want.url = url
		if got := parse(url); got != want {
			t.Errorf("parse(%q) = %+v; want %+v", url, got, want)
		}
	}
}
