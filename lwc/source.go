// Package lwc holds what Time Machine's Salesforce package brings into an org
// besides code, for the simulated org to be set up with.
package lwc

import "embed"

// Source is SFDX source: the custom permissions, the permission sets that grant
// them, and the labels that Apex speaks with.
//
//go:embed force-app/main/default/customPermissions force-app/main/default/permissionsets force-app/main/default/labels
var Source embed.FS
