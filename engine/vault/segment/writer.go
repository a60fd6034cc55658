package segment

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Sizing is how large blocks are and how hard they are compressed.
type Sizing struct {
	Block int // bytes of values, before compression
	Level zstd.EncoderLevel
}

// The two sizings: young segments are written fast, base ones small.
var (
	Young = Sizing{Block: 128 << 10, Level: zstd.SpeedFastest}
	Base  = Sizing{Block: 96 << 10, Level: zstd.SpeedDefault}
)

// Creation is what NewWriter needs to know. Workers encode blocks side by
// side; 0 means one a processor.
type Creation struct {
	ID      string
	Epoch   uint32
	Key     []byte // the org's key of that epoch
	Sizing  Sizing
	Workers int
}

// Summary is what a finished segment is. MinID and MaxID are over its sections.
type Summary struct {
	Size     int64
	Trailer  int
	Sections []SectionSummary
}

// SectionSummary is what a manifest keeps of a Section.
type SectionSummary struct {
	Section
	MinID, MaxID []byte
}

// Writer writes one segment: Begin a section, Add its rows in order, and so on,
// Close. It serves one goroutine; a Writer given up needs no Close.
type Writer struct {
	w       io.Writer
	o       Creation
	head    header
	seal    *sealer
	index   index
	blooms  [][]byte
	at      int64
	builder *blockBuilder
	free    []*blockBuilder
	pending []*encoding
	slots   chan struct{}
	hashes  []uint64
	lastID  []byte
	lastSeq uint64
	ordinal int
}

// NewWriter writes the header.
func NewWriter(w io.Writer, o Creation) (*Writer, error) {
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	head, err := newHeader(o.Epoch, o.Key)
	if err != nil {
		return nil, &Error{Segment: o.ID, Part: "header", Err: err}
	}
	seal, err := newSealer(o.ID, head, o.Key)
	if err != nil {
		return nil, &Error{Segment: o.ID, Part: "header", Err: err}
	}
	sw := &Writer{w: w, o: o, head: head, seal: seal, slots: make(chan struct{}, o.Workers)}
	return sw, sw.write(head.encode())
}

func (w *Writer) write(b []byte) error {
	w.at += int64(len(b))
	_, err := w.w.Write(b)
	return err
}

// Begin starts the section of an SObject; each comes once.
func (w *Writer) Begin(object string, fields []Field) error {
	if err := w.endSection(); err != nil {
		return err
	}
	if len(fields) > maxFields || len(w.index.sections) == maxSections {
		return fmt.Errorf("%w: %s has %d fields", ErrLimit, object, len(fields))
	}
	w.index.sections = append(w.index.sections, Section{Object: object, Fields: fields, First: w.ordinal})
	w.lastID, w.lastSeq, w.hashes = w.lastID[:0], 0, w.hashes[:0]
	return nil
}

func (w *Writer) section() *Section { return &w.index.sections[len(w.index.sections)-1] }

// Add appends a version: ids ascend, and within an id sequences do. Row and
// its slices are the caller's again on return.
func (w *Writer) Add(r *Row) error {
	if b := w.builder; b != nil && b.full(w.o.Sizing.Block) && (!b.follows(r.ID) || b.full(stretch*w.o.Sizing.Block)) {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.builder == nil {
		w.builder = w.newBuilder()
	}
	return w.builder.add(r)
}

// AddBlock appends n versions as a block of their own, at most MaxBlockRows.
// row fills in one after the other, on another goroutine: what it gives must
// stay as it is until Close.
func (w *Writer) AddBlock(n int, row func(i int, r *Row)) error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.start(&encoding{b: w.newBuilder(), rows: n, row: row})
}

// MaxBlockRows is the most versions of a block.
const MaxBlockRows = maxRows - 1

// stretch is by how much a block may pass its size to keep the versions of one
// record together.
const stretch = 16

func (w *Writer) newBuilder() *blockBuilder {
	b := &blockBuilder{}
	if n := len(w.free); n > 0 {
		b, w.free = w.free[n-1], w.free[:n-1]
	}
	b.reset(w.section().Fields)
	return b
}

// encoding is a block on its way from rows to sealed streams.
type encoding struct {
	b                 *blockBuilder
	rows              int // to be added by row
	row               func(i int, r *Row)
	ordinal           int
	meta              blockMeta
	hashes            []uint64
	firstSeq, lastSeq uint64
	hot, cold         []byte
	err               error
	done              chan struct{}
}

// flush hands the rows added so far to a worker.
func (w *Writer) flush() error {
	if w.builder == nil {
		return nil
	}
	e := &encoding{b: w.builder}
	w.builder = nil
	return w.start(e)
}

// start hands a block to a worker, and writes the oldest ones when twice as
// many as there are workers are on their way.
func (w *Writer) start(e *encoding) error {
	e.ordinal, e.done = w.ordinal, make(chan struct{})
	e.meta.object = len(w.index.sections) - 1
	w.ordinal++
	w.pending = append(w.pending, e)
	if w.o.Workers == 1 {
		e.run(w)
		return w.drain(0)
	}
	w.slots <- struct{}{}
	go func() { e.run(w); <-w.slots }()
	return w.drain(2 * w.o.Workers)
}

