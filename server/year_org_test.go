package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// yearGroups of five SObjects each are the year's org. In a group, Base is what
// others point at and is never deleted: a lookup that the platform empties gets
// no new stamp, which no incremental backup can see.
const yearGroups = 10

var yearKinds = []string{"Base", "Master", "Detail", "Item", "Note"}

// yearObjects are the names of the org's SObjects, parents first.
func yearObjects() (names []string) {
	for _, kind := range yearKinds {
		for group := range yearGroups {
			names = append(names, fmt.Sprintf("%s_%d__c", kind, group))
		}
	}
	return names
}

// yearSource is their schema: lookups, a master with a roll-up and a formula of
// its details, and texts long and short.
func yearSource() fstest.MapFS {
	s := source{fstest.MapFS{}}
	for group := range yearGroups {
		name := func(kind string) string { return fmt.Sprintf("%s_%d__c", kind, group) }
		for _, kind := range yearKinds {
			s.object(name(kind), map[bool]string{true: "ControlledByParent", false: "ReadWrite"}[kind == "Detail"])
			s.field(name(kind), "Text__c", "<type>Text</type><length>120</length>")
			s.field(name(kind), "Amount__c", "<type>Currency</type><precision>16</precision><scale>2</scale>")
			s.field(name(kind), "Due__c", "<type>Date</type>")
			s.field(name(kind), "At__c", "<type>DateTime</type>")
			s.field(name(kind), "Done__c", "<type>Checkbox</type><defaultValue>false</defaultValue>")
		}
		s.field(name("Note"), "Long__c", "<type>LongTextArea</type><length>32000</length><visibleLines>3</visibleLines>")
		s.field(name("Item"), "Base__c", "<type>Lookup</type><referenceTo>"+name("Base")+"</referenceTo><relationshipName>Items</relationshipName>")
		s.field(name("Note"), "Base__c", "<type>Lookup</type><referenceTo>"+name("Base")+"</referenceTo><relationshipName>Notes</relationshipName>")
		s.field(name("Detail"), "Master__c", "<type>MasterDetail</type><referenceTo>"+name("Master")+"</referenceTo><relationshipName>Details</relationshipName>")
		s.field(name("Master"), "Total__c", "<type>Summary</type><summarizedField>"+name("Detail")+".Amount__c</summarizedField><summaryForeignKey>"+name("Detail")+".Master__c</summaryForeignKey><summaryOperation>sum</summaryOperation>")
		s.field(name("Master"), "Double__c", "<type>Number</type><precision>18</precision><scale>2</scale><formula>Amount__c * 2</formula>")
	}
	return s.files
}

// serveYearOrg is the org as a process of its own, so that its processor time
// is not the program's: it prints its address and serves until its input ends.
func serveYearOrg() error {
	records, err := strconv.Atoi(os.Getenv("HOLDFAST_TEST_ORG"))
	if err != nil {
		return err
	}
	clock, calls := handClock{now: yearBegins}, atomic.Int64{}
	org, err := simorg.New(simorg.Config{
		Now: clock.Now, Bare: true, AutoApprove: true,
		Apps: []simorg.App{{ClientID: demoClientID, ClientSecret: demoClientSecret, RunAs: demoUser}},
	})
	if err != nil {
		return err
	}
	if err := org.LoadDescribe(labDescribes()); err != nil {
		return err
	}
	org.AddUser(simorg.User{Username: demoUser, LastName: "User"})
	if err := org.LoadSource(yearSource()); err != nil {
		return err
	}
	population := simorg.Population{Random: 1}
	for _, object := range yearObjects() {
		population.Counts = append(population.Counts, simorg.Count{Object: object, N: records / len(yearObjects())})
	}
	if err := org.Seed(population); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // a test's
			switch {
			case r.URL.Path == "/-/clock":
				seconds, _ := strconv.ParseInt(r.URL.Query().Get("at"), 10, 64)
				clock.set(time.Unix(seconds, 0).UTC())
			case r.URL.Path == "/-/calls":
				_, _ = fmt.Fprint(w, calls.Load())
			default:
				if strings.HasPrefix(r.URL.Path, "/services/") && !strings.HasPrefix(r.URL.Path, "/services/oauth2/") {
					calls.Add(1)
				}
				org.ServeHTTP(w, r)
			}
		}))
	}()
	fmt.Println("http://" + listener.Addr().String())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// startYearOrg starts that process and answers its address.
func startYearOrg(t *testing.T, records int) (url string) {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), "HOLDFAST_TEST_ORG="+strconv.Itoa(records))
	process.Stderr = os.Stderr
	input, err1 := process.StdinPipe()
	output, err2 := process.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close()
		_ = process.Wait()
	})
	address, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal("the org's process did not start: ", err)
	}
	return strings.TrimSpace(address)
}
