package salesforce_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// profiles is a source of that many profiles, a class and a permission set.
func profiles(count int) map[string]string {
	body := "<fieldPermissions><editable>true</editable><field>Gauge__c.Depth__c</field><readable>true</readable></fieldPermissions>" +
		"<description>a &amp; b\n  &lt;c&gt;</description>"
	files := map[string]string{"permissionsets/Fitting.permissionset": "<PermissionSet>" + body + "<label>Fitting</label></PermissionSet>"}
	for i := range count {
		files[fmt.Sprintf("profiles/Profile %02d.profile", i)] = "<Profile><userLicense>Salesforce</userLicense>" + body + "</Profile>"
	}
	return files
}

// TestSimProfilesAreWhole: a retrieve would leave the field permissions out.
func TestSimProfilesAreWhole(t *testing.T) {
	t.Parallel()
	s := simulateMetadata(t, simorg.Config{}, source(1, profiles(23)))
	components := s.list("ApexClass", "PermissionSet", "Profile")
	before := s.Calls()
	got := s.retrieved(components)
	if calls := s.Calls() - before; calls > 3+2+3 {
		t.Errorf("a retrieve and 23 profiles took %d calls", calls)
	}
	want := `Profile Profile 22: profiles/Profile 22.profile=<?xml version="1.0" encoding="UTF-8"?>
<Profile xmlns="http://soap.sforce.com/2006/04/metadata">
    <description>a &amp; b
  &lt;c&gt;</description>
    <fieldPermissions>
        <editable>true</editable>
        <field>Gauge__c.Depth__c</field>
        <readable>true</readable>
    </fieldPermissions>
    <userLicense>Salesforce</userLicense>
</Profile>
`
	if len(got) != 25 || got[24] != want {
		t.Errorf("got %d: %s", len(got), got[len(got)-1])
	}
	if !strings.Contains(got[1], "PermissionSet Fitting:") || !strings.Contains(got[1], "Gauge__c.Depth__c") {
		t.Errorf("the permission set: %s", got[1])
	}
}

// TestSimReadingSurvivesFaults: each fault befalls each call in turn.
func TestSimReadingSurvivesFaults(t *testing.T) {
	t.Parallel()
	s := simulateMetadata(t, simorg.Config{}, source(0, profiles(12)))
	want := s.retrieved(s.list("Profile"))
	for _, kind := range []simorg.FaultKind{
		simorg.Unavailable, simorg.ServerError, simorg.BadGateway, simorg.Reset, simorg.Truncated, simorg.Cut, simorg.ShortBody, simorg.ExpiredSession, simorg.LostAnswer,
	} {
		for nth := 1; nth <= 4; nth++ {
			s.sim.SetFaults(simorg.Fault{Path: soapPath, Nth: nth, Kind: kind})
			if got := s.retrieved(s.list("Profile")); len(got) != 12 || !slices.Equal(got, want) {
				t.Fatalf("%s at call %d: %v", kind, nth, got)
			}
		}
	}
}

// TestReadsOfProfiles: what is not given out, and what comes in another order.
func TestReadsOfProfiles(t *testing.T) {
	t.Parallel()
	say := func(inner string) http.HandlerFunc {
		return answering(`<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ` +
			`xmlns="http://soap.sforce.com/2006/04/metadata"><s:Body><readMetadataResponse><result>` + inner + `</result></readMetadataResponse></s:Body></s:Envelope>`)
	}
	refuse := func(code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>sf:%s</faultcode><faultstring>%s: no</faultstring></s:Fault></s:Body></s:Envelope>`, code, code)
		}
	}
	const file = `=<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Profile xmlns="http://soap.sforce.com/2006/04/metadata">` + "\n    <custom>%s</custom>\n</Profile>\n"
	one := func(name, custom string) string {
		return `<records xsi:type="Profile"><fullName>` + name + `</fullName><custom>` + custom + `</custom><description xsi:nil="true"/></records>`
	}
	line := func(name, custom string) string {
		return "Profile " + name + ": profiles/" + name + ".profile" + fmt.Sprintf(file, custom)
	}
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		want    []string
	}{
		"in another order, one escaped": {[]http.HandlerFunc{say(one("B", "true") + one("A: 1", "false"))}, []string{line("A%3A 1", "false"), line("B", "true")}},
		"one that is not there": {[]http.HandlerFunc{say(`<records xsi:nil="true"/>` + one("B", "true"))}, []string{
			"Profile A%3A 1: (Salesforce lists it but did not give it out: it was deleted meanwhile, or the connected user may not read it)", line("B", "true"),
		}},
		"one that is refused": {[]http.HandlerFunc{refuse("INVALID_CROSS_REFERENCE_KEY"), refuse("INVALID_CROSS_REFERENCE_KEY"), say(one("B", "true"))}, []string{
			"Profile A%3A 1: (Salesforce refused to read it (INVALID_CROSS_REFERENCE_KEY))", line("B", "true"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t)
			w.HandleFunc("POST /services/Soap/m/66.0", inTurn(c.answers...))
			s := &simulated{Org: w.open(t, salesforce.Options{}), t: t}
			got := s.retrieved([]engine.Component{
				{Type: "Profile", FullName: "A%3A 1", FileName: "profiles/A%3A 1.profile"}, {Type: "Profile", FullName: "B", FileName: "profiles/B.profile"},
			})
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestSimReadThatNeverSucceedsSaysSo(t *testing.T) {
	t.Parallel()
	s := simulateMetadata(t, simorg.Config{}, source(0, profiles(2)))
	components := s.list("Profile")
	for _, kind := range []simorg.FaultKind{simorg.Truncated, simorg.Unavailable} {
		s.sim.SetFaults(simorg.Fault{Path: soapPath, Kind: kind})
		err := s.RetrieveMetadata(t.Context(), components, func(engine.RetrievedComponent) error { return errors.New("handed over") })
		if !engine.Is(err, engine.KindTransient) {
			t.Error(kind, err)
		}
	}
}
