// Diff writes the migration that takes the embedded migrations to the present
// ent schema, for both databases; nothing where nothing changed. It runs in
// ent/database (go generate ./ent/database) and needs PostgreSQL installed.
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/holdfast-backup/holdfast/ent/database/scratch"
	"github.com/holdfast-backup/holdfast/ent/migrate"
)

func main() {
	name := flag.String("name", "change", "what the migration is about, for its file's name")
	initial := flag.Bool("initial", false, "drop every migration and write one that starts from nothing")
	flag.Parse()
	if err := run(context.Background(), *name, *initial); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, name string, initial bool) error {
	if initial {
		name = "initial"
	}
	for dialectName, folder := range map[string]string{dialect.SQLite: "migrations/sqlite", dialect.Postgres: "migrations/postgres"} {
		if initial {
			if err := empty(folder); err != nil {
				return err
			}
		}
		dir, err := atlas.NewLocalDir(folder)
		if err != nil {
			return err
		}
		if err := diff(ctx, dialectName, dir, name); err != nil {
			return fmt.Errorf("%s: %w", dialectName, err)
		}
	}
	return nil
}

func empty(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// diff replays dir on an empty database and adds a file for what the schema
// has beyond it.
func diff(ctx context.Context, dialectName string, dir atlas.Dir, name string) error {
	pool, stop, err := emptyDatabase(ctx, dialectName)
	if err != nil {
		return err
	}
	defer stop()
	planner, err := schema.NewMigrate(entsql.OpenDB(dialectName, pool), schema.WithDialect(dialectName),
		schema.WithDir(dir), schema.WithFormatter(atlas.DefaultFormatter), schema.WithMigrationMode(schema.ModeReplay),
		schema.WithDropColumn(true), schema.WithDropIndex(true))
	if err != nil {
		return err
	}
	return planner.NamedDiff(ctx, name, migrate.Tables...)
}

func emptyDatabase(ctx context.Context, dialectName string) (*sql.DB, func(), error) {
	if dialectName == dialect.SQLite {
		pool, err := sql.Open("sqlite", "file::memory:?_pragma=foreign_keys(1)")
		if err != nil {
			return nil, nil, err
		}
		pool.SetMaxOpenConns(1) // each connection would have a memory of its own
		return pool, func() { _ = pool.Close() }, nil
	}
	server, err := scratch.Start(ctx)
	if err != nil {
		return nil, nil, err
	}
	pool, err := sql.Open("postgres", server.URL("postgres"))
	if err != nil {
		return nil, nil, err
	}
	return pool, func() { _ = pool.Close(); _ = server.Stop() }, nil
}
