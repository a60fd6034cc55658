package vaultcmd_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	"github.com/holdfast-backup/holdfast/server/vaultcmd"
)

const orgID = "org_own"

// keyOf is a customer's key that is all one byte.
func keyOf(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

// lockedOrg is an org with a record, under a customer's key, and a neighbour
// under the keeper; the command sees it as a process that has just started.
func lockedOrg(t *testing.T) (shell func(db *database.DB, args ...string) (string, error), db *database.DB) {
	t.Helper()
	db = databasetest.SQLite(t)
	bucket := memblob.OpenBucket(nil)
	open := func(db *database.DB) *vault.Vault {
		v, err := vault.Open(vault.Config{DB: db.Client, Bucket: bucket, Keeper: localsecrets.NewKeeper([32]byte{1})})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	addOrgs(t, db)
	v, ctx := open(db), engine.AsWorker(t.Context(), "ten_own")
	for _, org := range []string{orgID, "org_neighbour"} {
		run, err := v.BeginRun(ctx, vault.RunSpec{OrgID: org, JobID: "job_" + org, Operation: engine.CompositeBackup})
		must(err)
		w, err := run.Writer(ctx, vault.Schema{Object: "Account", Fields: []vault.SchemaField{{Name: "Name", Type: "string", Hot: true}}})
		must(err)
		must(w.Put(ctx, vault.Row{ID: []byte("001"), Modstamp: []byte("t"), Values: [][]byte{[]byte("Acme")}}))
		_, err = w.Finish(ctx, nil)
		must(err)
		_, err = run.Commit(ctx)
		must(err)
	}
	must(v.UseCustomerKey(ctx, orgID, keyOf(7)))
	return func(db *database.DB, args ...string) (string, error) {
		var out bytes.Buffer
		parser, err := kong.New(&vaultcmd.Command{}, kong.BindTo(t.Context(), (*context.Context)(nil)), kong.BindTo(&out, (*io.Writer)(nil)), kong.Bind(vaultcmd.Opener(func(context.Context) (*vaultcmd.Server, error) {
			return &vaultcmd.Server{Vault: open(db), DB: db.Client}, nil
		})))
		must(err)
		parsed, err := parser.Parse(args)
		if err == nil {
			err = parsed.Run()
		}
		return out.String(), err
	}, db
}

func addOrgs(t *testing.T, db *database.DB) {
	t.Helper()
	if err := db.Client.Tenant.Create().SetID("ten_own").SetName("own").SetSlug("own").Exec(engine.AsSystem(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, org := range []string{orgID, "org_neighbour"} {
		err := db.Client.Org.Create().SetID(org).SetTenantID("ten_own").SetName(org).SetType("SANDBOX").SetFlow(engine.FlowRefreshToken).
			SetLoginURL("-").SetClientID("-").Exec(engine.AsWorker(t.Context(), "ten_own"))
		if err != nil {
			t.Fatal(err)
		}
	}
}

func keyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "own.key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestVerifyWithACustomersKey: without its key an org is named as not verified,
// and its neighbour is verified all the same.
func TestVerifyWithACustomersKey(t *testing.T) {
	shell, db := lockedOrg(t)
	out, err := shell(db, "verify")
	if err == nil || !strings.Contains(out, "org_own (org_own): not verified: its keys are under a customer's own key, fingerprint ") ||
		!strings.Contains(out, "--customer-key-file") || !strings.Contains(out, "org_neighbour (org_neighbour): 1 segments, 1 versions") {
		t.Errorf("without the key: %v\n%s", err, out)
	}
	right, wrong := keyFile(t, keyOf(7)+"\n"), keyFile(t, keyOf(8))
	if out, err := shell(db, "verify", "--customer-key-file", wrong); err == nil || !strings.Contains(out, "not verified") {
		t.Errorf("with another key: %v\n%s", err, out)
	}
	for name, args := range map[string][]string{
		"its key": {"verify", "--customer-key-file", right}, "two keys": {"verify", "--customer-key-file", wrong, "--customer-key-file=" + right},
	} {
		if out, err := shell(db, args...); err != nil || strings.Count(out, " 1 segments, 1 versions") != 2 {
			t.Errorf("with %s: %v\n%s", name, err, out)
		}
	}
	malformed := keyFile(t, "c2hvcnQ=")
	if out, err := shell(db, "verify", "--customer-key-file", malformed); err == nil || !strings.Contains(err.Error(), malformed) || strings.Contains(err.Error()+out, "c2hvcnQ=") {
		t.Errorf("with a malformed key: %v\n%s", err, out)
	}
	t.Setenv("HOLDFAST_CUSTOMER_KEY", keyOf(7))
	if out, err := shell(db, "verify", "--org", orgID); err != nil || !strings.Contains(out, "0 problems") {
		t.Errorf("with the key in the environment: %v\n%s", err, out)
	}
}

// TestRebuildWithACustomersKey: the database is lost, the bucket is not.
func TestRebuildWithACustomersKey(t *testing.T) {
	shell, _ := lockedOrg(t)
	lost := databasetest.SQLite(t)
	addOrgs(t, lost)
	for _, args := range [][]string{{"rebuild", orgID}, {"rebuild", orgID, "--customer-key-file", keyFile(t, keyOf(8))}} {
		if out, err := shell(lost, args...); err == nil || !strings.Contains(err.Error(), "--customer-key-file") || out != "" {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	out, err := shell(lost, "rebuild", orgID, "--customer-key-file", keyFile(t, keyOf(7)))
	if err != nil || !strings.Contains(out, "org_own (org_own): 1 segments, 1 versions") {
		t.Errorf("%v\n%s", err, out)
	}
}
