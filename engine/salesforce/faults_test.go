package salesforce_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/salesforce"
	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// hostile are the faults that a read must survive, or end with an error.
var hostile = []simorg.FaultKind{
	simorg.Unavailable, simorg.ServerError, simorg.BadGateway, simorg.NoRoute, simorg.Reset, simorg.Truncated, simorg.ShortBody,
	simorg.ExpiredSession, simorg.Concurrency, simorg.RowLock, simorg.LocatorExpiry, simorg.NULBytes, simorg.LostAnswer, simorg.LimitExceeded,
}

// TestSimFaultsNeverLeaveAGap reads under each fault, by Bulk and over REST, now
// and then and nearly always: what ends well is complete.
func TestSimFaultsNeverLeaveAGap(t *testing.T) {
	t.Parallel()
	for _, kind := range hostile {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := simulate(t, simorg.Config{}, salesforce.Options{SmallRead: 500, PageRows: 200, BlockBytes: 8 << 10})
			object := s.describe("Account")
			s.insert(object, accounts(1100)...)
			fields := []string{"Id", "Name", "Description", "SystemModstamp"}
			bulk := engine.ReadRequest{Object: object, Fields: fields, Expect: 10_000}
			rest := engine.ReadRequest{Object: object, Fields: fields, Expect: -1, StampField: "SystemModstamp", Since: s.clock.Now().Add(-time.Hour)}
			want := s.all(rest)
			for _, rate := range []float64{0.2, 0.8} {
				for way, request := range map[string]engine.ReadRequest{"Bulk": bulk, "REST": rest} {
					s.sim.SetFaults(simorg.Fault{Rate: rate, Kind: kind, Path: "/services/data"})
					got, err := s.tryAll(request)
					s.sim.SetFaults()
					if err == nil {
						wantSame(t, got, want)
					} else if e, ok := engine.AsError(err); !ok || e.Code == "" || e.Message == "" {
						t.Errorf("%s at %v: an error without a code: %v", way, rate, err)
					}
					if rate < 0.5 && err != nil && kind != simorg.LimitExceeded && kind != simorg.NoRoute && kind != simorg.ExpiredSession {
						t.Errorf("%s: a fault now and then was too much: %v", way, err)
					}
				}
			}
		})
	}
}

func (s *simulated) tryAll(request engine.ReadRequest) (map[string]string, error) {
	rows, err := s.Read(s.t.Context(), request)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	got := map[string]string{}
	for {
		row, err := rows.Next(s.t.Context())
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return nil, err
		}
		got[string(row[0])] = fmt.Sprintf("%q", row[1:])
	}
}

func wantSame(t *testing.T, got map[string]string, want map[string]map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	for id, record := range want {
		if text := fmt.Sprintf("%q", [][]byte{[]byte(record["Name"]), []byte(record["Description"]), []byte(record["SystemModstamp"])}); got[id] != text {
			t.Fatalf("%s is %s, want %s", id, got[id], text)
		}
	}
}

// TestSimInsertsUnderFaults: what is said to be inserted is there once, what is
// said to be refused is not there, and of the rest it is said that nobody knows.
func TestSimInsertsUnderFaults(t *testing.T) {
	t.Parallel()
	for _, kind := range append(hostile, simorg.Slow) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := simulate(t, simorg.Config{}, salesforce.Options{})
			object := s.describe("Account")
			request := engine.WriteRequest{Object: object}
			for _, values := range accounts(900) {
				request.Rows = append(request.Rows, engine.WriteRow{Values: values})
			}
			s.sim.SetFaults(simorg.Fault{Rate: 0.4, Kind: kind, Path: "/composite/sobjects"})
			results, err := s.Insert(t.Context(), request)
			s.sim.SetFaults()
			if len(results) != 900 {
				t.Fatalf("%d results, %v", len(results), err)
			}
			s.clock.advance(10 * time.Minute) // past a quota's pause
			there := map[string]int{}
			for _, record := range s.all(engine.ReadRequest{Object: object, Fields: []string{"Id", "Name"}, Expect: 900}) {
				there[record["Name"]]++
			}
			for n, r := range results {
				times := there[request.Rows[n].Values["Name"]]
				unknown := !r.OK && r.Errors[0].Code == "OUTCOME_UNKNOWN"
				if times > 1 || r.OK && times != 1 || !r.OK && !unknown && times != 0 {
					t.Errorf("row %d is there %d times, and the result is %+v", n, times, r)
				}
			}
		})
	}
}
