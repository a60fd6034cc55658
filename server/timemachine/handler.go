// Package timemachine answers the orgs' Apex: part 1 of lwc/CONTRACT.md over
// HTTP. What a user may see is decided in engine/restore.
package timemachine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/files"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/orgs"
	"github.com/holdfast-backup/holdfast/engine/restore"
	"github.com/holdfast-backup/holdfast/server/auth"
)

const (
	maxBody   = 1 << 20
	maxAnswer = 5 << 20 // Apex takes six

	// One address stands for many users: a pod's orgs call from a few.
	addressPerMinute, addressAtOnce = 3000, 600
	userPerMinute, userAtOnce       = 240, 60

	orgAnswers = time.Minute // Apex waits for us for two
)

// Config is what the handler needs.
type Config struct {
	Identity *identity.Service
	Restore  *restore.Restore
	Orgs     *orgs.Orgs
	Jobs     *job.Queue
	Files    *files.Files
	// Origins are those of pages, besides the orgs' own, that may follow a job.
	Origins []string
	// Audience is the server's own address, without a slash at its end.
	Audience string
	Now      func() time.Time
	Log      *slog.Logger
}

// Handler answers POST /time-machine/v1/{operation}, and streams by Stream.
type Handler struct {
	Config
	addresses, users *auth.Throttle
	operations       map[string]operation
}

// operation answers one request with what is written as JSON.
type operation func(ctx context.Context, q request) (any, error)

// request is one that its token has proved.
type request struct {
	identity.OrgCaller
	asker restore.Asker
	body  []byte
}

// New makes the handler.
func New(c Config) *Handler {
	h := &Handler{
		Config: c, addresses: auth.NewThrottle(addressPerMinute, addressAtOnce), users: auth.NewThrottle(userPerMinute, userAtOnce),
	}
	h.operations = map[string]operation{
		"versions": h.versions, "compare": h.compare,
		"restore": h.restore, "job": h.job, "stream-ticket": h.streamTicket, "deleted-related": h.deletedRelated,
		"files": h.files, "file-link": h.fileLink,
	}
	return h
}

// ServeHTTP answers one operation.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := h.answer(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	text, err := json.Marshal(answer)
	if err == nil && len(text) > maxAnswer {
		err = engine.E(engine.KindLimit, "TOO_LARGE", "The answer is larger than Salesforce takes: choose fewer versions.")
	}
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	write(w, http.StatusOK, text)
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request) (any, error) {
	do, known := h.operations[r.PathValue("operation")]
	if !known {
		return nil, engine.E(engine.KindNotFound, "UNKNOWN_OPERATION", "There is no such operation: the Time Machine package may be newer than this server.")
	}
	q, err := h.prove(w, r)
	if err != nil {
		return nil, err
	}
	return do(engine.Impatient(engine.WithViewer(r.Context(), q.Viewer), orgAnswers), q)
}

// prove reads the request and checks its token.
func (h *Handler) prove(w http.ResponseWriter, r *http.Request) (q request, err error) {
	if err := h.addresses.Allow(r.Context()); err != nil {
		return q, busy()
	}
	q.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return q, engine.E(engine.KindLimit, "TOO_LARGE", "The request is larger than 1 MB: ask for less at a time.")
	case err != nil:
		return q, badRequest("", "The request broke off.")
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	var common struct {
		ObjectName     string   `json:"objectName"`
		RecordID       string   `json:"recordId"`
		ReadableFields []string `json:"readableFields"`
	}
	if err := decode(q.body, &common); err != nil {
		return q, err
	}
	q.OrgCaller, err = h.Identity.AuthenticateOrg(r.Context(), identity.OrgRequest{
		Token: strings.TrimSpace(token), Audience: h.Audience, Operation: r.PathValue("operation"), RecordID: common.RecordID, Body: q.body,
	})
	if err != nil {
		return q, err
	}
	if !h.users.AllowKey(q.Viewer.Org + "/" + string(q.User)) {
		return q, busy()
	}
	q.asker = restore.Asker{OrgID: q.Viewer.Org, User: q.User, ObjectName: common.ObjectName, RecordID: q.Record, Readable: common.ReadableFields}
	return q, nil
}

// decode reads a body, or a part of it.
func decode(body []byte, into any) error {
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return badRequest("", "The body is not a JSON object.")
	}
	err := json.Unmarshal(body, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return badRequest(wrong.Field, "“"+wrong.Field+"” is not of the type that it should be.")
	case err != nil:
		return badRequest("", "The body is not JSON.")
	}
	return nil
}

func badRequest(field, message string) error {
	return &engine.Error{Kind: engine.KindInvalid, Code: "BAD_REQUEST", Field: field, Message: message}
}

func busy() error {
	return engine.E(engine.KindLimit, "BUSY", "There were too many requests at once: wait a few seconds and try again.")
}
