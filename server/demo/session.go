package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const apiVersion = "66.0"

// Session is an org that someone is logged in to, and the records they have
// loaded there.
type Session struct {
	baseURL, token string
	records        map[string]record // by reference
}

type record struct{ object, id string }

// Open is a session with an access token, which knows no record yet.
func Open(baseURL, token string) *Session {
	return &Session{baseURL: strings.TrimSuffix(baseURL, "/"), token: token, records: map[string]record{}}
}

// Token is the session's access token.
func (s *Session) Token() string { return s.token }

// References are what the loaded records are called, in order.
func (s *Session) References() []string { return slices.Sorted(maps.Keys(s.records)) }

// ID is the record id that a reference stands for, empty when it was not loaded.
func (s *Session) ID(reference string) string { return s.records[reference].id }

// Object is the SObject of what a reference stands for.
func (s *Session) Object(reference string) string { return s.records[reference].object }

func (s *Session) record(reference string) (record, error) {
	r, ok := s.records[reference]
	if !ok {
		return record{}, fmt.Errorf("no record was loaded as %q before it is named", reference)
	}
	return r, nil
}

// call is one REST request with a JSON body, which may be nil, and answers the
// body of a success.
func (s *Session) call(ctx context.Context, method, path string, body any) ([]byte, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	return s.send(ctx, request{method, "/services/data/v" + apiVersion + path, "application/json", text})
}

type request struct {
	method, path, contentType string
	body                      []byte
}

// send answers the body of a success; a refusal is an error with the org's words.
func (s *Session) send(ctx context.Context, r request) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, s.baseURL+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", r.contentType)
	req.Header.Set("SOAPAction", `""`)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= http.StatusBadRequest {
		return nil, &orgError{request: r, status: res.Status, answer: answer}
	}
	return answer, nil
}

// orgError is a refusal of the org.
type orgError struct {
	request request
	status  string
	answer  []byte
}

func (e *orgError) Error() string {
	return fmt.Sprintf("the org refused %s %s: %s %.2000s", e.request.method, e.request.path, e.status, e.answer)
}

// sentence is what the org says to a person.
func (e *orgError) sentence() string {
	var errs []struct{ Message string }
	if json.Unmarshal(e.answer, &errs) != nil || len(errs) == 0 {
		return "The org answered " + e.status + "."
	}
	return errs[0].Message
}
