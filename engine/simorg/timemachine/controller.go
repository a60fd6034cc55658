package timemachine

import (
	"net/http"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// invocation is one call of a controller method.
type invocation struct {
	*Twin
	user  *simorg.Running
	r     *http.Request
	given parameters
}

// request is the body sent to Holdfast.
type request map[string]any

// pageSize is what the controller asks for where the page does not say.
const pageSize = 50

// methods are TimeMachineController's.
var methods = map[string]func(*invocation) (any, *failure){
	"versions":       versions,
	"compare":        compare,
	"restoreFields":  restoreFields,
	"restoreJob":     restoreJob,
	"streamTicket":   streamTicket,
	"files":          files,
	"fileLink":       fileLink,
	"deletedRelated": deletedRelated,
}

func versions(i *invocation) (any, *failure) {
	rights, refused := toRead(i.user, i.given.RecordID)
	if refused != nil {
		return nil, refused
	}
	ask := rights.request()
	ask["first"], ask["after"] = i.given.First, i.given.After
	got, refused := send[versionsAnswer](i, "versions", ask)
	if refused == nil {
		rights.stripVersions(got)
	}
	return got, refused
}

func compare(i *invocation) (any, *failure) {
	rights, refused := toRead(i.user, i.given.RecordID)
	if refused != nil {
		return nil, refused
	}
	ask := rights.request()
	ask["versionIds"], ask["hideIdentical"] = i.given.VersionIDs, false
	got, refused := send[comparison](i, "compare", ask)
	if refused == nil {
		rights.stripComparison(got)
	}
	return got, refused
}

func restoreFields(i *invocation) (any, *failure) {
	rights, refused := toRestore(i.user, i.given.RecordID, i.given.Fields)
	if refused != nil {
		return nil, refused
	}
	ask := rights.request()
	ask["fields"], ask["idempotencyKey"] = i.given.Fields, i.given.IdempotencyKey
	return askForJob(i, rights, "restore", ask)
}

func restoreJob(i *invocation) (any, *failure) {
	rights, refused := toRead(i.user, i.given.RecordID)
	if refused != nil {
		return nil, refused
	}
	ask := rights.request()
	ask["jobId"] = i.given.JobID
	return askForJob(i, rights, "job", ask)
}

func askForJob(i *invocation, rights *rights, operation string, ask request) (any, *failure) {
	got, refused := send[jobAnswer](i, operation, ask)
	if refused == nil {
		rights.stripJob(got)
	}
	return got, refused
}

func streamTicket(i *invocation) (any, *failure) {
	return relay[ticket](i, "stream-ticket", request{"jobId": i.given.JobID})
}

func files(i *invocation) (any, *failure) {
	return relay[filesAnswer](i, "files", request{"first": pageSize, "after": i.given.After})
}

func fileLink(i *invocation) (any, *failure) {
	return relay[link](i, "file-link", request{"fileId": i.given.FileID})
}

// relay asks for what needs no sieve: it tells of no field.
func relay[T any](i *invocation, operation string, more request) (any, *failure) {
	rights, refused := toRead(i.user, i.given.RecordID)
	if refused != nil {
		return nil, refused
	}
	ask := rights.request()
	for name, value := range more {
		ask[name] = value
	}
	return send[T](i, operation, ask)
}

func deletedRelated(i *invocation) (any, *failure) {
	rights, refused := toRead(i.user, i.given.RecordID)
	if refused == nil {
		refused = requireViewDeleted(i.user)
	}
	if refused != nil {
		return nil, refused
	}
	ask := rights.request()
	ask["first"], ask["after"] = pageSize, i.given.After
	got, refused := send[deletedRecords](i, "deleted-related", ask)
	if refused == nil {
		stripDeleted(i.user, got)
	}
	return got, refused
}
