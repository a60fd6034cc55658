package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/holdfast-backup/holdfast/ent/database"
)

// TestACustomersKeyIsWrittenNowhere plays what there is to do with keys, and
// looks for them in all that the server has said and written.
func TestACustomersKeyIsWrittenNowhere(t *testing.T) {
	const file = "scenarios/f022-keys.txt"
	asked, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, given := range regexp.MustCompile(`[kK]ey: "([^"]{44})"`).FindAllSubmatch(asked, -1) {
		keys[string(given[1])] = true
	}
	if len(keys) != 3 {
		t.Fatalf("the scenario has the keys %v", keys)
	}
	onEachDatabase(t, func(t *testing.T, url string) {
		s := newScenario(t, url)
		places := map[string][]byte{}
		datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
			answer := s.play(t, d)
			places["the answers"] = append(places["the answers"], answer...)
			return answer
		})
		fingerprint := dig(s.ask(`{ orgs { edges { node { encryption { fingerprint } } } } }`), "orgs.edges.0.node.encryption.fingerprint").(string)
		s.must(s.server.Close())
		places["the log"] = s.log.Bytes()
		s.readData(places)
		if url != "" {
			s.readTables(url, places)
		}
		if in := found(places, fingerprint); len(in) < 2 {
			t.Errorf("the fingerprint %s is in %v only: the test does not look where things are", fingerprint, in)
		}
		if in := found(places, "orgKeyUnlock"); len(in) < 2 {
			t.Errorf("the word is in %v only", in)
		}
		for key := range keys {
			raw, err := base64.StdEncoding.DecodeString(key)
			s.must(err)
			for _, form := range []string{
				strings.TrimRight(key, "="), base64.RawURLEncoding.EncodeToString(raw), string(raw), hex.EncodeToString(raw),
				hex.EncodeToString([]byte(key)), base64.RawStdEncoding.EncodeToString([]byte(key)),
			} {
				for _, in := range found(places, form) {
					t.Errorf("the key %s is in %s", key, in)
				}
			}
		}
	})
}

func found(places map[string][]byte, word string) (in []string) {
	for place, content := range places {
		if bytes.Contains(content, []byte(word)) {
			in = append(in, place)
		}
	}
	return in
}

// readData reads every file of the server's, SQLite's among them.
func (s *scenario) readData(into map[string][]byte) {
	s.must(filepath.WalkDir(s.server.Config.Data, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			into[path], err = os.ReadFile(path)
		}
		return err
	}))
}

// readTables reads every row of every table in PostgreSQL; bytes are hexadecimal there.
func (s *scenario) readTables(url string, into map[string][]byte) {
	db, err := database.Open(s.t.Context(), url)
	s.must(err)
	defer func() { _ = db.Close() }()
	for _, table := range column(s, db.SQL, "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')") {
		for _, row := range column(s, db.SQL, "SELECT t::text FROM "+table+" t") {
			into[table] = append(into[table], row...)
		}
	}
}

func column(s *scenario, db *sql.DB, query string) (values []string) {
	rows, err := db.QueryContext(s.t.Context(), query)
	s.must(err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var value string
		s.must(rows.Scan(&value))
		values = append(values, value)
	}
	s.must(rows.Err())
	return values
}
