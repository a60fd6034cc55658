package graph

import (
	"context"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Limits bound what one operation may ask for.
type Limits struct {
	Depth int // selection sets inside each other
	Nodes int // objects it could return: page sizes multiplied
	Page  int // a connection's first or last
}

// DefaultLimits are the production limits.
var DefaultLimits = Limits{Depth: 15, Nodes: 20_000, Page: 100}

// weight is what a selection costs. It is computed from the inside out and
// once per fragment, so that fragments cannot make the computation explode.
type weight struct {
	depth, nodes int
}

func (w *weight) include(other weight) {
	w.depth = max(w.depth, other.depth)
	w.nodes = min(w.nodes+other.nodes, tooMany)
}

// tooMany keeps sums and products of page sizes from overflowing.
const tooMany = 1 << 30

// limiter is the gqlgen extension that refuses operations beyond the limits
// and tells the cost of the others in extensions.
type limiter struct{ Limits }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
	graphql.ResponseInterceptor
} = limiter{}

// ExtensionName is how gqlgen knows the extension.
func (limiter) ExtensionName() string { return "Limits" }

// Validate has nothing to object to.
func (limiter) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext refuses the operation before anything is resolved.
func (l limiter) MutateOperationContext(_ context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	s := scale{variables: oc.Variables, page: l.Page, fragments: map[string]weight{}}
	w := s.weigh(oc.Operation.SelectionSet)
	if strings.Contains(oc.RawQuery, `\u0000`) || holdsNUL(oc.Variables) {
		return refusal(codeBadInput, "The request holds a NUL character (\\u0000), which no text may: take it out.")
	}
	oc.Stats.SetExtension(l.ExtensionName(), w)
	switch {
	case s.refused != nil:
		return s.refused
	case w.depth > l.Depth:
		return refusal("QUERY_TOO_DEEP", "The query nests %d levels deep and %d are allowed: ask for less at a time.", w.depth, l.Depth)
	case w.nodes > l.Nodes:
		return refusal("QUERY_TOO_COMPLEX", "The query could return %d objects and %d are allowed: ask for smaller pages or fewer connections inside each other.", w.nodes, l.Nodes)
	}
	return nil
}

// holdsNUL looks into variables: PostgreSQL takes no text with a NUL.
func holdsNUL(value any) bool {
	switch value := value.(type) {
	case string:
		return strings.ContainsRune(value, 0)
	case map[string]any:
		for key, inner := range value {
			if holdsNUL(key) || holdsNUL(inner) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, holdsNUL)
	}
	return false
}

// InterceptResponse adds the cost to the answer; one that refuses what is no operation has none.
func (l limiter) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if !graphql.HasOperationContext(ctx) {
		return next(ctx)
	}
	if w, ok := graphql.GetOperationContext(ctx).Stats.GetExtension(l.ExtensionName()).(weight); ok {
		graphql.RegisterExtension(ctx, "cost", map[string]int{"depth": w.depth, "nodes": w.nodes, "limit": l.Nodes})
	}
	return next(ctx)
}

// scale weighs the selections of one operation.
type scale struct {
	variables map[string]any
	page      int
	fragments map[string]weight
	refused   *gqlerror.Error
}

func (s *scale) weigh(set ast.SelectionSet) weight {
	var w weight
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			w.include(s.field(selection))
		case *ast.InlineFragment:
			w.include(s.weigh(selection.SelectionSet))
		case *ast.FragmentSpread:
			w.include(s.fragment(selection))
		}
	}
	return w
}

func (s *scale) fragment(spread *ast.FragmentSpread) weight {
	w, known := s.fragments[spread.Name]
	if !known {
		w = s.weigh(spread.Definition.SelectionSet)
		s.fragments[spread.Name] = w
	}
	return w
}

func (s *scale) field(f *ast.Field) weight {
	if len(f.SelectionSet) == 0 {
		return weight{}
	}
	inner := s.weigh(f.SelectionSet)
	return weight{depth: inner.depth + 1, nodes: min((inner.nodes+1)*s.pageOf(f), tooMany)}
}

// pageOf is how many objects a field stands for: the page that a connection
// was asked for, 1 for anything else.
func (s *scale) pageOf(f *ast.Field) int {
	if f.Definition.Arguments.ForName("first") == nil {
		return 1
	}
	arguments := f.ArgumentMap(s.variables)
	first, fromStart := wholeNumber(arguments["first"])
	last, fromEnd := wholeNumber(arguments["last"])
	size := max(first, last)
	if fromStart == fromEnd || size < 1 || size > s.page {
		s.refused = refusal(codeBadInput, "%s needs a page of 1 to %d: give first, or last with first: null.", f.Name, s.page)
		s.refused.Extensions["reason"] = "PAGE_SIZE"
	}
	return min(max(size, 1), s.page)
}

// wholeNumber reads an argument: a literal or a default is an int64, a
// variable whatever the JSON decoder made of it.
func wholeNumber(value any) (number int, given bool) {
	if value == nil {
		return 0, false
	}
	n, err := graphql.UnmarshalInt(value)
	return n, err == nil
}

func refusal(code, format string, args ...any) *gqlerror.Error {
	err := gqlerror.Errorf(format, args...)
	err.Extensions = map[string]any{"code": code}
	return err
}
