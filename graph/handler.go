package graph

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/graph/generated"
)

const (
	initTimeout   = 10 * time.Second
	pingInterval  = 20 * time.Second
	parserTokens  = 5000
	cachedQueries = 1000
	maxMessage    = int64(1 << 20)
)

// Options are what the handler needs beside its resolvers.
type Options struct {
	Authenticate Authenticate // for WebSockets; the other transports find the viewer in the request's context
	Throttle     Throttle
	Limits       Limits
	OrgAnswers   time.Duration // within which an org has to answer what a query or mutation asks of it
}

// NewHandler serves the schema by POST, GET, SSE and graphql-transport-ws. It
// expects the viewer, if any, in the request's context.
func NewHandler(r *Resolver, o Options) http.Handler {
	p := presenter{r.Log}
	server := handler.New(Schema(r))
	for _, t := range transports(o.Authenticate) {
		server.AddTransport(t)
	}
	server.SetErrorPresenter(p.present)
	server.SetRecoverFunc(p.recovered)
	server.SetParserTokenLimit(parserTokens)
	server.SetQueryCache(lru.New[*ast.QueryDocument](cachedQueries))
	server.Use(extension.Introspection{})
	server.Use(extension.AutomaticPersistedQuery{Cache: lru.New[string](cachedQueries)})
	server.Use(limiter{o.Limits})
	server.AroundOperations(r.withLoaders)
	server.AroundOperations(o.impatient)
	server.AroundFields(o.Throttle.field)
	server.AroundFields(auditor{r}.field)
	return withLease(server)
}

// impatient: a person waits for a query or a mutation, a subscription goes on.
func (o Options) impatient(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
		return next(ctx)
	}
	return next(engine.Impatient(ctx, o.OrgAnswers))
}

// Schema is the executable schema on the resolvers of r.
func Schema(r *Resolver) graphql.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{
		Resolvers:  r,
		Directives: generated.DirectiveRoot{HasRole: hasRole},
	})
}

// transports are asked in this order: SSE is a POST too.
func transports(authenticate Authenticate) []graphql.Transport {
	limit := maxMessage
	return []graphql.Transport{
		transport.Websocket{
			Implementation:   gorilla{websocket.Upgrader{CheckOrigin: sameOrigin, EnableCompression: true}},
			InitFunc:         authenticate.greet,
			InitTimeout:      initTimeout,
			PingPongInterval: pingInterval,
			PayloadReadLimit: &limit,
		},
		transport.Options{},
		transport.SSE{KeepAlivePingInterval: pingInterval},
		transport.GET{},
		transport.POST{},
	}
}

// sameOrigin lets programs in, which send no Origin, and our own pages. The
// token does not travel in a cookie, so this is a second lock, not the first.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}
