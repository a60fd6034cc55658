// Package vaulttest helps to test what keeps data: a disk that crashes, a
// generator of records whose truth is known, and the conformance that every
// bucket and database must show. It is for tests and measurements only.
package vaulttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/holdfast-backup/holdfast/engine/vault"
)

// ErrKilled is what every operation returns once the disk's machine is killed.
var ErrKilled = errors.New("killed")

// Disk is a bucket in memory that loses, at a crash, what was not synced: the
// content of files written since their last Sync, and the names of those whose
// folder was not synced.
type Disk struct {
	mu     sync.Mutex
	files  map[string]*diskFile
	steps  int
	killAt int
	onKill func()
	refuse error
	room   int // bytes left, below 0 for no limit
	clock  func() time.Time
}

type diskFile struct {
	content []byte
	synced  bool // the content
	named   bool // the name
	removed bool // but not yet for good
	at      time.Time
}

// NewDisk is an empty disk.
func NewDisk(clock func() time.Time) *Disk {
	return &Disk{files: map[string]*diskFile{}, clock: clock, room: -1}
}

// KillAt kills at the n-th step from now; onKill runs at that moment.
func (d *Disk) KillAt(n int, onKill func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.killAt, d.onKill = d.steps+n, onKill
}

// Refuse makes every write fail with err; nil ends that.
func (d *Disk) Refuse(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse = err
}

// Limit leaves room for so many bytes more: what does not fit fails with
// ENOSPC. Below 0 there is room again for everything.
func (d *Disk) Limit(room int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = room
}

// Steps is how many steps were taken so far.
func (d *Disk) Steps() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.steps
}

// Step is one point at which the machine may be killed; other parts of it, such
// as the database, call it too.
func (d *Disk) Step() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.step()
}

func (d *Disk) step() error {
	d.steps++
	if d.killAt > 0 && d.steps == d.killAt {
		d.onKill()
	}
	if d.killAt > 0 && d.steps >= d.killAt {
		return ErrKilled
	}
	return nil
}

// AfterCrash is the disk as it comes up again: what was synced, and of the rest
// what chance left. It must be called by onKill.
func (d *Disk) AfterCrash(chance *rand.Rand) *Disk {
	after := NewDisk(d.clock)
	names := make([]string, 0, len(d.files))
	for name := range d.files {
		names = append(names, name)
	}
	slices.Sort(names) // so that a seed repeats a crash
	for _, name := range names {
		f := d.files[name]
		content := bytes.Clone(f.content)
		if !f.synced && len(content) > 0 {
			content = content[:chance.IntN(len(content)+1)]
		}
		if (!f.named || f.removed) && chance.IntN(2) == 0 {
			continue
		}
		after.files[name] = &diskFile{content: content, synced: true, named: true, at: f.at}
	}
	return after
}

// Flip inverts one bit of a blob.
func (d *Disk) Flip(key string, at int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[key]
	f.content = bytes.Clone(f.content)
	f.content[at] ^= 1 << (at % 8)
}

// Blobs are the contents by key.
func (d *Disk) Blobs() map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string][]byte{}
	for name, f := range d.files {
		if !f.removed {
			all[name] = f.content
		}
	}
	return all
}

// Set replaces or, with nil, removes a blob, for good.
func (d *Disk) Set(key string, content []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if content == nil {
		delete(d.files, key)
		return
	}
	d.files[key] = &diskFile{content: content, synced: true, named: true, at: d.clock()}
}

// Bucket is the disk as the vault sees it.
func (d *Disk) Bucket() *blob.Bucket { return blob.NewBucket((*diskDriver)(d)) }

// diskDriver keeps the driver's methods out of Disk's own.
type diskDriver Disk

var errNoFile = errors.New("no such blob")

func (d *diskDriver) disk() *Disk { return (*Disk)(d) }

// ErrorCode knows the disk's own errors.
func (d *diskDriver) ErrorCode(err error) gcerrors.ErrorCode {
	if errors.Is(err, errNoFile) {
		return gcerrors.NotFound
	}
	return gcerrors.Unknown
}

// As has nothing underneath.
func (d *diskDriver) As(any) bool { return false }

// ErrorAs has nothing underneath.
func (d *diskDriver) ErrorAs(error, any) bool { return false }

