package vault_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/retention"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
)

// past is a random history of two SObjects and their files, and what it showed
// at each of its points before anything was dropped.
type past struct {
	*bundle
	chance *rand.Rand
	states map[string]string // by run
	files  map[string]string // content, by hash
}

// eras are the schemas that the SObjects go through: fields come, go, and
// change their type.
func eras() [][]vault.Schema {
	typed := schemaOf("Account", "Name!", "City", "Size", "Formula~")
	typed.Fields[2].Type = "double"
	return [][]vault.Schema{
		{schemaOf("Account", "Name!", "City", "Size"), schemaOf("Account", "Name!", "Size"), typed, schemaOf("Account", "Name!", "Region!", "City")},
		{attachments()},
		{schemaOf("metadata/ApexClass", "fullName!", "content")},
	}
}

func (p *past) value() string {
	return []string{"-", "a", "b", "c", "dd", "a-longer-value"}[p.chance.IntN(6)]
}

// backup is one run: some records of some SObjects change, go, come back.
func (p *past) backup() {
	p.t.Helper()
	p.clock = p.clock.Add(time.Duration(p.chance.IntN(60)) * time.Hour)
	run := p.begin()
	for _, schemas := range eras() {
		if p.chance.IntN(3) == 0 {
			continue
		}
		s := schemas[p.chance.IntN(len(schemas))]
		w, err := run.Writer(p.ctx, s)
		check(p.t, err)
		for n := range p.chance.IntN(12) {
			check(p.t, w.Put(p.ctx, row(p.record(s))))
			if n%5 == 4 {
				check(p.t, w.Checkpoint(p.ctx, []byte("so far")))
			}
		}
		_, err = w.Finish(p.ctx, nil)
		check(p.t, err)
	}
	commit := run.Commit
	if p.chance.IntN(8) == 0 {
		commit = run.ClosePartial
	}
	_, err := commit(p.ctx)
	check(p.t, err)
	if p.chance.IntN(5) == 0 {
		_, err := p.Compact(p.ctx, p.org, p.chance.IntN(2) == 0)
		check(p.t, err)
	}
	p.states[run.ID()] = p.state(vault.Point{JobID: p.jobID(p.job)})
}

const records = 9 // of an SObject

func recordID(object string, n int) string { return fmt.Sprintf("%s%d", object[:2], n) }

func (p *past) record(s vault.Schema) string {
	text := fmt.Sprintf("%s t%d ", recordID(s.Object, p.chance.IntN(records)), p.job)
	switch p.chance.IntN(8) {
	case 0:
		return text + "HARD"
	case 1:
		return text + "SOFT"
	case 2:
		text += "SOFT"
	default:
		text += "-"
	}
	for _, f := range s.Fields {
		value := p.value()
		if f.Type == vault.FileField {
			ref := p.put(value)
			p.files[ref.Hash] = value
			value = ref.String()
		}
		text += " " + value
	}
	return text
}

// state is all that a point shows, and that the files are there.
func (p *past) state(at vault.Point) string {
	p.t.Helper()
	at.OrgID = p.org
	var out strings.Builder
	for _, schemas := range eras() {
		for v, err := range p.AsOf(p.ctx, at, schemas[0].Object, vault.Reading{IncludeDeleted: true}) {
			check(p.t, err)
			out.WriteString(p.whole(v, false))
		}
	}
	return out.String()
}

// whole is all that there is to say of a version; strict tells absent from null,
// as histories do.
func (p *past) whole(v *vault.Version, strict bool) string {
	p.t.Helper()
	fields := map[string]string{}
	for i, f := range v.Fields {
		if len(v.Values[i]) == 0 && (!strict || v.Values[i] == nil) {
			continue
		}
		fields[f.Name] = string(v.Values[i])
		if ref, ok := vault.ParseFileRef(string(v.Values[i])); ok && !p.has(ref) {
			p.t.Errorf("the content that %s %s names is gone", v.Object, v.RecordID)
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s #%d %s%s %s by %s at %s", v.Object, v.RecordID, v.Seq, v.Change, v.Tombstone, v.Modstamp, v.JobID, v.CapturedAt)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(&out, " %s=%q", name, fields[name])
	}
	return out.String() + "\n"
}

// verdicts judges what is not dropped yet.
func (p *past) verdicts(policy retention.Policy) (keep, drop []vault.RunInfo) {
	p.t.Helper()
	runs, err := p.Runs(p.ctx, p.org)
	check(p.t, err)
	var points []retention.Point
	byID := map[string]vault.RunInfo{}
	for _, r := range slices.Backward(runs) { // points of one moment keep their order: the newest first
		if r.DroppedAt.IsZero() {
			points = append(points, retention.Point{ID: r.ID, At: r.ClosedAt, Hold: r.Hold})
			byID[r.ID] = r
		}
	}
	for _, v := range retention.Apply(policy, points) {
		if v.Keep {
			keep = append(keep, byID[v.ID])
		} else {
			drop = append(drop, byID[v.ID])
		}
	}
	return keep, drop
}

func idsOf(runs []vault.RunInfo) (ids []string) {
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	return ids
}

// TestDrop plays random histories and random policies: whatever is dropped,
// every point that stays shows what it showed, byte for byte, and none that went
// shows anything.
func TestDrop(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		for seed := range uint64(12) {
			b.ctx, b.org = newOrg(t, db, fmt.Sprintf("org %d", seed))
			p := &past{bundle: b, chance: rand.New(rand.NewPCG(seed, 5)), states: map[string]string{}, files: map[string]string{}}
			for range 4 {
				for range 6 + p.chance.IntN(6) {
					p.backup()
				}
				p.dropSome(fmt.Sprintf("history %d", seed))
			}
			p.dropPostponed(fmt.Sprintf("history %d", seed))
		}
	})
}

