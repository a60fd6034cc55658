package graph_test

func init() {
	idProbes["Org.files(linkedTo)"] = probe{`query($org: ID!, $id: SalesforceId!) { org(id: $org) { files(linkedTo: $id) { totalCount edges { node { id title content { bytes } } } } } }`, aRecord}
	cursorProbes["Org.files"] = `query($after: Cursor, $org: ID!, $record: SalesforceId!) { org(id: $org) { files(linkedTo: $record, after: $after) { totalCount edges { cursor node { id } } } } }`
}
