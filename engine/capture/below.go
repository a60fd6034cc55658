package capture

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// idsAtOnce is how many ids one condition names: they and the fields must fit
// into an address.
const idsAtOnce = 200

// copyBelow stores the records that hang on a selection's parents. The parents
// are asked for again, so that no more than a page of ids is in memory. It has
// no position of its own: an attempt that died begins it again.
func (r *reading) copyBelow(ctx context.Context, s *Selection, writer *vault.Writer) error {
	return chunked(ids(ctx, r.Org, s.Parents), func(parents []string) error {
		request := r.request()
		request.Where, request.Expect, request.Resume = among(s.Field, parents, s.Where), int64(len(parents)), nil
		return r.copyRead(ctx, request, writer)
	})
}

// copyIDs stores records by their own ids, those that match also if there is
// such a condition, and reports which the org gave.
func (r *reading) copyIDs(ctx context.Context, ids []string, also string, writer *vault.Writer) (map[string]bool, error) {
	request := r.request()
	request.Where, request.Expect, request.Resume = among("Id", ids, also), int64(len(ids)), nil
	request.StampField, request.Since = "", time.Time{}
	found := map[string]bool{}
	return found, r.read(ctx, request, func(rows engine.Rows) error {
		columns := locate(rows.Fields(), describe.StampField(r.object))
		for {
			values, err := rows.Next(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			found[string(values[columns.id])] = true
			if err := r.keep(ctx, writer, columns.row(values)); err != nil {
				return err
			}
		}
	})
}

// ids streams the ids of a selection's records as the org has them now.
func ids(ctx context.Context, org engine.Org, s *Selection) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		read := func(where string) error {
			return readIDs(ctx, org, engine.ReadRequest{Object: *s.Object, Fields: []string{"Id"}, Where: where, Expect: -1}, yield)
		}
		var err error
		if s.Parents == nil {
			err = read(s.Where)
		} else {
			err = chunked(ids(ctx, org, s.Parents), func(parents []string) error { return read(among(s.Field, parents, s.Where)) })
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield("", err)
		}
	}
}

// errEnough ends a stream whose reader has had enough.
var errEnough = errors.New("enough")

func readIDs(ctx context.Context, org engine.Org, request engine.ReadRequest, yield func(string, error) bool) error {
	rows, err := org.Read(ctx, request)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for {
		values, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !yield(string(values[0]), nil) {
			return errEnough
		}
	}
}

// chunked hands a stream on in pieces.
func chunked(stream iter.Seq2[string, error], use func([]string) error) error {
	chunk := make([]string, 0, idsAtOnce)
	for id, err := range stream {
		if err != nil {
			return err
		}
		if chunk = append(chunk, id); len(chunk) < idsAtOnce {
			continue
		}
		if err := use(chunk); err != nil {
			return err
		}
		chunk = chunk[:0]
	}
	if len(chunk) == 0 {
		return nil
	}
	return use(chunk)
}

// among is the condition that a field holds one of the ids, and also another if
// there is one. Ids are letters and digits, so they need no escaping.
func among(field string, ids []string, also string) string {
	where := field + " IN ('" + strings.Join(slices.Compact(slices.Sorted(slices.Values(ids))), "','") + "')"
	if also != "" {
		where += " AND (" + also + ")"
	}
	return where
}
