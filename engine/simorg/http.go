package simorg

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// call is one authorised request of the data APIs.
type call struct {
	org     *Org
	r       *http.Request
	session *session
	version string // "66.0"
	root    string // "/services/data/v66.0"
	tx      *tx    // the transaction of the composite request around it
}

// reply is what a handler answers. Body is marshalled to JSON, unless Raw or
// Stream is given.
type reply struct {
	Status int
	Header map[string]string
	Body   any
	Raw    []byte
	// Stream writes a long answer; it is given the ResponseWriter with headers set.
	Stream func(io.Writer) error
	Length int64 // of what Stream writes, where that is known
}

func ok(body any) (reply, error) { return reply{Status: http.StatusOK, Body: body}, nil }

func noContent() (reply, error) { return reply{Status: http.StatusNoContent}, nil }

type handler func(*call) (reply, error)

// methods are the handlers of one resource, by HTTP method.
type methods map[string]handler

// ServeHTTP answers one request: faults first, then the platform.
func (o *Org) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path := strings.TrimRight(r.URL.Path, "/"); path != r.URL.Path && path != "" {
		u := *r.URL
		u.Path, u.RawPath = path, strings.TrimRight(u.RawPath, "/")
		r2 := *r
		r2.URL = &u
		r = &r2
	}
	w.Header().Set("Date", o.cfg.Now().UTC().Format(http.TimeFormat))
	if len(r.RequestURI) > maxURI {
		w.WriteHeader(http.StatusRequestURITooLong)
		return
	}
	o.housekeep()
	if w, handled := o.disturb(w, r); !handled {
		o.handler.ServeHTTP(w, r)
	}
}

const (
	maxURI  = 16_384
	maxBody = 50 << 20
)

// resource makes an http.Handler of the methods of a data API path: it checks
// the session, counts the call and prints the answer.
func (o *Org) resource(m methods) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := o.authorise(r)
		var answer reply
		if err == nil {
			answer, err = c.run(m)
		}
		o.quota.announce(w)
		o.print(w, r, answer, err)
	}
}

func (c *call) run(m methods) (reply, error) {
	handle, found := m[c.r.Method]
	if c.r.Method == http.MethodHead && !found {
		handle, found = m[http.MethodGet]
	}
	if !found {
		allowed := make([]string, 0, len(m))
		for name := range m {
			allowed = append(allowed, name)
		}
		slices.Sort(allowed)
		return reply{}, refuse(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '%s' not allowed. Allowed are %s",
			c.r.Method, strings.Join(allowed, ","))
	}
	return handle(c)
}

// authorise finds the session of a request and checks the version in its path.
func (o *Org) authorise(r *http.Request) (*call, error) {
	version, valid := strings.CutPrefix(r.PathValue("version"), "v")
	if !valid || !knownVersion(version) {
		return nil, notFound()
	}
	root := "/services/data/v" + version
	if around := outer(r); around != nil {
		return &call{org: o, r: r, session: around.session, version: version, root: root, tx: around.tx}, nil
	}
	s, err := o.auth.bearer(r, o.cfg)
	if err != nil {
		return nil, err
	}
	if !s.user.may("ApiEnabled") {
		return nil, refuse(http.StatusForbidden, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization or User.")
	}
	if err := o.quota.spend(o.cfg.Now()); err != nil {
		return nil, err
	}
	return &call{org: o, r: r, session: s, version: version, root: root}, nil
}

// print writes a reply or a refusal, gzipped when the client takes that.
func (o *Org) print(w http.ResponseWriter, r *http.Request, answer reply, err error) {
	if err != nil {
		refusal := asAPIError(err)
		answer = reply{Status: refusal.Status, Body: refusal.single()}
		if refusal.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Token")
		}
	}
	for k, v := range answer.Header {
		w.Header().Set(k, v)
	}
	body := answer.Raw
	if answer.Body != nil {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		body = encode(answer.Body, r.Header.Get("X-PrettyPrint") == "1")
	}
	if r.Method == http.MethodHead {
		body, answer.Stream = nil, nil
	}
	send(w, r, answer, body)
}

func encode(body any, pretty bool) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if pretty {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(body); err != nil {
		return []byte(`[{"errorCode":"UNKNOWN_EXCEPTION","message":"the answer could not be printed"}]`)
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}

func send(w http.ResponseWriter, r *http.Request, answer reply, body []byte) {
	zip := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && (answer.Stream != nil || len(body) > 1024)
	if !zip {
		if answer.Length > 0 {
			w.Header().Set("Content-Length", strconv.FormatInt(answer.Length, 10))
		}
		if answer.Stream == nil && answer.Status != http.StatusNoContent && answer.Status != http.StatusNotModified {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		w.WriteHeader(answer.Status)
		writeBody(w, answer, body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(answer.Status)
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	writeBody(z, answer, body)
	_ = z.Close()
}

// writeBody sends what there is; a client that went away is its own affair.
func writeBody(w io.Writer, answer reply, body []byte) {
	if answer.Stream != nil {
		_ = answer.Stream(w)
		return
	}
	_, _ = w.Write(body)
}

// body reads the whole request, unzipped when it says so.
func (c *call) body() ([]byte, error) {
	if c.r.Body == nil {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil {
		return nil, badRequest("JSON_PARSER_ERROR", "The request body could not be read: %v", err)
	}
	if len(data) > maxBody {
		return nil, refuse(http.StatusRequestEntityTooLarge, "REQUEST_LIMIT_EXCEEDED", "The request body is larger than 50 MB.")
	}
	return unzip(c.r, data)
}

// unzip undoes a request's Content-Encoding.
func unzip(r *http.Request, data []byte) ([]byte, error) {
	if !strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, badRequest("JSON_PARSER_ERROR", "The request body is not gzip: %v", err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return nil, badRequest("JSON_PARSER_ERROR", "The request body is not gzip: %v", err)
	}
	return plain, nil
}

// decode reads a JSON body into v, numbers as written.
func (c *call) decode(v any) error {
	if t := c.r.Header.Get("Content-Type"); t != "" && !strings.Contains(t, "json") && !strings.Contains(t, "octet") {
		return refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "The content type %s is not supported here.", t)
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	return decodeJSON(data, v)
}

func decodeJSON(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return badRequest("JSON_PARSER_ERROR", "%v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return badRequest("JSON_PARSER_ERROR", "Unexpected character after the end of the JSON value")
	}
	return nil
}

// path is a wildcard of the path.
func (c *call) path(name string) string { return c.r.PathValue(name) }

func (c *call) query() url.Values { return c.r.URL.Query() }

// baseURL is where this org is reached: as configured, or as the request says.
func (o *Org) baseURL(r *http.Request) string {
	if o.cfg.BaseURL != "" {
		return strings.TrimRight(o.cfg.BaseURL, "/")
	}
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
