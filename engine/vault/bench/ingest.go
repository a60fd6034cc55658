package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/vaulttest"
)

const ingestRows = 20_000

// ingest compares storing with the floor, and two cores with one.
func ingest(ctx context.Context, s *settings) error {
	g := vaulttest.NewGenerator(vaulttest.Wide, ingestRows, 120)
	csv := csvOf(g, 0, ingestRows)
	f, err := newFloor()
	if err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var frames [][]byte
	var stored int64
	var took time.Duration
	vaulted := func() error {
		st, err := newStoreIn(ctx, s)
		if err != nil {
			return err
		}
		from := cpu()
		stored, err = st.take(g, csv)
		took = cpu() - from
		return err
	}
	base := func() error { frames, err = f.store(csv); return err }
	_ = base()
	var ours, floors durations
	for range s.rounds {
		if err := vaulted(); err != nil {
			return err
		}
		d, err := timed(cpu, base)
		if err != nil {
			return err
		}
		ours, floors = append(ours, took), append(floors, d)
	}
	r := ratios(floors, ours)
	packed := 0
	for _, b := range frames {
		packed += len(b)
	}
	figure{"ingest.floor", float64(len(csv)) / 1e6 / median(ours).Seconds(), "MB/s", r, ">=0.65", r >= 0.65}.print()
	small := float64(stored) / float64(packed)
	figure{"bytes.zstd_csv", float64(stored) / ingestRows, "B/version", small, "<=0.80", small <= 0.80}.print()
	fmt.Printf("# csv %d B/row, floor %.0f MB/s\n", len(csv)/ingestRows, float64(len(csv))/1e6/median(floors).Seconds())
	big := vaulttest.NewGenerator(vaulttest.Wide, 5*ingestRows, 120)
	return twoCores(ctx, s, big, csvOf(big, 0, 5*ingestRows))
}

// twoCores compares storing on two cores with one, by the clock and in memory:
// a disk does not get faster with cores.
func twoCores(ctx context.Context, s *settings, g *vaulttest.Generator, csv []byte) error {
	var took time.Duration
	on := func(cores int) error {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		dir, err := os.MkdirTemp(s.dir, "cores-")
		if err != nil {
			return err
		}
		st, err := newStore(ctx, dir, vault.Config{Bucket: memblob.OpenBucket(nil)})
		if err != nil {
			return err
		}
		text := bytes.Clone(csv) // a capture has its text from elsewhere, too
		runtime.GC()
		took, err = timed(wall, func() error {
			_, err := st.run(g.Schema(), func(w *vault.Writer) error { return putCSV(st.ctx, w, text) })
			return err
		})
		return err
	}
	var one, two durations
	for range s.rounds {
		if err := on(1); err != nil {
			return err
		}
		one = append(one, took)
		if err := on(2); err != nil {
			return err
		}
		two = append(two, took)
	}
	r := ratios(one, two)
	figure{"ingest.two_cores", float64(len(csv)) / 1e6 / median(two).Seconds(), "MB/s", r, ">=1.7", r >= 1.7}.print()
	return nil
}
