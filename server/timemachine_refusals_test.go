package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/graph"
	"github.com/holdfast-backup/holdfast/server/config"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// TestForgedTokensAreRefused: each is a good token spoilt in one place.
func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		a, _ := deployed(t, url, simorg.User{})
		body := a.body(map[string]any{"first": 5})
		good := func() jwt.MapClaims { return a.claims("versions", body) }
		with := func(name string, value any) string {
			claims := good()
			claims[name] = value
			return a.sign(claims)
		}
		from := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
		signed := func(method jwt.SigningMethod, key any) string {
			token, err := jwt.NewWithClaims(method, good()).SignedString(key)
			must(t, err)
			return token
		}
		for name, c := range map[string]struct{ token, want string }{
			"none":                 {signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), "TOKEN_INVALID"},
			"HS256 by public key":  {signed(jwt.SigningMethodHS256, []byte(publicPEM(keyPair))), "TOKEN_INVALID"},
			"RS512":                {signed(jwt.SigningMethodRS512, keyPair), "TOKEN_INVALID"},
			"PS256":                {signed(jwt.SigningMethodPS256, keyPair), "TOKEN_INVALID"},
			"another org's key":    {signed(jwt.SigningMethodRS256, otherKeyPair), "TOKEN_INVALID"},
			"an unknown org":       {with("iss", "00D000000000001EAA"), "TOKEN_INVALID"},
			"no org":               {with("iss", "org"), "TOKEN_INVALID"},
			"expired":              {with("exp", from(-2*time.Minute)), "TOKEN_EXPIRED"},
			"far ahead":            {with("exp", from(time.Hour)), "TOKEN_INVALID"},
			"endless":              {with("exp", nil), "TOKEN_INVALID"},
			"not yet":              {with("nbf", from(2*time.Minute)), "TOKEN_INVALID"},
			"another audience":     {with("aud", "https://elsewhere.example.com"), "TOKEN_INVALID"},
			"two audiences":        {with("aud", []string{a.server.URL(), "https://elsewhere.example.com"}), "TOKEN_INVALID"},
			"another operation":    {with("op", "compare"), "TOKEN_INVALID"},
			"another record":       {with("rid", a.user), "TOKEN_INVALID"},
			"another body":         {with("bdy", strings.Repeat("0", 64)), "TOKEN_INVALID"},
			"no id":                {with("jti", ""), "TOKEN_INVALID"},
			"a user that is not":   {with("sub", "005000000000001AAC"), "TOKEN_INVALID"},
			"no user":              {with("sub", "Vera"), "TOKEN_INVALID"},
			"our own access token": {a.api.Token, "TOKEN_INVALID"},
			"nothing":              {"", "TOKEN_INVALID"},
		} {
			got := a.send("versions", body, c.token)
			if got.code() != "401 "+c.want {
				t.Errorf("%s: %d %s", name, got.status, got.text)
			}
			for _, secret := range []string{a.issuer, a.user, a.record, "Account"} {
				if strings.Contains(got.text, secret) {
					t.Errorf("%s: the refusal names %s: %s", name, secret, got.text)
				}
			}
		}
		token := with("nbf", from(30*time.Second))
		if got := a.send("versions", body, token); got.status != http.StatusOK {
			t.Errorf("a good token: %s", got.text)
		}
		if got := a.send("versions", body, token).code(); got != "401 TOKEN_REPLAYED" {
			t.Errorf("the same token again: %s", got)
		}
		if got := a.ask("nothing", nil).code(); got != "404 UNKNOWN_OPERATION" {
			t.Errorf("no operation: %s", got)
		}
	})
}

// TestAUserWhoIsNotActiveIsRefused like a forged token.
func TestAUserWhoIsNotActiveIsRefused(t *testing.T) {
	t.Parallel()
	a, _ := deployed(t, "", simorg.User{})
	a.salesforce(http.MethodPatch, "/sobjects/User/"+a.user, map[string]any{"IsActive": false}, nil)
	if got := a.ask("versions", nil); got.code() != "401 TOKEN_INVALID" || strings.Contains(got.text, "active") {
		t.Errorf("an inactive user: %s", got.text)
	}
}

