package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// refusal is the platform's answer that it will not do something. Its message
// stays inside: it may quote queries and values.
type refusal struct {
	Status  int
	Code    string
	message string
}

func (r *refusal) Error() string { return "the org answered " + httpText(r.Status, r.Code) }

func (r *refusal) says(text string) bool { return strings.Contains(r.message, text) }

func httpText(status int, code string) string {
	if code == "" {
		return fmt.Sprintf("HTTP %d", status)
	}
	return fmt.Sprintf("HTTP %d %s", status, code)
}

// broken is a failure of the way rather than of the platform: a reset, a
// truncated or garbled answer. Unsent means that nothing had left us. It does
// not unwrap: its cause may be an io.EOF, which would end a stream well.
type broken struct {
	unsent bool
	err    error
}

func (b *broken) Error() string { return "the connection to the org broke: " + b.err.Error() }

func transportFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return unreachable(breakage(err))
}

func breakage(err error) *broken {
	var op *net.OpError
	return &broken{unsent: errors.As(err, &op) && op.Op == "dial", err: stripURL(err)}
}

// stripURL drops what net/http puts in front: the address may hold a query.
func stripURL(err error) error {
	var withURL interface {
		error
		Timeout() bool
		Unwrap() error
	}
	if errors.As(err, &withURL) && withURL.Unwrap() != nil {
		return withURL.Unwrap()
	}
	return err
}

// wireError is an element of the platform's error arrays; collections say
// statusCode where single calls say errorCode.
type wireError struct {
	ErrorCode  string   `json:"errorCode"`
	StatusCode string   `json:"statusCode"`
	Message    string   `json:"message"`
	Fields     []string `json:"fields"`
}

func (w wireError) code() string { return or(w.ErrorCode, w.StatusCode) }

func parseRefusal(status int, body io.Reader) *refusal {
	text, _ := io.ReadAll(io.LimitReader(body, 64<<10))
	return refusalFrom(status, text)
}

// refusalFrom reads an error array, or the lone object that some resources
// give; anything else, such as an edge's HTML, leaves the code empty.
func refusalFrom(status int, text []byte) *refusal {
	r := &refusal{Status: status, message: string(text)}
	var list []wireError
	if json.Unmarshal(text, &list) != nil {
		var one wireError
		if json.Unmarshal(text, &one) == nil && one.code() != "" {
			list = []wireError{one}
		}
	}
	if len(list) > 0 {
		r.Code, r.message = list[0].code(), list[0].Message
	} else if m := soapFault.FindSubmatch(text); m != nil {
		r.Code = string(m[1])
	}
	return r
}

var soapFault = regexp.MustCompile(`<faultcode>(?:\w+:)?(\w+)</faultcode>`)

// repeat says what a failure allows.
type repeat int

const (
	never  repeat = iota
	ifSafe        // the platform may have done it
	always        // the platform has not done it
)

// repeatable classifies a failure (salesforce-platform.md §9.4).
func repeatable(err error) repeat {
	var b *broken
	if errors.As(err, &b) {
		if b.unsent {
			return always
		}
		return ifSafe
	}
	var r *refusal
	if !errors.As(err, &r) {
		return never
	}
	switch {
	case r.Code == "REQUEST_LIMIT_EXCEEDED":
		if r.dailyLimit() {
			return never
		}
		return always
	case r.Code == "UNABLE_TO_LOCK_ROW" || r.Code == "SERVER_UNAVAILABLE" || r.Code == "API_CURRENTLY_DISABLED":
		return always
	case r.Code == "QUERY_TIMEOUT" || r.Code == "REQUEST_RUNNING_TOO_LONG" || r.Code == "TOO_MANY_APEX_REQUESTS":
		return ifSafe
	}
	switch r.Status {
	case 420, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return always
	case http.StatusInternalServerError:
		if !failuresOfTheirs[r.Code] {
			return never // SOAP says everything with a 500
		}
		return ifSafe
	case http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusNotAcceptable:
		return ifSafe
	}
	return never
}

var failuresOfTheirs = set("", "UNKNOWN_EXCEPTION", "SERVER_ERROR", "INTERNAL_SERVER_ERROR", "UNKNOWN_ERROR")

// mostTries is how often a failure is worth trying, whatever the policy says.
func (r *refusal) mostTries() int {
	switch {
	case r.Status == 420:
		return 2
	case r.Status == http.StatusInternalServerError || r.Code == "QUERY_TIMEOUT":
		return 3
	}
	return 1 << 10
}

func (r *refusal) dailyLimit() bool {
	return r.Code == "REQUEST_LIMIT_EXCEEDED" && r.says("TotalRequests")
}

