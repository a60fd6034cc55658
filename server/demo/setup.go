package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Assign gives a person a permission set, as an administrator does in Setup.
func (s *Session) Assign(ctx context.Context, username, permissionSet string) error {
	user, err := s.only(ctx, "SELECT Id FROM User WHERE Username = '"+username+"'")
	if err != nil {
		return err
	}
	set, err := s.only(ctx, "SELECT Id FROM PermissionSet WHERE Name = '"+permissionSet+"'")
	if err != nil {
		return err
	}
	_, err = s.call(ctx, http.MethodPost, "/sobjects/PermissionSetAssignment", map[string]string{"AssigneeId": user, "PermissionSetId": set})
	return err
}

// only is the id of the one record that a query finds.
func (s *Session) only(ctx context.Context, query string) (string, error) {
	var found struct{ Records []struct{ ID string } }
	if err := s.get(ctx, "/query?q="+url.QueryEscape(query), &found); err != nil {
		return "", err
	}
	if len(found.Records) != 1 {
		return "", fmt.Errorf("the org has %d records for %q, not one", len(found.Records), query)
	}
	return found.Records[0].ID, nil
}

// Trust has Holdfast accept what the org's Apex signs with a certificate.
func (a *API) Trust(ctx context.Context, orgID, certificate string) error {
	return a.Do(ctx, `mutation($input: OrgTimeMachineKeyAddInput!) { orgTimeMachineKeyAdd(input: $input) { userErrors { code message } } }`,
		map[string]any{"input": map[string]any{"orgId": orgID, "publicKey": certificate}}, nil)
}
