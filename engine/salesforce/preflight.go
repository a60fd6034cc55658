package salesforce

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// permission is one that Holdfast can use, by its field on UserPermissionAccess.
type permission struct{ field, label, missed, fix string }

const grantIt = "Add it to the permission set of the connected user."

var permissions = []permission{
	{"PermissionsApiEnabled", "API Enabled", "Nothing can be read or written at all.", grantIt},
	{"PermissionsViewAllData", "View All Data", "Records that are not shared with the user are missed, and some SObjects refuse to be read.", grantIt},
	{"PermissionsModifyAllData", "Modify All Data", "Restores and archives fail on records the user may not edit, and e-mail attachments are missed.", grantIt},
	{"PermissionsQueryAllFiles", "Query All Files", "Files in private libraries and of other users are missed.", grantIt},
	{"PermissionsViewSetup", "View Setup and Configuration", "Record counts and the org's limits cannot be read: counts are estimated and pacing goes by response headers only.", grantIt},
	{"PermissionsViewEncryptedData", "View Encrypted Data", "Fields of the classic encrypted type are kept masked.", grantIt},
	{"PermissionsModifyMetadata", "Modify Metadata Through Metadata API Functions", "Metadata is not backed up, and automation cannot be suspended during a restore.", grantIt},
	{"PermissionsManageInteraction", "Manage Flow", "Flows cannot be suspended during a restore.", grantIt},
	{"PermissionsCustomizeApplication", "Customize Application", "Validation rules and workflow rules cannot be suspended during a restore.", grantIt},
	{"PermissionsAuthorApex", "Author Apex", "Apex triggers cannot be suspended during a restore.", grantIt},
	{
		"PermissionsCreateAuditFields", "Set Audit Fields upon Record Creation", "Records that are inserted again get a new creation date and author.",
		"Switch it on in Setup under User Interface, then add it to the permission set of the connected user.",
	},
	{
		"PermissionsUpdateWithInactiveOwners", "Update Records with Inactive Owners", "Records of inactive users cannot be restored under their owner.",
		"Switch it on in Setup under User Interface, then add it to the permission set of the connected user.",
	},
	{"PermissionsBulkApiHardDelete", "Bulk API Hard Delete", "Optional: an archive leaves its records in the Recycle Bin for 15 days.", grantIt},
}

// Preflight asks UserPermissionAccess for each permission. One that the org
// does not even list is one that its settings have not switched on.
func (o *org) Preflight(ctx context.Context) ([]engine.PreflightFinding, error) {
	granted, err := o.granted(ctx)
	if err != nil {
		return nil, err
	}
	findings := make([]engine.PreflightFinding, len(permissions))
	for i, p := range permissions {
		findings[i] = engine.PreflightFinding{Permission: p.label, Granted: granted[p.field], Missed: p.missed, Fix: p.fix}
	}
	return findings, nil
}

func (o *org) granted(ctx context.Context) (map[string]bool, error) {
	const object = "UserPermissionAccess"
	described, err := o.Describe(ctx, []engine.DescribeRequest{{Object: object}})
	if err == nil {
		err = described[0].Err
	}
	if err != nil {
		return nil, err
	}
	var known []string
	for _, p := range permissions {
		if _, ok := described[0].SObject.Field(p.field); ok {
			known = append(known, p.field)
		}
	}
	if len(known) == 0 {
		return nil, nil
	}
	var wire struct {
		Records []map[string]json.RawMessage `json:"records"`
	}
	soql := "SELECT " + strings.Join(known, ",") + " FROM " + object + " LIMIT 1"
	err = o.fetch(ctx, get(o.query(current, soql), object, "list the connected user's permissions"), &wire)
	if err != nil || len(wire.Records) == 0 {
		return nil, err
	}
	granted := map[string]bool{}
	for name, value := range wire.Records[0] {
		granted[name] = string(value) == "true"
	}
	return granted, nil
}
