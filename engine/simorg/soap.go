package simorg

import (
	"bytes"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"net/http"
	"strings"
)

// element is an XML element: of a SOAP request, or of an answer to be printed.
type element struct {
	name     string
	typ      string // xsi:type, without its prefix
	attr     string // attributes to be printed, as they are
	text     string
	null     bool
	children []*element
}

// el makes an element with children; leaf one with text.
func el(name string, children ...*element) *element { return &element{name: name, children: children} }

func leaf(name, text string) *element { return &element{name: name, text: text} }

func nilLeaf(name string) *element { return &element{name: name, null: true} }

func boolLeaf(name string, b bool) *element {
	if b {
		return leaf(name, "true")
	}
	return leaf(name, "false")
}

// add appends a child and returns the element.
func (e *element) add(children ...*element) *element {
	e.children = append(e.children, children...)
	return e
}

// child finds the first child by its local name; an empty element when there is none.
func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return &element{}
}

// all lists the texts of every child of the name.
func (e *element) all(name string) []string {
	var texts []string
	for _, c := range e.children {
		if c.name == name {
			texts = append(texts, c.text)
		}
	}
	return texts
}

// parseXML reads a document into elements; namespaces are dropped.
func parseXML(r io.Reader) (*element, error) {
	d := xml.NewDecoder(r)
	root := &element{}
	stack := []*element{root}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local}
			for _, a := range t.Attr {
				e.null = e.null || a.Name.Local == "nil" && a.Value == "true"
				if a.Name.Local == "type" && strings.HasPrefix(a.Name.Space, "http://www.w3.org/") {
					_, name, prefixed := strings.Cut(a.Value, ":")
					if e.typ = name; !prefixed {
						e.typ = a.Value
					}
				}
			}
			top.children = append(top.children, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
}

// write prints the element.
func (e *element) write(b *bytes.Buffer) {
	b.WriteString("<" + e.name)
	if e.attr != "" {
		b.WriteString(" " + e.attr)
	}
	switch {
	case e.null:
		b.WriteString(` xsi:nil="true"/>`)
		return
	case e.text == "" && e.children == nil:
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	b.WriteString(strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(html.EscapeString(e.text)))
	for _, c := range e.children {
		c.write(b)
	}
	b.WriteString("</" + e.name + ">")
}

// soapCall is one SOAP request at work.
type soapCall struct {
	*call
	method *element
	header *element
}

// soapFault is a refusal of a whole SOAP call.
type soapFault struct{ code, message string }

func (f *soapFault) Error() string { return f.code + ": " + f.message }

// enterprisePath is where the API is whose types are the org's own.
const enterprisePath = "/services/Soap/c/"

// soapMethod answers one operation with the children of its response element.
type soapMethod func(*soapCall) ([]*element, error)

func (o *Org) soapRoutes(mux *http.ServeMux) {
	for _, api := range []struct {
		path, namespace string
		methods         map[string]soapMethod
	}{
		{"/services/Soap/u/", "urn:partner.soap.sforce.com", partnerMethods()},
		{enterprisePath, "urn:enterprise.soap.sforce.com", partnerMethods()},
		{"/services/Soap/m/", "http://soap.sforce.com/2006/04/metadata", metadataMethods()},
	} {
		serve := func(w http.ResponseWriter, r *http.Request) { o.soap(w, r, api.namespace, api.methods) }
		mux.HandleFunc(api.path+"{version}", serve)
		mux.HandleFunc(api.path+"{version}/{rest...}", serve)
	}
}

func (o *Org) soap(w http.ResponseWriter, r *http.Request, namespace string, methods map[string]soapMethod) {
	answer, err := o.soapAnswer(r, methods)
	o.quota.announce(w)
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	var b bytes.Buffer
	status, of := http.StatusOK, "sobject."
	if err != nil {
		status, of = http.StatusInternalServerError, "fault."
		answer = faultElement(err)
	}
	api := "partner"
	if strings.HasPrefix(r.URL.Path, enterprisePath) {
		api = "enterprise"
	}
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="` +
		namespace + `" xmlns:sf="urn:` + of + api + `.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>`)
	answer.write(&b)
	b.WriteString("</soapenv:Body></soapenv:Envelope>")
	send(w, r, reply{Status: status}, b.Bytes())
}

func faultElement(err error) *element {
	api := asAPIError(err)
	code, message := api.Code, api.Message
	if f, is := errors.AsType[*soapFault](err); is {
		code, message = f.code, f.message
	}
	return el("soapenv:Fault", leaf("faultcode", "sf:"+code), leaf("faultstring", code+": "+message),
		el("detail", el("sf:fault", leaf("sf:exceptionCode", code), leaf("sf:exceptionMessage", message))))
}

func (o *Org) soapAnswer(r *http.Request, methods map[string]soapMethod) (*element, error) {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, &soapFault{"INVALID_INPUT", "the request could not be read"}
	}
	if data, err = unzip(r, data); err != nil {
		return nil, err
	}
	document, err := parseXML(bytes.NewReader(data))
	if err != nil {
		return nil, &soapFault{"INVALID_INPUT", "the request is not XML: " + err.Error()}
	}
	envelope := document.child("Envelope")
	header, body := envelope.child("Header"), envelope.child("Body")
	if len(body.children) == 0 {
		return nil, &soapFault{"INVALID_INPUT", "the envelope has no body"}
	}
	method := body.children[0]
	run := methods[method.name]
	if run == nil {
		return nil, &soapFault{"INVALID_OPERATION", "No operation available for request " + method.name}
	}
	c, err := o.soapSession(r, header, method.name)
	if err != nil {
		return nil, err
	}
	children, err := run(&soapCall{call: c, method: method, header: header})
	if err != nil {
		return nil, err
	}
	return el(method.name+"Response", children...), nil
}

// soapSession finds the session that the header names; login needs none.
func (o *Org) soapSession(r *http.Request, header *element, method string) (*call, error) {
	version := r.PathValue("version")
	c := &call{org: o, r: r, version: version, root: "/services/data/v" + version}
	if !knownVersion(version) {
		return nil, &soapFault{"UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL"}
	}
	if method == "login" {
		return c, nil
	}
	s, err := o.auth.use(header.child("SessionHeader").child("sessionId").text, o.cfg)
	if err != nil {
		return nil, &soapFault{"INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session key"}
	}
	if err := o.quota.spend(o.cfg.Now()); err != nil {
		return nil, err
	}
	c.session = s
	return c, nil
}
