// Package graph is the GraphQL API: the contract in *.graphqls, resolvers that
// call one operation each, the one place that turns failures into codes, and
// the guards that every request passes.
package graph

import (
	"log/slog"

	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/orgs"
	"github.com/holdfast-backup/holdfast/ent"
)

// Resolver has the operations that the fields of the schema call.
type Resolver struct {
	DB          *ent.Client
	Identity    *identity.Service
	Connections *orgs.Orgs
	Queue       *job.Queue
	Log         *slog.Logger
}
