package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// API is Holdfast's GraphQL API as any client sees it.
type API struct {
	URL   string // of the server
	Token string // of a session; empty before signing in

	person signIn
	mu     sync.Mutex // guards Token once there are several callers
}

// signIn is who asks, for a new session when the old one's token has expired.
type signIn struct {
	Organization string `json:"organizationName"`
	Email        string `json:"email"`
	Password     string `json:"password"`
}

// refusedError is the server's own refusal of a request.
type refusedError struct{ Code, Message string }

func (e *refusedError) Error() string { return "the server says: " + e.Message }

// Do asks one GraphQL request and decodes its data into into, and signs in anew
// where the session has expired. userErrors of a mutation are errors here.
func (a *API) Do(ctx context.Context, query string, variables map[string]any, into any) error {
	token := a.token()
	err := a.do(ctx, query, variables, into)
	var refused *refusedError
	if errors.As(err, &refused) && refused.Code == "UNAUTHENTICATED" && a.person.Password != "" {
		if err := a.renew(ctx, token); err != nil {
			return err
		}
		return a.do(ctx, query, variables, into)
	}
	return err
}

func (a *API) token() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.Token
}

func (a *API) do(ctx context.Context, query string, variables map[string]any, into any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token := a.token(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	return decodeAnswer(text, into)
}

// renew signs in again, unless another caller has already.
func (a *API) renew(ctx context.Context, old string) error {
	if a.token() != old {
		return nil
	}
	fresh := &API{URL: a.URL}
	var answer struct {
		SignIn struct{ Session struct{ AccessToken string } }
	}
	err := fresh.do(ctx, `mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } userErrors { code message } } }`,
		map[string]any{"input": a.person}, &answer)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Token = answer.SignIn.Session.AccessToken
	return nil
}

func decodeAnswer(text []byte, into any) error {
	var answer struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("not a GraphQL answer: %.300s", text)
	}
	if len(answer.Errors) > 0 {
		return &refusedError{answer.Errors[0].Extensions.Code, answer.Errors[0].Message}
	}
	var payloads map[string]json.RawMessage
	if err := json.Unmarshal(answer.Data, &payloads); err != nil {
		return err
	}
	for field, payload := range payloads {
		var refusal struct {
			UserErrors []struct{ Code, Message string }
		}
		if json.Unmarshal(payload, &refusal) == nil && len(refusal.UserErrors) > 0 {
			return fmt.Errorf("%s: %s (%s)", field, refusal.UserErrors[0].Message, refusal.UserErrors[0].Code)
		}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, into)
}

// SignUp makes a tenant and goes on as its administrator.
func (a *API) SignUp(ctx context.Context, organization, email, password string) error {
	var answer struct {
		SignUp struct{ Session struct{ AccessToken string } }
	}
	err := a.Do(ctx, `mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } userErrors { code message } } }`,
		map[string]any{"input": map[string]any{
			"organizationName": organization, "firstName": "Demo", "lastName": "Admin", "email": email, "password": password, "confirmPassword": password,
		}}, &answer)
	a.Token, a.person = answer.SignUp.Session.AccessToken, signIn{organization, email, password}
	return err
}

// Credentials are an External Client App's, whose run-as user we act as.
type Credentials struct{ LoginURL, ClientID, ClientSecret string }

// Connect connects an org and answers its id.
func (a *API) Connect(ctx context.Context, name string, c Credentials) (string, error) {
	var answer struct {
		OrgConnect struct{ Org struct{ ID string } }
	}
	err := a.Do(ctx, `mutation($input: OrgConnectInput!) { orgConnect(input: $input) { org { id } userErrors { code message } } }`,
		map[string]any{"input": map[string]any{
			"name": name, "flow": "CLIENT_CREDENTIALS", "loginUrl": c.LoginURL, "clientId": c.ClientID, "clientSecret": c.ClientSecret,
		}}, &answer)
	return answer.OrgConnect.Org.ID, err
}

// Job is what is left of a job when it has ended.
type Job struct {
	ID                               string
	Number                           int64
	State                            string
	Records, Added, Changed, Deleted int64
	Error                            *struct{ Code, Message string }
}

// StartBackup starts a backup of an org and answers its job's id.
func (a *API) StartBackup(ctx context.Context, orgID, name string) (string, error) {
	return a.StartBackupOnce(ctx, orgID, name, nil)
}

// StartBackupOnce is StartBackup with an idempotency key: asked again with the
// same key, after an answer that did not arrive, it starts no second one.
func (a *API) StartBackupOnce(ctx context.Context, orgID, name string, key *string) (string, error) {
	var answer struct {
		BackupStart struct{ Job Job }
	}
	err := a.Do(ctx, `mutation($input: BackupStartInput!) { backupStart(input: $input) { job { id } userErrors { code message } } }`,
		map[string]any{"input": map[string]any{"orgId": orgID, "name": name, "idempotencyKey": key}}, &answer)
	return answer.BackupStart.Job.ID, err
}

// Backup runs a backup of an org to its end.
func (a *API) Backup(ctx context.Context, orgID, name string) (Job, error) {
	id, err := a.StartBackup(ctx, orgID, name)
	if err != nil {
		return Job{}, err
	}
	return a.Wait(ctx, id)
}

// Wait waits until a job has ended, and fails unless it is COMPLETED.
func (a *API) Wait(ctx context.Context, jobID string) (Job, error) {
	const query = `query($id: ID!) { job(id: $id) { id number state records added changed deleted error { code message } } }`
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var answer struct{ Job Job }
		if err := a.Do(ctx, query, map[string]any{"id": jobID}, &answer); err != nil {
			return answer.Job, err
		}
		switch job := answer.Job; {
		case job.State == "COMPLETED":
			return job, nil
		case job.Error != nil:
			return job, fmt.Errorf("job %d ended %s: %s", job.Number, job.State, job.Error.Message)
		case !strings.Contains("QUEUED IN_PROGRESS", job.State):
			return job, fmt.Errorf("job %d ended %s", job.Number, job.State)
		}
		select {
		case <-ctx.Done():
			return Job{}, ctx.Err()
		case <-tick.C:
		}
	}
}
