package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/holdfast-backup/holdfast/engine"
)

func packable(name, text string, open func(io.Reader) io.Reader) engine.ComponentFile {
	return engine.ComponentFile{Name: name, Size: int64(len(text)), Open: func() (io.ReadCloser, error) { return io.NopCloser(open(strings.NewReader(text))), nil }}
}

func TestFilesArePackedAndToldApart(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"none": {}, "one": {"a": "x"}, "empty": {"a": "", "b": "y"}, "long": {strings.Repeat("n", 300): strings.Repeat("z", 200_000), "b": "\x00\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var given []engine.ComponentFile
			for path, text := range files {
				given = append(given, packable(path, text, iotest.DataErrReader))
			}
			p := &filePacker{files: given}
			size := p.size()
			packed, err := io.ReadAll(iotest.HalfReader(p))
			if err != nil || int64(len(packed)) != size {
				t.Fatalf("%d bytes, not %d: %v", len(packed), size, err)
			}
			list, err := Unpack(bytes.NewReader(packed), size)
			if err != nil || len(list) != len(files) {
				t.Fatalf("%+v, %v", list, err)
			}
			for _, f := range list {
				if got := string(packed[f.From : f.From+f.Size]); got != files[f.Name] {
					t.Errorf("%.20s: %.20q", f.Name, got)
				}
			}
		})
	}
}

// A file that is not as long as announced, or breaks off, is never stored.
func TestFilesThatDoNotAddUpAreRefused(t *testing.T) {
	t.Parallel()
	short, long := packable("a", "text", iotest.HalfReader), packable("a", "text", iotest.HalfReader)
	short.Size, long.Size = 5, 3
	broken := packable("a", "text", func(io.Reader) io.Reader { return iotest.ErrReader(errors.New("checksum")) })
	for name, f := range map[string]engine.ComponentFile{"short": short, "long": long, "broken": broken} {
		_, err := io.ReadAll(&filePacker{files: []engine.ComponentFile{f}})
		if e, ok := engine.AsError(err); !ok || e.Code != "METADATA_DAMAGED" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLongNamesHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, length := range []int{1, 255, 256, 400} {
		for i := range 3 {
			key := ComponentKey(fmt.Sprintf("%0*d", length, i))
			if len(key) > maxKey || keys[key] {
				t.Errorf("%d bytes: %s", len(key), key)
			}
			keys[key] = true
		}
	}
}

func FuzzUnpack(f *testing.F) {
	packed, _ := io.ReadAll(&filePacker{files: []engine.ComponentFile{packable("a", "xyz", iotest.HalfReader), packable("b", "", iotest.HalfReader)}})
	f.Add(packed)
	f.Add([]byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, packed []byte) {
		files, err := Unpack(bytes.NewReader(packed), int64(len(packed)))
		at := int64(0)
		for _, file := range files {
			if file.From < at || file.Size < 0 || file.From+file.Size > int64(len(packed)) {
				t.Fatalf("%+v of %d bytes (%v)", files, len(packed), err)
			}
			at = file.From + file.Size
		}
	})
}
