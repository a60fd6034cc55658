package databasetest_test

import (
	"testing"

	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

func BenchmarkPostgres(b *testing.B) {
	databasetest.Postgres(b)
	for b.Loop() {
		databasetest.Postgres(b)
	}
}

func BenchmarkSQLite(b *testing.B) {
	for b.Loop() {
		databasetest.SQLite(b)
	}
}
