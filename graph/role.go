package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"github.com/holdfast-backup/holdfast/engine"
)

// hasRole is the directive @hasRole.
func hasRole(ctx context.Context, _ any, next graphql.Resolver, role engine.Role) (any, error) {
	if err := requireRole(ctx, role); err != nil {
		return nil, err
	}
	return next(ctx)
}

func requireRole(ctx context.Context, role engine.Role) error {
	v, ok := engine.ViewerFrom(ctx)
	switch {
	case !ok:
		return engine.E(engine.KindDenied, codeUnauthenticated,
			"The access token is missing, wrong or has expired: sign in, or refresh the session, and send it as “Authorization: Bearer …”.")
	case !v.Role.Includes(role):
		return engine.E(engine.KindDenied, "ROLE_MISSING", "This needs the role %s and yours is %s: ask an administrator.", role, v.Role)
	}
	return nil
}

// Throttle refuses who tries too often. It is asked before each public
// mutation, so that many of them in one request count as many tries.
type Throttle func(ctx context.Context) error

func (throttle Throttle) field(ctx context.Context, next graphql.Resolver) (any, error) {
	fc := graphql.GetFieldContext(ctx)
	if fc.Object == "Mutation" && fc.Field.Definition.Directives.ForName("public") != nil {
		if err := throttle(ctx); err != nil {
			return nil, err
		}
	}
	return next(ctx)
}
