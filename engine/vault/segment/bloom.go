package segment

import "github.com/zeebo/xxh3"

const (
	bloomBits   = 10 // per id
	bloomProbes = 7
)

// bloom answers whether an id may be in a section: false is certain, true is
// wrong for 0.8 % of the ids that are not there.
type bloom []byte

func idHash(id []byte) uint64 { return xxh3.Hash(id) }

func buildBloom(hashes []uint64) bloom {
	b := make(bloom, bitmapLen(max(len(hashes)*bloomBits, 64)))
	for _, h := range hashes {
		b.each(h, func(at uint64) bool { b[at>>3] |= 1 << (at & 7); return true })
	}
	return b
}

func (b bloom) mayHold(h uint64) bool {
	return b.each(h, func(at uint64) bool { return b[at>>3]&(1<<(at&7)) != 0 })
}

// each visits the probes of h until one answers false.
func (b bloom) each(h uint64, visit func(at uint64) bool) bool {
	bits, step := uint64(len(b))*8, h>>32|1
	for range bloomProbes {
		if !visit(h % bits) {
			return false
		}
		h += step
	}
	return true
}
