package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// view is a record as a person sees it.
type view struct {
	ObjectName  string      `json:"objectName"`
	ObjectLabel string      `json:"objectLabel"`
	RecordID    string      `json:"recordId"`
	Name        string      `json:"name"`
	Fields      []viewField `json:"fields"`
}

type viewField struct {
	Name       string  `json:"name"`
	Label      string  `json:"label"`
	Type       string  `json:"type"`
	Value      *string `json:"value"`
	Updateable bool    `json:"updateable"`
}

// object is what a describe says of an SObject.
type object struct {
	Name      string
	Label     string
	KeyPrefix string
	Fields    []struct {
		Name, Label, Type string
		Updateable        bool
		NameField         bool
	}
}

// shownFields is how many fields a record's details have room for.
const shownFields = 30

// notShown are types that a plain input cannot show, and references, which name
// records by their ids.
var notShown = []string{"id", "reference", "address", "location", "base64", "complexvalue"}

// systemFields say nothing about a record's subject.
var systemFields = []string{"IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp", "LastActivityDate", "LastViewedDate", "LastReferencedDate"}

// view reads a record; an error when it is not there for this person.
func (s *Session) view(ctx context.Context, id string) (*view, error) {
	described, err := s.objectOf(ctx, id)
	if err != nil {
		return nil, err
	}
	var values map[string]any
	if err := s.get(ctx, "/sobjects/"+described.Name+"/"+id, &values); err != nil {
		return nil, err
	}
	seen := &view{ObjectName: described.Name, ObjectLabel: described.Label, RecordID: id, Name: id, Fields: []viewField{}}
	for _, f := range described.Fields {
		var value *string
		if v := values[f.Name]; v != nil {
			text := plain(v)
			value = &text
		}
		if f.NameField && value != nil {
			seen.Name = *value
		}
		shown := f.Updateable || value != nil
		if shown && !slices.Contains(notShown, f.Type) && !slices.Contains(systemFields, f.Name) {
			seen.Fields = append(seen.Fields, viewField{f.Name, f.Label, f.Type, value, f.Updateable})
		}
	}
	slices.SortStableFunc(seen.Fields, func(a, b viewField) int { return cmp.Compare(emptiness(a), emptiness(b)) })
	seen.Fields = seen.Fields[:min(len(seen.Fields), shownFields)]
	return seen, nil
}

// plain is a JSON value as a form shows it: Salesforce writes 61000000 as 6.1E7.
func plain(value any) string {
	if number, is := value.(float64); is {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// emptiness puts fields without a value last.
func emptiness(f viewField) int {
	if f.Value == nil {
		return 1
	}
	return 0
}

// objectOf describes the SObject of a record's id, as this person may see it.
func (s *Session) objectOf(ctx context.Context, id string) (*object, error) {
	var global struct{ SObjects []object }
	if err := s.get(ctx, "/sobjects", &global); err != nil {
		return nil, err
	}
	for _, o := range global.SObjects {
		if o.KeyPrefix != "" && strings.HasPrefix(id, o.KeyPrefix) {
			described := &object{}
			return described, s.get(ctx, "/sobjects/"+o.Name+"/describe", described)
		}
	}
	return nil, fmt.Errorf("%s is no record that you may see", id)
}

func (s *Session) get(ctx context.Context, path string, into any) error {
	text, err := s.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
