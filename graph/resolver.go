// Package graph is the GraphQL API: the contract in *.graphqls, resolvers that
// call one operation each, the one place that turns failures into codes, and
// the guards that every request passes.
package graph

import (
	"log/slog"

	"github.com/holdfast-backup/holdfast/engine/backup"
	"github.com/holdfast-backup/holdfast/engine/files"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/orgs"
	"github.com/holdfast-backup/holdfast/engine/restore"
	"github.com/holdfast-backup/holdfast/engine/retain"
	"github.com/holdfast-backup/holdfast/engine/schedules"
	"github.com/holdfast-backup/holdfast/engine/templates"
	"github.com/holdfast-backup/holdfast/ent"
)

// Resolver resolves every field of the schema.
type Resolver struct {
	Rooms Rooms
	DB    *ent.Client
	Log   *slog.Logger
	// Address is the server's own, as the tokens of an org must name it.
	Address string
}

// Rooms have the operations that the fields call.
type Rooms struct {
	Identity  *identity.Service
	Orgs      *orgs.Orgs
	Jobs      *job.Queue
	Backup    *backup.Backup
	Files     *files.Files
	Restore   *restore.Restore
	Retain    *retain.Retain
	Templates *templates.Templates
	Schedules *schedules.Schedules
}