// Close does nothing.
func (d *diskDriver) Close() error { return nil }

func (d *diskDriver) find(key string) (*diskFile, error) {
	f := d.files[key]
	if f == nil || f.removed {
		return nil, fmt.Errorf("%s: %w", key, errNoFile)
	}
	return f, nil
}

// Attributes of a blob.
func (d *diskDriver) Attributes(_ context.Context, key string) (*driver.Attributes, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.find(key)
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{Size: int64(len(f.content)), ModTime: f.at}, nil
}

// ListPaged lists everything in one page.
func (d *diskDriver) ListPaged(_ context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	page := &driver.ListPage{}
	for name, f := range d.files {
		if !f.removed && strings.HasPrefix(name, o.Prefix) {
			page.Objects = append(page.Objects, &driver.ListObject{Key: name, Size: int64(len(f.content)), ModTime: f.at})
		}
	}
	slices.SortFunc(page.Objects, func(a, b *driver.ListObject) int { return strings.Compare(a.Key, b.Key) })
	return page, nil
}

type diskReader struct {
	io.Reader
	attrs driver.ReaderAttributes
}

// Attributes of what is read.
func (r *diskReader) Attributes() *driver.ReaderAttributes { return &r.attrs }

// As has nothing underneath.
func (r *diskReader) As(any) bool { return false }

// Close does nothing.
func (r *diskReader) Close() error { return nil }

// NewRangeReader reads a part of a blob.
//
//nolint:revive // the driver's contract
func (d *diskDriver) NewRangeReader(_ context.Context, key string, off, n int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.find(key)
	if err != nil {
		return nil, err
	}
	size := int64(len(f.content))
	off = min(off, size)
	if n < 0 || off+n > size {
		n = size - off
	}
	return &diskReader{bytes.NewReader(f.content[off : off+n]), driver.ReaderAttributes{Size: size, ModTime: f.at}}, nil
}

// NewTypedWriter writes a blob; it is there after Close.
func (d *diskDriver) NewTypedWriter(ctx context.Context, key, _ string, o *driver.WriterOptions) (driver.Writer, error) {
	w := &diskWriter{d: d.disk(), ctx: ctx, key: key, file: &diskFile{}}
	if o.BeforeWrite != nil {
		err := o.BeforeWrite(func(as any) bool {
			p, ok := as.(*vault.Durable)
			if ok {
				*p = w
			}
			return ok
		})
		if err != nil {
			return nil, err
		}
	}
	return w, d.disk().Step()
}

// Copy is not needed.
func (d *diskDriver) Copy(context.Context, string, string, *driver.CopyOptions) error {
	return errors.New("this disk does not copy")
}

// Delete removes a blob; a crash may bring it back.
func (d *diskDriver) Delete(_ context.Context, key string, _ *driver.DeleteOptions) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.disk().step(); err != nil {
		return err
	}
	f, err := d.find(key)
	if err == nil {
		f.removed = true
	}
	return err
}

// SignedURL is not needed.
func (d *diskDriver) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errors.New("this disk signs nothing")
}

type diskWriter struct {
	d    *Disk
	ctx  context.Context //nolint:containedctx // the driver's contract: it cancels the write
	key  string
	file *diskFile
}

// Write adds to what is not synced.
func (w *diskWriter) Write(p []byte) (int, error) {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	w.file.content = append(w.file.content, p...)
	w.file.synced = false
	if w.d.refuse != nil {
		return 0, w.d.refuse
	}
	if w.d.room >= 0 {
		if len(p) > w.d.room {
			return 0, syscall.ENOSPC
		}
		w.d.room -= len(p)
	}
	return len(p), w.d.step()
}

// Sync puts the content on disk.
func (w *diskWriter) Sync() error {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	if err := w.d.step(); err != nil {
		return err
	}
	w.file.synced = true
	return nil
}

// SyncName puts the name on disk.
func (w *diskWriter) SyncName() error {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	if err := w.d.step(); err != nil {
		return err
	}
	w.file.named = true
	return nil
}

// Close gives the blob its name, unless the write was cancelled.
func (w *diskWriter) Close() error {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if err := w.d.step(); err != nil {
		return err
	}
	w.file.at = w.d.clock()
	w.d.files[w.key] = w.file
	return nil
}
