package salesforce

import (
	"context"
	"encoding/xml"
	"io"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// Undelete brings records back over SOAP, the only interface that can. It needs
// a session that SOAP accepts: an opaque access token, not a JWT-based one.
func (o *org) Undelete(ctx context.Context, ids []engine.RecordID) ([]engine.WriteResult, error) {
	results := make([]engine.WriteResult, 0, len(ids))
	for len(results) < len(ids) {
		chunk := ids[len(results):min(len(results)+collectionMost, len(ids))]
		some, err := o.undelete(ctx, chunk)
		if e, ok := engine.AsError(err); ok && e.Code == outcomeUnknown {
			for _, id := range chunk {
				some = append(some, failedRow(id, err))
			}
			err = nil
		}
		if err != nil {
			for _, id := range ids[len(results):] {
				results = append(results, failedRow(id, err))
			}
			return results, err
		}
		results = append(results, some...)
	}
	return results, nil
}

type soapResult struct {
	ID      engine.RecordID `xml:"id"`
	Success bool            `xml:"success"`
	Errors  []struct {
		Message string   `xml:"message"`
		Code    string   `xml:"statusCode"`
		Fields  []string `xml:"fields"`
	} `xml:"errors"`
}

type soapEnvelope struct {
	Results []soapResult `xml:"Body>undeleteResponse>result"`
	Fault   struct {
		Code   string `xml:"faultcode"`
		String string `xml:"faultstring"`
	} `xml:"Body>Fault"`
}

// undelete sends one SOAP call.
func (o *org) undelete(ctx context.Context, ids []engine.RecordID) (results []engine.WriteResult, err error) {
	var body strings.Builder
	for _, id := range ids {
		body.WriteString(tag("ids", string(id)))
	}
	m := soapMessage{
		header: "<x:AllOrNoneHeader><x:allOrNone>false</x:allOrNone></x:AllOrNoneHeader>",
		body:   "<x:undelete>" + body.String() + "</x:undelete>", doing: "undelete records",
	}
	err = o.soap(ctx, partnerAPI, m, func(a answer) (err error) {
		results, err = parseUndelete(a.body, ids)
		return err
	})
	return results, err
}

func parseUndelete(body io.Reader, ids []engine.RecordID) ([]engine.WriteResult, error) {
	var envelope soapEnvelope
	if err := xml.NewDecoder(io.LimitReader(body, 8<<20)).Decode(&envelope); err != nil {
		return nil, &broken{err: errIncomplete}
	}
	if len(envelope.Results) != len(ids) {
		return nil, &broken{err: errIncomplete}
	}
	results := make([]engine.WriteResult, len(ids))
	for i, r := range envelope.Results {
		results[i] = engine.WriteResult{ID: ids[i], OK: r.Success}
		for _, e := range r.Errors {
			results[i].Errors = append(results[i].Errors, engine.WriteError{Code: e.Code, Message: e.Message, Fields: e.Fields})
		}
	}
	return results, nil
}
