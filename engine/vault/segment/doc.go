// Package segment is the codec of the vault's blobs, without a database: it
// writes and reads one immutable segment of versions, or one sealed file. The
// format is specified in the documentation of package vault. It does not know
// which segments count, who may read them, or where keys come from.
package segment
