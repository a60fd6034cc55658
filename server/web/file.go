package web

import (
	"context"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/files"
)

// file serves content to be saved, never to be shown: whoever made the file is
// not us. Parts of it can be asked for.
func (s Site) file(open OpenFile) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		content, err := open(r.Context(), r.PathValue("token"))
		s.give(w, r, content, err)
	}
}

// OpenFile opens the content that a signed link names.
type OpenFile func(ctx context.Context, token string) (*files.Download, error)

func (s Site) give(w http.ResponseWriter, r *http.Request, content *files.Download, err error) {
	if e, told := engine.AsError(err); told {
		writeError(w, statusOf(e.Kind), e.Code, e.Message)
		return
	}
	if err != nil {
		s.Log.ErrorContext(r.Context(), "a file could not be opened", "error", err)
		writeError(w, http.StatusInternalServerError, "INTERNAL", "The file could not be opened: the server's log tells the operator more.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": content.Name}))
	h.Set("Cache-Control", "private, no-store")
	if content.Hash != "" {
		h.Set("ETag", `"`+content.Hash+`"`)
	}
	http.ServeContent(w, r, "", time.Time{}, told{content.ReadSeeker, r, s.Log})
}

func statusOf(kind engine.Kind) int {
	switch kind {
	case engine.KindDenied:
		return http.StatusForbidden
	case engine.KindNotFound:
		return http.StatusNotFound
	case engine.KindConflict:
		return http.StatusConflict
	case engine.KindTransient:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// told tells the log why a content breaks off; who reads it sees that it is cut.
type told struct {
	io.ReadSeeker
	r   *http.Request
	log *slog.Logger
}

func (t told) Read(p []byte) (int, error) {
	n, err := t.ReadSeeker.Read(p)
	if err != nil && err != io.EOF && t.r.Context().Err() == nil { //nolint:errorlint // a reader's own io.EOF
		t.log.WarnContext(t.r.Context(), "a file broke off", "error", err)
	}
	return n, err
}
