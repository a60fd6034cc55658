package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

const (
	// filesAtOnce is how many files of an SObject are read side by side.
	filesAtOnce = 4
	// rowsWithFiles is how many rows wait for their content together.
	rowsWithFiles = 64
	// filesPerCheckpoint and bytesPerCheckpoint bound what a killed attempt reads again.
	filesPerCheckpoint = 500
	bytesPerCheckpoint = 1 << 30
	// giveUpAfter so many files in a row that the org could not give for now, the
	// rest is left to the next backup.
	giveUpAfter = 20
	// namedUnread is how many files that could not be read are named.
	namedUnread = 3
)

// fileCounts is what became of an SObject's content.
type fileCounts struct {
	Read, Bytes int64    // stored by this job
	Unread      int64    // not to be had
	Names       []string // some of those
	Why         string   // of the first
	Binned      int64    // in the Recycle Bin before they were ever read
}

// contents stores an SObject's rows together with the content of their files:
// a row is put once its content is durable, so that no version names what is
// not there. What an earlier version named is not read again.
type contents struct {
	*reading
	writer *vault.Writer
	field  string // the binary one
	places []int  // in a row, of what tells one content from another: size, checksum, stamp; -1 for none
	kinds  [2]int // in a row, of what tells that there is none here: ContentLocation, ContentUrl
	batch  []vault.Row
	tried  idSet // files that this attempt could not read, or found in the Recycle Bin
	broken int   // how many in a row the org could not give for now
	files  int   // since the last checkpoint
	bytes  int64 // of those
}

// The order of places, and of what Stored is asked for after the content's name.
const (
	sizePlace = iota
	checksumPlace
	stampPlace
)

// openContents is nil for an SObject without content.
func (r *reading) openContents(writer *vault.Writer) *contents {
	field, size, checksum := describe.Content(r.object)
	if field == "" {
		return nil
	}
	names := describe.Names(r.fields)
	c := &contents{reading: r, writer: writer, field: field, kinds: [2]int{slices.Index(names, "ContentLocation"), slices.Index(names, "ContentUrl")}}
	for _, name := range []string{size, checksum, describe.StampField(r.object)} {
		c.places = append(c.places, slices.Index(names, name))
	}
	return c
}

// keep takes a row; its slices are the caller's again on return.
func (c *contents) keep(ctx context.Context, row vault.Row) error {
	own := vault.Row{ID: bytes.Clone(row.ID), Modstamp: bytes.Clone(row.Modstamp), Tombstone: row.Tombstone, Values: make([][]byte, len(row.Values)+1)}
	for i, value := range row.Values {
		own.Values[i] = bytes.Clone(value)
	}
	if c.batch = append(c.batch, own); len(c.batch) < rowsWithFiles {
		return nil
	}
	if err := c.flush(ctx); err != nil || c.resumable || !c.due() {
		return err
	}
	return c.checkpoint(ctx, c.writer)
}

// due says that enough was read to make it durable.
func (c *contents) due() bool {
	return c != nil && (c.files >= filesPerCheckpoint || c.bytes >= bytesPerCheckpoint)
}

// durable hears that what was read is.
func (c *contents) durable() {
	if c != nil {
		c.files, c.bytes = 0, 0
	}
}

