package graph

import (
	"context"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent/auditentry"
	"github.com/holdfast-backup/holdfast/ent/job"
	"github.com/holdfast-backup/holdfast/ent/jobobject"
	"github.com/holdfast-backup/holdfast/ent/org"
	"github.com/holdfast-backup/holdfast/ent/schedule"
	"github.com/holdfast-backup/holdfast/ent/template"
	"github.com/holdfast-backup/holdfast/ent/tenant"
	"github.com/holdfast-backup/holdfast/ent/user"
)

// nodeKind is a type that Query.node answers: where it is stored, and who may
// ask for it. The prefix of an id names it.
type nodeKind struct {
	table string
	role  engine.Role
}

var nodeKinds = map[string]nodeKind{
	"ten":    {tenant.Table, engine.RoleViewer},
	"usr":    {user.Table, engine.RoleAdmin},
	"aud":    {auditentry.Table, engine.RoleAdmin},
	"org":    {org.Table, engine.RoleViewer},
	"job":    {job.Table, engine.RoleViewer},
	"jobobj": {jobobject.Table, engine.RoleViewer},
	"tpl":    {template.Table, engine.RoleViewer},
	"sch":    {schedule.Table, engine.RoleViewer},
}

func nodeTable(ctx context.Context, id string) (string, error) {
	prefix, _, _ := strings.Cut(id, "_")
	kind, known := nodeKinds[prefix]
	if !known {
		return "", notFound()
	}
	return kind.table, requireRole(ctx, kind.role)
}
