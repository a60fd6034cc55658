package engine

import "context"

// AccessReader is what an Org may also be: it tells what somebody else may do
// there, by the org's own rules. It asks as our user, who needs to see the
// org's setup for it.
type AccessReader interface {
	// UserAccess answers who the user is, which of the custom permissions they
	// hold, and what they may do with the records, at most 200, in their order.
	UserAccess(ctx context.Context, request UserAccessRequest) (UserAccess, error)
	// FieldAccess answers what the user may do with the fields of an SObject, by
	// their names in lower case. The org may leave out the components of a
	// compound field, which go with it.
	FieldAccess(ctx context.Context, user RecordID, object string) (map[string]Access, error)
	// CustomPermissions answers which custom permissions of these names the org has.
	CustomPermissions(ctx context.Context, names []string) ([]string, error)
}

// UserAccessRequest names a user, records and custom permissions.
type UserAccessRequest struct {
	User        RecordID
	Records     []RecordID
	Permissions []string
}

// UserAccess is what a user is and may. A record that is deleted, or not there,
// may not be read.
type UserAccess struct {
	Known, Active bool
	Name          string
	Records       []Access
	Permissions   []string // those of the request that the user holds
}

// Access is what a user may do with a record or a field.
type Access struct{ Read, Edit bool }