// deadSession reports a refusal that a new token may cure. The identity service
// and SOAP say it in their own ways.
func (r *refusal) deadSession() bool {
	if r.Status == http.StatusForbidden && r.says("Bad_OAuth_Token") || r.Status == http.StatusInternalServerError && r.Code == "INVALID_SESSION_ID" {
		return true
	}
	return r.Status == http.StatusUnauthorized &&
		!r.says("This session is not valid for use with the REST API") &&
		!r.says("Connected app is not attached to Agent")
}

var kindOfCode = map[string]engine.Kind{
	"NOT_FOUND": engine.KindNotFound, "ENTITY_IS_DELETED": engine.KindNotFound, "INVALID_TYPE": engine.KindNotFound,
	"INVALID_CROSS_REFERENCE_KEY": engine.KindNotFound,
	"REQUEST_LIMIT_EXCEEDED":      engine.KindLimit, "LIMIT_EXCEEDED": engine.KindLimit, "EXCEEDED_ID_LIMIT": engine.KindLimit,
	"STORAGE_LIMIT_EXCEEDED": engine.KindLimit, "EXCEEDED_QUOTA": engine.KindLimit,
	"INSUFFICIENT_ACCESS": engine.KindDenied, "INSUFFICIENT_ACCESS_OR_READONLY": engine.KindDenied,
	"API_DISABLED_FOR_ORG": engine.KindDenied, "FUNCTIONALITY_NOT_ENABLED": engine.KindDenied,
}

// kind is what a refusal means to a caller once retries are used up.
func (r *refusal) kind() engine.Kind {
	if k, ok := kindOfCode[r.Code]; ok {
		return k
	}
	switch {
	case repeatable(r) != never:
		return engine.KindTransient
	case r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden:
		return engine.KindDenied
	case r.Status == http.StatusNotFound || r.Status == http.StatusGone:
		return engine.KindNotFound
	}
	return engine.KindInvalid
}

// unknownColumn is the one platform message that names schema only.
var unknownColumn = regexp.MustCompile(`No such column '([A-Za-z0-9_.]+)'`)

func (r *refusal) field() string {
	if m := unknownColumn.FindStringSubmatch(r.message); m != nil {
		return m[1]
	}
	return ""
}

var sentenceOfKind = map[engine.Kind]string{
	engine.KindInvalid:   "Salesforce does not accept the request to %s (%s).",
	engine.KindNotFound:  "Salesforce does not know, or does not show us, what it takes to %s (%s): check that it still exists and that the connected user may see it.",
	engine.KindDenied:    "Salesforce does not allow the connected user to %s (%s): check the user's permissions in the org.",
	engine.KindLimit:     "Salesforce has no allowance left to %s (%s): try again later, or raise the limit in the org.",
	engine.KindTransient: "Salesforce could not %s for now (%s): try again later.",
}

// explain turns a failure that is final into what a user is told.
func explain(c call, err error) error {
	if _, ok := engine.AsError(err); ok {
		return err
	}
	out := &engine.Error{Op: c.doing, Org: c.org, Object: c.object, Err: err}
	r, answered := refused(err)
	switch {
	case !c.again && repeatable(err) == ifSafe:
		out.Kind, out.Code = engine.KindTransient, outcomeUnknown
		out.Message = fmt.Sprintf("The connection to Salesforce broke while it should %s; it may or may not have done so: compare with the org before trying again.", c.doing)
	case !answered:
		out.Kind, out.Code = engine.KindTransient, "ORG_UNREACHABLE"
		out.Message = fmt.Sprintf("The connection to Salesforce broke while it should %s: try again later.", c.doing)
	default:
		r.describe(out, c.doing)
	}
	return out
}

// describe says what a refusal means.
func (r *refusal) describe(out *engine.Error, doing string) {
	out.Kind, out.Code, out.Field = r.kind(), or(r.Code, fmt.Sprintf("HTTP_%d", r.Status)), r.field()
	out.Message = fmt.Sprintf(sentenceOfKind[out.Kind], doing, out.Code)
	if out.Field != "" {
		out.Message = fmt.Sprintf("Salesforce does not know, or does not show us, the field %s, so it cannot %s: check that it exists and that the connected user may see it.", out.Field, doing)
	}
	if r.dailyLimit() {
		out.Code = quotaCode
	}
}

const outcomeUnknown = "OUTCOME_UNKNOWN"

func unreachable(cause error) error {
	return &engine.Error{
		Kind: engine.KindTransient, Code: "ORG_UNREACHABLE", Err: cause,
		Message: "Salesforce cannot be reached at the moment: try again later.",
	}
}

// refused finds the platform's refusal inside err.
func refused(err error) (*refusal, bool) {
	var r *refusal
	ok := errors.As(err, &r)
	return r, ok
}
