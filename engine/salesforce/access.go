package salesforce

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

var _ engine.AccessReader = (*org)(nil)

// UserAccess asks four questions in one call: UserRecordAccess answers for the
// sharing, and custom permissions come through the user's permission sets,
// their profile's own among them.
func (o *org) UserAccess(ctx context.Context, r engine.UserAccessRequest) (engine.UserAccess, error) {
	user := quote(string(r.User))
	parts := []subrequest{
		{URL: o.query(current, "SELECT Name,IsActive FROM User WHERE Id = "+user)},
		{URL: o.query(current, "SELECT RecordId,HasReadAccess,HasEditAccess FROM UserRecordAccess WHERE UserId = "+user+" AND RecordId IN ("+quoted(r.Records)+")")},
		{URL: o.query(current, permissionsNamed(r.Permissions))},
		{URL: o.query(current, "SELECT SetupEntityId FROM SetupEntityAccess WHERE SetupEntityType = 'CustomPermission' AND ParentId IN "+
			"(SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = "+user+" AND IsActive = true)")},
	}
	const doing = "say what a user may do"
	answers, _, err := o.composite(ctx, parts, doing)
	if err != nil {
		return engine.UserAccess{}, err
	}
	for _, a := range answers {
		if a.Status != http.StatusOK {
			return engine.UserAccess{}, explain(get("", "User", doing), refusalFrom(a.Status, a.Body))
		}
	}
	return userAccess(r, answers)
}

func userAccess(r engine.UserAccessRequest, answers []subanswer) (engine.UserAccess, error) {
	var (
		users []struct {
			Name     string
			IsActive bool
		}
		records []struct {
			RecordID      string `json:"RecordId"`
			HasReadAccess bool
			HasEditAccess bool
		}
		permissions []customPermission
		granted     []struct {
			ID string `json:"SetupEntityId"`
		}
	)
	for i, into := range []any{&users, &records, &permissions, &granted} {
		if err := decodeRecords(answers[i].Body, into); err != nil {
			return engine.UserAccess{}, err
		}
	}
	access := engine.UserAccess{Records: make([]engine.Access, len(r.Records)), Known: len(users) == 1}
	if access.Known {
		access.Name, access.Active = users[0].Name, users[0].IsActive
	}
	for _, row := range records {
		if i := slices.Index(r.Records, engine.RecordID(full18(row.RecordID))); i >= 0 {
			access.Records[i] = engine.Access{Read: row.HasReadAccess, Edit: row.HasEditAccess}
		}
	}
	for _, p := range permissions {
		for _, g := range granted {
			if full18(g.ID) == full18(p.ID) {
				access.Permissions = append(access.Permissions, p.DeveloperName)
				break
			}
		}
	}
	return access, nil
}

// customPermission is a row of CustomPermission.
type customPermission struct {
	ID            string `json:"Id"`
	DeveloperName string
}

func permissionsNamed(names []string) string {
	return "SELECT Id,DeveloperName FROM CustomPermission WHERE DeveloperName IN (" + quoted(names) + ")"
}

// CustomPermissions looks which of the names the org has.
func (o *org) CustomPermissions(ctx context.Context, names []string) ([]string, error) {
	var wire struct {
		Records []customPermission `json:"records"`
	}
	c := get(o.query(current, permissionsNamed(names)), "CustomPermission", "list its custom permissions")
	if err := o.fetch(ctx, c, &wire); err != nil {
		return nil, err
	}
	found := make([]string, len(wire.Records))
	for i, p := range wire.Records {
		found[i] = p.DeveloperName
	}
	return found, nil
}

// FieldAccess asks the Tooling API, which takes neither OR nor LIMIT here.
func (o *org) FieldAccess(ctx context.Context, user engine.RecordID, object string) (map[string]engine.Access, error) {
	soql := "SELECT FieldDefinition.QualifiedApiName,IsAccessible,IsUpdatable FROM UserFieldAccess WHERE UserId = " +
		quote(string(user)) + " AND FieldDefinition.EntityDefinition.QualifiedApiName = " + quote(object)
	var wire struct {
		Done    *bool `json:"done"`
		Records []struct {
			FieldDefinition struct {
				QualifiedAPIName string `json:"QualifiedApiName"`
			}
			IsAccessible bool
			IsUpdatable  bool
		} `json:"records"`
	}
	c := get(o.data("/tooling/query?q="+url.QueryEscape(soql)), object, "say which fields of "+object+" a user may see")
	if err := o.fetch(ctx, c, &wire); err != nil {
		return nil, err
	}
	if wire.Done == nil || !*wire.Done {
		return nil, explain(c, &broken{err: errIncomplete})
	}
	access := make(map[string]engine.Access, len(wire.Records))
	for _, r := range wire.Records {
		access[strings.ToLower(r.FieldDefinition.QualifiedAPIName)] = engine.Access{Read: r.IsAccessible, Edit: r.IsAccessible && r.IsUpdatable}
	}
	return access, nil
}

// decodeRecords reads the rows of a query's answer, which must be all of them.
func decodeRecords(body []byte, into any) error {
	var wire struct {
		Done    bool            `json:"done"`
		Records json.RawMessage `json:"records"`
	}
	if err := json.Unmarshal(body, &wire); err != nil || !wire.Done {
		return unreachable(&broken{err: errIncomplete})
	}
	if err := json.Unmarshal(wire.Records, into); err != nil {
		return unreachable(&broken{err: errIncomplete})
	}
	return nil
}

// quoted lists names or ids, plain ASCII all, as SOQL literals.
func quoted[T ~string](names []T) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(string(name)))
	}
	return b.String()
}
