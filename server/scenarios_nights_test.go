package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cockroachdb/datadriven"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// refusing is the org, but for queries of one SObject and lists of one metadata
// type, which it refuses.
func (s *scenario) refusing(w http.ResponseWriter, r *http.Request) {
	if s.refusesList(w, r) {
		return
	}
	if failing, _ := s.failing.Load().(string); failing != "" && strings.Contains(r.URL.RawQuery, "FROM+"+failing+"+") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `[{"errorCode": "EXTERNAL_OBJECT_EXCEPTION", "message": "it is broken"}]`)
		return
	}
	if m := s.meanwhile.Load(); m != nil && strings.Contains(r.URL.Path, m.path) && s.meanwhile.CompareAndSwap(m, nil) {
		s.work(m.work)
	}
	s.org.ServeHTTP(w, r)
}

// meanwhile is what people do before the org answers a call of a path.
type meanwhile struct{ path, work string }

// fault sets what goes wrong in the org from now on.
func (s *scenario) fault(d *datadriven.TestData) {
	fault := simorg.Fault{}
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "path":
			fault.Path = s.fill(arg.Vals[0])
		case "kind":
			fault.Kind = simorg.FaultKind(arg.Vals[0])
		case "nth":
			_, err := fmt.Sscan(arg.Vals[0], &fault.Nth)
			s.must(err)
		}
	}
	if fault.Path == "" {
		s.org.SetFaults()
		return
	}
	s.org.SetFaults(fault)
}
