package salesforce_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/simorg"
)

const soapPath = "/services/Soap/m"

// source is an SFDX project of some classes and what else is given.
func source(classes int, more map[string]string) fstest.MapFS {
	files := fstest.MapFS{}
	for i := range classes {
		name := fmt.Sprintf("classes/Class%04d.cls", i)
		files[name] = &fstest.MapFile{Data: []byte(fmt.Sprintf("class Class%04d { }", i))}
		files[name+"-meta.xml"] = &fstest.MapFile{Data: []byte("<ApexClass><status>Active</status></ApexClass>")}
	}
	for name, text := range more {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// simulateMetadata is a bare org with the source in it.
func simulateMetadata(t *testing.T, config simorg.Config, files fstest.MapFS) *simulated {
	t.Helper()
	config.Bare = true
	s := simulate(t, config, salesforce.Options{})
	if err := s.sim.LoadSource(files); err != nil {
		t.Fatal(err)
	}
	return s
}

// types are the org's metadata types of those names.
func (s *simulated) types(names ...string) (types []engine.MetadataType) {
	s.t.Helper()
	all, err := s.MetadataTypes(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		at := slices.IndexFunc(all, func(t engine.MetadataType) bool { return t.Name == name })
		if at < 0 {
			s.t.Fatalf("there is no %s in %+v", name, all)
		}
		types = append(types, all[at])
	}
	return types
}

// list lists types and expects no failure.
func (s *simulated) list(names ...string) (components []engine.Component) {
	s.t.Helper()
	lists, err := s.ListMetadata(s.t.Context(), s.types(names...))
	if err != nil {
		s.t.Fatal(err)
	}
	for i, list := range lists {
		if list.Err != nil {
			s.t.Fatal(names[i], list.Err)
		}
		components = append(components, list.Components...)
	}
	return components
}

// retrieved is what a retrieve hands over: “Type Name: file=text …” or the problem.
func (s *simulated) retrieved(components []engine.Component) (lines []string) {
	s.t.Helper()
	err := s.RetrieveMetadata(s.t.Context(), components, func(c engine.RetrievedComponent) error {
		line := c.Type + " " + c.FullName + ":"
		for _, f := range c.Files {
			r, err := f.Open()
			if err != nil {
				return err
			}
			text, err := io.ReadAll(r)
			if err != nil || int64(len(text)) != f.Size {
				return errors.Join(err, fmt.Errorf("%s has %d bytes, not %d", f.Name, len(text), f.Size))
			}
			line += " " + f.Name + "=" + string(text)
		}
		if c.Problem != "" {
			line += " (" + c.Problem + ")"
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return lines
}

func TestSimMetadataIsListedAndRetrieved(t *testing.T) {
	t.Parallel()
	s := simulateMetadata(t, simorg.Config{}, source(1, map[string]string{
		"reports/Sales/Daily.report": "<Report/>", "reports/Sales/EMEA/Weekly.report": "<Report/>", "reports/Other/All.report": "<Report/>", "reports/unfiled$public/Mine.report": "<Report/>",
		"email/Sales/Hello.email": "Hello", "email/Sales/Hello.email-meta.xml": "<EmailTemplate/>", "layouts/Account-Lay out.layout": "<Layout/>",
	}))
	if err := s.sim.InstallComponents("pkg", "ApexClass", "Hidden"); err != nil {
		t.Fatal(err)
	}
	components := s.list("ApexClass", "EmailTemplate", "Layout", "Queue", "Report")
	class := components[0]
	if class.FullName != "Class0000" || class.FileName != "classes/Class0000.cls" || class.ID == "" || class.CreatedByID == "" || class.ModifiedByName != "Ro Bot" ||
		class.ModifiedAt.IsZero() || class.ManageableState != "unmanaged" || class.Namespace != "" {
		t.Errorf("a class: %+v", class)
	}
	if hidden := components[1]; hidden.Namespace != "pkg" || hidden.ManageableState != "installed" {
		t.Errorf("a managed class: %+v", hidden)
	}
	want := []string{
		"ApexClass Class0000: classes/Class0000.cls=class Class0000 { } classes/Class0000.cls-meta.xml=<ApexClass><status>Active</status></ApexClass>",
		"ApexClass pkg__Hidden: (Salesforce does not give out what belongs to a managed package)",
		"EmailTemplate Sales: email/Sales-meta.xml=…", "EmailTemplate Sales/Hello: email/Sales/Hello.email=Hello email/Sales/Hello.email-meta.xml=<EmailTemplate/>",
		"Layout Account-Lay out: layouts/Account-Lay out.layout=<Layout/>",
		"Report Other: reports/Other-meta.xml=…", "Report Other/All: reports/Other/All.report=<Report/>",
		"Report Sales: reports/Sales-meta.xml=…", "Report Sales/Daily: reports/Sales/Daily.report=<Report/>",
		"Report Sales/EMEA: reports/Sales/EMEA-meta.xml=…", "Report Sales/EMEA/Weekly: reports/Sales/EMEA/Weekly.report=<Report/>",
		"Report unfiled$public/Mine: reports/unfiled$public/Mine.report=<Report/>",
	}
	got := s.retrieved(components)
	for i := range got {
		if before, _, folder := strings.Cut(got[i], "=<?xml"); folder {
			got[i] = before + "=…"
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What the platform ships with the org has no dates.
func TestSimStandardObjectsAreUndated(t *testing.T) {
	t.Parallel()
	s := simulate(t, simorg.Config{}, salesforce.Options{})
	for _, c := range s.list("CustomObject") {
		if c.FullName == "Account" && (!c.ModifiedAt.IsZero() || !c.CreatedAt.IsZero()) {
			t.Errorf("Account: %+v", c)
		}
	}
}

func TestSimOneTypeThatCannotBeListedIsAlone(t *testing.T) {
	t.Parallel()
	s := simulateMetadata(t, simorg.Config{}, source(1, nil))
	types := append(s.types("ApexClass"), engine.MetadataType{Name: "Nonesuch"}, engine.MetadataType{Name: "Unheard", InFolder: true})
	lists, err := s.ListMetadata(t.Context(), types)
	if err != nil || len(lists[0].Components) != 1 || lists[0].Err != nil || code(lists[1].Err) != "INVALID_TYPE" || code(lists[2].Err) != "INVALID_TYPE" {
		t.Errorf("%+v, %v", lists, err)
	}
}

func TestSimRetrievesWithinTheLimits(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{7, 1000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			s := simulateMetadata(t, simorg.Config{PackageFiles: limit}, source(50, nil))
			components := s.list("ApexClass")
			if got := s.retrieved(components); len(got) != 50 || !strings.HasPrefix(got[49], "ApexClass Class0049: classes/") {
				t.Errorf("%d: %v", len(got), got)
			}
		})
	}
}

// Each fault befalls each call of a retrieve in turn: what arrives is the same.
func TestSimRetrieveSurvivesFaults(t *testing.T) {
	t.Parallel()
	kinds := []simorg.FaultKind{
		simorg.Unavailable, simorg.ServerError, simorg.BadGateway, simorg.Reset, simorg.Truncated, simorg.Cut, simorg.ShortBody, simorg.ExpiredSession, simorg.LostAnswer,
	}
	s := simulateMetadata(t, simorg.Config{}, source(20, nil))
	for _, kind := range kinds {
		for nth := 1; nth <= 6; nth++ {
			s.sim.SetFaults(simorg.Fault{Path: soapPath, Nth: nth, Kind: kind})
			if got := s.retrieved(s.list("ApexClass")); len(got) != 20 || !strings.Contains(got[7], "classes/Class0007.cls=class Class0007 { }") {
				t.Fatalf("%s at call %d: %v", kind, nth, got)
			}
		}
	}
}

func TestSimRetrieveThatNeverSucceedsSaysSo(t *testing.T) {
	t.Parallel()
	s := simulateMetadata(t, simorg.Config{}, source(2, nil))
	components := s.list("ApexClass")
	s.sim.SetFaults(simorg.Fault{Path: soapPath, Kind: simorg.Truncated})
	err := s.RetrieveMetadata(t.Context(), components, func(engine.RetrievedComponent) error { return nil })
	if !engine.Is(err, engine.KindTransient) {
		t.Error(err)
	}
	s.sim.SetFaults()
	stop := errors.New("stop")
	if err := s.RetrieveMetadata(t.Context(), components, func(engine.RetrievedComponent) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// A bundle is a folder of files, and an answer may prefix its elements.
func TestRetrieveOfABundle(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for _, name := range []string{"unpackaged/lwc/tile/tile.js", "unpackaged/lwc/tile/__tests__/tile.test.js", "unpackaged/package.xml"} {
		f, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, name)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	say := func(inner string) http.HandlerFunc {
		return answering(`<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://soap.sforce.com/2006/04/metadata"><s:Body>` + inner + `</s:Body></s:Envelope>`)
	}
	w.HandleFunc("POST /services/Soap/m/66.0", inTurn(
		say(`<m:retrieveResponse><m:result><m:id>09S1</m:id></m:result></m:retrieveResponse>`),
		say(`<m:checkRetrieveStatusResponse><m:result><m:done>true</m:done><m:success>true</m:success></m:result></m:checkRetrieveStatusResponse>`),
		say(`<m:checkRetrieveStatusResponse><m:result><m:done>true</m:done><m:success>true</m:success><m:zipFile>`+base64.StdEncoding.EncodeToString(archive.Bytes())+`</m:zipFile></m:result></m:checkRetrieveStatusResponse>`),
	))
	s := &simulated{Org: w.open(t, salesforce.Options{}), t: t}
	got := s.retrieved([]engine.Component{{Type: "LightningComponentBundle", FullName: "tile", FileName: "lwc/tile", ModifiedAt: time.Now()}})
	want := "LightningComponentBundle tile: lwc/tile/__tests__/tile.test.js=unpackaged/lwc/tile/__tests__/tile.test.js lwc/tile/tile.js=unpackaged/lwc/tile/tile.js"
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
