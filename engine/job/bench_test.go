package job_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

func benchEach(b *testing.B, bench func(b *testing.B, db *database.DB)) {
	b.Run("SQLite", func(b *testing.B) { bench(b, databasetest.SQLite(b)) })
	b.Run("PostgreSQL", func(b *testing.B) { bench(b, databasetest.Postgres(b)) })
}

// BenchmarkStart is from Enqueue's return to the worker's first statement, in
// an idle queue.
func BenchmarkStart(b *testing.B) {
	benchEach(b, func(b *testing.B, db *database.DB) {
		ctx, o := tenant(b, db, "acme")
		q := job.New(db, job.Settings{Poll: time.Hour, Lease: 4 * time.Hour})
		started := make(chan time.Time, 1)
		q.Register(engine.TimeMachineRestore, worker(func(context.Context, *job.Run) error {
			started <- time.Now()
			return nil
		}))
		node(b, q)
		var waits []time.Duration
		for b.Loop() {
			enqueue(b, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.TimeMachineRestore, SerialKey: fmt.Sprint(len(waits))})
			enqueued := time.Now()
			waits = append(waits, max(0, (<-started).Sub(enqueued)))
		}
		reportQuantiles(b, waits, "start")
	})
}

// BenchmarkJobs is whole jobs of no work, enqueued from four goroutines.
func BenchmarkJobs(b *testing.B) {
	benchEach(b, func(b *testing.B, db *database.DB) {
		ctx, _ := tenant(b, db, "acme")
		q := job.New(db, job.Settings{Slots: 8})
		done := make(chan bool, 64)
		q.Register(engine.TimeMachineRestore, worker(func(context.Context, *job.Run) error {
			done <- true
			return nil
		}))
		node(b, q)
		b.ResetTimer()
		for i := range 4 {
			o := org(ctx, db, fmt.Sprint(i))
			go func() {
				for n := range (b.N + 3 - i) / 4 {
					_, _ = q.Enqueue(ctx, job.Spec{OrgID: o.ID, Operation: engine.TimeMachineRestore, SerialKey: fmt.Sprint(o.ID, n)})
				}
			}()
		}
		for range b.N {
			<-done
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	})
}

// BenchmarkTail is a hundred followers of one job that logs twenty lines a
// second: from Log to each follower's hands.
func BenchmarkTail(b *testing.B) {
	benchEach(b, func(b *testing.B, db *database.DB) {
		const followers = 100
		ctx, o := tenant(b, db, "acme")
		q := job.New(db, job.Settings{})
		say := make(chan int)
		q.Register(engine.Export, chatty(say))
		node(b, q)
		made := enqueue(b, ctx, q, job.Spec{OrgID: o.ID, Operation: engine.Export})
		var mu sync.Mutex
		var waits []time.Duration
		var got, all sync.WaitGroup
		for range followers {
			batches, err := q.Tail(ctx, made.ID, 0)
			if err != nil {
				b.Fatal(err)
			}
			all.Go(func() {
				for batch := range batches {
					for _, line := range batch {
						mu.Lock()
						waits = append(waits, time.Since(line.At))
						mu.Unlock()
						got.Done()
					}
				}
			})
		}
		pace := time.NewTicker(time.Second / 20)
		defer pace.Stop()
		for b.Loop() {
			<-pace.C
			got.Add(followers)
			say <- 1
			got.Wait()
		}
		close(say)
		all.Wait()
		reportQuantiles(b, waits, "line")
	})
}

func reportQuantiles(b *testing.B, waits []time.Duration, what string) {
	b.Helper()
	slices.Sort(waits)
	for _, q := range []int{50, 99} {
		b.ReportMetric(float64(waits[len(waits)*q/100].Microseconds())/1000, fmt.Sprintf("p%d-%s-ms", q, what))
	}
}
