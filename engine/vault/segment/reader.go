package segment

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Source gives ranges of one blob. ReadAt fills p or fails; it may be called
// from several goroutines.
type Source interface {
	ReadAt(ctx context.Context, p []byte, off int64) error
}

// Opening is what Open needs to know of a segment.
type Opening struct {
	ID   string
	Size int64
	// Trailer is the length of index, blooms and footer when it is known: then
	// one read opens the segment. 0 when it is not.
	Trailer int
	// Key finds the org's key of an epoch.
	Key func(epoch uint32) ([]byte, error)
}

// Reader reads one segment; it may be used from several goroutines.
type Reader struct {
	id     string
	src    Source
	seal   *sealer
	header header
	index  index
	blooms []bloom
	weight int
}

// Open reads a segment's footer, index and blooms.
func Open(ctx context.Context, src Source, o Opening) (*Reader, error) {
	r := &Reader{id: o.ID, src: src}
	trailer, f, err := r.readTrailer(ctx, o)
	if err != nil {
		return nil, err
	}
	r.header = f.header
	key, err := o.Key(f.header.epoch)
	if err != nil {
		return nil, r.fault("header", err)
	}
	if r.seal, err = newSealer(o.ID, f.header, key); err != nil {
		return nil, r.fault("header", err)
	}
	if err := r.readIndex(trailer[:f.indexLen], o.Size-footerSize-int64(f.trailerLen)); err != nil {
		return nil, r.fault("index", err)
	}
	if err := r.readBlooms(trailer[f.indexLen:f.trailerLen]); err != nil {
		return nil, r.fault("bloom", err)
	}
	r.weight = len(trailer) + 96*len(r.index.blocks)
	return r, nil
}

func (r *Reader) fault(part string, err error) error {
	return &Error{Segment: r.id, Part: part, Err: err}
}

// readTrailer returns index and blooms, still sealed, and the footer.
func (r *Reader) readTrailer(ctx context.Context, o Opening) ([]byte, footer, error) {
	if o.Size < headerSize+footerSize {
		return nil, footer{}, r.fault("footer", fmt.Errorf("%w: it is %d bytes long", ErrDamaged, o.Size))
	}
	guess := min(max(o.Trailer, footerSize), int(o.Size-headerSize))
	tail := make([]byte, guess)
	if err := r.src.ReadAt(ctx, tail, o.Size-int64(guess)); err != nil {
		return nil, footer{}, r.fault("footer", err)
	}
	f, err := parseFooter(tail[guess-footerSize:], o.Size)
	if err != nil {
		return nil, f, r.fault("footer", err)
	}
	if n := int(f.trailerLen); n <= guess-footerSize {
		return tail[guess-footerSize-n : guess-footerSize], f, nil
	}
	trailer := make([]byte, f.trailerLen)
	if err := r.src.ReadAt(ctx, trailer, o.Size-footerSize-int64(f.trailerLen)); err != nil {
		return nil, f, r.fault("index", err)
	}
	return trailer, f, nil
}

func (r *Reader) readIndex(sealed []byte, blocksEnd int64) error {
	if len(sealed) < sealSize {
		return fmt.Errorf("%w: it is too short", ErrDamaged)
	}
	packed, err := r.seal.open(sealed, kindIndex, 0)
	if err != nil {
		return err
	}
	plain, err := inflate(nil, packed, maxRaw*4)
	if err != nil {
		return err
	}
	return r.index.parse(plain, blocksEnd)
}

func (r *Reader) readBlooms(b []byte) error {
	in := input{b: b}
	for i := range r.index.sections {
		sealed := in.take(r.index.sections[i].bloomLen)
		if len(sealed) <= sealSize {
			return fmt.Errorf("%w: it is too short", ErrDamaged)
		}
		plain, err := r.seal.open(slices.Clone(sealed), kindBloom, i)
		if err != nil {
			return err
		}
		r.blooms = append(r.blooms, plain)
	}
	if len(in.b) > 0 {
		return fmt.Errorf("%w: bytes that belong to no section", ErrDamaged)
	}
	return nil
}

// ID is the segment's name.
func (r *Reader) ID() string { return r.id }

// Epoch is that of the key it is sealed under.
func (r *Reader) Epoch() uint32 { return r.header.epoch }

// Weight is about how many bytes of memory the Reader holds.
func (r *Reader) Weight() int { return r.weight }

// Sections are the SObjects inside, in the order of their blocks.
func (r *Reader) Sections() []Section { return r.index.sections }

// Section finds an SObject; ok is false when the segment has none of it.
func (r *Reader) Section(object string) (s *Section, ok bool) {
	for i := range r.index.sections {
		if r.index.sections[i].Object == object {
			return &r.index.sections[i], true
		}
	}
	return nil, false
}

// MayHold asks the section's bloom; false is certain.
func (r *Reader) MayHold(s *Section, id []byte) bool {
	return r.MayHoldHash(s, HashID(id))
}

// HashID is the hash that MayHoldHash takes, for asking many segments.
func HashID(id []byte) uint64 { return idHash(id) }

// MayHoldHash is MayHold for an id hashed before.
func (r *Reader) MayHoldHash(s *Section, hash uint64) bool {
	return r.blooms[r.index.blocks[s.First].object].mayHold(hash)
}

// Seek returns the first block of the section that can hold id or an id after
// it; s.First+s.Blocks when there is none.
func (r *Reader) Seek(s *Section, id []byte) int { return r.index.seek(s, id) }

// BlockIDs are the first and last id of a block.
func (r *Reader) BlockIDs(block int) (first, last []byte) {
	m := &r.index.blocks[block]
	return m.first, m.last
}

// BlockSeqs are the least and greatest sequence of a block.
func (r *Reader) BlockSeqs(block int) (least, greatest uint64) {
	m := &r.index.blocks[block]
	return m.minSeq, m.maxSeq
}

// BlockBytes is what a block takes.
func (r *Reader) BlockBytes(block int) int { return r.index.blocks[block].size() }

// VerifyHeader compares the header at the blob's begin with its copy in the
// footer; reading needs the copy only.
func (r *Reader) VerifyHeader(ctx context.Context) error {
	b := make([]byte, headerSize)
	if err := r.src.ReadAt(ctx, b, 0); err != nil {
		return r.fault("header", err)
	}
	h, err := parseHeader(b)
	if err != nil {
		return r.fault("header", err)
	}
	if h != r.header {
		return r.fault("header", fmt.Errorf("%w: it differs from its copy in the footer", ErrDamaged))
	}
	return nil
}

func (r *Reader) blockFault(block int, err error) error {
	m := &r.index.blocks[block]
	return &Error{Segment: r.id, Part: "block", Object: r.index.sections[m.object].Object, Block: block, First: m.first, Last: m.last, Err: err}
}

var inflaters = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(4*maxRaw), zstd.IgnoreChecksum(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
}}

// inflate decompresses into dst's room; more than limit bytes are refused.
func inflate(dst, packed []byte, limit int) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(packed); err != nil || !h.HasFCS || h.FrameContentSize > uint64(limit) {
		return nil, fmt.Errorf("%w: it is not compressed as it should be", ErrDamaged)
	}
	d := inflaters.Get().(*zstd.Decoder)
	defer inflaters.Put(d)
	out, err := d.DecodeAll(packed, grow(dst, int(h.FrameContentSize))[:0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return out, nil
}
