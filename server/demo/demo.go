// Package demo is what a newcomer sees first: a company's Salesforce data, and
// a week in which people change, delete and undelete some of it.
//
// It is loaded the way a person would load it, over the org's public REST API,
// from files as `sf data export tree` writes them: a plan that lists files in
// order, and records that name each other by reference ("@Account1"). Any data
// set in that form loads as well.
package demo

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

//go:embed data
var embedded embed.FS

// Data is the demo's own data set: accounts, contacts, opportunities, cases,
// leads, tasks, warehouses, and shipments with their items.
func Data() fs.FS { return sub("data") }

// Schema is the SFDX source of the custom objects that Data has records of.
func Schema() fs.FS { return sub("data/schema") }

func sub(dir string) fs.FS {
	tree, err := fs.Sub(embedded, dir)
	if err != nil {
		panic(err) // only for a path that is not well formed
	}
	return tree
}

// Round is what people do in the org between two backups.
type Round struct {
	Title string `json:"title"`
	Steps []Step `json:"steps"`
}

// Step is one thing someone does: exactly one of Update, Insert, Delete and
// Undelete is given. Records are named by their reference in the data set.
type Step struct {
	Update   string         `json:"update"`
	Insert   string         `json:"insert"` // an SObject
	As       string         `json:"as"`     // the reference of what is inserted
	Set      map[string]any `json:"set"`
	Delete   []string       `json:"delete"`
	Undelete []string       `json:"undelete"`
}

// Rounds are the edits that give the demo its history, in order.
func Rounds() ([]Round, error) {
	var rounds []Round
	if err := readJSON(Data(), "edits.json", &rounds); err != nil {
		return nil, err
	}
	return rounds, nil
}

// Load puts the demo's data set into the org at baseURL and answers the session
// that knows its records, for Edit.
func Load(ctx context.Context, baseURL, token string) (*Session, error) {
	s := Open(baseURL, token)
	return s, s.Load(ctx, Data())
}

func readJSON(dir fs.FS, name string, into any) error {
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		return fmt.Errorf("the data set has no %s: %w", name, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s is not what a data set needs: %w", name, err)
	}
	return nil
}