func (e *encoding) run(w *Writer) {
	defer close(e.done)
	var r Row
	for i := range e.rows {
		if e.row(i, &r); e.err == nil {
			e.err = e.b.add(&r)
		}
	}
	if e.err != nil || e.b.len() == 0 {
		return
	}
	hot, cold := e.b.encode()
	e.meta.rows = e.b.len()
	e.meta.hot.raw, e.meta.cold.raw = len(hot), len(cold)
	e.meta.first, e.meta.last = bytes.Clone(e.b.ids.first()), bytes.Clone(e.b.ids.last())
	e.meta.minSeq, e.meta.maxSeq = bounds(e.b.seqs)
	e.firstSeq, e.lastSeq = uint64(e.b.seqs[0]), uint64(e.b.seqs[len(e.b.seqs)-1])
	e.hashes = e.b.hashes
	e.hot = w.pack(hot, kindHot, e.ordinal)
	e.cold = w.pack(cold, kindCold, e.ordinal)
}

func bounds(seqs []int64) (least, greatest uint64) {
	low, high := seqs[0], seqs[0]
	for _, s := range seqs {
		low, high = min(low, s), max(high, s)
	}
	return uint64(low), uint64(high)
}

// pack compresses and seals a stream.
func (w *Writer) pack(raw []byte, k kind, ordinal int) []byte {
	pool := deflaters(w.o.Sizing.Level)
	enc := pool.Get().(*zstd.Encoder)
	defer pool.Put(enc)
	packed := enc.EncodeAll(raw, make([]byte, 0, len(raw)/3+256))
	return w.seal.seal(packed[:0], packed, k, ordinal)
}

// drain writes the oldest blocks until at most so many are on their way.
func (w *Writer) drain(most int) error {
	for len(w.pending) > most {
		e := w.pending[0]
		w.pending = w.pending[1:]
		<-e.done
		if err := w.emit(e); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) emit(e *encoding) error {
	if e.err != nil {
		return e.err
	}
	if err := w.join(e); err != nil {
		return err
	}
	if e.b != nil {
		w.free = append(w.free, e.b)
	}
	e.meta.hot.sealed, e.meta.cold.sealed = len(e.hot), len(e.cold)
	e.meta.at = w.at
	w.index.blocks = append(w.index.blocks, e.meta)
	s := &w.index.sections[e.meta.object]
	s.Blocks++
	s.cover(&e.meta)
	if err := w.write(e.hot); err != nil {
		return err
	}
	return w.write(e.cold)
}

// join checks that the block comes after the one before it, and counts and
// hashes its ids once.
func (w *Writer) join(e *encoding) error {
	order := bytes.Compare(w.lastID, e.meta.first)
	if order > 0 || (order == 0 && w.lastSeq >= e.firstSeq) {
		return fmt.Errorf("%w: %s at %d", ErrOrder, e.meta.first, e.firstSeq)
	}
	hashes := e.hashes
	if order == 0 {
		hashes = hashes[1:]
	}
	w.hashes = append(w.hashes, hashes...)
	w.section().IDs += len(hashes)
	w.lastID, w.lastSeq = append(w.lastID[:0], e.meta.last...), e.lastSeq
	return nil
}

// endSection writes what is on its way and closes the section's bloom.
func (w *Writer) endSection() error {
	if len(w.index.sections) == 0 {
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.drain(0); err != nil {
		return err
	}
	if w.section().Blocks == 0 {
		w.index.sections = w.index.sections[:len(w.index.sections)-1]
		return nil
	}
	sealed := w.seal.seal(nil, buildBloom(w.hashes), kindBloom, len(w.blooms))
	w.section().bloomLen = len(sealed)
	w.blooms = append(w.blooms, sealed)
	return nil
}

// Size is about how long the segment is so far.
func (w *Writer) Size() int64 { return w.at }

// Close writes the trailer and the footer. A section without rows is left out.
func (w *Writer) Close() (Summary, error) {
	if err := w.endSection(); err != nil {
		return Summary{}, err
	}
	pool := deflaters(zstd.SpeedDefault)
	enc := pool.Get().(*zstd.Encoder)
	packed := enc.EncodeAll(w.index.encode(), nil)
	pool.Put(enc)
	sealed := w.seal.seal(nil, packed, kindIndex, 0)
	trailer := len(sealed)
	for _, b := range w.blooms {
		trailer += len(b)
		sealed = append(sealed, b...)
	}
	f := footer{header: w.head, indexLen: uint32(len(packed) + sealSize), trailerLen: uint32(trailer), size: uint64(w.at) + uint64(trailer) + footerSize}
	if err := w.write(append(sealed, f.encode()...)); err != nil {
		return Summary{}, err
	}
	return w.summary(trailer + footerSize), nil
}

func (w *Writer) summary(trailer int) Summary {
	sum := Summary{Size: w.at, Trailer: trailer}
	for _, s := range w.index.sections {
		sum.Sections = append(sum.Sections, SectionSummary{
			Section: s, MinID: w.index.blocks[s.First].first, MaxID: w.index.blocks[s.First+s.Blocks-1].last,
		})
	}
	return sum
}

var deflaterPools sync.Map // zstd.EncoderLevel → *sync.Pool of *zstd.Encoder

func deflaters(level zstd.EncoderLevel) *sync.Pool {
	if p, ok := deflaterPools.Load(level); ok {
		return p.(*sync.Pool)
	}
	p, _ := deflaterPools.LoadOrStore(level, &sync.Pool{New: func() any {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true), zstd.WithWindowSize(1<<20))
		if err != nil {
			panic(err) // the options are constants
		}
		return e
	}})
	return p.(*sync.Pool)
}
