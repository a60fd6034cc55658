package simorg_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// TestConformance lets clients that are not ours judge the org over HTTP, each
// an org of its own. `make conformance` installs them and runs this; the last
// line of each is `CLIENT: N passed, 0 failed`.
func TestConformance(t *testing.T) {
	if os.Getenv("HOLDFAST_CONFORMANCE") == "" {
		t.Skip("run by make conformance, which installs the clients")
	}
	for folder, command := range map[string][]string{
		"jsforce":   {"node", "conformance.mjs"},
		"goclients": {"go", "run", "."},
		"sfcore":    {"node", "conformance.mjs"},
	} {
		t.Run(folder, func(t *testing.T) { letJudge(t, "testdata/"+folder, command) })
	}
}

func letJudge(t *testing.T, folder string, command []string) {
	t.Helper()
	const redirect = "http://localhost:1717/callback"
	key, public := newKey(t)
	org, err := simorg.New(simorg.Config{
		Now:   time.Now,
		Users: []simorg.User{{Username: "judge@example.com", Password: "secret", FirstName: "Ada", LastName: "Judge"}},
		Apps: []simorg.App{{
			ClientID: "judge", ClientSecret: "shh", RunAs: "judge@example.com", RedirectURIs: []string{redirect},
			Certificate: public, Approved: []string{"judge@example.com"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := org.LoadSource(os.DirFS("testdata/jsforce")); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(org)
	defer server.Close()
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	judge := exec.CommandContext(t.Context(), command[0], command[1:]...)
	judge.Dir, judge.Stdout, judge.Stderr = folder, os.Stdout, os.Stderr
	judge.Env = append(os.Environ(), "ORG_URL="+server.URL, "ORG_USERNAME=judge@example.com", "ORG_PASSWORD=secret",
		"ORG_CLIENT_ID=judge", "ORG_CLIENT_SECRET=shh", "ORG_REDIRECT_URI="+redirect, "ORG_PRIVATE_KEY="+string(private))
	if err := judge.Run(); err != nil {
		t.Fatalf("the judge found the org wanting: %v", err)
	}
}
