package timemachine_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/engine/simorg/timemachine"
	"github.com/holdfast-backup/holdfast/lwc"
)

const audience = "https://holdfast.example.com"

var now = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// lab is an org with its twin, and a Holdfast that answers what it is told to,
// even what it must not.
type lab struct {
	*testing.T
	org         *simorg.Org
	url, token  string
	certificate timemachine.Certificate
	page        *timemachine.Twin
	mine, other string // an account of each user's own, and one of nobody's

	status int
	answer string
	asked  *http.Request
	body   []byte
}

var people = []simorg.User{
	{Username: "admin@example.com", LastName: "Admin"},
	{
		Username: "rosa@example.com", LastName: "Rosa", Profile: "Sales", Permissions: []string{"ApiEnabled"}, OwnRecordsOnly: true,
		HiddenFields: []string{"Account.AnnualRevenue"}, ReadOnlyFields: []string{"Account.Website"},
	},
	{Username: "vera@example.com", LastName: "Vera", Profile: "Viewer", Permissions: []string{"ApiEnabled"}, HiddenObjects: []string{"Contact"}},
	{Username: "carl@example.com", LastName: "Carl", Profile: "Reader", Permissions: []string{"ApiEnabled"}, ReadOnlyFields: []string{"Account.*"}},
	{Username: "left@example.com", LastName: "Left", Profile: "Left", Inactive: true},
}

func newLab(t *testing.T) *lab {
	t.Helper()
	org, err := simorg.New(simorg.Config{
		Now: func() time.Time { return now }, Users: people,
		Apps: []simorg.App{{ClientID: "app", ClientSecret: "shh", RunAs: "admin@example.com"}},
	})
	if err == nil {
		err = org.LoadSource(lwc.Source)
	}
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{T: t, org: org, status: http.StatusOK, answer: "{}"}
	site, holdfast := httptest.NewServer(org), httptest.NewServer(http.HandlerFunc(l.holdfast))
	t.Cleanup(site.Close)
	t.Cleanup(holdfast.Close)
	l.url = site.URL
	if l.certificate, err = timemachine.NewCertificate("Holdfast", now); err != nil {
		t.Fatal(err)
	}
	l.page = l.twin(timemachine.Config{Server: holdfast.URL, Audience: audience, Key: l.certificate.Key})
	l.setUp()
	return l
}

func (l *lab) twin(cfg timemachine.Config) *timemachine.Twin {
	cfg.Org, cfg.Now = l.org, func() time.Time { return now }
	return timemachine.New(cfg)
}

func (l *lab) holdfast(w http.ResponseWriter, r *http.Request) {
	l.asked = r
	l.body, _ = io.ReadAll(r.Body)
	w.WriteHeader(l.status)
	_, _ = io.WriteString(w, l.answer)
}

// setUp makes two accounts and hands out the permission sets.
func (l *lab) setUp() {
	l.Helper()
	var session struct {
		AccessToken string `json:"access_token"`
	}
	l.rest("POST", "/services/oauth2/token?grant_type=client_credentials&client_id=app&client_secret=shh", nil, &session)
	l.token = session.AccessToken
	l.mine = l.create("Account", map[string]any{"Name": "Mine", "OwnerId": l.userID("rosa@example.com")})
	l.other = l.create("Account", map[string]any{"Name": "Other"})
	for username, sets := range map[string][]string{
		"rosa@example.com": {"Time_Machine_Restore", "Time_Machine_View_Deleted"}, "vera@example.com": {"Time_Machine_View"}, "carl@example.com": {"Time_Machine_Restore"},
	} {
		for _, set := range sets {
			l.create("PermissionSetAssignment", map[string]any{"AssigneeId": l.userID(username), "PermissionSetId": l.id("PermissionSet WHERE Name = '" + set + "'")})
		}
	}
}

func (l *lab) userID(username string) string {
	l.Helper()
	return l.id("User WHERE Username = '" + username + "'")
}

func (l *lab) id(from string) string {
	l.Helper()
	var got struct{ Records []struct{ ID string } }
	l.rest("GET", "/services/data/v66.0/query?q="+strings.ReplaceAll("SELECT Id FROM "+from, " ", "+"), nil, &got)
	if len(got.Records) != 1 {
		l.Fatalf("%d rows of %s", len(got.Records), from)
	}
	return got.Records[0].ID
}

