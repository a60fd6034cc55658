// Package database opens Holdfast's database, SQLite or PostgreSQL, as an ent
// client that keeps tenants apart: ent/schema narrows what is read and written
// to the viewer's tenant, and the guard here refuses a row that would point at
// another tenant's. Its versioned migrations are embedded and applied by Open.
//
// After a change of ent/schema `go generate ./ent/database` writes the next
// migration for both databases. Until the first release there is a single one,
// which is written anew instead: `cd ent/database && go run ./diff -initial`.
package database
