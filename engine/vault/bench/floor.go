package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

const frame = 256 << 10

// floor is what storing the CSV text as it is would cost: parse, zstd-1, AES.
type floor struct {
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	aead cipher.AEAD
}

func newFloor() (*floor, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &floor{enc, dec, aead}, err
}

// store parses and packs csv; it returns the sealed frames.
func (f *floor) store(csv []byte) (frames [][]byte, err error) {
	rows := 0
	if err := parse(bytes.Clone(csv), func([][]byte) error { rows++; return nil }); err != nil {
		return nil, err
	}
	for at := 0; at < len(csv); at += frame {
		packed := f.enc.EncodeAll(csv[at:min(at+frame, len(csv))], nil)
		frames = append(frames, f.aead.Seal(packed[:0], make([]byte, 12), packed, nil))
	}
	return frames, nil
}

// load opens, inflates and copies what store returned.
func (f *floor) load(frames [][]byte, dst []byte) ([]byte, error) {
	dst = dst[:0]
	var plain, raw []byte
	var err error
	for _, sealed := range frames {
		if plain, err = f.aead.Open(plain[:0], make([]byte, 12), sealed, nil); err != nil {
			return nil, err
		}
		if raw, err = f.dec.DecodeAll(plain, raw[:0]); err != nil {
			return nil, err
		}
		dst = append(dst, raw...)
	}
	return dst, nil
}

// parse reads CSV whose cells are all quoted, in place: the cells handed out
// are slices of csv, valid during the call.
func parse(csv []byte, row func(cells [][]byte) error) error {
	var cells [][]byte
	for len(csv) > 0 {
		if csv[0] != '"' {
			return fmt.Errorf("a cell begins with %q", csv[0])
		}
		cell, rest := cutCell(csv[1:])
		if rest == nil {
			return fmt.Errorf("a cell does not end")
		}
		cells = append(cells, cell)
		if rest[0] == '\n' {
			if err := row(cells); err != nil {
				return err
			}
			cells = cells[:0]
		}
		csv = rest[1:]
	}
	return nil
}

// cutCell ends a cell at its closing quote; doubled quotes inside are halved
// in place.
func cutCell(b []byte) (cell, rest []byte) {
	if len(b) > 1 && b[0] == '"' && b[1] != '"' {
		return b[:0:0], b[1:]
	}
	end := bytes.IndexByte(b, '"')
	if end < 0 || end+1 >= len(b) {
		return nil, nil
	}
	if b[end+1] != '"' {
		return b[:end:end], b[end+1:]
	}
	to := end + 1
	for from := end + 2; from+1 < len(b); {
		n := bytes.IndexByte(b[from:], '"')
		if n < 0 || from+n+1 >= len(b) {
			break
		}
		to += copy(b[to:], b[from:from+n])
		if from += n + 1; b[from] != '"' {
			return b[:to:to], b[from:]
		}
		b[to] = '"'
		to, from = to+1, from+1
	}
	return nil, nil
}