func (l *lab) create(object string, fields map[string]any) string {
	l.Helper()
	var got struct{ ID string }
	l.rest("POST", "/services/data/v66.0/sobjects/"+object, fields, &got)
	return got.ID
}

func (l *lab) rest(method, path string, body, into any) {
	l.Helper()
	text, _ := json.Marshal(body)
	req, err := http.NewRequest(method, l.url+path, strings.NewReader(string(text)))
	if err != nil {
		l.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+l.token)
	req.Header.Set("Content-Type", "application/json")
	if strings.Contains(path, "oauth2") {
		req.Header.Del("Content-Type")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		l.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	if res.StatusCode > 299 {
		l.Fatalf("%s %s: %s", method, path, answer)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			l.Fatal(err)
		}
	}
}

// call calls a controller method as a user; code is that of a refusal.
func (l *lab) call(page *timemachine.Twin, user, method, parameters string) (answer map[string]any, code string) {
	l.Helper()
	l.asked, l.body = nil, nil
	r := httptest.NewRequest(http.MethodPost, "/apex/TimeMachineController/"+method, strings.NewReader(parameters))
	r.Header.Set("X-Harness-User", user+"@example.com")
	w := httptest.NewRecorder()
	page.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		l.Fatalf("%s: %v", w.Body, err)
	}
	if w.Code == http.StatusOK {
		return answer, ""
	}
	var refused struct{ Code, Message string }
	if err := json.Unmarshal([]byte(answer["message"].(string)), &refused); err != nil {
		return answer, answer["exceptionType"].(string)
	}
	if refused.Message == "" {
		l.Errorf("%s says nothing", refused.Code)
	}
	return answer, refused.Code
}

func TestWhoMayAskForWhat(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	gone := l.create("Account", map[string]any{"Name": "Gone", "OwnerId": l.userID("rosa@example.com")})
	l.rest("DELETE", "/services/data/v66.0/sobjects/Account/"+gone, nil, nil)
	contact := l.create("Contact", map[string]any{"LastName": "Ruiz"})
	for _, c := range []struct{ user, method, record, more, want string }{
		{"rosa", "versions", l.mine, ``, ""},
		{"rosa", "versions", l.mine[:15], ``, ""},
		{"rosa", "versions", l.other, ``, "NO_RECORD_ACCESS"},
		{"rosa", "versions", gone, ``, ""},
		{"vera", "versions", l.other, ``, ""},
		{"vera", "versions", gone, ``, "NO_DELETED_ACCESS"},
		{"vera", "versions", contact, ``, "NO_RECORD_ACCESS"},
		{"vera", "deletedRelated", l.other, ``, "NO_DELETED_ACCESS"},
		{"rosa", "deletedRelated", l.mine, ``, ""},
		{"rosa", "deletedRelated", l.other, ``, "NO_RECORD_ACCESS"},
		{"rosa", "restoreFields", gone, `"fields": []`, "RECORD_DELETED"},
		{"rosa", "restoreFields", l.mine, `"fields": [{"name": "industry", "versionId": "v"}]`, ""},
		{"rosa", "restoreFields", l.mine, `"fields": [{"name": "Website", "versionId": "v"}]`, "NO_FIELD_EDIT_ACCESS"},
		{"rosa", "restoreFields", l.mine, `"fields": [{"name": "AnnualRevenue", "versionId": "v"}]`, "NO_FIELD_EDIT_ACCESS"},
		{"rosa", "restoreFields", l.mine, `"fields": [{"name": "Nothing__c", "versionId": "v"}]`, "NO_FIELD_EDIT_ACCESS"},
		{"vera", "restoreFields", l.other, `"fields": []`, "NO_RESTORE_PERMISSION"},
		{"carl", "restoreFields", l.other, `"fields": []`, "NO_RECORD_EDIT_ACCESS"},
		{"left", "versions", l.mine, ``, "aura.InvalidSessionException"},
		{"nobody", "versions", l.mine, ``, "aura.InvalidSessionException"},
		{"rosa", "versions", "001", ``, "System.TypeException"},
		{"rosa", "graphql", l.mine, ``, "aura.Exception"},
	} {
		body := `{"recordId": "` + c.record + `"`
		if c.more != "" {
			body += ", " + c.more
		}
		if _, code := l.call(l.page, c.user, c.method, body+"}"); code != c.want {
			t.Errorf("%s %s %s %s: %q, want %q", c.user, c.method, c.record, c.more, code, c.want)
		}
		if (l.asked != nil) != (c.want == "") {
			t.Errorf("%s %s %s: Holdfast was asked: %v", c.user, c.method, c.record, l.asked != nil)
		}
	}
}

