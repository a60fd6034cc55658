package vault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	"github.com/holdfast-backup/holdfast/ent/vaultfile"
)

// attachments have a name and a content.
func attachments() vault.Schema {
	s := schemaOf("Attachment", "Name!")
	s.Fields = append(s.Fields, vault.SchemaField{Name: "Body#file", Type: vault.FileField, Hot: true})
	return s
}

func (b *bundle) put(content string) vault.FileRef {
	b.t.Helper()
	ref, err := b.PutFile(b.ctx, b.org, strings.NewReader(content))
	check(b.t, err)
	return ref
}

func (b *bundle) has(ref vault.FileRef) bool {
	b.t.Helper()
	_, err := b.OpenFile(b.ctx, b.org, ref.Hash)
	if err != nil && !engine.Is(err, engine.KindNotFound) {
		b.t.Fatal(err)
	}
	return err == nil
}

func (b *bundle) left(when string, refs map[string]vault.FileRef, names string) {
	b.t.Helper()
	var left []string
	for _, name := range strings.Fields("red blue green grey") {
		if ref, put := refs[name]; put && b.has(ref) {
			left = append(left, name)
		}
	}
	want(b.t, when, strings.Join(left, " "), names)
}

// TestFilesLiveAsLongAsAVersionNamesThem: what a purge took the last name of
// goes with it; what never got one goes after a day, and never under a run.
func TestFilesLiveAsLongAsAVersionNamesThem(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		refs := map[string]vault.FileRef{}
		for _, name := range []string{"red", "blue", "green"} {
			refs[name] = b.put("the content of " + name)
		}
		b.backup(attachments(), "00PA t - a.txt "+refs["red"].String(), "00PB t - b.txt "+refs["blue"].String(), "00PC t - c.txt "+refs["red"].String())
		b.backup(attachments(), "00PB t2 - b.txt "+refs["green"].String(), "00PC t2 - c.txt "+vault.NoFile)
		refs["grey"] = b.put("named by nothing")
		b.clean()

		_, err := b.Purge(b.ctx, vault.PurgeSpec{OrgID: b.org, JobID: "p", Object: "Attachment", Records: []string{"00PA"}})
		check(t, err)
		b.left("a purge leaves what another version names", refs, "red blue green grey")
		_, err = b.Purge(b.ctx, vault.PurgeSpec{OrgID: b.org, JobID: "p", Object: "Attachment", Records: []string{"00PB"}})
		check(t, err)
		b.left("a purge takes what only it named", refs, "red grey")
		b.clean()

		collect := func() vault.CollectStats {
			stats, err := b.Collect(b.ctx, b.org)
			check(t, err)
			return stats
		}
		collect()
		b.left("what was just put stays", refs, "red grey")
		b.clock = b.clock.Add(25 * time.Hour)
		run := b.begin()
		collect()
		b.left("nothing goes while a run is open", refs, "red grey")
		w, err := run.Writer(b.ctx, attachments())
		check(t, err)
		check(t, w.Put(b.ctx, row("00PD t3 - d.txt "+b.put("named by nothing").String())))
		_, err = w.Finish(b.ctx, nil)
		check(t, err)
		_, err = run.Commit(b.ctx)
		check(t, err)
		b.clock = b.clock.Add(25 * time.Hour)
		collect()
		b.left("an old content may get a name", refs, "red grey")
		refs["blue"] = b.put("the content of blue")
		b.clock = b.clock.Add(25 * time.Hour)
		if stats := collect(); stats.Files != 1 || stats.Bytes == 0 {
			t.Errorf("collected %+v", stats)
		}
		b.left("what nothing names goes after a day", refs, "red grey")
		b.clean()

		db.Client.VaultFile.Delete().Where(vaultfile.Hash(refs["grey"].Hash)).ExecX(b.ctx)
		report, err := b.Verify(b.ctx, b.org)
		check(t, err)
		if len(report.Problems) != 1 || !strings.Contains(report.Problems[0].String(), "a version of Attachment names it, but it is not there") {
			t.Errorf("verify says %v", report.Problems)
		}
	})
}

// TestStored reads what a run's records are now, its own rows included.
func TestStored(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	b.backup(attachments(), "00PA t - a.txt h:1", "00PB t - b.txt h:2", "00PC t - c.txt h:3")
	b.backup(attachments(), "00PB t2 SOFT b.txt h:4", "00PC t2 HARD")
	run := b.begin()
	w, err := run.Writer(b.ctx, attachments())
	check(t, err)
	check(t, w.Put(b.ctx, row("00PD t3 - d.txt h:5")))
	check(t, w.Checkpoint(b.ctx, nil))
	stored, err := run.Stored(b.ctx, "Attachment", [][]byte{[]byte("00PA"), []byte("00PB"), []byte("00PC"), []byte("00PD"), []byte("00PE")}, []string{"Body#file", "Name", "Gone"})
	check(t, err)
	for id, values := range map[string]string{"00PA": "h:1|a.txt|", "00PB": "h:4|b.txt|", "00PC": "", "00PD": "h:5|d.txt|", "00PE": ""} {
		want(t, id, strings.Join(stored[id], "|"), values)
	}
}
