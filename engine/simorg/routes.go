package simorg

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const (
	firstVersion  = 31
	latestVersion = 66
)

func knownVersion(v string) bool {
	major, minor, _ := strings.Cut(v, ".")
	n, err := strconv.Atoi(major)
	return err == nil && minor == "0" && n >= firstVersion && n <= latestVersion
}

// routes is the table of everything the org answers.
func (o *Org) routes() http.Handler {
	mux := http.NewServeMux()
	o.authRoutes(mux)
	mux.HandleFunc("/services/data", o.versions)
	const v = "/services/data/{version}"
	for path, m := range map[string]methods{
		"":                                      {"GET": resources},
		"/limits":                               {"GET": limits},
		"/limits/recordCount":                   {"GET": recordCount},
		"/sobjects":                             {"GET": describeGlobal},
		"/sobjects/{object}":                    {"GET": basicInfo, "POST": createRecord},
		"/sobjects/{object}/describe":           {"GET": describe},
		"/sobjects/{object}/updated":            {"GET": getUpdated},
		"/sobjects/{object}/deleted":            {"GET": getDeleted},
		"/sobjects/{object}/{id}":               {"GET": getRecord, "PATCH": updateRecord, "DELETE": deleteRecord, "POST": insertByUpsert},
		"/sobjects/{object}/{field}/{value...}": {"GET": getByField, "PATCH": upsertRecord, "DELETE": deleteByField},
		"/query":                                {"GET": runQuery},
		"/query/{locator}":                      {"GET": nextPage},
		"/queryAll":                             {"GET": runQueryAll},
		"/queryAll/{locator}":                   {"GET": nextPage},
		"/composite":                            {"GET": compositeResources, "POST": composite},
		"/composite/batch":                      {"POST": batch},
		"/composite/graph":                      {"POST": graph},
		"/composite/tree/{object}":              {"POST": tree},
		"/composite/sobjects":                   {"POST": createMany, "PATCH": updateMany, "DELETE": deleteMany},
		"/composite/sobjects/{object}":          {"POST": retrieveMany, "GET": retrieveMany},
		"/composite/sobjects/{object}/{field}":  {"PATCH": upsertMany},
		"/jobs/query":                           {"GET": listQueryJobs, "POST": createQueryJob},
		"/jobs/query/{job}":                     {"GET": getQueryJob, "PATCH": patchQueryJob, "DELETE": deleteQueryJob},
		"/jobs/query/{job}/results":             {"GET": queryResults},
		"/jobs/query/{job}/resultPages":         {"GET": resultPages},
		"/jobs/ingest":                          {"GET": listIngestJobs, "POST": createIngestJob},
		"/jobs/ingest/{job}":                    {"GET": getIngestJob, "PATCH": patchIngestJob, "DELETE": deleteIngestJob},
		"/jobs/ingest/{job}/batches":            {"PUT": uploadBatch},
		"/jobs/ingest/{job}/successfulResults":  {"GET": successfulResults},
		"/jobs/ingest/{job}/failedResults":      {"GET": failedResults},
		"/jobs/ingest/{job}/unprocessedrecords": {"GET": unprocessedResults},
	} {
		mux.HandleFunc(v+path, o.resource(m))
	}
	o.soapRoutes(mux)
	o.asyncRoutes(mux)
	o.metadataRoutes(mux)
	o.toolingRoutes(mux)
	mux.HandleFunc(v+"/{rest...}", o.resource(methods{
		"GET": unknownResource, "POST": unknownResource, "PATCH": unknownResource,
		"PUT": unknownResource, "DELETE": unknownResource,
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { o.print(w, r, reply{}, notFound()) })
	return mux
}

func unknownResource(*call) (reply, error) { return reply{}, notFound() }

// versions needs no session and costs no call.
func (o *Org) versions(w http.ResponseWriter, r *http.Request) {
	list := make([]map[string]string, 0, latestVersion-firstVersion+1)
	for n := firstVersion; n <= latestVersion; n++ {
		since := n - 29 // Winter '14
		list = append(list, map[string]string{
			"label": fmt.Sprintf("%s '%02d", []string{"Winter", "Spring", "Summer"}[since%3], 14+since/3),
			"url":   fmt.Sprintf("/services/data/v%d.0", n), "version": fmt.Sprintf("%d.0", n),
		})
	}
	answer, err := ok(list)
	o.print(w, r, answer, err)
}

func resources(c *call) (reply, error) {
	body := map[string]string{"identity": c.org.identityURL(c.r, c.session.user.id)}
	for _, name := range []string{"sobjects", "query", "queryAll", "limits", "composite", "tooling", "jobs", "metadata"} {
		body[name] = c.root + "/" + name
	}
	return ok(body)
}

func compositeResources(c *call) (reply, error) {
	base := c.root + "/composite"
	return ok(map[string]string{"tree": base + "/tree", "batch": base + "/batch", "sobjects": base + "/sobjects", "graph": base + "/graph"})
}
