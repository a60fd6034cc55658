// Package web is the server's face over HTTP: GraphQL at /graphql, GraphiQL at
// /, the way back from Salesforce's consent page, and what a load balancer asks.
package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
)

// maxBody is how much a request may carry: queries are small, files travel by
// signed links.
const maxBody = 1 << 20

//go:embed assets
var embedded embed.FS

// Site is what the routes lead to.
type Site struct {
	GraphQL http.Handler
	// Complete ends the connecting of an org (orgs.Complete).
	Complete func(ctx context.Context, state, code, denied string) (*ent.Org, error)
	// JobLog writes the log that a signed link opens, as CSV; it answers an error
	// only before it has written.
	JobLog func(ctx context.Context, w io.Writer, token string) error
	// TimeMachine is what the component in the orgs' pages speaks to.
	TimeMachine TimeMachine
	// File and MetadataFile open the content that a signed link names: of a file of
	// records, and of a metadata component.
	File, MetadataFile OpenFile
	// Ready says why the server cannot answer at the moment, if so.
	Ready func(ctx context.Context) error
	// Stopping is closed when the server stops: streams end then, while other
	// requests are finished.
	Stopping <-chan struct{}
	Log      *slog.Logger
}

// TimeMachine answers the orgs' Apex, streams to their pages and gives them files.
type TimeMachine struct {
	Answer, Stream http.Handler
	File           OpenFile
}

// Handler serves the site.
func (s Site) Handler() http.Handler {
	assets, err := fs.Sub(embedded, "assets")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", caching("no-store", wholeBody(s.endStreams(s.GraphQL))))
	mux.Handle("GET /{$}", http.FileServerFS(assets))
	mux.Handle("GET /assets/", caching("no-cache", http.StripPrefix("/assets/", tagged(assets))))
	mux.HandleFunc("GET "+CallbackPath, s.callback)
	mux.HandleFunc("GET /job-log/{token}", s.jobLog)
	mux.Handle("POST /time-machine/v1/{operation}", s.TimeMachine.Answer)
	for _, method := range []string{"GET ", "OPTIONS "} {
		mux.Handle(method+"/time-machine/v1/stream", s.endStreams(s.TimeMachine.Stream))
	}
	mux.HandleFunc("GET /metadata-file/{token}", s.file(s.MetadataFile))
	mux.HandleFunc("GET /file/{token}", s.file(s.File))
	mux.HandleFunc("GET /time-machine/v1/file/{token}", s.file(s.TimeMachine.File))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeStatus(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", s.readiness)
	return secured(mux)
}

// tagged serves files that a browser keeps until their content changes: with
// an entity tag each, as compiled-in files have no times.
func tagged(files fs.FS) http.Handler {
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, err := fs.ReadFile(files, r.URL.Path); err == nil {
			w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(text)))
		}
		server.ServeHTTP(w, r)
	})
}

func (s Site) readiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		s.Log.WarnContext(ctx, "not ready", "error", err)
		writeStatus(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	writeStatus(w, http.StatusOK, "ready")
}

func (s Site) jobLog(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="job-log.csv"`)
	w.Header().Set("Cache-Control", "no-store")
	err := s.JobLog(r.Context(), w, r.PathValue("token"))
	if e, told := engine.AsError(err); told {
		w.Header().Del("Content-Disposition")
		writeError(w, http.StatusForbidden, e.Code, e.Message)
	} else if err != nil {
		s.Log.WarnContext(r.Context(), "a job's log broke off", "error", err)
	}
}

func writeStatus(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": text})
}

// policy keeps the page to its own files. GraphiQL's editor sets styles of its own.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// wholeBody reads a request before GraphQL does, which would answer one that
// is too large, or no request in JSON, without a code, and print it.
func wholeBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var shape struct {
			Query, OperationName  string
			Variables, Extensions map[string]json.RawMessage
		}
		switch {
		case err != nil:
			writeError(w, http.StatusRequestEntityTooLarge, "LIMIT", "A request has at most 1 MiB: send less at a time.")
		case json.Unmarshal(body, &shape) != nil:
			writeError(w, http.StatusBadRequest, "BAD_USER_INPUT", "The body is not one request in JSON: send {\"query\": \"…\", \"variables\": {…}}.")
		default:
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		}
	})
}

// writeError answers as GraphQL does.
func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	failure := map[string]any{"message": message, "extensions": map[string]string{"code": code}}
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{failure}})
}

func caching(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", policy)
		next.ServeHTTP(w, r)
	})
}

// endStreams cancels what would go on for as long as the client listens.
func (s Site) endStreams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" && !strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go func() {
			select {
			case <-s.Stopping:
				cancel()
			case <-ctx.Done():
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
