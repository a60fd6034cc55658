package simorg

import (
	"net/http"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

const (
	updatedReach = 30 * 24 * time.Hour
	deletedReach = 15 * 24 * time.Hour
	maxIDs       = 600_000
)

// span reads start and end, cut to the minute.
func (c *call) span(reach, least time.Duration) (from, to time.Time, err error) {
	now := c.org.cfg.Now()
	read := func(name string) (time.Time, error) {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999-0700"} {
			if t, err := time.Parse(layout, c.query().Get(name)); err == nil {
				return t.UTC().Truncate(time.Minute), nil
			}
		}
		return time.Time{}, badRequest("INVALID_REPLICATION_DATE", "%s is not a date and time: %q", name, c.query().Get(name))
	}
	if from, err = read("start"); err != nil {
		return from, to, err
	}
	if to, err = read("end"); err != nil {
		return from, to, err
	}
	switch {
	case !from.Before(to) || to.Sub(from) < least:
		err = badRequest("INVALID_REPLICATION_DATE", "startDate should be before endDate, by more than a minute")
	case from.Before(now.Add(-reach)):
		err = badRequest("INVALID_REPLICATION_DATE", "startDate is out of range: it is more than %d days ago", int(reach.Hours()/24))
	}
	return from, to, err
}

// covered is how far the answer reaches.
func (c *call) covered(to time.Time) string {
	if now := c.org.cfg.Now().UTC().Truncate(time.Minute); now.Before(to) {
		to = now
	}
	return to.Format("2006-01-02T15:04:05.000+0000")
}

func (c *call) replicated() (*schema.Object, error) {
	obj, err := c.object(c.path("object"))
	if err == nil && !obj.Can("replicateable") {
		err = badRequest("INVALID_TYPE_FOR_OPERATION", "entity type %s does not support replication", obj.Name)
	}
	return obj, err
}

func getUpdated(c *call) (reply, error) {
	var ids []string
	var to time.Time
	err := c.withIndexes(false, func(e *engine) error {
		obj, err := c.replicated()
		if err != nil {
			return err
		}
		var from time.Time
		if from, to, err = c.span(updatedReach, time.Minute); err != nil {
			return err
		}
		table := c.org.tables[obj.Name]
		if table.NeedsSort() {
			if e.missing = !e.indexing; e.missing {
				return nil
			}
			table.Sort()
		}
		ids = []string{}
		table.Since(from.UnixMilli(), "", func(r *store.Record) bool {
			if r.Stamp >= to.UnixMilli() {
				return false
			}
			if r.State == store.Live && c.org.seesRecord(c.session.user, obj, r) {
				ids = append(ids, r.ID)
			}
			return true
		})
		if len(ids) > maxIDs {
			return badRequest("EXCEEDED_ID_LIMIT", "more than %d ids changed", maxIDs)
		}
		return nil
	})
	return reply{Status: http.StatusOK, Body: map[string]any{"ids": ids, "latestDateCovered": c.covered(to)}}, err
}

func getDeleted(c *call) (reply, error) {
	records := []map[string]string{}
	var earliest string
	var to time.Time
	err := c.read(func() error {
		obj, err := c.replicated()
		if err != nil {
			return err
		}
		var from time.Time
		if from, to, err = c.span(deletedReach, 2*time.Minute); err != nil {
			return err
		}
		kind, _ := obj.Associate()
		for _, d := range c.org.bins.log {
			if d.at >= from.UnixMilli() && d.at < to.UnixMilli() && (d.object == obj.Name || kind == "History" && c.isHistory(d.object)) {
				records = append(records, map[string]string{"id": d.id, "deletedDate": time.UnixMilli(d.at).UTC().Format("2006-01-02T15:04:05.000+0000")})
			}
		}
		earliest = c.org.cfg.Now().Add(-deletedReach).UTC().Truncate(time.Minute).Format("2006-01-02T15:04:05.000+0000")
		return nil
	})
	return reply{Status: http.StatusOK, Body: map[string]any{
		"deletedRecords": records, "earliestDateAvailable": earliest,
		"latestDateCovered": c.covered(to),
	}}, err
}

// isHistory says whether the object is a History companion: getDeleted of one
// tells of them all.
func (c *call) isHistory(object string) bool {
	obj := c.org.schema().Get(object)
	if obj == nil {
		return false
	}
	kind, _ := obj.Associate()
	return kind == "History"
}
