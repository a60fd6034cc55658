package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/oklog/ulid/v2"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

// The values of extensions.code.
const (
	codeBadInput        = "BAD_USER_INPUT"
	codeNotFound        = "NOT_FOUND"
	codeConflict        = "CONFLICT"
	codeForbidden       = "FORBIDDEN"
	codeUnauthenticated = "UNAUTHENTICATED"
	codeLimit           = "LIMIT"
	codeUnavailable     = "UNAVAILABLE"
	codeCorrupt         = "CORRUPT"
	codeInternal        = "INTERNAL"
	codeCancelled       = "CANCELLED"
)

var codes = map[engine.Kind]string{
	engine.KindInvalid:   codeBadInput,
	engine.KindNotFound:  codeNotFound,
	engine.KindConflict:  codeConflict,
	engine.KindDenied:    codeForbidden,
	engine.KindLimit:     codeLimit,
	engine.KindTransient: codeUnavailable,
	engine.KindCorrupt:   codeCorrupt,
	engine.KindInternal:  codeInternal,
}

// code is what a program decides by.
func code(e *engine.Error) string {
	if e.Code == codeUnauthenticated {
		return codeUnauthenticated
	}
	if c, known := codes[e.Kind]; known {
		return c
	}
	return codeInternal
}

// asEngineError says in the domain's words what a failure of a library means;
// nil when it means nothing to a user.
func asEngineError(err error) *engine.Error {
	if e, ok := engine.AsError(err); ok {
		return e
	}
	switch {
	case ent.IsNotFound(err):
		return notFound()
	case ent.IsConstraintError(err):
		return engine.E(engine.KindConflict, "", "This clashes with something that is there already.")
	case ent.IsValidationError(err):
		return engine.E(engine.KindInvalid, "", "A value is too long or not of the kind that is asked for.")
	}
	return nil
}

func notFound() *engine.Error {
	return engine.E(engine.KindNotFound, "", "There is nothing with this id in your organization.")
}

// userErrors splits what a mutation's caller can put right, which goes into
// the payload, from faults and missing sign-ins, which stay errors.
func userErrors(err error) ([]generated.UserError, error) {
	problems := []generated.UserError{}
	for _, single := range flatten(err) {
		e := asEngineError(single)
		if e == nil {
			return problems, err
		}
		switch c := code(e); c {
		case codeUnauthenticated, codeUnavailable, codeCorrupt, codeInternal:
			return problems, err
		default:
			problems = append(problems, userError(e, c))
		}
	}
	return problems, nil
}

func userError(e *engine.Error, code string) generated.UserError {
	problem := generated.UserError{Code: code, Message: e.Message}
	if e.Code != "" && e.Kind != engine.KindNotFound {
		problem.Code = e.Code
	}
	if e.Field != "" {
		problem.Field = &e.Field
	}
	return problem
}

// flatten is every error that errors.Join put into err.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, each := range joined.Unwrap() {
		all = append(all, flatten(each)...)
	}
	return all
}

// presenter is the only place that turns failures into what a client reads:
// a code, a sentence, and for a fault of ours a reference instead of detail.
type presenter struct{ log *slog.Logger }

func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	shown := graphql.DefaultErrorPresenter(ctx, err)
	if e := asEngineError(err); e != nil {
		p.explain(ctx, shown, e)
		return shown
	}
	if shown.Extensions["code"] != nil {
		return shown
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		set(shown, codeCancelled, "", "The request was given up before it was answered.")
	case !resolving(ctx, shown):
		set(shown, codeBadInput, "", shown.Message)
	default:
		p.hide(ctx, shown, err)
	}
	return shown
}

func (p presenter) explain(ctx context.Context, shown *gqlerror.Error, e *engine.Error) {
	c := code(e)
	if c == codeInternal || e.Message == "" {
		p.hide(ctx, shown, e)
		return
	}
	reason := e.Code
	if reason == c {
		reason = ""
	}
	set(shown, c, reason, e.Message)
	if e.Field != "" {
		shown.Extensions["field"] = e.Field
	}
	if c == codeUnavailable || c == codeCorrupt {
		p.log.ErrorContext(ctx, "request failed", "code", c, "path", shown.Path.String(), "error", e)
	}
}

func (p presenter) hide(ctx context.Context, shown *gqlerror.Error, err error) {
	reference := ulid.Make().String()
	p.log.ErrorContext(ctx, "request failed", "code", codeInternal, "reference", reference, "path", shown.Path.String(), "error", err)
	set(shown, codeInternal, "", "Something failed on our side. The server's log says more under the reference "+reference+".")
}

// recovered turns a panic into a fault that present hides.
func (p presenter) recovered(_ context.Context, cause any) error {
	return &engine.Error{Kind: engine.KindInternal, Err: fmt.Errorf("panic: %v\n%s", cause, debug.Stack())}
}

// resolving reports whether it was a resolver that failed, and not the query
// or an argument that was not understood: gqlgen names an argument in the
// path, below the field it belongs to.
func resolving(ctx context.Context, shown *gqlerror.Error) bool {
	fc := graphql.GetFieldContext(ctx)
	return fc != nil && len(shown.Path) <= len(fc.Path())
}

func set(shown *gqlerror.Error, code, reason, message string) {
	shown.Message = message
	shown.Extensions = map[string]any{"code": code}
	if reason != "" {
		shown.Extensions["reason"] = reason
	}
}
