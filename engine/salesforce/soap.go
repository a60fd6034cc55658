package salesforce

import (
	"context"
	"encoding/xml"
	"net/http"
	"strings"
)

// soapAPI is one of the platform's SOAP interfaces.
type soapAPI struct{ path, namespace string }

var (
	partnerAPI  = soapAPI{"/services/Soap/u/", "urn:partner.soap.sforce.com"}
	metadataAPI = soapAPI{"/services/Soap/m/", "http://soap.sforce.com/2006/04/metadata"}
)

// soap sends a call whose session travels in its body: SOAP needs an opaque
// access token, not a JWT-based one. Header and body are XML in prefix x; again
// is as in call.
func (o *org) soap(ctx context.Context, api soapAPI, m soapMessage, use func(answer) error) error {
	return o.do(ctx, call{
		method: http.MethodPost, path: api.path + o.version, doing: m.doing, object: m.object, again: m.again,
		signed: func(token string) []byte { return m.envelope(api, token) },
		header: map[string]string{"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": `""`, "Accept": "text/xml"},
	}, use)
}

type soapMessage struct {
	header, body string
	doing        string
	object       string
	again        bool
}

func (m soapMessage) envelope(api soapAPI, token string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="` + api.namespace +
		`"><soapenv:Header><x:SessionHeader>` + tag("sessionId", token) + `</x:SessionHeader>` + m.header +
		`</soapenv:Header><soapenv:Body>` + m.body + `</soapenv:Body></soapenv:Envelope>`)
}

// tag is an element with text.
func tag(name, text string) string {
	var b strings.Builder
	b.WriteString("<x:" + name + ">")
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	b.WriteString("</x:" + name + ">")
	return b.String()
}
