package demo_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// org is a simulated org with custom objects, and a token for it.
type org struct {
	t          *testing.T
	url, token string
}

func newOrg(t *testing.T, source fs.FS) org {
	t.Helper()
	simulated, err := simorg.New(simorg.Config{
		Now:   time.Now,
		Users: []simorg.User{{Username: "ann@example.com", Password: "secret", LastName: "Ann"}},
		Apps:  []simorg.App{{ClientID: "app", ClientSecret: "shh", RunAs: "ann@example.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := simulated.LoadSource(source); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(simulated)
	t.Cleanup(server.Close)
	res, err := http.PostForm(server.URL+"/services/oauth2/token",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {"shh"}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var login struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&login); err != nil || login.AccessToken == "" {
		t.Fatalf("no token: %s, %v", res.Status, err)
	}
	return org{t, server.URL, login.AccessToken}
}

// get reads a record; found is false when it is deleted or was never there.
func (o org) get(object, id string) (fields map[string]any, found bool) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.url+"/services/data/v66.0/sobjects/"+object+"/"+id, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+o.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotFound {
		return nil, false
	}
	if err := json.NewDecoder(res.Body).Decode(&fields); err != nil {
		o.t.Fatalf("%s %s: %s: %v", object, id, res.Status, err)
	}
	return fields, true
}

// holds compares a record with what was written to it.
func (o org) holds(s *demo.Session, object, reference string, want map[string]any) {
	o.t.Helper()
	got, found := o.get(object, s.ID(reference))
	if !found {
		o.t.Errorf("%s %s is not in the org", object, reference)
		return
	}
	for name, value := range want {
		if text, ok := value.(string); ok && strings.HasPrefix(text, "@") {
			value = s.ID(text[1:])
		}
		if name != "attributes" && got[name] != value {
			o.t.Errorf("%s %s.%s = %#v, want %#v", object, reference, name, got[name], value)
		}
	}
}

// checkLoaded compares every record of a data set with the org and counts them.
func (o org) checkLoaded(s *demo.Session, data fs.FS) map[string]int {
	o.t.Helper()
	counts := map[string]int{}
	names, err := fs.Glob(data, "*.json")
	if err != nil {
		o.t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(data, name)
		if err != nil {
			o.t.Fatal(err)
		}
		var file struct{ Records []map[string]any }
		if json.Unmarshal(text, &file) != nil {
			continue // the plan and the edits are lists
		}
		for _, r := range file.Records {
			attributes := r["attributes"].(map[string]any)
			object := attributes["type"].(string)
			o.holds(s, object, attributes["referenceId"].(string), r)
			counts[object]++
		}
	}
	return counts
}

func TestLoad(t *testing.T) {
	t.Parallel()
	o := newOrg(t, demo.Schema())
	s, err := demo.Load(t.Context(), o.url, o.token)
	if err != nil {
		t.Fatal(err)
	}
	counts := o.checkLoaded(s, demo.Data())
	for object, want := range map[string]int{
		"Account": 65, "Contact": 150, "Opportunity": 80, "Case": 60, "Lead": 40, "Task": 120,
		"Warehouse__c": 8, "Shipment__c": 60, "Shipment_Item__c": 182,
	} {
		if counts[object] != want {
			t.Errorf("%d records of %s, want %d", counts[object], object, want)
		}
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	o := newOrg(t, demo.Schema())
	s, err := demo.Load(t.Context(), o.url, o.token)
	if err != nil {
		t.Fatal(err)
	}
	rounds, err := demo.Rounds()
	if err != nil {
		t.Fatal(err)
	}
	for _, round := range rounds {
		if err := s.Edit(t.Context(), round); err != nil {
			t.Fatal(err)
		}
		for _, step := range round.Steps {
			o.checkStep(s, step)
		}
	}
}

func (o org) checkStep(s *demo.Session, step demo.Step) {
	o.t.Helper()
	switch {
	case step.Update != "":
		o.holds(s, s.Object(step.Update), step.Update, step.Set)
	case step.Insert != "":
		o.holds(s, step.Insert, step.As, step.Set)
	}
	for _, reference := range step.Delete {
		if _, found := o.get(s.Object(reference), s.ID(reference)); found {
			o.t.Errorf("%s is still there", reference)
		}
	}
	for _, reference := range step.Undelete {
		if _, found := o.get(s.Object(reference), s.ID(reference)); !found {
			o.t.Errorf("%s did not come back", reference)
		}
	}
}

func TestLoadNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	o := newOrg(t, demo.Schema())
	for name, test := range map[string]struct{ records, want string }{
		"refused":   {`{"attributes":{"type":"Account","referenceId":"A"},"Website":"x"}`, "REQUIRED_FIELD_MISSING"},
		"reference": {`{"attributes":{"type":"Account","referenceId":"A"},"Name":"x","ParentId":"@Nobody"}`, `"Nobody"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir+"/plan.json", `[{"sobject":"Account","files":["a.json"]}]`)
			write(t, dir+"/a.json", `{"records":[`+test.records+`]}`)
			err := demo.Open(o.url, o.token).Load(t.Context(), os.DirFS(dir))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v does not name %s", err, test.want)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestEbikes loads a data set that is not ours, where it is at hand.
func TestEbikes(t *testing.T) {
	t.Parallel()
	const dir = "../../../shared/data/ebikes"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no ../shared/data/ebikes beside this repository")
	}
	o := newOrg(t, os.DirFS("testdata/ebikes"))
	s := demo.Open(o.url, o.token)
	if err := s.Load(t.Context(), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if counts := o.checkLoaded(s, os.DirFS(dir)); counts["Account"] != 3 || counts["Product_Family__c"] != 4 || counts["Product__c"] != 16 {
		t.Errorf("loaded %v", counts)
	}
}
