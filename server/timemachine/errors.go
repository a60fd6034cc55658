package timemachine

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/oklog/ulid/v2"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/identity"
)

// statuses are those of the contract. A code that is not here stays on the
// server: the org's page knows none but these.
var statuses = map[string]int{
	"BAD_REQUEST": http.StatusBadRequest, "TOO_MANY_VERSIONS": http.StatusBadRequest, "NO_FIELDS": http.StatusBadRequest,
	"UNKNOWN_FIELD": http.StatusBadRequest, "FIELD_TWICE": http.StatusBadRequest, "FIELD_NOT_RESTORABLE": http.StatusBadRequest,
	"FIELD_NOT_IN_VERSION": http.StatusBadRequest,
	"TOKEN_INVALID":        http.StatusUnauthorized, "TOKEN_EXPIRED": http.StatusUnauthorized, "TOKEN_REPLAYED": http.StatusUnauthorized,
	"NO_RECORD_ACCESS": http.StatusForbidden, "NO_RECORD_EDIT_ACCESS": http.StatusForbidden, "NO_FIELD_EDIT_ACCESS": http.StatusForbidden,
	"NO_RESTORE_PERMISSION": http.StatusForbidden, "NO_DELETED_ACCESS": http.StatusForbidden,
	"UNKNOWN_OBJECT": http.StatusNotFound, "RECORD_NOT_STORED": http.StatusNotFound, "VERSION_NOT_FOUND": http.StatusNotFound,
	"JOB_NOT_FOUND": http.StatusNotFound, "FILE_NOT_FOUND": http.StatusNotFound, "UNKNOWN_OPERATION": http.StatusNotFound,
	"CURRENT_CHANGED": http.StatusConflict, "RECORD_DELETED": http.StatusConflict, "FILE_NOT_STORED": http.StatusConflict,
	"TOO_LARGE": http.StatusRequestEntityTooLarge, "BUSY": http.StatusTooManyRequests, "ORG_UNREACHABLE": http.StatusServiceUnavailable,
}

const retryAfter = "5" // seconds

// refuse answers with what went wrong, as far as the user may know it.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	shown := h.show(r, err)
	status, known := statuses[shown.Code]
	if !known {
		status = http.StatusInternalServerError
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	text, _ := json.Marshal(map[string]any{"error": shown}) // strings only: cannot fail
	write(w, status, text)
}

// failure is an error on the wire.
type failure struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Field   *string `json:"field"`
}

func (h *Handler) show(r *http.Request, err error) failure {
	e, told := engine.AsError(err)
	switch {
	case told && e.Code == "USER_NOT_ACTIVE":
		e, _ = engine.AsError(identity.InvalidOrgToken(err))
	case told && statuses[e.Code] != 0:
	case told && ofTheOrg[e.Kind]:
		h.Log.WarnContext(r.Context(), "time machine: the org does not answer", "operation", r.PathValue("operation"), "error", err)
		e = engine.E(e.Kind, "ORG_UNREACHABLE", "Holdfast cannot ask Salesforce at the moment: %s", e.Message)
	case told && e.Kind == engine.KindInvalid:
		e = &engine.Error{Kind: e.Kind, Code: "BAD_REQUEST", Message: e.Message, Field: e.Field}
	default:
		return h.hide(r, err)
	}
	shown := failure{Code: e.Code, Message: e.Message}
	if e.Field != "" {
		shown.Field = &e.Field
	}
	return shown
}

// ofTheOrg are the failures of our connection to the org, whoever asks.
var ofTheOrg = map[engine.Kind]bool{engine.KindTransient: true, engine.KindLimit: true, engine.KindDenied: true, engine.KindConflict: true}

func (h *Handler) hide(r *http.Request, err error) failure {
	reference := ulid.Make().String()
	if !errors.Is(err, r.Context().Err()) || r.Context().Err() == nil {
		h.Log.ErrorContext(r.Context(), "time machine: request failed", "operation", r.PathValue("operation"), "reference", reference, "error", err)
	}
	return failure{Code: "INTERNAL", Message: "Something failed in Holdfast. Its log says more under the reference " + reference + "."}
}

func write(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
