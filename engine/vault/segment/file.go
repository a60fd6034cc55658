package segment

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
)

// A sealed file is a header, the content in chunks of 64 KiB, each sealed, and
// a footer: the content's size and keyed hash, sealed. Chunks have one length,
// so a reader seeks; the last one is sealed as such, so a cut is noticed.
const (
	fileChunk      = 64 << 10
	fileFooterSize = 8 + hashSize + sealSize
	hashSize       = 32
	// mostAhead is how many chunks a reader that reads on asks for at once: 2 MiB.
	mostAhead = 32
)

// FileWriter seals a stream as a file. It serves one goroutine.
type FileWriter struct {
	w     io.Writer
	seal  *sealer
	chunk []byte
	next  int
	size  int64
	buf   []byte
}

// NewFileWriter writes the header.
func NewFileWriter(w io.Writer, o Creation) (*FileWriter, error) {
	head, err := newHeader(o.Epoch, o.Key)
	if err != nil {
		return nil, &Error{Segment: o.ID, Part: "header", Err: err}
	}
	seal, err := newSealer(fileName(o.ID), head, o.Key)
	if err != nil {
		return nil, &Error{Segment: o.ID, Part: "header", Err: err}
	}
	_, err = w.Write(head.encode())
	return &FileWriter{w: w, seal: seal, chunk: make([]byte, 0, fileChunk)}, err
}

// fileName keeps a file's key apart from that of a segment with the same id.
func fileName(id string) string { return "file/" + id }

// Write seals what fills a chunk.
func (f *FileWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(f.chunk) == fileChunk {
			if err := f.flush(kindChunk); err != nil {
				return 0, err
			}
		}
		m := min(fileChunk-len(f.chunk), len(p))
		f.chunk = append(f.chunk, p[:m]...)
		p = p[m:]
	}
	f.size += int64(n)
	return n, nil
}

func (f *FileWriter) flush(k kind) error {
	f.buf = f.seal.seal(f.buf[:0], f.chunk, k, f.next)
	f.chunk = f.chunk[:0]
	f.next++
	_, err := f.w.Write(f.buf)
	return err
}

// Close seals the last chunk, which may be empty, and the footer with the
// content's hash (32 bytes).
func (f *FileWriter) Close(hash []byte) error {
	if err := f.flush(kindLastChunk); err != nil {
		return err
	}
	foot := append(binary.LittleEndian.AppendUint64(nil, uint64(f.size)), hash...)
	_, err := f.w.Write(f.seal.seal(nil, foot, kindFileFooter, 0))
	return err
}

// FileReader reads a sealed file from any offset. It serves one goroutine.
type FileReader struct {
	ctx  context.Context //nolint:containedctx // io.Reader has no other way
	src  Source
	id   string
	seal *sealer
	size int64
	hash []byte
	head header
	at   int64
	have int    // the chunk in buf, -1 for none
	buf  []byte // in ahead
	// ahead is chunks as they are stored, from first up to end. Those up to have
	// are opened in place, so that only later ones can be.
	ahead      []byte
	first, end int
	wanted     int // how many chunks the next read asks for
}

// OpenFile reads header and footer. Every read of the FileReader ends with ctx.
func OpenFile(ctx context.Context, src Source, o Opening) (_ *FileReader, err error) {
	f := &FileReader{ctx: ctx, src: src, id: o.ID, have: -1}
	b := make([]byte, headerSize)
	if o.Size < headerSize+sealSize+fileFooterSize {
		return nil, f.fault("footer", 0, fmt.Errorf("%w: it is %d bytes long", ErrDamaged, o.Size))
	}
	if err := src.ReadAt(ctx, b, 0); err != nil {
		return nil, f.fault("header", 0, err)
	}
	if f.head, err = parseHeader(b); err != nil {
		return nil, f.fault("header", 0, err)
	}
	key, err := o.Key(f.head.epoch)
	if err != nil {
		return nil, f.fault("header", 0, err)
	}
	if f.seal, err = newSealer(fileName(o.ID), f.head, key); err != nil {
		return nil, f.fault("header", 0, err)
	}
	return f, f.readFooter(ctx, o.Size)
}

