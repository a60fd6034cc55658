// Package vaultcmd is `holdfast vault`: what an operator does with the vault
// from a shell. Cat needs a key and files only; the others work on the server's
// own database, bucket and keeper, which the caller opens.
package vaultcmd

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/secrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/org"
)

// Command is the command group, for kong.
type Command struct {
	Cat     Cat     `cmd:"" help:"Print the versions in segment files, with a key alone."`
	Verify  Verify  `cmd:"" help:"Read everything again and say what is wrong, and where."`
	Stats   Stats   `cmd:"" help:"Show what each org's vault holds and takes."`
	Rebuild Rebuild `cmd:"" help:"Make an org's manifest anew from the bucket and the keeper."`
}

// Server is what the commands work on.
type Server struct {
	Vault *vault.Vault
	DB    *ent.Client
}

// Opener opens the server's own vault; Cat does without. It must be bound to
// kong, with a context and the io.Writer to print to.
type Opener func(ctx context.Context) (*Server, error)

// KeeperOpener opens the keeper of the server's own keys, for Cat with a copy
// of a manifest. It must be bound to kong.
type KeeperOpener func(ctx context.Context) (*secrets.Keeper, error)

// Cat prints segments.
type Cat struct {
	Files  []string `arg:"" type:"existingfile" help:"Segment files (.hfs), under the names they have in the bucket."`
	Key    string   `help:"The org's own key of the segments' epoch, 32 bytes in Base64." env:"HOLDFAST_ORG_KEY" xor:"key"`
	Copy   string   `help:"A copy of the org's manifest (.hfm), whose keys the keeper unwraps." type:"existingfile" xor:"key"`
	Keeper string   `help:"The keeper's URL, such as base64key://… (default: --key-url, or the key file)." env:"HOLDFAST_KEEPER"`
	Object string   `help:"Only this SObject."`
	ID     string   `help:"Only this record."`
}

// Run prints one JSON object a version.
func (c *Cat) Run(ctx context.Context, own KeeperOpener, out io.Writer) error {
	keys, err := c.keys(ctx, own)
	if err != nil {
		return err
	}
	for _, path := range c.Files {
		if err := c.cat(ctx, path, keys, json.NewEncoder(out)); err != nil {
			return err
		}
	}
	return nil
}

// keys finds the org's key of an epoch.
func (c *Cat) keys(ctx context.Context, own KeeperOpener) (func(epoch uint32) ([]byte, error), error) {
	if c.Key != "" {
		key, err := base64.StdEncoding.DecodeString(c.Key)
		if err != nil {
			return nil, errors.New("the key is not Base64")
		}
		return func(uint32) ([]byte, error) { return key, nil }, nil
	}
	if c.Copy == "" {
		return nil, errors.New("give --key, or --copy: the newest manifest/*.hfm of the org, whose keys the server's key file or --keeper unwraps")
	}
	if c.Keeper != "" {
		own = func(ctx context.Context) (*secrets.Keeper, error) { return secrets.OpenKeeper(ctx, c.Keeper) }
	}
	keeper, err := own(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = keeper.Close() }()
	f, err := os.Open(c.Copy)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	keys, err := vault.KeysOfCopy(ctx, f, keeper)
	return func(epoch uint32) ([]byte, error) {
		if key, ok := keys[epoch]; ok {
			return key, nil
		}
		return nil, fmt.Errorf("the copy of the manifest has no key of epoch %d", epoch)
	}, err
}

// file is a segment.Source.
type file struct{ *os.File }

// ReadAt reads one range.
func (f file) ReadAt(_ context.Context, p []byte, off int64) error {
	_, err := f.File.ReadAt(p, off)
	return err
}

func (c *Cat) cat(ctx context.Context, path string, keys func(uint32) ([]byte, error), out *json.Encoder) error {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	id := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	r, err := segment.Open(ctx, file{f}, segment.Opening{ID: id, Size: info.Size(), Key: keys})
	if err != nil {
		return err
	}
	for _, s := range r.Sections() {
		if c.Object != "" && c.Object != s.Object {
			continue
		}
		if err := c.section(ctx, r, &s, out); err != nil {
			return err
		}
	}
	return nil
}

// version is a line of Cat.
type version struct {
	Object    string            `json:"object"`
	ID        string            `json:"id"`
	Seq       uint64            `json:"seq"`
	Change    engine.Change     `json:"change"`
	Tombstone engine.Tombstone  `json:"tombstone,omitempty"`
	Modstamp  string            `json:"modstamp,omitempty"`
	Values    map[string]string `json:"values,omitempty"`
	Absent    []string          `json:"absent,omitempty"` // fields that the version did not have
}

func (c *Cat) section(ctx context.Context, r *segment.Reader, s *segment.Section, out *json.Encoder) error {
	cur := r.Cursor(s.First, s.First+s.Blocks, 1<<20)
	defer cur.Release()
	for cur.Rest() > 0 {
		if _, err := cur.Next(ctx); err != nil {
			return err
		}
		if err := cur.LoadAll(); err != nil {
			return err
		}
		for row := range cur.Len() {
			if c.ID != "" && c.ID != string(cur.ID(row)) {
				continue
			}
			if err := out.Encode(versionAt(cur, s, row)); err != nil {
				return err
			}
		}
	}
	return nil
}

