package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
)

// LogLine is a line of a job's log.
type LogLine struct {
	Seq  int64
	Text string
}

// frame is a message of the graphql-transport-ws protocol.
type frame struct {
	Type    string          `json:"type"`
	ID      string          `json:"id,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// Follow reads a job's log live over WebSocket, from its first line to its last.
func (a *API) Follow(ctx context.Context, jobID string) (lines []LogLine, err error) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, res, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(a.URL, "http")+"/graphql", http.Header{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, res.Body.Close(), conn.Close()) }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetReadDeadline(deadline); err != nil {
			return nil, err
		}
	}
	hello, err := json.Marshal(map[string]string{"Authorization": "Bearer " + a.Token})
	if err != nil {
		return nil, err
	}
	if err := conn.WriteJSON(frame{Type: "connection_init", Payload: hello}); err != nil {
		return nil, err
	}
	question, err := json.Marshal(map[string]any{"query": `subscription($id: ID!) { jobLog(jobId: $id) { seq text } }`, "variables": map[string]any{"id": jobID}})
	if err != nil {
		return nil, err
	}
	for {
		var f frame
		if err := conn.ReadJSON(&f); err != nil {
			return lines, err
		}
		switch f.Type {
		case "connection_ack":
			err = conn.WriteJSON(frame{Type: "subscribe", ID: "log", Payload: question})
		case "ping":
			err = conn.WriteJSON(frame{Type: "pong"})
		case "next":
			lines, err = appendLine(lines, f.Payload)
		case "complete":
			return lines, nil
		case "error":
			err = fmt.Errorf("the server refused the subscription: %s", f.Payload)
		}
		if err != nil {
			return lines, err
		}
	}
}

func appendLine(lines []LogLine, payload []byte) ([]LogLine, error) {
	var next struct {
		Data struct{ JobLog LogLine }
	}
	err := json.Unmarshal(payload, &next)
	return append(lines, next.Data.JobLog), err
}
