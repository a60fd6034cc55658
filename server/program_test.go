package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/holdfast-backup/holdfast/server/config"
)

// start runs the program on a folder of its own.
func start(t *testing.T, c config.Config) *Main {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	m := &Main{Config: c, Log: slog.New(slog.DiscardHandler)}
	if err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

type reply struct {
	status int
	header http.Header
	body   string
}

func do(t *testing.T, method, url string, body []byte) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(text)}
}

// graphQL asks as nobody.
func graphQL(t *testing.T, m *Main, query string) string {
	t.Helper()
	return fmt.Sprint(administrator{t: t, m: m}.ask(query))
}

// administrator is somebody who has signed up.
type administrator struct {
	t     *testing.T
	m     *Main
	token string
}

func newcomer(t *testing.T, m *Main) administrator {
	t.Helper()
	a := administrator{t: t, m: m}
	answer := a.ask(signUp)
	a.token, _ = at(answer, "data", "signUp", "session", "accessToken").(string)
	if a.token == "" {
		t.Fatalf("sign-up: %v", answer)
	}
	return a
}

// ask sends GraphQL and decodes the answer.
func (a administrator) ask(query string) (answer map[string]any) {
	a.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		a.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.m.URL()+"/graphql", bytes.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		a.t.Fatal(err)
	}
	return answer
}

// at walks into decoded JSON; nil where there is nothing.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

func queryOf(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

const (
	signUp = `mutation { signUp(input: {organizationName: "Acme", firstName: "A", lastName: "B", email: "a@example.com",
		password: "correct horse 1!", confirmPassword: "correct horse 1!"}) { session { accessToken } userErrors { code } } }`
	signIn = `mutation { signIn(input: {organizationName: "Acme", email: "a@example.com", password: "correct horse 1!"}) {
		session { accessToken user { role } } userErrors { code } } }`
)

func TestTheProgramKeepsItsDataAcrossARestart(t *testing.T) {
	t.Parallel()
	c := config.Config{Data: t.TempDir()}
	first := start(t, c)
	if answer := graphQL(t, first, signUp); !strings.Contains(answer, "accessToken") {
		t.Fatal(answer)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if answer := graphQL(t, start(t, c), signIn); !strings.Contains(answer, "role:ADMIN") {
		t.Error(answer)
	}
	for path, mode := range map[string]os.FileMode{"holdfast.key": 0o600, "vault": 0o700} {
		info, err := os.Stat(filepath.Join(c.Data, path))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestTheProgramRefusesToStartWithTheWrongKey(t *testing.T) {
	t.Parallel()
	c := config.Config{Data: t.TempDir()}
	if err := start(t, c).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.KeyPath()); err != nil {
		t.Fatal(err)
	}
	c.Listen = "127.0.0.1:0"
	err := (&Main{Config: c, Log: slog.New(slog.DiscardHandler)}).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "WRONG_KEY") {
		t.Errorf("started with a key that opens nothing: %v", err)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	m := start(t, config.Config{Data: t.TempDir()})
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/":                          {http.StatusOK, `<div id="graphiql">`},
		"/assets/graphiql.min.js":    {http.StatusOK, "GraphiQL"},
		"/assets/page.js":            {http.StatusOK, "createFetcher"},
		"/healthz":                   {http.StatusOK, "alive"},
		"/readyz":                    {http.StatusOK, "ready"},
		"/nothing":                   {http.StatusNotFound, ""},
		"/oauth/callback?state=what": {http.StatusBadRequest, "not connected"},
	} {
		got := do(t, http.MethodGet, m.URL()+path, nil)
		if got.status != want.status || !strings.Contains(got.body, want.text) {
			t.Errorf("%s: %d %.200s", path, got.status, got.body)
		}
		if got.header.Get("Content-Security-Policy") == "" || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s has no security headers", path)
		}
	}
	script := do(t, http.MethodGet, m.URL()+"/assets/page.js", nil)
	again, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.URL()+"/assets/page.js", nil)
	if err != nil {
		t.Fatal(err)
	}
	again.Header.Set("If-None-Match", script.header.Get("ETag"))
	if response, err := http.DefaultClient.Do(again); err != nil || response.StatusCode != http.StatusNotModified {
		t.Errorf("a script that the browser has: %v, %v", response, err)
	}
	page := do(t, http.MethodGet, m.URL()+"/", nil).body
	if strings.Contains(page, "//cdn") || strings.Contains(page, "https://") {
		t.Error("the page loads something from elsewhere")
	}
}

func TestBodiesAndSignInsAreLimited(t *testing.T) {
	t.Parallel()
	m := start(t, config.Config{Data: t.TempDir()})
	huge := []byte(`{"query": "{ me { id } }", "variables": {"x": "` + strings.Repeat("x", 2<<20) + `"}}`)
	if got := do(t, http.MethodPost, m.URL()+"/graphql", huge); got.status != http.StatusRequestEntityTooLarge || !strings.Contains(got.body, `"LIMIT"`) {
		t.Errorf("a body of 2 MiB: %d %.200s", got.status, got.body)
	}
	for _, body := range []string{"hunter2", `["hunter2"]`, `{"query": 5}`, `{"query": "{ me { id } }", "variables": ["hunter2"]}`, ""} {
		got := do(t, http.MethodPost, m.URL()+"/graphql", []byte(body))
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, "BAD_USER_INPUT") || strings.Contains(got.body, "hunter2") {
			t.Errorf("%s: %d %.200s", body, got.status, got.body)
		}
	}
	for _, query := range []string{"variables=%5B%5D", "variables=hunter2", "extensions=hunter2"} {
		got := do(t, http.MethodGet, m.URL()+"/graphql?query=%7Bme%7Bid%7D%7D&"+query, nil)
		if strings.Contains(got.body, "INTERNAL") || strings.Contains(got.body, "hunter2") {
			t.Errorf("%s: %d %.200s", query, got.status, got.body)
		}
	}
	batch := "mutation {"
	for i := range triesAtOnce + 1 {
		batch += " a" + string(rune('a'+i)) + `: signOut(input: {refreshToken: ""}) { userErrors { code } }`
	}
	if answer := graphQL(t, m, batch+" }"); !strings.Contains(answer, "TOO_MANY_TRIES") {
		t.Errorf("%d tries in one request: %s", triesAtOnce+1, answer)
	}
}

func TestStoppingEndsStreams(t *testing.T) {
	t.Parallel()
	m := start(t, config.Config{Data: t.TempDir()})
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, response, err := dialer.DialContext(t.Context(), strings.Replace(m.URL(), "http", "ws", 1)+"/graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	defer func() { _ = conn.Close() }()
	hello := map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": "Bearer " + newcomer(t, m).token}}
	var ack map[string]any
	if err := conn.WriteJSON(hello); err != nil {
		t.Fatal(err)
	}
	if err := conn.ReadJSON(&ack); err != nil || ack["type"] != "connection_ack" {
		t.Fatalf("%v %v", ack, err)
	}
	begun := time.Now()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = conn.ReadMessage()
	}
	if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the socket ended with %v, want 1001, after which clients come back", err)
	}
	if took := time.Since(begun); took > stopGrace {
		t.Errorf("stopping took %v", took)
	}
}

func TestReadinessTellsOfALostDatabase(t *testing.T) {
	t.Parallel()
	m := start(t, config.Config{Data: t.TempDir()})
	s, err := (&Main{Config: m.Config}).open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	_ = s.db.Close()
	if err := s.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "database") {
		t.Errorf("without a database: %v", err)
	}
}
