// Package engine holds the words of Holdfast's domain: what a record, a
// version, a job and an org are, who is asking (Viewer), how a failure is
// told (Error), and the few interfaces through which the operations see a
// Salesforce org. It imports nothing of ours; everything else imports it.
//
// The words, one per thing:
//
//   - Tenant: a customer of this server. User: a person of a tenant.
//   - Org: a connected Salesforce org. SObject: an object type of it (Account).
//   - Record: a row of an SObject, named by its 18-character RecordID.
//   - Version: a record's full field values as one job captured them. A
//     tombstone is a version that says the record is deleted.
//   - Job: one run of an Operation. JobObject: its progress on one SObject.
//   - Backup: what a backup job stored, a point in time one can read as of.
package engine
