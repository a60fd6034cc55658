package engine

import "time"

// TimeMachineKey is a public key whose signature proves that a request comes
// from an org's Apex.
type TimeMachineKey struct {
	Fingerprint string    // hex SHA-256 of PublicKey
	PublicKey   []byte    // SubjectPublicKeyInfo in DER: RSA, 2048 bits at least
	AddedAt     time.Time // UTC
	// ExpiresAt is the end of the certificate that the key came in, nil for a bare key.
	ExpiresAt *time.Time
}
