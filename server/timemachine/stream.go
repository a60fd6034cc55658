package timemachine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/job"
)

// StreamPath is where a browser follows a job's counters with a ticket.
const StreamPath = "/time-machine/v1/stream"

const (
	streamLife     = 10 * time.Minute // then the page asks for the job instead
	keepAliveEvery = 15 * time.Second
)

// random makes one ticket unlike another.
func random() string { return rand.Text() }

// Stream answers GET StreamPath, and the question that a browser asks first.
func (h *Handler) Stream(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	w.Header().Add("Vary", "Origin")
	if r.Method == http.MethodOptions {
		if lightning.MatchString(origin) || slices.Contains(h.Origins, origin) {
			allow(w, origin)
			w.Header().Set("Access-Control-Allow-Methods", "GET")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Accept, Cache-Control")
			w.Header().Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if err := h.stream(w, r, origin); err != nil {
		h.refuse(w, r, err)
	}
}

// stream fails only before it has written.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, origin string) error {
	if err := h.addresses.Allow(r.Context()); err != nil {
		return busy()
	}
	viewer, jobID, err := h.redeem(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(engine.WithViewer(r.Context(), viewer), streamLife)
	defer cancel()
	org, err := h.Orgs.Get(ctx, viewer.Org)
	if err != nil {
		return err
	}
	snapshots, err := h.Jobs.Progress(ctx, jobID)
	if err != nil {
		return err
	}
	if origin == lightningOrigin(org.InstanceURL) || slices.Contains(h.Origins, origin) {
		allow(w, origin)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	h.follow(ctx, w, snapshots)
	return nil
}

// redeem takes a ticket: it is good once, on whatever node.
func (h *Handler) redeem(r *http.Request) (viewer engine.Viewer, jobID string, err error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	link, err := h.Identity.OpenLink(streamTicket, token)
	if e, told := engine.AsError(err); told && e.Code == "LINK_EXPIRED" {
		return viewer, "", engine.E(engine.KindDenied, "TOKEN_EXPIRED", "This ticket has expired: open the record again.")
	}
	parts := strings.Split(link.ID, "/")
	if err != nil || len(parts) != 3 {
		return viewer, "", identity.InvalidOrgToken(err)
	}
	viewer = engine.Viewer{Tenant: link.Tenant, Org: parts[0]}
	fresh, err := h.Identity.Spend(engine.WithViewer(r.Context(), viewer), link.ID, link.Expires)
	if err == nil && !fresh {
		err = engine.E(engine.KindDenied, "TOKEN_REPLAYED", "This ticket has been used, and is good for one connection: open the record again.")
	}
	return viewer, parts[1], err
}

// follow sends the counters until the job is finished or the client leaves.
func (h *Handler) follow(ctx context.Context, w http.ResponseWriter, snapshots <-chan job.Snapshot) {
	out := http.NewResponseController(w)
	alive := time.NewTicker(keepAliveEvery)
	defer alive.Stop()
	for {
		text := []byte(": alive\n\n")
		select {
		case snapshot, more := <-snapshots:
			if !more {
				return
			}
			done, total, err := h.Restore.FieldsDone(ctx, snapshot.Job)
			if err != nil {
				h.Log.ErrorContext(ctx, "time machine: a stream broke off", "job", snapshot.Job.ID, "error", err)
				return
			}
			event, _ := json.Marshal(map[string]any{"state": snapshot.Job.State, "progress": progress{done, total}}) // texts and numbers: cannot fail
			text = slices.Concat([]byte("event: progress\ndata: "), event, []byte("\n\n"))
		case <-alive.C:
		}
		if _, err := w.Write(text); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}

func allow(w http.ResponseWriter, origin string) {
	w.Header().Set("Access-Control-Allow-Origin", origin)
}

// lightning is what the origin of an org's Lightning pages looks like.
var lightning = regexp.MustCompile(`^https://[a-z0-9-]+(\.[a-z0-9-]+)*\.lightning\.force\.com$`)

// lightningOrigin is the origin of the pages of the org at an instance's
// address, empty for one that has no My Domain.
func lightningOrigin(instanceURL string) string {
	u, err := url.Parse(instanceURL)
	if err != nil {
		return ""
	}
	domain, found := strings.CutSuffix(u.Host, ".my.salesforce.com")
	if !found {
		return ""
	}
	return "https://" + domain + ".lightning.force.com"
}
