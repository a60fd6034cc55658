package vault_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

const goldenDir = "testdata/golden-v1"

// goldenKey is the keeper of the store that a release keeps for the ones after it.
var goldenKey = [32]byte{'g', 'o', 'l', 'd'}

// goldenVault is an empty database before the golden bucket.
func goldenVault(t *testing.T, dir string) (*machine, *vault.Vault) {
	t.Helper()
	db := databasetest.SQLite(t)
	system := engine.AsSystem(context.Background())
	check(t, db.Client.Tenant.Create().SetID("ten_golden").SetName("golden").SetSlug("golden").Exec(system))
	ctx := engine.AsWorker(context.Background(), "ten_golden")
	check(t, db.Client.Org.Create().SetID("org_golden").SetTenantID("ten_golden").SetName("golden").SetType("SANDBOX").
		SetFlow(engine.FlowRefreshToken).SetLoginURL("-").SetClientID("-").Exec(ctx))
	bucket, err := vault.OpenBucket(ctx, dir)
	check(t, err)
	m := &machine{t: t, ctx: ctx, org: "org_golden", now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	m.Vault, err = vault.Open(vault.Config{DB: db.Client, Bucket: bucket, Keeper: localsecrets.NewKeeper(goldenKey), Clock: m.clock})
	check(t, err)
	return m, m.Vault
}

// TestGolden reads a store that an earlier version of this program wrote. It
// must stay readable: a format that changes gets a new number and a new store.
// HOLDFAST_WRITE_GOLDEN=1 writes it, which is right only before a release.
func TestGolden(t *testing.T) {
	t.Parallel()
	said := filepath.Join(goldenDir, "said.txt")
	if os.Getenv("HOLDFAST_WRITE_GOLDEN") != "" {
		check(t, os.RemoveAll(goldenDir))
		m, _ := goldenVault(t, filepath.Join(goldenDir, "bucket"))
		for _, deed := range deeds()[:6] {
			check(t, deed(m))
		}
		_, err := m.PutFile(m.ctx, m.org, strings.NewReader("A file of the golden store."))
		check(t, err)
		check(t, m.backup("job_4", 9, richSchema(), richRows(), schemaOf("Contact", "Email!"), []string{"c9 t - g@x"}))
		check(t, os.WriteFile(said, []byte(m.everything()+"\n"+m.rich()), 0o600))
	}
	m, v := goldenVault(t, filepath.Join(goldenDir, "bucket"))
	check(t, v.Rebuild(m.ctx, m.org))
	wanted, err := os.ReadFile(said)
	check(t, err)
	want(t, "the golden store", m.everything()+"\n"+m.rich(), string(wanted))
	m.clean()
	stats, err := m.Stats(m.ctx, m.org)
	check(t, err)
	if stats.Files != 1 {
		t.Errorf("%d files, want 1", stats.Files)
	}
}

// richSchema and richRows hold texts that meet every encoding.
func richSchema() vault.Schema {
	return schemaOf("Rich__c", "Id", "Stamp", "Owner", "Born", "Flag", "Memo", "Kind!", "Amount")
}

func richRows() (rows []string) {
	for i := range 40 {
		id := "a01Qy0000000" + string(rune('A'+i/10)) + string(rune('0'+i%10)) + "x"
		id += engine.IDChecksum(id)
		owner := "005Qy00000000" + string(rune('a'+i%3)) + "1"
		owner += engine.IDChecksum(owner)
		stamp := time.Date(2026, 2, 3, 4, i, 6, i*1e6, time.UTC).Format("2006-01-02T15:04:05.000Z")
		memo := "Zürich,“" + strings.Repeat("記", i%5) + "”"
		rows = append(rows, strings.Join([]string{
			id, stamp, "-", id, stamp, owner, "19" + string(rune('5'+i%5)) + "0-02-28", []string{"true", "false"}[i%2],
			memo, []string{"Hot", "Cold", "-"}[i%3], string(rune('1'+i%9)) + ".50",
		}, " "))
	}
	return rows
}

func (m *machine) rich() string {
	m.t.Helper()
	lines, err := m.read("Rich__c")
	check(m.t, err)
	return strings.Join(lines, "\n")
}
