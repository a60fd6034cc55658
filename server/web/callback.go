package web

import (
	"html/template"
	"net/http"

	"github.com/holdfast-backup/holdfast/engine"
)

// CallbackPath is where Salesforce sends a browser back to when its user has
// granted access, or has not. It is the callback URL of the connected app.
const CallbackPath = "/oauth/callback"

var callbackPage = template.Must(template.New("callback").Parse(`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Holdfast</title>
    <link rel="icon" href="data:," />
  </head>
  <body>
    <h1>{{.Title}}</h1>
    <p>{{.Text}}</p>
    <p><a href="/">To Holdfast</a></p>
  </body>
</html>
`))

type callbackText struct{ Title, Text string }

// callback ends the web-server flow. The state in the address is its only
// proof: whoever holds it began the flow a few minutes ago.
func (s Site) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	org, err := s.Complete(r.Context(), query.Get("state"), query.Get("code"), query.Get("error"))
	status, text := http.StatusOK, callbackText{Title: "The org is connected."}
	if err != nil {
		status, text = http.StatusBadRequest, s.explain(r, err)
	} else {
		text.Text = "Holdfast can now back up “" + org.Name + "”. You can close this page."
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = callbackPage.Execute(w, text)
}

func (s Site) explain(r *http.Request, err error) callbackText {
	const title = "The org is not connected."
	if e, ok := engine.AsError(err); ok && e.Kind != engine.KindInternal && e.Message != "" {
		return callbackText{title, e.Message}
	}
	s.Log.ErrorContext(r.Context(), "cannot complete a connection", "error", err)
	return callbackText{title, "Something failed on our side; the server's log says more. Start connecting the org again."}
}
