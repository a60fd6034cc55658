package salesforce

import (
	"context"
	"crypto/md5" //nolint:gosec // the platform's own checksum
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// ReadFile streams one file's content; one API call unless the way breaks.
func (o *org) ReadFile(ctx context.Context, file engine.FileRequest, w io.Writer) error {
	d := &download{file: file, w: w, sum: md5.New()} //nolint:gosec // the platform's own checksum
	c := get(o.data("/sobjects/"+file.Object+"/"+string(file.ID)+"/"+file.Field), file.Object, "read the content of a file of "+file.Object)
	for {
		before := d.at
		d.header = map[string]string{"Accept": "*/*", "Accept-Encoding": "identity"}
		d.aim()
		c.header = d.header
		err := o.do(ctx, c, d.take)
		switch {
		case d.failed != nil:
			return d.failed
		case err == nil:
			return d.check()
		case d.at == before || !engine.Is(err, engine.KindTransient) || ctx.Err() != nil:
			return d.explain(err)
		}
	}
}

// mostShort is how often a content may end early before that is the truth.
const mostShort = 3

// download is a file on its way.
type download struct {
	file   engine.FileRequest
	header map[string]string // of the call and its repeats
	w      io.Writer
	sum    hash.Hash // of what w has got
	at     int64     // how much that is
	short  int       // how often the content ended early
	failed error     // no other try helps: w refuses, or the content is another
}

// aim makes the next repeat of the call ask for what is missing.
func (d *download) aim() {
	if d.at > 0 {
		d.header["Range"] = fmt.Sprintf("bytes=%d-", d.at)
	}
}

// take copies an answer. One that begins at the start again, because the org
// does not answer ranges, must begin with what is here already.
func (d *download) take(a answer) error {
	defer d.aim()
	switch {
	case a.status == http.StatusPartialContent && !strings.HasPrefix(a.header.Get("Content-Range"), fmt.Sprintf("bytes %d-", d.at)):
		return &broken{err: errors.New("the answer is not the range that was asked for")}
	case a.status != http.StatusPartialContent && d.at > 0:
		if err := d.skip(a.body); err != nil {
			return err
		}
	}
	if err := d.copy(a.body); err != nil {
		return err
	}
	if d.at >= d.file.Size {
		return nil
	}
	if d.short++; d.short == mostShort {
		d.failed = d.differs("FILE_TRUNCATED", fmt.Sprintf("ended after %d of %d bytes", d.at, d.file.Size))
		return d.failed
	}
	return &broken{err: errors.New("the content ended early")}
}

func (d *download) skip(body io.Reader) error {
	again := md5.New() //nolint:gosec // compared with our own
	if _, err := io.CopyN(again, body, d.at); err != nil {
		return &broken{err: err}
	}
	if string(again.Sum(nil)) != string(d.sum.Sum(nil)) {
		d.failed = d.differs("FILE_DIFFERS", "changed while it was being read")
		return d.failed
	}
	return nil
}

func (d *download) copy(body io.Reader) error {
	buffer := make([]byte, 64<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if d.file.Size >= 0 && d.at+int64(n) > d.file.Size {
				d.failed = d.differs("FILE_DIFFERS", "is longer than its record says")
				return d.failed
			}
			_, _ = d.sum.Write(buffer[:n])
			d.at += int64(n)
			if _, err := d.w.Write(buffer[:n]); err != nil {
				d.failed = err
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &broken{err: err}
		}
	}
}

// check holds the whole content against its record.
func (d *download) check() error {
	if d.file.MD5 != "" && !strings.EqualFold(hex.EncodeToString(d.sum.Sum(nil)), d.file.MD5) {
		return d.differs("FILE_DIFFERS", "has another checksum than its record says")
	}
	return nil
}

// explain: an org that has nothing after what came thinks that it was all.
func (d *download) explain(err error) error {
	if r, ok := refused(err); ok && r.Status == http.StatusRequestedRangeNotSatisfiable {
		return d.differs("FILE_TRUNCATED", fmt.Sprintf("ended after %d of %d bytes", d.at, d.file.Size))
	}
	return err
}

func (d *download) differs(code, how string) error {
	return &engine.Error{
		Kind: engine.KindCorrupt, Code: code, Object: d.file.Object, Record: string(d.file.ID),
		Message: "The content of " + d.file.Object + " " + string(d.file.ID) + " " + how + ": nothing of it was stored.",
	}
}
