package segment

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"
)

// Version is the format that this package writes and the only one it reads.
const Version = 1

const (
	headerSize  = 64
	footerSize  = 96
	sealSize    = 16 // what a seal adds to its module
	keySize     = 32
	saltSize    = 32
	maxIDLen    = 255
	maxRows     = 1 << 16  // of a block
	maxRaw      = 64 << 20 // of a stream before compression
	maxSections = 1 << 16
	maxFields   = 1 << 14
)

var (
	headerMagic = [8]byte{'H', 'O', 'L', 'D', 'S', 'E', 'G', '1'}
	footerMagic = [8]byte{'1', 'G', 'E', 'S', 'D', 'L', 'O', 'H'}
)

// kind is the role of a sealed module. It is a part of the module's nonce and
// of its associated data, so no module can stand in for another.
type kind byte

const (
	kindHot kind = iota + 1
	kindCold
	kindIndex
	kindBloom
	kindChunk
	kindLastChunk
	kindFileFooter
)

// header opens a segment and is repeated in its footer.
type header struct {
	epoch uint32
	salt  [saltSize]byte
	check [8]byte // tells a wrong key from a damaged segment
}

func (h *header) encode() []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, headerMagic[:]...)
	b = binary.LittleEndian.AppendUint32(b, Version)
	b = binary.LittleEndian.AppendUint32(b, h.epoch)
	b = append(b, h.salt[:]...)
	b = append(b, h.check[:]...)
	return binary.LittleEndian.AppendUint64(b, 0)
}

func parseHeader(b []byte) (h header, err error) {
	if len(b) != headerSize || !bytes.Equal(b[:8], headerMagic[:]) {
		return h, fmt.Errorf("%w: no segment begins here", ErrDamaged)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != Version {
		return h, fmt.Errorf("%w: format version %d, this program reads %d", ErrDamaged, v, Version)
	}
	h.epoch = binary.LittleEndian.Uint32(b[12:])
	copy(h.salt[:], b[16:])
	copy(h.check[:], b[48:])
	if binary.LittleEndian.Uint64(b[56:]) != 0 {
		return h, fmt.Errorf("%w: reserved bytes are set", ErrDamaged)
	}
	return h, nil
}

// footer closes a segment: the header again, then where the trailer (index and
// blooms) stands.
type footer struct {
	header     header
	indexLen   uint32
	trailerLen uint32
	size       uint64 // of the whole segment
}

func (f *footer) encode() []byte {
	b := f.header.encode()
	b = binary.LittleEndian.AppendUint32(b, f.indexLen)
	b = binary.LittleEndian.AppendUint32(b, f.trailerLen)
	b = binary.LittleEndian.AppendUint64(b, f.size)
	b = binary.LittleEndian.AppendUint64(b, xxh3.Hash(b))
	return append(b, footerMagic[:]...)
}

func parseFooter(b []byte, size int64) (f footer, err error) {
	if len(b) != footerSize || !bytes.Equal(b[88:], footerMagic[:]) {
		return f, fmt.Errorf("%w: the footer is missing, the segment is cut off", ErrDamaged)
	}
	if binary.LittleEndian.Uint64(b[80:]) != xxh3.Hash(b[:80]) {
		return f, fmt.Errorf("%w: the footer's checksum is wrong", ErrDamaged)
	}
	if f.header, err = parseHeader(b[:headerSize]); err != nil {
		return f, err
	}
	f.indexLen = binary.LittleEndian.Uint32(b[64:])
	f.trailerLen = binary.LittleEndian.Uint32(b[68:])
	f.size = binary.LittleEndian.Uint64(b[72:])
	room := size - headerSize - footerSize
	if int64(f.size) != size || int64(f.trailerLen) > room || f.indexLen > f.trailerLen {
		return f, fmt.Errorf("%w: it is %d bytes long, its footer says %d", ErrDamaged, size, f.size)
	}
	return f, nil
}

// sealer seals and opens the modules of one segment.
type sealer struct {
	id   string
	aead cipher.AEAD
}

// newHeader makes the header of a new segment: every attempt to write one has
// a salt of its own, so no nonce ever meets the same key twice.
func newHeader(epoch uint32, orgKey []byte) (h header, err error) {
	h.epoch = epoch
	if _, err = rand.Read(h.salt[:]); err != nil {
		return h, err
	}
	check, err := derive(orgKey, h.salt[:], "check", len(h.check))
	copy(h.check[:], check)
	return h, err
}

func derive(orgKey, salt []byte, purpose string, n int) ([]byte, error) {
	if len(orgKey) != keySize {
		return nil, fmt.Errorf("%w: an org key has %d bytes, this one %d", ErrKey, keySize, len(orgKey))
	}
	return hkdf.Key(sha256.New, orgKey, salt, "holdfast/segment/v1/"+purpose, n)
}

func newSealer(id string, h header, orgKey []byte) (*sealer, error) {
	check, err := derive(orgKey, h.salt[:], "check", len(h.check))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(check, h.check[:]) {
		return nil, fmt.Errorf("%w of epoch %d", ErrKey, h.epoch)
	}
	key, err := derive(orgKey, h.salt[:], "seal/"+id, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &sealer{id: id, aead: aead}, err
}

func nonce(k kind, ordinal int) []byte {
	var n [12]byte
	n[0] = byte(k)
	binary.BigEndian.PutUint64(n[4:], uint64(ordinal))
	return n[:]
}

// aad binds a module to its place: format version, kind, ordinal, segment.
func (s *sealer) aad(k kind, ordinal int) []byte {
	b := make([]byte, 0, 13+len(s.id))
	b = binary.LittleEndian.AppendUint32(b, Version)
	b = append(b, byte(k))
	b = binary.LittleEndian.AppendUint64(b, uint64(ordinal))
	return append(b, s.id...)
}

func (s *sealer) seal(dst, module []byte, k kind, ordinal int) []byte {
	return s.aead.Seal(dst, nonce(k, ordinal), module, s.aad(k, ordinal))
}

// open decrypts in place.
func (s *sealer) open(sealed []byte, k kind, ordinal int) ([]byte, error) {
	b, err := s.aead.Open(sealed[:0], nonce(k, ordinal), sealed, s.aad(k, ordinal))
	if err != nil {
		return nil, fmt.Errorf("%w: its seal is broken", ErrDamaged)
	}
	return b, nil
}
