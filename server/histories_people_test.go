package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// person works in a simulated org by its public APIs. Nothing here is shared
// with the product's own client: what this reads is what that is judged by.
type person struct {
	t     testing.TB
	url   string
	token string
}

func (p *person) signIn() {
	p.t.Helper()
	p.token = p.grant(url.Values{"grant_type": {"client_credentials"}})["access_token"].(string)
}

// grantRefresh walks the browser's way to a refresh token.
func (p *person) grantRefresh() string {
	p.t.Helper()
	const callback = "https://lab.example/"
	query := url.Values{"response_type": {"code"}, "client_id": {demoClientID}, "redirect_uri": {callback}}
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.Get(p.url + "/services/oauth2/authorize?" + query.Encode()) //nolint:noctx // a test
	if err != nil {
		p.t.Fatal(err)
	}
	_ = answer.Body.Close()
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil {
		p.t.Fatal(err)
	}
	return p.grant(url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {callback}})["refresh_token"].(string)
}

func (p *person) grant(form url.Values) (body map[string]any) {
	p.t.Helper()
	form.Set("client_id", demoClientID)
	form.Set("client_secret", demoClientSecret)
	answer, err := http.PostForm(p.url+"/services/oauth2/token", form) //nolint:noctx // a test
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != http.StatusOK {
		p.t.Fatal(body, err)
	}
	return body
}

// send makes one call, again with a new session when the old one has ended.
func (p *person) send(method, path, contentType, body string) (int, []byte) {
	for {
		request, _ := http.NewRequest(method, p.url+path, strings.NewReader(strings.ReplaceAll(body, "{session}", p.token))) //nolint:noctx // a test
		request.Header.Set("Authorization", "Bearer "+p.token)
		request.Header.Set("Content-Type", contentType)
		request.Header.Set("SOAPAction", `""`)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			p.t.Errorf("%s %s: %v", method, path, err)
			return 0, nil
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusUnauthorized || bytes.Contains(text, []byte("INVALID_SESSION_ID")) {
			p.signIn()
			continue
		}
		return answer.StatusCode, text
	}
}

const dataAPI = "/services/data/v66.0"

func (p *person) call(method, path string, body, into any) bool {
	p.t.Helper()
	text, err := json.Marshal(body)
	if body == nil {
		text = nil
	}
	status, answer := p.send(method, dataAPI+path, "application/json", string(text))
	if err != nil || status >= 300 {
		return false
	}
	if into == nil {
		return true
	}
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		p.t.Errorf("%s %s: %v", method, path, err)
	}
	return true
}

// insert adds records and tells how many went in.
func (p *person) insert(object string, rows ...map[string]any) (done int) {
	p.t.Helper()
	return len(p.collect("POST", object, rows))
}

// outcome is what became of one record of a collection.
type outcome struct {
	ID      string
	Success bool
	Errors  []any
}

// collect inserts (POST) or updates (PATCH) records, 200 a call, and answers
// the ids of those that went well.
func (p *person) collect(method, object string, rows []map[string]any) (ids []string) {
	p.t.Helper()
	for part := range slices.Chunk(rows, 200) {
		for _, row := range part {
			row["attributes"] = map[string]string{"type": object}
		}
		var results []outcome
		if !p.call(method, "/composite/sobjects", map[string]any{"records": part}, &results) {
			p.t.Errorf("%s %s: refused", method, object)
		}
		ids = append(ids, p.went(method+" "+object, results)...)
	}
	return ids
}

func (p *person) went(what string, results []outcome) (ids []string) {
	p.t.Helper()
	for _, r := range results {
		if !r.Success {
			p.t.Errorf("%s: %v", what, r.Errors)
			continue
		}
		ids = append(ids, r.ID)
	}
	return ids
}

// removeAll deletes records and answers the ids of those that went well.
func (p *person) removeAll(all []string) (ids []string) {
	p.t.Helper()
	for part := range slices.Chunk(all, 200) {
		var results []outcome
		if !p.call("DELETE", "/composite/sobjects?ids="+strings.Join(part, ","), nil, &results) {
			p.t.Error("delete: refused")
		}
		ids = append(ids, p.went("delete", results)...)
	}
	return ids
}

func (p *person) update(object, id string, fields map[string]any) {
	p.t.Helper()
	if !p.call("PATCH", "/sobjects/"+object+"/"+id, fields, nil) {
		p.t.Errorf("update %s %s: refused", object, id)
	}
}

func (p *person) remove(object, id string) bool {
	return p.call("DELETE", "/sobjects/"+object+"/"+id, nil, nil)
}

// soap makes one call of the partner ("u") or the metadata ("m") API.
func (p *person) soap(api, namespace, body string) string {
	_, answer := p.send("POST", "/services/Soap/"+api+"/66.0", "text/xml", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:n="`+namespace+
		`"><e:Header><n:SessionHeader><n:sessionId>{session}</n:sessionId></n:SessionHeader></e:Header><e:Body>`+body+`</e:Body></e:Envelope>`)
	return string(answer)
}

func (p *person) undelete(id string) bool {
	return strings.Contains(p.soap("u", "urn:partner.soap.sforce.com", "<n:undelete><n:ids>"+id+"</n:ids></n:undelete>"), "<success>true</success>")
}

