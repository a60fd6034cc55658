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
// run is a range of sequences and its end is a point in time. Fields are
// compared by name; one that the schema no longer has makes no version.
//
// # Points that are dropped
//
// Retention drops points: ends of runs. A version stays as long as it is the
// newest of its record, or some point that is left shows it: one from its own
// sequence on, before that of the record's next version. The last version with
// values before a bare tombstone stays with it, so the values of a deleted record
// are there until it is purged. What stays is never touched: ADDED and CHANGED
// say what a version was when it was captured, even where the one before is gone.
// A run that was dropped keeps its row, since it may have captured versions that
// stay; what reads as of it is refused. The rows, with their marks, are part of
// the manifest and of its copies: a reader of the bucket must not answer for a
// run that has dropped_at.
//
// # The bucket
//
//	org/<org>/seg/<segment>.hfs       versions
//	org/<org>/file/<file>.hff         the content of a file
//	org/<org>/manifest/<copy>.hfm     the manifest, sealed; the last three copies,
//	                                  the newest one sorts last
//
// A blob's id is its name without the ending. What follows is all that a reader
// in another language needs. Numbers are little-endian; a uvarint is base 128,
// least group first, high bit set on all bytes but the last; a text is its
// length as uvarint and its bytes.
//
// # Keys
//
// An org has a 256-bit key per epoch, wrapped by the server's keeper or by the
// customer's own key (AES-256-GCM: 12 bytes nonce, sealed key; associated data
// "holdfast/wrap/v1/<org>/<epoch>"). Epoch 0 only keys hashes. With salt and
// epoch from a blob's header:
//
//	check = HKDF-SHA256(org key, salt, "holdfast/segment/v1/check", 8 bytes)
//	key   = HKDF-SHA256(org key, salt, "holdfast/segment/v1/seal/<id>", 32 bytes)
//
// for a file <id> is "file/" and the blob's id. If check is not the header's,
// it is another key. Every module is sealed by AES-256-GCM under key:
//
//	nonce = kind (1 byte) 0 0 0, ordinal (8 bytes, big-endian)
//	data  = format version (4) kind (1) ordinal (8) id
//
// with kinds 1 hot stream, 2 cold stream (ordinal: the block), 3 index (0),
// 4 bloom (the section), 5 chunk of a file, 6 its last chunk (the chunk),
// 7 a file's footer (0).
//
// # A segment
//
//	header   "HOLDSEG1", version 1 (4), epoch (4), salt (32), check (8), zeros (8)
//	blocks   each: hot stream, cold stream
//	index    a sealed zstd frame
//	blooms   one a section, sealed
//	footer   the header again, length of the index (4), of index and blooms (4),
//	         of the segment (8), XXH3-64 of the footer so far (8), "1GESDLOH"
//
// The index: how many sections (uvarint); per section its SObject (text), how
// many fields, per field name, type (texts) and flags (1 hot, 2 derived), how
// many blocks, how many distinct ids, length of the sealed bloom. Then the
// blocks, section after section: rows, length of the sealed hot stream and of
// what it inflates to, the same of the cold one, least sequence, greatest minus
// least (uvarints), first and last id (texts). Blocks follow the header without
// gaps. Rows are sorted by id (bytes), then sequence. A last field without a
// name, of type "absent", names the fields of the section that a version did not
// have, with a space between: sections with different fields were merged.
//
// A bloom is a bitmap of ≥ 10 bits an id (bit i is bit i%8 of byte i/8): an id
// with h = XXH3-64 is at h, h+s, … h+6s (64 bits, wrapping), each modulo the
// number of bits, s = h>>32 | 1.
//
// A stream, opened and inflated. The hot one first has: how many rows, how many
// of them repeat the id of the row before (uvarints), if any a bitmap of those;
// the ops: byte 1 and one op for all, or byte 0 and one each (package segment,
// Op); the sequences as numbers; the distinct ids as a text that holds a column
// without repeats. Both streams then have: how many columns; per column its
// number minus the least that is possible (uvarint; 0 is the modstamp, then the
// section's fields from 1) and its length; the columns. A column that is not
// there is null.
//
// A column begins with its head byte. Bit 7: some repeats are broken; a bitmap
// over all rows of those follows. Every other repeat has the value of the row
// before and is left out; n are the rows that are not. Bits 4-5: 0 all n have a
// value; 1 a bitmap of n says which; 2 a uvarint of how many, and for each how
// many it skips. Bits 0-3, for the m values that are there:
//
//	0 plain     m lengths (uvarints), the bytes
//	1 constant  one text
//	2 fixed     one length (uvarint), the bytes
//	3 dict      how many entries (byte), the entries (texts), m entry numbers (bytes)
//	4 ids       length p of the common prefix (byte), prefix, m times 15-p bytes;
//	            each is completed by the three check characters of a Salesforce id
//	5 ids       the same, but the 15-p characters as a base-62 number (0-9 A-Z a-z),
//	            as m differences to the one before (uvarints)
//	6 times     length of the text (10, 24 or 28), unit (0 day, 1 second, 2 milli-
//	            second), then numbers: units since 0001-01-01T00:00:00Z; written as
//	            2006-01-02, 2006-01-02T15:04:05.000Z or with +0000 for Z
//	7 the row's own id          (the head byte is all)
//	8 the row's own modstamp    (the same)
//
// Numbers: the least (uvarint), a width (byte), and width planes of m bytes,
// the most significant first, of what each is over the least.
//
// # A file
//
// The header; the content in chunks of 64 KiB, each sealed, the last one (which
// may be shorter, and is empty only in an empty file) as kind 6; a footer: size
// (8) and the content's keyed hash (32), sealed.
//
// # A manifest copy
//
// "HOLDMAN1", the length of what follows (4), the wrapped keys as JSON
// ([{epoch, wrapped, customerKey}], wrapped in Base64); then a sealed file
// (its id is the copy's) that holds the manifest as JSON.
package vault
