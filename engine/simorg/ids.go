package simorg

import "strings"

const (
	base62     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	idChecksum = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
)

// To18 appends the checksum to a 15-character id.
func To18(id string) string {
	out := []byte(id)
	for group := range 3 {
		bits := 0
		for i := range 5 {
			if c := id[group*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		out = append(out, idChecksum[bits])
	}
	return string(out)
}

// makeID is the n-th id of a prefix on an instance: prefix, pod, reserved, nine
// base-62 digits, checksum.
func makeID(prefix, pod string, n uint64) string {
	id := []byte(prefix + pod + "0000000000")[:15]
	for i := 14; n > 0 && i >= 6; i-- {
		id[i] = base62[n%62]
		n /= 62
	}
	return To18(string(id))
}

// readID accepts 15 or 18 characters and returns 18; ok is false when the shape
// or the checksum is wrong.
func readID(s string) (id string, ok bool) {
	if len(s) != 15 && len(s) != 18 {
		return "", false
	}
	for i := range len(s) {
		if strings.IndexByte(base62, s[i]) < 0 {
			return "", false
		}
	}
	id = To18(s[:15])
	return id, len(s) == 15 || strings.EqualFold(id, s)
}

// nextID gives a new id; ids are never reused.
func (o *Org) nextID(prefix string) string {
	o.idMu.Lock()
	defer o.idMu.Unlock()
	o.counters[prefix]++
	return makeID(prefix, o.cfg.Pod, o.counters[prefix])
}
