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
	err = a.follow(ctx, jobID, 0, func(line LogLine) error {
		lines = append(lines, line)
		return nil
	})
	return lines, err
}

// follow hands each line on as it comes, from the one after the line numbered
// after. It ends with the job.
func (a *API) follow(ctx context.Context, jobID string, after int64, each func(LogLine) error) (err error) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, res, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(a.URL, "http")+"/graphql", http.Header{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // unblocks the read
	defer func() { _ = conn.Close() }()
	hello := map[string]string{"Authorization": "Bearer " + a.token()}
	if err := sendFrame(conn, frame{Type: "connection_init"}, hello); err != nil {
		return err
	}
	question := map[string]any{
		"query":     `subscription($id: ID!, $after: Long!) { jobLog(jobId: $id, after: $after) { seq text } }`,
		"variables": map[string]any{"id": jobID, "after": after},
	}
	for {
		var f frame
		if err := conn.ReadJSON(&f); err != nil {
			return err
		}
		switch f.Type {
		case "connection_ack":
			err = sendFrame(conn, frame{Type: "subscribe", ID: "log"}, question)
		case "ping":
			err = conn.WriteJSON(frame{Type: "pong"})
		case "next":
			err = handOn(f.Payload, each)
		case "complete":
			return nil
		case "error":
			err = fmt.Errorf("the server refused the subscription: %s", f.Payload)
		}
		if err != nil {
			return err
		}
	}
}

func sendFrame(conn *websocket.Conn, f frame, payload any) (err error) {
	if f.Payload, err = json.Marshal(payload); err != nil {
		return err
	}
	return conn.WriteJSON(f)
}

func handOn(payload []byte, each func(LogLine) error) error {
	var next struct {
		Data struct{ JobLog LogLine }
	}
	if err := json.Unmarshal(payload, &next); err != nil {
		return err
	}
	return each(next.Data.JobLog)
}
