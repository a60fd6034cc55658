// Bench measures the vault against its peers, in the same run on the same
// machine, and prints a line a figure:
//
//	name value unit ratio=… want=… ok|MISS
//
// Ratios are medians of interleaved rounds, so they survive a noisy machine;
// absolute values do not. It is a program, not a test: nothing fails on a MISS.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"slices"
	"sort"
	"syscall"
	"time"
)

// figure is one line of the report.
type figure struct {
	name  string
	value float64
	unit  string
	ratio float64
	want  string
	ok    bool
}

func (f figure) print() {
	verdict := "MISS"
	if f.ok {
		verdict = "ok"
	}
	fmt.Printf("%-34s %12.3f %-12s ratio=%.3f want=%s %s\n", f.name, f.value, f.unit, f.ratio, f.want, verdict)
}

// measurement is one part of the report; it prints its own figures.
type measurement struct {
	name string
	run  func(ctx context.Context, s *settings) error
}

type settings struct {
	rounds int
	rows   int // of the year's set
	days   int
	dir    string
}

var measurements = []measurement{
	{"memory", memory}, {"ingest", ingest}, {"peers", peers}, {"restic", restic}, {"year", year}, {"retention", retain},
}

func main() {
	s := &settings{}
	only := flag.String("only", ".", "which parts to measure, a regular expression")
	flag.IntVar(&s.rounds, "rounds", 7, "interleaved rounds of each ratio")
	flag.IntVar(&s.rows, "rows", 300_000, "records of the year's set")
	flag.IntVar(&s.days, "days", 365, "days of it")
	flag.Parse()
	if err := run(context.Background(), s, regexp.MustCompile(*only)); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, s *settings, only *regexp.Regexp) (err error) {
	if s.dir, err = os.MkdirTemp("", "holdfast-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(s.dir) }()
	for _, m := range measurements {
		if !only.MatchString(m.name) {
			continue
		}
		if err := m.run(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // the arguments are constants
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// timed is how long do takes, by clock.
func timed(clock func() time.Duration, do func() error) (time.Duration, error) {
	from := clock()
	err := do()
	return clock() - from, err
}

var start = time.Now()

func wall() time.Duration { return time.Since(start) }

// rounds runs each contender in turn, so that noise meets them alike, and
// returns their times by round.
func rounds(n int, clock func() time.Duration, contenders ...func() error) ([][]time.Duration, error) {
	times := make([][]time.Duration, len(contenders))
	for range n {
		for i, c := range contenders {
			d, err := timed(clock, c)
			if err != nil {
				return nil, err
			}
			times[i] = append(times[i], d)
		}
	}
	return times, nil
}

// ratios divides round by round and takes the median.
func ratios(over, under []time.Duration) float64 {
	all := make([]float64, len(over))
	for i := range over {
		all[i] = float64(over[i]) / float64(under[i])
	}
	sort.Float64s(all)
	return all[len(all)/2]
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

func perSecond(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

type durations = []time.Duration
