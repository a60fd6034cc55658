package vaultcmd_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/localsecrets" // base64key://

	"github.com/holdfast-backup/holdfast/server/vaultcmd"
)

const golden = "../../engine/vault/testdata/golden-v1/bucket/org/org_golden"

// run parses a command line and runs it without a server.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	parser, err := kong.New(&vaultcmd.Command{}, kong.BindTo(t.Context(), (*context.Context)(nil)), kong.BindTo(&out, (*io.Writer)(nil)),
		kong.Bind(vaultcmd.Opener(func(context.Context) (*vaultcmd.Server, error) { return nil, errors.New("no server") })),
		kong.Bind(vaultcmd.KeeperOpener(func(context.Context) (*secrets.Keeper, error) { return nil, errors.New("no keeper") })))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return "", err
	}
	return out.String(), errors.Join(parsed.Run(), nil)
}

func goldenFiles(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(golden, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files %s: %v", pattern, err)
	}
	return files
}

func cat(t *testing.T, keeper string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	copies := goldenFiles(t, "manifest/*")
	c := vaultcmd.Cat{Files: goldenFiles(t, "seg/*"), Copy: copies[len(copies)-1], Keeper: keeper}
	err := c.Run(t.Context(), nil, &out)
	return out.String(), err
}

// TestCatTakesTheServersOwnKeeper: where none is named.
func TestCatTakesTheServersOwnKeeper(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	copies := goldenFiles(t, "manifest/*")
	c := vaultcmd.Cat{Files: goldenFiles(t, "seg/*"), Copy: copies[len(copies)-1]}
	key := [32]byte{'g', 'o', 'l', 'd'}
	own := func(ctx context.Context) (*secrets.Keeper, error) {
		return secrets.OpenKeeper(ctx, "base64key://"+base64.URLEncoding.EncodeToString(key[:]))
	}
	if err := c.Run(t.Context(), own, &out); err != nil || !strings.Contains(out.String(), `"object":"Rich__c"`) {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestCatReadsTheGoldenStoreWithAKeyAlone(t *testing.T) {
	t.Parallel()
	key := [32]byte{'g', 'o', 'l', 'd'}
	out, err := cat(t, "base64key://"+base64.URLEncoding.EncodeToString(key[:]))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out, "\n"); lines < 45 || !strings.Contains(out, `"object":"Rich__c"`) {
		t.Errorf("%d lines: %s", lines, out)
	}
	if _, err := cat(t, "base64key://"+base64.URLEncoding.EncodeToString(make([]byte, 32))); err == nil {
		t.Error("another keeper opens it")
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		text string
	}{
		{[]string{"cat", goldenFiles(t, "seg/*")[0]}, "give --key"},
		{[]string{"cat", goldenFiles(t, "seg/*")[0], "--key", "no base64"}, "not Base64"},
		{[]string{"cat", goldenFiles(t, "seg/*")[0], "--key", base64.StdEncoding.EncodeToString(make([]byte, 32))}, "not the key"},
		{[]string{"cat", goldenFiles(t, "seg/*")[0], "--copy", goldenFiles(t, "manifest/*")[0]}, "no keeper"},
		{[]string{"verify"}, "no server"},
		{[]string{"stats", "--org", "org_x"}, "no server"},
		{[]string{"rebuild", "org_x"}, "no server"},
		{[]string{"rebuild"}, "org"},
	} {
		if _, err := run(t, tt.args...); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%v: %v, want %q", tt.args, err, tt.text)
		}
	}
}
