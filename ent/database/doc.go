// Package database opens Holdfast's database, SQLite or PostgreSQL, as an ent
// client that keeps tenants apart: ent/schema narrows what is read and written
// to the viewer's tenant, and the guard here refuses a row that would point at
// another tenant's. Its versioned migrations are embedded and applied by Open.
package database
