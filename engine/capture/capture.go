// Package capture reads an org into the vault: for each SObject in full or
// since its watermark, resumably, so that after kill -9 the next attempt goes on
// from what was durable. Backup and archive share it.
//
// What a capture promises: a row that the org returned is stored before the
// SObject counts as whole; an SObject that failed leaves the others whole; a
// watermark moves only after what it covers is visible to readers.
package capture

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
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
	// atOnce is how many SObjects are read side by side, and askedAtOnce how many
	// the org is asked for: it takes its time to have a large one ready.
	atOnce      = 3
	askedAtOnce = 16
	// preparedAtOnce bounds how many describes are in memory, and how many
	// SObjects one probe asks about.
	preparedAtOnce = 100
)

// fatalCodes are the failures that no other SObject would escape.
var fatalCodes = []string{"API_QUOTA_REACHED", "ORG_ACCESS_REVOKED", "VAULT_UNREACHABLE", "VAULT_FULL", "VAULT_RUN_LOST", vault.OrgLocked}

// Capture reads orgs into the vault.
type Capture struct {
	DB         *ent.Client
	Dictionary Dictionary
	Vault      *vault.Vault // what a synchronisation compares the org with
}

// Request is one capture: which SObjects of which org, into which vault run.
type Request struct {
	OrgID string
	Scope string // whose watermarks: "composite", or a template's id
	Org   engine.Org
	Job   *job.Run
	Store *vault.Run
	// Sync compares every live record's id with the vault: what was deleted for
	// good gets its tombstone, what was missed is read.
	Sync bool
	// Targets are read side by side; each is independent of the others.
	Targets []Target
	// Metadata are the kinds of metadata to take.
	Metadata []engine.MetadataType
}

// objects are the vault's names of all that the capture takes.
func (r Request) objects() []string {
	names := make([]string, 0, len(r.Targets)+len(r.Metadata))
	for i := range r.Targets {
		names = append(names, r.Targets[i].Name)
	}
	for i := range r.Metadata {
		names = append(names, MetadataObject(r.Metadata[i].Name))
	}
	return names
}

// Target is one SObject to read.
type Target struct {
	Name     string
	Expected *int64 // the org's own count, nil when it does not tell
	// Selections narrow it to their union; none means every record.
	Selections []*Selection
}

// token is what a checkpoint remembers of an SObject's read.
type token struct {
	Position    []byte
	Since       time.Time
	Began       time.Time // the org's clock when the read began: the next watermark
	Fingerprint string
	Missing     int64 `json:",omitempty"` // components that the org did not give out
	Files       fileCounts
}

