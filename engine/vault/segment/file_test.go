package segment_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

const chunk = 64 << 10

// asked is a source that counts what it is asked for.
type asked struct {
	memory
	ranges []int // their lengths
}

func (a *asked) ReadAt(ctx context.Context, p []byte, off int64) error {
	a.ranges = append(a.ranges, len(p))
	return a.memory.ReadAt(ctx, p, off)
}

func seal(t *testing.T, content []byte) *asked {
	t.Helper()
	var blob bytes.Buffer
	w, err := segment.NewFileWriter(&blob, segment.Creation{ID: "f", Epoch: 1, Key: orgKey})
	check(t, err)
	_, err = w.Write(content)
	check(t, err)
	check(t, w.Close(make([]byte, 32)))
	return &asked{memory: blob.Bytes()}
}

func openFile(t *testing.T, src *asked) *segment.FileReader {
	t.Helper()
	f, err := segment.OpenFile(t.Context(), src, segment.Opening{ID: "f", Size: int64(len(src.memory)), Key: keyed})
	check(t, err)
	src.ranges = nil
	return f
}

// TestFileReadsAhead: who reads on asks for ever more at once, up to a bound;
// who jumps asks for no more than what is wanted.
func TestFileReadsAhead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, size := range []int{0, 1, chunk, 3 * chunk, 3*chunk + 1, 64 * chunk, 200*chunk - 1} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(random.Uint32())
		}
		src := seal(t, content)
		f := openFile(t, src)
		got, err := io.ReadAll(f)
		check(t, err)
		if !bytes.Equal(got, content) {
			t.Fatalf("%d bytes: the content differs", size)
		}
		if size >= 200*chunk-1 {
			t.Logf("%d chunks were read in %d ranges of the source", (size+chunk-1)/chunk, len(src.ranges))
			if len(src.ranges) > 11 || slices.Max(src.ranges) > 2<<20+64*1024 {
				t.Errorf("ranges %v", src.ranges)
			}
		}
		for range 50 {
			from := random.IntN(size + 1)
			length := min(random.IntN(3*chunk), size-from)
			_, err := f.Seek(int64(from), io.SeekStart)
			check(t, err)
			part := make([]byte, length)
			_, err = io.ReadFull(f, part)
			check(t, err)
			if !bytes.Equal(part, content[from:from+length]) {
				t.Fatalf("%d bytes from %d of %d differ", length, from, size)
			}
		}
	}
	src := seal(t, make([]byte, 100*chunk))
	f := openFile(t, src)
	for n := 99; n >= 0; n-- {
		_, err := f.Seek(int64(n*chunk), io.SeekStart)
		check(t, err)
		_, err = io.ReadFull(f, make([]byte, 10))
		check(t, err)
	}
	if longest := slices.Max(src.ranges); longest > chunk+64 {
		t.Errorf("who jumps asked for %d bytes", longest)
	}
}

// TestFileAheadIsDamaged: a chunk that is damaged ends the reading there, not
// where it was fetched, and stays damaged.
func TestFileAheadIsDamaged(t *testing.T) {
	content := bytes.Repeat([]byte("Holdfast"), 40*chunk/8)
	src := seal(t, content)
	src.memory[len(src.memory)-3*chunk] ^= 1
	f := openFile(t, src)
	for range 2 {
		_, err := f.Seek(0, io.SeekStart)
		check(t, err)
		got, err := io.ReadAll(f)
		if !errors.Is(err, segment.ErrDamaged) || len(got) != 37*chunk || !bytes.Equal(got, content[:len(got)]) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}
