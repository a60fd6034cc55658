// Package vault keeps every version of an org's records, and its files, small,
// sealed and findable: append, history, as-of, scan, diff. Data lies in
// immutable blobs of a bucket (package segment holds their codec), the manifest
// that says which of them count lies in the database: rows per segment, never
// per version. What the package does not do: read an org, know what a field
// means, or decide when to back up.
//
// # Promises
//
//   - A version that Commit returned for survives a power cut: its blob is
//     closed, synced and checked before one transaction makes it count.
//   - Readers see closed runs only. Nothing is overwritten or appended to, so a
//     reader in the middle of a scan is disturbed by nothing.
//   - The exact text of every value comes back, or an error that names the
//     segment, the block and the records; never another value.
//   - Every call is bound to the tenant of its context's viewer.
//
// # Versions
//
// A Writer gets a record's state and decides itself what it means: identical to
// the newest stored version in all fields that are not derived (and in how it
// is deleted): nothing is written; else ADDED when no version before it lives,
// CHANGED, or DELETED. Each flush of a run takes the org's next sequence, so a
// run is a range of sequences and its end is a point in time.
package vault
