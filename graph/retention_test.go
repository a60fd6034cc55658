package graph_test

import (
	"testing"

	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// TestRetentionIsForAdministrators: others may look at a plan, but not change
// what is kept.
func TestRetentionIsForAdministrators(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t, db)
		ada := w.register("Acme")
		for email, role := range map[string]string{"bob@example.com": "VIEWER", "cleo@example.com": "OPERATOR"} {
			person := w.hire(ada, "Acme", email, role)
			expectCode(t, w.ask(person.token, `{ retentionPlan(orgId: "org_1") { kept } }`, nil), "NOT_FOUND") // and not FORBIDDEN
			for _, deed := range []string{
				`orgRetentionSet(input: {orgId: "org_1", days: 1})`, `orgHold(input: {orgId: "org_1", reason: "case"})`,
				`backupHold(input: {backupId: "job_1", reason: "case"})`, `orgRetentionApply(input: {token: "token"})`,
			} {
				expectCode(t, w.ask(person.token, `mutation { `+deed+` { userErrors { code } } }`, nil), "FORBIDDEN")
			}
		}
	})
}
