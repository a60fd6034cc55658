package config

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keySize is the bytes of the server's key.
const keySize = 32

// KeyPath is the file of the server's key.
func (c Config) KeyPath() string {
	return cmp.Or(c.KeyFile, filepath.Join(c.Data, "holdfast.key"))
}

// RequireKey fails where OpenKeeper would make a key.
func (c Config) RequireKey() error {
	if c.KeyURL != "" {
		return nil
	}
	if _, err := os.Stat(c.KeyPath()); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no key file %s: name the server's own folder (--data), key file (--key-file) or keeper (--key-url)", c.KeyPath())
	}
	return nil
}

// readOrMakeKey returns the key in the spelling of base64key:// URLs.
func (c Config) readOrMakeKey() (string, error) {
	path := c.KeyPath()
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return "", fmt.Errorf("read the key file: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return "", fmt.Errorf("the key file %s is damaged: it should hold one line of 44 characters, %d bytes in Base64, "+
			"as “openssl rand -base64 32” prints them; put back the file that this server was started with first, "+
			"because nothing else opens what it has stored", path, keySize)
	}
	return base64.URLEncoding.EncodeToString(key), nil
}

// makeKey writes a new key so that it survives a power cut before anything is
// sealed with it, and never over another.
func makeKey(path string) (string, error) {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make the key file's folder: %w", err)
	}
	if err := writeSynced(path, base64.StdEncoding.EncodeToString(key)+"\n"); err != nil {
		return "", fmt.Errorf("make the key file: %w", err)
	}
	return base64.URLEncoding.EncodeToString(key), nil
}

func writeSynced(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
