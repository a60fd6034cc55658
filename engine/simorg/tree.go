package simorg

import (
	"net/http"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

const (
	maxTreeTypes  = 5
	maxTreeLevels = 5
)

// planting is one composite/tree request at work: all or nothing.
type planting struct {
	*tx
	results []map[string]any
	failed  []map[string]any
	count   int
	types   map[string]bool
}

// tree inserts records with their children nested below them.
func tree(c *call) (reply, error) {
	obj, err := c.object(c.path("object"))
	if err != nil {
		return reply{}, err
	}
	var body struct{ Records []input }
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	p := &planting{types: map[string]bool{}}
	err = c.write(func(t *tx) error {
		p.tx = t
		for _, record := range body.Records {
			if err := p.plant(obj, record, nil, 1); err != nil {
				return err
			}
		}
		if p.failed != nil {
			return badRequest("PROCESSING_HALTED", "")
		}
		return nil
	})
	switch {
	case p.failed != nil:
		return reply{Status: http.StatusBadRequest, Body: map[string]any{"hasErrors": true, "results": p.failed}}, nil
	case err != nil:
		return reply{}, err
	}
	return reply{Status: http.StatusCreated, Body: map[string]any{"hasErrors": false, "results": p.results}}, nil
}

// link is the field by which a child points at its parent, and the parent's id.
type link struct{ field, id string }

func (p *planting) plant(obj *schema.Object, record input, up *link, level int) error {
	p.count++
	p.types[obj.Name] = true
	if p.count > maxCollection || len(p.types) > maxTreeTypes || level > maxTreeLevels {
		return badRequest("LIMIT_EXCEEDED", "A tree has at most %d records, %d types and %d levels", maxCollection, maxTreeTypes, maxTreeLevels)
	}
	attributes, _ := record["attributes"].(map[string]any)
	ref, _ := attributes["referenceId"].(string)
	if ref == "" {
		return badRequest("INVALID_INPUT", "Include a reference ID for each record in the request.")
	}
	fields, below := split(obj, record)
	if up != nil {
		fields[up.field] = up.id
	}
	id, err := p.insert(obj, fields)
	if err != nil {
		p.failed = append(p.failed, map[string]any{"referenceId": ref, "errors": []any{asAPIError(err).inResult()}})
		return nil
	}
	p.results = append(p.results, map[string]any{"referenceId": ref, "id": id})
	for rel, children := range below {
		child := p.o.schema().Get(rel.ChildSObject)
		for _, record := range children {
			if err := p.plant(child, record, &link{rel.Field, id}, level+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// split separates a record's own fields from the child records nested in it.
func split(obj *schema.Object, record input) (input, map[*schema.ChildRelationship][]input) {
	fields, below := input{}, map[*schema.ChildRelationship][]input{}
	for name, value := range record {
		nested, isObject := value.(map[string]any)
		list, hasRecords := nested["records"].([]any)
		if !isObject || !hasRecords || strings.EqualFold(name, "attributes") {
			fields[name] = value
			continue
		}
		rel := obj.Child(name)
		if rel == nil {
			fields[name] = value
			continue
		}
		for _, r := range list {
			if child, is := r.(map[string]any); is {
				below[rel] = append(below[rel], child)
			}
		}
	}
	return fields, below
}
