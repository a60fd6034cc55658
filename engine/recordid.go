package engine

import "strings"

// RecordID names a Salesforce record: 18 characters, the last three of which
// are a checksum over the letter case of the first fifteen.
type RecordID string

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

// ParseRecordID accepts the 15- and the 18-character form and returns the
// 18-character one. Anything else, a wrong checksum included, is KindInvalid.
func ParseRecordID(s string) (RecordID, error) {
	if len(s) != 15 && len(s) != 18 {
		return "", malformedID(s)
	}
	for i := 0; i < len(s); i++ {
		if !isAlphanumeric(s[i]) {
			return "", malformedID(s)
		}
	}
	full := s[:15] + IDChecksum(s[:15])
	if len(s) == 18 && !strings.EqualFold(full[15:], s[15:]) {
		return "", malformedID(s)
	}
	return RecordID(full), nil
}

// IDChecksum returns the three characters that follow a 15-character id.
// It must be called with exactly fifteen bytes.
func IDChecksum(id15 string) string {
	var sum [3]byte
	for group := range sum {
		bits := 0
		for i := range 5 {
			if c := id15[group*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		sum[group] = idAlphabet[bits]
	}
	return string(sum[:])
}

// KeyPrefix is the first three characters, which name the SObject in most orgs.
func (id RecordID) KeyPrefix() string {
	if len(id) < 3 {
		return ""
	}
	return string(id[:3])
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func malformedID(s string) error {
	if len(s) > 24 {
		s = s[:24] + "…"
	}
	return &Error{
		Kind: KindInvalid, Code: "MALFORMED_ID", Record: s,
		Message: "“" + s + "” is not a Salesforce record id: give its 15 or 18 characters.",
	}
}
