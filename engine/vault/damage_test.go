package vault_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

func TestFlippedBits(t *testing.T) {
	t.Parallel()
	m := filled(t)
	truth, err := m.read("Account")
	check(t, err)
	chance := rand.New(rand.NewPCG(5, 5))
	for _, key := range m.segments() {
		for range 12 {
			at := chance.IntN(len(m.disk.Blobs()[key]))
			m.disk.Flip(key, at)
			m.reopen()
			if name := path.Base(key[:len(key)-4]); !strings.Contains(m.problems(), name) {
				t.Errorf("verify does not name %s, byte %d: %s", name, at, m.problems())
			}
			lines, err := m.read("Account")
			if err != nil && !engine.Is(err, engine.KindCorrupt) && !engine.Is(err, engine.KindDenied) {
				t.Errorf("byte %d of %s: %v", at, key, err)
			}
			if err == nil && strings.Join(lines, "\n") != strings.Join(truth, "\n") {
				t.Errorf("byte %d of %s: a wrong value came back", at, key)
			}
			m.disk.Flip(key, at)
		}
	}
	m.reopen().clean()
}

// TestOneBadBlock breaks a block of several: verify names it and its records,
// and the others are read as ever.
func TestOneBadBlock(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	chance := rand.New(rand.NewPCG(1, 1))
	var rows []string
	for i := range 60 {
		text := make([]byte, 6000)
		for k := range text {
			text[k] = 'a' + byte(chance.IntN(26))
		}
		rows = append(rows, fmt.Sprintf("%03d t - %s", i, text))
	}
	check(t, m.backup("job_1", 100, schemaOf("Note", "Body"), rows))
	m.disk.Flip(m.segments()[0], 5000)
	m.reopen()
	report, err := m.Verify(m.ctx, m.org)
	check(t, err)
	at := slices.IndexFunc(report.Problems, func(p vault.Problem) bool { return p.Block >= 0 })
	if at < 0 {
		t.Fatalf("verify names no block: %s", m.problems())
	}
	p := report.Problems[at]
	if p.Object != "Note" || p.Block != 0 || p.First != "000" || p.Last <= "000" || p.Last >= "059" {
		t.Errorf("verify says %+v", p)
	}
	for i, text := range rows {
		id := fmt.Sprintf("%03d", i)
		versions, err := m.History(m.ctx, m.org, "Note", id)
		switch {
		case id <= p.Last && !engine.Is(err, engine.KindCorrupt):
			t.Errorf("record %s of the bad block: %v", id, err)
		case id > p.Last && (err != nil || len(versions) != 1 || string(versions[0].Values[0]) != strings.Fields(text)[3]):
			t.Errorf("record %s of a whole block: %v", id, err)
		}
	}
}

// blobOf rewrites the segments until one of them has that size.
func (m *machine) blobOf(size int) []byte {
	for range 1000 {
		for _, key := range m.segments() {
			if b := m.disk.Blobs()[key]; len(b) == size {
				return b
			}
		}
		check(m.t, m.RewriteAll(m.ctx, m.org))
	}
	m.t.Fatalf("no segment became %d bytes long", size)
	return nil
}

func TestDamagedBlobs(t *testing.T) {
	t.Parallel()
	m, stranger := filled(t), filled(t)
	old, oldKey := m.disk.Blobs(), m.segments()[0]
	check(t, m.RewriteAll(m.ctx, m.org))
	whole := m.disk.Blobs()
	keys := slices.DeleteFunc(m.segments(), func(key string) bool { return old[key] != nil })
	for _, tt := range []struct {
		name    string
		content []byte
		text    string
	}{
		{"missing", nil, "missing"},
		{"cut off", whole[keys[0]][:len(whole[keys[0]])-7], "bytes long, the manifest says"},
		{"emptied", []byte{}, "bytes long"},
		{"another's", whole[keys[1]], "manifest"},
		{"another org's", stranger.disk.Blobs()[stranger.segments()[0]], "manifest"},
		{"another org's of the same size", stranger.blobOf(len(whole[keys[0]])), "manifest"},
		{"an old one again", old[oldKey], "manifest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m.t = t
			m.disk.Set(keys[0], tt.content)
			name := path.Base(keys[0][:len(keys[0])-4])
			if got := m.reopen().problems(); !strings.Contains(got, name) || !strings.Contains(got, tt.text) {
				t.Errorf("verify says %q, want %s and %q", got, name, tt.text)
			}
			for _, object := range []string{"Account", "Contact"} {
				if _, err := m.read(object); err != nil && !engine.Is(err, engine.KindCorrupt) {
					t.Errorf("read %s: %v", object, err)
				}
			}
			m.disk.Set(keys[0], whole[keys[0]])
			m.reopen().clean()
		})
	}
}