func (p *past) dropSome(what string) {
	p.t.Helper()
	policy := retention.Policy{Days: p.chance.IntN(4), Weeks: p.chance.IntN(2), Months: p.chance.IntN(2)}
	keep, drop := p.verdicts(policy)
	now, before, count := p.state(vault.Point{}), p.histories(), p.versions()
	spec := vault.DropSpec{OrgID: p.org, Runs: idsOf(drop), Share: []float64{0, 0.25, 2}[p.chance.IntN(3)]}
	plan, err := p.PlanDrop(p.ctx, spec)
	check(p.t, err)
	done, err := p.Drop(p.ctx, spec)
	check(p.t, err)
	if plan.Versions != done.Versions || plan.Postponed != done.Postponed || plan.Points != int64(len(drop)) || count-p.versions() != done.Versions-done.Postponed {
		p.t.Errorf("%s: planned %+v, did %+v, of %d versions %d are left", what, plan, done, count, p.versions())
	}
	p.judge(what+", dropped", now, before, keep)
	_, err = p.Compact(p.ctx, p.org, true)
	check(p.t, err)
	p.judge(what+", compacted", now, before, keep)
	for _, r := range drop {
		at := vault.Point{OrgID: p.org, JobID: r.JobID}
		for _, err := range p.AsOf(p.ctx, at, "Account", vault.Reading{}) {
			p.refused(what, err)
		}
		for _, err := range p.Touched(p.ctx, at, "Account", "", vault.Reading{}) {
			p.refused(what, err)
		}
		for _, err := range p.Diff(p.ctx, at, vault.Point{OrgID: p.org}, "Account", vault.Reading{}) {
			p.refused(what, err)
		}
	}
}

// dropPostponed has what the drops before have left go, too.
func (p *past) dropPostponed(what string) {
	p.t.Helper()
	keep, _ := p.verdicts(retention.Policy{})
	now, before, count := p.state(vault.Point{}), p.histories(), p.versions()
	spec := vault.DropSpec{OrgID: p.org}
	done, err := p.Drop(p.ctx, spec)
	check(p.t, err)
	if done.Postponed != 0 || count-p.versions() != done.Versions {
		p.t.Errorf("%s: did %+v, of %d versions %d are left", what, done, count, p.versions())
	}
	p.judge(what+", all dropped", now, before, keep)
	if plan, err := p.PlanDrop(p.ctx, spec); err != nil || plan.Versions != 0 {
		p.t.Errorf("%s: still to be dropped: %+v (%v)", what, plan, err)
	}
}

func (p *past) versions() (n int64) {
	p.t.Helper()
	objects, err := p.Objects(p.ctx, p.org)
	check(p.t, err)
	for _, o := range objects {
		n += o.Versions
	}
	return n
}

func (p *past) refused(what string, err error) {
	p.t.Helper()
	if e, ok := engine.AsError(err); !ok || e.Code != "POINT_DROPPED" {
		p.t.Errorf("%s: a dropped point answers %v", what, err)
	}
}

// judge compares what the points that stay show, counts what is stored, and
// looks at every version that is left.
func (p *past) judge(what, now string, before map[string]string, keep []vault.RunInfo) {
	p.t.Helper()
	want(p.t, what+", now", p.state(vault.Point{}), now)
	for _, r := range keep {
		want(p.t, what+", "+r.JobID, p.state(vault.Point{JobID: r.JobID}), p.states[r.ID])
		want(p.t, what+", at the time of "+r.JobID, p.state(vault.Point{Time: r.ClosedAt}), p.states[r.ID])
	}
	left := p.histories()
	for id, line := range left {
		want(p.t, what+", a version", line, before[id])
	}
	if n := int64(len(left)); n != p.versions() {
		p.t.Errorf("%s: %d versions are stored, %d are counted", what, n, p.versions())
	}
	p.clean()
}

