package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/server/auth"
)

func authenticate(_ context.Context, token string) (engine.Viewer, time.Time, error) {
	switch token {
	case "good":
		return engine.Viewer{Tenant: "ten_1"}, time.Now().Add(time.Hour), nil
	case "broken":
		return engine.Viewer{}, time.Time{}, errors.New("no database")
	}
	return engine.Viewer{}, time.Time{}, engine.E(engine.KindDenied, "UNAUTHENTICATED", "No.")
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header string
		status int
		tenant string
	}{
		"none":        {"", http.StatusOK, ""},
		"good":        {"Bearer good", http.StatusOK, "ten_1"},
		"bad":         {"Bearer bad", http.StatusOK, ""},
		"basic":       {"Basic good", http.StatusOK, ""},
		"no database": {"Bearer broken", http.StatusServiceUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen engine.Viewer
			next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen, _ = engine.ViewerFrom(r.Context()) })
			r, w := httptest.NewRequest(http.MethodPost, "/", nil), httptest.NewRecorder()
			r.Header.Set("Authorization", c.header)
			auth.Bearer(authenticate, next).ServeHTTP(w, r)
			if w.Code != c.status || seen.Tenant != c.tenant {
				t.Errorf("%d as %q, want %d as %q", w.Code, seen.Tenant, c.status, c.tenant)
			}
		})
	}
}

func TestEachAddressHasTriesOfItsOwn(t *testing.T) {
	t.Parallel()
	throttle := auth.NewThrottle(1, 2)
	try := func(behindProxy bool, remote, forwarded string) (err error) {
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { err = throttle.Allow(r.Context()) })
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", forwarded)
		auth.Address(behindProxy, next).ServeHTTP(httptest.NewRecorder(), r)
		return err
	}
	for i, c := range []struct {
		behindProxy       bool
		remote, forwarded string
		refused           bool
	}{
		{false, "192.0.2.1:1", "", false},
		{false, "192.0.2.1:2", "198.51.100.7", false},
		{false, "192.0.2.1:3", "198.51.100.8", true}, // a header that anybody can send
		{false, "192.0.2.2:1", "", false},
		{true, "192.0.2.1:4", "192.0.2.1, 198.51.100.9", false},
		{true, "192.0.2.1:5", "203.0.113.1, 198.51.100.9", false},
		{true, "192.0.2.1:6", "203.0.113.2, 198.51.100.9", true},
	} {
		if err := try(c.behindProxy, c.remote, c.forwarded); (err != nil) != c.refused {
			t.Errorf("try %d: %v", i, err)
		}
	}
}
