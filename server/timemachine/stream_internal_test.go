package timemachine

import "testing"

// TestLightningOrigin is what lwc/INSTALL.md leaves to the server.
func TestLightningOrigin(t *testing.T) {
	t.Parallel()
	for instance, want := range map[string]string{
		"https://acme.my.salesforce.com":                "https://acme.lightning.force.com",
		"https://acme--uat.sandbox.my.salesforce.com":   "https://acme--uat.sandbox.lightning.force.com",
		"https://acme-dev-ed.develop.my.salesforce.com": "https://acme-dev-ed.develop.lightning.force.com",
		"https://eu1.salesforce.com":                    "",
		"http://127.0.0.1:8080":                         "",
	} {
		got := lightningOrigin(instance)
		if got != want || want != "" && !lightning.MatchString(got) {
			t.Errorf("%s: %q, want %q", instance, got, want)
		}
	}
}
