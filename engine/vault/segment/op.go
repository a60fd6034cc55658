package segment

import "github.com/holdfast-backup/holdfast/engine"

// Op is what a version did, in one byte: bits 0-1 the change (1 added, 2
// changed, 3 deleted), bits 2-3 the tombstone (1 soft, 2 hard, 3 archived), bit
// 4 set on a bare tombstone, whose values are those of the version before it.
type Op byte

const opBare Op = 1 << 4

var (
	opChanges    = [4]engine.Change{"", engine.Added, engine.Changed, engine.Deleted}
	opTombstones = [4]engine.Tombstone{engine.NotDeleted, engine.SoftDelete, engine.HardDelete, engine.Archived}
)

// MakeOp packs a change; bare says that the tombstone carries no values.
func MakeOp(change engine.Change, tombstone engine.Tombstone, bare bool) Op {
	var op Op
	for i := range opChanges {
		if opChanges[i] == change {
			op |= Op(i)
		}
		if opTombstones[i] == tombstone {
			op |= Op(i << 2)
		}
	}
	if bare {
		op |= opBare
	}
	return op
}

// Change is what the version did to the record.
func (op Op) Change() engine.Change { return opChanges[op&3] }

// Tombstone says how the record was deleted.
func (op Op) Tombstone() engine.Tombstone { return opTombstones[op>>2&3] }

// Bare reports whether the values are those of the version before.
func (op Op) Bare() bool { return op&opBare != 0 }

// Live reports whether the version says that the record exists.
func (op Op) Live() bool { return op>>2&3 == 0 }

func (op Op) valid() bool { return op&3 != 0 && op < opBare<<1 && (!op.Bare() || !op.Live()) }
