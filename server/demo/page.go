package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
)

// Page is a Salesforce record page in the browser, with Time Machine on it: what
// lwc/CONTRACT.md calls the harness around the component. Each person's requests
// reach the org as theirs; backups and job history are asked of Holdfast.
type Page struct {
	// Files is what `npm run harness:build` made.
	Files fs.FS
	// Apex answers the controller's methods.
	Apex http.Handler
	// People may be chosen on the page; the first is the default.
	People []Person
	// Records are ids of records to choose from; the first is opened.
	Records []string
	Org     Credentials
	API     *API
	OrgID   string // in Holdfast
}

// Person is a user of the org.
type Person struct{ Username, Name, Password string }

const maxForm = 1 << 20

// Handler serves the page.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /apex/", p.asSomebody(p.Apex))
	for route, handle := range map[string]func(*http.Request) (any, error){
		"GET /harness/users":         p.users,
		"GET /harness/records":       p.records,
		"GET /harness/record/{id}":   p.record,
		"PATCH /harness/record/{id}": p.edit,
		"POST /harness/backup":       p.backup,
		"GET /harness/jobs":          p.jobs,
	} {
		mux.Handle(route, p.asSomebody(answering(handle)))
	}
	mux.HandleFunc("GET /harness/jobs/{id}/log", p.log)
	mux.Handle("GET /", p.static())
	return mux
}

// static serves the built files under the policy that Lightning's pages have;
// the event stream of a restore is the server's.
func (p *Page) static() http.Handler {
	policy := "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' " + p.API.URL
	files := http.FileServerFS(p.Files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
}

const userHeader = "X-Harness-User"

// asSomebody lets the first person act where none is named, and refuses a
// person who may not be chosen.
func (p *Page) asSomebody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set(userHeader, cmp.Or(r.Header.Get(userHeader), p.People[0].Username))
		if _, err := p.person(r); err != nil {
			say(w, http.StatusUnauthorized, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Page) person(r *http.Request) (Person, error) {
	for _, person := range p.People {
		if person.Username == r.Header.Get(userHeader) {
			return person, nil
		}
	}
	return Person{}, fmt.Errorf("nobody here is called %q", r.Header.Get(userHeader))
}

// session is the person's own in the org, as if they had just signed in.
func (p *Page) session(r *http.Request) (*Session, error) {
	person, err := p.person(r)
	if err != nil {
		return nil, err
	}
	return LogInAs(r.Context(), p.Org, person.Username, person.Password)
}

func answering(handle func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		got, err := handle(r)
		if err != nil {
			say(w, http.StatusBadRequest, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(got)
	})
}

// say tells a failure: the org's own sentence where it refused.
func say(w http.ResponseWriter, status int, err error) {
	message := err.Error()
	var refused *orgError
	if errors.As(err, &refused) {
		message = refused.sentence()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func (p *Page) users(*http.Request) (any, error) {
	list := []map[string]string{}
	for _, person := range p.People {
		list = append(list, map[string]string{"id": person.Username, "name": person.Name})
	}
	return map[string]any{"users": list}, nil
}

func (p *Page) backup(r *http.Request) (any, error) {
	_, err := p.API.Backup(r.Context(), p.OrgID, "From the page")
	return struct{}{}, err
}

// shownJobs are how many jobs the history shows.
const shownJobs = 20

func (p *Page) jobs(r *http.Request) (any, error) {
	var answer struct {
		Org struct {
			Jobs struct {
				Edges []struct {
					Node struct {
						ID        string `json:"id"`
						Number    int64  `json:"number"`
						Name      string `json:"name"`
						Operation string `json:"operation"`
						State     string `json:"state"`
					}
				}
			}
		}
	}
	err := p.API.Do(r.Context(), `query($org: ID!, $first: Int!) { org(id: $org) { jobs(first: $first, orderBy: {field: NUMBER, direction: DESC}) {
		edges { node { id number name operation state } } } } }`,
		map[string]any{"org": p.OrgID, "first": shownJobs}, &answer)
	list := []any{}
	for _, edge := range answer.Org.Jobs.Edges {
		list = append(list, edge.Node)
	}
	return map[string]any{"jobs": list}, err
}

// log streams a job's log: an event a line, its number as the event's id, so that
// a browser that was cut off goes on after the last line it has. The event "end"
// follows the last line.
func (p *Page) log(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	stream := http.NewResponseController(w)
	if stream.Flush() != nil {
		return
	}
	err := p.API.follow(r.Context(), r.PathValue("id"), after, func(line LogLine) error {
		// A line break would end the event.
		text := strings.NewReplacer("\r", " ", "\n", " ").Replace(line.Text)
		if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", line.Seq, text); err != nil {
			return err
		}
		return stream.Flush()
	})
	if err == nil {
		_, _ = fmt.Fprint(w, "event: end\ndata: \n\n")
	}
}

// records are those of the list that the person may read, by their names.
func (p *Page) records(r *http.Request) (any, error) {
	session, err := p.session(r)
	if err != nil {
		return nil, err
	}
	list := []map[string]string{}
	for _, id := range p.Records {
		seen, err := session.view(r.Context(), id)
		if err != nil {
			continue // hidden from this person, or deleted
		}
		list = append(list, map[string]string{
			"objectName": seen.ObjectName, "objectLabel": seen.ObjectLabel, "recordId": seen.RecordID, "name": seen.Name,
		})
	}
	return map[string]any{"records": list}, r.Context().Err()
}

func (p *Page) record(r *http.Request) (any, error) {
	session, err := p.session(r)
	if err != nil {
		return nil, err
	}
	return session.view(r.Context(), r.PathValue("id"))
}

func (p *Page) edit(r *http.Request) (any, error) {
	var form struct{ Fields map[string]*string }
	if err := json.NewDecoder(r.Body).Decode(&form); err != nil {
		return nil, errors.New("the form could not be read")
	}
	session, err := p.session(r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, session.save(r.Context(), r.PathValue("id"), form.Fields)
}

// save writes a form: what was emptied becomes null.
func (s *Session) save(ctx context.Context, id string, form map[string]*string) error {
	object, err := s.objectOf(ctx, id)
	if err != nil {
		return err
	}
	fields := map[string]any{}
	for name, text := range form {
		fields[name] = nil
		if text != nil && *text != "" {
			fields[name] = *text
		}
	}
	_, err = s.call(ctx, http.MethodPatch, "/sobjects/"+object.Name+"/"+id, fields)
	return err
}