// Records reads every target. It answers how many SObjects failed; err is set
// only when the whole capture must stop (cancelled, no access, no quota).
func (c *Capture) Records(ctx context.Context, r Request) (failed int, err error) {
	began, marks, err := c.outset(ctx, r)
	if err != nil {
		return 0, err
	}
	for part := range slices.Chunk(largestFirst(r.Targets), preparedAtOnce) {
		readings := make([]*reading, len(part))
		for i, target := range part {
			readings[i] = &reading{Request: r, Target: target, vault: c.Vault, mark: marks[target.Name], began: began, progress: r.Job.Object(target.Name)}
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

// largestFirst orders targets so that the longest reads begin first and the
// short ones fill what they leave, instead of one long read at the end.
func largestFirst(targets []Target) []Target {
	size := func(t Target) int64 {
		if t.Expected == nil {
			return 0
		}
		return *t.Expected
	}
	return slices.SortedStableFunc(slices.Values(targets), func(a, b Target) int { return cmp.Compare(size(b), size(a)) })
}

// outset is the org's time, and up to where all was read before.
func (c *Capture) outset(ctx context.Context, r Request) (began time.Time, marks map[string]watermark, err error) {
	if began, err = r.Org.ServerTime(ctx); err != nil {
		return began, nil, engine.Wrap("ask the org for its time", err)
	}
	marks, err = c.watermarks(ctx, r.OrgID, r.Scope)
	return began, marks, err
}

// readPart reads SObjects side by side; one that fails leaves the others alone.
func (c *Capture) readPart(ctx context.Context, readings []*reading) (failed int, err error) {
	if err := probe(ctx, readings); err != nil {
		return len(readings), err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(askedAtOnce)
	turns := make(chan struct{}, atOnce)
	for _, r := range readings {
		r.turns = turns
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
		if r.failure == nil && !r.whole && len(r.below) == 0 && !r.token.Since.IsZero() && r.token.Position == nil {
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
	vault     *vault.Vault
	where     string       // what its selections ask for by condition
	all       bool         // they ask for every record
	below     []*Selection // they ask for by the parents' ids
	seen      *idSet       // the live ids that this attempt has read, for a synchronisation
	mark      watermark
	began     time.Time
	object    *engine.SObject
	fields    []engine.Field
	progress  *job.ObjectProgress
	contents  *contents // of the SObject's records; nil when they have none
	token     token
	whole     bool          // an earlier attempt finished it
	idle      bool          // the org says that nothing has changed
	resumable bool          // what is being read has a position to go on from
	turns     chan struct{} // held by those whose rows are being read
	failure   error         // of this SObject alone
}

// prepare finds out what there is to read.
func (c *Capture) prepare(ctx context.Context, r *reading) (err error) {
	if _, r.whole = r.Store.Finished(r.Name); r.whole {
		return engine.Wrap("read the checkpoint of "+r.Name, json.Unmarshal(r.Store.Checkpoint(r.Name), &r.token))
	}
	if r.object, err = c.Dictionary.SObject(ctx, r.OrgID, r.Name); err != nil {
		return err
	}
	r.where, r.all, r.below = narrowed(r.Selections)
	r.all = r.all || len(r.Selections) == 0
	r.plan()
	return nil
}

// run reads the SObject, and writes down how that ended.
func (r *reading) run(ctx context.Context) error {
	ctx = r.progress.CountCalls(ctx)
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
	if !r.idle || r.Sync {
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

// plan decides between a full read and one since the watermark. Reasons for a
// full read are a field that appeared or changed its type, another filter, and
// a filter that records can begin to match without being modified.
func (r *reading) plan() {
	r.fields = describe.Kept(r.object)
	fingerprint := r.fingerprint()
	saved := token{}
	if err := json.Unmarshal(r.Store.Checkpoint(r.Name), &saved); err == nil && saved.Fingerprint == fingerprint {
		if r.token = saved; saved.Position == nil {
			r.token.Files = fileCounts{} // everything is read again
		}
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
		r.Job.Log(engine.LogInfo, r.Name, "Reading all of %s: its fields or its filter have changed since the last backup.", r.Name)
	case !r.all && slices.ContainsFunc(r.Selections, func(s *Selection) bool { return !s.Timeless }):
		r.Job.Log(engine.LogInfo, r.Name, "Reading all of %s that match: a record can begin to match without being modified.", r.Name)
	default:
		r.token.Since = r.mark.Stamp.Add(-overlap)
		r.Job.Log(engine.LogInfo, r.Name, "Reading what changed in %s since %s.", r.Name, r.token.Since.UTC().Format(time.RFC3339))
	}
}

// fingerprint changes with what is read of the SObject.
func (r *reading) fingerprint() string {
	fields := describe.Fingerprint(r.fields)
	if r.all {
		return fields
	}
	h := fnv.New64a()
	for _, s := range r.Selections {
		_, _ = io.WriteString(h, s.Path+" "+s.Where+"\n")
	}
	return fields + "/" + strconv.FormatUint(h.Sum64(), 36)
}

func (r *reading) store(ctx context.Context) (counts vault.ObjectCounts, err error) {
	writer, err := r.Store.Writer(ctx, schemaOf(r.object, r.fields))
	if err != nil {
		return counts, err
	}
	r.contents = r.openContents(writer)
	if err := errors.Join(r.copyAll(ctx, writer), r.contents.close()); err != nil {
		return counts, err
	}
	r.token.Position = nil
	last, err := json.Marshal(r.token)
	if err != nil {
		return counts, engine.Wrap("encode a checkpoint", err)
	}
	return writer.Finish(ctx, last)
}

// copyAll stores what the org has of the SObject.
func (r *reading) copyAll(ctx context.Context, writer *vault.Writer) (err error) {
	if r.Sync {
		r.seen = &idSet{}
		defer func() { err = errors.Join(err, r.seen.Close()) }()
	}
	complete := r.token.Since.IsZero() && r.token.Position == nil
	if !r.idle && (r.all || r.where != "") {
		r.resumable = true
		if err := r.copyRead(ctx, r.request(), writer); err != nil {
			return err
		}
		r.resumable = false
	}
	for _, s := range r.below {
		if err := r.copyBelow(ctx, s, writer); err != nil {
			return err
		}
	}
	if err := r.contents.again(ctx); err != nil {
		return err
	}
	if r.Sync {
		if err := r.reconcile(ctx, writer, complete); err != nil {
			return err
		}
	}
	return r.contents.flush(ctx)
}

func (r *reading) copyRead(ctx context.Context, request engine.ReadRequest, writer *vault.Writer) error {
	return r.read(ctx, request, func(rows engine.Rows) error { return r.copyRows(ctx, rows, writer) })
}

// read has the org prepare the rows, and waits for its turn to read them.
func (r *reading) read(ctx context.Context, request engine.ReadRequest, use func(engine.Rows) error) error {
	rows, err := r.Org.Read(ctx, request)
	if err != nil {
		return err
	}
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return errors.Join(ctx.Err(), rows.Close())
	}
	return errors.Join(use(rows), rows.Close())
}

func (r *reading) request() engine.ReadRequest {
	request := engine.ReadRequest{
		Object: *r.object, Fields: describe.Names(r.fields), Where: r.where, Since: r.token.Since, Expect: -1, Resume: r.token.Position,
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
		return &engine.Error{Kind: engine.KindInvalid, Code: "NO_RECORD_ID", Object: r.Name, Message: r.Name + " has no record ids, so its versions cannot be told apart: it is left out."}
	}
	for n := int64(1); ; n++ {
		values, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.put(ctx, writer, columns.row(values)); err != nil {
			return err
		}
		if n%rowsPerCheckpoint == 0 || r.contents.due() {
			if r.resumable {
				r.token.Position = slices.Clone(rows.Position())
			}
			if err := r.checkpoint(ctx, writer); err != nil {
				return err
			}
			r.progress.Progress(n)
		}
	}
}

// put stores a row, and remembers it if it lives.
func (r *reading) put(ctx context.Context, writer *vault.Writer, row vault.Row) error {
	if r.seen != nil && row.Tombstone == engine.NotDeleted {
		if err := r.seen.Add(row.ID); err != nil {
			return err
		}
	}
	return r.keep(ctx, writer, row)
}

// keep hands a row to the vault, with what names its content if it has any.
func (r *reading) keep(ctx context.Context, writer *vault.Writer, row vault.Row) error {
	if r.contents != nil {
		return r.contents.keep(ctx, row)
	}
	return writer.Put(ctx, row)
}

func (r *reading) checkpoint(ctx context.Context, writer *vault.Writer) error {
	if err := r.contents.flush(ctx); err != nil {
		return err
	}
	saved, err := json.Marshal(r.token)
	if err != nil {
		return engine.Wrap("encode a checkpoint", err)
	}
	if err := writer.Checkpoint(ctx, saved); err != nil {
		return err
	}
	r.contents.durable()
	return nil
}

func (r *reading) finish(ctx context.Context, counts vault.ObjectCounts) error {
	files := r.token.Files
	done := job.ObjectCounts{
		Records: counts.Versions, Added: counts.Added, Changed: counts.Changed, Deleted: counts.Deleted, Bytes: counts.Bytes + files.Bytes,
		Stored: counts.Live, Expected: r.Expected, Reason: files.explain(completeness(r.Expected, counts.Live, len(r.Selections) > 0 && !r.all)),
	}
	if r.idle && counts.Versions == 0 {
		r.Job.Log(engine.LogInfo, r.Name, "Nothing has changed in %s: %d records are alive in the vault.", r.Name, counts.Live)
	} else {
		r.Job.Log(engine.LogInfo, r.Name, "Finished %s: %d added, %d changed, %d deleted, %d alive in the vault.",
			r.Name, counts.Added, counts.Changed, counts.Deleted, counts.Live)
	}
	if files.Read > 0 {
		r.Job.Log(engine.LogInfo, r.Name, "Stored the content of %s of %s, %d bytes.", filesInWords(files.Read), r.Name, files.Bytes)
	}
	if err := r.progress.Finish(ctx, done); err != nil {
		return err
	}
	return files.failure(r.Name)
}
