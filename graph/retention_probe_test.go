package graph_test

import "maps"

func init() {
	maps.Copy(idProbes, map[string]probe{
		"Query.retentionPlan(orgId)":            {`query($id: ID!) { retentionPlan(orgId: $id, policy: {days: 1}) { points { at } } }`, anOrg},
		"Mutation.orgRetentionSet(input.orgId)": {`mutation($id: ID!) { orgRetentionSet(input: {orgId: $id}) { org { id } userErrors { code message } } }`, anOrg},
		"Mutation.orgHold(input.orgId)":         {`mutation($id: ID!) { orgHold(input: {orgId: $id}) { org { id } userErrors { code message } } }`, anOrg},
		"Mutation.backupHold(input.backupId)":   {`mutation($id: ID!) { backupHold(input: {backupId: $id}) { backup { id } userErrors { code message } } }`, aJob},
	})
}