func (f *FileReader) readFooter(ctx context.Context, blobSize int64) error {
	b := make([]byte, fileFooterSize)
	if err := f.src.ReadAt(ctx, b, blobSize-fileFooterSize); err != nil {
		return f.fault("footer", 0, err)
	}
	foot, err := f.seal.open(b, kindFileFooter, 0)
	if err != nil {
		return f.fault("footer", 0, err)
	}
	f.size, f.hash = int64(binary.LittleEndian.Uint64(foot)), foot[8:]
	if want := headerSize + f.size + int64(f.chunks())*sealSize + fileFooterSize; f.size < 0 || want != blobSize {
		return f.fault("footer", 0, fmt.Errorf("%w: it is %d bytes long, its footer says %d", ErrDamaged, blobSize, want))
	}
	return nil
}

// chunks of the file; an empty one has one, a full last chunk is no empty one.
func (f *FileReader) chunks() int { return int(max(1, (f.size+fileChunk-1)/fileChunk)) }

func (f *FileReader) fault(part string, n int, err error) error {
	return &Error{Segment: f.id, Part: part, Block: n, Err: err}
}

// Size of the content.
func (f *FileReader) Size() int64 { return f.size }

// Epoch is that of the key it is sealed under.
func (f *FileReader) Epoch() uint32 { return f.head.epoch }

// Hash of the content, as Close got it.
func (f *FileReader) Hash() []byte { return f.hash }

// Read reads on from the current offset. The longer it goes on without a seek,
// the more it asks the source for at once.
func (f *FileReader) Read(p []byte) (int, error) {
	if f.at >= f.size {
		return 0, io.EOF
	}
	n := int(f.at / fileChunk)
	if f.have != n {
		if err := f.load(n); err != nil {
			return 0, f.fault("chunk", n, err)
		}
	}
	m := copy(p, f.buf[f.at-int64(n)*fileChunk:])
	f.at += int64(m)
	return m, nil
}

func (f *FileReader) load(n int) error {
	if n <= f.have || n < f.first || n >= f.end {
		if err := f.fetch(n); err != nil {
			return err
		}
	}
	f.have = -1
	k, sealed := kindChunk, f.ahead[f.place(n)-f.place(f.first):]
	if n == f.chunks()-1 {
		k = kindLastChunk
	} else {
		sealed = sealed[:fileChunk+sealSize]
	}
	plain, err := f.seal.open(sealed, k, n)
	if err != nil {
		f.end = f.first // what is left of ahead is not to be trusted
		return err
	}
	f.buf, f.have = plain, n
	return nil
}

// fetch reads chunks from n on: one after a seek, then twice as many each time.
func (f *FileReader) fetch(n int) error {
	if f.wanted = min(2*f.wanted, mostAhead); n != f.end || f.wanted == 0 {
		f.wanted = 1
	}
	f.have, f.first, f.end = -1, n, n
	end := min(n+f.wanted, f.chunks())
	length := f.place(end) - f.place(n)
	if end == f.chunks() {
		length = headerSize + f.size + int64(end)*sealSize - f.place(n)
	}
	f.ahead = grow(f.ahead, int(length))
	if err := f.src.ReadAt(f.ctx, f.ahead, f.place(n)); err != nil {
		return err
	}
	f.end = end
	return nil
}

// place is where a chunk begins.
func (f *FileReader) place(chunk int) int64 { return headerSize + int64(chunk)*(fileChunk+sealSize) }

// Seek moves the offset; nothing is read.
func (f *FileReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.size
	}
	if offset < 0 {
		return f.at, fmt.Errorf("seek to %d: before the begin", offset)
	}
	f.at = offset
	return offset, nil
}

// Close has nothing to give back.
func (f *FileReader) Close() error { return nil }
