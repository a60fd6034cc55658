package vault_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"gocloud.dev/secrets/localsecrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/engine/vault/vaulttest"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	"github.com/holdfast-backup/holdfast/server/vaultcmd"
)

// filled is a machine with two runs of two objects in segments of their own.
func filled(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	for _, deed := range deeds()[:2] {
		check(t, deed(m))
	}
	return m
}

// segments are the keys of the machine's segment blobs.
func (m *machine) segments() (keys []string) {
	for key := range m.disk.Blobs() {
		if strings.Contains(key, "/seg/") {
			keys = append(keys, key)
		}
	}
	return keys
}

// reopen forgets what the vault has in memory.
func (m *machine) reopen() *machine { m.t.Helper(); m.start(); return m }

// read reads every version; values are compared with the truth by the caller.
func (m *machine) read(object string) (lines []string, err error) {
	for v, err := range m.Scan(m.ctx, vault.Point{OrgID: m.org}, object, vault.Reading{}) {
		if err != nil {
			return lines, err
		}
		lines = append(lines, render(v))
	}
	return lines, nil
}

func (m *machine) problems() string {
	m.t.Helper()
	report, err := m.Verify(m.ctx, m.org)
	check(m.t, err)
	var lines []string
	for _, p := range report.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

func TestKeys(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	s := schemaOf("Account", "Name")
	b.backup(s, "1 t1 - a")
	check(t, b.RotateKey(b.ctx, b.org))
	b.backup(s, "1 t2 - b")
	want(t, "across epochs", b.history("Account", "1"), lines("1 #1 ADDED t1 [a]", "1 #2 CHANGED t2 [b]"))

	own := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{3}, 32))
	other := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{4}, 32))
	for _, bad := range []string{"", "short", own[1:], base64.StdEncoding.EncodeToString([]byte("sixteen bytes ok"))} {
		if err := b.UseCustomerKey(b.ctx, b.org, bad); !engine.Is(err, engine.KindInvalid) {
			t.Errorf("key %q: %v", bad, err)
		}
	}
	check(t, b.UseCustomerKey(b.ctx, b.org, own))
	b.Vault = b.open(vault.Config{}) // as after a start
	_, err := b.History(b.ctx, b.org, "Account", "1")
	if e, ok := engine.AsError(err); !ok || e.Code != vault.OrgLocked || !strings.Contains(e.Message, b.org) || !strings.Contains(e.Message, "epoch") {
		t.Errorf("without the customer's key: %v", err)
	}
	if err := b.Unlock(b.ctx, b.org, other); !engine.Is(err, engine.KindDenied) {
		t.Errorf("unlock with another key: %v", err)
	}
	check(t, b.Unlock(b.ctx, b.org, own))
	check(t, b.UseCustomerKey(b.ctx, b.org, other))
	want(t, "under the customer's key", b.history("Account", "1"), lines("1 #1 ADDED t1 [a]", "1 #2 CHANGED t2 [b]"))
	check(t, b.Reseal(b.ctx, b.org))
	b.backup(s, "1 t3 - c")
	b.clean()
	check(t, b.UseKeeper(b.ctx, b.org))
	b.Vault = b.open(vault.Config{})
	if e, err := b.Encryption(b.ctx, b.org); err != nil || e != (vault.Encryption{Epoch: 2}) {
		t.Errorf("%+v, %v", e, err)
	}
	want(t, "under the keeper again", b.history("Account", "1"), lines("1 #1 ADDED t1 [a]", "1 #2 CHANGED t2 [b]", "1 #3 CHANGED t3 [c]"))
}