// flush puts the rows that wait.
func (c *contents) flush(ctx context.Context) error {
	if c == nil || len(c.batch) == 0 {
		return nil
	}
	before, err := c.before(ctx)
	if err != nil {
		return err
	}
	outcomes := make([]outcome, len(c.batch))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(filesAtOnce)
	for i := range c.batch {
		row := &c.batch[i]
		if outcomes[i].name = c.known(row, before[string(row.ID)]); outcomes[i].name != "" || row.Tombstone != engine.NotDeleted {
			continue
		}
		if c.broken >= giveUpAfter {
			outcomes[i].unread = errGivenUp
			continue
		}
		group.Go(func() (err error) {
			outcomes[i], err = c.fetch(groupCtx, row)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return c.put(ctx, outcomes)
}

var errGivenUp = engine.E(engine.KindTransient, "ORG_UNREACHABLE", "Salesforce failed to give too many files in a row, so the others were not asked for: the next backup asks for them.")

// outcome is what became of one row's content.
type outcome struct {
	name   string // its value in the vault
	read   bool   // by this job
	size   int64  // of what was read
	unread error
}

// before is what the vault has of the waiting rows: the content's name, then
// what tells it from another.
func (c *contents) before(ctx context.Context) (map[string][]string, error) {
	ids := make([][]byte, len(c.batch))
	for i := range c.batch {
		ids[i] = c.batch[i].ID
	}
	slices.SortFunc(ids, bytes.Compare)
	fields := []string{fileColumn(c.field)}
	for _, place := range c.places {
		name := ""
		if place >= 0 {
			name = c.fields[place].Name
		}
		fields = append(fields, name)
	}
	return c.Store.Stored(ctx, c.Name, slices.CompactFunc(ids, bytes.Equal), fields)
}

// known is the content's name if nothing must be read to know it. The same
// checksum and size is the same content; where the org tells none, nothing of
// the record may have changed.
func (c *contents) known(row *vault.Row, before []string) string {
	if place := c.kinds[0]; place >= 0 && string(row.Values[place]) == "E" {
		return vault.NoFile
	}
	if place := c.kinds[1]; place >= 0 && len(row.Values[place]) > 0 {
		return vault.NoFile
	}
	if before == nil || before[0] == "" || before[0] == vault.NoFile {
		return ""
	}
	same := func(which int) bool {
		return c.places[which] < 0 || string(row.Values[c.places[which]]) == before[1+which]
	}
	sum := c.value(row, checksumPlace)
	switch {
	case row.Tombstone != engine.NotDeleted:
		return before[0]
	case same(sizePlace) && sum != "" && same(checksumPlace):
		return before[0]
	case same(sizePlace) && sum == "" && c.value(row, stampPlace) != "" && same(stampPlace):
		return before[0]
	}
	return ""
}

// value is a row's size, checksum or stamp; empty when it does not tell.
func (c *contents) value(row *vault.Row, which int) string {
	if c.places[which] < 0 {
		return ""
	}
	return string(row.Values[c.places[which]])
}

// fetch brings a file into the vault. One that came damaged is asked for once more.
func (c *contents) fetch(ctx context.Context, row *vault.Row) (o outcome, err error) {
	request := engine.FileRequest{Object: c.Name, Field: c.field, ID: engine.RecordID(row.ID), Size: -1, MD5: strings.ToLower(c.value(row, checksumPlace))}
	if size, err := strconv.ParseInt(c.value(row, sizePlace), 10, 64); err == nil {
		request.Size = size
	}
	for try := 1; ; try++ {
		ref, unread, err := c.transfer(ctx, request)
		if err != nil {
			return o, err
		}
		if unread == nil {
			return outcome{name: ref.String(), read: true, size: ref.Size}, nil
		}
		if err := stopsAll(ctx, unread); err != nil {
			return o, err
		}
		if try > 1 || !engine.Is(unread, engine.KindCorrupt) {
			return outcome{unread: unread}, nil
		}
	}
}

// errNotTaken is what the org's side hears when the vault's has failed.
var errNotTaken = errors.New("the vault does not take the file")

// transfer streams a file from the org into the vault; unread is the org's failure.
func (c *contents) transfer(ctx context.Context, request engine.FileRequest) (ref vault.FileRef, unread, err error) {
	content, sink := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		unread = c.Org.ReadFile(ctx, request, sink)
		_ = sink.CloseWithError(unread) // never fails
	}()
	ref, err = c.vault.PutFile(ctx, c.OrgID, content)
	_ = content.CloseWithError(errNotTaken) // never fails
	<-done
	if unread != nil && !errors.Is(unread, errNotTaken) {
		return ref, unread, nil
	}
	return ref, nil, err
}

// put hands the rows to the vault, in the order in which they came.
func (c *contents) put(ctx context.Context, outcomes []outcome) error {
	counts := &c.token.Files
	for i := range c.batch {
		row, o := &c.batch[i], &outcomes[i]
		row.Values[len(row.Values)-1] = []byte(o.name)
		if err := c.writer.Put(ctx, *row); err != nil {
			return err
		}
		switch {
		case o.unread != nil:
			if err := c.note(row, o.unread); err != nil {
				return err
			}
		case o.read:
			counts.Read++
			counts.Bytes += o.size
			c.files++
			c.bytes += o.size
			c.broken = 0
		case o.name == "":
			counts.Binned++
			if err := c.tried.Add(row.ID); err != nil {
				return err
			}
		}
	}
	c.batch = c.batch[:0]
	return nil
}

// note remembers a file that could not be read.
func (c *contents) note(row *vault.Row, unread error) error {
	counts := &c.token.Files
	if counts.Unread++; len(counts.Names) < namedUnread {
		counts.Names = append(counts.Names, string(row.ID))
	}
	if e, ok := engine.AsError(unread); ok && counts.Why == "" {
		counts.Why = e.Message
	}
	if engine.Is(unread, engine.KindTransient) {
		c.broken++
	}
	return c.tried.Add(row.ID)
}

// again reads the content that earlier backups left out.
func (c *contents) again(ctx context.Context) (err error) {
	if c == nil || len(c.below) > 0 || !c.all && c.where == "" {
		return nil
	}
	if err := c.flush(ctx); err != nil {
		return err
	}
	set := c.tried
	c.tried = idSet{}
	defer func() { err = errors.Join(err, set.Close()) }()
	next, stop := iter.Pull2(set.Sorted())
	defer stop()
	tried := &stream{next: next}
	tried.step()
	missing := func(yield func(string, error) bool) {
		unnamed := vault.Filter{Fields: []string{fileColumn(c.field)}, Match: func(values [][]byte) bool { return len(values[0]) == 0 }}
		for version, err := range c.vault.AsOf(ctx, vault.Point{OrgID: c.OrgID}, c.Name, vault.Reading{IDsOnly: true, Filter: &unnamed}) {
			if err != nil {
				yield("", err)
				return
			}
			id := string(version.RecordID)
			if tried.reach(id); !tried.at(id) && !yield(id, tried.err) {
				return
			}
		}
	}
	return chunked(missing, func(ids []string) error {
		_, err := c.copyIDs(ctx, ids, c.where, c.writer)
		return err
	})
}

// close gives back what it holds.
func (c *contents) close() error {
	if c == nil {
		return nil
	}
	return c.tried.Close()
}

// explain adds to a completeness line what there is to say of content.
func (f *fileCounts) explain(reason string) string {
	parts := []string{}
	if reason != "" {
		parts = append(parts, reason)
	}
	if f.Unread > 0 {
		parts = append(parts, f.unread())
	}
	if f.Binned > 0 {
		parts = append(parts, fmt.Sprintf("The content of %s is not stored, because Salesforce does not give it from the Recycle Bin.", filesInWords(f.Binned)))
	}
	return strings.Join(parts, " ")
}

func (f *fileCounts) unread() string {
	return fmt.Sprintf("The content of %s could not be read, such as that of %s. %s The records are stored, and the next backup asks for the content again.",
		filesInWords(f.Unread), strings.Join(f.Names, ", "), f.Why)
}

func filesInWords(n int64) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// failure is nil when all content was read.
func (f *fileCounts) failure(object string) error {
	if f.Unread == 0 {
		return nil
	}
	return &engine.Error{Kind: engine.KindTransient, Code: "FILES_UNREAD", Object: object, Message: f.unread()}
}
