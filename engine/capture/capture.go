// Package capture reads an org into the vault: for each SObject in full or
// since its watermark, resumably, so that after kill -9 the next attempt goes on
// from what was durable. Backup and archive share it.
//
// What a capture promises: a row that the org returned is stored before the
// SObject counts as whole; an SObject that failed leaves the others whole; a
// watermark moves only after what it covers is visible to readers.
package capture

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
)

const (
	// overlap is read again before every watermark: commits land late.
	overlap = 10 * time.Minute
	// rowsPerCheckpoint bounds what a killed attempt reads again.
	rowsPerCheckpoint = 50_000
	// atOnce is how many SObjects are read side by side.
	atOnce = 3
	// preparedAtOnce bounds how many describes are in memory, and how many
	// SObjects one probe asks about.
	preparedAtOnce = 100
)

// fatalCodes are the failures that no other SObject would escape.
var fatalCodes = []string{"API_QUOTA_REACHED", "ORG_ACCESS_REVOKED", "VAULT_UNREACHABLE", "VAULT_FULL", "VAULT_KEY_WRONG", "VAULT_RUN_LOST"}

// Capture reads orgs into the vault.
type Capture struct {
	DB         *ent.Client
	Dictionary Dictionary
}

// Request is one capture: which SObjects of which org, into which vault run.
type Request struct {
	OrgID string
	Scope string // whose watermarks: "composite", or a template's id
	Org   engine.Org
	Job   *job.Run
	Store *vault.Run
	// Targets are read side by side; each is independent of the others.
	Targets []Target
}

// Target is one SObject to read.
type Target struct {
	Name     string
	Where    string // a SOQL condition that narrows it, "" for all records
	Expected *int64 // the org's own count, nil when it does not tell
}

// token is what a checkpoint remembers of an SObject's read.
type token struct {
	Position    []byte
	Since       time.Time
	Began       time.Time // the org's clock when the read began: the next watermark
	Fingerprint string
}

// Records reads every target. It answers how many SObjects failed; err is set
// only when the whole capture must stop (cancelled, no access, no quota).
func (c *Capture) Records(ctx context.Context, r Request) (failed int, err error) {
	began, err := r.Org.ServerTime(ctx)
	if err != nil {
		return 0, engine.Wrap("ask the org for its time", err)
	}
	marks, err := c.watermarks(ctx, r.OrgID, r.Scope)
	if err != nil {
		return 0, err
	}
	for part := range slices.Chunk(r.Targets, preparedAtOnce) {
		readings := make([]*reading, len(part))
		for i, target := range part {
			readings[i] = &reading{Request: r, Target: target, mark: marks[target.Name], began: began, progress: r.Job.Object(target.Name)}
			readings[i].failure = c.prepare(ctx, readings[i])
		}
		n, err := c.readPart(ctx, readings)
		failed += n
		if err != nil {
			return failed, err
		}
	}
	return failed, nil
}

