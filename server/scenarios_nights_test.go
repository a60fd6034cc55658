package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/ent/database"
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

// wake lets time pass for the jobs that wait, too: their queue goes by the
// database's clock. A job at work comes to its end, or to its pause, first.
func (s *scenario) wake(passed time.Duration) {
	db, err := database.Open(s.t.Context(), s.server.Config.DatabaseURL())
	s.must(err)
	defer func() { _ = db.Close() }()
	for running := 1; running > 0; s.pause() {
		s.must(db.SQL.QueryRowContext(s.t.Context(), "SELECT COUNT(*) FROM tasks WHERE state = 'RUNNING'").Scan(&running))
	}
	earlier := "run_at - make_interval(secs => $1)"
	if s.server.Config.Database == "" {
		earlier = "strftime('%Y-%m-%d %H:%M:%f+00:00', run_at, format('-%d seconds', $1))"
	}
	_, err = db.SQL.ExecContext(s.t.Context(), "UPDATE tasks SET run_at = "+earlier+" WHERE state = 'AVAILABLE'", int64(passed.Seconds()))
	s.must(err)
}

// usage compares Holdfast's view of the org's daily calls with the org's own.
func (s *scenario) usage() string {
	rest, _ := dig(s.ask(`{ org(id: "%org%") { quota { usage { rest { max remaining } } } } }`), "org.quota.usage.rest").(map[string]any)
	most, _ := rest["max"].(float64)
	remaining, _ := rest["remaining"].(float64)
	if used := s.org.Used(); used-int(most-remaining) > 1 || used < int(most-remaining) {
		return fmt.Sprintf("Holdfast tells %v, the org has used %d", rest, used)
	}
	return fmt.Sprintf("%.0f %% used, by both", 100*(most-remaining)/most)
}

// awaitWait waits until a job waits for a reason, and shows what it says.
func (s *scenario) awaitWait(job, reason string) string {
	for {
		answer := s.ask(fmt.Sprintf(`{ job(id: "%s") { waiting { reason message until } } }`, job))
		if dig(answer, "job.waiting.reason") == reason {
			return s.show(dig(answer, "job.waiting"))
		}
		s.pause()
	}
}

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

// reshape puts, drops, hides and shows custom fields, a line each; what is no kind of field is
// the SObject that a lookup points at.
func (s *scenario) reshape(input string) {
	for line := range strings.SplitSeq(strings.TrimSpace(input), "\n") {
		words := strings.Fields(line)
		object, field, _ := strings.Cut(words[1], ".")
		switch words[0] {
		case "drop":
			s.admin.dropField(object, field)
			continue
		case "hide", "show":
			s.must(s.org.SetUser(demoUser, func(u *simorg.User) {
				u.HiddenFields = slices.DeleteFunc(u.HiddenFields, func(name string) bool { return name == words[1] })
				if words[0] == "hide" {
					u.HiddenFields = append(u.HiddenFields, words[1])
				}
			}))
			continue
		}
		definition := definitions[words[2]]
		if definition == "" {
			definition = "<n:type>Lookup</n:type><n:referenceTo>" + words[2] + "</n:referenceTo><n:relationshipName>" + strings.TrimSuffix(field, "__c") + "s</n:relationshipName>"
		}
		s.admin.putField(object, field, definition)
	}
}
