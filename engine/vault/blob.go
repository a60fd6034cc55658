package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/memblob" // mem:// for tests
	"gocloud.dev/gcerrors"
)

// OpenBucket opens the bucket that url names: a path or file:// URL is a
// folder, made if it is not there; anything else is for gocloud.dev's drivers
// (s3://, gs://, azblob://, mem://).
func OpenBucket(ctx context.Context, url string) (*blob.Bucket, error) {
	folder, isFile := strings.CutPrefix(url, "file://")
	if !isFile && strings.Contains(url, "://") {
		return blob.OpenBucket(ctx, url)
	}
	return fileblob.OpenBucket(folder, &fileblob.Options{
		CreateDir: true, NoTempDir: true, DirFileMode: 0o700, Metadata: fileblob.MetadataDontWrite,
	})
}

// blobs writes whole blobs durably and reads ranges of them.
type blobs struct {
	bucket *blob.Bucket
	onRead func(bytes int)
	mu     sync.Mutex
	synced map[string]bool // folders whose entry in their parent is on disk
}

func newBlobs(b *blob.Bucket, onRead func(int)) *blobs {
	return &blobs{bucket: b, onRead: onRead, synced: map[string]bool{}}
}

func orgPrefix(orgID string) string { return "org/" + orgID + "/" }

func segmentKey(orgID, id string) string { return orgPrefix(orgID) + "seg/" + id + ".hfs" }

// pending is a blob being written: nothing of it is there before Close, and
// Abort leaves nothing.
type pending struct {
	b      *blobs
	ctx    context.Context //nolint:containedctx // the writer's own, so that Abort can cancel it
	cancel context.CancelFunc
	key    string
	w      *blob.Writer
	disk   Durable
	hash   hash.Hash
	size   int64
}

// Durable is what a bucket on a disk must be told: to sync a blob's content
// before it is closed, and its name afterwards. A driver may offer one through
// its writer's As; folders are known to the vault, and an object store is
// durable on Close by itself.
type Durable interface {
	Sync() error
	SyncName() error
}

func (b *blobs) create(ctx context.Context, key string) (*pending, error) {
	p := &pending{b: b, key: key, hash: sha256.New()}
	p.ctx, p.cancel = context.WithCancel(ctx)
	w, err := b.bucket.NewWriter(p.ctx, key, &blob.WriterOptions{
		ContentType: "application/octet-stream",
		BeforeWrite: p.findDisk,
	})
	if err != nil {
		p.cancel()
		return nil, err
	}
	p.w = w
	return p, nil
}

func (p *pending) findDisk(as func(any) bool) error {
	var file *os.File
	if !as(&file) {
		as(&p.disk)
		return nil
	}
	folder := filepath.Dir(file.Name())
	if !strings.HasSuffix(filepath.ToSlash(folder), path.Dir(p.key)) {
		return errors.New("the bucket's folder must be opened with no_tmp_dir=true, or its files cannot be made durable")
	}
	p.disk = &diskFile{blobs: p.b, file: file, folder: folder}
	return nil
}

// diskFile is a blob of a bucket that is a folder.
type diskFile struct {
	*blobs
	file   *os.File
	folder string
}

// Sync syncs the content.
func (f *diskFile) Sync() error { return f.file.Sync() }

// SyncName syncs the folder.
func (f *diskFile) SyncName() error { return f.syncFolder(f.folder) }

func (p *pending) Write(b []byte) (int, error) {
	p.size += int64(len(b))
	_, _ = p.hash.Write(b)
	return p.w.Write(b)
}

// Close makes the blob durable: on a folder the file and its name are synced.
func (p *pending) Close() error {
	defer p.cancel()
	if p.disk != nil {
		if err := p.disk.Sync(); err != nil {
			p.Abort()
			return err
		}
	}
	if err := p.w.Close(); err != nil {
		return err
	}
	if p.disk != nil {
		if err := p.disk.SyncName(); err != nil {
			return err
		}
	}
	attrs, err := p.b.bucket.Attributes(p.ctx, p.key)
	if err != nil {
		return err
	}
	if attrs.Size != p.size {
		return fmt.Errorf("%s: %d bytes were written, %d are there", p.key, p.size, attrs.Size)
	}
	return nil
}

// Abort gives the blob up.
func (p *pending) Abort() {
	p.cancel()
	_ = p.w.Close() // fails by design: its context is cancelled
}

// syncFolder puts the names in folder on disk, and the first time the names of
// the folders above it too.
func (b *blobs) syncFolder(folder string) error {
	if err := fsync(folder); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for range strings.Count(orgPrefix("x"), "/") + 2 {
		if b.synced[folder] {
			return nil
		}
		parent := filepath.Dir(folder)
		if err := fsync(parent); err != nil {
			return err
		}
		b.synced[folder] = true
		folder = parent
	}
	return nil
}

func fsync(folder string) error {
	d, err := os.Open(folder) //nolint:gosec // a folder of the bucket
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeBlob deletes a blob that nothing refers to; what is left, because the
// bucket does not answer, the collection of orphans finds.
func (v *Vault) removeBlob(ctx context.Context, key string) {
	if err := v.blobs.bucket.Delete(context.WithoutCancel(ctx), key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		v.log.Warn("a blob could not be deleted", "key", key, "err", err)
	}
}

// blobSource makes a blob a segment.Source.
type blobSource struct {
	b   *blobs
	key string
}

// ReadAt reads one range.
func (s blobSource) ReadAt(ctx context.Context, p []byte, off int64) error {
	if s.b.onRead != nil {
		s.b.onRead(len(p))
	}
	r, err := s.b.bucket.NewRangeReader(ctx, s.key, off, int64(len(p)), nil)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(r, p)
	return errors.Join(err, r.Close())
}

// list visits the blobs under prefix.
func (b *blobs) list(ctx context.Context, prefix string, visit func(*blob.ListObject) error) error {
	it := b.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(o); err != nil {
			return err
		}
	}
}

// nameOf is a blob's id: its name without folder and ending.
func nameOf(key string) string {
	name := path.Base(key)
	return strings.TrimSuffix(name, path.Ext(name))
}
