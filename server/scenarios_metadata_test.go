package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// deploy changes the org's metadata as a person would, over the Metadata API.
func (s *scenario) deploy(input string) {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	add := func(name, text string) {
		f, err := z.Create(name)
		s.must(err)
		_, err = io.WriteString(f, text)
		s.must(err)
	}
	destroyed := ""
	for line := range strings.SplitSeq(strings.TrimSpace(input), "\n") {
		if member, is := strings.CutPrefix(line, "- "); is {
			typ, name, _ := strings.Cut(member, " ")
			destroyed += "<types><members>" + name + "</members><name>" + typ + "</name></types>"
			continue
		}
		path, text, _ := strings.Cut(line, " = ")
		add(path, text)
	}
	add("package.xml", "<Package/>")
	if destroyed != "" {
		add("destructiveChanges.xml", "<Package>"+destroyed+"</Package>")
	}
	s.must(z.Close())
	session := s.soapSession()
	call := func(body string) string {
		envelope := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://soap.sforce.com/2006/04/metadata"><s:Header><m:SessionHeader><m:sessionId>` +
			session + `</m:sessionId></m:SessionHeader></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
		response, err := http.Post(s.salesforce+"/services/Soap/m/66.0", "text/xml", strings.NewReader(envelope)) //nolint:noctx // a test's
		s.must(err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		s.must(err)
		return string(text)
	}
	answer := call("<m:deploy><m:ZipFile>" + base64.StdEncoding.EncodeToString(archive.Bytes()) + "</m:ZipFile></m:deploy>")
	_, id, _ := strings.Cut(answer, "<id>")
	id, _, _ = strings.Cut(id, "</id>")
	for !strings.Contains(answer, "<status>Succeeded</status>") {
		if strings.Contains(answer, "<done>true</done>") || strings.Contains(answer, "Fault") {
			s.t.Fatal(answer)
		}
		answer = call(fmt.Sprintf("<m:checkDeployStatus><m:asyncProcessId>%s</m:asyncProcessId></m:checkDeployStatus>", id))
	}
}

// soapSession signs a person in.
func (s *scenario) soapSession() string {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {demoClientID}, "client_secret": {demoClientSecret}}
	response, err := http.PostForm(s.salesforce+"/services/oauth2/token", form) //nolint:noctx // a test's
	s.must(err)
	defer response.Body.Close()
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	s.must(json.NewDecoder(response.Body).Decode(&granted))
	return granted.AccessToken
}

// refusesList answers a listMetadata of the failing type as the org does for
// one that it does not know.
func (s *scenario) refusesList(w http.ResponseWriter, r *http.Request) bool {
	failing, _ := s.failing.Load().(string)
	if failing == "" || !strings.Contains(r.URL.Path, "/Soap/m/") {
		return false
	}
	body, err := io.ReadAll(r.Body)
	s.must(err)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !bytes.Contains(body, []byte("type>"+failing+"<")) {
		return false
	}
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>sf:INVALID_TYPE</faultcode></s:Fault></s:Body></s:Envelope>`)
	return true
}
