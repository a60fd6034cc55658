package segment

import (
	"encoding/binary"
	"fmt"
)

// input reads untrusted bytes. It fails once and for all at the first that
// make no sense; every length is checked against what is left.
type input struct {
	b      []byte
	failed bool
}

func (in *input) fail() { in.failed, in.b = true, nil }

func (in *input) uvarint() uint64 {
	if len(in.b) > 0 && in.b[0] < 0x80 {
		v := in.b[0]
		in.b = in.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(in.b)
	if n <= 0 {
		in.fail()
		return 0
	}
	in.b = in.b[n:]
	return v
}

// count reads a number that may not pass limit.
func (in *input) count(limit int) int {
	v := in.uvarint()
	if v > uint64(limit) {
		in.fail()
		return 0
	}
	return int(v)
}

func (in *input) byte() byte {
	if len(in.b) == 0 {
		in.fail()
		return 0
	}
	v := in.b[0]
	in.b = in.b[1:]
	return v
}

// take returns the next n bytes, without a copy.
func (in *input) take(n int) []byte {
	if n < 0 || n > len(in.b) {
		in.fail()
		return nil
	}
	v := in.b[:n:n]
	in.b = in.b[n:]
	return v
}

// bitmap reads n bits; none after them is set.
func (in *input) bitmap(n int) []byte {
	b := in.take(bitmapLen(n))
	if last := n & 7; !in.failed && last != 0 && b[len(b)-1]>>last != 0 {
		in.fail()
		return nil
	}
	return b
}

// text reads a length and as many bytes.
func (in *input) text(limit int) []byte { return in.take(in.count(limit)) }

func (in *input) err(what string) error {
	if in.failed {
		return fmt.Errorf("%w: its %s makes no sense", ErrDamaged, what)
	}
	return nil
}

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func bitmapLen(n int) int { return (n + 7) / 8 }

func bit(bitmap []byte, i int) bool { return bitmap[i>>3]&(1<<(i&7)) != 0 }

func setBit(bitmap []byte, i int) { bitmap[i>>3] |= 1 << (i & 7) }

// grow returns s with length n, its content unspecified.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}
