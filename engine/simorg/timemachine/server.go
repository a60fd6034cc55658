package timemachine

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

// maxAnswer is what a callout may bring into Apex.
const maxAnswer = 6 << 20

// send is TimeMachineServer.ask: it signs, asks Holdfast, and reads the answer.
func send[T any](i *invocation, operation string, ask request) (*T, *failure) {
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, i.unreachable()
	}
	token, refused := i.sign(operation, body)
	if refused != nil {
		return nil, refused
	}
	status, text, err := i.call(operation, token, body)
	if err != nil {
		return nil, i.unreachable()
	}
	if status != http.StatusOK {
		return nil, i.refusal(text)
	}
	got := new(T)
	if err := json.Unmarshal(text, got); err != nil {
		return nil, i.unreachable()
	}
	return got, nil
}

func (i *invocation) call(operation, token string, body []byte) (status int, text []byte, err error) {
	req, err := http.NewRequestWithContext(i.r.Context(), http.MethodPost, i.cfg.Server+"/time-machine/v1/"+operation, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := i.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return res.StatusCode, text, err
}

// refusal is the server's own error, where the answer is one.
func (i *invocation) refusal(text []byte) *failure {
	var refusal struct {
		Error *failure `json:"error"`
	}
	if json.Unmarshal(text, &refusal) != nil || refusal.Error == nil || refusal.Error.Code == "" {
		return i.unreachable()
	}
	return refusal.Error
}

func (i *invocation) unreachable() *failure {
	return refusal(i.user, "SERVER_UNREACHABLE", "TimeMachine_ErrorServerUnreachable")
}
