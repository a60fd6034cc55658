package graph_test

func init() {
	cursorProbes["JobObject.touched"] = `query($after: Cursor) { jobs(filter: {states: [COMPLETED]}) { edges { node { object(name: "Account") {
		touched(after: $after) { edges { cursor node { recordId version { id job { id } values { name value } } } } } } } } } }`
}