// TestRecordAccessIsAsked of the org: a record that is not shared, a user who
// may only read, a record that is gone.
func TestRecordAccessIsAsked(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		a, ids := deployed(t, url, simorg.User{ReadOnlyFields: []string{"Account.*"}})
		a.grant("Time_Machine_Restore")
		if got := a.ask("restore", chosen(ids[1], map[string]any{"Phone": "spoilt"})).code(); got != "403 NO_RECORD_EDIT_ACCESS" {
			t.Errorf("a user who may only read: %s", got)
		}
		poor := *a
		poor.user = a.org.AddUser(simorg.User{Username: "poor@example.com", LastName: "Poor", Profile: "Poor", Permissions: []string{"ApiEnabled"}, OwnRecordsOnly: true})
		blind := *a
		blind.user = a.org.AddUser(simorg.User{Username: "blind@example.com", LastName: "Blind", Profile: "Blind", Permissions: []string{"ApiEnabled"}, HiddenObjects: []string{"Account"}})
		for name, who := range map[string]*apex{"not shared": &poor, "no object": &blind} {
			for operation, more := range map[string]map[string]any{
				"versions": nil, "compare": {"versionIds": ids}, "restore": chosen(ids[1], map[string]any{"Phone": "spoilt"}), "job": {"jobId": "job_x"}, "stream-ticket": {"jobId": "job_x"},
				"deleted-related": nil,
			} {
				if got := who.ask(operation, more).code(); got != "403 NO_RECORD_ACCESS" {
					t.Errorf("%s, %s: %s", name, operation, got)
				}
			}
		}
		all := a.everyField()
		must(t, a.session.Edit(t.Context(), demo.Round{Title: "delete", Steps: []demo.Step{{Delete: []string{spoiltAccount}}}}))
		gone, late := map[string]any{"readableFields": all}, *a
		late.user = a.org.AddUser(simorg.User{Username: "late@example.com", LastName: "Late", Profile: "Late", Permissions: []string{"ApiEnabled"}})
		if got := late.ask("versions", gone).code(); got != "403 NO_DELETED_ACCESS" {
			t.Errorf("a deleted record: %s", got)
		}
		seer := *a
		seer.user = a.org.AddUser(simorg.User{Username: "seer@example.com", LastName: "Seer", Profile: "Seer", Permissions: []string{"ApiEnabled"}})
		seer.grant("Time_Machine_View_Deleted")
		seer.grant("Time_Machine_Restore")
		var c comparison
		seer.ask("compare", map[string]any{"versionIds": ids, "readableFields": all}).into(t, &c)
		if !c.Columns[0].Missing || c.field("Phone") == nil {
			t.Errorf("who may see deleted records sees %+v", c.Columns)
		}
		in := chosen(ids[1], map[string]any{"Phone": "spoilt"})
		in["readableFields"] = all
		if got := seer.ask("restore", in).code(); got != "409 RECORD_DELETED" {
			t.Errorf("a restore of a deleted record: %s", got)
		}
	})
}

// TestAnOrgsTokenOpensNothingElse: every root field of the schema, and the
// other routes, refuse it.
func TestAnOrgsTokenOpensNothingElse(t *testing.T) {
	t.Parallel()
	a, _ := deployed(t, "", simorg.User{})
	body := a.body(nil)
	schema := graph.Schema(&graph.Resolver{}).Schema()
	asked := 0
	for kind, root := range map[string]*ast.Definition{"query": schema.Query, "mutation": schema.Mutation, "subscription": schema.Subscription} {
		for _, field := range root.Fields {
			if strings.HasPrefix(field.Name, "__") || field.Directives.ForName("public") != nil {
				continue
			}
			asked++
			stranger := administrator{t: t, m: a.server, token: a.sign(a.claims("versions", body))}
			answer := stranger.ask(kind + " { " + field.Name + invented(schema, field.Arguments) + selection(schema, field.Type) + " }")
			if text := fmt.Sprint(answer); !strings.Contains(text, "UNAUTHENTICATED") {
				t.Errorf("%s %s: %s", kind, field.Name, text)
			}
		}
	}
	if asked < 30 {
		t.Errorf("only %d fields were asked for", asked)
	}
	for _, path := range []string{"/job-log/", "/file/"} {
		if got := do(t, http.MethodGet, a.server.URL()+path+a.sign(a.claims("versions", body)), nil); got.status == http.StatusOK {
			t.Errorf("%s opens: %s", path, got.body)
		}
	}
	if got := a.stream(a.server.URL()+"/time-machine/v1/stream", a.sign(a.claims("stream", body))).code(); got != "401 TOKEN_INVALID" {
		t.Errorf("the stream: %s", got)
	}
}

