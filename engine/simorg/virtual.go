package simorg

import "github.com/holdfast-backup/holdfast/engine/soql"

// virtualObjects are queryable objects whose rows the org computes.
var virtualObjects map[string]func(*call, *engine, *soql.Query, string) ([]byte, error)