func versionAt(cur *segment.Cursor, s *segment.Section, row int) version {
	op := cur.Op(row)
	v := version{Object: s.Object, ID: string(cur.ID(row)), Seq: cur.Seq(row), Change: op.Change(), Tombstone: op.Tombstone(), Values: map[string]string{}}
	if stamp, err := cur.Modstamp(row); err == nil { // LoadAll has decoded it
		v.Modstamp = string(stamp)
	}
	for _, cell := range cur.Cells(row) {
		if name := s.Fields[cell.Field].Name; name != "" {
			v.Values[name] = string(cell.Value)
		} else {
			v.Absent = strings.Fields(string(cell.Value))
		}
	}
	return v
}

// Orgs chooses what a command is about.
type Orgs struct {
	Org string `help:"Only this org (org_…)."`
}

// each visits the orgs as their tenants.
func (o *Orgs) each(ctx context.Context, s *Server, visit func(ctx context.Context, row *ent.Org) error) error {
	query := s.DB.Org.Query()
	if o.Org != "" {
		query = query.Where(org.ID(o.Org))
	}
	rows, err := query.All(engine.AsSystem(ctx))
	if err != nil {
		return err
	}
	switch {
	case len(rows) == 0 && o.Org == "":
		return errors.New("this database has no orgs: is it the server's own (--data, --database)?")
	case len(rows) == 0:
		return fmt.Errorf("there is no org %s in this database", o.Org)
	}
	for _, row := range rows {
		if err := visit(engine.AsWorker(ctx, row.TenantID), row); err != nil {
			return err
		}
	}
	return nil
}

// Verify verifies.
type Verify struct {
	Orgs
	CustomerKeys
}

// Run prints a line an org and a line a problem; any problem is an error. An
// org that cannot be opened is one.
func (c *Verify) Run(ctx context.Context, open Opener, out io.Writer) error {
	keys, err := c.read()
	if err != nil {
		return err
	}
	server, err := open(ctx)
	if err != nil {
		return err
	}
	wrong := 0
	err = c.each(ctx, server, func(ctx context.Context, row *ent.Org) error {
		if err := unlock(ctx, server.Vault, row.ID, keys); err != nil {
			wrong++
			_, err = fmt.Fprintf(out, "%s (%s): not verified: %v\n", row.ID, row.Name, err)
			return err
		}
		r, err := server.Vault.Verify(ctx, row.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s (%s): %d segments, %d versions, %d files, %d bytes read, %d problems\n", row.ID, row.Name, r.Segments, r.Versions, r.Files, r.Bytes, len(r.Problems))
		for _, p := range r.Problems {
			wrong++
			_, _ = fmt.Fprintln(out, "  "+p.String())
		}
		return err
	})
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d problems", wrong)
	}
	return err
}

// Stats adds up.
type Stats struct{ Orgs }

// Run prints a line an org.
func (c *Stats) Run(ctx context.Context, open Opener, out io.Writer) error {
	server, err := open(ctx)
	if err != nil {
		return err
	}
	return c.each(ctx, server, func(ctx context.Context, row *ent.Org) error {
		s, err := server.Vault.Stats(ctx, row.ID)
		if err != nil {
			return err
		}
		each := float64(s.Bytes) / float64(max(1, s.Versions))
		_, err = fmt.Fprintf(out, "%s (%s): %d runs, %d SObjects, %d records alive, %d versions in %d segments, %d bytes (%.0f a version), %d files of %d bytes\n",
			row.ID, row.Name, s.Runs, s.Objects, s.Live, s.Versions, s.Segments, s.Bytes, each, s.Files, s.FileBytes)
		return err
	})
}

// Rebuild rebuilds.
type Rebuild struct {
	Org string `arg:"" help:"The org (org_…); it and its tenant must have their rows in the database."`
	CustomerKeys
}

// Run rebuilds one org's manifest and verifies it.
func (c *Rebuild) Run(ctx context.Context, open Opener, out io.Writer) error {
	keys, err := c.read()
	if err != nil {
		return err
	}
	server, err := open(ctx)
	if err != nil {
		return err
	}
	one := Orgs{Org: c.Org}
	err = one.each(ctx, server, func(ctx context.Context, row *ent.Org) error { return server.Vault.Rebuild(ctx, row.ID, keys...) })
	if e, told := engine.AsError(err); told && e.Code == vault.OrgLocked {
		return fmt.Errorf("%w In a shell, name a file with it by --customer-key-file, or put it into %s", err, customerKeyVariable)
	}
	if err != nil {
		return err
	}
	verify := Verify{Orgs: one} // what Rebuild was given a key for is open
	return verify.Run(ctx, func(context.Context) (*Server, error) { return server, nil }, out)
}
