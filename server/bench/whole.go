package main

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	wholeCustom = 33   // with the seven standard ones, 40 SObjects have records
	idleCustom  = 1500 // SObjects of the idle incremental
	idleRecords = 15_000

	// The way to the org: what a stream of it carries, and how late it begins.
	wayDelay = "25ms"
	wayRate  = 30_000_000
	// streams are what our client has open at most.
	streams = 8
)

// measureWhole takes a full backup over a way like that to a real org, and the
// same data by other means over the same way.
func measureWhole(ctx context.Context, records int) (err error) {
	org, err := startOrg(ctx, population{records: records, custom: wholeCustom})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, org.stop()) }()
	folder, err := os.MkdirTemp("", "holdfast-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := org.keepPages(); err != nil {
		return err
	}
	if _, err := wholeBackup(ctx, filepath.Join(folder, "first"), org); err != nil { // the org renders its pages
		return err
	}
	if _, err := org.get(fmt.Sprintf("/-/slow?delay=%s&rate=%d", wayDelay, wayRate)); err != nil {
		return err
	}
	ours, err := wholeBackup(ctx, filepath.Join(folder, "second"), org)
	if err != nil {
		return err
	}
	pages, size, err := org.keptPages()
	if err != nil {
		return err
	}
	fmt.Printf("# %d records in %d SObjects and %d pages of Bulk results, %.0f MB of CSV; %s and %d MB/s a stream to the org\n",
		records, wholeCustom+7, len(pages), float64(size)/1e6, wayDelay, wayRate/1_000_000)
	figure{"whole backup, processor time", ours.processor.Seconds(), "cpu-s", 1, "reported", true}.print()
	figure{"whole backup, wall time", ours.wall.Seconds(), "s", 1, "reported", true}.print()
	figure{"whole backup, calls", float64(ours.calls), "calls", 1, "reported", true}.print()
	if err := againstFloor(org, pages, ours); err != nil {
		return err
	}
	if err := againstCurl(ctx, org, pages, ours); err != nil {
		return err
	}
	if err := againstJSforce(ctx, org, pages, ours); err != nil {
		return err
	}
	return idleOfMany(ctx, folder)
}

// spent is what something took.
type spent struct {
	processor, wall time.Duration
	calls           int64
}

// wholeBackup takes a first full backup into a new vault. HOLDFAST_PROFILE
// names a file for a processor profile of it.
func wholeBackup(ctx context.Context, folder string, org *orgProcess) (s spent, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return s, err
	}
	p, err := newPipeline(ctx, folder, org.url)
	if err != nil {
		return s, err
	}
	defer p.close()
	if name := os.Getenv("HOLDFAST_PROFILE"); name != "" {
		file, err := os.Create(name) //nolint:gosec // who runs the bench names it
		if err != nil {
			return s, err
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return s, err
		}
		defer pprof.StopCPUProfile()
	}
	return p.timed(org)
}

// timed runs a backup.
func (p *pipeline) timed(org *orgProcess) (s spent, err error) {
	calls, began, from := org.numbers().Calls, time.Now(), cpu()
	err = p.backup()
	return spent{cpu() - from, time.Since(began), org.numbers().Calls - calls}, err
}

// againstFloor packs the same bytes without knowing what they are: gunzip,
// parse, zstd at its first level, AES.
func againstFloor(org *orgProcess, pages []keptPage, ours spent) error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return err
	}
	sealer, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	var floor time.Duration
	for _, page := range pages {
		packed, err := org.packedPage(page)
		if err != nil {
			return err
		}
		from := cpu()
		if err := packAnew(packed, encoder, sealer); err != nil {
			return err
		}
		floor += cpu() - from
	}
	ratio := floor.Seconds() / ours.processor.Seconds()
	figure{"gunzip, parse, zstd-1, AES", floor.Seconds(), "cpu-s", ratio, ">=0.6", ratio >= 0.6}.print()
	return nil
}

// packedPage is a page as the org sends it, packed.
func (o *orgProcess) packedPage(page keptPage) ([]byte, error) {
	command := exec.Command("curl", "-sf", "-H", "Accept-Encoding: gzip", "-H", "Authorization: Bearer "+o.token, page.URL) //nolint:gosec // our own org's
	return command.Output()
}

