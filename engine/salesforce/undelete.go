package salesforce

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
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

// undelete sends one SOAP call. Its session goes into the body, so an expired
// one is renewed here, once.
func (o *org) undelete(ctx context.Context, ids []engine.RecordID) ([]engine.WriteResult, error) {
	for try := 1; ; try++ {
		token := o.session.current().token
		c := call{
			method: http.MethodPost, path: "/services/Soap/u/" + o.version, doing: "undelete records",
			body:   undeleteBody(token, ids),
			header: map[string]string{"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": `""`, "Accept": "text/xml"},
		}
		var results []engine.WriteResult
		err := o.do(ctx, c, func(a answer) (err error) {
			results, err = parseUndelete(a.body, ids)
			return err
		})
		if r, ok := refused(err); ok && r.Code == "INVALID_SESSION_ID" && try == 1 {
			if err := o.session.renew(ctx, token); err != nil {
				return nil, err
			}
			continue
		}
		return results, err
	}
}

func undeleteBody(token string, ids []engine.RecordID) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:partner.soap.sforce.com"><soapenv:Header><urn:SessionHeader><urn:sessionId>`)
	_ = xml.EscapeText(&b, []byte(token)) // a strings.Builder takes everything
	b.WriteString(`</urn:sessionId></urn:SessionHeader><urn:AllOrNoneHeader><urn:allOrNone>false</urn:allOrNone></urn:AllOrNoneHeader></soapenv:Header><soapenv:Body><urn:undelete>`)
	for _, id := range ids {
		b.WriteString("<urn:ids>" + string(id) + "</urn:ids>")
	}
	b.WriteString(`</urn:undelete></soapenv:Body></soapenv:Envelope>`)
	return []byte(b.String())
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
