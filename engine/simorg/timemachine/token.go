package timemachine

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// validity is TimeMachineToken.SECONDS_VALID.
const validity = 120 * time.Second

// sign is TimeMachineToken.sign: a token good for this one body.
func (i *invocation) sign(operation string, body []byte) (string, *failure) {
	if i.cfg.Audience == "" || i.cfg.Key == nil {
		return "", refusal(i.user, "NOT_SET_UP", "TimeMachine_ErrorNotSetUp")
	}
	digest := sha256.Sum256(body)
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": i.user.OrganizationID(), "sub": i.user.UserID(), "aud": i.cfg.Audience,
		"exp": i.cfg.Now().Add(validity).Unix(), "jti": uuid.NewString(),
		"op": operation, "rid": i.given.RecordID, "bdy": hex.EncodeToString(digest[:]),
	}).SignedString(i.cfg.Key)
	if err != nil {
		return "", refusal(i.user, "NOT_SET_UP", "TimeMachine_ErrorNotSetUp")
	}
	return token, nil
}

// Certificate is one of the org's Certificate and Key Management.
type Certificate struct {
	Key *rsa.PrivateKey
	// PEM is what Download Certificate gives.
	PEM string
}

const (
	keyBits         = 2048
	certificateLife = 365 * 24 * time.Hour
)

// NewCertificate makes a self-signed certificate, as an administrator does in
// Setup.
func NewCertificate(name string, now time.Time) (Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixMilli()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(certificateLife), SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return Certificate{}, err
	}
	return Certificate{Key: key, PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}, nil
}
