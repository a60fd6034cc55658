package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// TestPurgeLeavesNoRow looks for a purged record in every row of every table.
func TestPurgeLeavesNoRow(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		const id, secretName = "001Purge0000001AAA", "Unmistakable"
		s := schemaOf("Account", "Name!", "City")
		b.backup(s, id+" t1 - "+secretName+" Rome", "001Zeta0000001AAA t1 - Zeta Oslo")
		run := b.begin()
		w, err := run.Writer(b.ctx, s)
		check(t, err)
		check(t, w.Put(b.ctx, row(id+" t2 - "+secretName+" Paris")))
		check(t, w.Checkpoint(b.ctx, []byte("after "+id)))
		if found := b.rows(id); len(found) < 3 { // least and greatest of two segments, and the checkpoint
			t.Fatalf("the scan sees %v only", found)
		}
		_, err = w.Finish(b.ctx, nil)
		check(t, err)
		_, err = run.Commit(b.ctx)
		check(t, err)
		_, err = b.Purge(b.ctx, vault.PurgeSpec{OrgID: b.org, JobID: "p", Object: "Account", Records: []string{id, "nobody"}})
		check(t, err)
		for _, found := range b.rows(id, secretName, "Paris", "nobody") {
			t.Errorf("left: %s", found)
		}
		if hashes := b.rows("p"); len(hashes) == 0 {
			t.Error("the suppression list is empty")
		}
		b.clean()
	})
}

// rows finds words in all columns of all rows of all tables, as they are, in
// hexadecimal and in Base64.
func (b *bundle) rows(words ...string) (found []string) {
	b.t.Helper()
	tables := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if b.db.Postgres() {
		tables = "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
	}
	for _, name := range b.query(tables) {
		for _, value := range b.query("SELECT * FROM " + string(name)) {
			for _, w := range words {
				if bytes.Contains(value, []byte(w)) || bytes.Contains(value, []byte(hex.EncodeToString([]byte(w)))) ||
					bytes.Contains(value, []byte(base64.RawStdEncoding.EncodeToString([]byte(w)))) {
					found = append(found, fmt.Sprintf("%s in %s: %q", w, name, value))
				}
			}
		}
	}
	return found
}

// query is every value of every row.
func (b *bundle) query(text string) (values [][]byte) {
	b.t.Helper()
	rows, err := b.db.SQL.QueryContext(b.ctx, text)
	check(b.t, err)
	defer func() { check(b.t, rows.Close()) }()
	columns, err := rows.Columns()
	check(b.t, err)
	into := make([]any, len(columns))
	for i := range into {
		into[i] = new(any)
	}
	for rows.Next() {
		check(b.t, rows.Scan(into...))
		for _, v := range into {
			if raw, ok := (*v.(*any)).([]byte); ok {
				values = append(values, bytes.Clone(raw))
			} else {
				values = append(values, fmt.Append(nil, *v.(*any)))
			}
		}
	}
	check(b.t, rows.Err())
	return values
}
