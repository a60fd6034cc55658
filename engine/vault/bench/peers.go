package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	_ "github.com/lib/pq" // the driver "postgres"

	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/vaulttest"
	"github.com/holdfast-backup/holdfast/ent/database/scratch"
)

// asJSON is a row as a document store would get it: what is not null, by name.
func asJSON(fields []string, cells [][]byte) (string, error) {
	document := make(map[string]string, len(cells))
	for i, c := range cells {
		if len(c) > 0 {
			document[fields[i]] = string(c)
		}
	}
	b, err := json.Marshal(document)
	return string(b), err
}

// peers compares storing with PostgreSQL and SQLite, wall against wall.
func peers(ctx context.Context, s *settings) error {
	g := vaulttest.NewGenerator(vaulttest.Wide, ingestRows, 120)
	csv := csvOf(g, 0, ingestRows)
	server, err := scratch.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()
	pg, err := sql.Open("postgres", server.URL("postgres"))
	if err != nil {
		return err
	}
	lite, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "peer.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	if err != nil {
		return err
	}
	lite.SetMaxOpenConns(1)
	var stores []*store // made beforehand, as PostgreSQL's server is
	for range s.rounds {
		st, err := newStoreIn(ctx, s)
		if err != nil {
			return err
		}
		stores = append(stores, st)
	}
	var stored int64
	ours := func() error {
		st := stores[0]
		stores = stores[1:]
		stored, err = st.take(g, csv)
		return err
	}
	times, err := rounds(s.rounds, wall, ours,
		func() error { return copyRows(ctx, pg, names(g), csv) },
		func() error { return insertRows(ctx, lite, names(g), csv) })
	if err != nil {
		return err
	}
	rate := func(i int) float64 { return float64(len(csv)) / 1e6 / median(times[i]).Seconds() }
	r := ratios(times[1], times[0])
	figure{"ingest.postgres", rate(1), "MB/s", r, ">=4", r >= 4}.print()
	r = ratios(times[2], times[0])
	figure{"ingest.sqlite", rate(2), "MB/s", r, ">=2.8", r >= 2.8}.print()
	var size int64
	if err := pg.QueryRowContext(ctx, "SELECT pg_total_relation_size('versions')").Scan(&size); err != nil {
		return err
	}
	small := float64(stored) / float64(size)
	figure{"bytes.postgres", float64(size) / ingestRows, "B/version", small, "<=0.143", small <= 1.0/7}.print()
	return nil
}

// newStoreIn makes an empty vault in a folder of its own.
func newStoreIn(ctx context.Context, s *settings) (*store, error) {
	dir, err := os.MkdirTemp(s.dir, "once-")
	if err != nil {
		return nil, err
	}
	return newStore(ctx, dir, vault.Config{})
}

// take backs csv up and says how many bytes it took.
func (s *store) take(g *vaulttest.Generator, csv []byte) (int64, error) {
	counts, err := s.run(g.Schema(), func(w *vault.Writer) error { return putCSV(s.ctx, w, bytes.Clone(csv)) })
	return counts.Bytes, err
}

func copyRows(ctx context.Context, db *sql.DB, fields []string, csv []byte) error {
	if _, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS versions; CREATE TABLE versions (id text, seq bigint, data jsonb, PRIMARY KEY (id, seq))"); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	in, err := tx.PrepareContext(ctx, "COPY versions (id, seq, data) FROM STDIN")
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := execRows(ctx, in, fields, csv); err != nil {
		return err
	}
	if _, err := in.ExecContext(ctx); err != nil {
		return err
	}
	return tx.Commit()
}

func insertRows(ctx context.Context, db *sql.DB, fields []string, csv []byte) error {
	if _, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS versions; CREATE TABLE versions (id TEXT, seq INTEGER, data TEXT, PRIMARY KEY (id, seq))"); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	in, err := tx.PrepareContext(ctx, "INSERT INTO versions VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := execRows(ctx, in, fields, csv); err != nil {
		return err
	}
	return tx.Commit()
}

