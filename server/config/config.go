// Package config is what a Holdfast server can be told: by flag, by environment
// or in a file, and what it does where it is told nothing.
package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/secrets"
)

// Config is the settings of a server. The zero value of an address means its
// default below Data, so that one folder is all a small server needs.
type Config struct {
	Data               string        `help:"Folder for everything that is not put elsewhere." default:"./data" env:"HOLDFAST_DATA" type:"path"`
	Database           string        `help:"postgres:// URL, or path of a SQLite file (default: holdfast.db in the data folder)." env:"DATABASE_URL"`
	Bucket             string        `help:"URL of the bucket for versions and files: s3://, gs://, azblob://, file:// (default: a folder in the data folder)." env:"HOLDFAST_BUCKET_URL"`
	KeyURL             string        `help:"URL of the keeper of the server's keys, such as awskms://, gcpkms://, azurekeyvault://, hashivault:// (default: the key file)." env:"HOLDFAST_KEY_URL"`
	KeyFile            string        `help:"File with the server's key; made at the first start (default: holdfast.key in the data folder)." env:"HOLDFAST_KEY_FILE" type:"path"`
	Listen             string        `help:"Address to listen on." default:"127.0.0.1:8080" env:"HOLDFAST_LISTEN"`
	PublicURL          string        `help:"Address under which browsers reach the server (default: what it listens on)." env:"HOLDFAST_PUBLIC_URL"`
	BehindProxy        bool          `help:"Believe X-Forwarded-For of the one proxy in front." env:"HOLDFAST_BEHIND_PROXY"`
	SalesforceHosts    []string      `help:"Hosts that orgs may be connected on, instead of Salesforce's own: .suffix or host:port." env:"HOLDFAST_SALESFORCE_HOSTS"`
	TimeMachineOrigins []string      `help:"Origins of pages, besides the orgs' own Lightning pages, that may follow a restore." env:"HOLDFAST_TIME_MACHINE_ORIGINS"`
	Lease              time.Duration `help:"After how long without a sign of life another node takes a job over." default:"30s" env:"HOLDFAST_LEASE"`
	LogLevel           slog.Level    `help:"Least level to log: debug, info, warn or error." default:"info" env:"HOLDFAST_LOG_LEVEL"`
}

// DatabaseURL is where the tables are.
func (c Config) DatabaseURL() string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, "holdfast.db")
}

// OpenBucket opens the store for versions and files.
func (c Config) OpenBucket(ctx context.Context) (*blob.Bucket, error) {
	address := c.Bucket
	if address == "" {
		folder, err := filepath.Abs(filepath.Join(c.Data, "vault"))
		if err != nil {
			return nil, fmt.Errorf("find the data folder: %w", err)
		}
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make the vault's folder: %w", err)
		}
		address = (&url.URL{Scheme: "file", Path: folder}).String()
	}
	bucket, err := blob.OpenBucket(ctx, folderOptions(address))
	if err != nil {
		return nil, errors.New("open the bucket: " + strings.ReplaceAll(err.Error(), address, redact(address)))
	}
	return bucket, nil
}

// folderOptions are what the vault needs of a bucket that is a folder, unless
// its URL says otherwise: the temporary file lies beside its target, so that a
// rename is enough; no attribute files; folders are the owner's alone.
func folderOptions(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" {
		return address
	}
	query := u.Query()
	for name, value := range map[string]string{"no_tmp_dir": "true", "metadata": "skip", "dir_file_mode": "448"} {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// OpenKeeper opens the keeper of the server's keys.
func (c Config) OpenKeeper(ctx context.Context) (*secrets.Keeper, error) {
	address := c.KeyURL
	if address == "" {
		key, err := c.readOrMakeKey()
		if err != nil {
			return nil, err
		}
		address = "base64key://" + key
	}
	keeper, err := secrets.OpenKeeper(ctx, address)
	if err != nil && c.KeyURL != "" {
		return nil, fmt.Errorf("open the keeper of HOLDFAST_KEY_URL (%s://…): check the URL and the credentials for it", scheme(c.KeyURL))
	}
	return keeper, err
}

func scheme(address string) string {
	name, _, _ := strings.Cut(address, "://")
	return name
}

// redact leaves out what a URL may hold of passwords.
func redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return scheme(address) + "://…"
	}
	u.RawQuery = ""
	return u.Redacted()
}
