package capture

import (
	"fmt"
	"slices"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// schemaOf is how the vault keeps an SObject's fields.
func schemaOf(o *engine.SObject, fields []engine.Field) vault.Schema {
	hot := describe.Hot(o)
	schema := vault.Schema{Object: o.Name, Fields: make([]vault.SchemaField, len(fields))}
	for i := range fields {
		f := &fields[i]
		schema.Fields[i] = vault.SchemaField{
			Name: f.Name, Type: f.Type, Hot: slices.Contains(hot, f.Name), Derived: describe.Derived(f),
		}
	}
	if content, _, _ := describe.Content(o); content != "" {
		schema.Fields = append(schema.Fields, vault.SchemaField{Name: fileColumn(content), Type: vault.FileField, Hot: true})
	}
	return schema
}

// fileColumn is what the vault calls the name of a binary field's content. No
// field of Salesforce's is called so.
func fileColumn(field string) string { return field + "#file" }

// columns are the positions of the fields that make a row a version.
type columns struct{ id, stamp, deleted int }

func locate(fields []string, stampField string) columns {
	return columns{id: slices.Index(fields, "Id"), stamp: slices.Index(fields, stampField), deleted: slices.Index(fields, "IsDeleted")}
}

func (c columns) row(values [][]byte) vault.Row {
	row := vault.Row{ID: values[c.id], Values: values}
	if c.stamp >= 0 {
		row.Modstamp = values[c.stamp]
	}
	if c.deleted >= 0 && string(values[c.deleted]) == "true" {
		row.Tombstone = engine.SoftDelete
	}
	return row
}

// completeness explains a difference between the org's own count and what is
// alive in the vault; "" when there is nothing to explain.
func completeness(expected *int64, stored int64, narrowed bool) string {
	switch {
	case narrowed:
		return "Only the records that match the filter are read."
	case expected == nil:
		return "The org does not count these records, so there is nothing to compare with."
	case *expected > stored:
		return fmt.Sprintf("The org counts %d more than it let us read: its count is approximate, or the connected user cannot see them all.", *expected-stored)
	case *expected < stored:
		return fmt.Sprintf("%d records stored here are not in the org's count: it leaves out archived activities and lags, or they were deleted for good, which a Composite & Sync backup finds out.", stored-*expected)
	}
	return ""
}
