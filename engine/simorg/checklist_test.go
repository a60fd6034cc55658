package simorg_test

import (
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// TestChecklist has a sub-test for each row of the platform reference's §15.
func TestChecklist(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		check func(*world)
		edit  func(*simorg.Config)
	}{
		{"01 error shapes", errorShapes, nil},
		{"02 status codes", statusCodes, nil},
		{"03 query locators", queryLocators, func(c *simorg.Config) {
			c.Users = append(c.Users, simorg.User{Username: "other@test.example", Password: "pw", LastName: "Other"})
		}},
		{"04 bulk state machine", bulkStateMachine, func(c *simorg.Config) { c.BulkPolls = 2 }},
		{"05 objects that refuse", refusingObjects, func(c *simorg.Config) {
			c.Users[0].Permissions = []string{"ApiEnabled", "ViewAllData", "ModifyAllData"}
		}},
		{"06 delete flags and the bin", deletesAndBin, nil},
		{"07 ids", newIDs, nil},
		{"08 audit fields", auditFields, func(c *simorg.Config) {
			c.Users = append(c.Users, simorg.User{Username: "plain@test.example", Password: "pw", LastName: "Plain", Permissions: []string{"ApiEnabled", "ViewAllData"}})
		}},
		{"09 SystemModstamp", modstamps, nil},
		{"10 getDeleted", deletedWindow, nil},
		{"11 limits and faults", limitsAndFaults, nil},
		{"12 row locks", rowLocks, func(c *simorg.Config) { c.LockContention = 1 }},
		{"13 rules with switches", rulesAndSwitches, nil},
		{"14 Sforce-Auto-Assign", autoAssign, nil},
		{"15 files", filesRules, func(c *simorg.Config) {
			c.Users = append(c.Users, simorg.User{Username: "nofiles@test.example", Password: "pw", LastName: "N", Permissions: []string{"ApiEnabled", "ViewAllData"}})
		}},
		{"16 draft, activate, standard price", draftsAndPrices, nil},
		{"17 person accounts and currencies", personsAndCurrencies, func(c *simorg.Config) { c.PersonAccounts, c.Currencies = true, []string{"EUR", "USD"} }},
		{"18 archived activities", archivedActivities, nil},
		{"19 undelete over SOAP", undeleteRules, nil},
		{"20 metadata", metadataRules, nil},
		{"21 visibility", visibility, func(c *simorg.Config) {
			c.Users = append(c.Users, simorg.User{
				Username: "poor@test.example", Password: "pw", LastName: "Poor", Permissions: []string{"ApiEnabled"},
				HiddenObjects: []string{"Lead"}, HiddenFields: []string{"Account.Phone"}, ReadOnlyFields: []string{"Account.Fax"}, OwnRecordsOnly: true,
			})
		}},
		{"22 schema drift", schemaDrift, nil},
		{"23 names and ids in any case", anyCase, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var edits []func(*simorg.Config)
			if row.edit != nil {
				edits = append(edits, row.edit)
			}
			row.check(newWorld(t, edits...))
		})
	}
}
