package demo

import (
	"context"
	"encoding/json"
	"net/http"
)

// Version is a stored version of a record; a null value is nil.
type Version struct {
	ID, Change string
	Values     map[string]any
}

// History is every stored version of a record, the newest first.
func (a *API) History(ctx context.Context, orgID, object, recordID string) ([]Version, error) {
	var answer struct {
		Org struct {
			Record struct {
				Versions struct {
					Edges []struct {
						Node struct {
							ID, Change string
							Values     []struct {
								Name  string
								Value *string
							}
						}
					}
				}
			}
		}
	}
	err := a.Do(ctx, `query($org: ID!, $object: String!, $record: SalesforceId!) {
		org(id: $org) { record(objectName: $object, recordId: $record) {
			versions { edges { node { id change values { name value } } } } } } }`,
		map[string]any{"org": orgID, "object": object, "record": recordID}, &answer)
	var versions []Version
	for _, edge := range answer.Org.Record.Versions.Edges {
		v := Version{ID: edge.Node.ID, Change: edge.Node.Change, Values: map[string]any{}}
		for _, field := range edge.Node.Values {
			v.Values[field.Name] = nil
			if field.Value != nil {
				v.Values[field.Name] = *field.Value
			}
		}
		versions = append(versions, v)
	}
	return versions, err
}

// FieldRestore names a field of a record and the version to take it from.
type FieldRestore struct{ OrgID, Object, RecordID, Field, VersionID string }

// RestoreField restores one field in place and waits until that is done.
func (a *API) RestoreField(ctx context.Context, r FieldRestore) error {
	var answer struct {
		RecordFieldsRestore struct{ Job Job }
	}
	err := a.Do(ctx, `mutation($input: RecordFieldsRestoreInput!) { recordFieldsRestore(input: $input) { job { id } userErrors { code message } } }`,
		map[string]any{"input": map[string]any{
			"orgId": r.OrgID, "objectName": r.Object, "recordId": r.RecordID,
			"fields": []map[string]any{{"name": r.Field, "versionId": r.VersionID}},
		}}, &answer)
	if err != nil {
		return err
	}
	_, err = a.Wait(ctx, answer.RecordFieldsRestore.Job.ID)
	return err
}

// Get is the record that a reference stands for, as the org has it now.
func (s *Session) Get(ctx context.Context, reference string) (map[string]any, error) {
	r, err := s.record(reference)
	if err != nil {
		return nil, err
	}
	text, err := s.call(ctx, http.MethodGet, "/sobjects/"+r.object+"/"+r.id, nil)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	return fields, json.Unmarshal(text, &fields)
}
