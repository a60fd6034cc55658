package salesforce

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os"

	"github.com/holdfast-backup/holdfast/engine"
)

// maxArchive bounds a zip; the platform's own limit is 39 MB.
const maxArchive = 256 << 20

// archive is a zip of components in a file of ours that nobody else sees.
type archive struct {
	files []wireComponent
	file  *os.File
	zip   *zip.Reader
}

// receive copies the zip out of an answer, which may be larger than memory should be.
func (a *archive) receive(answer answer) error {
	return a.fill(func(out io.Writer) error { return copyZip(out, answer.body) })
}

// fill opens the file, anew if an attempt before filled it, and lets write make
// the zip.
func (a *archive) fill(write func(io.Writer) error) (err error) {
	if err := a.Close(); err != nil {
		return err
	}
	if a.file, err = os.CreateTemp("", "holdfast-metadata-"); err != nil {
		return noRoom(err)
	}
	_ = os.Remove(a.file.Name()) // the open file stays; where it cannot be removed yet, Close does it
	err = write(a.file)
	if _, full := errors.AsType[*os.PathError](err); full {
		return noRoom(err)
	}
	if err != nil {
		return err
	}
	size, err := a.file.Seek(0, io.SeekEnd)
	if err != nil {
		return noRoom(err)
	}
	if a.zip, err = zip.NewReader(a.file, size); err != nil {
		return engine.E(engine.KindTransient, zipLost, "Salesforce sent a zip of metadata that cannot be read: try again later.")
	}
	return nil
}

// Close gives the file up.
func (a *archive) Close() error {
	if a.file == nil {
		return nil
	}
	name := a.file.Name()
	err := a.file.Close()
	_ = os.Remove(name)
	a.file, a.zip = nil, nil
	return err
}

func noRoom(cause error) error {
	return &engine.Error{
		Kind: engine.KindTransient, Code: "TEMPORARY_FILE", Err: cause,
		Message: "A temporary file could not be written: make room in the server's temporary folder, then run this again.",
	}
}

var (
	errNoZip    = errors.New("the answer holds no zip")
	errLargeZip = errors.New("the zip is larger than the platform sends")
)

// copyZip decodes the element zipFile of a SOAP answer; nothing else of the
// answer is kept. It is broken unless the answer goes on to its end.
func copyZip(out io.Writer, body io.Reader) error {
	in := bufio.NewReaderSize(body, 64<<10)
	for {
		piece, err := in.ReadSlice('>')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return &broken{err: errNoZip}
		}
		if bytes.HasSuffix(piece, []byte("<zipFile>")) || bytes.HasSuffix(piece, []byte(":zipFile>")) && !bytes.Contains(piece, []byte("</")) {
			break
		}
	}
	size, err := io.Copy(out, io.LimitReader(base64.NewDecoder(base64.StdEncoding, &textReader{in: in}), maxArchive+1))
	_, full := errors.AsType[*os.PathError](err)
	switch {
	case full:
		return err
	case err != nil:
		return &broken{err: err}
	case size > maxArchive:
		return &broken{err: errLargeZip}
	}
	if rest, err := io.ReadAll(io.LimitReader(in, 64<<10)); err != nil || !bytes.HasSuffix(bytes.TrimSpace(rest), []byte("Envelope>")) {
		return &broken{err: errIncomplete}
	}
	return nil
}

// textReader reads an element's text, up to the next tag.
type textReader struct{ in *bufio.Reader }

func (t *textReader) Read(p []byte) (int, error) {
	if _, err := t.in.Peek(1); err != nil {
		return 0, io.ErrUnexpectedEOF
	}
	there, _ := t.in.Peek(min(t.in.Buffered(), len(p)))
	if end := bytes.IndexByte(there, '<'); end == 0 {
		return 0, io.EOF
	} else if end > 0 {
		there = there[:end]
	}
	n := copy(p, there)
	_, err := t.in.Discard(n)
	return n, err
}
