// Package auth finds out on whose behalf a request speaks, and from where it
// comes, before anything else looks at it.
package auth

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

// Authenticate says on whose behalf an access token speaks, and until when.
type Authenticate func(ctx context.Context, token string) (engine.Viewer, time.Time, error)

// Bearer puts the viewer of the request's access token into its context. A
// request without a good token goes on without a viewer, as a sign-in must;
// what needs a viewer refuses it. A stream ends with its token.
func Bearer(authenticate Authenticate, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !found {
			next.ServeHTTP(w, r)
			return
		}
		viewer, until, err := authenticate(r.Context(), strings.TrimSpace(token))
		switch {
		case engine.Is(err, engine.KindDenied):
			next.ServeHTTP(w, r)
		case err != nil:
			http.Error(w, "The server cannot check access tokens at the moment: try again.", http.StatusServiceUnavailable)
		default:
			ctx, cancel := lifetime(engine.WithViewer(r.Context(), viewer), r, until)
			defer cancel()
			next.ServeHTTP(w, r.WithContext(ctx))
		}
	})
}

func lifetime(ctx context.Context, r *http.Request, until time.Time) (context.Context, context.CancelFunc) {
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		return context.WithDeadline(ctx, until)
	}
	return context.WithCancel(ctx)
}

type addressKey struct{}

// Address notes where a request comes from, for rate limits. Behind a proxy of
// ours that is what the proxy wrote down last; otherwise nobody's word counts.
func Address(behindProxy bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			address = r.RemoteAddr
		}
		if hops := r.Header.Values("X-Forwarded-For"); behindProxy && len(hops) > 0 {
			last := hops[len(hops)-1]
			address = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), addressKey{}, address)))
	})
}
