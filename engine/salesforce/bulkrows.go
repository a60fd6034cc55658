package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/zeebo/xxh3"
	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
)

// bulkRows streams the result pages of a finished job, several at a time. A
// lister hands pages to workers; all of them tell the consumer what happened
// through one channel, so that its position never claims too much.
type bulkRows struct {
	*read
	begin  func() // the first call starts the lister and the workers
	cancel context.CancelFunc
	group  *errgroup.Group
	todo   chan string
	events chan event
	free   chan *block

	at       bulkPosition
	expected int64
	block    *block
	next     int
	err      error // sticky, io.EOF included
}

// event is one of: pages were listed; rows of a page; a page was finished.
type event struct {
	pages    []string
	more     string
	block    *block
	finished string
	rows     int64
}

// startBulk asks for nothing yet: a stream that waits for its reader holds no
// request that another could use.
func startBulk(ctx context.Context, r *read, j job, at bulkPosition) *bulkRows {
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	parallel := r.org.options.Parallel
	b := &bulkRows{
		read: r, cancel: cancel, group: group, at: at, expected: j.RecordsProcessed,
		todo: make(chan string), events: make(chan event, parallel), free: make(chan *block, 4*parallel),
	}
	b.at.Pages = slices.Clone(at.Pages)
	b.begin = sync.OnceFunc(func() {
		group.Go(func() error { return b.list(ctx, at.More, slices.Clone(at.Pages)) })
		for range parallel {
			group.Go(func() error { return b.work(ctx) })
		}
		go func() {
			b.err = group.Wait() // read after the channel is closed
			close(b.events)
		}()
	})
	return b
}

// Fields are the request's.
func (b *bulkRows) Fields() []string { return b.request.Fields }

// Position names the pages that are not finished.
func (b *bulkRows) Position() []byte { return position{Bulk: &b.at}.encode() }

// Close stops the workers and waits for them. The job's results stay in the
// org, which drops them after a week: a later Read may go on from Position.
func (b *bulkRows) Close() error {
	b.cancel()
	b.begin()
	for range b.events { // drained, so that the workers end
	}
	return nil
}

