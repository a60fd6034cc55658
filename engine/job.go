package engine

import (
	"fmt"
	"time"
)

// Operation is what a job does.
type Operation string

// The operations.
const (
	CompositeBackup     Operation = "COMPOSITE_BACKUP"
	CompositeSyncBackup Operation = "COMPOSITE_SYNC_BACKUP"
	TemplatedBackup     Operation = "TEMPLATED_BACKUP"
	TemplatedArchive    Operation = "TEMPLATED_ARCHIVE"
	RestoreRequest      Operation = "RESTORE_REQUEST"
	Restore             Operation = "RESTORE"
	TimeMachineRestore  Operation = "TIME_MACHINE_RESTORE"
	Export              Operation = "EXPORT"
	Search              Operation = "SEARCH"
	Purge               Operation = "PURGE"
	Retention           Operation = "RETENTION"
)

// JobState is where a job stands.
type JobState string

// The states of a job. A job with a failed object is never COMPLETED.
const (
	JobQueued              JobState = "QUEUED"
	JobInProgress          JobState = "IN_PROGRESS"
	JobCompleted           JobState = "COMPLETED"
	JobCompletedWithErrors JobState = "COMPLETED_WITH_ERRORS"
	JobFailed              JobState = "FAILED"
	JobAborted             JobState = "ABORTED"
)

// Finished reports whether the job will not change any more.
func (v JobState) Finished() bool {
	return v == JobCompleted || v == JobCompletedWithErrors || v == JobFailed || v == JobAborted
}

// WaitReason is why a job does not run though it has not ended.
type WaitReason string

// The reasons.
const (
	WaitQuota  WaitReason = "QUOTA"  // the org's daily allowance is used up to our share
	WaitRetry  WaitReason = "RETRY"  // an attempt failed for a reason that may pass
	WaitTurn   WaitReason = "TURN"   // another job has to end first
	WaitServer WaitReason = "SERVER" // nothing but a server that is free is missing
)

// EventKind is what happened to an org.
type EventKind string

// The kinds of events.
const (
	EventJobQueued       EventKind = "JOB_QUEUED"
	EventJobStarted      EventKind = "JOB_STARTED" // or goes on after it had waited
	EventJobWaits        EventKind = "JOB_WAITS"   // though it had started
	EventJobEnded        EventKind = "JOB_ENDED"
	EventScheduleFired   EventKind = "SCHEDULE_FIRED"
	EventScheduleRefused EventKind = "SCHEDULE_REFUSED" // it was due, but its job could not be made
	EventConnected       EventKind = "ORG_CONNECTED"
	EventRevoked         EventKind = "ORG_REVOKED"  // it no longer accepts our tokens
	EventUnlocked        EventKind = "ORG_UNLOCKED" // a server was given the customer's key again
)

// JobObjectState is where a job stands with one SObject.
type JobObjectState string

// The states of a job's object.
const (
	ObjectQueued     JobObjectState = "QUEUED"
	ObjectInProgress JobObjectState = "IN_PROGRESS"
	ObjectCompleted  JobObjectState = "COMPLETED"
	ObjectException  JobObjectState = "EXCEPTION"
)

// JobObjectKind is what a job's object is of.
type JobObjectKind string

// The kinds of a job's object.
const (
	RecordsObject  JobObjectKind = "RECORDS"  // an SObject's records
	MetadataObject JobObjectKind = "METADATA" // a metadata type's components
)

// LogLevel is the weight of a log line.
type LogLevel string

// The levels of a log line.
const (
	LogInfo  LogLevel = "info"
	LogWarn  LogLevel = "warn"
	LogError LogLevel = "error"
)

// Change is what a version did to a record's state in the vault.
type Change string

// The changes.
const (
	Added   Change = "ADDED"
	Changed Change = "CHANGED"
	Deleted Change = "DELETED"
)

// Tombstone says how a record was deleted; empty for a version that lives.
type Tombstone string

// The tombstones.
const (
	NotDeleted Tombstone = ""
	SoftDelete Tombstone = "SOFT"     // in the Recycle Bin
	HardDelete Tombstone = "HARD"     // gone
	Archived   Tombstone = "ARCHIVED" // deleted by us
)

// The lists below make the types usable as ent and GraphQL enums.

// Values lists every Operation.
func (Operation) Values() []string {
	return []string{string(CompositeBackup), string(CompositeSyncBackup), string(TemplatedBackup), string(TemplatedArchive), string(RestoreRequest), string(Restore), string(TimeMachineRestore), string(Export), string(Search), string(Purge), string(Retention)}
}

// Values lists every JobState.
func (JobState) Values() []string {
	return []string{string(JobQueued), string(JobInProgress), string(JobCompleted), string(JobCompletedWithErrors), string(JobFailed), string(JobAborted)}
}

// Values lists every WaitReason.
func (WaitReason) Values() []string {
	return []string{string(WaitQuota), string(WaitRetry), string(WaitTurn), string(WaitServer)}
}

// Values lists every EventKind.
func (EventKind) Values() []string {
	return []string{string(EventJobQueued), string(EventJobStarted), string(EventJobWaits), string(EventJobEnded), string(EventScheduleFired), string(EventScheduleRefused), string(EventConnected), string(EventRevoked), string(EventUnlocked)}
}

// Values lists every JobObjectState.
func (JobObjectState) Values() []string {
	return []string{string(ObjectQueued), string(ObjectInProgress), string(ObjectCompleted), string(ObjectException)}
}

// Values lists every JobObjectKind.
func (JobObjectKind) Values() []string {
	return []string{string(RecordsObject), string(MetadataObject)}
}

// Values lists every LogLevel.
func (LogLevel) Values() []string {
	return []string{string(LogInfo), string(LogWarn), string(LogError)}
}

// Values lists every Role.
func (Role) Values() []string {
	return []string{string(RoleAdmin), string(RoleOperator), string(RoleViewer)}
}

// Values lists every OAuthFlow.
func (OAuthFlow) Values() []string {
	return []string{string(FlowWebServer), string(FlowRefreshToken), string(FlowClientCredentials)}
}

// LogLine is a line as the job log shows it (F102); its time is in UTC.
func LogLine(at time.Time, level LogLevel, message string) string {
	return fmt.Sprintf("[%s] [%s] %s", at.UTC().Format("1/2/2006, 3:04:05 PM"), level, message)
}

// Values lists every Change.
func (Change) Values() []string { return []string{string(Added), string(Changed), string(Deleted)} }

// Values lists every Tombstone of a deleted record.
func (Tombstone) Values() []string {
	return []string{string(SoftDelete), string(HardDelete), string(Archived)}
}
