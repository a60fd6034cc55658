package database

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/schema"
)

// TestGuardLooksOncePerParent: a batch of rows of one parent costs one look-up.
func TestGuardLooksOncePerParent(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "holdfast.db"), Unsynced())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	lookups := 0
	counting := dialect.DebugWithContext(entsql.OpenDB(dialect.SQLite, db.SQL), func(_ context.Context, statement ...any) {
		if strings.Contains(fmt.Sprint(statement...), "SELECT tenant_id FROM") {
			lookups++
		}
	})
	client := ent.NewClient(ent.Driver(counting))
	client.Use(newGuard().hook)
	ctx := engine.AsSystem(t.Context())
	tenant := client.Tenant.Create().SetName("acme").SetSlug("acme").SaveX(ctx)
	ctx = engine.AsWorker(t.Context(), tenant.ID)
	org := client.Org.Create().SetTenantID(tenant.ID).SetName("org").SetType("SANDBOX").SetFlow(engine.FlowWebServer).SetLoginURL("x").SetClientID("x").SaveX(ctx)
	job := client.Job.Create().SetTenantID(tenant.ID).SetOrgID(org.ID).SetNumber(1).SetOperation(engine.Export).SaveX(ctx)
	lookups = 0
	var lines []*ent.LogLineCreate
	for seq := range 100 {
		lines = append(lines, client.LogLine.Create().SetTenantID(tenant.ID).SetJobID(job.ID).SetSeq(int64(seq)).SetAt(schema.Now()).SetLevel(engine.LogInfo).SetMessage("x"))
	}
	client.LogLine.CreateBulk(lines...).ExecX(ctx)
	if lookups != 1 {
		t.Errorf("%d look-ups for 100 rows of one parent", lookups)
	}
}
