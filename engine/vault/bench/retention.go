package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/retention"
	"github.com/holdfast-backup/holdfast/ent/vaultrun"
)

// kept is the policy whose price is measured, and postponed the share of a
// segment that its daily application leaves: engine/retain's.
var (
	kept      = retention.Policy{Days: 7, Weeks: 4, Months: 12, Years: 7}
	postponed = 0.125
)

// retain fills a vault as a year of nights would and applies a policy after
// each: the time of the two is compared, and that of applying it in the end
// without postponing anything with that of writing everything again.
func retain(ctx context.Context, s *settings) error {
	y, err := newYear(ctx, s)
	if err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var nights, applies durations
	dropped, segments := int64(0), 0
	for day := range s.days + 1 {
		night, err := timed(cpu, func() error { return y.night(day) })
		if err != nil {
			return err
		}
		var done vault.DropReport
		apply, err := timed(cpu, func() error { done, err = y.apply(); return err })
		if err != nil {
			return err
		}
		if _, err := y.Collect(y.ctx, y.org); err != nil {
			return err
		}
		if day > 0 { // the first night is a year's
			nights, applies = append(nights, night), append(applies, apply)
		}
		dropped, segments = dropped+done.Versions-done.Postponed, segments+done.Segments
	}
	r := float64(sum(applies)) / float64(sum(nights))
	figure{"retention.daily", median(applies).Seconds(), "s", r, "<=1", r <= 1}.print()
	fmt.Printf("# %d nights %.0f s, %d applications %.0f s, the longest %.1f s; %d of %d versions dropped, %d segments written again\n",
		len(nights), sum(nights).Seconds(), len(applies), sum(applies).Seconds(), slices.Max(applies).Seconds(), dropped, y.versions, segments)
	return y.applyWhole()
}

func sum(times durations) (total time.Duration) {
	for _, d := range times {
		total += d
	}
	return total
}

// apply drops what the policy no longer keeps of the nights so far.
func (y *yearStore) apply() (report vault.DropReport, err error) {
	runs, err := y.db.Client.VaultRun.Query().Where(vaultrun.OrgID(y.org), vaultrun.DroppedAtIsNil()).All(y.ctx)
	if err != nil {
		return report, err
	}
	var points []retention.Point
	for _, r := range runs {
		var night int
		if _, err := fmt.Sscanf(r.JobID, "job_%d", &night); err != nil {
			return report, err
		}
		points = append(points, retention.Point{ID: r.ID, At: dayOne.AddDate(0, 0, night-1)})
	}
	spec := vault.DropSpec{OrgID: y.org, Share: postponed}
	for _, v := range retention.Apply(kept, points) {
		if !v.Keep {
			spec.Runs = append(spec.Runs, v.ID)
		}
	}
	return y.Drop(y.ctx, spec)
}

// applyWhole drops what the nights have postponed.
func (y *yearStore) applyWhole() error {
	before, err := y.Stats(y.ctx, y.org)
	if err != nil {
		return err
	}
	rewriting, err := timed(cpu, func() error { return y.RewriteAll(y.ctx, y.org) })
	if err != nil {
		return err
	}
	var done vault.DropReport
	apply, err := timed(cpu, func() error { done, err = y.Drop(y.ctx, vault.DropSpec{OrgID: y.org}); return err })
	if err != nil {
		return err
	}
	after, err := y.Stats(y.ctx, y.org)
	if err != nil {
		return err
	}
	r := float64(apply) / float64(rewriting)
	figure{"retention.whole", apply.Seconds(), "s", r, "<=2", r <= 2}.print()
	fmt.Printf("# %d postponed versions of %d dropped, %d of %d segments written again: %.1f MB, before %.1f MB\n",
		done.Versions, before.Versions, done.Segments, before.Segments, float64(after.Bytes)/1e6, float64(before.Bytes)/1e6)
	return nil
}
