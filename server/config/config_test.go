package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "gocloud.dev/blob/fileblob"
	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/server/config"
)

func TestTheKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	c := config.Config{Data: filepath.Join(t.TempDir(), "new")}
	sealed, err := open(t, c).Encrypt(t.Context(), []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := open(t, c).Decrypt(t.Context(), sealed); err != nil || string(plain) != "secret" {
		t.Errorf("%q, %v", plain, err)
	}
	text, err := os.ReadFile(c.KeyPath())
	if err != nil || len(text) != 45 {
		t.Errorf("the key file has %d bytes (%v), want 44 and a newline", len(text), err)
	}
}

func open(t *testing.T, c config.Config) *secrets.Keeper {
	t.Helper()
	keeper, err := c.OpenKeeper(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keeper.Close() })
	return keeper
}

func TestADamagedKeyFileIsNamed(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "short": "c2hvcnQ=\n", "no Base64": strings.Repeat("!", 44), "two keys": strings.Repeat("A", 43) + "=\n" + strings.Repeat("A", 43) + "=\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config.Config{KeyFile: filepath.Join(t.TempDir(), "my.key")}
			if err := os.WriteFile(c.KeyFile, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := c.OpenKeeper(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.KeyFile) || !strings.Contains(err.Error(), "44 characters") {
				t.Errorf("got %v", err)
			}
			if after, _ := os.ReadFile(c.KeyFile); string(after) != text {
				t.Error("the damaged file was overwritten")
			}
		})
	}
}

// TestABucketThatIsAFolder: files of a folder named by URL lie as those of the default.
func TestABucketThatIsAFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	bucket, err := config.Config{Bucket: "file://" + folder}.OpenBucket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.WriteAll(t.Context(), "a/b", []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	var found []string
	err = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		info, _ := entry.Info()
		name := strings.TrimPrefix(path, folder)
		if entry.IsDir() {
			name += " " + info.Mode().String()
		}
		found = append(found, name)
		return err
	})
	if want := []string{"/a drwx------", "/a/b"}; err != nil || !slices.Equal(found[1:], want) {
		t.Errorf("%q, %v; want %q", found[1:], err, want)
	}
	if err := bucket.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsKeepCredentialsToThemselves(t *testing.T) {
	t.Parallel()
	c := config.Config{Bucket: "s4://user:hunter2@bucket?secret=hunter3", KeyURL: "vault9://hunter4"}
	_, bucketErr := c.OpenBucket(t.Context())
	_, keyErr := c.OpenKeeper(t.Context())
	for _, err := range []error{bucketErr, keyErr} {
		if err == nil || strings.Contains(err.Error(), "hunter") {
			t.Errorf("got %v", err)
		}
	}
}
