package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/gorilla/websocket"

	"github.com/holdfast-backup/holdfast/engine"
)

// Close codes of graphql-transport-ws for what its clients must not retry
// with the same token.
const (
	closeExpired = 4401
	closeRefused = 4403
)

// writeWait is how long a peer that does not read may hold up a resolver.
const writeWait = 10 * time.Second

// gorilla lets gqlgen speak through gorilla/websocket.
type gorilla struct{ upgrader websocket.Upgrader }

// Accept takes the connection over from HTTP.
func (g gorilla) Accept(w http.ResponseWriter, r *http.Request, options transport.WebsocketAcceptOptions) (transport.WebsocketConn, error) {
	upgrader := g.upgrader
	upgrader.Subprotocols = options.Subprotocols
	upgrader.Error = func(http.ResponseWriter, *http.Request, int, error) {} // gqlgen answers
	conn, err := upgrader.Upgrade(w, r, options.ResponseHeader)
	if err != nil {
		return nil, err
	}
	return &gorillaConn{Conn: conn, lease: leaseFrom(r.Context()), shutdown: r.Context().Done()}, nil
}

// gorillaConn is one connection. gqlgen never writes from two goroutines at once.
type gorillaConn struct {
	*websocket.Conn
	lease    *lease
	shutdown <-chan struct{} // closed when the server stops
}

// NextReader waits for the client's next message.
func (c *gorillaConn) NextReader() (int, io.Reader, error) {
	kind, r, err := c.Conn.NextReader()
	if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived) {
		err = transport.ErrWebsocketClosed
	}
	return kind, r, err
}

// WriteJSON sends a message, or fails when the peer does not take it.
func (c *gorillaConn) WriteJSON(v any) error {
	if err := c.SetWriteDeadline(soon()); err != nil {
		return err
	}
	return c.Conn.WriteJSON(v)
}

// WriteClose says why the connection ends. gqlgen calls it a normal closure,
// after which no client comes back, even when the token has expired or the
// server is restarting.
func (c *gorillaConn) WriteClose(code int, message string) error {
	if code == transport.WebsocketCloseNormalClosure {
		select {
		case <-c.shutdown:
			code, message = websocket.CloseGoingAway, "the server is stopping"
		default:
			if c.lease.over() {
				code, message = closeExpired, "the access token has expired"
			}
		}
	}
	return c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, message), soon())
}

// soon is by when a message must be written.
func soon() time.Time { return time.Now().Add(writeWait) } //nolint:forbidigo // sockets go by the machine's clock

// lease tells whether a connection's token is still good. It lies in the
// request's context from the start and is filled in when the token comes.
type lease struct{ ended func() error }

func (l *lease) over() bool { return l.ended != nil && errors.Is(l.ended(), context.DeadlineExceeded) }

type leaseKey struct{}

func withLease(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), leaseKey{}, &lease{})))
	})
}

func leaseFrom(ctx context.Context) *lease {
	if l, ok := ctx.Value(leaseKey{}).(*lease); ok {
		return l
	}
	return &lease{}
}

// Authenticate says on whose behalf an access token speaks, and until when.
type Authenticate func(ctx context.Context, token string) (engine.Viewer, time.Time, error)

// greet is gqlgen's InitFunc: it takes the token from connection_init and lets
// the connection live as long as the token.
func (authenticate Authenticate) greet(ctx context.Context, init transport.InitPayload) (context.Context, *transport.InitPayload, error) {
	token := strings.TrimSpace(strings.TrimPrefix(init.Authorization(), "Bearer "))
	if token == "" {
		return refuse(ctx, errors.New("send the access token in connection_init, as {\"Authorization\": \"Bearer …\"}"))
	}
	viewer, until, err := authenticate(ctx, token)
	if err != nil {
		return refuse(ctx, errors.New("the access token is not valid, or no longer"))
	}
	alive, cancel := context.WithDeadline(engine.WithViewer(ctx, viewer), until)
	context.AfterFunc(ctx, cancel)
	leaseFrom(ctx).ended = alive.Err
	return alive, nil, nil
}

// refuse closes with a code at which graphql-ws clients do not come back.
func refuse(ctx context.Context, err error) (context.Context, *transport.InitPayload, error) {
	ctx = transport.AppendCloseReason(ctx, "unauthenticated")
	return transport.WithWebsocketCloseCode(ctx, closeRefused), nil, err
}
