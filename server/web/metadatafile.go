package web

import (
	"mime"
	"net/http"
	"path"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

// metadataFile serves a file to be saved, never to be shown: whoever wrote it
// is not us.
func (s Site) metadataFile(w http.ResponseWriter, r *http.Request) {
	name, content, err := s.MetadataFile(r.Context(), r.PathValue("token"))
	if e, told := engine.AsError(err); told {
		writeError(w, http.StatusForbidden, e.Code, e.Message)
		return
	}
	if err != nil {
		s.Log.ErrorContext(r.Context(), "a metadata file could not be opened", "error", err)
		writeError(w, http.StatusInternalServerError, "INTERNAL", "The file could not be opened: the server's log tells the operator more.")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}))
	h.Set("Cache-Control", "private, no-store")
	http.ServeContent(w, r, "", time.Time{}, content)
}
