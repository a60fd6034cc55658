package restore

import (
	"context"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
)

// Linked is a thing that goes with the user's record, such as a file of it.
type Linked struct {
	ObjectName string
	// Sharing is the record whose sharing says who may read the thing; empty where
	// it is shared with the user's record.
	Sharing engine.RecordID
	Owner   engine.RecordID // the only one who may read it; empty for no such rule
	Deleted bool            // it is in the org no more, so that nobody can be asked
}

// MayRead tells which of the linked things the user may read: their object and
// its name field, what the org's sharing and an owner's privacy say, and for
// what is deleted the permission to see deleted records.
func (r *Restore) MayRead(ctx context.Context, rights *Rights, linked []Linked) ([]bool, error) {
	var shared []engine.RecordID
	for _, l := range linked {
		if l.Sharing != "" && !l.Deleted {
			shared = append(shared, l.Sharing)
		}
	}
	access, err := r.Access.recordsOf(ctx, rights.Asker, shared)
	if err != nil {
		return nil, err
	}
	objects := map[string]bool{}
	may := make([]bool, len(linked))
	for i, l := range linked {
		if _, known := objects[l.ObjectName]; !known {
			if objects[l.ObjectName], err = r.mayReadNames(ctx, rights, l.ObjectName); err != nil {
				return nil, err
			}
		}
		switch {
		case !objects[l.ObjectName] || l.Owner != "" && l.Owner != rights.User:
		case l.Deleted:
			may[i] = rights.holds(permissionViewDeleted)
		default:
			may[i] = l.Sharing == "" || access[l.Sharing].record.Read
		}
	}
	return may, nil
}

// mayReadNames tells whether the user may read an SObject and its name field.
func (r *Restore) mayReadNames(ctx context.Context, rights *Rights, object string) (bool, error) {
	described, err := r.Dictionary.SObject(ctx, rights.OrgID, object)
	if engine.Is(err, engine.KindNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	fields, err := r.Access.fieldsOf(ctx, rights.Asker, object)
	if err != nil {
		return false, err
	}
	name := describe.NameField(described)
	return mayReadAny(fields) && (name == "" || fieldAccess(described, fields, name).Read), nil
}
