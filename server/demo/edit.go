package demo

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// Edit does what people do in one round.
func (s *Session) Edit(ctx context.Context, round Round) error {
	for i, step := range round.Steps {
		if err := s.do(ctx, step); err != nil {
			return fmt.Errorf("%s, step %d: %w", round.Title, i+1, err)
		}
	}
	return nil
}

func (s *Session) do(ctx context.Context, step Step) error {
	switch {
	case step.Update != "":
		return s.update(ctx, step.Update, step.Set)
	case step.Insert != "":
		return s.insert(ctx, step)
	case step.Delete != nil:
		return s.delete(ctx, step.Delete)
	default:
		return s.undelete(ctx, step.Undelete)
	}
}

func (s *Session) update(ctx context.Context, reference string, set map[string]any) error {
	r, err := s.record(reference)
	if err != nil {
		return err
	}
	fields := maps.Clone(set)
	if err := s.resolve(fields); err != nil {
		return err
	}
	_, err = s.call(ctx, http.MethodPatch, "/sobjects/"+r.object+"/"+r.id, fields)
	return err
}

func (s *Session) insert(ctx context.Context, step Step) error {
	fields := maps.Clone(step.Set)
	if err := s.resolve(fields); err != nil {
		return err
	}
	var created struct {
		ID string `json:"id"`
	}
	text, err := s.call(ctx, http.MethodPost, "/sobjects/"+step.Insert, fields)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &created); err != nil {
		return err
	}
	s.records[step.As] = record{step.Insert, created.ID}
	return nil
}

func (s *Session) delete(ctx context.Context, references []string) error {
	ids, err := s.ids(references)
	if err != nil {
		return err
	}
	var results []struct {
		Success bool `json:"success"`
		Errors  []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	path := "/composite/sobjects?allOrNone=true&ids=" + url.QueryEscape(strings.Join(ids, ","))
	text, err := s.call(ctx, http.MethodDelete, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &results); err != nil {
		return err
	}
	for i, r := range results {
		if !r.Success {
			return fmt.Errorf("the org did not delete %s: %v", references[i], r.Errors)
		}
	}
	return nil
}

func (s *Session) ids(references []string) ([]string, error) {
	ids := make([]string, len(references))
	for i, reference := range references {
		r, err := s.record(reference)
		if err != nil {
			return nil, err
		}
		ids[i] = r.id
	}
	return ids, nil
}

type undeleteEnvelope struct {
	XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
	Header  struct {
		Session struct {
			XMLName xml.Name `xml:"urn:partner.soap.sforce.com SessionHeader"`
			ID      string   `xml:"sessionId"`
		}
	}
	Body struct {
		Undelete struct {
			XMLName xml.Name `xml:"urn:partner.soap.sforce.com undelete"`
			IDs     []string `xml:"ids"`
		}
	}
}

// undelete has no REST resource: people's tools use SOAP for it.
func (s *Session) undelete(ctx context.Context, references []string) error {
	ids, err := s.ids(references)
	if err != nil {
		return err
	}
	var envelope undeleteEnvelope
	envelope.Header.Session.ID = s.token
	envelope.Body.Undelete.IDs = ids
	text, err := xml.Marshal(envelope)
	if err != nil {
		return err
	}
	var answer struct {
		Results []struct {
			Success bool   `xml:"success"`
			Message string `xml:"errors>message"`
		} `xml:"Body>undeleteResponse>result"`
	}
	text, err = s.send(ctx, request{http.MethodPost, "/services/Soap/u/" + apiVersion, "text/xml; charset=UTF-8", append([]byte(xml.Header), text...)})
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(text, &answer); err != nil {
		return err
	}
	if len(answer.Results) != len(ids) {
		return fmt.Errorf("the org answered %d results for %d undeletes", len(answer.Results), len(ids))
	}
	for i, r := range answer.Results {
		if !r.Success {
			return fmt.Errorf("the org did not undelete %s: %s", references[i], r.Message)
		}
	}
	return nil
}
