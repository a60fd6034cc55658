package simorg

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// content is the bytes of a base64 field: what was given, or a [GeneratedFile]'s,
// which nobody holds. nil: none.
type content interface {
	io.ReaderAt
	Size() int64
}

func (c *change) hasContent(field string) bool {
	data := c.blobs[field]
	return data != nil && data.Size() > 0
}

// preview is the beginning of a text.
func preview(c content) string {
	begin := make([]byte, min(c.Size(), clipRunes*utf8.UTFMax))
	n, _ := c.ReadAt(begin, 0) // memory does not fail
	return clip(string(begin[:n]))
}

// checksum is a content's MD5, as the platform tells it.
func checksum(c content) string {
	sum := md5.New()
	_, _ = io.Copy(sum, io.NewSectionReader(c, 0, c.Size())) // memory does not fail
	return hex.EncodeToString(sum.Sum(nil))
}

// GeneratedFile is a file whose content is made anew whenever it is read, the
// same bytes for the same Seed: gigabytes of it take no memory.
type GeneratedFile struct {
	PathOnClient string
	Seed         uint64
	Bytes        int64
}

// Content reads what the file contains.
func (f GeneratedFile) Content() *io.SectionReader {
	return io.NewSectionReader(generated{f.Seed, f.Bytes}, 0, f.Bytes)
}

// AddFile makes a ContentVersion of a file, as the org's first user would, and
// tells its id.
func (o *Org) AddFile(f GeneratedFile) (id string, err error) {
	err = o.transact(o.first, writeOptions{}, func(t *tx) (err error) {
		id, err = t.insert(o.schema().Get("ContentVersion"), input{"PathOnClient": f.PathOnClient, "VersionData": generated{f.Seed, f.Bytes}})
		return err
	})
	return id, err
}

// generated is a content of words of eight bytes, each told by its place.
type generated struct {
	seed uint64
	size int64
}

func (g generated) Size() int64 { return g.size }

// ReadAt makes the bytes from off on.
func (g generated) ReadAt(p []byte, off int64) (int, error) {
	if off >= g.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), g.size-off))
	var word [8]byte
	for done := 0; done < n; {
		at := off + int64(done)
		if at%8 == 0 && n-done >= 8 {
			binary.LittleEndian.PutUint64(p[done:], g.word(at/8))
			done += 8
			continue
		}
		binary.LittleEndian.PutUint64(word[:], g.word(at/8))
		done += copy(p[done:n], word[at%8:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// word is splitmix64.
func (g generated) word(n int64) uint64 {
	z := g.seed + uint64(n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// serveContent streams a content: from where a Range header says, if the org
// answers those.
func (c *call) serveContent(data content) (reply, error) {
	from, size := int64(0), data.Size()
	answer := reply{Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/octetstream"}}
	if wanted := c.r.Header.Get("Range"); wanted != "" && c.org.cfg.RangedFiles {
		start, valid := rangeStart(wanted)
		if valid && start >= size {
			return reply{Status: http.StatusRequestedRangeNotSatisfiable, Header: map[string]string{"Content-Range": fmt.Sprintf("bytes */%d", size)}}, nil
		}
		if valid {
			from, answer.Status = start, http.StatusPartialContent
			answer.Header["Content-Range"] = fmt.Sprintf("bytes %d-%d/%d", from, size-1, size)
		}
	}
	answer.Length = size - from
	answer.Stream = func(w io.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(data, from, size-from))
		return err
	}
	return answer, nil
}

// rangeStart reads "bytes=n-"; any other range is none.
func rangeStart(header string) (int64, bool) {
	text, isBytes := strings.CutPrefix(header, "bytes=")
	text, open := strings.CutSuffix(text, "-")
	start, err := strconv.ParseInt(text, 10, 64)
	return start, isBytes && open && err == nil && start >= 0
}