func (p *person) emptyBin(id string) bool {
	return strings.Contains(p.emptyBinOf([]string{id}), "<success>true</success>")
}

// emptyBinOf empties the Recycle Bin of records; those that are not there are
// passed over.
func (p *person) emptyBinOf(ids []string) (answers string) {
	for part := range slices.Chunk(ids, 200) {
		answers += p.soap("u", "urn:partner.soap.sforce.com", "<n:emptyRecycleBin><n:ids>"+strings.Join(part, "</n:ids><n:ids>")+"</n:ids></n:emptyRecycleBin>")
	}
	return answers
}

// hardDelete deletes past the Recycle Bin, by Bulk; false when any record stays.
func (p *person) hardDelete(object string, ids ...string) bool {
	p.t.Helper()
	var job struct {
		ID                  string `json:"id"`
		State               string `json:"state"`
		NumberRecordsFailed json.Number
	}
	p.call("POST", "/jobs/ingest", map[string]string{"object": object, "operation": "hardDelete", "contentType": "CSV", "lineEnding": "LF"}, &job)
	path := dataAPI + "/jobs/ingest/" + job.ID
	p.send("PUT", path+"/batches", "text/csv", "Id\n"+strings.Join(ids, "\n")+"\n")
	p.send("PATCH", path, "application/json", `{"state":"UploadComplete"}`)
	for range 20 {
		if p.call("GET", "/jobs/ingest/"+job.ID, nil, &job); job.State == "JobComplete" {
			return job.NumberRecordsFailed == "0"
		}
	}
	p.t.Errorf("hard delete %s: the job is %s", object, job.State)
	return false
}

const metadataAPI = "http://soap.sforce.com/2006/04/metadata"

// putField adds a custom field, or changes its type.
func (p *person) putField(object, name, definition string) {
	p.t.Helper()
	out := p.soap("m", metadataAPI, `<n:upsertMetadata><n:metadata xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:type="n:CustomField"><n:fullName>`+object+"."+name+
		"</n:fullName><n:label>"+name+"</n:label>"+definition+"</n:metadata></n:upsertMetadata>")
	if !strings.Contains(out, "<success>true</success>") {
		p.t.Errorf("field %s.%s: %s", object, name, out)
	}
}

func (p *person) dropField(object, name string) {
	p.t.Helper()
	out := p.soap("m", metadataAPI, "<n:deleteMetadata><n:type>CustomField</n:type><n:fullNames>"+object+"."+name+"</n:fullNames></n:deleteMetadata>")
	if !strings.Contains(out, "<success>true</success>") {
		p.t.Errorf("field %s.%s: %s", object, name, out)
	}
}

// query reads every page; verb is query or queryAll.
func (p *person) query(verb, soql string) (records []map[string]any) {
	p.t.Helper()
	for path := "/" + verb + "?q=" + url.QueryEscape(soql); path != ""; {
		var page struct {
			Records        []map[string]any
			NextRecordsURL string `json:"nextRecordsUrl"`
		}
		if !p.call("GET", path, nil, &page) {
			p.t.Errorf("refused: %s", soql)
			return nil
		}
		records, path = append(records, page.Records...), strings.TrimPrefix(page.NextRecordsURL, dataAPI)
	}
	return records
}

// ids are the live records of an object, or those in its Recycle Bin.
func (p *person) ids(object string, binned bool) (ids []string) {
	p.t.Helper()
	verb, where := "query", ""
	if binned {
		verb, where = "queryAll", " WHERE IsDeleted = true"
	}
	for _, r := range p.query(verb, "SELECT Id FROM "+object+where+" ORDER BY Id") {
		ids = append(ids, r["Id"].(string))
	}
	return ids
}

// state is all that lives of an object, in the fields that its describe has now.
func (p *person) state(object string) state {
	p.t.Helper()
	var described struct {
		Fields []struct{ Name, Type string }
	}
	p.call("GET", "/sobjects/"+object+"/describe", nil, &described)
	var names []string
	types := map[string]string{}
	for _, f := range described.Fields {
		if f.Type == "address" || f.Type == "location" || f.Type == "base64" || f.Name == "LastViewedDate" || f.Name == "LastReferencedDate" {
			continue // no text of its own, or another for each user
		}
		names, types[f.Name] = append(names, f.Name), f.Type
	}
	found := state{}
	for _, r := range p.query("query", "SELECT "+strings.Join(names, ", ")+" FROM "+object) {
		record := map[string]string{}
		for _, name := range names {
			record[name] = plain(types[name], r[name])
		}
		found[r["Id"].(string)] = record
	}
	return found
}

// plain is the canonical text of a JSON value.
func plain(kind string, value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case bool:
		return strconv.FormatBool(value)
	case json.Number:
		exact, _ := new(big.Rat).SetString(value.String())
		text := exact.FloatString(20)
		return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	case string:
		if kind == "datetime" {
			if at, err := time.Parse("2006-01-02T15:04:05.000-0700", value); err == nil {
				return at.UTC().Format("2006-01-02T15:04:05.000Z")
			}
		}
		return value
	}
	return fmt.Sprint(value)
}

func quoted(text string) string { return strconv.Quote(text[:min(len(text), 60)]) }