func TestEachMethodAsksItsOperation(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, c := range []struct{ method, more, operation, want string }{
		{"versions", `"first": 7, "after": "a"`, "versions", `{"after":"a","first":7}`},
		{"compare", `"versionIds": ["v1", "v2"]`, "compare", `{"hideIdentical":false,"versionIds":["v1","v2"]}`},
		{"restoreFields", `"fields": [{"name": "Name", "versionId": "v1", "seen": "Mine"}], "idempotencyKey": "k"`, "restore", `{"fields":[{"name":"Name","versionId":"v1","seen":"Mine"}],"idempotencyKey":"k"}`},
		{"restoreJob", `"jobId": "j"`, "job", `{"jobId":"j"}`},
		{"streamTicket", `"jobId": "j"`, "stream-ticket", `{"jobId":"j"}`},
		{"files", `"after": null`, "files", `{"after":null,"first":50}`},
		{"fileLink", `"fileId": "f"`, "file-link", `{"fileId":"f"}`},
		{"deletedRelated", `"after": "b"`, "deleted-related", `{"after":"b","first":50}`},
	} {
		if _, code := l.call(l.page, "rosa", c.method, `{"recordId": "`+l.mine+`", `+c.more+`}`); code != "" {
			t.Fatalf("%s: %s", c.method, code)
		}
		if l.asked.URL.Path != "/time-machine/v1/"+c.operation || l.asked.Method != http.MethodPost {
			t.Errorf("%s asked %s %s", c.method, l.asked.Method, l.asked.URL.Path)
		}
		var body map[string]any
		if err := json.Unmarshal(l.body, &body); err != nil {
			t.Fatal(err)
		}
		fields, _ := body["readableFields"].([]any)
		if body["objectName"] != "Account" || body["recordId"] != l.mine || !slices.Contains(fields, any("Website")) || slices.Contains(fields, any("AnnualRevenue")) {
			t.Errorf("%s asks with %s", c.method, l.body)
		}
		for _, name := range []string{"objectName", "recordId", "readableFields"} {
			delete(body, name)
		}
		var want map[string]any
		_ = json.Unmarshal([]byte(c.want), &want)
		got, _ := json.Marshal(body)
		if sorted, _ := json.Marshal(want); string(got) != string(sorted) {
			t.Errorf("%s asks for %s, want %s", c.method, got, sorted)
		}
		l.checkToken(c.operation)
	}
}

// checkToken verifies what was sent as Holdfast does.
func (l *lab) checkToken(operation string) {
	l.Helper()
	block, _ := pem.Decode([]byte(l.certificate.PEM))
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		l.Fatal(err)
	}
	var claims jwt.MapClaims
	_, err = jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(audience), jwt.WithTimeFunc(func() time.Time { return now })).
		ParseWithClaims(strings.TrimPrefix(l.asked.Header.Get("Authorization"), "Bearer "), &claims, func(*jwt.Token) (any, error) { return certificate.PublicKey, nil })
	if err != nil {
		l.Fatal(err)
	}
	digest := sha256.Sum256(l.body)
	for name, want := range map[string]any{
		"iss": l.org.ID(), "sub": l.userID("rosa@example.com"), "op": operation, "rid": l.mine, "bdy": hex.EncodeToString(digest[:]), "exp": float64(now.Unix() + 120),
	} {
		if claims[name] != want {
			l.Errorf("%s: %s is %v, want %v", operation, name, claims[name], want)
		}
	}
	if id, _ := claims["jti"].(string); len(id) != 36 {
		l.Errorf("jti is %v", claims["jti"])
	}
}

