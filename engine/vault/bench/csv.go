package main

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// appendCSV writes a row as vaulttest.AppendCSV does. Most values are short:
// they are copied in words, which are looked at for quotes in passing.
func appendCSV(b []byte, values [][]byte) []byte {
	room := 8
	for _, v := range values {
		room += 2*len(v) + 3
	}
	n := len(b)
	if cap(b)-n < room {
		b = slices.Grow(b, room+cap(b)/2)
	}
	b = b[:n+room]
	for _, v := range values {
		if len(v) == 0 {
			binary.LittleEndian.PutUint32(b[n:], '"'|'"'<<8|','<<16)
			n += 3
			continue
		}
		b[n] = '"'
		n++
		quotes := uint64(1)
		switch dst := b[n : n+len(v)]; {
		case len(v) < 4 || len(v) > 32:
		case len(v) >= 8:
			head, tail := binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[len(v)-8:])
			binary.LittleEndian.PutUint64(dst, head)
			binary.LittleEndian.PutUint64(dst[len(v)-8:], tail)
			if quotes = quotesIn(head) | quotesIn(tail); len(v) > 16 {
				head, tail = binary.LittleEndian.Uint64(v[8:]), binary.LittleEndian.Uint64(v[len(v)-16:])
				binary.LittleEndian.PutUint64(dst[8:], head)
				binary.LittleEndian.PutUint64(dst[len(v)-16:], tail)
				quotes |= quotesIn(head) | quotesIn(tail)
			}
		default:
			head, tail := binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint32(v[len(v)-4:])
			binary.LittleEndian.PutUint32(dst, head)
			binary.LittleEndian.PutUint32(dst[len(v)-4:], tail)
			quotes = quotesIn(uint64(head)<<32 | uint64(tail))
		}
		if quotes == 0 {
			n += len(v)
		} else {
			n += copyEscaped(b[n:], v)
		}
		b[n], b[n+1] = '"', ','
		n += 2
	}
	b[n-1] = '\n'
	return b[:n]
}

// quotesIn is not 0 when one of eight bytes is a quote.
func quotesIn(word uint64) uint64 {
	const ones = 0x0101010101010101
	word ^= ones * '"'
	return (word - ones) &^ word & (ones << 7)
}

func copyEscaped(dst, v []byte) (n int) {
	for at := bytes.IndexByte(v, '"'); at >= 0; at = bytes.IndexByte(v, '"') {
		n += copy(dst[n:], v[:at+1])
		dst[n] = '"'
		n++
		v = v[at+1:]
	}
	return n + copy(dst[n:], v)
}
