// Package ent is the data layer, generated from ent/schema by `make generate`.
package ent
