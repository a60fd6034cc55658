package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	_ "gocloud.dev/blob/s3blob" // the driver under test

	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/vaulttest"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

func TestConformance(t *testing.T) {
	for name, bucket := range map[string]func(t *testing.T) *blob.Bucket{
		"memory": func(*testing.T) *blob.Bucket { return memblob.OpenBucket(nil) },
		"folder": func(t *testing.T) *blob.Bucket {
			b, err := vault.OpenBucket(t.Context(), t.TempDir())
			check(t, err)
			return b
		},
		"s3": s3Bucket,
	} {
		t.Run(name, func(t *testing.T) {
			databasetest.Each(t, func(t *testing.T, db *database.DB) {
				b := setup(t, db)
				b.bucket = bucket(t)
				vaulttest.Conform(t, vaulttest.Subject{Vault: b.open(vault.Config{Grace: 1}), Ctx: b.ctx, Org: b.org})
			})
		})
	}
}

// s3Bucket is a bucket on an S3 server of its own. Where versitygw is not
// installed it skips the test, or fails it when CI=true.
func s3Bucket(t *testing.T) *blob.Bucket {
	t.Helper()
	program, err := exec.LookPath("versitygw")
	if home, _ := os.UserHomeDir(); err != nil {
		program = filepath.Join(home, "go", "bin", "versitygw")
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("versitygw is not installed: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	}
	root := t.TempDir()
	check(t, os.Mkdir(filepath.Join(root, "vault"), 0o700))
	address := freeAddress(t)
	server := exec.Command(program, "--access", "test", "--secret", "testsecret", "--port", address, "posix", "--sidecar", t.TempDir(), root) //nolint:gosec // a test's own program
	var said bytes.Buffer
	server.Stdout, server.Stderr = &said, &said
	check(t, server.Start())
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() { _ = server.Process.Kill() })
	waitForS3(t, address, ended)
	check(t, os.Setenv("AWS_ACCESS_KEY_ID", "test")) // t.Setenv is not for parallel tests
	check(t, os.Setenv("AWS_SECRET_ACCESS_KEY", "testsecret"))
	b, err := vault.OpenBucket(context.Background(), fmt.Sprintf("s3://vault?endpoint=http://%s&use_path_style=true&region=us-east-1", address))
	check(t, err)
	return b
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer func() { check(t, l.Close()) }()
	return l.Addr().String()
}

// waitForS3 returns when the server takes connections.
func waitForS3(t *testing.T, address string, ended <-chan error) {
	t.Helper()
	again, late := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if conn, err := net.Dial("tcp", address); err == nil {
				check(t, conn.Close())
				return
			}
		case err := <-ended:
			t.Fatalf("versitygw ended: %v", err)
		case <-late:
			t.Fatal("versitygw does not answer")
		}
	}
}

// TestFolderWithTempDir refuses a folder whose names could not be synced.
func TestFolderWithTempDir(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	bucket, err := blob.OpenBucket(t.Context(), "file://"+t.TempDir()+"?metadata=skip")
	check(t, err)
	b.bucket = bucket
	_, err = b.open(vault.Config{}).PutFile(b.ctx, b.org, strings.NewReader("x"))
	if err == nil || !strings.Contains(err.Error(), "no_tmp_dir") {
		t.Errorf("stored all the same: %v", err)
	}
}
