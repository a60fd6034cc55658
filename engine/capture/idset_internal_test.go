package capture

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
)

func TestAnIDSetSortsWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	s := &idSet{}
	for _, part := range []string{"d b a b", "c a e", "b z"} {
		for id := range strings.FieldsSeq(part) {
			if err := s.Add([]byte(id)); err != nil {
				t.Fatal(err)
			}
		}
		if part != "b z" {
			if err := s.spill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := strings.Join(collect(t, s.Sorted()), ""); got != "abcdez" || len(s.files) != 2 {
		t.Errorf("%q from %d files", got, len(s.files))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func collect(t *testing.T, ids iter.Seq2[string, error]) (list []string) {
	t.Helper()
	for id, err := range ids {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, id)
	}
	return list
}

func TestABrokenFileOfIDsIsTold(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	sources := []*idSource{{next: fileSource(io.MultiReader(bytes.NewBufferString("a\nb\n"), failing{broken}))}}
	var last error
	mergeIDs(sources, func(_ string, err error) bool {
		last = err
		return err == nil
	})
	if !errors.Is(last, broken) {
		t.Errorf("%v", last)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestManyIDsGoInChunks(t *testing.T) {
	t.Parallel()
	var sizes []int
	all := func(yield func(string, error) bool) {
		for range 2*idsAtOnce + 1 {
			if !yield("001", nil) {
				return
			}
		}
	}
	err := chunked(all, func(ids []string) error {
		sizes = append(sizes, len(ids))
		return nil
	})
	if err != nil || !slices.Equal(sizes, []int{idsAtOnce, idsAtOnce, 1}) {
		t.Errorf("%v, %v", sizes, err)
	}
	if got := among("WhatId", []string{"b", "a", "b"}, "IsClosed = true"); got != "WhatId IN ('a','b') AND (IsClosed = true)" {
		t.Error(got)
	}
}
