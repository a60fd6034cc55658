package vault_test

import (
	"context"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
)

// TestClockJumps sets the clock back and forth between runs: their order is
// that of sequences, and nothing that counts is collected.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	account := schemaOf("Account", "Name!", "City")
	for n, jump := range []time.Duration{0, -400 * 24 * time.Hour, 900 * 24 * time.Hour, -30 * 24 * time.Hour} {
		m.now = m.now.Add(jump)
		check(t, m.backup("job_"+string(rune('1'+n)), 9, account, []string{"001 t" + string(rune('1'+n)) + " - One City" + string(rune('1'+n))}))
		_, err := m.Collect(m.ctx, m.org)
		check(t, err)
	}
	check(t, deeds()[2](m)) // compacted
	m.now = m.now.AddDate(3, 0, 0)
	stats, err := m.Collect(m.ctx, m.org)
	check(t, err)
	if stats.Dead != 4 || stats.Orphans != 0 {
		t.Errorf("collected %+v", stats)
	}
	now := ""
	for v, err := range m.AsOf(m.ctx, vault.Point{OrgID: m.org}, "Account", vault.Reading{}) {
		check(t, err)
		now += string(v.Value("City"))
	}
	want(t, "now", now, "City4")
	m.clean()
}

// TestCopiesKeepTheirOrder loses the database twice: the copy written after the
// first rebuild is the newest, whatever the clock said.
func TestCopiesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	m := filled(t)
	lose := func() {
		lost := newMachine(t)
		m.path = lost.path
		m.reopen()
		m.now = m.now.AddDate(0, 0, 9)
		stats, err := m.Collect(m.ctx, m.org)
		check(t, err)
		if stats.Orphans > 0 {
			t.Errorf("an empty manifest collected %+v", stats)
		}
		check(t, m.Rebuild(m.ctx, m.org))
	}
	lose()
	check(t, deeds()[3](m))
	before := m.everything()
	lose()
	want(t, "rebuilt again", m.everything(), before)
	var copies []string
	for key := range m.disk.Blobs() {
		if strings.Contains(key, "/manifest/") {
			copies = append(copies, path.Base(key))
		}
	}
	if slices.Sort(copies); len(copies) != 3 {
		t.Errorf("copies: %v", copies)
	}
	m.clean()
}

// TestCollectedUnderTheWriter deletes a new blob before the manifest names it,
// as a node does whose clock is days ahead: the run fails and is done again.
func TestCollectedUnderTheWriter(t *testing.T) {
	t.Parallel()
	m := filled(t)
	before := m.everything()
	known := m.segments()
	var hook ent.Hook = func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, mutation ent.Mutation) (ent.Value, error) {
			if mutation.Type() == ent.TypeVaultHead {
				for _, key := range m.segments() {
					if !slices.Contains(known, key) {
						m.disk.Set(key, nil)
					}
				}
			}
			return next.Mutate(ctx, mutation)
		})
	}
	m.hooks = []ent.Hook{hook}
	err := deeds()[3](m.reopen())
	if e, ok := engine.AsError(err); !ok || e.Code != "VAULT_BLOB_GONE" || e.Kind != engine.KindTransient {
		t.Errorf("the run ends with %v", err)
	}
	m.hooks = nil
	m.reopen()
	want(t, "meanwhile", m.everything(), before)
	check(t, deeds()[3](m))
	m.clean()
}