// TestKeysOnTwoNodes changes keys on one node while the other, which has read
// before, makes new ones.
func TestKeysOnTwoNodes(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	b.backup(schemaOf("Account", "Name"), "1 t1 - a")
	here, there := b.Vault, b.open(vault.Config{})
	_, err := there.History(b.ctx, b.org, "Account", "1")
	check(t, err)
	own := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{3}, 32))
	other := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{4}, 32))
	isLocked := func(when string, err error) {
		t.Helper()
		if e, ok := engine.AsError(err); !ok || e.Code != vault.OrgLocked {
			t.Errorf("%s: %v", when, err)
		}
	}
	check(t, here.UseCustomerKey(b.ctx, b.org, own))
	isLocked("a new key without the customer's", there.RotateKey(b.ctx, b.org))
	isLocked("another key without the customer's", there.UseCustomerKey(b.ctx, b.org, other))
	if e, err := there.Encryption(b.ctx, b.org); err != nil || !e.Locked || e.Epoch != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	check(t, there.Unlock(b.ctx, b.org, own))
	check(t, here.UseCustomerKey(b.ctx, b.org, other))
	isLocked("a new key under the customer's last one", there.RotateKey(b.ctx, b.org))
	check(t, here.UseKeeper(b.ctx, b.org))
	check(t, there.RotateKey(b.ctx, b.org))
	if e, err := b.open(vault.Config{}).Encryption(b.ctx, b.org); err != nil || e != (vault.Encryption{Epoch: 2}) {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestWrongKeeper(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	b.backup(schemaOf("Account", "Name"), "1 t1 - a")
	wrong, err := vault.Open(vault.Config{DB: b.db.Client, Bucket: b.bucket, Keeper: localsecrets.NewKeeper([32]byte{1})})
	check(t, err)
	_, err = wrong.History(b.ctx, b.org, "Account", "1")
	if e, ok := engine.AsError(err); !ok || e.Code != "VAULT_KEY_LOST" || !strings.Contains(e.Message, "epoch 1") {
		t.Errorf("with another keeper: %v", err)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	for _, size := range []int{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 300_000} {
		content := bytes.Repeat([]byte("Holdfast "), size/9+1)[:size]
		ref, err := b.PutFile(b.ctx, b.org, iotest.HalfReader(bytes.NewReader(content)))
		check(t, err)
		again, err := b.PutFile(b.ctx, b.org, bytes.NewReader(content))
		check(t, err)
		if again != ref || ref.Size != int64(size) {
			t.Errorf("%d bytes: %+v, again %+v", size, ref, again)
		}
		f, err := b.OpenFile(b.ctx, b.org, ref.Hash)
		check(t, err)
		if err := iotest.TestReader(f, content); size > 0 && size < 100 && err != nil {
			t.Error(err)
		}
		_, err = f.Seek(int64(size/2), io.SeekStart)
		check(t, err)
		rest, err := io.ReadAll(f)
		check(t, err)
		if !bytes.Equal(rest, content[size/2:]) {
			t.Errorf("%d bytes: the second half differs", size)
		}
	}
	stranger, _ := newOrg(t, b.db, "stranger")
	ref, err := b.PutFile(b.ctx, b.org, strings.NewReader("mine"))
	check(t, err)
	if _, err := b.OpenFile(stranger, b.org, ref.Hash); !engine.Is(err, engine.KindNotFound) {
		t.Errorf("a stranger opens it: %v", err)
	}
	if sum := sha256.Sum256([]byte("mine")); strings.Contains(ref.Hash, string(sum[:])) {
		t.Error("the hash is not keyed")
	}
	if _, err := b.PutFile(b.ctx, b.org, iotest.ErrReader(errors.New("reset"))); err == nil {
		t.Error("a broken stream was stored")
	}
	check(t, b.RotateKey(b.ctx, b.org))
	check(t, b.Reseal(b.ctx, b.org))
	b.clean()
}

// TestPurgeLeavesNothing looks for a purged record in everything that is left:
// what readers see, every segment opened with its key, the database's files.
func TestPurgeLeavesNothing(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	account := schemaOf("Account", "Name!", "City")
	const id, secretName = "001Purge0000001AAA", "Unmistakable"
	for n, city := range []string{"Rome", "Undeniable"} {
		check(t, m.backup(fmt.Sprintf("job_%d", n), 2, account, []string{id + " t - " + secretName + " " + city, "001Zeta0000001AAA t - Zeta Oslo"}))
	}
	if found := m.traces(id, secretName, "Undeniable"); len(found) == 0 {
		t.Fatal("the test does not see what is there")
	}
	report, err := m.Purge(m.ctx, vault.PurgeSpec{OrgID: m.org, JobID: "p", Object: "Account", Records: []string{id, "nobody"}})
	check(t, err)
	if report.Records != 1 || report.Missing != 1 || report.Versions != 2 {
		t.Errorf("report %+v", report)
	}
	for _, trace := range m.traces(id, secretName, "Undeniable") {
		t.Errorf("left: %s", trace)
	}
	check(t, m.backup("job_9", 5, account, []string{id + " t9 - Back Rome", "001Zzzz0000001AAA t9 - Six Rome"}))
	if versions, err := m.History(m.ctx, m.org, "Account", id); err != nil || len(versions) != 0 {
		t.Errorf("a purged record was captured again: %v", err)
	}
	m.clean()
}

// traces finds words in segments, manifest copies and the database's files.
func (m *machine) traces(words ...string) (found []string) {
	m.t.Helper()
	look := func(where, text string) {
		for _, w := range words {
			if strings.Contains(text, w) {
				found = append(found, w+" in "+where)
			}
		}
	}
	look("what readers see", m.everything())
	for key, blob := range m.disk.Blobs() {
		look("the raw "+key, string(blob))
		if strings.Contains(key, "/seg/") {
			look(key, m.dump(key, blob))
		}
	}
	for _, suffix := range []string{"", "-wal"} {
		if b, err := os.ReadFile(m.path + suffix); err == nil {
			look("holdfast.db"+suffix, string(b))
		}
	}
	return found
}

// dump opens a segment with the keys of the newest manifest copy, its index
// included, and prints it.
func (m *machine) dump(key string, content []byte) string {
	m.t.Helper()
	var copies []string
	blobs := m.disk.Blobs()
	for k := range blobs {
		if strings.Contains(k, "/manifest/") {
			copies = append(copies, k)
		}
	}
	slices.Sort(copies)
	keys, err := vault.KeysOfCopy(m.ctx, bytes.NewReader(blobs[copies[len(copies)-1]]), localsecrets.NewKeeper([32]byte(secret)))
	check(m.t, err)
	dir := m.t.TempDir()
	file := filepath.Join(dir, path.Base(key))
	check(m.t, os.WriteFile(file, content, 0o600))
	var out bytes.Buffer
	cat := vaultcmd.Cat{Files: []string{file}, Key: base64.StdEncoding.EncodeToString(keys[1])}
	check(m.t, cat.Run(m.ctx, nil, &out)) // a key needs no keeper
	return out.String()
}

func TestRebuild(t *testing.T) {
	t.Parallel()
	m := filled(t)
	ref, err := m.PutFile(m.ctx, m.org, strings.NewReader("a file"))
	check(t, err)
	check(t, deeds()[4](m)) // a purge, so that the suppression list is there too
	before := m.everything()
	lost := newMachine(t)
	lost.org, lost.ctx, lost.disk = m.org, m.ctx, m.disk
	check(t, lost.reopen().Rebuild(lost.ctx, lost.org))
	want(t, "rebuilt", lost.everything(), before)
	if _, err := lost.OpenFile(lost.ctx, lost.org, ref.Hash); err != nil {
		t.Errorf("the file: %v", err)
	}
	lost.clean()
	if err := lost.Rebuild(lost.ctx, lost.org); !engine.Is(err, engine.KindConflict) {
		t.Errorf("rebuilt twice: %v", err)
	}
}

func TestDeleteOrg(t *testing.T) {
	t.Parallel()
	m := filled(t)
	stranger := engine.AsWorker(context.Background(), "ten_other")
	check(t, m.DeleteOrg(stranger, m.org))
	if len(m.disk.Blobs()) == 0 {
		t.Fatal("a stranger deleted an org")
	}
	check(t, m.DeleteOrg(m.ctx, m.org))
	if left := m.disk.Blobs(); len(left) != 0 {
		t.Errorf("%d blobs are left", len(left))
	}
	want(t, "after", m.everything(), lines("0 live", "0 live"))
	check(t, m.DeleteOrg(m.ctx, m.org))
}

// TestTwoNodes lets another node take a run over; what the first one still
// does is refused and changes nothing.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	s := schemaOf("Account", "Name")
	run := b.begin()
	w, err := run.Writer(b.ctx, s)
	check(t, err)
	check(t, w.Put(b.ctx, row("1 t - a")))
	_, err = w.Finish(b.ctx, nil)
	check(t, err)
	other := b.open(vault.Config{})
	taken, err := other.BeginRun(b.ctx, vault.RunSpec{OrgID: b.org, JobID: b.jobID(b.job), Operation: engine.CompositeBackup})
	check(t, err)
	if _, err := run.Commit(b.ctx); !engine.Is(err, engine.KindConflict) {
		t.Errorf("the first node commits: %v", err)
	}
	w, err = taken.Writer(b.ctx, s)
	check(t, err)
	check(t, w.Put(b.ctx, row("1 t - a")))
	_, err = w.Finish(b.ctx, nil)
	check(t, err)
	_, err = taken.Commit(b.ctx)
	check(t, err)
	if _, err := taken.Commit(b.ctx); !engine.Is(err, engine.KindConflict) {
		t.Errorf("committed twice: %v", err)
	}
	want(t, "once", b.history("Account", "1"), "1 #1 ADDED t [a]")
	b.clock = time.Now().AddDate(0, 0, 2) // the first node's blob is an orphan, a day later
	stats, err := b.Collect(b.ctx, b.org)
	check(t, err)
	if stats.Orphans != 1 {
		t.Errorf("collected %+v", stats)
	}
	b.clean()
}

func TestReadersDuringCompaction(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	b.Vault = b.open(vault.Config{Grace: 1})
	s := schemaOf("Account", "Name")
	b.backup(s, "1 t - a", "2 t - b", "3 t - c")
	b.backup(s, "1 t - A", "3 t - C")
	var got []string
	for v, err := range b.AsOf(b.ctx, vault.Point{OrgID: b.org}, "Account", vault.Reading{}) {
		check(t, err)
		if got == nil { // in the middle of the scan
			_, err := b.Compact(b.ctx, b.org, true)
			check(t, err)
		}
		got = append(got, string(v.Values[0]))
	}
	want(t, "scan", strings.Join(got, ""), "AbC")
	stats, err := b.Collect(b.ctx, b.org)
	check(t, err)
	if stats.Dead != 2 {
		t.Errorf("collected %+v", stats)
	}
	want(t, "after", b.history("Account", "1"), lines("1 #1 ADDED t [a]", "1 #2 CHANGED t [A]"))
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	m := filled(t)
	before := m.everything()
	m.disk.Refuse(syscall.ENOSPC)
	err := deeds()[3](m)
	if e, ok := engine.AsError(err); !ok || e.Code != "VAULT_FULL" {
		t.Errorf("on a full disk: %v", err)
	}
	m.disk.Refuse(nil)
	want(t, "meanwhile", m.everything(), before)
	check(t, deeds()[3](m))
	m.clean()
}

// TestManyArenas writes an object that fills many arenas, so that segments are
// written in the background, and fails one of them on a full disk.
func TestManyArenas(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	b.Vault = b.open(vault.Config{ArenaBytes: 40 << 10, Workers: 2})
	o := newTruth(1500, 24)
	all := rand.New(rand.NewPCG(1, 2)).Perm(o.Records)
	b.write(o, all)
	b.same(o, "unordered, in many segments", vault.Point{}, o.csv())
	stats, err := b.Stats(b.ctx, b.org)
	check(t, err)
	if stats.Segments < 5 || stats.Versions != int64(o.Records) {
		t.Errorf("%+v", stats)
	}
	b.write(o, all)
	if again, err := b.Stats(b.ctx, b.org); err != nil || again.Versions != stats.Versions {
		t.Errorf("the same rows again: %+v, %v", again, err)
	}
	b.clean()

	disk := vaulttest.NewDisk(time.Now)
	b.bucket = disk.Bucket()
	b.Vault = b.open(vault.Config{ArenaBytes: 40 << 10})
	disk.Refuse(syscall.ENOSPC)
	run := b.begin()
	w, err := run.Writer(b.ctx, schemaOf("Big", "Text"))
	check(t, err)
	for i := 0; err == nil && i < 5000; i++ {
		err = w.Put(b.ctx, vault.Row{ID: fmt.Appendf(nil, "%06d", i), Values: [][]byte{bytes.Repeat([]byte("x"), 90)}})
	}
	if e, ok := engine.AsError(err); !ok || e.Code != "VAULT_FULL" {
		t.Errorf("put on a full disk: %v", err)
	}
	if _, again := w.Finish(b.ctx, nil); again == nil {
		t.Error("a writer that lost rows finished")
	}
	disk.Refuse(nil)
	_, err = run.ClosePartial(b.ctx)
	check(t, err)
	want(t, "what is left", b.history("Big", "000001"), "")
}

// TestPurgeUnderAnotherNodesScan deletes a blob that another node is about to
// read: it is told to read again, not that something is damaged.
func TestPurgeUnderAnotherNodesScan(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.SQLite(t))
	s := schemaOf("Account", "Name")
	b.backup(s, "1 t - a")
	b.backup(s, "5 t - m") // is loaded while the first is read
	b.backup(s, "9 t - z", "8 t - y")
	other := b.open(vault.Config{})
	var err error
	for _, err = range b.AsOf(b.ctx, vault.Point{OrgID: b.org}, "Account", vault.Reading{Fields: []string{"Name"}}) {
		if err != nil {
			break
		}
		_, purged := other.Purge(b.ctx, vault.PurgeSpec{OrgID: b.org, Object: "Account", Records: []string{"9"}})
		check(t, purged)
	}
	if e, ok := engine.AsError(err); !ok || e.Code != "VAULT_MOVED" || e.Kind != engine.KindTransient {
		t.Errorf("the scan ends with %v", err)
	}
	want(t, "read again", b.asOf(vault.Point{}, "Account", vault.Reading{IDsOnly: true}), lines("1 #1 ADDED t []", "5 #2 ADDED t []", "8 #3 ADDED t []"))
}
