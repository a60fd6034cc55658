package simorg_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// TestConformance lets jsforce, a client that is not ours, judge the org over
// HTTP. `make conformance` installs it and runs this; its last line is
// `jsforce: N passed, 0 failed`.
func TestConformance(t *testing.T) {
	if os.Getenv("HOLDFAST_CONFORMANCE") == "" {
		t.Skip("run by make conformance, which installs jsforce")
	}
	const redirect = "http://localhost:1717/callback"
	org, err := simorg.New(simorg.Config{
		Now:   time.Now,
		Users: []simorg.User{{Username: "judge@example.com", Password: "secret", FirstName: "Ada", LastName: "Judge"}},
		Apps:  []simorg.App{{ClientID: "judge", ClientSecret: "shh", RunAs: "judge@example.com", RedirectURIs: []string{redirect}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const dir = "testdata/jsforce"
	if err := org.LoadSource(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(org)
	defer server.Close()
	judge := exec.CommandContext(t.Context(), "node", "conformance.mjs")
	judge.Dir, judge.Stdout, judge.Stderr = dir, os.Stdout, os.Stderr
	judge.Env = append(os.Environ(), "ORG_URL="+server.URL, "ORG_USERNAME=judge@example.com", "ORG_PASSWORD=secret",
		"ORG_CLIENT_ID=judge", "ORG_CLIENT_SECRET=shh", "ORG_REDIRECT_URI="+redirect)
	if err := judge.Run(); err != nil {
		t.Fatalf("jsforce found the org wanting: %v", err)
	}
}
