package job

import "github.com/holdfast-backup/holdfast/engine"

// Class is a kind of work of which an org runs one job at a time.
type Class string

// The classes.
const (
	Capture Class = "CAPTURE" // backups and archives
	Write   Class = "WRITE"   // restores
	Read    Class = "READ"    // plans, exports, searches
	Purge   Class = "PURGE"
	// Single is work on one record: a Time Machine restore waits for nobody but
	// another of the same record, so its Spec names a SerialKey.
	Single Class = "SINGLE"
)

var classes = map[engine.Operation]Class{
	engine.CompositeBackup:     Capture,
	engine.CompositeSyncBackup: Capture,
	engine.TemplatedBackup:     Capture,
	engine.TemplatedArchive:    Capture,
	engine.RestoreRequest:      Read,
	engine.Restore:             Write,
	engine.TimeMachineRestore:  Single,
	engine.Export:              Read,
	engine.Search:              Read,
	engine.Purge:               Purge,
	engine.Retention:           Purge,
}

// ClassOf is the class of an operation's jobs.
func ClassOf(operation engine.Operation) Class { return classes[operation] }
