package main

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/scratch"
)

func TestMigrationsLeadToTheSchema(t *testing.T) {
	t.Parallel()
	for _, name := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, database.Migrations(name))
			if err := atlas.Validate(dir); err != nil {
				t.Fatalf("atlas.sum does not fit its files: %v", err)
			}
			before, _ := dir.Files()
			err := diff(t.Context(), name, dir, "drift")
			if errors.Is(err, scratch.ErrNotInstalled) && os.Getenv("CI") != "true" {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			after, _ := dir.Files()
			for _, file := range after[len(before):] {
				t.Errorf("ent/schema has changed without a migration (run go generate ./ent/database):\n%s", file.Bytes())
			}
		})
	}
}

func copied(t *testing.T, from fs.FS) *atlas.LocalDir {
	t.Helper()
	path := t.TempDir()
	if err := os.CopyFS(path, from); err != nil {
		t.Fatal(err)
	}
	dir, err := atlas.NewLocalDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