func execRows(ctx context.Context, in *sql.Stmt, fields []string, csv []byte) error {
	return parse([]byte(string(csv)), func(cells [][]byte) error {
		document, err := asJSON(fields, cells)
		if err == nil {
			_, err = in.ExecContext(ctx, string(cells[0]), 1, document)
		}
		return err
	})
}

// restic backs thirty nights of full dumps up, and so do we.
func restic(ctx context.Context, s *settings) error {
	const rows, nights = 30_000, 30
	if program, _ := exec.LookPath("restic"); program == "" {
		fmt.Println("# restic is not installed: apt-get install restic")
		return nil
	}
	y, err := newYear(ctx, &settings{rows: rows, days: nights, dir: s.dir, rounds: s.rounds})
	if err != nil {
		return err
	}
	repository, dumps := filepath.Join(s.dir, "restic"), filepath.Join(s.dir, "dumps")
	if err := os.Mkdir(dumps, 0o700); err != nil {
		return err
	}
	run := func(args ...string) error {
		command := exec.CommandContext(ctx, "restic", append([]string{"-q", "-r", repository}, args...)...) //nolint:gosec // a fixed program
		command.Env = append(os.Environ(), "RESTIC_PASSWORD=bench")
		out, err := command.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("restic: %w: %s", err, out)
		}
		return err
	}
	if err := run("init"); err != nil {
		return err
	}
	for night := 0; night < nights; night++ {
		if err := y.night(night); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dumps, "generated.csv"), y.csv(rows), 0o600); err != nil {
			return err
		}
		if err := run("backup", dumps); err != nil {
			return err
		}
	}
	theirs, err := folderSize(repository)
	if err != nil {
		return err
	}
	stats, err := y.Stats(y.ctx, y.org)
	if err != nil {
		return err
	}
	r := float64(stats.Bytes) / float64(theirs)
	figure{"bytes.restic", float64(theirs) / 1e6, "MB", r, "<=0.040", r <= 1.0/25}.print()
	return nil
}

func folderSize(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		size += info.Size()
		return err
	})
	return size, err
}

// memory stores two million small records, and merges sixteen wide segments.
func memory(ctx context.Context, s *settings) error {
	const records = 2_000_000
	g := vaulttest.NewGenerator(vaulttest.Narrow, records, 15)
	st, err := newStore(ctx, s.dir, vault.Config{})
	if err != nil {
		return err
	}
	var state vaulttest.State
	_, err = st.run(g.Schema(), func(w *vault.Writer) error {
		for i := range records {
			if err := w.Put(st.ctx, g.Row(&state, i, 0, dayOne)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	mb, err := peakMemory()
	if err != nil {
		return err
	}
	figure{"memory.ingest", mb, "MB", mb / 200, "<=200", mb <= 200}.print()
	return mergeMemory(ctx, s)
}

// peakMemory is the most this process has ever had resident.
func peakMemory() (float64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kb / 1000, err
}

func mergeMemory(ctx context.Context, s *settings) error {
	const segments, rows = 16, 2_000
	dir, err := os.MkdirTemp(s.dir, "merge-")
	if err != nil {
		return err
	}
	g := vaulttest.NewGenerator(vaulttest.Wide, rows, 350)
	st, err := newStore(ctx, dir, vault.Config{})
	if err != nil {
		return err
	}
	var state vaulttest.State
	for n := range segments {
		_, err := st.run(g.Schema(), func(w *vault.Writer) error {
			for i := range rows {
				if err := w.Put(st.ctx, g.Row(&state, i, n, dayOne.AddDate(0, 0, n))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	var before, most runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, live := 0, 0.0
	for _, err := range st.AsOf(st.ctx, vault.Point{OrgID: st.org}, g.Schema().Object, vault.Reading{}) {
		if n++; err != nil {
			return err
		}
		if n%500 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&most)
			live = max(live, (float64(most.HeapAlloc)-float64(before.HeapAlloc))/1e6)
		}
	}
	figure{"memory.merge", live, "MB live heap", live / 64, "<=64", live <= 64}.print()
	return nil
}
