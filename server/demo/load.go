package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A tree call takes at most 200 records.
const treeSize = 200

type planEntry struct {
	SObject string   `json:"sobject"`
	Files   []string `json:"files"`
}

type recordFile struct {
	Records []map[string]any `json:"records"`
}

// Load inserts a data set: the files of its plan (plan.json, or the one file
// named *-plan.json) in order, each in as few calls as the org allows.
func (s *Session) Load(ctx context.Context, data fs.FS) error {
	plan, err := readPlan(data)
	if err != nil {
		return err
	}
	for _, entry := range plan {
		for _, name := range entry.Files {
			if err := s.loadFile(ctx, data, entry.SObject, name); err != nil {
				return fmt.Errorf("load %s: %w", name, err)
			}
		}
	}
	return nil
}

func readPlan(data fs.FS) ([]planEntry, error) {
	names, err := fs.Glob(data, "*plan.json")
	if err != nil || len(names) != 1 {
		return nil, fmt.Errorf("a data set has one plan.json, this one has %d", len(names))
	}
	var plan []planEntry
	return plan, readJSON(data, names[0], &plan)
}

func (s *Session) loadFile(ctx context.Context, data fs.FS, object, name string) error {
	var file recordFile
	if err := readJSON(data, name, &file); err != nil {
		return err
	}
	for batch := range slices.Chunk(file.Records, treeSize) {
		for _, r := range batch {
			if err := s.resolve(r); err != nil {
				return err
			}
		}
		if err := s.insertTree(ctx, object, batch); err != nil {
			return err
		}
	}
	return nil
}

// resolve puts ids in place of "@reference" values.
func (s *Session) resolve(fields map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		reference, found := strings.CutPrefix(fmt.Sprint(fields[name]), "@")
		if !found {
			continue
		}
		r, err := s.record(reference)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fields[name] = r.id
	}
	return nil
}

func (s *Session) insertTree(ctx context.Context, object string, batch []map[string]any) error {
	var answer struct {
		Results []struct {
			ReferenceID string `json:"referenceId"`
			ID          string `json:"id"`
		} `json:"results"`
	}
	text, err := s.call(ctx, http.MethodPost, "/composite/tree/"+object, map[string]any{"records": batch})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if len(answer.Results) != len(batch) {
		return fmt.Errorf("the org answered %d results for %d records", len(answer.Results), len(batch))
	}
	for _, r := range answer.Results {
		s.records[r.ReferenceID] = record{object, r.ID}
	}
	return nil
}
