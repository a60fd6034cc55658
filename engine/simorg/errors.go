package simorg

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/holdfast-backup/holdfast/engine/soql"
)

// apiError is a refusal as the data APIs print it: an array of one object with
// errorCode, or statusCode inside collections.
type apiError struct {
	Status  int
	Code    string
	Message string
	// Fields is printed when it is not nil, empty or not.
	Fields []string
	// Extra is printed beside (duplicateResult).
	Extra map[string]any
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func refuse(status int, code, format string, args ...any) *apiError {
	return &apiError{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// badRequest is a refusal with status 400.
func badRequest(code, format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, code, format, args...)
}

// invalidRow is a refusal of one record that names fields.
func invalidRow(code string, fields []string, format string, args ...any) *apiError {
	if fields == nil {
		fields = []string{}
	}
	e := badRequest(code, format, args...)
	e.Fields = fields
	return e
}

func notFound() *apiError {
	return refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

func expiredSession() *apiError {
	return refuse(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
}

// asAPIError turns any error into a refusal; what is not one is our own fault.
func asAPIError(err error) *apiError {
	var api *apiError
	if errors.As(err, &api) {
		return api
	}
	var syntax *soql.SyntaxError
	if errors.As(err, &syntax) {
		return badRequest(syntax.Code, "%s", syntax.Message)
	}
	return refuse(http.StatusInternalServerError, "UNKNOWN_EXCEPTION",
		"An unexpected error occurred. Please include this ErrorId if you contact support: 1483649-54323 (%v)", err)
}

// single is the array that single-record calls answer.
func (e *apiError) single() []map[string]any {
	body := map[string]any{"message": e.Message, "errorCode": e.Code}
	if e.Fields != nil {
		body["fields"] = e.Fields
	}
	for k, v := range e.Extra {
		body[k] = v
	}
	return []map[string]any{body}
}

// inResult is the object inside a collection's errors.
func (e *apiError) inResult() map[string]any {
	fields := e.Fields
	if fields == nil {
		fields = []string{}
	}
	return map[string]any{"statusCode": e.Code, "message": e.Message, "fields": fields}
}
