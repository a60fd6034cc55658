package salesforce

import (
	"context"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
)

const retrieveMost = 2000 // ids of one call

// Retrieve reads records by id as they are now. The ids and the fields travel
// in the body, so neither is too long for an address.
func (o *org) Retrieve(ctx context.Context, request engine.RetrieveRequest) ([]engine.CurrentRecord, error) {
	columns, err := columnsOf(&request.Object, request.Fields)
	if err != nil {
		return nil, err
	}
	records := make([]engine.CurrentRecord, len(request.IDs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fanOut)
	for start := 0; start < len(request.IDs); start += retrieveMost {
		end := min(start+retrieveMost, len(request.IDs))
		group.Go(func() error {
			part := request
			part.IDs = request.IDs[start:end]
			return o.retrieve(ctx, part, columns, records[start:end])
		})
	}
	return records, group.Wait()
}

func (o *org) retrieve(ctx context.Context, request engine.RetrieveRequest, columns []column, records []engine.CurrentRecord) error {
	ids := request.IDs
	asked := columns
	extra, deletable := request.Object.Field("IsDeleted")
	flag := place(columns, []byte("IsDeleted"), 0)
	if deletable && flag < 0 {
		flag = len(columns)
		asked = append(asked[:flag:flag], column{name: extra.Name, spelling: asBoolean})
	}
	names, twice := make([]string, 0, len(asked)), make(map[string]bool, len(asked))
	for _, c := range asked {
		if !twice[c.name] {
			twice[c.name] = true
			names = append(names, c.name)
		}
	}
	name := request.Object.Name
	c, err := post(o.data("/composite/sobjects/"+name), map[string]any{"ids": ids, "fields": names}, true)
	if err != nil {
		return err
	}
	return o.do(ctx, c.about(name, "read records of "+name), func(a answer) error {
		text, err := readAll(a, o.options.PageBytes)
		if err != nil {
			return err
		}
		rows, err := parseRecords(text, asked)
		if err != nil || len(rows) != len(ids) {
			return &broken{err: errJSON}
		}
		for i, row := range rows {
			records[i] = engine.CurrentRecord{ID: ids[i], Found: row != nil && !(deletable && string(row[flag]) == "true")}
			if records[i].Found {
				records[i].Values = texts(row[:len(columns)])
			}
		}
		return nil
	})
}

// parseRecords reads an array of records; a null among them is a nil row.
func parseRecords(text []byte, columns []column) ([][][]byte, error) {
	var rows [][][]byte
	s := &scanner{text: text}
	err := s.array(func() error {
		if s.peek() != '{' {
			value, err := s.value()
			if err == nil && value != nil {
				err = errJSON
			}
			rows = append(rows, nil)
			return err
		}
		p := &page{width: len(columns)}
		err := p.parseRow(s, columns)
		rows = append(rows, p.rows)
		return err
	})
	return rows, err
}

func texts(cells [][]byte) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = string(c)
	}
	return out
}

// Deleted lists the org's delete log. The platform counts in whole minutes and
// wants more than one of them, so it is asked for a little more. The log runs a
// few minutes behind: ask again from a time before the last to.
func (o *org) Deleted(ctx context.Context, object string, from, to time.Time) ([]engine.DeletedRecord, error) {
	start, end := from.UTC().Truncate(time.Minute), to.UTC().Truncate(time.Minute)
	if end.Before(to) {
		end = end.Add(time.Minute)
	}
	if end.Sub(start) < 2*time.Minute {
		start = end.Add(-2 * time.Minute)
	}
	query := url.Values{"start": {start.Format(time.RFC3339)}, "end": {end.Format(time.RFC3339)}}
	var wire struct {
		Records []struct {
			ID engine.RecordID `json:"id"`
			At string          `json:"deletedDate"`
		} `json:"deletedRecords"`
	}
	c := get(o.data("/sobjects/"+object+"/deleted/?"+query.Encode()), object, "list the deleted records of "+object)
	if err := o.fetch(ctx, c, &wire); err != nil {
		return nil, err
	}
	var deleted []engine.DeletedRecord
	for _, r := range wire.Records {
		at, err := time.Parse(canonicalDatetimeLayout, string(canonicalDatetime([]byte(r.At))))
		if err != nil {
			return nil, explain(c, &broken{err: errIncomplete})
		}
		if !at.Before(from) && at.Before(to) {
			deleted = append(deleted, engine.DeletedRecord{ID: r.ID, DeletedAt: at})
		}
	}
	return deleted, nil
}
