package salesforce

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

const (
	authorizePath = "/services/oauth2/authorize"
	tokenPath     = "/services/oauth2/token"
	revokePath    = "/services/oauth2/revoke"
	scopes        = "api refresh_token id"
)

// AuthorizeURL is where a browser goes to grant access (web-server flow, PKCE).
func (c *Client) AuthorizeURL(r engine.AuthorizeRequest) (string, error) {
	base, err := baseURL(r.LoginURL)
	if err != nil {
		return "", err
	}
	challenge := sha256.Sum256([]byte(r.CodeVerifier))
	query := url.Values{
		"response_type":         {"code"},
		"client_id":             {r.ClientID},
		"redirect_uri":          {r.RedirectURI},
		"scope":                 {scopes},
		"state":                 {r.State},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}
	return base + authorizePath + "?" + query.Encode(), nil
}

// Exchange turns the code of a granted authorization into tokens.
func (c *Client) Exchange(ctx context.Context, r engine.ExchangeRequest) (engine.Tokens, error) {
	form := url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {r.Code},
		"redirect_uri":  {r.RedirectURI},
		"client_id":     {r.ClientID},
		"code_verifier": {r.CodeVerifier},
	}
	if r.ClientSecret != "" {
		form.Set("client_secret", r.ClientSecret)
	}
	return c.token(ctx, r.LoginURL, form)
}

// Revoke gives up a token. One that is no longer valid counts as given up.
func (c *Client) Revoke(ctx context.Context, loginURL, token string) error {
	resp, err := c.postForm(ctx, loginURL, revokePath, url.Values{"token": {token}})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 300 {
		return nil
	}
	if refused := parseGrantRefusal(resp); refused.Code != "invalid_token" && refused.Code != "unsupported_token_type" {
		return refused.explain("")
	}
	return nil
}

// renew gets new tokens by the connection's own way. Its refresh token stays
// when the platform gives no other.
func (c *Client) renew(ctx context.Context, conn engine.Connection) (engine.Tokens, error) {
	form := url.Values{"client_id": {conn.ClientID}}
	if conn.ClientSecret != "" {
		form.Set("client_secret", conn.ClientSecret)
	}
	switch {
	case conn.Flow == engine.FlowClientCredentials:
		form.Set("grant_type", "client_credentials")
	case conn.RefreshToken != "":
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", conn.RefreshToken)
	default:
		return engine.Tokens{}, revoked(nil)
	}
	tokens, err := c.token(ctx, or(conn.LoginURL, conn.InstanceURL), form)
	tokens.RefreshToken = or(tokens.RefreshToken, conn.RefreshToken)
	tokens.InstanceURL = or(tokens.InstanceURL, conn.InstanceURL)
	return tokens, err
}

// token asks the token endpoint, again while the platform is not well.
func (c *Client) token(ctx context.Context, loginURL string, form url.Values) (engine.Tokens, error) {
	for attempt := 1; ; attempt++ {
		tokens, err := c.tokenOnce(ctx, loginURL, form)
		repeatable := form.Get("grant_type") != "authorization_code" // a code is good once
		if !engine.Is(err, engine.KindTransient) || !repeatable || attempt == c.options.Retry.Attempts {
			return tokens, err
		}
		if c.options.Sleep(ctx, c.options.Retry.pause(attempt)) != nil {
			return engine.Tokens{}, context.Cause(ctx)
		}
	}
}

// renewalWithin bounds one request for tokens, which its caller's end does not:
// a refresh token that rotates is spent once the org has seen it, and what
// takes its place is in the answer.
const renewalWithin = time.Minute

func (c *Client) tokenOnce(ctx context.Context, loginURL string, form url.Values) (engine.Tokens, error) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), renewalWithin, unreachable(errStalled))
	defer cancel()
	ctx, enough := patient(ctx, call{doing: "sign in"})
	defer enough()
	resp, err := c.postForm(ctx, loginURL, tokenPath, form)
	if err != nil {
		return engine.Tokens{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return engine.Tokens{}, parseGrantRefusal(resp).explain(form.Get("grant_type"))
	}
	var body struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		InstanceURL  string `json:"instance_url"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&body)
	if err == nil && body.AccessToken == "" {
		err = errors.New("no access_token in the answer")
	}
	if err != nil {
		return engine.Tokens{}, unreachable(err)
	}
	return engine.Tokens{
		AccessToken: body.AccessToken, RefreshToken: body.RefreshToken,
		InstanceURL: strings.TrimSuffix(body.InstanceURL, "/"),
	}, nil
}

func (c *Client) postForm(ctx context.Context, host, path string, form url.Values) (*http.Response, error) {
	base, err := baseURL(host)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, transportFailure(ctx, err)
	}
	return resp, nil
}

// baseURL checks an org's address and drops what follows the host.
func baseURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", engine.E(engine.KindInvalid, "LOGIN_URL_INVALID",
			"The login address of the org is not a web address: give one such as https://login.salesforce.com or your My Domain.")
	}
	return u.Scheme + "://" + u.Host, nil
}

// grantRefusal is the OAuth endpoints' error object; its description never
// leaves this package.
type grantRefusal struct {
	Status int
	Code   string `json:"error"`
}

func (r *grantRefusal) Error() string {
	return "the token endpoint answered " + httpText(r.Status, r.Code)
}

func parseGrantRefusal(resp *http.Response) *grantRefusal {
	r := &grantRefusal{Status: resp.StatusCode}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(text, r) != nil { // revoke may answer in form encoding
		if form, err := url.ParseQuery(strings.TrimSpace(string(text))); err == nil {
			r.Code = form.Get("error")
		}
	}
	return r
}

// explain says what a refusal means for the kind of grant that was asked for.
// One without a code is not the token endpoint's word, but of something on the way.
func (r *grantRefusal) explain(grant string) error {
	switch {
	case r.Code == "" || r.Status >= 500 || r.Status == 420 || r.Status == http.StatusTooManyRequests || r.Code == "rate_limit_exceeded":
		return unreachable(r)
	case r.Code == "inactive_user" || r.Code == "inactive_org" || r.Code == "invalid_app_access" || r.Code == "invalid_grant" && grant == "refresh_token":
		return revoked(r)
	case r.Code == "invalid_grant" && grant == "authorization_code":
		return &engine.Error{
			Kind: engine.KindDenied, Code: "ORG_AUTHORIZATION_EXPIRED", Err: r,
			Message: "Salesforce no longer accepts this authorization, which is good once and for some minutes: connect the org again.",
		}
	}
	return &engine.Error{
		Kind: engine.KindDenied, Code: "ORG_CREDENTIALS_REFUSED", Err: r,
		Message: "Salesforce refused the connection's client id, secret, user or redirect address (" + r.Code +
			"): check the External Client App and connect the org again.",
	}
}

const accessRevoked = "ORG_ACCESS_REVOKED"

func revoked(cause error) error {
	return &engine.Error{
		Kind: engine.KindDenied, Code: accessRevoked, Err: cause,
		Message: "Salesforce no longer accepts Holdfast's access to this org: reconnect the org.",
	}
}
