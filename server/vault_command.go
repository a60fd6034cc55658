package main

import (
	"context"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"gocloud.dev/secrets"

	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/server/config"
	"github.com/holdfast-backup/holdfast/server/vaultcmd"
)

type vaultCommand struct {
	config.Config    `embed:""`
	vaultcmd.Command `embed:""`
}

// AfterApply tells the sub-commands where to print, and how to open the vault.
func (c *vaultCommand) AfterApply(k *kong.Context) error {
	k.BindTo(os.Stdout, (*io.Writer)(nil))
	k.Bind(vaultcmd.Opener(c.open))
	k.Bind(vaultcmd.KeeperOpener(c.keeper))
	return nil
}

// open opens what the server of this configuration keeps; it lasts as long as
// the process.
func (c *vaultCommand) open(ctx context.Context) (*vaultcmd.Server, error) {
	keeper, err := c.keeper(ctx)
	if err != nil {
		return nil, err
	}
	bucket, err := c.OpenBucket(ctx)
	if err != nil {
		return nil, err
	}
	db, err := database.Open(ctx, c.DatabaseURL())
	if err != nil {
		return nil, err
	}
	v, err := vault.Open(vault.Config{DB: db.Client, Bucket: bucket, Keeper: keeper})
	return &vaultcmd.Server{Vault: v, DB: db.Client}, err
}

// keeper opens the keeper that a server has: a folder misspelt shall not get a
// key of its own.
func (c *vaultCommand) keeper(ctx context.Context) (*secrets.Keeper, error) {
	if err := c.RequireKey(); err != nil {
		return nil, err
	}
	return c.OpenKeeper(ctx)
}
