package graph_test

import (
	"encoding/base64"
	"strings"
)

func init() {
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	useRotateAndUnlock := probe{`mutation($id: ID!) {
		orgKeyUse(input: {orgId: $id, key: "` + key + `"}) { org { id encryption { keeper fingerprint } } userErrors { code message } }
		orgKeyRotate(input: {orgId: $id}) { org { id } userErrors { code message } }
		orgKeyUnlock(input: {orgId: $id, key: "` + key + `"}) { org { id } userErrors { code message } } }`, anOrg}
	idProbes["Mutation.orgKeyUse(input.orgId)"] = useRotateAndUnlock
	idProbes["Mutation.orgKeyRotate(input.orgId)"] = useRotateAndUnlock
	idProbes["Mutation.orgKeyUnlock(input.orgId)"] = useRotateAndUnlock
}