// invented are arguments that the schema accepts.
func invented(schema *ast.Schema, arguments ast.ArgumentDefinitionList) string {
	var parts []string
	for _, argument := range arguments {
		if argument.Type.NonNull && argument.DefaultValue == nil {
			parts = append(parts, argument.Name+": "+inventedValue(schema, argument.Type))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

func inventedValue(schema *ast.Schema, t *ast.Type) string {
	if t.Elem != nil {
		return "[" + inventedValue(schema, t.Elem) + "]"
	}
	definition := schema.Types[t.NamedType]
	switch {
	case definition.Kind == ast.Enum:
		return definition.EnumValues[0].Name
	case definition.Kind == ast.InputObject:
		var parts []string
		for _, field := range definition.Fields {
			if field.Type.NonNull && field.DefaultValue == nil {
				parts = append(parts, field.Name+": "+inventedValue(schema, field.Type))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	switch t.NamedType {
	case "Int", "Long", "Float":
		return "1"
	case "Boolean":
		return "true"
	case "Time":
		return `"2026-01-01T00:00:00Z"`
	case "SalesforceId":
		return `"001000000000001AAA"`
	}
	return `"x"`
}

func selection(schema *ast.Schema, t *ast.Type) string {
	switch schema.Types[t.Name()].Kind {
	case ast.Object, ast.Interface, ast.Union:
		return " { __typename }"
	}
	return ""
}

// TestTheOrgsPagesMayStream and no others.
func TestTheOrgsPagesMayStream(t *testing.T) {
	t.Parallel()
	m := start(t, config.Config{Data: t.TempDir(), TimeMachineOrigins: []string{"https://pages.example.com"}})
	for origin, want := range map[string]string{
		"https://acme.lightning.force.com": "https://acme.lightning.force.com", "https://acme--uat.sandbox.lightning.force.com": "https://acme--uat.sandbox.lightning.force.com",
		"https://pages.example.com": "https://pages.example.com", "https://evil.example.com": "", "https://evil.com/.lightning.force.com": "", "http://acme.lightning.force.com": "",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, m.URL()+"/time-machine/v1/stream", nil)
		must(t, err)
		request.Header.Set("Origin", origin)
		response, err := http.DefaultClient.Do(request)
		must(t, err)
		_ = response.Body.Close()
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != want || response.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %d %q", origin, response.StatusCode, got)
		}
	}
}

// TestKeysRotate: two at most; what the old one signs is refused once it is
// removed; private, short and other keys are never taken.
func TestKeysRotate(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, url string) {
		a, _ := deployed(t, url, simorg.User{})
		a.pin(t, otherKeyPair)
		var setup struct {
			Org struct {
				TimeMachine struct {
					Audience  string
					Installed bool
					Keys      []struct{ Fingerprint string }
				}
			}
		}
		const query = `query($id: ID!) { org(id: $id) { timeMachine { audience installed keys { fingerprint addedAt expiresAt } } } }`
		must(t, a.api.Do(t.Context(), query, map[string]any{"id": a.orgID}, &setup))
		if tm := setup.Org.TimeMachine; len(tm.Keys) != 2 || tm.Audience != a.server.URL() || tm.Installed {
			t.Fatalf("%+v", tm)
		}
		short, err := rsa.GenerateKey(rand.Reader, 1024)
		must(t, err)
		for text, want := range map[string]string{
			publicPEM(keyPair): "KEY_KNOWN", publicPEM(newKeyPair()): "TOO_MANY_KEYS", publicPEM(short): "KEY_TOO_SHORT", "key": "KEY_INVALID",
			string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(keyPair)})): "PRIVATE_KEY",
		} {
			if got := a.keyProblem(t, `orgTimeMachineKeyAdd`, "publicKey", text); got != want {
				t.Errorf("%.40q: %s, want %s", text, got, want)
			}
		}
		a.key = otherKeyPair
		if got := a.ask("versions", nil); got.status != http.StatusOK {
			t.Errorf("signed with the new key: %s", got.text)
		}
		if got := a.keyProblem(t, "orgTimeMachineKeyRemove", "fingerprint", setup.Org.TimeMachine.Keys[0].Fingerprint); got != "" {
			t.Error(got)
		}
		a.key = keyPair
		if got := a.ask("versions", nil).code(); got != "401 TOKEN_INVALID" {
			t.Errorf("signed with the removed key: %s", got)
		}
	})
}

func (a *apex) keyProblem(t *testing.T, mutation, argument, value string) string {
	t.Helper()
	var answer any
	err := a.api.Do(t.Context(), `mutation($id: ID!, $value: String!) { `+mutation+`(input: {orgId: $id, `+argument+`: $value}) { userErrors { code } } }`,
		map[string]any{"id": a.orgID, "value": value}, &answer)
	if err == nil {
		return ""
	}
	_, code, _ := strings.Cut(err.Error(), "(")
	return strings.TrimSuffix(code, ")")
}
