package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// LogIn opens a session in an org with the credentials of an app.
func LogIn(ctx context.Context, c Credentials) (*Session, error) {
	return logIn(ctx, c, url.Values{"grant_type": {"client_credentials"}})
}

// LogInAs opens a session of a person, with their password.
func LogInAs(ctx context.Context, c Credentials, username, password string) (*Session, error) {
	return logIn(ctx, c, url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}})
}

func logIn(ctx context.Context, c Credentials, form url.Values) (*Session, error) {
	form.Set("client_id", c.ClientID)
	form.Set("client_secret", c.ClientSecret)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.LoginURL+"/services/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var token struct {
		AccessToken string `json:"access_token"`
		InstanceURL string `json:"instance_url"`
	}
	if err := json.Unmarshal(text, &token); err != nil || token.AccessToken == "" {
		return nil, fmt.Errorf("the org did not let us in: %s %.200s", res.Status, text)
	}
	return Open(token.InstanceURL, token.AccessToken), nil
}
