package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/server/config"
	"github.com/holdfast-backup/holdfast/server/web"
)

// TestAnOrgIsConnectedInTheBrowser walks the web-server flow as a browser does:
// to Salesforce's consent page and back.
func TestAnOrgIsConnectedInTheBrowser(t *testing.T) {
	t.Parallel()
	var salesforce atomic.Pointer[simorg.Org]
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { salesforce.Load().ServeHTTP(w, r) }))
	t.Cleanup(login.Close)
	m := start(t, config.Config{Data: t.TempDir(), SalesforceHosts: []string{strings.TrimPrefix(login.URL, "http://")}})
	sim, err := simorg.New(simorg.Config{
		Now: time.Now, AutoApprove: true,
		Users: []simorg.User{{Username: "robot@example.com", FirstName: "Ro", LastName: "Bot"}},
		Apps:  []simorg.App{{ClientID: "client", RequirePKCE: true, RedirectURIs: []string{m.URL() + web.CallbackPath}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	salesforce.Store(sim)
	admin := newcomer(t, m)

	connected := admin.ask(fmt.Sprintf(`mutation { orgConnect(input: {name: "prod", flow: WEB_SERVER, loginUrl: %q, clientId: "client"}) {
		org { state } authorizationUrl userErrors { code message } } }`, login.URL))
	address, _ := at(connected, "data", "orgConnect", "authorizationUrl").(string)
	if state := at(connected, "data", "orgConnect", "org", "state"); state != "PENDING" || address == "" {
		t.Fatalf("connect: %v", connected)
	}
	if page := do(t, http.MethodGet, address, nil); page.status != http.StatusOK || !strings.Contains(page.body, "is connected") {
		t.Fatalf("the browser ends at %d %s", page.status, page.body)
	}
	orgs := admin.ask(`{ orgs { edges { node { state username } } } }`)
	if got := fmt.Sprint(at(orgs, "data", "orgs", "edges", 0, "node")); got != "map[state:CONNECTED username:robot@example.com]" {
		t.Errorf("the org: %s", got)
	}
}

func TestACallbackThatNobodyBeganOrThatWasDenied(t *testing.T) {
	t.Parallel()
	m := start(t, config.Config{Data: t.TempDir()})
	admin := newcomer(t, m)
	connected := admin.ask(`mutation { orgConnect(input: {name: "prod", flow: WEB_SERVER, loginUrl: "https://login.salesforce.com", clientId: "client"}) {
		authorizationUrl userErrors { code } } }`)
	address, _ := at(connected, "data", "orgConnect", "authorizationUrl").(string)
	state := queryOf(t, address).Get("state")
	for _, c := range []struct{ query, want string }{
		{"state=unknown&code=x", "not known or has expired"},
		{"", "not known or has expired"},
		{"error=access_denied&state=" + state, "did not grant access"},
		{"code=x&state=" + state, "not known or has expired"}, // a state works once
	} {
		page := do(t, http.MethodGet, m.URL()+web.CallbackPath+"?"+c.query, nil)
		if page.status != http.StatusBadRequest || !strings.Contains(page.body, c.want) {
			t.Errorf("%s: %d %s", c.query, page.status, page.body)
		}
	}
	script := do(t, http.MethodGet, m.URL()+web.CallbackPath+"?error=%3Cscript%3E&state=x", nil)
	if strings.Contains(script.body, "<script>") {
		t.Error("the page repeats what the address says")
	}
}
