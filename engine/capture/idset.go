package capture

import (
	"bufio"
	"errors"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/holdfast-backup/holdfast/engine"
)

// idsInMemory bounds what an idSet holds before it sorts them into a file.
const idsInMemory = 500_000

// idSet sorts any number of ids in bounded memory: what does not fit lies in
// sorted temporary files, which Close removes.
type idSet struct {
	ids   []string
	files []*os.File
}

// Add takes an id; the bytes are the caller's again on return.
func (s *idSet) Add(id []byte) error {
	s.ids = append(s.ids, string(id))
	if len(s.ids) < idsInMemory {
		return nil
	}
	return engine.Wrap("sort ids", s.spill())
}

func (s *idSet) spill() error {
	file, err := os.CreateTemp("", "holdfast-ids-")
	if err != nil {
		return err
	}
	s.files = append(s.files, file)
	out := bufio.NewWriter(file)
	slices.Sort(s.ids)
	for _, id := range s.ids {
		_, _ = out.WriteString(id + "\n") // Flush tells
	}
	s.ids = s.ids[:0]
	return out.Flush()
}

// Sorted streams the ids once each, ascending. It may be called once.
func (s *idSet) Sorted() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		slices.Sort(s.ids)
		sources := []*idSource{{next: sliceSource(s.ids)}}
		for _, file := range s.files {
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				yield("", engine.Wrap("read sorted ids", err))
				return
			}
			sources = append(sources, &idSource{next: fileSource(file)})
		}
		mergeIDs(sources, yield)
	}
}

// Close gives the space back.
func (s *idSet) Close() error {
	var errs []error
	for _, file := range s.files {
		errs = append(errs, file.Close(), os.Remove(file.Name()))
	}
	s.files = nil
	return errors.Join(errs...)
}

// idSource is a sorted stream; head is "" at its end.
type idSource struct {
	next func() (string, error)
	head string
}

func (s *idSource) step() (err error) {
	s.head, err = s.next()
	return err
}

func sliceSource(ids []string) func() (string, error) {
	return func() (id string, err error) {
		if len(ids) > 0 {
			id, ids = ids[0], ids[1:]
		}
		return id, nil
	}
}

func fileSource(r io.Reader) func() (string, error) {
	lines := bufio.NewScanner(r)
	return func() (string, error) {
		if lines.Scan() {
			return lines.Text(), nil
		}
		return "", lines.Err()
	}
}

// mergeIDs yields the sources' ids in order, without duplicates.
func mergeIDs(sources []*idSource, yield func(string, error) bool) {
	last := ""
	for _, s := range sources {
		if err := s.step(); err != nil {
			yield("", err)
			return
		}
	}
	for {
		var least *idSource
		for _, s := range sources {
			if s.head != "" && (least == nil || s.head < least.head) {
				least = s
			}
		}
		if least == nil {
			return
		}
		if least.head != last {
			if last = least.head; !yield(last, nil) {
				return
			}
		}
		if err := least.step(); err != nil {
			yield("", err)
			return
		}
	}
}
