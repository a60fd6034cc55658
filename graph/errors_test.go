package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
)

func TestEveryFailureHasACodeAndOnlyItsOwnWords(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := presenter{slog.New(slog.NewTextHandler(&log, nil))}
	ctx := graphql.WithFieldContext(context.Background(), &graphql.FieldContext{Field: graphql.CollectedField{Field: &ast.Field{Alias: "me"}}})
	inner := errors.New("host db-7 refused hunter2")
	fault := func(kind engine.Kind, code string) error {
		return fmt.Errorf("while: %w", &engine.Error{Kind: kind, Code: code, Message: "A sentence.", Err: inner})
	}
	for want, err := range map[string]error{
		"BAD_USER_INPUT X": fault(engine.KindInvalid, "X"), "NOT_FOUND": fault(engine.KindNotFound, "NOT_FOUND"), "CONFLICT X": fault(engine.KindConflict, "X"),
		"FORBIDDEN X": fault(engine.KindDenied, "X"), "UNAUTHENTICATED": fault(engine.KindDenied, "UNAUTHENTICATED"), "LIMIT X": fault(engine.KindLimit, "X"),
		"UNAVAILABLE X": fault(engine.KindTransient, "X"), "CORRUPT X": fault(engine.KindCorrupt, "X"), "INTERNAL": fault(engine.KindInternal, "X"),
		"INTERNAL ": inner, "NOT_FOUND ": &ent.NotFoundError{}, "CANCELLED": context.Canceled, "INTERNAL  ": p.recovered(ctx, "hunter2"),
	} {
		shown := p.present(ctx, err)
		got := fmt.Sprint(shown.Extensions["code"])
		if reason := shown.Extensions["reason"]; reason != nil {
			got += " " + fmt.Sprint(reason)
		}
		if got != strings.TrimSpace(want) {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
		if strings.Contains(shown.Message, "hunter2") || shown.Message == "" {
			t.Errorf("%v: the client reads %q", err, shown.Message)
		}
	}
	if !strings.Contains(log.String(), "hunter2") {
		t.Error("the cause of a fault is not in the log")
	}
}

func TestWhatACallerCanPutRightIsAUserError(t *testing.T) {
	t.Parallel()
	invalid := &engine.Error{Kind: engine.KindInvalid, Code: "TOO_SHORT", Field: "password", Message: "Longer."}
	missing := &engine.Error{Kind: engine.KindNotFound, Code: "USER_NOT_FOUND", Message: "No user."}
	problems, err := userErrors(errors.Join(invalid, fmt.Errorf("while: %w", missing)))
	if err != nil || len(problems) != 2 || problems[0].Code != "TOO_SHORT" || *problems[0].Field != "password" || problems[1].Code != "NOT_FOUND" {
		t.Errorf("%+v, %v", problems, err)
	}
	for _, fault := range []error{
		errors.New("disk"), engine.E(engine.KindTransient, "", "Later."), engine.E(engine.KindCorrupt, "", "Bad."),
		engine.E(engine.KindDenied, codeUnauthenticated, "Who?"), errors.Join(invalid, errors.New("disk")),
	} {
		if _, err := userErrors(fault); err == nil {
			t.Errorf("%v became a user error", fault)
		}
	}
	if problems, err := userErrors(nil); err != nil || problems == nil || len(problems) != 0 {
		t.Errorf("success: %v, %v", problems, err)
	}
}