func packAnew(packed []byte, encoder *zstd.Encoder, sealer cipher.AEAD) error {
	const frame = 256 << 10
	inflated, err := gzip.NewReader(strings.NewReader(string(packed)))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(inflated)
	if err != nil {
		return err
	}
	rows := csv.NewReader(strings.NewReader(string(text)))
	rows.ReuseRecord = true
	for {
		if _, err := rows.Read(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	var sealed, out []byte
	for at := 0; at < len(text); at += frame {
		out = encoder.EncodeAll(text[at:min(at+frame, len(text))], out[:0])
		sealed = sealer.Seal(sealed[:0], make([]byte, sealer.NonceSize()), out, nil)
	}
	return nil
}

// againstCurl downloads the same pages one after another, as a script would,
// and as many at once as our client may; packed ones for the record.
func againstCurl(ctx context.Context, org *orgProcess, pages []keptPage, ours spent) error {
	var urls strings.Builder
	for _, page := range pages {
		fmt.Fprintf(&urls, "url = %q\noutput = /dev/null\n", page.URL)
	}
	for _, way := range []struct {
		name, want string
		more       []string
		least      float64
	}{
		{"curl of the same pages", ">=0.8", []string{"--parallel-max", "1"}, 0.8},
		{"curl of the same pages, 8 at once", ">=0.8", []string{"--parallel-max", strconv.Itoa(streams)}, 0.8},
		{"curl --compressed, 8 at once", "reported", []string{"--parallel-max", strconv.Itoa(streams), "--compressed"}, 0},
	} {
		command := exec.CommandContext(ctx, "curl", append([]string{ //nolint:gosec // our own org's
			"-sf", "-Z", "-H", "Authorization: Bearer " + org.token, "-K", "-",
		}, way.more...)...)
		command.Stdin = strings.NewReader(urls.String())
		began := time.Now()
		if err := command.Run(); err != nil {
			return fmt.Errorf("curl: %w", err)
		}
		took := time.Since(began)
		ratio := took.Seconds() / ours.wall.Seconds()
		figure{way.name, took.Seconds(), "s", ratio, way.want, ratio >= way.least}.print()
	}
	return nil
}

var readObject = regexp.MustCompile(`FROM (\w+)`)

// againstJSforce lets another client query the same by Bulk, and write the
// records it gets to CSV files.
func againstJSforce(ctx context.Context, org *orgProcess, pages []keptPage, ours spent) error {
	const script = "server/bench/jsforce.mjs"
	folder, err := os.MkdirTemp("", "holdfast-bench-csv-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	queries := map[string]string{}
	for _, page := range pages {
		queries[readObject.FindStringSubmatch(page.Query)[1]] = page.Query
	}
	command := exec.CommandContext(ctx, "node", script, org.url, org.token, folder)
	var list strings.Builder
	for object, query := range queries {
		list.WriteString(object + "\t" + query + "\n")
	}
	command.Stdin, command.Stderr = strings.NewReader(list.String()), os.Stderr
	began := time.Now()
	if err := command.Run(); err != nil {
		return fmt.Errorf("jsforce (npm ci in engine/simorg/testdata/jsforce): %w", err)
	}
	wall := time.Since(began)
	processor := command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	ratio := wall.Seconds() / ours.wall.Seconds()
	figure{"jsforce to CSV files, wall time", wall.Seconds(), "s", ratio, ">=3", ratio >= 3}.print()
	ratio = processor.Seconds() / ours.processor.Seconds()
	figure{"jsforce to CSV files, processor time", processor.Seconds(), "cpu-s", ratio, ">=3", ratio >= 3}.print()
	return nil
}

// idleOfMany is an incremental backup of many SObjects, most of them empty, in
// which nothing has changed.
func idleOfMany(ctx context.Context, folder string) (err error) {
	org, err := startOrg(ctx, population{records: idleRecords, custom: idleCustom})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, org.stop()) }()
	many := filepath.Join(folder, "many")
	if err := os.MkdirAll(many, 0o700); err != nil {
		return err
	}
	p, err := newPipeline(ctx, many, org.url)
	if err != nil {
		return err
	}
	defer p.close()
	var s spent
	for range 3 { // in full, past the overlap of what was new then, and idle
		if s, err = p.timed(org); err != nil {
			return err
		}
		if err := org.wait(time.Hour); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("idle incremental, %d SObjects", len(org.objects))
	figure{name, s.wall.Seconds(), "s", 1, "reported", true}.print()
	figure{name, s.processor.Seconds(), "cpu-s", 1, "reported", true}.print()
	figure{name, float64(s.calls), "calls", 1, "reported", true}.print()
	return nil
}