// readPart reads SObjects side by side; one that fails leaves the others alone.
func (c *Capture) readPart(ctx context.Context, readings []*reading) (failed int, err error) {
	if err := probe(ctx, readings); err != nil {
		return len(readings), err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, r := range readings {
		group.Go(func() error {
			r.failure = r.run(groupCtx)
			return stopsAll(groupCtx, r.failure)
		})
	}
	err = group.Wait()
	for _, r := range readings {
		if r.failure != nil {
			failed++
		}
	}
	return failed, err
}

// probe asks the org, many SObjects at a time, which incremental reads would
// find nothing, so that they cost no call of their own.
func probe(ctx context.Context, readings []*reading) error {
	var asked []*reading
	var requests []engine.ReadRequest
	for _, r := range readings {
		if r.failure == nil && !r.whole && !r.token.Since.IsZero() && r.token.Position == nil {
			asked, requests = append(asked, r), append(requests, r.request())
		}
	}
	if len(asked) == 0 {
		return nil
	}
	prober, ok := asked[0].Org.(engine.ChangeProber)
	if !ok {
		return nil
	}
	changed, err := prober.Changed(ctx, requests)
	if err != nil {
		return engine.Wrap("ask the org what has changed", err)
	}
	for i, r := range asked {
		r.idle = !changed[i]
	}
	return nil
}

// stopsAll returns err when it must stop the whole capture, else nil.
func stopsAll(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if e, ok := engine.AsError(err); ok && slices.Contains(fatalCodes, e.Code) {
		return err
	}
	return nil
}

// reading is the read of one target.
type reading struct {
	Request
	Target
	mark     watermark
	began    time.Time
	object   *engine.SObject
	fields   []engine.Field
	progress *job.ObjectProgress
	token    token
	whole    bool  // an earlier attempt finished it
	idle     bool  // the org says that nothing has changed
	failure  error // of this SObject alone
}

// prepare finds out what there is to read.
func (c *Capture) prepare(ctx context.Context, r *reading) (err error) {
	if _, r.whole = r.Store.Finished(r.Name); r.whole {
		return nil
	}
	if r.object, err = c.Dictionary.SObject(ctx, r.OrgID, r.Name); err == nil {
		r.plan()
	}
	return err
}

// run reads the SObject, and writes down how that ended.
func (r *reading) run(ctx context.Context) error {
	err := r.failure
	if err == nil {
		err = r.readAll(ctx)
	}
	if err != nil && stopsAll(ctx, err) == nil {
		return errors.Join(err, r.progress.Fail(ctx, err))
	}
	return err
}

func (r *reading) readAll(ctx context.Context) error {
	if counts, whole := r.Store.Finished(r.Name); whole {
		return r.finish(ctx, counts)
	}
	if !r.idle {
		if err := r.progress.Start(ctx); err != nil {
			return err
		}
	}
	counts, err := r.store(ctx)
	if err != nil {
		return err
	}
	return r.finish(ctx, counts)
}

// plan decides between a full read and one since the watermark. A field that
// appeared, or changed its type, is reason for a full read.
func (r *reading) plan() {
	r.fields = describe.Kept(r.object)
	fingerprint := describe.Fingerprint(r.fields)
	saved := token{}
	if err := json.Unmarshal(r.Store.Checkpoint(r.Name), &saved); err == nil && saved.Fingerprint == fingerprint {
		r.token = saved
		r.Job.Log(engine.LogInfo, r.Name, "Going on reading %s where the last attempt stopped.", r.Name)
		return
	}
	r.token = token{Began: r.began, Fingerprint: fingerprint}
	switch {
	case r.mark.Stamp.IsZero():
		r.Job.Log(engine.LogInfo, r.Name, "Reading all of %s.", r.Name)
	case describe.StampField(r.object) == "":
		r.Job.Log(engine.LogInfo, r.Name, "Reading all of %s: it does not tell when its records change.", r.Name)
	case r.mark.Fingerprint != fingerprint:
		r.Job.Log(engine.LogInfo, r.Name, "Reading all of %s: its fields have changed since the last backup.", r.Name)
	default:
		r.token.Since = r.mark.Stamp.Add(-overlap)
		r.Job.Log(engine.LogInfo, r.Name, "Reading what changed in %s since %s.", r.Name, r.token.Since.UTC().Format(time.RFC3339))
	}
}

func (r *reading) store(ctx context.Context) (counts vault.ObjectCounts, err error) {
	writer, err := r.Store.Writer(ctx, schemaOf(r.object, r.fields))
	if err != nil {
		return counts, err
	}
	if !r.idle {
		if err := r.copyAll(ctx, writer); err != nil {
			return counts, err
		}
	}
	r.token.Position = nil
	last, err := json.Marshal(r.token)
	if err != nil {
		return counts, engine.Wrap("encode a checkpoint", err)
	}
	return writer.Finish(ctx, last)
}

func (r *reading) copyAll(ctx context.Context, writer *vault.Writer) error {
	rows, err := r.Org.Read(ctx, r.request())
	if err != nil {
		return err
	}
	return errors.Join(r.copyRows(ctx, rows, writer), rows.Close())
}

func (r *reading) request() engine.ReadRequest {
	request := engine.ReadRequest{
		Object: *r.object, Fields: describe.Names(r.fields), Where: r.Where, Since: r.token.Since, Expect: -1, Resume: r.token.Position,
	}
	if !request.Since.IsZero() {
		request.StampField = describe.StampField(r.object)
	} else if r.Expected != nil {
		request.Expect = *r.Expected
	}
	return request
}

func (r *reading) copyRows(ctx context.Context, rows engine.Rows, writer *vault.Writer) error {
	columns := locate(rows.Fields(), describe.StampField(r.object))
	if columns.id < 0 {
		return &engine.Error{Kind: engine.KindInvalid, Code: "NO_RECORD_ID", Object: r.Name, Message: r.Name + " has no record ids, so its versions cannot be told apart."}
	}
	for n := int64(1); ; n++ {
		values, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := writer.Put(ctx, columns.row(values)); err != nil {
			return err
		}
		if n%rowsPerCheckpoint == 0 {
			r.token.Position = slices.Clone(rows.Position())
			if err := r.checkpoint(ctx, writer); err != nil {
				return err
			}
			r.progress.Progress(n)
		}
	}
}

func (r *reading) checkpoint(ctx context.Context, writer *vault.Writer) error {
	saved, err := json.Marshal(r.token)
	if err != nil {
		return engine.Wrap("encode a checkpoint", err)
	}
	return writer.Checkpoint(ctx, saved)
}

func (r *reading) finish(ctx context.Context, counts vault.ObjectCounts) error {
	if r.idle {
		r.Job.Log(engine.LogInfo, r.Name, "Nothing has changed in %s: %d records are alive in the vault.", r.Name, counts.Live)
		return r.progress.Finish(ctx, job.ObjectCounts{Stored: counts.Live, Expected: r.Expected, Reason: completeness(r.Expected, counts.Live, r.Where)})
	}
	r.Job.Log(engine.LogInfo, r.Name, "Finished %s: %d added, %d changed, %d deleted, %d alive in the vault.",
		r.Name, counts.Added, counts.Changed, counts.Deleted, counts.Live)
	return r.progress.Finish(ctx, job.ObjectCounts{
		Records: counts.Versions, Added: counts.Added, Changed: counts.Changed, Deleted: counts.Deleted, Bytes: counts.Bytes,
		Stored: counts.Live, Expected: r.Expected, Reason: completeness(r.Expected, counts.Live, r.Where),
	})
}