// Next returns the next row.
func (b *bulkRows) Next(ctx context.Context) ([][]byte, error) {
	b.begin()
	for b.block == nil || b.next == b.block.len() {
		b.recycle(b.block)
		b.block, b.next = nil, 0
		select {
		case e, open := <-b.events:
			if !open {
				return nil, b.end()
			}
			b.handle(e)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	row := b.block.row(b.next)
	b.next++
	return row, nil
}

func (b *bulkRows) handle(e event) {
	switch {
	case e.block != nil:
		b.block = e.block
	case e.finished != "":
		b.at.Pages = slices.DeleteFunc(b.at.Pages, func(p string) bool { return p == e.finished })
		b.at.Finished += e.rows
	default:
		b.at.Pages, b.at.More = append(b.at.Pages, e.pages...), e.more
	}
}

// end says how the stream ended: whole only if all rows of the job came.
func (b *bulkRows) end() error {
	if b.err == nil && b.at.Finished != b.expected {
		return &engine.Error{
			Kind: engine.KindTransient, Code: "RESULT_INCOMPLETE", Object: b.object(),
			Message: fmt.Sprintf("Salesforce announced %d records of %s and sent %d: try again.", b.expected, b.object(), b.at.Finished),
		}
	}
	if b.err != nil {
		return b.err
	}
	return io.EOF
}

// list hands out the pages of an earlier read, then those that the job lists.
func (b *bulkRows) list(ctx context.Context, more string, pages []string) error {
	defer close(b.todo)
	for {
		for _, page := range pages {
			if err := send(ctx, b.todo, page); err != nil {
				return err
			}
		}
		if more == "" {
			return nil
		}
		var wire struct {
			Pages []struct {
				URL string `json:"resultUrl"`
			} `json:"resultPages"`
			Next string `json:"nextRecordsUrl"`
			Done bool   `json:"done"`
		}
		if err := b.org.fetch(ctx, get(more, b.object(), b.doing()), &wire); err != nil {
			return b.gone(err)
		}
		pages, more = nil, wire.Next
		for _, p := range wire.Pages {
			pages = append(pages, p.URL)
		}
		if wire.Done {
			more = ""
		}
		if err := send(ctx, b.events, event{pages: pages, more: more}); err != nil {
			return err
		}
	}
}

// gone tells a job that was deleted meanwhile from one that never was.
func (b *bulkRows) gone(err error) error {
	if !engine.Is(err, engine.KindNotFound) {
		return err
	}
	return &engine.Error{
		Kind: engine.KindTransient, Code: "BULK_JOB_GONE", Object: b.object(), Err: err,
		Message: "The Bulk job for " + b.object() + " is no longer in the org: it will be started again.",
	}
}

func send[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *bulkRows) work(ctx context.Context) error {
	for path := range b.todo {
		if err := b.readPage(ctx, path); err != nil {
			return b.gone(err)
		}
	}
	return nil
}

// readPage sends a page's blocks to the consumer. A page that breaks off is
// read again from its start; the blocks that were sent already are recognised
// and passed over.
func (b *bulkRows) readPage(ctx context.Context, path string) error {
	c := get(path, b.object(), b.doing())
	c.header = map[string]string{"Accept": "text/csv"}
	p := &pageReader{bulkRows: b}
	err := b.org.do(ctx, c, func(a answer) error { return p.try(ctx, a) })
	if err != nil {
		return err
	}
	return send(ctx, b.events, event{finished: path, rows: p.rows})
}

// pageReader reads one page, in as many tries as it takes. It holds each block
// back until it knows that the text goes on or ends well behind it.
type pageReader struct {
	*bulkRows
	csv  csvReader
	rows int64
	held *block
	sent []uint64 // sums of the blocks that the consumer has
}

func (p *pageReader) try(ctx context.Context, a answer) error {
	p.recycle(p.held)
	p.csv, p.rows, p.held = csvReader{in: a.body}, 0, nil
	for n := 0; ; n++ {
		next := p.blank()
		err := p.csv.read(next, p.org.options.BlockBytes)
		if errors.Is(err, io.EOF) && n > 0 {
			p.recycle(next)
			return p.finish(ctx, a, n)
		}
		if err != nil {
			return &broken{err: err}
		}
		if n == 0 {
			if err := p.header(next); err != nil {
				return err
			}
		}
		if err := p.flush(ctx, n-1); err != nil {
			return err
		}
		p.rows += int64(next.len())
		p.held = next
	}
}

// finish accepts the page if it has the rows that were announced.
func (p *pageReader) finish(ctx context.Context, a answer, blocks int) error {
	announced, err := strconv.ParseInt(a.header.Get("Sforce-NumberOfRecords"), 10, 64)
	if err == nil && announced != p.rows {
		return &broken{err: fmt.Errorf("%d rows came of %d announced", p.rows, announced)}
	}
	return p.flush(ctx, blocks-1)
}

// flush sends the n-th block, which was held back, unless an earlier try did.
func (p *pageReader) flush(ctx context.Context, n int) error {
	if p.held == nil {
		return nil
	}
	done := p.held
	p.held = nil
	sum := xxh3.Hash(done.data)
	if n < len(p.sent) {
		p.recycle(done)
		if p.sent[n] == sum {
			return nil
		}
		return &engine.Error{
			Kind: engine.KindTransient, Code: "PAGE_CHANGED", Object: p.object(),
			Message: "A page of the records of " + p.object() + " broke off and came differently the second time: try again.",
		}
	}
	p.sent = append(p.sent, sum)
	for n := range done.len() {
		respell(p.columns, done.row(n))
	}
	return send(ctx, p.events, event{block: done})
}

var errHeader = errors.New("CSV: the header is not the one that was asked for")

// header takes the header record off the first block and checks it.
func (p *pageReader) header(b *block) error {
	if b.len() == 0 || b.width != len(p.columns) {
		return &broken{err: errHeader}
	}
	for i, c := range p.columns {
		if !strings.EqualFold(c.name, string(b.cells[i])) {
			return &broken{err: errHeader}
		}
	}
	b.cells = b.cells[b.width:]
	return nil
}

func (b *bulkRows) blank() *block {
	select {
	case block := <-b.free:
		return block
	default:
		return new(block)
	}
}

func (b *bulkRows) recycle(used *block) {
	if used == nil {
		return
	}
	select {
	case b.free <- used:
	default:
	}
}
