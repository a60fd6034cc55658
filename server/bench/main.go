// Bench measures a whole backup, from a simulated org in a process of its own
// into a vault on disk, and prints a line a figure:
//
//	name value unit ratio=… want=… ok|MISS
//
// Rates are of uncompressed CSV. Where two things that run at the same time are
// compared, the rates are per second of processor time, so that neither waits
// for the other and a noisy machine does not count; the client and curl take
// turns and are compared by the clock, by the median of their rounds. Time
// Machine's answers are timed by the clock, too: what else the machine had to do
// is measured beside them. It is a program, not a test: nothing fails on a MISS.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
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
	fmt.Printf("%-38s %10.1f %-12s ratio=%.2f want=%s %s\n", f.name, f.value, f.unit, f.ratio, f.want, verdict)
}

func reported(name string, value float64, unit string) {
	figure{name, value, unit, 1, "reported", true}.print()
}

func main() {
	records := flag.Int("records", 200_000, "records of the org")
	rounds := flag.Int("rounds", 7, "rounds of the client against curl")
	whole := flag.Bool("whole", false, "measure a whole backup against other ways to take the same data, and an idle one of many SObjects")
	people := flag.Bool("time-machine", false, "measure Time Machine's comparison, as an org's Apex asks a server for it")
	wide := flag.Bool("wide", false, "give the org's Account 300 custom fields, and users who compare its records")
	serve := flag.Bool("org", false, "be the org's process (the program starts it itself)")
	custom := flag.Int("custom", 0, "custom SObjects of the org beside its seven standard ones, which then have half of the records")
	flag.Parse()
	run := func() error { return measure(context.Background(), *records, *rounds) }
	switch {
	case *serve:
		run = func() error { return serveOrg(population{*records, *custom, *wide}) }
	case *whole:
		run = func() error { return measureWhole(context.Background(), *records) }
	case *people:
		run = func() error { return measureTimeMachine(context.Background(), *records) }
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func measure(ctx context.Context, records, rounds int) (err error) {
	org, err := startOrg(ctx, population{records: records})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, org.stop()) }()
	folder, err := os.MkdirTemp("", "holdfast-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	p, err := newPipeline(ctx, folder, org.url)
	if err != nil {
		return err
	}
	defer p.close()
	fmt.Printf("# an org of %d records in %d SObjects that can be read; figures per million are scaled up from there\n", records, len(org.objects))
	if err := backups(p, org, records); err != nil {
		return err
	}
	return clientAgainstCurl(ctx, p, org, rounds)
}

// backups measures the first full backup and an idle incremental.
func backups(p *pipeline, org *orgProcess, records int) error {
	before, from := org.numbers(), cpu()
	if err := p.backup(); err != nil {
		return err
	}
	spent, after := cpu()-from, org.numbers()
	consumed := rate(after.CSV-before.CSV, spent)
	serving, err := org.serving()
	if err != nil {
		return err
	}
	figure{"simorg serving, uncompressed", serving, "MB/cpu-s", serving / consumed, ">=5", serving >= 5*consumed}.print()
	figure{"backup pipeline consuming", consumed, "MB/cpu-s", 1, "reported", true}.print()
	calls, allowed := float64(after.Calls-before.Calls), 100*float64(records)/1e6+4*float64(len(org.objects))
	figure{"calls of a first full backup", calls, "calls", calls / allowed, "<=1", calls <= allowed}.print()
	beyond := calls - 4*float64(len(org.objects))
	perMillion := max(beyond, 0) / float64(records) * 1e6
	figure{"beyond 4 per SObject, per 1M records", perMillion, "calls", perMillion / 100, "<=1", perMillion <= 100}.print()
	if err := org.wait(time.Hour); err != nil { // what was made at its start is then older than the overlap
		return err
	}
	if err := p.backup(); err != nil { // moves the watermarks there
		return err
	}
	if err := org.wait(time.Hour); err != nil {
		return err
	}
	idle := org.numbers().Calls
	if err := p.backup(); err != nil {
		return err
	}
	per500 := float64(org.numbers().Calls-idle) / float64(len(org.objects)) * 500
	figure{"idle incremental, per 500 SObjects", per500, "calls", per500 / 600, "<=1", per500 <= 600}.print()
	streams := 3 * 200.0 // what design §4 allows one, and a backup has three
	own := peakMemory(os.Getpid())
	figure{"backup, peak memory", own, "MB", own / streams, "<=1", own <= streams}.print()
	theirs := peakMemory(org.process.Process.Pid)
	allowedMemory := max(4000*float64(records)/2e6, 200)
	figure{"simorg, peak memory", theirs, "MB", theirs / allowedMemory, "<=1", theirs <= allowedMemory}.print()
	return nil
}

// clientAgainstCurl reads the pages of one Bulk job, which the org has rendered
// and packed before and keeps for this comparison only.
func clientAgainstCurl(ctx context.Context, p *pipeline, org *orgProcess, rounds int) error {
	reader, err := p.reader(ctx, "Contact")
	if err != nil {
		return err
	}
	if err := org.keepPages(); err != nil {
		return err
	}
	if _, err := reader.read(ctx); err != nil { // fills the pages
		return err
	}
	pages, size, err := org.keptPages()
	if err != nil {
		return err
	}
	var ratios, rates []float64
	for range rounds {
		curl, err := curlAndGunzip(ctx, org, pages)
		if err != nil {
			return err
		}
		own, err := reader.read(ctx)
		if err != nil {
			return err
		}
		rates, ratios = append(rates, float64(size)/1e6/own.Seconds()), append(ratios, curl.Seconds()/own.Seconds())
	}
	figure{"client reading kept pages, of curl|gzip", median(rates), "MB/s", median(ratios), ">=0.8", median(ratios) >= 0.8}.print()
	return nil
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// rate is in MB a second.
func rate(bytes int64, spent time.Duration) float64 { return float64(bytes) / 1e6 / spent.Seconds() }

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // the arguments are constants
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
