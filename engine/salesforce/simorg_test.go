package salesforce_test

import (
	"fmt"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// simulated is a connection to a simulated org, on a clock that moves on when
// somebody sleeps.
type simulated struct {
	engine.Org
	sim    *simorg.Org
	clock  *clock
	server *httptest.Server
	t      *testing.T
}

// simulate starts an org as config says and connects to it by client credentials.
func simulate(t *testing.T, config simorg.Config, options salesforce.Options) *simulated {
	t.Helper()
	at := newClock()
	config.Now = at.Now
	if config.Users == nil {
		config.Users = []simorg.User{{Username: "robot@example.com", FirstName: "Ro", LastName: "Bot"}}
	}
	config.Apps = []simorg.App{{ClientID: "client", ClientSecret: "secret", RunAs: config.Users[0].Username}}
	sim, err := simorg.New(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &simulated{sim: sim, clock: at, server: httptest.NewServer(sim), t: t}
	t.Cleanup(s.server.Close)
	options.Now, options.Sleep = at.Now, at.Sleep
	s.Org, err = salesforce.New(options).Open(t.Context(), engine.Connection{
		Flow: engine.FlowClientCredentials, LoginURL: s.server.URL,
		ClientID: "client", ClientSecret: "secret",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *simulated) describe(name string) engine.SObject {
	s.t.Helper()
	results, err := s.Describe(s.t.Context(), []engine.DescribeRequest{{Object: name}})
	if err != nil || results[0].Err != nil {
		s.t.Fatal(err, results)
	}
	return *results[0].SObject
}

// readable are the fields that a read can ask for.
func readable(o engine.SObject) (names []string) {
	for _, f := range o.Fields {
		if f.Type != "address" && f.Type != "location" && f.Type != "base64" {
			names = append(names, f.Name)
		}
	}
	return names
}

// all reads the records of a request as maps by Id.
func (s *simulated) all(request engine.ReadRequest) map[string]map[string]string {
	s.t.Helper()
	rows, err := s.Read(s.t.Context(), request)
	if err != nil {
		s.t.Fatal(err)
	}
	got, err := drain(s.t, rows)
	if err != nil {
		s.t.Fatal(err)
	}
	id := slices.Index(request.Fields, "Id")
	records := map[string]map[string]string{}
	for _, row := range got {
		record := map[string]string{}
		for i, name := range request.Fields {
			record[name] = row[i]
		}
		if records[row[id]] != nil {
			s.t.Errorf("%s came twice", row[id])
		}
		records[row[id]] = record
	}
	return records
}

// insert adds rows and returns their ids.
func (s *simulated) insert(object engine.SObject, rows ...map[string]string) (ids []engine.RecordID) {
	s.t.Helper()
	request := engine.WriteRequest{Object: object}
	for _, values := range rows {
		request.Rows = append(request.Rows, engine.WriteRow{Values: values})
	}
	results, err := s.Insert(s.t.Context(), request)
	if err != nil {
		s.t.Fatal(err)
	}
	for n, r := range results {
		if !r.OK {
			s.t.Fatalf("row %d: %+v", n, r)
		}
		ids = append(ids, r.ID)
	}
	return ids
}

func accounts(count int) (rows []map[string]string) {
	for n := range count {
		rows = append(rows, map[string]string{
			"Name": fmt.Sprintf("Firm %d “quoted” \"q\" Zoë 日本", n), "Description": fmt.Sprintf("line 1, %d\nline 2\r\n\"end\" ", n),
			"AnnualRevenue": fmt.Sprint(1_000_000 + n), "NumberOfEmployees": fmt.Sprint(n), "Phone": "",
		})
	}
	return rows
}

// TestSimBothWaysReadTheSame: Bulk and REST give the same rows in the same spelling.
func TestSimBothWaysReadTheSame(t *testing.T) {
	t.Parallel()
	s := simulate(t, simorg.Config{}, salesforce.Options{SmallRead: 1000, PageRows: 200, BlockBytes: 8 << 10})
	object := s.describe("Account")
	written := accounts(1200)
	ids := s.insert(object, written...)
	if results, err := s.Delete(t.Context(), "Account", ids[:300]); err != nil || !results[299].OK {
		t.Fatal(results, err)
	}
	request := engine.ReadRequest{Object: object, Fields: readable(object), Expect: 10_000}
	bulk := s.all(request)
	request.StampField, request.Since = "SystemModstamp", s.clock.Now().Add(-time.Hour)
	rest := s.all(request)
	if len(bulk) != 1200 || len(rest) != 1200 {
		t.Fatalf("%d rows by Bulk, %d by REST", len(bulk), len(rest))
	}
	for n, id := range ids {
		record := bulk[string(id)]
		if !reflect.DeepEqual(record, rest[string(id)]) {
			t.Fatalf("Bulk says %q, REST %q", record, rest[string(id)])
		}
		for name, value := range written[n] {
			if record[name] != strings.TrimRight(value, " ") && record[name] != value {
				t.Fatalf("%s is %q, %q was written", name, record[name], value)
			}
		}
		if want := fmt.Sprint(n < 300); record["IsDeleted"] != want {
			t.Fatalf("record %d: IsDeleted %s", n, record["IsDeleted"])
		}
	}
}

func TestSimIncremental(t *testing.T) {
	t.Parallel()
	s := simulate(t, simorg.Config{}, salesforce.Options{PageRows: 200})
	object := s.describe("Account")
	ids := s.insert(object, accounts(700)...)
	s.clock.advance(time.Minute)
	since, err := s.ServerTime(t.Context())
	if err != nil || !since.Equal(s.clock.Now()) {
		t.Fatal(since, err)
	}
	request := engine.ReadRequest{Object: object, Fields: []string{"Id", "Name", "IsDeleted", "SystemModstamp"}, StampField: "SystemModstamp", Since: since, Expect: -1}
	s.wantChanged(request, false)
	if got := s.all(request); len(got) != 0 {
		t.Errorf("%d rows changed", len(got))
	}
	update := engine.WriteRequest{Object: object}
	for _, id := range ids[100:600] {
		update.Rows = append(update.Rows, engine.WriteRow{ID: id, Values: map[string]string{"Name": "Changed"}})
	}
	if results, err := s.Update(t.Context(), update); err != nil || !results[0].OK {
		t.Fatal(results, err)
	}
	s.clock.advance(time.Second)
	if _, err := s.Delete(t.Context(), "Account", ids[590:610]); err != nil {
		t.Fatal(err)
	}
	s.wantChanged(request, true)
	if got := s.all(request); len(got) != 510 || got[string(ids[605])]["IsDeleted"] != "true" || got[string(ids[100])]["Name"] != "Changed" {
		t.Errorf("%d rows changed", len(got))
	}
	request.Until = s.clock.Now()
	if got := s.all(request); len(got) != 490 {
		t.Errorf("%d rows changed before the deletes", len(got))
	}
	s.clock.advance(time.Minute)
	deleted, err := s.Deleted(t.Context(), "Account", since, s.clock.Now())
	if err != nil || len(deleted) != 20 {
		t.Errorf("%d deleted, %v", len(deleted), err)
	}
}

func (s *simulated) wantChanged(request engine.ReadRequest, want bool) {
	s.t.Helper()
	changed, err := s.Org.(engine.ChangeProber).Changed(s.t.Context(), []engine.ReadRequest{request})
	if err != nil || changed[0] != want {
		s.t.Errorf("changed %v, want %v: %v", changed, want, err)
	}
}

// TestSimKeysetResume stops after each page and goes on from the position.
func TestSimKeysetResume(t *testing.T) {
	t.Parallel()
	s := simulate(t, simorg.Config{}, salesforce.Options{PageRows: 200})
	object := s.describe("Account")
	s.insert(object, accounts(650)...)
	for _, stamped := range []string{"", "SystemModstamp"} {
		request := engine.ReadRequest{Object: object, Fields: []string{"Name", "Id"}, Expect: 650, StampField: stamped, Since: s.clock.Now().Add(-time.Hour)}
		seen := map[string]int{}
		for stop := 1; len(seen) < 650; stop += 97 {
			rows, err := s.Read(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			for range stop {
				row, err := rows.Next(t.Context())
				if err != nil {
					break
				}
				seen[string(row[1])]++
			}
			request.Resume = rows.Position()
			rows.Close()
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("%s came %d times", id, times)
			}
		}
	}
}

func TestSimRoundTrip(t *testing.T) {
	t.Parallel()
	s := simulate(t, simorg.Config{OrgName: "Acme", Sandbox: true}, salesforce.Options{})
	object := s.describe("Account")
	id := s.insert(object, accounts(1)...)[0]
	if results, err := s.Update(t.Context(), engine.WriteRequest{Object: object, Rows: []engine.WriteRow{
		{ID: id, Values: map[string]string{"Phone": "1", "AnnualRevenue": "2E3", "Description": ""}},
		{ID: id, Values: map[string]string{"NumberOfEmployees": "many"}},
	}}); err != nil || !results[0].OK || results[1].OK {
		t.Fatalf("%+v, %v", results, err)
	}
	retrieve := engine.RetrieveRequest{Object: object, Fields: []string{"Phone", "AnnualRevenue", "Description", "Name"}, IDs: []engine.RecordID{id, "001000000000000AAA"}}
	now, err := s.Retrieve(t.Context(), retrieve)
	if err != nil || !now[0].Found || now[1].Found || !slices.Equal(now[0].Values[:3], []string{"1", "2000", ""}) {
		t.Fatalf("%+v, %v", now, err)
	}
	if results, err := s.Delete(t.Context(), "Account", []engine.RecordID{id, id}); err != nil || !results[0].OK || results[1].OK {
		t.Fatalf("%+v, %v", results, err)
	}
	if now, err = s.Retrieve(t.Context(), retrieve); err != nil || now[0].Found {
		t.Fatalf("deleted: %+v, %v", now, err)
	}
	if results, err := s.Undelete(t.Context(), []engine.RecordID{id, "001000000000000AAA"}); err != nil || !results[0].OK || results[1].OK {
		t.Fatalf("%+v, %v", results, err)
	}
	if now, err = s.Retrieve(t.Context(), retrieve); err != nil || !now[0].Found || now[0].Values[0] != "1" {
		t.Fatalf("undeleted: %+v, %v", now, err)
	}
}

// TestSimBulkLoads writes by Bulk what is too much for collections.
func TestSimBulkLoads(t *testing.T) {
	t.Parallel()
	s := simulate(t, simorg.Config{}, salesforce.Options{LargeWrite: 500})
	object := s.describe("Account")
	rows := accounts(3000)
	for _, row := range rows {
		row["Description"] = strings.ReplaceAll(row["Description"], "\r", "")
	}
	before := s.Calls()
	ids := s.insert(object, rows...)
	if calls := s.Calls() - before; calls >= 3000/200 {
		t.Errorf("%d calls", calls)
	}
	update := engine.WriteRequest{Object: object}
	for n, id := range ids {
		row := engine.WriteRow{ID: id, Values: map[string]string{"Phone": fmt.Sprint(n)}}
		if n%2 == 0 {
			row.Values["Description"] = ""
		}
		if n%1000 == 7 {
			row.Values["NumberOfEmployees"] = "many"
		}
		update.Rows = append(update.Rows, row)
	}
	results, err := s.Update(t.Context(), update)
	if err != nil {
		t.Fatal(err)
	}
	after := s.all(engine.ReadRequest{Object: object, Fields: []string{"Id", "Phone", "Description"}, Expect: -1})
	for n, r := range results {
		record, refused := after[string(ids[n])], n%1000 == 7
		if r.ID != ids[n] || r.OK == refused || refused != (record["Phone"] == "") || !refused && (n%2 == 0) != (record["Description"] == "") {
			t.Fatalf("row %d: %+v, the record is %q", n, r, record)
		}
	}
	if results, err = s.Delete(t.Context(), "Account", ids); err != nil || !results[2999].OK || s.sim.LiveCount("Account") != 0 {
		t.Errorf("%d live records, %v", s.sim.LiveCount("Account"), err)
	}
}

func TestSimIdentity(t *testing.T) {
	t.Parallel()
	s := simulate(t, simorg.Config{OrgName: "Acme", Sandbox: true}, salesforce.Options{})
	who, err := s.Identity(t.Context())
	want := engine.OrgIdentity{OrgID: s.sim.ID(), OrgName: "Acme", InstanceURL: s.server.URL, APIVersion: "66.0", Sandbox: true, UserID: who.UserID, Username: "robot@example.com"}
	if err != nil || who != want || who.UserID.KeyPrefix() != "005" {
		t.Errorf("got %+v, %v", who, err)
	}
	limits, err := s.Limits(t.Context())
	if err != nil || limits.APIRequests.Max == 0 || limits.BulkQueryJobs.Remaining == 0 {
		t.Errorf("%+v, %v", limits, err)
	}
	findings, err := s.Preflight(t.Context())
	if err != nil || len(findings) < 10 {
		t.Fatal(findings, err)
	}
	for _, f := range findings {
		if !f.Granted {
			t.Errorf("an administrator lacks %s", f.Permission)
		}
	}
}

func TestSimPreflightNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := simulate(t, simorg.Config{Users: []simorg.User{{Username: "poor@example.com", LastName: "Poor", Permissions: []string{"ApiEnabled"}}}}, salesforce.Options{})
	findings, err := s.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Granted != (f.Permission == "API Enabled") {
			t.Errorf("%+v", f)
		}
	}
}

func TestSimDescribesEverything(t *testing.T) {
	t.Parallel()
	s := simulate(t, simorg.Config{}, salesforce.Options{})
	objects, err := s.DescribeGlobal(t.Context())
	if err != nil || len(objects) < 20 {
		t.Fatal(len(objects), err)
	}
	var requests []engine.DescribeRequest
	for _, o := range objects {
		requests = append(requests, engine.DescribeRequest{Object: o.Name})
	}
	s.clock.advance(time.Minute)
	before := s.Calls()
	results, err := s.Describe(t.Context(), requests)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Err != nil || r.SObject.Name != objects[i].Name || len(r.SObject.Fields) == 0 {
			t.Errorf("%s: %+v", objects[i].Name, r.Err)
		}
		requests[i].Since = r.AsOf
	}
	if calls, most := s.Calls()-before, int64(len(objects)/25+1); calls > most {
		t.Errorf("%d calls, want at most %d", calls, most)
	}
	if results, err = s.Describe(t.Context(), requests); err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if !r.Unchanged {
			t.Errorf("%s was described again", r.Object)
		}
	}
}
