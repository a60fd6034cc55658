package timemachine

import (
	"cmp"
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/identity"
	"github.com/holdfast-backup/holdfast/engine/restore"
)

const maxFields = 1000 // of one restore; an object has at most 900

type jobAnswer struct {
	ID        string        `json:"id"`
	JobNumber int64         `json:"jobNumber"`
	State     string        `json:"state"`
	Progress  progress      `json:"progress"`
	Error     *failure      `json:"error"`
	Outcomes  []fieldResult `json:"outcomes"`
}

type progress struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

type fieldResult struct {
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"`
	Code    *string `json:"code"`
	Message *string `json:"message"`
}

func wireJob(a *restore.AskedRestore, rights *restore.Rights) any {
	out := jobAnswer{
		ID: a.Job.ID, JobNumber: a.Job.Number, State: string(a.Job.State), Progress: progress{a.Done(), a.Fields}, Outcomes: []fieldResult{},
	}
	if a.Job.ErrorCode != "" {
		out.Error = &failure{Code: a.Job.ErrorCode, Message: a.Job.ErrorMessage}
	}
	for _, o := range a.Shown(rights) {
		out.Outcomes = append(out.Outcomes, fieldResult{o.Name, string(o.Outcome), optional(o.Code), optional(o.Message)})
	}
	return map[string]any{"job": out}
}

// restore starts a restore, and writes down who asked for it and how that
// ended: in the tenant's audit trail, as it is a deed like any mutation.
func (h *Handler) restore(ctx context.Context, q request) (any, error) {
	var in restoreInput
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	if len(in.Fields) > maxFields {
		return nil, badRequest("fields", "One restore has at most 1000 fields.")
	}
	q.asker.Afresh = true
	rights, err := h.Restore.RightsOf(ctx, q.asker)
	var started *restore.AskedRestore
	if err == nil {
		started, err = h.Restore.StartAsked(ctx, rights, in.chosen(), in.IdempotencyKey)
	}
	h.audit(ctx, q, deed(q, rights, in, started, err))
	if err != nil {
		return nil, err
	}
	return wireJob(started, rights), nil
}

type restoreInput struct {
	Fields []struct {
		Name      string  `json:"name"`
		VersionID string  `json:"versionId"`
		Seen      *string `json:"seen"`
	} `json:"fields"`
	IdempotencyKey string `json:"idempotencyKey"`
}

func (in *restoreInput) chosen() []restore.ChosenField {
	fields := make([]restore.ChosenField, len(in.Fields))
	for i, f := range in.Fields {
		fields[i] = restore.ChosenField{FieldFromVersion: restore.FieldFromVersion{Name: f.Name, VersionID: f.VersionID}, Seen: f.Seen}
	}
	return fields
}

var apiName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)

// names are the fields asked for; what is no name is not written down.
func (in *restoreInput) names() string {
	var names []string
	for _, f := range in.Fields {
		if apiName.MatchString(f.Name) {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

//nolint:revive // who, what, and how it ended
func deed(q request, rights *restore.Rights, in restoreInput, started *restore.AskedRestore, err error) identity.Deed {
	d := identity.Deed{Action: "recordFieldsRestore", Outcome: "OK", Details: map[string]string{
		"recordId": string(q.Record), "fields": in.names(), "salesforceUser": string(q.User),
	}}
	if rights != nil {
		d.Details["objectName"], d.Details["salesforceUserName"] = rights.Object.Name, rights.Name
	}
	if started != nil {
		d.Target = started.Job.ID
	}
	if e, told := engine.AsError(err); told {
		d.Outcome = cmp.Or(e.Code, string(e.Kind))
	} else if err != nil {
		d.Outcome = "INTERNAL"
	}
	return d
}

func (h *Handler) audit(ctx context.Context, q request, d identity.Deed) {
	if err := h.Identity.Record(ctx, identity.Actor{Tenant: q.Viewer.Tenant, User: string(q.User)}, d); err != nil {
		h.Log.ErrorContext(ctx, "a restore is missing from the audit trail", "target", d.Target, "error", err)
	}
}

// asked finds the job that a request names.
func (h *Handler) asked(ctx context.Context, q request) (*restore.AskedRestore, *restore.Rights, error) {
	var in struct {
		JobID string `json:"jobId"`
	}
	if err := decode(q.body, &in); err != nil {
		return nil, nil, err
	}
	rights, err := h.Restore.RightsOf(ctx, q.asker)
	if err != nil {
		return nil, nil, err
	}
	asked, err := h.Restore.Asked(ctx, rights, in.JobID)
	return asked, rights, err
}

func (h *Handler) job(ctx context.Context, q request) (any, error) {
	asked, rights, err := h.asked(ctx, q)
	if err != nil {
		return nil, err
	}
	return wireJob(asked, rights), nil
}

const (
	streamTicket = "time-machine-stream" // the kind of its link
	ticketLife   = 2 * time.Minute
)

func (h *Handler) streamTicket(ctx context.Context, q request) (any, error) {
	asked, _, err := h.asked(ctx, q)
	if err != nil {
		return nil, err
	}
	ticket, err := h.Identity.SignLink(identity.Link{
		Tenant: q.Viewer.Tenant, Kind: streamTicket, ID: strings.Join([]string{q.Viewer.Org, asked.Job.ID, random()}, "/"), Expires: h.Now().Add(ticketLife),
	})
	return map[string]string{"url": h.Audience + StreamPath, "ticket": ticket}, err
}
