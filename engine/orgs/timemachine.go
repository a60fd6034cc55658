package orgs

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/org"
)

const (
	maxTimeMachineKeys = 2 // the old one and the new one, while they rotate
	leastKeyBits       = 2048
	maxKeyText         = 16 << 10
	keyTries           = 5 // at a row that others write, too
)

// AddTimeMachineKey pins a public key, PEM of an X.509 certificate or of the
// key itself: requests of the org's Apex that it has signed are accepted from
// now on. The codes are KEY_INVALID, PRIVATE_KEY, KEY_TOO_SHORT, KEY_KNOWN and
// TOO_MANY_KEYS.
func (o *Orgs) AddTimeMachineKey(ctx context.Context, orgID, text string) (*ent.Org, error) {
	key, err := o.parseKey(text)
	if err != nil {
		return nil, err
	}
	return o.changeKeys(ctx, orgID, func(row *ent.Org) ([]engine.TimeMachineKey, error) {
		switch {
		case keyIndex(row, key.Fingerprint) >= 0:
			return nil, keyProblem("KEY_KNOWN", "“"+row.Name+"” accepts this key already: nothing is to be done.")
		case len(row.TimeMachineKeys) >= maxTimeMachineKeys:
			return nil, keyProblem("TOO_MANY_KEYS", "“"+row.Name+"” has two keys already: remove the one that is no longer used first.")
		}
		return append(slices.Clone(row.TimeMachineKeys), key), nil
	})
}

// pin adds a key to an org that is being connected, where it may be already.
func (o *Orgs) pin(ctx context.Context, row *ent.Org, text string) (*ent.Org, error) {
	saved, err := o.AddTimeMachineKey(ctx, row.ID, text)
	if e, ok := engine.AsError(err); ok && e.Code == "KEY_KNOWN" {
		return row, nil
	}
	if saved == nil {
		saved = row
	}
	return saved, err
}

// RemoveTimeMachineKey stops accepting what a key has signed, at once.
// KindNotFound when the org has no such key.
func (o *Orgs) RemoveTimeMachineKey(ctx context.Context, orgID, fingerprint string) (*ent.Org, error) {
	return o.changeKeys(ctx, orgID, func(row *ent.Org) ([]engine.TimeMachineKey, error) {
		i := keyIndex(row, strings.ToLower(strings.TrimSpace(fingerprint)))
		if i < 0 {
			return nil, &engine.Error{
				Kind: engine.KindNotFound, Code: "NOT_FOUND", Org: orgID, Field: "fingerprint",
				Message: "“" + row.Name + "” has no Time Machine key with this fingerprint: take one of those it lists.",
			}
		}
		return slices.Delete(slices.Clone(row.TimeMachineKeys), i, i+1), nil
	})
}

// changeKeys is a compare-and-set on the org's row, so that of two
// administrators at work neither undoes the other.
func (o *Orgs) changeKeys(ctx context.Context, orgID string, change func(*ent.Org) ([]engine.TimeMachineKey, error)) (*ent.Org, error) {
	for range keyTries {
		row, err := o.Get(ctx, orgID)
		if err != nil {
			return nil, err
		}
		keys, err := change(row)
		if err != nil {
			return nil, err
		}
		saved, err := o.DB.Org.Update().Where(org.ID(orgID), org.UpdatedAt(row.UpdatedAt)).SetTimeMachineKeys(keys).Save(ctx)
		if err != nil {
			return nil, engine.Wrap("save the org's keys", err)
		}
		if saved == 1 {
			return o.Get(ctx, orgID)
		}
	}
	return nil, engine.E(engine.KindConflict, "CHANGED_MEANWHILE", "The org was changed at the same time: look at its keys, and try again.")
}

func keyIndex(row *ent.Org, fingerprint string) int {
	return slices.IndexFunc(row.TimeMachineKeys, func(k engine.TimeMachineKey) bool { return k.Fingerprint == fingerprint })
}

// parseKey reads PEM.
func (o *Orgs) parseKey(text string) (engine.TimeMachineKey, error) {
	var key engine.TimeMachineKey
	if len(text) > maxKeyText {
		return key, badKey()
	}
	block, _ := pem.Decode([]byte(strings.TrimSpace(text)))
	if block == nil {
		return key, badKey()
	}
	public, expires, err := publicKey(block)
	if err != nil {
		return key, err
	}
	if public.N.BitLen() < leastKeyBits {
		return key, keyProblem("KEY_TOO_SHORT", "The key has fewer than 2048 bits: make a certificate of 2048 or 4096 bits in Salesforce.")
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return key, badKey()
	}
	sum := sha256.Sum256(der)
	return engine.TimeMachineKey{
		Fingerprint: hex.EncodeToString(sum[:]), PublicKey: der, AddedAt: o.Clock().UTC().Truncate(time.Microsecond), ExpiresAt: expires,
	}, nil
}

func publicKey(block *pem.Block) (*rsa.PublicKey, *time.Time, error) {
	var (
		parsed  any
		expires *time.Time
		err     error
	)
	switch {
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, nil, keyProblem("PRIVATE_KEY", "This is a private key, which nobody but Salesforce should have: replace the certificate there, and give its public part.")
	case block.Type == "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			end := certificate.NotAfter.UTC()
			parsed, expires = certificate.PublicKey, &end
		}
	case block.Type == "PUBLIC KEY":
		parsed, err = x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PUBLIC KEY":
		parsed, err = x509.ParsePKCS1PublicKey(block.Bytes)
	}
	public, isRSA := parsed.(*rsa.PublicKey)
	if err != nil || !isRSA {
		return nil, nil, badKey()
	}
	return public, expires, nil
}

func badKey() error {
	return keyProblem("KEY_INVALID", "Give the certificate that Salesforce lets you download, or its RSA public key, as PEM: the text from -----BEGIN to -----END.")
}

func keyProblem(code, message string) error {
	return &engine.Error{Kind: engine.KindInvalid, Code: code, Field: "publicKey", Message: message}
}

// timeMachinePermission is in the package that an org installs.
const timeMachinePermission = "Holdfast_Restore"

// TimeMachineInstalled asks the org whether it has Time Machine's package.
func (o *Orgs) TimeMachineInstalled(ctx context.Context, orgID string) (bool, error) {
	session, err := o.OpenOrg(ctx, orgID)
	if err != nil {
		return false, err
	}
	reader, ok := session.(engine.AccessReader)
	if !ok {
		return false, engine.E(engine.KindInvalid, "NOT_SUPPORTED", "This connection cannot tell what is installed in the org.")
	}
	found, err := reader.CustomPermissions(ctx, []string{timeMachinePermission})
	return len(found) > 0, err
}