func TestWhatHoldfastMustNotSayIsDropped(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	gone := l.create("Account", map[string]any{"Name": "Bygone"})
	l.rest("DELETE", "/services/data/v66.0/sobjects/Account/"+gone, nil, nil)
	l.answer = `{"extra": 1, "columns": [{"missing": false, "currencyIsoCode": "EUR", "modifiedAt": "2026-01-01T00:00:00Z"}], "fields": [
		{"name": "Industry", "label": "In English", "restorable": true, "values": ["a"]},
		{"name": "AnnualRevenue", "restorable": true, "values": ["1"]},
		{"name": "Secret__c", "values": ["x"]},
		{"name": "website", "restorable": true, "values": ["w"]},
		{"name": "ParentId", "values": ["` + l.other + `", "` + l.mine + `", null], "references": [{"name": "Other"}, {"name": "Mine"}, null]},
		{"name": "MasterRecordId", "values": ["` + l.other + `", "` + gone + `"], "references": [{"name": "Other", "deleted": true}, {"name": "Bygone", "deleted": true}]}]}`
	got, code := l.call(l.page, "rosa", "compare", `{"recordId": "`+l.mine+`", "versionIds": ["v"]}`)
	if code != "" {
		t.Fatal(code)
	}
	text, _ := json.Marshal(got)
	for _, hidden := range []string{"AnnualRevenue", "Secret__c", "Other", "extra", "EUR", "In English"} {
		if strings.Contains(string(text), hidden) {
			t.Errorf("%s is told: %s", hidden, text)
		}
	}
	for _, told := range []string{`"Mine"`, `"Bygone"`, `"canRestore":true`, `"reasonCode":"NO_EDIT_ACCESS"`, `"label":"Industry"`, `2026-01-01`} {
		if !strings.Contains(string(text), told) {
			t.Errorf("%s is missing: %s", told, text)
		}
	}
	got, _ = l.call(l.page, "carl", "compare", `{"recordId": "`+l.mine+`", "versionIds": ["v"]}`)
	if text, _ := json.Marshal(got); !strings.Contains(string(text), `"Mine"`) || strings.Contains(string(text), "Bygone") {
		t.Errorf("without the permission a deleted record is told: %s", text)
	}
	l.answer = `{"job": {"id": "j", "state": "COMPLETED", "outcomes": [{"name": "Industry", "outcome": "RESTORED"}, {"name": "AnnualRevenue", "outcome": "REFUSED"}]}}`
	if got, _ := l.call(l.page, "rosa", "restoreJob", `{"recordId": "`+l.mine+`", "jobId": "j"}`); len(got["job"].(map[string]any)["outcomes"].([]any)) != 1 {
		t.Errorf("outcomes: %v", got)
	}
	l.answer = `{"records": [{"recordId": "003000000000001AAA", "objectLabel": "x", "name": "Ruiz"}, {"recordId": "zzz000000000001AAA", "name": "?"}]}`
	got, _ = l.call(l.page, "rosa", "deletedRelated", `{"recordId": "`+l.mine+`"}`)
	if text, _ := json.Marshal(got["records"]); !strings.Contains(string(text), `"objectLabel":"Contact"`) || strings.Contains(string(text), "?") {
		t.Errorf("deleted records: %s", text)
	}
}

func TestFailuresOnTheWay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	down := httptest.NewServer(nil)
	down.Close()
	ask := `{"recordId": "` + l.mine + `", "first": 1}`
	for name, c := range map[string]struct {
		page   *timemachine.Twin
		status int
		answer string
		want   string
	}{
		"a refusal keeps its code":   {l.page, 404, `{"error": {"code": "VERSION_NOT_FOUND", "message": "There is no such version."}}`, "VERSION_NOT_FOUND"},
		"a gateway is no Holdfast":   {l.page, 502, `<html>Bad gateway</html>`, "SERVER_UNREACHABLE"},
		"nor is a sign-in page":      {l.page, 200, `<html>Sign in</html>`, "SERVER_UNREACHABLE"},
		"nor is an error of another": {l.page, 400, `{"error": "invalid"}`, "SERVER_UNREACHABLE"},
		"nobody listens":             {l.twin(timemachine.Config{Server: down.URL, Audience: audience, Key: l.certificate.Key}), 200, `{}`, "SERVER_UNREACHABLE"},
		"no certificate":             {l.twin(timemachine.Config{Server: down.URL, Audience: audience}), 200, `{}`, "NOT_SET_UP"},
		"no audience":                {l.twin(timemachine.Config{Server: down.URL, Key: l.certificate.Key}), 200, `{}`, "NOT_SET_UP"},
	} {
		l.status, l.answer = c.status, c.answer
		if _, code := l.call(c.page, "rosa", "versions", ask); code != c.want {
			t.Errorf("%s: %q, want %q", name, code, c.want)
		}
	}
}
