package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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

// call is one REST request; body and into may be nil.
func (s *Session) call(ctx context.Context, method, path string, body, into any) error {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(text)
	}
	return s.send(ctx, request{method, "/services/data/v" + apiVersion + path, "application/json", payload}, func(answer io.Reader) error {
		if into == nil {
			return nil
		}
		return json.NewDecoder(answer).Decode(into)
	})
}

type request struct {
	method, path, contentType string
	body                      io.Reader
}

// send hands a successful answer to read; any other is an error with its text.
func (s *Session) send(ctx context.Context, r request, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, r.method, s.baseURL+r.path, r.body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", r.contentType)
	req.Header.Set("SOAPAction", `""`)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 2000))
		return fmt.Errorf("the org refused %s %s: %s %s", r.method, r.path, res.Status, text)
	}
	return read(res.Body)
}
