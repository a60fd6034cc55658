package database

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/holdfast-backup/holdfast/ent/schema"
)

//go:generate go run ./diff

//go:embed migrations
var migrations embed.FS

// migration is one file; its version is the number its name begins with.
type migration struct{ version, sum, sql string }

// Migrations is the folder of a dialect's migration files with their atlas.sum.
func Migrations(dialectName string) fs.FS {
	folder := "sqlite"
	if dialectName == dialect.Postgres {
		folder = "postgres"
	}
	sub, err := fs.Sub(migrations, path.Join("migrations", folder))
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}

func read(dir fs.FS) ([]migration, error) {
	names, err := fs.Glob(dir, "*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var files []migration
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		version, _, _ := strings.Cut(strings.TrimSuffix(name, ".sql"), "_")
		files = append(files, migration{version, hex.EncodeToString(sum[:]), string(text)})
	}
	return files, nil
}

// rules are what a migration's transaction needs on one database.
type rules struct{ before, begin, check, after, timestamp string }

// On SQLite a changed table is rebuilt: the old one is dropped, and with
// foreign keys on that deletes every child row. The switch does nothing inside
// a transaction, so it stands before it, and the check before the commit.
var sqliteRules = rules{
	before:    "PRAGMA foreign_keys=OFF",
	begin:     "BEGIN IMMEDIATE",
	check:     "PRAGMA foreign_key_check",
	after:     "PRAGMA foreign_keys=ON",
	timestamp: "datetime",
}

var postgresRules = rules{
	begin:     "BEGIN; SELECT pg_advisory_xact_lock(7236281947)",
	timestamp: "timestamptz",
}

// migrate applies in one transaction what the database lacks; nodes that start
// together wait for each other. It refuses a file that changed since it was
// applied and a database that a newer Holdfast has migrated.
func migrate(ctx context.Context, pool *sql.DB, dialectName string, dir fs.FS) error {
	files, err := read(dir)
	if err != nil {
		return err
	}
	r := sqliteRules
	if dialectName == dialect.Postgres {
		r = postgresRules
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := exec(ctx, conn, r.before); err != nil {
		return err
	}
	defer func() { _ = exec(context.WithoutCancel(ctx), conn, r.after) }()
	if err := exec(ctx, conn, r.begin); err != nil {
		return fmt.Errorf("begin to migrate: %w", err)
	}
	if err := applyAll(ctx, conn, files, r); err != nil {
		_ = exec(context.WithoutCancel(ctx), conn, "ROLLBACK")
		return err
	}
	return exec(ctx, conn, "COMMIT")
}

func applyAll(ctx context.Context, conn *sql.Conn, files []migration, r rules) error {
	err := exec(ctx, conn, "CREATE TABLE IF NOT EXISTS schema_migrations (version text PRIMARY KEY, sha256 text NOT NULL, applied_at "+r.timestamp+" NOT NULL)")
	if err != nil {
		return err
	}
	applied, err := appliedSums(ctx, conn)
	if err != nil {
		return err
	}
	pending, err := unapplied(files, applied)
	if err != nil || len(pending) == 0 {
		return err
	}
	for _, m := range pending {
		if err := exec(ctx, conn, m.sql); err != nil {
			return fmt.Errorf("migration %s: %w", m.version, err)
		}
		_, err := conn.ExecContext(ctx, "INSERT INTO schema_migrations (version, sha256, applied_at) VALUES ($1, $2, $3)", m.version, m.sum, schema.Now())
		if err != nil {
			return err
		}
	}
	return checkForeignKeys(ctx, conn, r.check)
}

// unapplied is what is still to do, in order.
func unapplied(files []migration, applied map[string]string) ([]migration, error) {
	var pending []migration
	for _, m := range files {
		sum, done := applied[m.version]
		if !done {
			pending = append(pending, m)
		} else if sum != m.sum {
			return nil, fmt.Errorf("migration %s has changed since it was applied to this database: restore the file, or start with an empty database", m.version)
		}
		delete(applied, m.version)
	}
	for version := range applied {
		return nil, fmt.Errorf("the database has migration %s, which this Holdfast does not know: run the newer Holdfast that made it", version)
	}
	return pending, nil
}

func appliedSums(ctx context.Context, conn *sql.Conn) (map[string]string, error) {
	rows, err := conn.QueryContext(ctx, "SELECT version, sha256 FROM schema_migrations")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	sums := map[string]string{}
	for rows.Next() {
		var version, sum string
		if err := rows.Scan(&version, &sum); err != nil {
			return nil, err
		}
		sums[version] = sum
	}
	return sums, rows.Err()
}

func checkForeignKeys(ctx context.Context, conn *sql.Conn, check string) error {
	if check == "" {
		return nil
	}
	rows, err := conn.QueryContext(ctx, check)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		return fmt.Errorf("the migration would leave rows without their parent: nothing was changed")
	}
	return rows.Err()
}

func exec(ctx context.Context, conn *sql.Conn, statement string) error {
	if statement == "" {
		return nil
	}
	_, err := conn.ExecContext(ctx, statement)
	return err
}
