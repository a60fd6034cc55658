package simorg_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/iotest"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// TestGeneratedFile: a content that nobody holds is read like any other, its
// size and checksum are true, and a Range is answered if the org does that.
func TestGeneratedFile(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{0, 1, 7, 8, 9, 1000, 1<<20 + 3} {
		file := simorg.GeneratedFile{PathOnClient: "film.bin", Seed: 7, Bytes: size}
		whole, err := io.ReadAll(file.Content())
		if err != nil || int64(len(whole)) != size {
			t.Fatalf("%d bytes: %d, %v", size, len(whole), err)
		}
		if size < 2000 {
			if err := iotest.TestReader(file.Content(), whole); err != nil {
				t.Error(err)
			}
		}
	}
	for _, ranges := range []bool{false, true} {
		w := newWorld(t, func(c *simorg.Config) { c.RangedFiles = ranges })
		file := simorg.GeneratedFile{PathOnClient: "film.bin", Seed: 7, Bytes: 100_003}
		whole, _ := io.ReadAll(file.Content())
		id, err := w.org.AddFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := w.query("SELECT Title, ContentSize, Checksum, VersionData FROM ContentVersion WHERE Id = '" + id + "'").Records[0]
		sum := md5.Sum(whole)
		expect(w, "derived", fmt.Sprint(got["Title"], got["ContentSize"], got["Checksum"]), "film100003"+hex.EncodeToString(sum[:]))
		path := got["VersionData"].(string)
		for _, row := range []struct {
			header, contentRange string
			status               int
			body                 []byte
		}{
			{"", "", 200, whole},
			{"bytes=100000-", "bytes 100000-100002/100003", 206, whole[100_000:]},
			{"bytes=100003-", "bytes */100003", 416, nil},
			{"lines=1-", "", 200, whole},
		} {
			if !ranges {
				row.status, row.contentRange, row.body = 200, "", whole
			}
			res, body := w.read(path, row.header)
			if res.StatusCode != row.status || res.Header.Get("Content-Range") != row.contentRange || !bytes.Equal(body, row.body) || res.ContentLength != int64(len(body)) {
				t.Errorf("range %q: %s, %d of %d bytes, %v", row.header, res.Status, len(body), res.ContentLength, res.Header)
			}
		}
		w.org.SetFaults(simorg.Fault{Kind: simorg.Reset, After: 50_000})
		if _, body := w.read(path, ""); !bytes.Equal(body, whole[:50_000]) {
			t.Errorf("%d bytes came before the reset", len(body))
		}
	}
}

// read gets as much of a path as comes.
func (w *world) read(path, ranges string) (*http.Response, []byte) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Accept-Encoding", "identity")
	if ranges != "" {
		req.Header.Set("Range", ranges)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body) // breaks off by design
	return res, body
}
