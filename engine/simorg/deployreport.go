package simorg

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// number and flag are leaves that JSON prints without quotes.
func numberLeaf(name string, n int) *element { return leaf(name, strconv.Itoa(n)) }

// report is a deployment's result, for SOAP as it stands and for REST by json.
func (d *deployment) report(details bool) *element {
	status, done := d.state()
	errors, total := len(d.failed), len(d.failed)+len(d.done)
	deployed := len(d.done)
	if d.failed != nil && d.rollback {
		deployed = 0
	}
	r := el("result", boolLeaf("checkOnly", d.checkOnly), leaf("createdBy", d.by.id), leaf("createdDate", d.created.Format(stampLayout)))
	if details && done {
		r.add(d.details())
	}
	return r.add(boolLeaf("done", done), leaf("id", d.id), boolLeaf("ignoreWarnings", false), numberLeaf("numberComponentErrors", errors),
		numberLeaf("numberComponentsDeployed", deployed), numberLeaf("numberComponentsTotal", total), numberLeaf("numberTestErrors", 0),
		numberLeaf("numberTestsCompleted", 0), numberLeaf("numberTestsTotal", 0), boolLeaf("rollbackOnError", d.rollback),
		boolLeaf("runTestsEnabled", false), leaf("startDate", d.created.Format(stampLayout)), leaf("status", status),
		boolLeaf("success", status == "Succeeded"))
}

func (d *deployment) details() *element {
	details := el("details")
	for _, f := range d.failed {
		details.add(el("componentFailures", append(f.common(d), leaf("problem", f.problem), leaf("problemType", "Error"), boolLeaf("success", false))...))
	}
	for _, s := range d.done {
		details.add(el("componentSuccesses", append(s.common(d), boolLeaf("success", true))...))
	}
	return details.add(el("runTestResult", numberLeaf("numFailures", 0), numberLeaf("numTestsRun", 0), leaf("totalTime", "0.0")))
}

func (r componentResult) common(d *deployment) []*element {
	changed := r.problem == ""
	return []*element{
		boolLeaf("changed", changed), leaf("componentType", r.typ), boolLeaf("created", r.created && changed),
		leaf("createdDate", d.created.Format(stampLayout)), boolLeaf("deleted", r.deleted && changed), leaf("fileName", r.file), leaf("fullName", r.fullName),
	}
}

// lists are the elements that JSON always prints as arrays.
var lists = map[string]bool{"componentFailures": true, "componentSuccesses": true}

// json is an element as REST prints it: numbers and booleans by their look.
func (e *element) json() any {
	if len(e.children) == 0 {
		return scalar(e.name, e.text)
	}
	object := map[string]any{}
	for _, c := range e.children {
		v := c.json()
		switch old := object[c.name].(type) {
		case nil:
			if lists[c.name] {
				v = []any{v}
			}
			object[c.name] = v
		case []any:
			object[c.name] = append(old, v)
		default:
			object[c.name] = []any{old, v}
		}
	}
	return object
}

func scalar(name, text string) any {
	if strings.HasPrefix(name, "number") || name == "numFailures" || name == "numTestsRun" {
		return json.Number(text)
	}
	switch text {
	case "true":
		return true
	case "false":
		return false
	case "":
		return nil
	}
	return text
}

func (o *Org) metadataRoutes(mux *http.ServeMux) {
	const v = "/services/data/{version}"
	mux.HandleFunc(v+"/metadata/deployRequest", o.resource(methods{"POST": restDeploy}))
	mux.HandleFunc(v+"/metadata/deployRequest/{id}", o.resource(methods{"GET": restCheckDeploy, "PATCH": restCancelDeploy}))
}

// restDeploy takes a multipart body: the options as JSON, the package as zip.
func restDeploy(c *call) (reply, error) {
	var body struct{ DeployOptions map[string]any }
	var archive []byte
	if err := c.parts(func(_ string, isJSON bool, data []byte) error {
		if isJSON {
			return decodeJSON(data, &body)
		}
		archive = data
		return nil
	}); err != nil {
		return reply{}, err
	}
	d, err := c.openDeploy(archive, body.DeployOptions)
	if err != nil {
		return reply{}, err
	}
	return reply{Status: http.StatusCreated, Body: map[string]any{"id": d.id, "deployOptions": d.options, "deployResult": d.report(false).json(), "validatedDeployRequestId": nil}}, nil
}

func restCheckDeploy(c *call) (reply, error) {
	d, err := c.deployment(c.path("id"))
	if err != nil {
		return reply{}, notFound()
	}
	return ok(map[string]any{"id": d.id, "deployOptions": d.options, "deployResult": d.report(c.query().Get("includeDetails") == "true").json()})
}

func restCancelDeploy(c *call) (reply, error) {
	d, err := c.deployment(c.path("id"))
	if err != nil {
		return reply{}, notFound()
	}
	if _, done := d.state(); !done {
		d.cancelled = true
	}
	return reply{Status: http.StatusAccepted, Body: map[string]any{"id": d.id, "deployOptions": d.options, "deployResult": d.report(false).json()}}, nil
}
