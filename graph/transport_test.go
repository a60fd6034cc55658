package graph_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// socket is a graphql-transport-ws client of a few lines; the npm one judges
// the server elsewhere.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

type message struct {
	Type    string          `json:"type"`
	ID      string          `json:"id,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

func (w *world) dial(header http.Header) (*socket, error) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, response, err := dialer.DialContext(w.t.Context(), strings.Replace(w.url, "http", "ws", 1), header)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	w.t.Cleanup(func() { _ = conn.Close() })
	return &socket{w.t, conn}, nil
}

// connect opens a socket and presents a token.
func (w *world) connect(token string) *socket {
	w.t.Helper()
	s, err := w.dial(nil)
	check(w.t, err)
	s.send("connection_init", "", map[string]string{"Authorization": "Bearer " + token})
	return s
}

func (s *socket) send(kind, id string, payload any) {
	s.t.Helper()
	text, err := json.Marshal(payload)
	check(s.t, err)
	check(s.t, s.conn.WriteJSON(message{Type: kind, ID: id, Payload: text}))
}

// next is the next message that is not a ping.
func (s *socket) next() (message, error) {
	for {
		var m message
		if err := s.conn.ReadJSON(&m); err != nil || m.Type != "ping" {
			return m, err
		}
	}
}

func (s *socket) expect(kind string) message {
	s.t.Helper()
	m, err := s.next()
	if err != nil || m.Type != kind {
		s.t.Fatalf("got %s %s (%v), want %s", m.Type, m.Payload, err, kind)
	}
	return m
}

// closed is the code with which the server ends the connection.
func (s *socket) closed() int {
	s.t.Helper()
	for {
		_, err := s.next()
		var end *websocket.CloseError
		if errors.As(err, &end) {
			return end.Code
		}
		check(s.t, err)
	}
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	ada := w.register("Acme")
	s := w.connect(ada.token)
	s.expect("connection_ack")
	s.send("subscribe", "1", map[string]string{"query": `{ me { email } }`})
	contains(t, string(s.expect("next").Payload), "ada@example.com")
	s.expect("complete")
}

func TestWebSocketRefusesBadTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	ada := w.register("Acme")
	for name, token := range map[string]string{"none": "", "forged": ada.token + "x"} {
		t.Run(name, func(t *testing.T) {
			if code := w.connect(token).closed(); code != 4403 {
				t.Errorf("closed with %d, want 4403", code)
			}
		})
	}
	t.Run("foreign page", func(t *testing.T) {
		if _, err := w.dial(http.Header{"Origin": {"https://evil.example"}}); err == nil {
			t.Error("a page of another site may connect")
		}
	})
}

func TestWebSocketEndsWithItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	w.clock.pass(-10*time.Minute + 2*time.Second)
	ada := w.register("Acme")
	s := w.connect(ada.token)
	s.expect("connection_ack")
	if code := s.closed(); code != 4401 {
		t.Errorf("closed with %d, want 4401", code)
	}
}

func (w *world) post(token, accept, contentType, body string) *http.Response {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url, strings.NewReader(body))
	check(w.t, err)
	request.Header = http.Header{"Accept": {accept}, "Content-Type": {contentType}, "Authorization": {"Bearer " + token}}
	response, err := http.DefaultClient.Do(request)
	check(w.t, err)
	w.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// events are the answers that a subscription streams by SSE.
func (w *world) events(token, query string, variables map[string]any) iter.Seq[answer] {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	check(w.t, err)
	lines := bufio.NewScanner(w.post(token, "text/event-stream", "application/json", string(body)).Body)
	return func(yield func(answer) bool) {
		for lines.Scan() {
			data, found := strings.CutPrefix(lines.Text(), "data: ")
			var a answer
			if found && data != "" && (json.Unmarshal([]byte(data), &a) != nil || !yield(a)) {
				return
			}
		}
	}
}

// first is a subscription's first answer.
func (w *world) first(token, query string, variables map[string]any) answer {
	w.t.Helper()
	for a := range w.events(token, query, variables) {
		return a
	}
	w.t.Fatalf("no answer to %s", query)
	return answer{}
}

func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	ada := w.register("Acme")
	response := w.post(ada.token, "text/event-stream", "application/json", `{"query": "{ me { email } }"}`)
	lines := bufio.NewScanner(response.Body)
	var events []string
	for lines.Scan() {
		events = append(events, lines.Text())
	}
	stream := strings.Join(events, "\n")
	contains(t, stream, "event: next\ndata: {\"data\":{\"me\":{\"email\":\"ada@example.com\"}}")
	contains(t, stream, "event: complete")
}

func TestOtherTransports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, databasetest.Either(t))
	ada := w.register("Acme")
	if r := w.post(ada.token, "*/*", "text/plain", `{"query": "{ me { id } }"}`); r.StatusCode != http.StatusBadRequest {
		t.Errorf("text/plain: %s", r.Status)
	}
	get := func(query string) (int, []byte) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+query, nil)
		check(t, err)
		request.Header.Set("Authorization", "Bearer "+ada.token)
		response, err := http.DefaultClient.Do(request)
		check(t, err)
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		check(t, err)
		return response.StatusCode, body
	}
	if status, body := get("?query=%7Bme%7Bemail%7D%7D"); status != http.StatusOK || !bytes.Contains(body, []byte("ada@")) {
		t.Errorf("GET: %d %s", status, body)
	}
	if status, body := get("?query=mutation%7BsignOut(input:%7BrefreshToken:%22%22%7D)%7BuserErrors%7Bcode%7D%7D%7D"); status != http.StatusNotAcceptable {
		t.Errorf("mutation by GET: %d %s", status, body)
	}
}
