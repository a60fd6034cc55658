package timemachine

import (
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// The custom permissions of the package.
const (
	restorePermission     = "Holdfast_Restore"
	viewDeletedPermission = "Holdfast_View_Deleted"
)

// accessBatch is how many records one query of UserRecordAccess may name.
const accessBatch = 200

// rights is TimeMachineRights: what the running user may do with one record.
type rights struct {
	user     *simorg.Running
	recordID string
	object   simorg.DescribedObject
	access   simorg.RecordAccess
	gone     bool
	names    []string                         // of the readable fields, in the describe's order
	readable map[string]simorg.DescribedField // by lower-case name
}

func rightsTo(user *simorg.Running, recordID string) *rights {
	r := &rights{user: user, recordID: recordID, readable: map[string]simorg.DescribedField{}}
	r.object, _ = user.Describe(recordID)
	r.access = user.RecordAccess([]string{recordID})[recordID]
	r.gone = !r.access.HasReadAccess && !user.Exists(recordID)
	for _, f := range r.object.Fields {
		if f.Accessible {
			r.names = append(r.names, f.Name)
			r.readable[strings.ToLower(f.Name)] = f
		}
	}
	return r
}

func refusal(user *simorg.Running, code, label string) *failure {
	return &failure{Code: code, Message: user.Label(label)}
}

// toRead lets pass who may read the record or, when it is gone, may see deleted
// records.
func toRead(user *simorg.Running, recordID string) (*rights, *failure) {
	r := rightsTo(user, recordID)
	if r.gone {
		if refused := requireViewDeleted(user); refused != nil {
			return nil, refused
		}
	}
	if !r.object.Accessible || !r.gone && !r.access.HasReadAccess {
		return nil, refusal(user, "NO_RECORD_ACCESS", "TimeMachine_ErrorNoRecordAccess")
	}
	return r, nil
}

// toRestore lets pass who may write each of these fields of the record.
func toRestore(user *simorg.Running, recordID string, fields []choice) (*rights, *failure) {
	r, refused := toRead(user, recordID)
	if refused != nil {
		return nil, refused
	}
	if code := r.cannotRestoreCode(); code != nil {
		return nil, refusal(user, *code, "TimeMachine_ErrorCannotRestore")
	}
	for _, f := range fields {
		if !r.mayWrite(f.Name) {
			return nil, refusal(user, "NO_FIELD_EDIT_ACCESS", "TimeMachine_ReasonNoEditAccess")
		}
	}
	return r, nil
}

func requireViewDeleted(user *simorg.Running) *failure {
	if user.CheckPermission(viewDeletedPermission) {
		return nil
	}
	return refusal(user, "NO_DELETED_ACCESS", "TimeMachine_ErrorNoDeletedAccess")
}

// request is what every operation's body holds.
func (r *rights) request() request {
	return request{"objectName": r.object.Name, "recordId": r.recordID, "readableFields": r.names}
}

// cannotRestoreCode is why the user may restore no field of the record; nil when
// they may.
func (r *rights) cannotRestoreCode() *string {
	code := ""
	switch {
	case r.gone:
		code = "RECORD_DELETED"
	case !r.user.CheckPermission(restorePermission):
		code = "NO_RESTORE_PERMISSION"
	case !r.object.Updateable || !r.access.HasEditAccess:
		code = "NO_RECORD_EDIT_ACCESS"
	default:
		return nil
	}
	return &code
}

func (r *rights) mayRead(field string) bool {
	_, readable := r.readable[strings.ToLower(field)]
	return readable
}

func (r *rights) mayWrite(field string) bool { return r.readable[strings.ToLower(field)].Updateable }

func (r *rights) labelOf(field string) string { return r.readable[strings.ToLower(field)].Label }

// visible picks the records that the user may read; those beyond the 200th are
// not looked at.
func visible(user *simorg.Running, ids []string) map[string]bool {
	seen := map[string]bool{}
	for id, access := range user.RecordAccess(ids[:min(len(ids), accessBatch)]) {
		seen[id] = access.HasReadAccess
	}
	return seen
}

// visibleThoughGone picks the records that are deleted and that the user may
// know of all the same.
func visibleThoughGone(user *simorg.Running, ids []string) (gone []string) {
	if !user.CheckPermission(viewDeletedPermission) {
		return nil
	}
	for _, id := range ids {
		if object, found := user.Describe(id); found && nameIsReadable(object) && !user.Exists(id) {
			gone = append(gone, id)
		}
	}
	return gone
}