// histories is every version, by id.
func (p *past) histories() map[string]string {
	p.t.Helper()
	all := map[string]string{}
	for _, schemas := range eras() {
		object := schemas[0].Object
		for n := range records {
			versions, err := p.History(p.ctx, p.org, object, recordID(object, n))
			check(p.t, err)
			for i := range versions {
				all[versions[i].ID()] = p.whole(&versions[i], true)
			}
		}
	}
	return all
}

// TestDropRefuses what may not go, and says what of it is gone.
func TestDropRefuses(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		s := schemaOf("Account", "Name!")
		red, blue := b.put("red"), b.put("blue")
		b.backup(s, "001 t1 - One")
		b.backup(attachments(), "00P t1 - a.txt "+red.String())
		b.backup(s, "001 t2 - Two")
		b.backup(attachments(), "00P t2 - b.txt "+blue.String())
		b.backup(s, "001 t3 - Three", "002 t3 SOFT Gone")
		runs, err := b.Runs(b.ctx, b.org)
		check(t, err)
		drop := func(allow error, n ...int) error {
			spec := vault.DropSpec{OrgID: b.org}
			for _, i := range n {
				spec.Runs = append(spec.Runs, runs[i].ID)
			}
			if allow != nil {
				spec.Allow = func(_ context.Context, _ *ent.Tx) error { return allow }
			}
			_, err := b.Drop(b.ctx, spec)
			return err
		}
		before, versions := b.history("Account", "001"), historyIDs(b, "Account", "001")
		check(t, b.Hold(b.ctx, vault.Point{OrgID: b.org, JobID: "job_1"}, "case 7"))
		held := errors.New("a legal hold came between")
		for what, err := range map[string]error{"the newest": drop(nil, 4), "a held one": drop(nil, 0, 1), "one that is not allowed": drop(held, 1)} {
			if e, ok := engine.AsError(err); !errors.Is(err, held) && (!ok || e.Code != "POINTS_CHANGED") {
				t.Errorf("dropping %s: %v", what, err)
			}
		}
		want(t, "after refusals", b.history("Account", "001"), before)
		check(t, b.Hold(b.ctx, vault.Point{OrgID: b.org, JobID: "job_1"}, ""))
		check(t, drop(nil, 0, 1, 2))
		want(t, "dropped", b.history("Account", "001"), lines("001 #3 CHANGED t2 [Two]", "001 #5 CHANGED t3 [Three]"))
		if b.has(red) || !b.has(blue) {
			t.Error("the content that only a dropped version named is there still, or another one is not")
		}
		_, err = b.Version(b.ctx, b.org, versions[0])
		if e, ok := engine.AsError(err); !ok || e.Code != "VERSION_DROPPED" {
			t.Errorf("a dropped version answers %v", err)
		}
		if err := drop(nil, 1); !engine.Is(err, engine.KindConflict) {
			t.Errorf("dropping twice: %v", err)
		}
		for _, err := range b.AsOf(b.ctx, vault.Point{OrgID: b.org, Time: runs[1].ClosedAt}, "Account", vault.Reading{}) {
			if e, ok := engine.AsError(err); !ok || e.Code != "POINT_DROPPED" || !strings.Contains(e.Message, runs[3].ClosedAt.UTC().Format("2006-01-02 15:04:05")) {
				t.Errorf("a dropped point answers %v", err)
			}
		}
		b.clean()
	})
}

// TestDropIsInTheCopy: after a rebuild a dropped point is one still.
func TestDropIsInTheCopy(t *testing.T) {
	t.Parallel()
	m := filled(t)
	check(t, m.Hold(m.ctx, vault.Point{OrgID: m.org, JobID: "job_2"}, "case 7"))
	check(t, m.dropEarlier())
	before := m.everything()
	m.path = newMachine(t).path
	check(t, m.reopen().Rebuild(m.ctx, m.org))
	want(t, "rebuilt", m.everything(), before)
	runs, err := m.Runs(m.ctx, m.org)
	check(t, err)
	if runs[0].DroppedAt.IsZero() || runs[1].Hold != "case 7" {
		t.Errorf("rebuilt: %+v", runs)
	}
	m.clean()
}

func historyIDs(b *bundle, object, id string) (ids []string) {
	b.t.Helper()
	versions, err := b.History(b.ctx, b.org, object, id)
	check(b.t, err)
	for i := range versions {
		ids = append(ids, versions[i].ID())
	}
	return ids
}
