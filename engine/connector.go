package engine

import "context"

// Connector opens an org by our id of it, for the viewer in the context. The
// operations that read and write orgs take one; orgs is the room that is one.
type Connector interface {
	// OpenOrg fails with KindNotFound for another tenant's org and KindDenied
	// (ORG_ACCESS_REVOKED) when the org no longer accepts our tokens.
	OpenOrg(ctx context.Context, orgID string) (Org, error)
}
