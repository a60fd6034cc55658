package salesforce_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/simorg"
)

func sum(content []byte) string {
	digest := md5.Sum(content)
	return hex.EncodeToString(digest[:])
}

func letters(n int) []byte {
	content := make([]byte, n)
	for i := range content {
		content[i] = byte('a' + i*i%26)
	}
	return content
}

// partly answers a request with the content from its Range on, and cuts the
// line after so many bytes.
func partly(w http.ResponseWriter, r *http.Request, content []byte, cut int) {
	from := 0
	if asked := r.Header.Get("Range"); asked != "" {
		_, _ = fmt.Sscanf(asked, "bytes=%d-", &from)
		if from >= len(content) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(content[from:min(len(content), from+cut)])
	if from+cut < len(content) {
		panic(http.ErrAbortHandler)
	}
}

// TestAFileComesWholeOrNotAtAll: what the org answers, call by call, and what
// becomes of it.
func TestAFileComesWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	content := letters(300_000)
	other := append([]byte("another"), content[7:]...)
	for _, tt := range []struct {
		name   string
		answer func(call int, w http.ResponseWriter, r *http.Request)
		size   int64
		sum    string
		code   string // of the error; the content came whole without one
		calls  int
	}{
		{"at once", func(_ int, w http.ResponseWriter, r *http.Request) { _, _ = w.Write(content) }, 300_000, sum(content), "", 1},
		{"without a length or a checksum", func(_ int, w http.ResponseWriter, r *http.Request) { _, _ = w.Write(content) }, -1, "", "", 1},
		{"in ranges, each of which breaks", func(_ int, w http.ResponseWriter, r *http.Request) { partly(w, r, content, 40_000) }, 300_000, sum(content), "", 8},
		{"in so many ranges that one call's tries would not do", func(_ int, w http.ResponseWriter, r *http.Request) { partly(w, r, content, 20_000) }, 300_000, sum(content), "", 15},
		{"from the start again", func(call int, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			partly(w, r, content, call*110_000)
		}, 300_000, sum(content), "", 3},
		{"another one from the start again", func(call int, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			partly(w, r, [][]byte{content, other}[call-1], call*150_000)
		}, 300_000, "", "FILE_DIFFERS", 2},
		{"short", func(_ int, w http.ResponseWriter, r *http.Request) { _, _ = w.Write(content[:1000]) }, 300_000, "", "FILE_TRUNCATED", 3},
		{"short, and it says so", func(_ int, w http.ResponseWriter, r *http.Request) { partly(w, r, content[:1000], 1000) }, 300_000, "", "FILE_TRUNCATED", 2},
		{"long", func(_ int, w http.ResponseWriter, r *http.Request) { _, _ = w.Write(content) }, 299_999, "", "FILE_DIFFERS", 1},
		{"damaged", func(_ int, w http.ResponseWriter, r *http.Request) { _, _ = w.Write(other) }, 300_000, sum(content), "FILE_DIFFERS", 1},
		{"the wrong range", func(call int, w http.ResponseWriter, r *http.Request) {
			if call == 2 {
				w.Header().Set("Content-Range", "bytes 5-299999/300000")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(content[5:])
				return
			}
			partly(w, r, content, 200_000)
		}, 300_000, sum(content), "", 3},
		{"gone", func(_ int, w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]`)
		}, 300_000, "", "NOT_FOUND", 1},
		{"empty", func(_ int, w http.ResponseWriter, r *http.Request) {}, 0, "d41d8cd98f00b204e9800998ecf8427e", "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, calls := newWire(t), 0
			w.data("GET /sobjects/Attachment/00P000000000001AAA/Body", func(rw http.ResponseWriter, r *http.Request) {
				calls++
				tt.answer(calls, rw, r)
			})
			var got bytes.Buffer
			err := w.open(t, salesforce.Options{}).ReadFile(t.Context(), engine.FileRequest{Object: "Attachment", Field: "Body", ID: "00P000000000001AAA", Size: tt.size, MD5: tt.sum}, &got)
			e, _ := engine.AsError(err)
			switch {
			case calls != tt.calls:
				t.Errorf("%d calls, want %d (%v)", calls, tt.calls, err)
			case tt.code != "" && (e == nil || e.Code != tt.code):
				t.Errorf("got %v, want %s", err, tt.code)
			case tt.code == "" && (err != nil || tt.size != 0 && !bytes.Equal(got.Bytes(), content)):
				t.Errorf("%d bytes came, and %v", got.Len(), err)
			}
		})
	}
}

// narrow takes so much and no more.
type narrow struct{ left int }

var errFull = errors.New("full")

func (f *narrow) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestAFileThatCannotBeStoredIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	w, calls := newWire(t), 0
	w.data("GET /sobjects/Attachment/00P000000000001AAA/Body", func(rw http.ResponseWriter, r *http.Request) {
		calls++
		_, _ = rw.Write(letters(300_000))
	})
	err := w.open(t, salesforce.Options{}).ReadFile(t.Context(), engine.FileRequest{Object: "Attachment", Field: "Body", ID: "00P000000000001AAA", Size: 300_000}, &narrow{100_000})
	if !errors.Is(err, errFull) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// TestSimFilesUnderFaults reads a simulated org's files under each fault.
func TestSimFilesUnderFaults(t *testing.T) {
	t.Parallel()
	content := letters(200_000)
	for _, kind := range append(hostile, simorg.Cut) {
		if kind == simorg.NULBytes {
			continue // a fault of CSV
		}
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := simulate(t, simorg.Config{}, salesforce.Options{})
			id := s.insert(s.describe("ContentVersion"), map[string]string{"Title": "Offer", "PathOnClient": "offer.bin", "VersionData": base64.StdEncoding.EncodeToString(content)})[0]
			file := engine.FileRequest{Object: "ContentVersion", Field: "VersionData", ID: id, Size: int64(len(content)), MD5: sum(content)}
			s.sim.SetFaults(simorg.Fault{Nth: 1, Kind: kind, Path: "/VersionData"})
			var got bytes.Buffer
			err := s.ReadFile(t.Context(), file, &got)
			if kind == simorg.LimitExceeded {
				if !engine.Is(err, engine.KindLimit) {
					t.Errorf("got %v", err)
				}
				return
			}
			if kind == simorg.RowLock || err == nil {
				if err == nil && !bytes.Equal(got.Bytes(), content) {
					t.Errorf("%d bytes", got.Len())
				}
				return
			}
			t.Error(err)
		})
	}
}
