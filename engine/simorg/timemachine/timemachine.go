// Package timemachine is a test double of Time Machine's Apex: what the classes
// in lwc/force-app/main/default/classes do inside a Salesforce org, done here
// inside a simulated one. It answers the page as lwc/CONTRACT.md's Part 2 says
// and asks a running Holdfast as its Part 1 says.
//
// It follows the Apex class by class, so that a reader can hold them side by
// side: Rights is TimeMachineRights, the sieve TimeMachineSieve, and so on. What
// it cannot show is whether the Apex compiles and behaves; that takes an org.
package timemachine

import (
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// Config is what an administrator sets up in the org, and the org itself.
type Config struct {
	Org *simorg.Org
	// Server is the named credential's address of Holdfast.
	Server string
	// Audience is the setting's; Key is the private key of the certificate that
	// the setting names. Without one of them the package is not set up.
	Audience string
	Key      *rsa.PrivateKey
	// Now is the org's clock.
	Now func() time.Time
	// Transport carries the callouts (http.DefaultTransport).
	Transport http.RoundTripper
}

// Twin answers POST /apex/TimeMachineController/{method} for the user that the
// header X-Harness-User names, by username.
type Twin struct {
	cfg    Config
	client *http.Client
}

// calloutTimeout is TimeMachineServer.TIMEOUT_MS.
const calloutTimeout = 30 * time.Second

// New makes a twin.
func New(cfg Config) *Twin {
	return &Twin{cfg: cfg, client: &http.Client{Transport: cfg.Transport, Timeout: calloutTimeout}}
}

// failure is what Apex throws as an AuraHandledException.
type failure struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Field   *string `json:"field"`
}

func (f *failure) Error() string { return f.Code + ": " + f.Message }

// parameters are a method's, as the page sends them.
type parameters struct {
	RecordID       string   `json:"recordId"`
	First          *int     `json:"first"`
	After          *string  `json:"after"`
	VersionIDs     []string `json:"versionIds"`
	Fields         []choice `json:"fields"`
	IdempotencyKey string   `json:"idempotencyKey"`
	JobID          string   `json:"jobId"`
	FileID         string   `json:"fileId"`
}

// choice is TimeMachineChoice.
type choice struct {
	Name      string  `json:"name"`
	VersionID string  `json:"versionId"`
	Seen      *string `json:"seen"`
}

// maxParameters bounds what the page may send: 6 MB, as Aura does.
const maxParameters = 6 << 20

// ServeHTTP calls a controller method as Lightning does.
func (t *Twin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, found := strings.CutPrefix(r.URL.Path, "/apex/TimeMachineController/")
	method := methods[name]
	if !found || method == nil || r.Method != http.MethodPost {
		answer(w, http.StatusNotFound, auraError{Message: "There is no such controller method.", Type: "aura.Exception"})
		return
	}
	running, err := t.cfg.Org.RunAs(r.Header.Get("X-Harness-User"))
	if err != nil {
		answer(w, http.StatusUnauthorized, auraError{Message: err.Error(), Type: "aura.InvalidSessionException"})
		return
	}
	var given parameters
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxParameters)).Decode(&given); err != nil {
		answer(w, http.StatusInternalServerError, auraError{Message: "The parameters could not be read.", Type: "aura.Exception"})
		return
	}
	id, valid := simorg.ReadID(given.RecordID)
	if !valid {
		answer(w, http.StatusInternalServerError, auraError{
			Message: "Value provided is invalid for action parameter 'recordId' of type 'Id'", Type: "System.TypeException",
		})
		return
	}
	given.RecordID = id
	result, refused := method(&invocation{Twin: t, user: running, r: r, given: given})
	if refused != nil {
		text, _ := json.Marshal(refused)
		answer(w, http.StatusInternalServerError, auraError{Message: string(text), Type: "System.AuraHandledException"})
		return
	}
	answer(w, http.StatusOK, result)
}

type auraError struct {
	Message string `json:"message"`
	Type    string `json:"exceptionType"`
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
